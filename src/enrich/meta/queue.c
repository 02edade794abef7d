/* A ring whose cells say whose turn it is: the writer of round k, its reader, the writer of round k + 1. */
#include "enrich/meta/queue.h"
#include "base/arena.h"
#include <stdlib.h>

struct cell {
    uint64_t turn;
    uint8_t item[];
};

static struct cell *cell_at(const struct meta_queue *q, uint64_t at)
{
    return (struct cell *)(void *)(q->cells + (at & (q->n - 1)) * q->stride);
}

void meta_queue_init(struct meta_queue *q, size_t item, uint64_t n)
{
    *q = (struct meta_queue){.item = item, .stride = (sizeof(struct cell) + item + 7) & ~(size_t)7, .n = n};
    q->cells = xcalloc(n, q->stride);
    for (uint64_t i = 0; i < n; i++)
        cell_at(q, i)->turn = i;
}

void meta_queue_fini(struct meta_queue *q)
{
    free(q->cells);
    *q = (struct meta_queue){0};
}

bool meta_queue_put(struct meta_queue *q, const void *item)
{
    uint64_t at = __atomic_load_n(&q->head, __ATOMIC_RELAXED);
    for (;;) {
        struct cell *c = cell_at(q, at);
        uint64_t turn = __atomic_load_n(&c->turn, __ATOMIC_ACQUIRE);
        if (turn == at) {
            if (!__atomic_compare_exchange_n(&q->head, &at, at + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                continue;
            memcpy(c->item, item, q->item);
            __atomic_store_n(&c->turn, at + 1, __ATOMIC_RELEASE);
            return true;
        }
        if (turn < at) { /* not read yet since the last round: full */
            __atomic_fetch_add(&q->lost, 1, __ATOMIC_RELAXED);
            return false;
        }
        at = __atomic_load_n(&q->head, __ATOMIC_RELAXED);
    }
}

bool meta_queue_get(struct meta_queue *q, void *item)
{
    struct cell *c = cell_at(q, q->tail);
    if (__atomic_load_n(&c->turn, __ATOMIC_ACQUIRE) != q->tail + 1)
        return false;
    memcpy(item, c->item, q->item);
    __atomic_store_n(&c->turn, q->tail + q->n, __ATOMIC_RELEASE);
    q->tail++;
    return true;
}
