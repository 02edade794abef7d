/* One place for each question, which the newest takes. Lines are fetched ahead; what is not there is asked for at once. */
#include "enrich/route/rib_cache.h"
#include "base/arena.h"
#include <stdalign.h>
#include <stdlib.h>

enum { PLACES = 1 << 16, AHEAD = 16 };

/* One line of the cache. */
struct known {
    alignas(64) struct ip address;
    struct ip next_hop;
    uint64_t version; /* 0: nothing here */
    const struct rib_attr *attr;
    uint32_t router;
    uint16_t table;
    uint8_t len;
};

struct rib_cache {
    struct known known[PLACES];
    uint32_t place[RIB_CACHE_ASK];
    /* what has to be looked up */
    uint16_t row[RIB_CACHE_ASK];
    uint64_t version[RIB_CACHE_ASK];
    struct rib_ask ask[RIB_CACHE_ASK];
    struct rib_answer answer[RIB_CACHE_ASK];
};

struct rib_cache *rib_cache_new(void)
{
    struct rib_cache *c = aligned_alloc(64, sizeof *c);
    if (!c)
        abort();
    memset(c, 0, sizeof *c);
    return c;
}

void rib_cache_free(struct rib_cache *c)
{
    free(c);
}

static inline uint32_t place_of(const struct rib_ask *q)
{
    uint64_t h = (q->address.q[0] * 0x9e3779b97f4a7c15u ^ q->address.q[1]) +
                 ((uint64_t)q->router << 32 | q->table) * 0xbf58476d1ce4e5b9u +
                 (q->next_hop.q[0] ^ q->next_hop.q[1]);
    return (uint32_t)((h ^ h >> 32) * 0x94d049bb133111ebu >> 48) % PLACES;
}

static inline bool is_known(const struct known *k, const struct rib *r, const struct rib_ask *q)
{
    return ip_eq(k->address, q->address) && k->router == q->router && k->table == q->table &&
           ip_eq(k->next_hop, q->next_hop) && k->version == rib_version(r, q->address);
}

static inline void fetch(struct rib_cache *c, const struct rib_ask *q, size_t i)
{
    c->place[i] = place_of(q);
    __builtin_prefetch(&c->known[c->place[i]]);
}

/* Versions are read before the look-up: what changes meanwhile makes the answer one that is not used again. */
static void ask(struct rib_cache *c, const struct rib *r, size_t n, struct rib_answer *out)
{
    for (size_t i = 0; i < n; i++)
        c->version[i] = rib_version(r, c->ask[i].address);
    rib_find(r, c->ask, n, c->answer);
    for (size_t i = 0; i < n; i++) {
        const struct rib_ask *q = &c->ask[i];
        out[c->row[i]] = c->answer[i];
        c->known[c->place[c->row[i]]] = (struct known){.address = q->address,
                                                       .next_hop = q->next_hop,
                                                       .version = c->version[i],
                                                       .attr = c->answer[i].attr,
                                                       .router = q->router,
                                                       .table = q->table,
                                                       .len = c->answer[i].len};
    }
}

void rib_cache_find(struct rib_cache *c, const struct rib *r, const struct rib_ask *q, size_t n,
                    struct rib_answer *out)
{
    size_t unknown = 0;
    for (size_t i = 0; i < n && i < AHEAD; i++)
        fetch(c, &q[i], i);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            fetch(c, &q[i + AHEAD], i + AHEAD);
        const struct known *k = &c->known[c->place[i]];
        if (is_known(k, r, &q[i])) {
            out[i] = (struct rib_answer){k->attr, k->len};
            continue;
        }
        c->row[unknown] = (uint16_t)i;
        c->ask[unknown++] = q[i];
    }
    if (unknown)
        ask(c, r, unknown, out);
}
