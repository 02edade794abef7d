/*
 * Slabs of 64 KiB, each with pieces of one size: exact up to POOL_EXACT units, then four classes for each doubling. A slab
 * whose last piece came back serves any size, so that what grows from size to size (the routes of a prefix, a node's
 * children) leaves no holes behind. Larger pieces take whole slabs. What rests is gathered in batches, each with one
 * call_rcu, whose callback says no more than that the time has come: the pieces go back on the writer's own thread.
 */
#include "base/pool.h"
#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <urcu/urcu-qsbr.h>

enum {
    REST_PIECES = 1024,
    STEP = 2 << 20, /* also a huge page */
    HUGE_FROM = 16 << 20,
    RECLAIM_AT_ONCE = 4,
    PIECE_MAX = POOL_SLAB / 2, /* units; above, whole slabs */
    LARGE = 0xffff,            /* class of slabs in a large piece */
};

struct pool_slab {
    uint16_t class_, used;  /* pieces handed out */
    uint16_t never;         /* units from here on were never handed out */
    uint16_t free;          /* list of free pieces, by unit in the slab + 1 */
    uint32_t before, after; /* in the list it is in; 0: none */
};

struct pool_rest {
    struct rcu_head head;
    struct pool_rest *next;
    int over; /* no reader can see them any more */
    uint32_t n;
    uint64_t len;
    struct {
        uint32_t at, units;
    } piece[REST_PIECES];
};

/* The class of a size up to PIECE_MAX, and that class's own size in *units. */
static unsigned class_of(uint32_t *units)
{
    if (*units <= POOL_EXACT)
        return *units;
    unsigned top = 31u - (unsigned)__builtin_clz(*units - 1); /* 256 < units: top >= 8 */
    uint32_t quarter = 1u << (top - 2), over = (*units - 1 - (1u << top)) / quarter;
    *units = (1u << top) + (over + 1) * quarter;
    return POOL_EXACT + 1 + (top - 8) * 4 + over;
}

static uint64_t bytes_of(uint32_t units)
{
    if (units <= PIECE_MAX)
        class_of(&units);
    else
        units = (units + POOL_SLAB - 1) / POOL_SLAB * POOL_SLAB;
    return (uint64_t)units * POOL_UNIT;
}

bool pool_init(struct pool *p, uint64_t limit, bool shared, struct err *e)
{
    *p = (struct pool){.shared = shared, .next = POOL_SLAB};
    uint64_t most = (uint64_t)UINT32_MAX * POOL_UNIT / STEP * STEP;
    limit = limit > most ? most : (limit + STEP - 1) / STEP * STEP;
    p->limit = (uint32_t)(limit / POOL_UNIT);
    p->newest = &p->oldest;
    p->mapped = mmap(NULL, limit + STEP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->mapped == MAP_FAILED)
        return err_errno(e, "cannot reserve %llu MiB of addresses", (unsigned long long)(limit >> 20));
    p->base = (char *)(((uintptr_t)p->mapped + STEP - 1) / STEP * STEP);
    p->slabs = xcalloc(limit / POOL_UNIT / POOL_SLAB + 1, sizeof *p->slabs);
    return true;
}

void pool_fini(struct pool *p)
{
    if (!p->slabs)
        return;
    if (p->shared)
        urcu_qsbr_barrier();
    while (p->oldest) {
        struct pool_rest *r = p->oldest;
        p->oldest = r->next;
        free(r);
    }
    free(p->filling);
    free(p->slabs);
    munmap(p->mapped, (size_t)p->limit * POOL_UNIT + STEP);
    *p = (struct pool){0};
}

/* Tables that large are looked into at random: huge pages save most of what address translation costs. */
static bool commit(struct pool *p, uint32_t until)
{
    while (p->committed < until) {
        size_t at = (size_t)p->committed * POOL_UNIT;
        if (p->committed >= p->limit || mprotect(p->base + at, STEP, PROT_READ | PROT_WRITE) != 0)
            return false;
        if (at >= HUGE_FROM)
            madvise(p->base + at, STEP, MADV_HUGEPAGE);
        p->committed += STEP / POOL_UNIT;
    }
    return true;
}

/* ---- slabs */

static void list_add(struct pool *p, uint32_t *head, uint32_t slab)
{
    p->slabs[slab].before = 0;
    p->slabs[slab].after = *head;
    if (*head)
        p->slabs[*head].before = slab;
    *head = slab;
}

static void list_drop(struct pool *p, uint32_t *head, uint32_t slab)
{
    struct pool_slab *s = &p->slabs[slab];
    if (s->before)
        p->slabs[s->before].after = s->after;
    else
        *head = s->after;
    if (s->after)
        p->slabs[s->after].before = s->before;
}

/* `n` slabs side by side that were never used; 0 when there are none. */
static uint32_t slabs_new(struct pool *p, uint32_t n)
{
    uint64_t end = (uint64_t)p->next + (uint64_t)n * POOL_SLAB;
    if (end > p->limit || !commit(p, (uint32_t)end))
        return 0;
    uint32_t slab = p->next / POOL_SLAB;
    __atomic_store_n(&p->next, (uint32_t)end, __ATOMIC_RELEASE);
    p->n_slabs += n;
    return slab;
}

