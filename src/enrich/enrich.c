/*
 * Almost all flows have an edge that is known: one look-up in a table, none for runs of the same, several at a time. New ones
 * are gathered in a batch of their own and put to the sources together. When a source has published something, and once a
 * minute (so that sources see what is in use), the known ones are put to the sources again; those that came out
 * differently get a new row, so that a name that has arrived does not make all edges anew.
 */
#include "enrich/enrich.h"
#include "enrich/classify/classify.h"
#include "enrich/route/route.h"
#include <assert.h>
#include <stdlib.h>

enum { STRINGS_TIDY = 1 << 16, EDGES_TIDY = 1 << 14 };

static const struct source *const sources[] = {
#define X(name) [ENRICH_##name] = &enrich_##name,
#include "enrich/sources.def"
#undef X
};

/* ---- sampling rates by exporter */

struct rates {
    struct opt_subnetmap otherwise, instead;
};

static struct opt_subnetmap copy_map(const struct opt_subnetmap *m)
{
    struct opt_subnetmap c = {.n = m->n};
    c.prefixes = xmalloc(m->n * sizeof *m->prefixes);
    c.items = xmalloc(m->n * sizeof(uint64_t));
    if (m->n) {
        memcpy(c.prefixes, m->prefixes, m->n * sizeof *m->prefixes);
        memcpy(c.items, m->items, m->n * sizeof(uint64_t));
    }
    return c;
}

static void rates_free(void *data)
{
    struct rates *r = data;
    free(r->otherwise.prefixes);
    free(r->otherwise.items);
    free(r->instead.prefixes);
    free(r->instead.items);
    free(r);
}

static uint64_t rate_of(const struct opt_subnetmap *m, struct ip exporter)
{
    int i = opt_subnetmap_find(m, exporter);
    return i < 0 ? 0 : ((const uint64_t *)m->items)[i];
}

void enrich_configure(struct enrich *e, const struct enrich_core_conf *core,
                      const struct enrich_metadata_conf *metadata)
{
    struct rates *r = xcalloc(1, sizeof *r);
    r->otherwise = copy_map(&core->default_sampling_rate);
    r->instead = copy_map(&core->override_sampling_rate);
    snapshot_publish(&e->rates, r, rates_free);
    providers_publish(&e->providers, core);
    if (!e->metadata)
        e->metadata = metadata_new(&e->sources[ENRICH_metadata]);
    metadata_configure(e->metadata, metadata);
    classify_publish(&e->sources[ENRICH_classify], core);
}

bool enrich_by_vlan(const struct enrich *e)
{
    return classify_by_vlan(snapshot_get(&e->sources[ENRICH_classify]).data);
}

bool enrich_by_mask(const struct enrich *e)
{
    return providers_by_mask(snapshot_get(&e->providers).data);
}

bool enrich_start(struct enrich *e, const char *data_dir, struct err *err)
{
    return metadata_start(e->metadata, data_dir, err);
}

void enrich_wait(struct enrich *e, const bool *stop)
{
    metadata_wait(e->metadata, stop);
}

struct learnt_sink *enrich_learnt(struct enrich *e)
{
    return metadata_learnt(e->metadata);
}

bool enrich_networks(struct enrich *e, const struct enrich_networks_conf *networks,
                     const struct enrich_geoip_conf *geoip, const char *data_dir, struct err *err)
{
    if (!e->nets)
        e->nets = nets_new(&e->sources[ENRICH_nets], data_dir);
    return nets_configure(e->nets, networks, geoip, err);
}

void enrich_fini(struct enrich *e)
{
    metadata_free(e->metadata);
    e->metadata = NULL;
    nets_free(e->nets); /* these publish no more */
    e->nets = NULL;
    snapshot_fini(&e->rates);
    snapshot_fini(&e->providers);
    for (unsigned i = 0; i < ENRICH_SOURCES; i++)
        snapshot_fini(&e->sources[i]);
}

