/*
 * spread: a flow that lasted N seconds becomes rows over the time it lasted, so that an exporter's active timeout draws no
 * spike in a chart.
 *
 * Time is cut on a grid of `step` seconds; each piece gets its share of the bytes and packets by the time it covers, and
 * the shares add up exactly (largest remainder). What comes out depends on the record, its datagram's times and `step`
 * alone, so reading the bus again yields the same rows. Any thread.
 */
#pragma once
#include "decode/plan.h"

enum { SPREAD_PIECES = 60 /* at most; a longer flow gets a coarser grid */ };

struct spread {
    uint32_t n;
    uint32_t time_s[SPREAD_PIECES];
    uint64_t weight[SPREAD_PIECES]; /* milliseconds in it */
};

/* Pieces of [start_ms, end_ms) on a grid of `step_s`, not 0; at least one, and just one of what is no span of time after 1970. */
void spread_cut(struct spread *s, uint64_t start_ms, uint64_t end_ms, uint32_t step_s);
/* The most pieces there can be, wherever the time lies on the grid. */
uint32_t spread_most(uint64_t start_ms, uint64_t end_ms, uint32_t step_s);
/* Shares of `total`, one for each piece, that add up to it. */
void spread_share(const struct spread *s, uint64_t total, uint64_t share[SPREAD_PIECES]);
/* Spreads the rows of a run that has just ended; their batch has room for all pieces. */
void spread_rows(struct plan_run *r);
