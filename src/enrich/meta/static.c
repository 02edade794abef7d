/*
 * Prefixes in a sorted array, interfaces in one per exporter: it is asked about edges, not about flows. Single addresses,
 * of which there may be thousands, come first and are searched by halving; other prefixes are looked through.
 */
#include "enrich/meta/static.h"
#include <stdlib.h>

struct static_table {
    struct arena arena;
    struct static_exporter *rows; /* longest prefix first, then by address */
    size_t n, hosts;              /* the first of them are single addresses */
};

/* ---- building */

static struct str copy(struct arena *a, const char *z)
{
    return arena_str(a, str_from(z ? z : ""));
}

static struct static_iface copy_iface(struct arena *a, uint32_t index, const struct enrich_interface_conf *c)
{
    return (struct static_iface){.index = index,
                                 .name = copy(a, c->name),
                                 .description = copy(a, c->description),
                                 .connectivity = copy(a, c->connectivity),
                                 .provider = copy(a, c->provider),
                                 .speed = c->speed > UINT32_MAX ? UINT32_MAX : (uint32_t)c->speed,
                                 .boundary = (uint8_t)c->boundary};
}

static int by_index(const void *a, const void *b)
{
    const struct static_iface *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

enum { HOST = 128 };

static int by_prefix(const void *a, const void *b)
{
    const struct static_exporter *x = a, *y = b;
    int address = memcmp(x->prefix.ip.b, y->prefix.ip.b, sizeof x->prefix.ip.b);
    if (x->prefix.len != y->prefix.len)
        return x->prefix.len > y->prefix.len ? -1 : 1;
    return address ? address : (x->rank > y->rank) - (x->rank < y->rank);
}

static void add_exporter(struct static_table *t, struct prefix prefix, const struct enrich_exporter_conf *c,
                         size_t rank)
{
    struct arena *a = &t->arena;
    struct static_exporter *x = &t->rows[t->n++];
    *x = (struct static_exporter){.prefix = prefix,
                                  .rank = rank,
                                  .name = copy(a, c->name),
                                  .group = copy(a, c->group),
                                  .role = copy(a, c->role),
                                  .site = copy(a, c->site),
                                  .region = copy(a, c->region),
                                  .tenant = copy(a, c->tenant),
                                  .fallback = copy_iface(a, 0, &c->fallback),
                                  .ifaces = arena_array(a, c->ifindexes.n, sizeof(struct static_iface)),
                                  .skip_missing = c->skip_missing_interfaces};
    for (size_t i = 0; i < c->ifindexes.n; i++) {
        uint64_t index;
        if (str_u64(str_from(c->ifindexes.keys[i]), &index) && index <= UINT32_MAX)
            x->ifaces[x->n_ifaces++] = copy_iface(
                a, (uint32_t)index, &((const struct enrich_interface_conf *)c->ifindexes.items)[i]);
    }
    qsort(x->ifaces, x->n_ifaces, sizeof *x->ifaces, by_index);
}

struct static_table *static_table_new(const struct opt_subnetmap *const *maps, size_t n)
{
    struct static_table *t = xcalloc(1, sizeof *t);
    size_t room = 0;
    arena_init(&t->arena);
    for (size_t k = 0; k < n; k++)
        room += maps[k]->n;
    t->rows = arena_array(&t->arena, room, sizeof *t->rows);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < maps[k]->n; i++)
            add_exporter(t, maps[k]->prefixes[i], &((const struct enrich_exporter_conf *)maps[k]->items)[i],
                         t->n);
    qsort(t->rows, t->n, sizeof *t->rows, by_prefix);
    while (t->hosts < t->n && t->rows[t->hosts].prefix.len == HOST)
        t->hosts++;
    return t;
}

void static_table_free(struct static_table *t)
{
    if (!t)
        return;
    arena_fini(&t->arena);
    free(t);
}

/* ---- look-ups */

const struct static_exporter *static_table_find(const struct static_table *t, struct ip a)
{
    size_t from = 0, to = t->hosts;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (memcmp(t->rows[mid].prefix.ip.b, a.b, sizeof a.b) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    if (from < t->hosts && ip_eq(t->rows[from].prefix.ip, a))
        return &t->rows[from];
    for (size_t i = t->hosts; i < t->n; i++)
        if (prefix_contains(t->rows[i].prefix, a))
            return &t->rows[i];
    return NULL;
}

const struct static_iface *static_iface_find(const struct static_exporter *x, uint32_t index)
{
    const struct static_iface *i =
        bsearch(&(struct static_iface){.index = index}, x->ifaces, x->n_ifaces, sizeof *x->ifaces, by_index);
    const struct static_iface *f = &x->fallback;
    bool said = f->name.len || f->description.len || f->connectivity.len || f->provider.len || f->speed ||
                f->boundary;
    return i || x->skip_missing || !said ? i : f;
}
