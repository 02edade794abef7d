/*
 * The routes of a prefix stand in one block, which is replaced as a whole when one of them changes: readers see the old
 * block or the new one. Blocks are in the order in which look-ups want them, so that these compare no attributes.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "enrich/route/rib_own.h"
#include <assert.h>
#include <stdlib.h>

bool rib_init(struct rib *r, uint64_t max_bytes, struct err *e)
{
    *r = (struct rib){0};
    /* prefixes are a small share: a quarter is more than they can need */
    if (!pool_init(&r->pool, max_bytes, true, e) || !pool_init(&r->prefixes, max_bytes / 4, true, e)) {
        pool_fini(&r->pool);
        return false;
    }
    lpm_init(&r->lpm, &r->pool);
    attrs_init(r);
    static uint64_t ribs;
    r->epoch = __atomic_add_fetch(&ribs, 1, __ATOMIC_RELAXED) << 48;
    r->regions = xcalloc(RIB_REGIONS, sizeof *r->regions);
    r->marks = xcalloc(RIB_SOURCES, sizeof *r->marks);
    r->sources = xcalloc(RIB_SOURCES, sizeof *r->sources);
    r->n_sources = 1;
    r->marks[0] = (struct rib_mark){.session = UINT8_MAX, .purge = 3}; /* of routes that are crossed out */
    r->tables.rd = xcalloc(RIB_TABLES, sizeof *r->tables.rd);
    r->tables.routes = xcalloc(RIB_TABLES, sizeof *r->tables.routes);
    r->tables.slots = xcalloc(2 * RIB_TABLES, sizeof *r->tables.slots);
    r->tables.n = 1; /* number 0: no RD */
    r->sweep_at = rib_prefix_first();
    return true;
}

void rib_fini(struct rib *r)
{
    lpm_fini(&r->lpm);
    attrs_fini(r);
    pool_fini(&r->pool);
    pool_fini(&r->prefixes);
    free(r->regions);
    free(r->marks);
    free(r->sources);
    free(r->tables.rd);
    free(r->tables.routes);
    free(r->tables.slots);
    *r = (struct rib){0};
}

struct rib_stats rib_stats(const struct rib *r)
{
    return (struct rib_stats){.routes = r->routes,
                              .prefixes = r->lpm.n,
                              .attributes = r->attrs.n,
                              .bytes = pool_memory(&r->pool) + pool_memory(&r->prefixes) +
                                       ((uint64_t)r->attrs.mask + 1) * sizeof(uint32_t)};
}

/* ---- versions */

/* One writer: no need to lock the bus. Before what has gone is freed, so that who sees the old version may still read it. */
static void count_change(uint64_t *n)
{
    __atomic_store_n(n, *n + 1, __ATOMIC_RELEASE);
}

/* Look-ups answer something else for addresses of this prefix. */
static void changed(struct rib *r, struct prefix p)
{
    bool v4 = p.len >= 96 && ip_is_v4(p.ip);
    count_change(p.len >= (v4 ? 96 + 16 : 32) ? &r->regions[rib_region(p.ip)] : &r->epoch);
}

/* ---- sources */

uint32_t rib_source_new(struct rib *r, uint32_t router, enum rib_kind kind)
{
    uint32_t s = 1;
    while (s < r->n_sources && r->sources[s].used)
        s++;
    if (s == RIB_SOURCES)
        return 0;
    r->n_sources = s == r->n_sources ? s + 1 : r->n_sources;
    r->sources[s] = (struct rib_source){.used = true, .kind = kind};
    r->marks[s] = (struct rib_mark){.router = router};
    return s;
}

void rib_source_free(struct rib *r, uint32_t source)
{
    assert(r->sources[source].routes == 0);
    r->sources[source].used = false;
}

