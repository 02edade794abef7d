/*
 * outlet_cut: where a partition's records are cut into slots, and slots gathered into minutes. A pure function of the
 * records from a minute's first one on and of the rule, so that reading again cuts at the same places.
 *
 * A slot ends before the first record whose second lies beyond its span (`slot_s` of receive time, aligned, never over a
 * minute's end), or after so many datagrams or bytes. A minute ends where a slot ends: before the first record of a later
 * minute, or after so many datagrams or bytes. A late record joins the open slot; only a tick that lies far back (a clock
 * that was set back) begins anew.
 */
#pragma once
#include "bus/bus.h"

struct cut_rule {
    uint32_t slot_s, slot_datagrams, minute_datagrams;
    uint64_t slot_bytes, minute_bytes;
    /* How far before its receipt a row's time may lie. It cuts nothing, but what is read again must get the same times. */
    uint32_t oldest_s;
    uint32_t spread_s; /* outlet.flow.spread: how many rows come of a record; 0: one */
};

struct cut {
    struct cut_rule rule;
    bool open;
    uint64_t slot_from, slot_to; /* seconds */
    uint64_t minute;             /* of the minute's first record */
    uint64_t slot_datagrams, slot_bytes, minute_datagrams, minute_bytes;
};

enum cut_here { CUT_NOT, CUT_SLOT, CUT_MINUTE };

/* Before the record: does a slot, or a minute with its first slot, begin with it? */
enum cut_here cut_before(const struct cut *c, const struct bus_record *r);
/* The record is taken in, at the beginning of what cut_before said. */
void cut_take(struct cut *c, enum cut_here here, const struct bus_record *r);

/* The rule for about `rows` rows in a block, slots of slot_s seconds and rows up to oldest_s old. */
struct cut_rule cut_rule_for(uint64_t rows, uint64_t slot_s, uint64_t oldest_s);
bool cut_rule_eq(const struct cut_rule *a, const struct cut_rule *b);
