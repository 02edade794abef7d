/* Prefixes in a sorted array, interfaces in one per exporter: it is asked once per exporter and pair of interfaces. */
#include "enrich/meta/static.h"
#include <stdio.h>
#include <stdlib.h>

struct iface {
    uint32_t index;
    struct str name, description, connectivity, provider;
    uint32_t speed;
    uint8_t boundary;
};

struct exporter {
    struct prefix prefix;
    size_t rank; /* provider's, lower first */
    struct str name, group, role, site, region, tenant;
    struct iface fallback;
    struct iface *ifaces; /* by index */
    size_t n_ifaces;
    bool skip_missing;
};

struct known {
    struct arena arena;
    struct exporter *rows; /* longest prefix first, then by rank */
    size_t n;
};

/* ---- building */

static struct str copy(struct arena *a, const char *z)
{
    return arena_str(a, str_from(z ? z : ""));
}

static struct iface copy_iface(struct arena *a, uint32_t index, const struct enrich_interface_conf *c)
{
    return (struct iface){.index = index,
                          .name = copy(a, c->name),
                          .description = copy(a, c->description),
                          .connectivity = copy(a, c->connectivity),
                          .provider = copy(a, c->provider),
                          .speed = c->speed > UINT32_MAX ? UINT32_MAX : (uint32_t)c->speed,
                          .boundary = (uint8_t)c->boundary};
}

static int by_index(const void *a, const void *b)
{
    const struct iface *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_prefix(const void *a, const void *b)
{
    const struct exporter *x = a, *y = b;
    if (x->prefix.len != y->prefix.len)
        return x->prefix.len > y->prefix.len ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static void add_exporter(struct known *k, struct prefix prefix, size_t rank,
                         const struct enrich_exporter_conf *c)
{
    struct arena *a = &k->arena;
    struct exporter *x = &k->rows[k->n++];
    *x = (struct exporter){.prefix = prefix,
                           .rank = rank,
                           .name = copy(a, c->name),
                           .group = copy(a, c->group),
                           .role = copy(a, c->role),
                           .site = copy(a, c->site),
                           .region = copy(a, c->region),
                           .tenant = copy(a, c->tenant),
                           .fallback = copy_iface(a, 0, &c->fallback),
                           .ifaces = arena_array(a, c->ifindexes.n, sizeof(struct iface)),
                           .skip_missing = c->skip_missing_interfaces};
    for (size_t i = 0; i < c->ifindexes.n; i++) {
        uint64_t index;
        if (str_u64(str_from(c->ifindexes.keys[i]), &index) && index <= UINT32_MAX)
            x->ifaces[x->n_ifaces++] = copy_iface(
                a, (uint32_t)index, &((const struct enrich_interface_conf *)c->ifindexes.items)[i]);
    }
    qsort(x->ifaces, x->n_ifaces, sizeof *x->ifaces, by_index);
}

static void known_free(void *data)
{
    struct known *k = data;
    arena_fini(&k->arena);
    free(k);
}

void static_publish(struct snapshot *s, const struct enrich_metadata_conf *conf)
{
    struct known *k = xcalloc(1, sizeof *k);
    arena_init(&k->arena);
    size_t n = 0;
    for (size_t i = 0; i < conf->providers.n; i++)
        n += OPT_ITEM(conf->providers, struct enrich_metadata_provider, i)->exporters.n;
    k->rows = arena_array(&k->arena, n, sizeof *k->rows);
    for (size_t i = 0; i < conf->providers.n; i++) {
        const struct enrich_metadata_provider *p =
            OPT_ITEM(conf->providers, struct enrich_metadata_provider, i);
        if (p->type != METADATA_STATIC)
            continue;
        for (size_t j = 0; j < p->exporters.n; j++)
            add_exporter(k, p->exporters.prefixes[j], i,
                         &((const struct enrich_exporter_conf *)p->exporters.items)[j]);
    }
    qsort(k->rows, k->n, sizeof *k->rows, by_prefix);
    snapshot_publish(s, k, known_free);
}

/* ---- filling */

static const struct exporter *find(const struct known *k, struct ip a)
{
    for (size_t i = 0; k && i < k->n; i++)
        if (prefix_contains(k->rows[i].prefix, a))
            return &k->rows[i];
    return NULL;
}

static const struct iface *find_iface(const struct exporter *x, uint32_t index)
{
    if (!x || index == 0)
        return NULL;
    const struct iface *i =
        bsearch(&(struct iface){.index = index}, x->ifaces, x->n_ifaces, sizeof *x->ifaces, by_index);
    return i || x->skip_missing ? i : &x->fallback;
}

static void fill_exporter(struct batch *b, struct view *v, uint32_t row, const struct exporter *x)
{
    BATCH_U32(b, ExporterName)[row] = intern(v->strings, x->name);
    BATCH_U32(b, ExporterGroup)[row] = intern(v->strings, x->group);
    BATCH_U32(b, ExporterRole)[row] = intern(v->strings, x->role);
    BATCH_U32(b, ExporterSite)[row] = intern(v->strings, x->site);
    BATCH_U32(b, ExporterRegion)[row] = intern(v->strings, x->region);
    BATCH_U32(b, ExporterTenant)[row] = intern(v->strings, x->tenant);
}

static uint32_t name_of(struct view *v, const struct iface *i, uint32_t index)
{
    char text[16];
    if (i && i->name.len)
        return intern(v->strings, i->name);
    return index ? intern(v->strings, (struct str){text, (size_t)snprintf(text, sizeof text, "%u", index)})
                 : 0;
}

#define FILL_IFACE(side, row, iface, index)                                                                  \
    do {                                                                                                     \
        BATCH_U32(b, side##Name)[row] = name_of(v, iface, index);                                            \
        if (iface) {                                                                                         \
            BATCH_U32(b, side##Description)[row] = intern(v->strings, (iface)->description);                 \
            BATCH_U32(b, side##Connectivity)[row] = intern(v->strings, (iface)->connectivity);               \
            BATCH_U32(b, side##Provider)[row] = intern(v->strings, (iface)->provider);                       \
            BATCH_U32(b, side##Speed)[row] = (iface)->speed;                                                 \
            BATCH_U8(b, side##Boundary)[row] = (iface)->boundary;                                            \
        }                                                                                                    \
    } while (0)

static void fill(struct batch *b, struct view *v, unsigned self)
{
    const struct known *k = v->snapshot[self];
    const struct ip *address = BATCH_IP(b, ExporterAddress);
    const uint32_t *in = BATCH_U32(b, InIfIndex), *out = BATCH_U32(b, OutIfIndex);
    for (uint32_t row = 0; row < b->n; row++) {
        const struct exporter *x = find(k, address[row]);
        const struct iface *i = find_iface(x, in[row]), *o = find_iface(x, out[row]);
        if (x)
            fill_exporter(b, v, row, x);
        if (!x || (in[row] && !i) || (out[row] && !o))
            v->missing[self]++;
        FILL_IFACE(InIf, row, i, in[row]);
        FILL_IFACE(OutIf, row, o, out[row]);
    }
}

const struct source enrich_static = {.name = "static", .scope = SCOPE_EDGE, .fill = fill};