void rib_source_begin(struct rib *r, uint32_t source)
{
    struct rib_source *s = &r->sources[source];
    if (s->current == 0)
        return; /* none carries this number, so it can go on */
    s->current = 0;
    __atomic_store_n(&r->marks[source].session, (uint8_t)(r->marks[source].session + 1), __ATOMIC_RELAXED);
    count_change(&r->epoch);
}

static void purge_done(struct rib *r, uint32_t source)
{
    const struct rib_source *s = &r->sources[source];
    if (s->routes != s->current || !r->marks[source].purge)
        return;
    __atomic_store_n(&r->marks[source].purge, 0, __ATOMIC_RELAXED);
    if (--r->purging == 0)
        r->sweep_left = 0;
}

void rib_source_purge(struct rib *r, uint32_t source, unsigned families)
{
    const struct rib_source *s = &r->sources[source];
    struct rib_mark *m = &r->marks[source];
    if (s->routes == s->current)
        return;
    r->purging += m->purge == 0;
    __atomic_store_n(&m->purge, (uint8_t)(m->purge | families), __ATOMIC_RELAXED);
    count_change(&r->epoch);
    r->sweep_left = r->prefixes.next / RIB_PREFIX_UNITS + 1; /* places, at most */
}

/* ---- tables */

static uint32_t table_slot(const struct rib_tables *t, uint64_t rd)
{
    uint32_t k = (uint32_t)(rd * 0x9e3779b97f4a7c15u >> 47);
    while (t->slots[k] && t->rd[t->slots[k]] != rd)
        k = (k + 1) % (2 * RIB_TABLES);
    return k;
}

/* The numbers anew, after one was taken from its RD. Rare: only when all 65,535 are in use. */
static void tables_hash(struct rib_tables *t)
{
    memset(t->slots, 0, 2 * RIB_TABLES * sizeof *t->slots);
    for (uint32_t i = 1; i < t->n; i++)
        t->slots[table_slot(t, t->rd[i])] = (uint16_t)i;
}

static bool table_new(struct rib_tables *t, uint64_t rd, uint32_t *number)
{
    *number = 1;
    if (t->n < RIB_TABLES) {
        *number = t->n++;
        t->rd[*number] = rd;
        t->slots[table_slot(t, rd)] = (uint16_t)*number;
        return true;
    }
    while (*number < RIB_TABLES && t->routes[*number])
        ++*number;
    if (*number == RIB_TABLES)
        return false;
    t->rd[*number] = rd;
    tables_hash(t);
    return true;
}

bool rib_table(struct rib *r, uint64_t rd, bool keep, uint16_t *table)
{
    struct rib_tables *t = &r->tables;
    uint32_t number = rd ? t->slots[table_slot(t, rd)] : 0;
    if (rd && !number && !table_new(t, rd, &number))
        return false;
    t->routes[number] += keep;
    *table = (uint16_t)number;
    return true;
}

void rib_table_drop(struct rib *r, uint16_t table)
{
    r->tables.routes[table]--;
}

/* ---- order */

#define DIFFER(x, y)                                                                                         \
    do {                                                                                                     \
        if ((x) != (y))                                                                                      \
            return (x) < (y);                                                                                \
    } while (0)

/* RFC 4271 9.1.2.2, after the kind of RIB. All routes were chosen by somebody, so none is unreachable. */
static bool better(const struct rib *r, const struct rib_route *x, const struct rib_route *y)
{
    const struct rib_source *s = &r->sources[x->source & RIB_SOURCE_MASK];
    const struct rib_source *t = &r->sources[y->source & RIB_SOURCE_MASK];
    const struct rib_attr *a = rib_attr_at(r, x->attr), *b = rib_attr_at(r, y->attr);
    DIFFER(t->kind, s->kind);
    DIFFER(b->local_pref, a->local_pref);
    DIFFER(a->path_len, b->path_len);
    DIFFER(a->origin, b->origin);
    if (a->neighbor_as == b->neighbor_as)
        DIFFER(a->med, b->med);
    DIFFER(t->external, s->external);
    DIFFER(s->bgp_id, t->bgp_id);
    int order = memcmp(s->address.b, t->address.b, sizeof s->address.b);
    return order ? order < 0 : x->path_id < y->path_id;
}