/* ---- one partition */

void enrich_desk_init(struct enrich_desk *d)
{
    *d = (struct enrich_desk){.fresh = batch_new()};
    for (unsigned i = 0; i < ENRICH_SOURCES; i++)
        if (sources[i]->cache_new)
            d->cache[i] = sources[i]->cache_new();
}

void enrich_desk_fini(struct enrich_desk *d)
{
    for (unsigned i = 0; i < ENRICH_SOURCES; i++)
        if (sources[i]->cache_free)
            sources[i]->cache_free(d->cache[i]);
    batch_free(d->fresh);
    *d = (struct enrich_desk){0};
}

void enricher_init(struct enricher *r, struct enrich *shared, struct enrich_desk *desk)
{
    *r = (struct enricher){.shared = shared, .fresh = desk->fresh};
    intern_init(&r->strings);
    edges_init(&r->edges);
    r->view = (struct view){.schema = shared->schema, .strings = &r->strings, .edges = &r->edges};
    for (unsigned i = 0; i < ENRICH_SOURCES; i++) {
        r->view.cache[i] = desk->cache[i];
        if (sources[i]->scratch_new)
            r->view.scratch[i] = sources[i]->scratch_new();
    }
}

void enricher_fini(struct enricher *r)
{
    for (unsigned i = 0; i < ENRICH_SOURCES; i++)
        if (sources[i]->scratch_free)
            sources[i]->scratch_free(r->view.scratch[i]);
    intern_fini(&r->strings);
    edges_fini(&r->edges);
}

void enricher_tidy(struct enricher *r)
{
    if (r->strings.n < STRINGS_TIDY && r->edges.n < EDGES_TIDY)
        return;
    intern_reset(&r->strings);
    edges_reset(&r->edges);
    r->listed = 0;
}

/* ---- edges */

static void put(struct enricher *r, uint32_t id)
{
    struct batch *f = r->fresh;
    const struct edge *e = &r->edges.rows[id]; /* at the bound it is not what was asked for */
    r->fresh_id[f->n] = id;
    BATCH_IP(f, ExporterAddress)[f->n] = e->exporter;
    BATCH_U32(f, InIfIndex)[f->n] = e->in_if;
    BATCH_U32(f, OutIfIndex)[f->n] = e->out_if;
    if (r->by_vlan) {
        BATCH_U16(f, SrcVlan)[f->n] = (uint16_t)(e->vlans >> 16);
        BATCH_U16(f, DstVlan)[f->n] = (uint16_t)e->vlans;
    }
    f->n++;
}

static void ask(struct enricher *r)
{
    for (unsigned i = 0; i < ENRICH_SOURCES; i++)
        if (sources[i]->scope == SCOPE_EDGE)
            sources[i]->fill(r->fresh, &r->view, i);
}

/* What the sources said in a row of the batch of edges. */
static void read_edge(const struct enricher *r, uint32_t row, struct edge *e)
{
    const struct batch *f = r->fresh;
    const struct rates *rates = r->rates;
    for (int k = 0; k < EDGE_VALUES; k++) {
        enum column c = edge_columns[k];
        e->v[k] = !batch_live(f, c)      ? 0
                  : column_width(c) == 1 ? ((const uint8_t *)f->col[c])[row]
                                         : ((const uint32_t *)f->col[c])[row];
    }
    e->verdict = batch_live(f, COL_Verdict) ? ((const uint8_t *)f->col[COL_Verdict])[row] : 0;
    e->default_rate = rates ? rate_of(&rates->otherwise, e->exporter) : 0;
    e->override_rate = rates ? rate_of(&rates->instead, e->exporter) : 0;
}

/* The values of new edges, from a batch that has one row for each. */
static void take_fresh(struct enricher *r)
{
    ask(r);
    for (uint32_t row = 0; row < r->fresh->n; row++) {
        struct edge *e = &r->edges.rows[r->fresh_id[row]];
        read_edge(r, row, e);
        r->may_reject |= (e->verdict & EDGE_REJECTED) != 0;
    }
    r->count.edges += r->fresh->n;
    batch_reset(r->fresh);
}

