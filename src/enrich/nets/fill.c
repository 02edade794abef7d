/*
 * Column by column: all look-ups of a side first, so that their cache misses overlap, then each attribute that is in use. A
 * few addresses bring most of the traffic, so answers are kept: one line of the cache stands for the way through the tree.
 */
#include "enrich/nets/nets.h"
#include "enrich/nets/nettable.h"
#include <stdlib.h>

enum { PLACES = 1 << 16, AHEAD = 16 };

/* An address that was looked up, in a place of its own which the newest takes. */
struct known {
    struct ip address;
    uint64_t serial; /* of the table; 0: nothing here */
    uint32_t value;
};

struct cache {
    struct known known[PLACES];
    uint32_t place[BATCH_ROWS];
    /* what has to be looked up */
    uint16_t row[BATCH_ROWS];
    struct ip address[BATCH_ROWS];
    struct lpm_hit hits[BATCH_ROWS];
};

struct scratch {
    uint64_t serial;     /* of the table whose strings `ids` are for */
    uint32_t generation; /* of the worker's strings */
    uint32_t *ids;       /* by the table's id: the worker's + 1; 0: not yet */
    uint32_t n, room;
    uint32_t value[BATCH_ROWS]; /* of the addresses of a side */
    const struct net_attrs *at[BATCH_ROWS];
};

static void *scratch_new(void)
{
    return xcalloc(1, sizeof(struct scratch));
}

static void *cache_new(void)
{
    return xcalloc(1, sizeof(struct cache));
}

static void scratch_free(void *p)
{
    struct scratch *s = p;
    free(s->ids);
    free(s);
}

/* Once for each table, and each time the worker's strings begin anew. */
static void forget(struct scratch *s, const struct nettable *t, const struct intern *strings)
{
    if (s->room < t->strings.n) {
        s->room = t->strings.n;
        s->ids = xrealloc(s->ids, s->room * sizeof *s->ids);
    }
    s->n = t->strings.n;
    memset(s->ids, 0, s->n * sizeof *s->ids);
    s->ids[0] = 1;
    s->serial = t->serial;
    s->generation = strings->generation;
}

static uint32_t id_of(struct scratch *s, const struct nettable *t, struct intern *strings, uint32_t id)
{
    if (!s->ids[id])
        s->ids[id] = intern(strings, intern_str(&t->strings, id)) + 1;
    return s->ids[id] - 1;
}

/* The columns of one side. */
struct side {
    enum column addr, country, as, text[NET_TEXTS];
};
#define SIDE(S)                                                                                              \
    {                                                                                                        \
        COL_##S##Addr, COL_##S##Country, COL_Net##S##AS,                                                     \
        {                                                                                                    \
            [NET_Name] = COL_##S##NetName, [NET_Role] = COL_##S##NetRole, [NET_Site] = COL_##S##NetSite,     \
            [NET_Region] = COL_##S##NetRegion, [NET_Tenant] = COL_##S##NetTenant,                            \
            [NET_City] = COL_##S##GeoCity, [NET_State] = COL_##S##GeoState                                   \
        }                                                                                                    \
    }
static const struct side sides[] = {SIDE(Src), SIDE(Dst)};

static inline void fetch(struct cache *c, struct ip a, uint32_t i)
{
    uint64_t h = a.q[0] * 0x9e3779b97f4a7c15u ^ a.q[1];
    c->place[i] = (uint32_t)((h ^ h >> 32) * 0x94d049bb133111ebu >> 48) % PLACES;
    __builtin_prefetch(&c->known[c->place[i]]);
}

/* Looks up `n` addresses of c->address, and keeps them. */
static void ask(struct cache *c, const struct nettable *t, uint32_t n, uint32_t *value)
{
    lpm_find_many(&t->lpm, c->address, n, c->hits);
    for (uint32_t i = 0; i < n; i++) {
        value[c->row[i]] = c->hits[i].value;
        c->known[c->place[c->row[i]]] = (struct known){c->address[i], t->serial, c->hits[i].value};
    }
}

static void find(struct cache *c, const struct nettable *t, const struct ip *a, uint32_t n, uint32_t *value)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < n && i < AHEAD; i++)
        fetch(c, a[i], i);
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            fetch(c, a[i + AHEAD], i + AHEAD);
        const struct known *k = &c->known[c->place[i]];
        if (ip_eq(k->address, a[i]) && k->serial == t->serial) {
            value[i] = k->value;
            continue;
        }
        c->row[unknown] = (uint16_t)i;
        c->address[unknown++] = a[i];
    }
    if (unknown)
        ask(c, t, unknown, value);
}

static uint32_t look_up(struct scratch *s, struct cache *c, const struct nettable *t, const struct ip *a,
                        uint32_t n)
{
    static const struct net_attrs nothing;
    uint32_t none = 0;
    find(c, t, a, n, s->value);
    for (uint32_t i = 0; i < n; i++) {
        s->at[i] = s->value[i] ? &t->attrs[s->value[i] - 1] : &nothing;
        __builtin_prefetch(s->at[i]);
        none += s->value[i] == 0;
    }
    return none;
}

static void fill_side(struct batch *b, struct view *v, struct scratch *s, const struct nettable *t,
                      const struct side *side)
{
    for (unsigned k = 0; k < NET_TEXTS; k++) {
        if (!(t->used >> k & 1) || !schema_stored(v->schema, side->text[k]))
            continue;
        uint32_t *out = batch_col(b, side->text[k]);
        for (uint32_t i = 0; i < b->n; i++)
            out[i] = id_of(s, t, v->strings, s->at[i]->text[k]);
    }
    if (t->used & NET_HAS_COUNTRY && schema_stored(v->schema, side->country)) {
        char(*out)[2] = batch_col(b, side->country);
        for (uint32_t i = 0; i < b->n; i++)
            memcpy(out[i], s->at[i]->country, 2);
    }
    if (t->used & NET_HAS_ASN) {
        uint32_t *out = batch_col(b, side->as);
        for (uint32_t i = 0; i < b->n; i++)
            out[i] = s->at[i]->asn;
    }
}

static void fill(struct batch *b, struct view *v, unsigned self)
{
    const struct nettable *t = v->snapshot[self];
    struct scratch *s = v->scratch[self];
    if (!t)
        return;
    if (s->serial != t->serial || s->generation != v->strings->generation || !s->ids)
        forget(s, t, v->strings);
    for (unsigned k = 0; k < 2; k++)
        if (batch_live(b, sides[k].addr)) {
            v->missing[self] += look_up(s, v->cache[self], t, b->col[sides[k].addr], b->n);
            fill_side(b, v, s, t, &sides[k]);
        }
}

const struct source enrich_nets = {.name = "nets",
                                   .scope = SCOPE_FLOW,
                                   .scratch_new = scratch_new,
                                   .scratch_free = scratch_free,
                                   .cache_new = cache_new,
                                   .cache_free = free,
                                   .fill = fill};
