/*
 * bench_fill: statements that make the flows of a network in the store, from the engine's own generator: 64 exporters, 2,000
 * interfaces, a million addresses and 60,000 AS by Zipf's law, over the curve of a day.
 *
 * A row follows from its number alone, so the rollup needs no look at the rows: it is made of the same numbers, added up
 * while they are still numbers.
 */
#pragma once
#include "base/buf.h"

struct bench_fill {
    uint64_t rows;
    uint32_t from, span_s; /* of all rows; their times rise with their numbers */
    uint32_t border;       /* the rollup ends here */
};

/* Rows [at, at + n) into flows, or into the finest rollup (and by views into the others). */
void bench_fill_flows(struct buf *sql, const struct bench_fill *f, uint64_t at, uint64_t n);
void bench_fill_rollup(struct buf *sql, const struct bench_fill *f, uint64_t at, uint64_t n);
