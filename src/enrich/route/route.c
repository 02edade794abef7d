/*
 * Both addresses of a flow are looked up, all of a batch at once. Values go into candidate columns (RouteSrcAS ...), lists
 * directly into theirs where the flow has none of its own. Lists of one route are put into the batch's pool once.
 */
#include "enrich/route/route.h"
#include "base/arena.h"
#include "base/counters.h"
#include "enrich/route/rib_cache.h"
#include "enrich/route/station.h"
#include <stdlib.h>

enum { KNOWN = 256, NAMED = 256, LISTS = 512, EDGE_NAME = 0 /* ExporterName among edge_columns */ };

/* The router of an exporter, remembered for as long as the view is the same. */
struct known {
    struct ip exporter;
    uint32_t name, router; /* name: id of ExporterName */
    bool used;
};

/* The table of a name of a VRF, likewise. */
struct named {
    uint32_t router, name; /* name: id, 0: unused */
    uint16_t table;
};

/* Where the lists of a route are in the batch's pools. */
struct lists {
    const struct rib_attr *attr;
    struct span path, communities, large;
};

struct scratch {
    const struct route_view *view;
    uint64_t generation; /* of the view */
    uint32_t strings;
    struct known known[KNOWN];
    struct named named[NAMED];
    struct lists lists[LISTS];
    struct rib_ask ask[BATCH_ROWS];
    struct rib_answer answer[BATCH_ROWS];
    uint32_t router[BATCH_ROWS];
    uint64_t cut;
};

static void *scratch_new(void)
{
    return xcalloc(1, sizeof(struct scratch));
}

static void *cache_new(void)
{
    return rib_cache_new();
}

static void cache_free(void *cache)
{
    rib_cache_free(cache);
}

/* The answers to s->ask. */
static void find(struct scratch *s, const struct view *v, unsigned self, uint32_t n)
{
    rib_cache_find(v->cache[self], s->view->rib, s->ask, n, s->answer);
}

/* ---- who sent it, and of which VRF it is */

static uint32_t router_of(struct scratch *s, const struct view *v, struct ip exporter, uint32_t name)
{
    uint32_t h = route_hash(exporter) % KNOWN;
    struct known *k = &s->known[h];
    if (k->used && k->name == name && ip_eq(k->exporter, exporter))
        return k->router;
    uint32_t router = route_router_by_address(s->view, exporter);
    if (router == RIB_NO_ROUTER && name)
        router = route_router_by_name(s->view, intern_str(v->strings, name));
    *k = (struct known){exporter, name, router, true};
    return router;
}

static void find_routers(struct scratch *s, const struct batch *b, const struct view *v)
{
    const struct ip *exporter = b->col[COL_ExporterAddress];
    const uint32_t *edge = batch_live(b, COL_Edge) ? b->col[COL_Edge] : NULL;
    for (uint32_t i = 0; i < b->n; i++) {
        if (i && edge && edge[i] == edge[i - 1]) {
            s->router[i] = s->router[i - 1];
            continue;
        }
        uint32_t name = edge && v->edges ? v->edges->rows[edge[i]].v[EDGE_NAME] : 0;
        s->router[i] = router_of(s, v, exporter[i], name);
    }
}

static uint16_t table_by_name(struct scratch *s, const struct view *v, uint32_t router, uint32_t name)
{
    struct named *k = &s->named[(name ^ router * 31) % NAMED];
    if (router == RIB_NO_ROUTER || name == 0)
        return 0;
    if (k->name != name || k->router != router)
        *k = (struct named){router, name, route_table_by_name(s->view, router, intern_str(v->strings, name))};
    return k->table;
}

/* What of flows says which VRF they are of, on one side. */
struct vrf_columns {
    const uint32_t *id, *name; /* NULL: not known */
};

static struct vrf_columns vrf_columns(const struct batch *b, enum column id, enum column name)
{
    return (struct vrf_columns){batch_live(b, id) ? b->col[id] : NULL,
                                batch_live(b, name) ? b->col[name] : NULL};
}

static struct vrf_columns came_in(const struct batch *b)
{
    return vrf_columns(b, COL_IngressVRFID, COL_IngressVRFName);
}

static struct vrf_columns went_out(const struct batch *b)
{
    return vrf_columns(b, COL_EgressVRFID, COL_EgressVRFName);
}

/* The first number of the configuration that fits, else the router's own name; false when the flow says nothing. */
static bool table_of(struct scratch *s, const struct view *v, const struct batch *b, struct vrf_columns c,
                     uint32_t row, uint16_t *table)
{
    const struct ip *exporter = b->col[COL_ExporterAddress];
    uint32_t id = c.id ? c.id[row] : 0, name = c.name ? c.name[row] : 0;
    for (size_t i = 0; id && i < s->view->n_vrfs; i++) {
        const struct route_vrf *r = &s->view->vrfs[i];
        if (r->id != id || !prefix_contains(r->exporters, exporter[row]))
            continue;
        *table = r->table;
        return true;
    }
    *table = table_by_name(s, v, s->router[row], name);
    return id || name;
}

/* `first` is where the address is more likely to be: a packet's source where it came in, its destination where it goes. */
static void set_tables(struct scratch *s, const struct batch *b, const struct view *v,
                       struct vrf_columns first, struct vrf_columns second)
{
    if ((s->view->n_vrfs == 0 && s->view->n_named == 0) ||
        (!first.id && !first.name && !second.id && !second.name))
        return;
    for (uint32_t i = 0; i < b->n; i++)
        if (!table_of(s, v, b, first, i, &s->ask[i].table))
            table_of(s, v, b, second, i, &s->ask[i].table);
}

/* ---- filling */

