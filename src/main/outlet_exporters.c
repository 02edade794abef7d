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

static void column(struct buf *out, const struct enricher *r, const struct row *rows, uint32_t n,
                   const char *name, uint32_t second)
{
    char in[64];
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
