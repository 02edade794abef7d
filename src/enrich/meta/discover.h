/*
 * discover: who an SNMPv3 agent is (RFC 3414 4): an empty question that is answered by a report with the engine's id and
 * clock. net-snmp does this by itself, but waits for the answer; this is the same as two functions on bytes.
 */
#pragma once
#include "base/buf.h"

struct discover_engine {
    struct str id; /* in the packet */
    uint32_t boots, time_s;
};

void discover_question(struct buf *out, uint32_t msg_id);
/* False: not the answer to that question. */
bool discover_answer(struct str packet, uint32_t msg_id, struct discover_engine *e);