static struct span copy32(struct scratch *s, struct batch *b, const uint32_t *from, uint32_t n)
{
    struct span at = {0};
    uint32_t *to = n ? batch_pool32(b, n, &at) : NULL;
    if (to)
        memcpy(to, from, n * sizeof *to);
    else
        s->cut += n > 0;
    return at;
}

/* As ClickHouse's UInt128: AS number, and two words of its own. */
static struct span copy_large(struct scratch *s, struct batch *b, const uint32_t *from, uint32_t n)
{
    struct span at = {0};
    struct u128 *to = n ? batch_pool128(b, n, &at) : NULL;
    for (uint32_t i = 0; to && i < n; i++, from += 3)
        to[i] = (struct u128){.lo = (uint64_t)from[1] << 32 | from[2], .hi = from[0]};
    s->cut += n > 0 && !to;
    return at;
}

/* What of lists is wanted, for one side. */
struct wanted {
    struct span *path, *communities, *large; /* NULL: the column is not stored */
};

static void fill_lists(struct scratch *s, struct batch *b, const struct wanted *w)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct rib_attr *a = s->answer[i].attr;
        if (!a || a->n_path + a->n_communities + a->n_large == 0)
            continue;
        struct lists *l = &s->lists[((uintptr_t)a >> 4) % LISTS];
        if (l->attr != a) {
            *l = (struct lists){.attr = a};
            l->path = w->path ? copy32(s, b, rib_path(a), a->n_path) : (struct span){0};
            l->communities =
                w->communities ? copy32(s, b, rib_communities(a), a->n_communities) : (struct span){0};
            l->large = w->large ? copy_large(s, b, rib_large(a), a->n_large) : (struct span){0};
        }
        if (w->path && w->path[i].n == 0)
            w->path[i] = l->path;
        if (w->communities && w->communities[i].n == 0)
            w->communities[i] = l->communities;
        if (w->large && w->large[i].n == 0)
            w->large[i] = l->large;
    }
}

static struct span *spans(const struct view *v, struct batch *b, enum column c)
{
    return v->schema->enabled[c] ? batch_col(b, c) : NULL;
}

static uint64_t fill_numbers(struct scratch *s, struct batch *b, uint32_t *as, uint8_t *mask)
{
    uint64_t failed = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct rib_answer *a = &s->answer[i];
        failed += a->attr == NULL;
        as[i] = a->attr ? a->attr->origin_as : 0;
        mask[i] = a->len;
    }
    return failed;
}

static void ask_all(struct scratch *s, const struct batch *b, const struct ip *address, const struct ip *hop)
{
    static const struct ip none;
    for (uint32_t i = 0; i < b->n; i++)
        s->ask[i] =
            (struct rib_ask){.address = address[i], .next_hop = hop ? hop[i] : none, .router = s->router[i]};
}

static uint64_t fill_source(struct scratch *s, struct batch *b, struct view *v, unsigned self)
{
    ask_all(s, b, BATCH_IP(b, SrcAddr), NULL);
    set_tables(s, b, v, came_in(b), went_out(b));
    find(s, v, self, b->n);
    struct wanted w = {.communities = spans(v, b, COL_SrcCommunities),
                       .large = spans(v, b, COL_SrcLargeCommunities)};
    memset(s->lists, 0, sizeof s->lists);
    if (w.communities || w.large)
        fill_lists(s, b, &w);
    return fill_numbers(s, b, BATCH_U32(b, RouteSrcAS), BATCH_U8(b, RouteSrcMask));
}

static uint64_t fill_destination(struct scratch *s, struct batch *b, struct view *v, unsigned self)
{
    ask_all(s, b, BATCH_IP(b, DstAddr), batch_live(b, COL_NextHop) ? b->col[COL_NextHop] : NULL);
    set_tables(s, b, v, went_out(b), came_in(b));
    find(s, v, self, b->n);
    struct wanted w = {.path = spans(v, b, COL_DstASPath),
                       .communities = spans(v, b, COL_DstCommunities),
                       .large = spans(v, b, COL_DstLargeCommunities)};
    memset(s->lists, 0, sizeof s->lists);
    if (w.path || w.communities || w.large)
        fill_lists(s, b, &w);
    if (v->schema->enabled[COL_NextHop]) {
        struct ip *hop = BATCH_IP(b, RouteNextHop);
        for (uint32_t i = 0; i < b->n; i++)
            if (s->answer[i].attr)
                hop[i] = s->answer[i].attr->next_hop;
    }
    return fill_numbers(s, b, BATCH_U32(b, RouteDstAS), BATCH_U8(b, RouteDstMask));
}

static void fill(struct batch *b, struct view *v, unsigned self)
{
    const struct route_view *r = v->snapshot[self];
    struct scratch *s = v->scratch[self];
    if (!r)
        return;
    s->view = r;
    if (s->generation != r->generation ||
        s->strings != v->strings->generation) { /* routers came or went; ids of names are others */
        memset(s->known, 0, sizeof s->known);
        memset(s->named, 0, sizeof s->named);
        s->generation = r->generation;
        s->strings = v->strings->generation;
    }
    s->cut = 0;
    find_routers(s, b, v);
    uint64_t failed = fill_source(s, b, v, self) + fill_destination(s, b, v, self);
    v->missing[self] += failed;
    counter_add_shared(r->lookups, LOOKUPS, 2ull * b->n);
    counter_add_shared(r->lookups, LOOKUPS_FAILED, failed);
    if (s->cut)
        counter_add_shared(r->lookups, LOOKUPS_CUT, s->cut);
}

const struct source enrich_route = {.name = "route",
                                    .scope = SCOPE_FLOW,
                                    .scratch_new = scratch_new,
                                    .scratch_free = free,
                                    .cache_new = cache_new,
                                    .cache_free = cache_free,
                                    .fill = fill};
