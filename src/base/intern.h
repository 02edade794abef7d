/*
 * intern: strings as small numbers; what the batch, the block and the aggregates carry instead of text.
 *
 * One thread (each outlet worker has its own). Id 0 is the empty string. Ids are dense and stay valid until intern_reset,
 * which its owner calls between two blocks once the table is past its bound; `generation` then changes, so that caches
 * of ids know they are stale.
 */
#pragma once
#include "base/arena.h"

struct intern {
    struct arena text;
    struct str *strs; /* by id */
    uint32_t *slots;  /* open addressing: id + 1 */
    uint32_t n, room, mask;
    uint32_t generation;
};

void intern_init(struct intern *t);
void intern_fini(struct intern *t);
uint32_t intern(struct intern *t, struct str s);
void intern_reset(struct intern *t);

static inline struct str intern_str(const struct intern *t, uint32_t id)
{
    return t->strs[id];
}