/* ---- blocks */

static uint32_t block_units(uint32_t n)
{
    return pool_units(sizeof(struct rib_routes) + n * sizeof(struct rib_route));
}

static uint32_t block_new(struct rib *r, uint32_t n, uint32_t prefix)
{
    uint32_t at = pool_alloc(&r->pool, block_units(n));
    if (at)
        *(struct rib_routes *)pool_at(&r->pool, at) = (struct rib_routes){.n = n, .prefix = prefix};
    return at;
}

static struct rib_routes *block_at(const struct rib *r, uint32_t at)
{
    return pool_at(&r->pool, at);
}

static void block_free(struct rib *r, uint32_t at)
{
    pool_free(&r->pool, at, block_units(block_at(r, at)->n));
}

static struct rib_prefix *prefix_at(const struct rib *r, uint32_t at)
{
    return pool_at(&r->prefixes, at);
}

static struct prefix prefix_of(const struct rib_prefix *p)
{
    return (struct prefix){p->ip, p->len};
}

/* Where the source's route for this path is; b->n: nowhere. */
static uint32_t route_find(const struct rib_routes *b, uint32_t source, uint16_t table, uint32_t path_id)
{
    for (uint32_t i = table_begin(b, table); i < b->n && b->route[i].table == table; i++)
        if ((b->route[i].source & RIB_SOURCE_MASK) == source && b->route[i].path_id == path_id)
            return i;
    return b->n;
}

/* What stays of a block in the copy: not `gone`, and nothing that could only be crossed out. */
static bool stays(const struct rib_routes *b, uint32_t i, uint32_t gone)
{
    return i != gone && b->route[i].source != 0;
}

static uint32_t staying(const struct rib_routes *b, uint32_t gone)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++)
        n += stays(b, i, gone);
    return n;
}

/* The block without route `gone` (b->n: all stay) and with route `add` (NULL: none); 0 when there is no room. */
static uint32_t block_changed(struct rib *r, uint32_t prefix, const struct rib_routes *b, uint32_t gone,
                              const struct rib_route *add)
{
    uint32_t n = staying(b, gone) + (add != NULL), k = 0, i = 0;
    uint32_t at = block_new(r, n, prefix);
    if (!at)
        return 0;
    struct rib_routes *to = block_at(r, at);
    if (add) {
        for (uint32_t begin = table_begin(b, add->table); i < begin; i++)
            if (stays(b, i, gone))
                to->route[k++] = b->route[i];
        for (; i < b->n && b->route[i].table == add->table; i++) {
            if (!stays(b, i, gone))
                continue;
            if (better(r, add, &b->route[i]))
                break;
            to->route[k++] = b->route[i];
        }
        to->route[k++] = *add;
    }
    for (; i < b->n; i++)
        if (stays(b, i, gone))
            to->route[k++] = b->route[i];
    assert(k == n);
    return at;
}

/* ---- routes */

static void count_gone(struct rib *r, const struct rib_route *route)
{
    uint32_t source = route->source & RIB_SOURCE_MASK;
    struct rib_source *s = &r->sources[source];
    s->routes--;
    s->current -= route->source >> RIB_SOURCE_BITS == r->marks[source].session;
    r->tables.routes[route->table]--;
    r->routes--;
    rib_attr_drop(r, route->attr);
    purge_done(r, source);
}

static void count_come(struct rib *r, const struct rib_route *route)
{
    struct rib_source *s = &r->sources[route->source & RIB_SOURCE_MASK];
    s->routes++;
    s->current++;
    r->tables.routes[route->table]++;
    r->routes++;
    ((struct rib_attr *)pool_at(&r->pool, route->attr))->refs++;
}

