/*
 * pool: a stretch of address space handed out in units of 8 bytes, named by 32-bit numbers; memory of large tables that
 * one thread writes while others read.
 *
 * One writer. With `shared`, readers are threads of base/snapshot.h: what is freed rests until none of them can see it
 * (a grace period of QSBR, waited for by nobody), and the writer must be registered itself (snapshot_reader_on) while it
 * frees. Without it memory is reused at once. Names stay valid while the pool grows. Unit 0 is never handed out, so 0 can
 * mean none.
 */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { POOL_UNIT = 8, POOL_EXACT = 256, POOL_CLASSES = POOL_EXACT + 1 + 4 * 6, POOL_SLAB = 8192 };

struct pool {
    char *base;
    uint32_t next, committed, limit; /* units: first never used; usable; that may ever be */
    struct pool_slab *slabs;         /* by number: POOL_SLAB units each, with pieces of one size */
    uint32_t some[POOL_CLASSES];     /* lists of slabs with a free piece, by class */
    uint32_t spare;                  /* list of slabs that are empty */
    bool shared;
    uint64_t used;    /* bytes handed out */
    uint64_t resting; /* bytes freed that readers may still see */
    uint32_t n_slabs; /* in use, or in large pieces */
    void *mapped;
    struct pool_rest *filling, *oldest, **newest;
};

/* Address space for `limit` bytes (at most 32 GiB) of which only what is used costs memory. */
bool pool_init(struct pool *p, uint64_t limit, bool shared, struct err *e);
/* When no reader is left. */
void pool_fini(struct pool *p);

/* A piece of `units`, contents undefined; 0 when the pool is full. */
uint32_t pool_alloc(struct pool *p, uint32_t units);
void pool_free(struct pool *p, uint32_t at, uint32_t units);
/* Sends what was freed to its rest although it is little; for a writer that has nothing else to do. */
void pool_flush(struct pool *p);
/* Bytes of memory in use, those of pieces that rest or are free in a slab included. */
uint64_t pool_memory(const struct pool *p);

static inline void *pool_at(const struct pool *p, uint32_t at)
{
    return p->base + (size_t)at * POOL_UNIT;
}

static inline uint32_t pool_units(size_t len)
{
    return (uint32_t)((len + POOL_UNIT - 1) / POOL_UNIT);
}

/*
 * Of a pool whose pieces all have this size: the first place for one, and the one after a place; below pool->next. A piece
 * that is free has another number in its first four bytes and is as it was otherwise.
 */
static inline uint32_t pool_first(void)
{
    return POOL_SLAB;
}

static inline uint32_t pool_after(uint32_t at, uint32_t units)
{
    at += units;
    return at % POOL_SLAB + units <= POOL_SLAB ? at : (at / POOL_SLAB + 1) * POOL_SLAB;
}
