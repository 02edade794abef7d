/* Statements of `weir rewind`: few, and long ones among them. */
#include "main/rewind/rewind.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a statement; the largest add up a day of flows. */
#define PATIENCE_NS (6 * 3600 * UINT64_C(1000000000))

static bool run(struct rewind *r, const char *fmt, va_list ap, const char *tail, struct buf *out,
                struct err *e)
{
    char *text = NULL;
    struct buf sql;
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    buf_init(&sql, 0);
    buf_printf(&sql, "%s%s", text, tail);
    buf_u8(&sql, 0);
    bool ok = ch_query(r->ch,
                       &(struct ch_query){.sql = (const char *)sql.p,
                                          .settings = "output_format_json_validate_utf8=1",
                                          .timeout_ns = PATIENCE_NS},
                       out, e) == CH_OK;
    buf_fini(&sql);
    free(text);
    return ok;
}

static json_t *ask(struct rewind *r, struct err *e, const char *fmt, va_list ap)
{
    struct buf out;
    json_error_t je;
    json_t *rows = NULL;
    buf_init(&out, 0);
    if (run(r, fmt, ap, " FORMAT JSONCompactStrings", &out, e)) {
        json_t *doc = json_loadb((const char *)out.p, out.len, JSON_ALLOW_NUL, &je);
        rows = json_incref(json_object_get(doc, "data"));
        json_decref(doc);
        if (!rows)
            err_set(e, "%s answered something that is no table: %s", ch_server(r->ch), je.text);
    }
    buf_fini(&out);
    return rows;
}

json_t *rewind_ask(struct rewind *r, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *rows = ask(r, e, fmt, ap);
    va_end(ap);
    return rows;
}

bool rewind_do(struct rewind *r, struct err *e, const char *fmt, ...)
{
    struct buf out;
    va_list ap;
    buf_init(&out, 1 << 16);
    va_start(ap, fmt);
    bool ok = run(r, fmt, ap, "", &out, e);
    va_end(ap);
    buf_fini(&out);
    return ok;
}

bool rewind_number(struct rewind *r, uint64_t *n, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *rows = ask(r, e, fmt, ap);
    va_end(ap);
    *n = rewind_u64(json_array_get(rows, 0), 0);
    bool ok = rows != NULL;
    json_decref(rows);
    return ok;
}

const char *rewind_cell(const json_t *row, size_t column)
{
    const char *z = json_string_value(json_array_get(row, column));
    return z ? z : "";
}

uint64_t rewind_u64(const json_t *row, size_t column)
{
    return strtoull(rewind_cell(row, column), NULL, 10);
}

void rewind_where(struct rewind *r)
{
    char first[IP_TEXT_MAX], last[IP_TEXT_MAX];
    const char *time =
        arena_printf(&r->arena, "TimeReceived >= toDateTime(%llu) AND TimeReceived < toDateTime(%llu)",
                     (unsigned long long)r->span.from, (unsigned long long)r->span.to);
    r->where = r->when = time;
    if (!r->by_exporter)
        return;
    struct ip end = r->exporter.ip;
    for (unsigned bit = r->exporter.len; bit < 128; bit++)
        end.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    inet_ntop(AF_INET6, r->exporter.ip.b, first, sizeof first);
    inet_ntop(AF_INET6, end.b, last, sizeof last);
    r->where = arena_printf(&r->arena, "%s AND ExporterAddress BETWEEN toIPv6('%s') AND toIPv6('%s')", time,
                            first, last);
}

const char *rewind_where_of(const struct rewind *r, const char *table)
{
    for (size_t i = 0; i < r->plan.n_tables; i++)
        if (r->plan.tables[i].by && strcmp(r->plan.tables[i].name, table) == 0)
            return r->when;
    return r->where;
}