/* Some room is kept for removing, which needs memory before it gives any back. */
bool rib_is_full(const struct rib *r)
{
    return r->pool.used + r->pool.resting > (uint64_t)r->pool.limit * POOL_UNIT / 64 * 63;
}

/* What look-ups find from now on. */
static void publish(struct rib *r, struct rib_prefix *rec, uint32_t *slot, uint32_t block)
{
    __atomic_store_n(slot, block, __ATOMIC_RELEASE);
    __atomic_store_n(&rec->routes, block, __ATOMIC_RELEASE);
    changed(r, prefix_of(rec));
}

static enum rib_did put_first(struct rib *r, struct prefix p, const struct rib_route *route)
{
    static const struct rib_routes empty;
    uint32_t at = pool_alloc(&r->prefixes, RIB_PREFIX_UNITS);
    if (!at)
        return RIB_REFUSED;
    struct rib_prefix *rec = prefix_at(r, at);
    *rec = (struct rib_prefix){.ip = ip_mask(p.ip, p.len), .len = p.len};
    uint32_t block = block_changed(r, at, &empty, 0, route);
    if (block && lpm_set(&r->lpm, p, block)) {
        __atomic_store_n(&rec->routes, block, __ATOMIC_RELEASE);
        changed(r, p);
        count_come(r, route);
        return RIB_ADDED;
    }
    if (block)
        block_free(r, block);
    pool_free(&r->prefixes, at, RIB_PREFIX_UNITS);
    return RIB_REFUSED;
}

enum rib_did rib_put(struct rib *r, uint32_t source, uint16_t table, struct prefix p, uint32_t path_id,
                     uint32_t attr)
{
    struct rib_route route = {.source = source | (uint32_t)r->marks[source].session << RIB_SOURCE_BITS,
                              .attr = attr,
                              .path_id = path_id,
                              .table = table,
                              .hop = hop_hash(rib_attr_at(r, attr)->next_hop)};
    if (rib_is_full(r))
        return RIB_REFUSED;
    uint32_t *slot = lpm_slot(&r->lpm, p);
    if (!slot)
        return put_first(r, p, &route);
    uint32_t old = *slot;
    const struct rib_routes *b = block_at(r, old);
    uint32_t was = route_find(b, source, table, path_id);
    if (was < b->n && b->route[was].attr == attr && b->route[was].source == route.source)
        return RIB_UPDATED;
    uint32_t block = block_changed(r, b->prefix, b, was, &route);
    if (!block)
        return RIB_REFUSED;
    publish(r, prefix_at(r, b->prefix), slot, block);
    count_come(r, &route);
    if (was < b->n)
        count_gone(r, &b->route[was]);
    enum rib_did did = was < b->n ? RIB_UPDATED : RIB_ADDED;
    block_free(r, old);
    return did;
}

/* Readers must not meet it again, and there is no memory for a block without it: it is crossed out. */
static void cross_out(struct rib *r, const struct rib_prefix *rec, struct rib_route *route)
{
    __atomic_store_n(&route->source, 0, __ATOMIC_RELEASE);
    changed(r, prefix_of(rec));
}

/* The last route of a prefix goes. False when there is no room to rebuild a node of the tree. */
static bool prefix_gone(struct rib *r, uint32_t at)
{
    struct rib_prefix *rec = prefix_at(r, at);
    uint32_t old = rec->routes;
    if (!lpm_remove(&r->lpm, prefix_of(rec)))
        return false;
    __atomic_store_n(&rec->routes, 0, __ATOMIC_RELEASE);
    changed(r, prefix_of(rec));
    block_free(r, old);
    pool_free(&r->prefixes, at, RIB_PREFIX_UNITS);
    return true;
}