static uint32_t slab_new(struct pool *p, unsigned class_)
{
    uint32_t slab = p->spare;
    if (slab) {
        list_drop(p, &p->spare, slab);
        p->n_slabs++;
    } else if (!(slab = slabs_new(p, 1))) {
        return 0;
    }
    p->slabs[slab] = (struct pool_slab){.class_ = (uint16_t)class_};
    list_add(p, &p->some[class_], slab);
    return slab;
}

static bool slab_full(const struct pool_slab *s, uint32_t units)
{
    return !s->free && s->never + units > POOL_SLAB;
}

static uint32_t piece_new(struct pool *p, uint32_t units)
{
    unsigned c = class_of(&units);
    uint32_t slab = p->some[c] ? p->some[c] : slab_new(p, c);
    if (!slab)
        return 0;
    struct pool_slab *s = &p->slabs[slab];
    uint32_t at = slab * POOL_SLAB;
    if (s->free) {
        at += s->free - 1u;
        s->free = *(const uint16_t *)pool_at(p, at);
    } else {
        at += s->never;
        s->never = (uint16_t)(s->never + units);
    }
    s->used++;
    if (slab_full(s, units))
        list_drop(p, &p->some[c], slab);
    return at;
}

static void piece_back(struct pool *p, uint32_t at, uint32_t units)
{
    unsigned c = class_of(&units);
    uint32_t slab = at / POOL_SLAB;
    struct pool_slab *s = &p->slabs[slab];
    if (slab_full(s, units))
        list_add(p, &p->some[c], slab);
    *(uint16_t *)pool_at(p, at) = s->free;
    s->free = (uint16_t)(at % POOL_SLAB + 1);
    if (--s->used)
        return;
    list_drop(p, &p->some[c], slab);
    list_add(p, &p->spare, slab);
    p->n_slabs--;
}

/* Large pieces: rare, so what comes back is split into slabs for others. */
static uint32_t large_new(struct pool *p, uint32_t units)
{
    uint32_t n = (units + POOL_SLAB - 1) / POOL_SLAB, slab = slabs_new(p, n);
    for (uint32_t i = 0; slab && i < n; i++)
        p->slabs[slab + i] = (struct pool_slab){.class_ = LARGE};
    return slab * POOL_SLAB;
}

static void large_back(struct pool *p, uint32_t at, uint32_t units)
{
    for (uint32_t n = (units + POOL_SLAB - 1) / POOL_SLAB, slab = at / POOL_SLAB; n; n--, slab++) {
        list_add(p, &p->spare, slab);
        p->n_slabs--;
    }
}

/* ---- pieces */

static void put_back(struct pool *p, uint32_t at, uint32_t units)
{
    if (units > PIECE_MAX)
        large_back(p, at, units);
    else
        piece_back(p, at, units);
}

/* A few batches at a time, so that no call takes long. */
static void reclaim(struct pool *p)
{
    for (int i = 0; i < RECLAIM_AT_ONCE; i++) {
        struct pool_rest *r = p->oldest;
        if (!r || !__atomic_load_n(&r->over, __ATOMIC_ACQUIRE))
            return;
        for (uint32_t k = 0; k < r->n; k++)
            put_back(p, r->piece[k].at, r->piece[k].units);
        p->resting -= r->len;
        p->oldest = r->next;
        if (!p->oldest)
            p->newest = &p->oldest;
        free(r);
    }
}

uint32_t pool_alloc(struct pool *p, uint32_t units)
{
    assert(units > 0);
    uint32_t at = units > PIECE_MAX ? large_new(p, units) : piece_new(p, units);
    if (at)
        p->used += bytes_of(units);
    return at;
}

static void over(struct rcu_head *head)
{
    struct pool_rest *r = (struct pool_rest *)(void *)((char *)head - offsetof(struct pool_rest, head));
    __atomic_store_n(&r->over, 1, __ATOMIC_RELEASE);
}

void pool_flush(struct pool *p)
{
    struct pool_rest *r = p->filling;
    if (r && r->n) {
        p->filling = NULL;
        *p->newest = r;
        p->newest = &r->next;
        urcu_qsbr_call_rcu(&r->head, over);
    }
    reclaim(p);
}

void pool_free(struct pool *p, uint32_t at, uint32_t units)
{
    uint64_t len = bytes_of(units);
    p->used -= len;
    if (!p->shared) {
        put_back(p, at, units);
        return;
    }
    if (!p->filling)
        p->filling = xcalloc(1, sizeof *p->filling);
    struct pool_rest *r = p->filling;
    r->piece[r->n].at = at;
    r->piece[r->n].units = units;
    r->len += len;
    p->resting += len;
    if (++r->n == REST_PIECES)
        pool_flush(p);
}

uint64_t pool_memory(const struct pool *p)
{
    uint64_t rests = 0;
    for (const struct pool_rest *r = p->oldest; r; r = r->next)
        rests += sizeof *r;
    return (uint64_t)p->n_slabs * POOL_SLAB * POOL_UNIT + rests;
}
