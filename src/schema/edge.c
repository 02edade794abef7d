/* Rows in a growing array, found by an open-addressing table of ids. */
#include "schema/edge.h"
#include <stdlib.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 256, ABREAST = 32 };

const enum column edge_columns[EDGE_VALUES] = {
    COL_ExporterName,   COL_ExporterGroup, COL_ExporterRole,     COL_ExporterSite,      COL_ExporterRegion,
    COL_ExporterTenant, COL_InIfName,      COL_OutIfName,        COL_InIfDescription,   COL_OutIfDescription,
    COL_InIfSpeed,      COL_OutIfSpeed,    COL_InIfConnectivity, COL_OutIfConnectivity, COL_InIfProvider,
    COL_OutIfProvider,  COL_InIfBoundary,  COL_OutIfBoundary};

int edge_value(enum column c)
{
    for (int i = 0; i < EDGE_VALUES; i++)
        if (edge_columns[i] == c)
            return i;
    return -1;
}

static uint32_t hash(struct ip exporter, uint32_t in_if, uint32_t out_if, uint32_t vlans)
{
    uint64_t h = exporter.q[0] * 0x9e3779b97f4a7c15u ^ exporter.q[1];
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u ^ ((uint64_t)in_if << 32 | out_if);
    h = (h ^ vlans) * 0x94d049bb133111ebu;
    return (uint32_t)(h >> 32);
}

void edges_init(struct edges *t)
{
    *t = (struct edges){.mask = FIRST_SLOTS - 1};
    t->slots = xcalloc(FIRST_SLOTS, sizeof *t->slots);
}

void edges_fini(struct edges *t)
{
    free(t->rows);
    free(t->slots);
    *t = (struct edges){0};
}

void edges_forget(struct edges *t)
{
    memset(t->slots, 0, ((size_t)t->mask + 1) * sizeof *t->slots);
    t->known = 0;
}

void edges_reset(struct edges *t)
{
    uint64_t crowded = t->crowded;
    edges_fini(t);
    edges_init(t);
    t->crowded = crowded;
}

static uint32_t *find_from(const struct edges *t, uint32_t i, struct ip exporter, uint32_t in_if,
                           uint32_t out_if, uint32_t vlans)
{
    for (; t->slots[i]; i = (i + 1) & t->mask) {
        const struct edge *e = &t->rows[t->slots[i] - 1];
        if (e->in_if == in_if && e->out_if == out_if && e->vlans == vlans && ip_eq(e->exporter, exporter))
            break;
    }
    return &t->slots[i];
}

static uint32_t *find(const struct edges *t, struct ip exporter, uint32_t in_if, uint32_t out_if,
                      uint32_t vlans)
{
    return find_from(t, hash(exporter, in_if, out_if, vlans) & t->mask, exporter, in_if, out_if, vlans);
}

uint32_t edges_find(const struct edges *t, struct ip exporter, uint32_t in_if, uint32_t out_if,
                    uint32_t vlans)
{
    return *find(t, exporter, in_if, out_if, vlans) - 1; /* 0 - 1 is EDGE_NONE */
}

/* Rows i to end, at most ABREAST: slots first, then the edges that they name, then the comparing. */
static void find_abreast(const struct edges *t, const struct edges_ask *q, uint32_t begin, uint32_t end,
                         uint32_t *id)
{
    uint32_t slot[ABREAST], row[ABREAST], n = 0;
    for (uint32_t i = begin; i < end; i++) {
        if (edges_again(q, i))
            continue;
        row[n] = i;
        slot[n] = hash(q->exporter[i], q->in_if[i], q->out_if[i], edges_vlans(q, i)) & t->mask;
        __builtin_prefetch(&t->slots[slot[n++]]);
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t at = t->slots[slot[k]];
        const char *e = at ? (const char *)&t->rows[at - 1] : (const char *)&t->slots[slot[k]];
        __builtin_prefetch(e);
        __builtin_prefetch(e + 63); /* what flows need of it may lie across two lines */
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = row[k];
        id[i] = *find_from(t, slot[k], q->exporter[i], q->in_if[i], q->out_if[i], edges_vlans(q, i)) - 1;
    }
    for (uint32_t i = begin, k = 0; i < end; i++)
        if (k < n && row[k] == i)
            k++;
        else
            id[i] = id[i - 1];
}

void edges_find_many(const struct edges *t, const struct edges_ask *q, uint32_t n, uint32_t *id)
{
    for (uint32_t i = 0; i < n; i += ABREAST)
        find_abreast(t, q, i, n - i < ABREAST ? n : i + ABREAST, id);
}

static void widen(struct edges *t)
{
    uint32_t *old = t->slots, size = t->mask + 1;
    t->mask = t->mask * 2 + 1;
    t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
    for (uint32_t i = 0; i < size; i++)
        if (old[i]) {
            const struct edge *e = &t->rows[old[i] - 1];
            *find(t, e->exporter, e->in_if, e->out_if, e->vlans) = old[i];
        }
    free(old);
}

static uint32_t next_row(struct edges *t)
{
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->rows = xrealloc(t->rows, t->room * sizeof *t->rows);
    }
    return t->n++;
}

static uint32_t add(struct edges *t, struct ip exporter, uint32_t in_if, uint32_t out_if, uint32_t vlans)
{
    uint32_t *slot = find(t, exporter, in_if, out_if, vlans);
    if (*slot)
        return *slot - 1;
    uint32_t id = next_row(t);
    t->rows[id] = (struct edge){.exporter = exporter, .in_if = in_if, .out_if = out_if, .vlans = vlans};
    *slot = id + 1;
    if (++t->known > t->mask / 2)
        widen(t);
    return id;
}

uint32_t edges_add(struct edges *t, struct ip exporter, uint32_t in_if, uint32_t out_if, uint32_t vlans)
{
    if (t->n < EDGES_MAX)
        return add(t, exporter, in_if, out_if, vlans);
    t->crowded++;
    if (t->n < EDGES_MOST)
        return add(t, exporter, 0, 0, 0);
    return add(t, (struct ip){0}, 0, 0, 0);
}

uint32_t edges_replace(struct edges *t, uint32_t id, const struct edge *values)
{
    if (t->n >= EDGES_MOST) {
        t->crowded++;
        return id;
    }
    const struct edge *old = &t->rows[id];
    uint32_t *slot = find(t, old->exporter, old->in_if, old->out_if, old->vlans), with = next_row(t);
    t->rows[with] = *values;
    t->rows[with].exporter = t->rows[id].exporter;
    t->rows[with].in_if = t->rows[id].in_if;
    t->rows[with].out_if = t->rows[id].out_if;
    t->rows[with].vlans = t->rows[id].vlans;
    *slot = with + 1;
    return with;
}