static void route_gone(struct rib *r, uint32_t at, uint32_t i)
{
    struct rib_prefix *rec = prefix_at(r, at);
    uint32_t old = rec->routes, block;
    struct rib_routes *b = block_at(r, old);
    struct rib_route route = b->route[i];
    if (staying(b, i) == 0) {
        if (!prefix_gone(r, at))
            cross_out(r, rec, &b->route[i]);
    } else if ((block = block_changed(r, at, b, i, NULL))) {
        publish(r, rec, lpm_slot(&r->lpm, prefix_of(rec)), block);
        block_free(r, old);
    } else {
        cross_out(r, rec, &b->route[i]);
    }
    count_gone(r, &route);
}

bool rib_del(struct rib *r, uint32_t source, uint16_t table, struct prefix p, uint32_t path_id)
{
    const uint32_t *slot = lpm_slot(&r->lpm, p);
    const struct rib_routes *b = slot ? block_at(r, *slot) : NULL;
    uint32_t i = b ? route_find(b, source, table, path_id) : 0;
    if (!b || i == b->n)
        return false;
    route_gone(r, b->prefix, i);
    return true;
}

/* ---- removing what is called off */

static bool called_off(const struct rib *r, const struct rib_route *route, unsigned family)
{
    return route->source != 0 && !route_seen(r, route, family);
}

/* The block without its `n_gone` routes that are called off takes its place. False when there is no room. */
static bool sweep_block(struct rib *r, uint32_t at, uint32_t n_gone, unsigned family)
{
    struct rib_prefix *rec = prefix_at(r, at);
    uint32_t old = rec->routes, k = 0;
    const struct rib_routes *b = block_at(r, old);
    uint32_t left = staying(b, b->n) - n_gone;
    if (left == 0)
        return prefix_gone(r, at);
    uint32_t block = block_new(r, left, at);
    if (!block)
        return false;
    struct rib_routes *to = block_at(r, block);
    for (uint32_t i = 0; i < b->n; i++)
        if (stays(b, i, b->n) && !called_off(r, &b->route[i], family))
            to->route[k++] = b->route[i];
    assert(k == left);
    publish(r, rec, lpm_slot(&r->lpm, prefix_of(rec)), block);
    block_free(r, old);
    return true;
}

/* Routes of one prefix that went: all in one copy of its block, which has thousands where there are as many VRFs. */
static uint64_t sweep_prefix(struct rib *r, uint32_t at)
{
    const struct rib_prefix *rec = prefix_at(r, at);
    unsigned family = family_bit(rec);
    uint32_t n_gone = 0, old = rec->routes;
    struct rib_routes *b = old ? block_at(r, old) : NULL;
    for (uint32_t i = 0; b && i < b->n; i++)
        n_gone += called_off(r, &b->route[i], family);
    if (n_gone == 0)
        return 0;
    bool replaced = sweep_block(r, at, n_gone, family);
    for (uint32_t i = 0; i < b->n; i++) { /* the old block, which rests until this thread is quiet */
        struct rib_route route = b->route[i];
        if (!called_off(r, &route, family))
            continue;
        if (!replaced)
            cross_out(r, rec, &b->route[i]);
        count_gone(r, &route);
    }
    return n_gone;
}

uint64_t rib_sweep(struct rib *r, uint32_t n)
{
    uint64_t gone = 0;
    for (; n && r->sweep_left; n--) {
        r->sweep_left--;
        if (r->sweep_at >= r->prefixes.next)
            r->sweep_at = rib_prefix_first();
        if (r->sweep_at < r->prefixes.next)
            gone += sweep_prefix(r, r->sweep_at);
        r->sweep_at = rib_prefix_after(r->sweep_at);
    }
    return gone;
}

uint64_t rib_sweep_for(struct rib *r, uint64_t ns)
{
    enum { BETWEEN = 32 }; /* prefixes between two looks at the clock: some 10 us */
    uint64_t gone = 0, until = clock_mono_ns() + ns;
    do
        gone += rib_sweep(r, BETWEEN);
    while (rib_sweeping(r) && clock_mono_ns() < until);
    return gone;
}
