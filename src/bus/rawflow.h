/*
 * rawflow: a datagram as the protobuf message RawFlow, which Akvorado's inlet and outlet speak too (topic version 5).
 *
 * Fields 1 to 8 are common ground. 100 and up are ours and ignored by others: source port, receive time in nanoseconds,
 * and for ticks their second and notes.
 */
#pragma once
#include "bus/bus.h"

enum { RAWFLOW_VERSION = 5 };

void rawflow_put(struct buf *out, enum bus_kind kind, uint64_t second, const struct dgram *d);
/* kind, second and d of *rec; data is borrowed from `in`. False: not such a message. */
bool rawflow_get(struct str in, struct bus_record *rec);
