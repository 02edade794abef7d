/* Attributes are found by hash in a table of pool units; a removed entry's successors move up, so there are no tombstones. */
#include "base/arena.h"
#include "enrich/route/rib_own.h"
#include <stdlib.h>
#include <xxhash.h>

enum { SLOTS_AT_FIRST = 1024 };

static size_t words_of(const struct rib_attr *a)
{
    return (size_t)a->n_path + a->n_communities + 3u * a->n_large;
}

static uint32_t units_of(const struct rib_attr *a)
{
    return pool_units(sizeof *a + words_of(a) * sizeof(uint32_t));
}

void attrs_init(struct rib *r)
{
    r->attrs.mask = SLOTS_AT_FIRST - 1;
    r->attrs.slots = xcalloc(SLOTS_AT_FIRST, sizeof(uint32_t));
}

void attrs_fini(struct rib *r)
{
    free(r->attrs.slots);
}

static struct rib_attr *at(const struct rib *r, uint32_t unit)
{
    return pool_at(&r->pool, unit);
}

static void grow(struct rib *r)
{
    struct rib_attrs *t = &r->attrs;
    uint32_t *old = t->slots, mask = t->mask;
    t->mask = mask * 2 + 1;
    t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
    for (uint32_t i = 0; i <= mask; i++)
        if (old[i]) {
            uint32_t k = at(r, old[i])->hash & t->mask;
            while (t->slots[k])
                k = (k + 1) & t->mask;
            t->slots[k] = old[i];
        }
    free(old);
}

/* The header with everything but `refs` and `hash`, which do not count for being the same. */
static void header(struct rib_attr *a, const struct rib_attr_conf *c)
{
    memset(a, 0, sizeof *a); /* padding is compared too */
    a->next_hop = c->next_hop;
    a->local_pref = c->local_pref;
    a->med = c->med;
    a->origin_as = c->origin_as;
    a->neighbor_as = c->n_path ? c->path[0] : 0;
    a->n_path = (uint16_t)(c->n_path < RIB_PATH_MAX ? c->n_path : RIB_PATH_MAX);
    a->n_communities = (uint16_t)(c->n_communities < RIB_LIST_MAX ? c->n_communities : RIB_LIST_MAX);
    a->n_large = (uint16_t)(c->n_large < RIB_LIST_MAX ? c->n_large : RIB_LIST_MAX);
    a->path_len = c->path_len;
    a->origin = c->origin;
}

#define SAME_FROM offsetof(struct rib_attr, next_hop)

static bool same(const struct rib_attr *a, const struct rib_attr *h, const struct rib_attr_conf *c)
{
    return a->hash == h->hash &&
           memcmp((const char *)a + SAME_FROM, (const char *)h + SAME_FROM, sizeof *h - SAME_FROM) == 0 &&
           memcmp(rib_path(a), c->path, a->n_path * sizeof(uint32_t)) == 0 &&
           memcmp(rib_communities(a), c->communities, a->n_communities * sizeof(uint32_t)) == 0 &&
           memcmp(rib_large(a), c->large, 3 * a->n_large * sizeof(uint32_t)) == 0;
}

uint32_t rib_attr_take(struct rib *r, const struct rib_attr_conf *conf)
{
    static const uint32_t none[1];
    struct rib_attr_conf c = *conf;
    c.path = c.path ? c.path : none;
    c.communities = c.communities ? c.communities : none;
    c.large = c.large ? c.large : none;
    struct rib_attr h;
    header(&h, &c);
    uint64_t hash = XXH3_64bits((const char *)&h + SAME_FROM, sizeof h - SAME_FROM);
    hash = XXH3_64bits_withSeed(c.path, h.n_path * sizeof(uint32_t), hash);
    hash = XXH3_64bits_withSeed(c.communities, h.n_communities * sizeof(uint32_t), hash);
    h.hash = (uint32_t)XXH3_64bits_withSeed(c.large, 3 * h.n_large * sizeof(uint32_t), hash);
    struct rib_attrs *t = &r->attrs;
    uint32_t k = h.hash & t->mask;
    for (; t->slots[k]; k = (k + 1) & t->mask)
        if (same(at(r, t->slots[k]), &h, &c)) {
            at(r, t->slots[k])->refs++;
            return t->slots[k];
        }
    uint32_t unit = rib_is_full(r) ? 0 : pool_alloc(&r->pool, units_of(&h));
    if (!unit)
        return 0;
    struct rib_attr *a = at(r, unit);
    memcpy(a, &h, sizeof h);
    a->refs = 1;
    memcpy(a->words, c.path, h.n_path * sizeof(uint32_t));
    memcpy(a->words + h.n_path, c.communities, h.n_communities * sizeof(uint32_t));
    memcpy(a->words + h.n_path + h.n_communities, c.large, 3 * h.n_large * sizeof(uint32_t));
    t->slots[k] = unit;
    if (++t->n > t->mask / 4 * 3)
        grow(r);
    return unit;
}

void rib_attr_drop(struct rib *r, uint32_t attr)
{
    struct rib_attr *a = at(r, attr);
    if (--a->refs)
        return;
    struct rib_attrs *t = &r->attrs;
    uint32_t k = a->hash & t->mask;
    while (t->slots[k] != attr)
        k = (k + 1) & t->mask;
    t->slots[k] = 0;
    t->n--;
    for (uint32_t i = (k + 1) & t->mask; t->slots[i]; i = (i + 1) & t->mask) {
        uint32_t home = at(r, t->slots[i])->hash & t->mask;
        if (((i - home) & t->mask) >= ((i - k) & t->mask)) { /* it may stand at k as well */
            t->slots[k] = t->slots[i];
            t->slots[i] = 0;
            k = i;
        }
    }
    pool_free(&r->pool, attr, units_of(a));
}
