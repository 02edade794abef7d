/* New interfaces of thousands of edges come at once when an outlet starts: each is found by hashing. */
#include "main/outlet/exporters.h"
#include "base/arena.h"
#include "schema/tables.def"
#include "store/native.h"
#include <stdio.h>
#include <stdlib.h>

struct row {
    const struct edge *e;
    int side; /* 0: input, 1: output */
};

struct rows {
    struct row *row;
    uint32_t *slots; /* open addressing: row + 1 */
    uint32_t n, mask;
};

/* Where an edge has the value of a column, by side of the row; `c` is the exporter's or the input's. */
struct place {
    int of[2];
};

static struct place place_of(enum column c)
{
    return (struct place){{edge_value(c), edge_value(column_reverse(c))}};
}

static uint32_t value(const struct row *r, const struct place *p)
{
    return r->e->v[p->of[r->side]];
}

/* Room for two rows of each edge, at most half full. */
static void rows_init(struct rows *t, size_t edges)
{
    size_t slots = 8;
    while (slots < 4 * edges)
        slots *= 2;
    *t = (struct rows){.row = xmalloc(2 * edges * sizeof *t->row),
                       .slots = xcalloc(slots, sizeof *t->slots),
                       .mask = (uint32_t)(slots - 1)};
}

static void rows_fini(struct rows *t)
{
    free(t->row);
    free(t->slots);
}

/* One row for each exporter and name: the first. */
static void add(struct rows *t, const struct place *name, struct row r)
{
    const struct ip x = r.e->exporter;
    uint64_t h = ((x.q[0] ^ x.q[1] * 0x9e3779b97f4a7c15u) + value(&r, name)) * 0xbf58476d1ce4e5b9u;
    uint32_t at = (uint32_t)(h >> 32) & t->mask;
    for (; t->slots[at]; at = (at + 1) & t->mask) {
        const struct row *have = &t->row[t->slots[at] - 1];
        if (value(have, name) == value(&r, name) && ip_eq(have->e->exporter, x))
            return;
    }
    t->row[t->n++] = r;
    t->slots[at] = t->n;
}

static void strings(struct buf *out, const struct enricher *r, const struct row *rows, uint32_t n,
                    const struct place *p)
{
    native_keys(out, n);
    for (uint32_t i = 0; i < n; i++)
        native_string(out, intern_str(&r->strings, value(&rows[i], p)));
    buf_le64(out, n);
    for (uint32_t i = 0; i < n; i++)
        buf_add(out, &i, native_index_width(n));
}

static const char *const rate_words[] = {"unknown", "flow", "default", "override"}; /* by enum edge_rate */

/* What is the edge's own and no column of flows; false: another one. */
static bool own_column(struct buf *out, const struct row *rows, uint32_t n, const char *name)
{
    bool index = strcmp(name, "IfIndex") == 0, given = strcmp(name, "Given") == 0,
         rate = strcmp(name, "SamplingRate") == 0, from = strcmp(name, "SamplingRateFrom") == 0;
    if (from) {
        native_keys(out, 4);
        for (int i = 0; i < 4; i++)
            native_string(out, str_from(rate_words[i]));
        buf_le64(out, n);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct edge *e = rows[i].e;
        uint8_t mine = rows[i].side ? EDGE_OUT_GIVEN : EDGE_IN_GIVEN;
        if (index)
            buf_le32(out, rows[i].side ? e->out_if : e->in_if);
        else if (given)
            buf_u8(out, (e->verdict & EDGE_EXPORTER_GIVEN ? 1 : 0) | (e->verdict & mine ? 2 : 0));
        else if (rate)
            buf_le64(out, e->rate);
        else if (from)
            buf_u8(out, e->rate_from);
    }
    return index || given || rate || from;
}

static void column(struct buf *out, const struct enricher *r, const struct row *rows, uint32_t n,
                   const char *name, uint32_t second)
{
    char in[64];
    if (own_column(out, rows, n, name))
        return;
    snprintf(in, sizeof in, "%s%s", strncmp(name, "If", 2) == 0 ? "In" : "", name);
    enum column c = column_find(str_from(in));
    struct place p = place_of(c);
    if (c == COL_TimeReceived) {
        for (uint32_t i = 0; i < n; i++)
            buf_le32(out, second);
    } else if (c == COL_ExporterAddress) {
        native_keys(out, n);
        for (uint32_t i = 0; i < n; i++)
            buf_add(out, rows[i].e->exporter.b, 16);
        buf_le64(out, n);
        for (uint32_t i = 0; i < n; i++)
            buf_add(out, &i, native_index_width(n));
    } else if (column_defs[c].store == STORE_STR) {
        strings(out, r, rows, n, &p);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t v = value(&rows[i], &p);
            buf_add(out, &v, column_width(c));
        }
    }
}

uint32_t exporters_native(const struct enricher *r, uint32_t from, uint32_t second, struct buf *out)
{
    static const struct {
        const char *name, *type;
    } columns[] = {
#define X(name, type, role, doc) {#name, type},
        EXPORTERS_COLUMNS
#undef X
    };
    enum { N = sizeof columns / sizeof *columns };
    const struct place name = place_of(COL_InIfName);
    struct rows t;
    rows_init(&t, r->edges.n - from);
    for (uint32_t i = from; i < r->edges.n; i++) {
        const struct edge *e = &r->edges.rows[i];
        if (e->verdict & EDGE_REJECTED)
            continue;
        if (e->in_if || !e->out_if)
            add(&t, &name, (struct row){e, 0});
        if (e->out_if)
            add(&t, &name, (struct row){e, 1});
    }
    uint32_t n = t.n;
    if (n) {
        native_head(out, N, n);
        for (int c = 0; c < N; c++) {
            native_column(out, columns[c].name, columns[c].type);
            column(out, r, t.row, n, columns[c].name, second);
        }
    }
    rows_fini(&t);
    return n;
}
