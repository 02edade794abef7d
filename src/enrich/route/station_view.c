/* What others see of the station: the map from exporters to routers, and its state in words. */
#include "enrich/route/station_own.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANSWER_WITHIN_S = 5 };

struct view {
    struct route_view v;
    struct arena arena;
};

static void view_free(void *data)
{
    struct view *v = data;
    arena_fini(&v->arena);
    free(v);
}

static int by_name(const void *a, const void *b)
{
    const struct route_name *x = a, *y = b;
    size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = strncasecmp(x->name.p, y->name.p, n);
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static void add_address(struct route_router *slots, uint32_t n, struct ip address, uint32_t router)
{
    uint32_t k = route_hash(address) & (n - 1);
    while (slots[k].router && !ip_eq(slots[k].address, address))
        k = (k + 1) & (n - 1);
    if (!slots[k].router)
        slots[k] = (struct route_router){address, router};
}

/*
 * Addresses that sessions come from count before those that routers tell of, which two may claim; of two from one address
 * who is there before who was (a router that got another name).
 */
static void add_addresses(const struct routers *rs, struct route_router *slots, uint32_t n)
{
    for (int there = 1; there >= 0; there--)
        for (uint32_t i = 1; i < rs->n_routers; i++)
            if (rs->router[i].used && rs->router[i].active == there)
                add_address(slots, n, rs->router[i].address, i);
    for (int there = 1; there >= 0; there--)
        for (uint32_t i = 1; i < rs->n_routers; i++)
            for (unsigned k = 0; rs->router[i].active == there && k < rs->router[i].n_own; k++)
                add_address(slots, n, rs->router[i].own[k], i);
}

static void add_routers(struct station *s, struct view *v)
{
    const struct routers *rs = &s->routers;
    uint32_t n = 16, total = 0;
    for (uint32_t i = 1; i < rs->n_routers; i++)
        total += rs->router[i].used ? 1 + rs->router[i].n_own : 0;
    while (n < 2 * total)
        n *= 2;
    struct route_router *slots = arena_array(&v->arena, n, sizeof *slots);
    struct route_name *names = arena_array(&v->arena, rs->n_routers, sizeof *names);
    for (uint32_t i = 1; i < rs->n_routers; i++) {
        const struct router *r = &rs->router[i];
        if (!r->used)
            continue;
        if (r->name[0])
            names[v->v.n_names++] = (struct route_name){arena_str(&v->arena, str_from(r->name)), i};
    }
    add_addresses(rs, slots, n);
    qsort(names, v->v.n_names, sizeof *names, by_name);
    v->v.router = slots;
    v->v.n_slots = n;
    v->v.names = names;
}

static int by_vrf_name(const void *a, const void *b)
{
    const struct route_named_vrf *x = a, *y = b;
    size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.p, y->name.p, n);
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static void add_vrfs(struct station *s, struct view *v)
{
    const struct routers *rs = &s->routers;
    struct route_named_vrf *named = arena_array(&v->arena, rs->n_vrfs + 1, sizeof *named);
    uint32_t *from = arena_array(&v->arena, rs->n_routers + 1, sizeof *from), n = 0;
    for (uint32_t i = 1; i < rs->n_routers; i++) {
        const struct router *r = &rs->router[i];
        from[i] = n;
        for (unsigned k = 0; k < r->n_vrfs; k++)
            named[n++] =
                (struct route_named_vrf){arena_str(&v->arena, str_from(r->vrfs[k].name)), r->vrfs[k].table};
        qsort(named + from[i], r->n_vrfs, sizeof *named, by_vrf_name);
    }
    from[rs->n_routers] = n;
    v->v.vrfs_from = from;
    v->v.named = named;
    v->v.n_named = n;
}

void station_publish(struct station *s)
{
    struct view *v = xcalloc(1, sizeof *v);
    arena_init(&v->arena);
    v->v = (struct route_view){.rib = &s->rib,
                               .vrfs = s->vrfs,
                               .n_vrfs = s->n_vrfs,
                               .lookups = s->lookups,
                               .generation = ++s->generation};
    add_routers(s, v);
    add_vrfs(s, v);
    snapshot_publish(s->view, v, view_free);
    s->routers.changed = false;
}

uint32_t route_router_by_address(const struct route_view *v, struct ip address)
{
    uint32_t k = route_hash(address) & (v->n_slots - 1);
    for (; v->router[k].router; k = (k + 1) & (v->n_slots - 1))
        if (ip_eq(v->router[k].address, address))
            return v->router[k].router;
    return RIB_NO_ROUTER;
}

uint32_t route_router_by_name(const struct route_view *v, struct str name)
{
    const struct route_name key = {.name = name};
    const struct route_name *n =
        name.len ? bsearch(&key, v->names, v->n_names, sizeof *v->names, by_name) : NULL;
    return n ? n->router : RIB_NO_ROUTER;
}

uint16_t route_table_by_name(const struct route_view *v, uint32_t router, struct str name)
{
    const struct route_named_vrf key = {.name = name}, *n;
    uint32_t from = v->vrfs_from[router], to = v->vrfs_from[router + 1];
    n = from < to ? bsearch(&key, v->named + from, to - from, sizeof *v->named, by_vrf_name) : NULL;
    return n ? n->table : 0;
}

/* ---- in words */

static void json_text(struct buf *out, const char *z)
{
    buf_u8(out, '"');
    for (; *z; z++)
        if (*z == '"' || *z == '\\' || (unsigned char)*z < 0x20)
            buf_printf(out, "\\u%04x", (unsigned char)*z);
        else
            buf_u8(out, (uint8_t)*z);
    buf_u8(out, '"');
}

static void describe_source(const struct station *s, uint32_t source, bool first, struct buf *out)
{
    static const char *const kinds[] = {"adj-rib-out", "adj-rib-in-pre", "adj-rib-in-post", "loc-rib"};
    static const char *const classes[] = {"unicast", "labelled", "vpn", "evpn"};
    const struct source_info *f = &s->routers.info[source];
    const struct rib_source *r = &s->rib.sources[source];
    char text[IP_TEXT_MAX], rd[RD_TEXT_MAX];
    buf_printf(out, "%s{\"peer\":\"%s\",\"as\":%u,\"rib\":\"%s\",\"family\":\"%s\"", first ? "" : ",",
               ip_format(f->key.peer, text), f->as, kinds[r->kind], classes[f->key.class_]);
    if (f->key.distinguisher)
        buf_printf(out, ",\"rd\":\"%s\"", rd_format(f->key.distinguisher, rd));
    buf_printf(out, ",\"up\":%s,\"routes\":%llu,\"former\":%llu}", f->up ? "true" : "false",
               (unsigned long long)r->routes, (unsigned long long)(r->routes - r->current));
}

/* Sources by router: those of router i are order[from[i]] up to order[from[i + 1]]. */
struct by_router {
    uint32_t *from, *order;
    uint64_t *routes;
};

static void by_router_init(struct by_router *b, const struct station *s)
{
    uint32_t n = s->routers.n_routers;
    b->from = xcalloc(n + 2, sizeof *b->from);
    b->order = xcalloc(s->rib.n_sources, sizeof *b->order);
    b->routes = xcalloc(n + 1, sizeof *b->routes);
    for (uint32_t i = 1; i < s->rib.n_sources; i++)
        if (s->routers.info[i].used) {
            b->from[s->routers.info[i].key.router + 1]++;
            b->routes[s->routers.info[i].key.router] += s->rib.sources[i].routes;
        }
    for (uint32_t i = 1; i <= n; i++)
        b->from[i] += b->from[i - 1];
    uint32_t *at = xcalloc(n + 2, sizeof *at);
    memcpy(at, b->from, (n + 2) * sizeof *at);
    for (uint32_t i = 1; i < s->rib.n_sources; i++)
        if (s->routers.info[i].used)
            b->order[at[s->routers.info[i].key.router]++] = i;
    free(at);
}

static void by_router_fini(struct by_router *b)
{
    free(b->from);
    free(b->order);
    free(b->routes);
}

static void describe_vrfs(const struct router *r, struct buf *out)
{
    char rd[RD_TEXT_MAX];
    for (unsigned i = 0; i < r->n_vrfs; i++) {
        buf_z(out, i ? ",{\"name\":" : "{\"name\":");
        json_text(out, r->vrfs[i].name);
        buf_printf(out, ",\"rd\":\"%s\"}", rd_format(r->vrfs[i].rd, rd));
    }
}

static void describe(const struct station *s, struct buf *out)
{
    struct rib_stats t = rib_stats(&s->rib);
    struct by_router by;
    char text[IP_TEXT_MAX];
    bool first = true;
    by_router_init(&by, s);
    buf_printf(out,
               "{\"routes\":%llu,\"prefixes\":%llu,\"attributes\":%llu,\"bytes\":%llu,\"sessions\":%llu,"
               "\"removing\":%s,\"routers\":[",
               (unsigned long long)t.routes, (unsigned long long)t.prefixes, (unsigned long long)t.attributes,
               (unsigned long long)t.bytes, (unsigned long long)s->n_sessions,
               rib_sweeping(&s->rib) ? "true" : "false");
    for (uint32_t i = 1; i < s->routers.n_routers; i++) {
        const struct router *r = &s->routers.router[i];
        if (!r->used)
            continue;
        buf_printf(out, "%s{\"address\":\"%s\",\"name\":", first ? "" : ",", ip_format(r->address, text));
        json_text(out, r->name);
        buf_printf(out, ",\"connected\":%s,\"since\":%llu,\"peers\":%u,\"routes\":%llu,\"vrfs\":[",
                   r->active ? "true" : "false", (unsigned long long)(r->since_ns / 1000000000u), r->peers,
                   (unsigned long long)by.routes[i]);
        describe_vrfs(r, out);
        buf_z(out, "],\"ribs\":[");
        for (uint32_t k = by.from[i]; k < by.from[i + 1]; k++)
            describe_source(s, by.order[k], k == by.from[i], out);
        buf_z(out, "]}");
        first = false;
    }
    buf_z(out, "]}\n");
    by_router_fini(&by);
}

/* What metrics say of each address. */
static void count_routes(struct station *s)
{
    struct by_router by;
    by_router_init(&by, s);
    for (unsigned k = 0; k < s->n_counted; k++) {
        uint64_t n = 0;
        for (uint32_t i = 1; i < s->routers.n_routers; i++)
            if (s->routers.router[i].used && ip_eq(s->counted[k].address, s->routers.router[i].address))
                n += by.routes[i];
        counter_set(s->counted[k].counters, BMP_ROUTES, n);
    }
    by_router_fini(&by);
}

static void trouble(const struct station *s, char *why, size_t room)
{
    why[0] = '\0';
    if (rib_is_full(&s->rib))
        snprintf(why, room, "routes are refused: max-memory is used up");
    else if (s->routers.refused_sources || s->routers.refused_routers)
        snprintf(why, room, "routes are refused: there are too many routers or peers");
}

void station_show(struct station *s)
{
    char why[sizeof s->trouble];
    trouble(s, why, sizeof why);
    if (s->uncounted)
        count_routes(s);
    s->uncounted = false;
    pthread_mutex_lock(&s->lock);
    memcpy(s->trouble, why, sizeof why);
    bool asked = s->asked;
    pthread_mutex_unlock(&s->lock);
    if (!asked)
        return;
    struct buf b;
    buf_init(&b, 0);
    describe(s, &b);
    pthread_mutex_lock(&s->lock);
    buf_fini(&s->status);
    s->status = b;
    s->asked = false;
    pthread_cond_broadcast(&s->answered);
    pthread_mutex_unlock(&s->lock);
}

/* The station's own thread writes it, since all of it is that thread's. */
void station_status(struct station *s, struct buf *out)
{
    uint64_t one = 1;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ANSWER_WITHIN_S;
    pthread_mutex_lock(&s->lock);
    s->asked = true;
    if (write(s->wake, &one, sizeof one) < 0)
        log_debug("bmp", "the station answers with its next tick", NULL);
    while (s->asked && pthread_cond_timedwait(&s->answered, &s->lock, &until) == 0)
        ;
    buf_add(out, s->status.p, s->status.len);
    pthread_mutex_unlock(&s->lock);
}

void station_trouble(struct station *s, char why[256])
{
    pthread_mutex_lock(&s->lock);
    memcpy(why, s->trouble, sizeof s->trouble);
    pthread_mutex_unlock(&s->lock);
}
