/*
 * batch: up to BATCH_ROWS decoded flows, one array per column; what decoders write and enrichment fills.
 *
 * One worker owns it and uses it again and again. A column that no decoder wrote since batch_reset is not "live": it
 * reads as zeros and costs nothing. batch_col makes a column live, zeroing it as a whole, so that a row which does not
 * set it holds 0. Strings are ids of the worker's intern table; arrays are spans of the batch's pools.
 */
#pragma once
#include "schema/column.h"
#include "base/ip.h"

enum { BATCH_ROWS = 1024, BATCH_POOL = 32 * BATCH_ROWS };

struct span {
    uint32_t at, n; /* items of the pool */
};

struct u128 {
    uint64_t lo, hi;
};

struct batch {
    uint32_t n; /* rows in use */
    uint64_t live[(COL_COUNT + 63) / 64];
    void *col[COL_COUNT];
    uint32_t *pool32;
    struct u128 *pool128;
    uint32_t n32, n128;
};

struct batch *batch_new(void);
void batch_free(struct batch *b);

static inline void batch_reset(struct batch *b)
{
    b->n = b->n32 = b->n128 = 0;
    memset(b->live, 0, sizeof b->live);
}

static inline bool batch_live(const struct batch *b, enum column c)
{
    return b->live[c / 64] >> (c % 64) & 1;
}

void batch_enliven(struct batch *b, enum column c);

/* The column's array, live from now on. */
static inline void *batch_col(struct batch *b, enum column c)
{
    if (!batch_live(b, c))
        batch_enliven(b, c);
    return b->col[c];
}

#define BATCH_U8(b, c) ((uint8_t *)batch_col((b), COL_##c))
#define BATCH_U16(b, c) ((uint16_t *)batch_col((b), COL_##c))
#define BATCH_U32(b, c) ((uint32_t *)batch_col((b), COL_##c))
#define BATCH_U64(b, c) ((uint64_t *)batch_col((b), COL_##c))
#define BATCH_IP(b, c) ((struct ip *)batch_col((b), COL_##c))
#define BATCH_SPAN(b, c) ((struct span *)batch_col((b), COL_##c))

/* Index of a new row that is a copy of `row`; the batch must have room. Arrays are shared. */
uint32_t batch_copy_row(struct batch *b, uint32_t row);

/* Room for `n` items in the pool, or NULL when the batch must be handed on first (or n can never fit). */
uint32_t *batch_pool32(struct batch *b, uint32_t n, struct span *at);
struct u128 *batch_pool128(struct batch *b, uint32_t n, struct span *at);

/*
 * Where decoders put flows. When the batch has no room for the next row, they call full(), which handles the rows and
 * resets the batch. Whoever owns the sink also takes what is left in the batch after the last datagram.
 */
struct batch_sink {
    struct batch *batch;
    void (*full)(struct batch_sink *sink);
};

/* Index of a new row, all of whose columns are zero. */
static inline uint32_t batch_row(struct batch_sink *s)
{
    if (s->batch->n == BATCH_ROWS)
        s->full(s);
    return s->batch->n++;
}