/* The same for known ones, which get a new row if something is different now. */
static void take_again(struct enricher *r)
{
    ask(r);
    for (uint32_t row = 0; row < r->fresh->n; row++) {
        const struct edge *old = &r->edges.rows[r->fresh_id[row]];
        struct edge now = *old;
        read_edge(r, row, &now);
        r->may_reject |= (now.verdict & EDGE_REJECTED) != 0;
        if (memcmp(&now, old, sizeof now) != 0)
            edges_replace(&r->edges, r->fresh_id[row], &now);
    }
    batch_reset(r->fresh);
}

static void renew_edges(struct enricher *r)
{
    for (uint32_t slot = 0; slot <= r->edges.mask; slot++) {
        if (!r->edges.slots[slot])
            continue;
        put(r, r->edges.slots[slot] - 1);
        if (r->fresh->n == BATCH_ROWS)
            take_again(r);
    }
    if (r->fresh->n)
        take_again(r);
}

void enricher_pin(struct enricher *r, uint64_t second)
{
    struct snapshot_view rates = snapshot_get(&r->shared->rates);
    uint64_t generation = rates.generation;
    r->rates = rates.data;
    r->providers = snapshot_get(&r->shared->providers).data;
    for (unsigned i = 0; i < ENRICH_SOURCES; i++) {
        struct snapshot_view v = snapshot_get(&r->shared->sources[i]);
        r->view.snapshot[i] = v.data;
        if (sources[i]->scope == SCOPE_EDGE)
            generation += v.generation;
    }
    r->by_vlan = classify_by_vlan(r->view.snapshot[ENRICH_classify]);
    if (second / 3600 > r->minute / 60)
        edges_forget(&r->edges);
    else if (generation != r->generation || second / 60 > r->minute)
        renew_edges(r);
    r->generation = generation;
    r->minute = second / 60 > r->minute ? second / 60 : r->minute;
}

static __attribute__((noinline)) uint32_t fresh_edge(struct enricher *r, struct ip exporter, uint32_t in_if,
                                                     uint32_t out_if, uint32_t vlans)
{
    uint32_t before = r->edges.n, id = edges_add(&r->edges, exporter, in_if, out_if, vlans);
    if (id < before)
        return id;
    if (r->fresh->n == BATCH_ROWS)
        take_fresh(r);
    put(r, id);
    return id;
}

static void fill_edges(struct enricher *r, struct batch *b)
{
    const struct edges_ask q = {.exporter = BATCH_IP(b, ExporterAddress),
                                .in_if = BATCH_U32(b, InIfIndex),
                                .out_if = BATCH_U32(b, OutIfIndex),
                                .in_vlan = r->by_vlan ? BATCH_U16(b, SrcVlan) : NULL,
                                .out_vlan = r->by_vlan ? BATCH_U16(b, DstVlan) : NULL};
    uint32_t *edge = BATCH_U32(b, Edge);
    edges_find_many(&r->edges, &q, b->n, edge);
    for (uint32_t i = 0; i < b->n; i++)
        if (__builtin_expect(edge[i] == EDGE_NONE, 0))
            edge[i] = edges_again(&q, i)
                          ? edge[i - 1]
                          : fresh_edge(r, q.exporter[i], q.in_if[i], q.out_if[i], edges_vlans(&q, i));
    if (r->fresh->n)
        take_fresh(r);
}

#define CLOSE_UP(type)                                                                                       \
    for (uint32_t i = 0; i < n; i++)                                                                         \
    ((type *)rows)[i] = ((const type *)rows)[kept[i]]

