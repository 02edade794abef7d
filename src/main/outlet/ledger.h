/*
 * outlet_ledger: what became of the records of one partition's minute, by exporter (UDP source) and minute of receipt.
 *
 * Rows are counted while decoding; how many of the flows were stored is known when all blocks of the minute are settled.
 * One thread. The number of exporters is bounded by what a minute's datagrams can hold.
 */
#pragma once
#include "base/ip.h"
#include "decode/decode.h"

enum { LEDGER_REFUSED = REASON_COUNT, LEDGER_RATE_LIMIT, LEDGER_CLASSIFIER, LEDGER_REASONS };

struct ledger_row {
    struct ip src;
    uint64_t minute;
    uint64_t datagrams, shed, kernel, lost;
    uint64_t flows; /* put into blocks */
    uint64_t rejected[LEDGER_REASONS];
};

struct ledger {
    struct ledger_row *rows;
    uint32_t *slots;
    uint32_t n, room, mask, last;
};

void ledger_init(struct ledger *l);
void ledger_fini(struct ledger *l);
/* Index of the row, made if need be. */
uint32_t ledger_row(struct ledger *l, struct ip src, uint64_t minute);
void ledger_count(struct ledger_row *r, const struct decode_stats *s);
/* The minute's rows as a Native block of table `ledger`; returns how many, 0: nothing to tell. */
uint32_t ledger_native(const struct ledger *l, struct buf *out);

/* Flows of a block, by ledger row: what to take back when the block is refused. */
struct tally {
    uint64_t *flows;
    uint32_t n;
};

void ledger_tally_add(struct tally *t, uint32_t row, uint64_t flows);
/* The block was refused for good: its flows were not stored after all. */
void ledger_refuse(struct ledger *l, const struct tally *t);
void ledger_tally_fini(struct tally *t);
