/* Column arrays are allocated once; only the live ones are ever touched. */
#include "schema/batch.h"
#include "base/arena.h"
#include <stdlib.h>

struct batch *batch_new(void)
{
    struct batch *b = xcalloc(1, sizeof *b);
    for (unsigned c = 0; c < COL_COUNT; c++) {
        size_t len = column_width((enum column)c) * BATCH_ROWS;
        if (len)
            b->col[c] = aligned_alloc(64, (len + 63) & ~(size_t)63);
    }
    b->pool32 = xcalloc(BATCH_POOL, sizeof *b->pool32);
    b->pool128 = xcalloc(BATCH_POOL, sizeof *b->pool128);
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    for (unsigned c = 0; c < COL_COUNT; c++)
        free(b->col[c]);
    free(b->pool32);
    free(b->pool128);
    free(b);
}

void batch_enliven(struct batch *b, enum column c)
{
    memset(b->col[c], 0, column_width(c) * BATCH_ROWS);
    b->live[c / 64] |= (uint64_t)1 << (c % 64);
}

uint32_t batch_copy_row(struct batch *b, uint32_t row)
{
    uint32_t to = b->n++;
    for (unsigned w = 0; w < sizeof b->live / sizeof *b->live; w++)
        for (uint64_t live = b->live[w]; live; live &= live - 1) {
            unsigned c = w * 64 + (unsigned)__builtin_ctzll(live);
            size_t width = column_width((enum column)c);
            memcpy((char *)b->col[c] + to * width, (char *)b->col[c] + row * width, width);
        }
    return to;
}

uint32_t *batch_pool32(struct batch *b, uint32_t n, struct span *at)
{
    if (n > BATCH_POOL - b->n32)
        return NULL;
    *at = (struct span){b->n32, n};
    b->n32 += n;
    return b->pool32 + at->at;
}

struct u128 *batch_pool128(struct batch *b, uint32_t n, struct span *at)
{
    if (n > BATCH_POOL - b->n128)
        return NULL;
    *at = (struct span){b->n128, n};
    b->n128 += n;
    return b->pool128 + at->at;
}