static void close_up(void *rows, size_t width, const uint16_t *kept, uint32_t n)
{
    switch (width) {
    case 1:
        CLOSE_UP(uint8_t);
        break;
    case 2:
        CLOSE_UP(uint16_t);
        break;
    case 4:
        CLOSE_UP(uint32_t);
        break;
    case 8:
        CLOSE_UP(uint64_t);
        break;
    default:
        CLOSE_UP(struct u128);
        assert(width == 16);
    }
}

/* Rows of rejected edges go, the others close up. */
static void drop_rejected(struct enricher *r, struct batch *b)
{
    const uint32_t *edge = BATCH_U32(b, Edge);
    const uint8_t *piece = batch_live(b, COL_Piece) ? b->col[COL_Piece] : NULL;
    uint16_t kept[BATCH_ROWS];
    uint32_t n = 0;
    r->n_dropped = 0;
    for (uint32_t i = 0; i < b->n; i++)
        if (!(r->edges.rows[edge[i]].verdict & EDGE_REJECTED))
            kept[n++] = (uint16_t)i;
        else if (!piece || !piece[i]) /* flows are counted, of which a row may be but a piece */
            r->dropped[r->n_dropped++] = (uint16_t)i;
    for (unsigned c = 0; n < b->n && c < COL_COUNT; c++)
        if (batch_live(b, (enum column)c))
            close_up(b->col[c], column_width((enum column)c), kept, n);
    b->n = n;
}

static void fill_rates(struct enricher *r, struct batch *b)
{
    static const int name = 0; /* ExporterName among edge_columns */
    uint64_t *rate = BATCH_U64(b, SamplingRate);
    const uint32_t *edge = BATCH_U32(b, Edge);
    for (uint32_t i = 0; i < b->n; i++) {
        struct edge *e = &r->edges.rows[edge[i]];
        uint8_t from = RATE_FLOW;
        r->count.unknown_exporter += e->v[name] == 0;
        if (__builtin_expect(e->override_rate != 0, 0)) {
            rate[i] = e->override_rate;
            from = RATE_OVERRIDE;
        } else if (__builtin_expect(rate[i] == 0, 0)) {
            from = e->default_rate ? RATE_DEFAULT : RATE_UNKNOWN;
            rate[i] = e->default_rate ? e->default_rate : 1;
            r->count.unknown_rate += e->default_rate == 0;
        }
        if (__builtin_expect(e->rate != rate[i] || e->rate_from != from, 0)) {
            e->rate = rate[i];
            e->rate_from = from;
        }
    }
}

/*
 * A rate of 1 times 3.75 is 4 for three flows of four, and 3 for the fourth: rates are whole numbers, and rounding all of
 * them down would lose a fifth of the traffic. Multiples of the golden ratio say which, so that every exporter's and every
 * kind of flows are met evenly however they lie among each other.
 */
static void raise_rates(struct enricher *r, struct batch *b)
{
    const uint32_t golden = 2654435769u;
    if (!batch_live(b, COL_RateFactor))
        return;
    uint64_t *rate = BATCH_U64(b, SamplingRate);
    const uint32_t *factor = BATCH_U32(b, RateFactor);
    for (uint32_t i = 0; i < b->n; i++)
        if (factor[i]) {
            uint64_t up = (uint64_t)(r->raised++ * golden) * 1000 >> 32; /* 0 to 999 */
            rate[i] = (rate[i] * factor[i] + up) / 1000;
        }
}

void enricher_fill(struct enricher *r, struct batch *b)
{
    fill_edges(r, b);
    r->n_dropped = 0;
    if (__builtin_expect(r->may_reject, 0))
        drop_rejected(r, b);
    fill_rates(r, b);
    raise_rates(r, b);
    for (unsigned i = 0; i < ENRICH_SOURCES; i++)
        if (sources[i]->scope == SCOPE_FLOW)
            sources[i]->fill(b, &r->view, i);
    if (r->providers)
        providers_fill(r->providers, r->view.schema, b, 0, b->n);
}
