/*
 * edge: what is the same for all flows of one exporter and one pair of interfaces: the exporter's attributes and those of
 * both interfaces, 19 columns that travel as one number (hidden column Edge) from enrichment to block and aggregate.
 *
 * One table per bus partition, owned by its worker. Ids are dense and stay valid until edges_reset, which comes between
 * two minutes; edges_forget makes look-ups start afresh (new configuration, another hour) without taking ids from those
 * who hold them. Bounded: past EDGES_MAX interfaces of an exporter are no longer told apart, and this is counted.
 */
#pragma once
#include "base/intern.h"
#include "schema/batch.h"

enum { EDGE_VALUES = 18, EDGES_MAX = 1 << 16, EDGES_MOST = 1 << 18 };

/* The columns besides ExporterAddress, in the order of struct edge's values. */
extern const enum column edge_columns[EDGE_VALUES];

/* Rejected by a classifier rule: flows are not stored. Given: attributes are the metadata's, so no rule was asked. */
enum edge_verdict { EDGE_REJECTED = 1, EDGE_EXPORTER_GIVEN = 2, EDGE_IN_GIVEN = 4, EDGE_OUT_GIVEN = 8 };

/* Where a flow's sampling rate comes from. */
enum edge_rate { RATE_UNKNOWN, RATE_FLOW, RATE_DEFAULT, RATE_OVERRIDE };

/* First what enrichment needs of each flow's edge. */
struct edge {
    struct ip exporter;
    uint32_t in_if, out_if;
    uint32_t vlans;    /* input's << 16 | output's, when classifier rules look at them; else 0 */
    uint8_t verdict;   /* enum edge_verdict */
    uint8_t rate_from; /* enum edge_rate: of the flow seen last */
    uint16_t nothing;  /* edges are compared as bytes */
    uint64_t rate;     /* its sampling rate */
    uint64_t default_rate, override_rate; /* 0: none */
    uint32_t v[EDGE_VALUES];              /* ids of strings, or plain numbers */
};

struct edges {
    struct edge *rows;
    uint32_t *slots; /* open addressing: id + 1 */
    uint32_t n, room, mask, known;
    uint64_t crowded; /* look-ups that met the bound */
};

enum { EDGE_NONE = UINT32_MAX };

void edges_init(struct edges *t);
void edges_fini(struct edges *t);
void edges_reset(struct edges *t);
void edges_forget(struct edges *t);
/* EDGE_NONE: not known; edges_add is next. */
uint32_t edges_find(const struct edges *t, struct ip exporter, uint32_t in_if, uint32_t out_if,
                    uint32_t vlans);
/* The columns of flows, `n` rows. */
struct edges_ask {
    const struct ip *exporter;
    const uint32_t *in_if, *out_if;
    const uint16_t *in_vlan, *out_vlan; /* NULL: they do not matter */
};

/* The row before has the same edge. */
static inline bool edges_again(const struct edges_ask *q, uint32_t i)
{
    return i > 0 && q->in_if[i] == q->in_if[i - 1] && q->out_if[i] == q->out_if[i - 1] &&
           (!q->in_vlan || (q->in_vlan[i] == q->in_vlan[i - 1] && q->out_vlan[i] == q->out_vlan[i - 1])) &&
           ip_eq(q->exporter[i], q->exporter[i - 1]);
}

static inline uint32_t edges_vlans(const struct edges_ask *q, uint32_t i)
{
    return q->in_vlan ? (uint32_t)q->in_vlan[i] << 16 | q->out_vlan[i] : 0;
}

/* edges_find of every row; the cache misses of several overlap. */
void edges_find_many(const struct edges *t, const struct edges_ask *q, uint32_t n, uint32_t *id);
/* A new row without values. At the bound it may be one that exists: of the exporter alone, or of nobody. */
uint32_t edges_add(struct edges *t, struct ip exporter, uint32_t in_if, uint32_t out_if, uint32_t vlans);

/*
 * A row with other values takes the place of `id` in look-ups; who holds `id` keeps what it says. Returns the new id, or
 * `id` itself at the bound, where nothing changes.
 */
uint32_t edges_replace(struct edges *t, uint32_t id, const struct edge *values);

/* Index in struct edge's values; -1 for columns that are not an edge's. */
int edge_value(enum column c);
/* True for what a row's edge tells: the above and ExporterAddress. */
static inline bool edge_column(enum column c)
{
    return c == COL_ExporterAddress || edge_value(c) >= 0;
}
