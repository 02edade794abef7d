/* Few rows, so they are simply looked through for those that were there before. */
#include "main/outlet_exporters.h"
#include "base/arena.h"
#include "schema/tables.def"
#include "store/native.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 4096 };

struct row {
    const struct edge *e;
    int side; /* 0: input, 1: output */
};

static uint32_t value(const struct row *r, enum column in)
{
    return r->e->v[edge_value(r->side ? column_reverse(in) : in)];
}

static bool same(const struct row *a, const struct row *b)
{
    return value(a, COL_InIfName) == value(b, COL_InIfName) && ip_eq(a->e->exporter, b->e->exporter);
}

static void add(struct row *rows, uint32_t *n, struct row r)
{
    for (uint32_t i = *n; i-- > 0;)
        if (same(&rows[i], &r))
            return;
    if (*n < ROWS_MAX)
        rows[(*n)++] = r;
}

static void strings(struct buf *out, const struct enricher *r, const struct row *rows, uint32_t n,
                    enum column c)
{
    native_keys(out, n);
    for (uint32_t i = 0; i < n; i++)
        native_string(out, intern_str(&r->strings, value(&rows[i], c)));
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
        strings(out, r, rows, n, c);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t v = value(&rows[i], c);
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
    struct row *rows = xcalloc(ROWS_MAX, sizeof *rows);
    uint32_t n = 0;
    for (uint32_t i = from; i < r->edges.n; i++) {
        const struct edge *e = &r->edges.rows[i];
        if (e->verdict & EDGE_REJECTED)
            continue;
        if (e->in_if || !e->out_if)
            add(rows, &n, (struct row){e, 0});
        if (e->out_if)
            add(rows, &n, (struct row){e, 1});
    }
    if (n) {
        native_head(out, N, n);
        for (int c = 0; c < N; c++) {
            native_column(out, columns[c].name, columns[c].type);
            column(out, r, rows, n, columns[c].name, second);
        }
    }
    free(rows);
    return n;
}
