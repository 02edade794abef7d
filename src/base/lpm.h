/*
 * lpm: longest-prefix match: the value of the most specific prefix that covers an address.
 *
 * Keys are addresses of base/ip.h: 128 bits, IPv4 as ::ffff:a.b.c.d, for which there is a shorter way. A prefix such as
 * ::/0 covers IPv4 too. Values are 32-bit and not 0, which means none.
 *
 * One writer. Look-ups are any thread's when the pool is shared (base/pool.h), also while the writer works: they see
 * each change as a whole or not at all, and take no lock. A tree that is built first and only then shown to others does
 * with a pool that is not shared. Several trees may live in one pool. Cost, with a full Internet table: 14 bytes for a
 * prefix, three to four cache lines for an IPv4 look-up. One such look-up waits for each of them in turn; many at once
 * (lpm_find_many) wait together, LPM_ABREAST at a time, which makes them five to nine times as fast.
 */
#pragma once
#include "base/ip.h"
#include "base/pool.h"

enum { LPM_LEN_MAX = 128, LPM_ABREAST = 64 };

struct lpm {
    struct pool *pool;
    uint32_t *top4, *top6;     /* by the first 16 bits: trees of prefixes at least that long */
    uint32_t *shorter;         /* the trees of shorter ones: IPv4, IPv6 */
    uint32_t n, n_covering_v4; /* prefixes; those shorter than /96 that cover IPv4 */
};

struct lpm_hit {
    uint32_t value; /* 0: no prefix covers the address */
    uint8_t len;    /* of the prefix, 0-128; an IPv4 prefix of n bits has 96 + n */
};

void lpm_init(struct lpm *l, struct pool *pool);
/* Frees what is the tree's own; its nodes go with the pool. */
void lpm_fini(struct lpm *l);

/* Adds or replaces; host bits are ignored. False when the pool is full: nothing changed. */
bool lpm_set(struct lpm *l, struct prefix p, uint32_t value);
/* Of exactly this prefix; 0: none. */
uint32_t lpm_get(const struct lpm *l, struct prefix p);
/* Where its value is, for a writer that replaces it (one atomic store, not 0) before it changes the tree; NULL: not there. */
uint32_t *lpm_slot(const struct lpm *l, struct prefix p);
/* The value it had; 0: it was not there, or (never seen in practice) there was no room to rebuild a node. */
uint32_t lpm_remove(struct lpm *l, struct prefix p);

/* The most specific prefix of at most max_len bits that covers the address. */
struct lpm_hit lpm_find(const struct lpm *l, struct ip a, unsigned max_len);
/* lpm_find(l, a[i], LPM_LEN_MAX) for many at once: their cache misses overlap. */
void lpm_find_many(const struct lpm *l, const struct ip *a, size_t n, struct lpm_hit *out);

/* Every prefix once, in no useful order; for the writer, or a tree that nobody changes. */
typedef void lpm_each_fn(struct prefix p, uint32_t value, void *arg);
void lpm_each(const struct lpm *l, lpm_each_fn *fn, void *arg);
