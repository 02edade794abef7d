#include "query/widget.h"
#include "query/render.h"
#include "query/rows.h"
#include <stdio.h>

enum { RECENT_S = 300, TOP_ROWS = 5, GRAPH_POINTS = 200 };

static enum query_result ask(const struct widget_ask *w, struct query_answer *out, const char *format,
                             struct buf *data, struct err *e)
{
    size_t shown = out->sql.len;
    buf_printf(&out->sql, " FORMAT %s", format);
    buf_u8(&out->sql, 0);
    enum query_result r = query_pool_ask(w->pool, w->asker, (char *)out->sql.p, 0, data, e);
    out->sql.p[shown] = 0;
    out->sql.len = shown;
    return r;
}

/* ---- the latest flow */

static bool shown(const struct schema *s, enum column c)
{
    return s->enabled[c] && !(column_defs[c].flags & COLF_HIDDEN);
}

static void one_column(struct buf *sql, enum column c)
{
    const char *name = column_defs[c].name;
    if (c == COL_TimeReceived)
        buf_z(sql, "formatDateTime(TimeReceived, '%Y-%m-%dT%H:%i:%SZ', 'UTC')");
    else if (column_defs[c].store == STORE_STR)
        buf_printf(sql, "toValidUTF8(%s)", name);
    else if (column_defs[c].kind == KIND_COMMUNITY)
        buf_printf(
            sql, "arrayMap(c -> concat(toString(bitShiftRight(c, 16)), ':', toString(bitAnd(c, 65535))), %s)",
            name);
    else if (column_defs[c].store == STORE_A128)
        buf_printf(
            sql,
            "arrayMap(c -> concat(toString(bitShiftRight(c, 64)::UInt32), ':', toString(bitShiftRight(c, "
            "32)::UInt32), ':', toString(c::UInt32)), %s)",
            name);
    else if (column_defs[c].kind == KIND_MAC)
        buf_printf(sql, "MACNumToString(%s)", name);
    else if (column_defs[c].store == STORE_CC)
        buf_printf(sql, "toValidUTF8(toString(%s))", name);
    else if (strcmp(column_defs[c].type, "UInt64") == 0) /* beyond what a browser's numbers hold */
        buf_printf(sql, "toString(%s)", name);
    else
        buf_z(sql, name);
}

enum query_result widget_flow_last(const struct widget_ask *w, struct query_answer *out, struct err *e)
{
    const struct schema *s = w->schema;
    const struct query_table *flows = &w->tables->t[0];
    struct buf data;
    *out = (struct query_answer){0};
    buf_init(&data, 0);
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (shown(s, (enum column)c)) {
            buf_z(&out->sql, out->sql.len ? ", " : "SELECT ");
            one_column(&out->sql, (enum column)c);
        }
    buf_z(&out->sql, " FROM flows WHERE TimeReceived ");
    bool ahead = flows->newest > w->now; /* some exporter's clock is */
    buf_z(&out->sql, ahead ? "> now() - 600 AND TimeReceived <= now() ORDER BY TimeReceived DESC" : "= ");
    if (!ahead)
        sql_time(&out->sql, flows->newest);
    buf_z(&out->sql, " LIMIT 1");
    enum query_result r = ask(w, out, "JSONCompactEachRow", &data, e);
    if (r == QUERY_OK) {
        json_t *row = json_loadb(data.p ? (char *)data.p : "", data.len, 0, NULL);
        size_t at = 0;
        out->json = json_object();
        for (unsigned c = 0; c < COL_COUNT; c++)
            if (shown(s, (enum column)c) && at < json_array_size(row))
                json_object_set(out->json, column_defs[c].name, json_array_get(row, at++));
        json_decref(row);
    }
    buf_fini(&data);
    return r;
}

/* ---- counts and names */

enum query_result widget_flow_rate(const struct widget_ask *w, struct query_answer *out, struct err *e)
{
    struct buf data;
    *out = (struct query_answer){0};
    buf_init(&data, 0);
    buf_printf(&out->sql,
               "SELECT count() / %d FROM flows WHERE TimeReceived > now() - %d AND TimeReceived <= now()",
               RECENT_S, RECENT_S);
    enum query_result r = ask(w, out, "RowBinary", &data, e);
    if (r == QUERY_OK) {
        struct rows rows = rows_init(buf_str(&data));
        out->json = json_pack("{s:f, s:s}", "rate", rows_f64(&rows), "period", "second");
    }
    buf_fini(&data);
    return r;
}

/* One for each address, by its newest name: what was seen before its name was known is not another exporter. */
enum query_result widget_exporters(const struct widget_ask *w, struct query_answer *out, struct err *e)
{
    struct buf data;
    *out = (struct query_answer){0};
    buf_init(&data, 0);
    buf_printf(&out->sql,
               "SELECT DISTINCT if(name = '', replaceRegexpOne(IPv6NumToString(address), '^::ffff:', ''), "
               "name)::String "
               "AS shown FROM (SELECT ExporterAddress AS address, argMax(ExporterName, (ExporterName != '', "
               "TimeReceived))::String AS name FROM %s GROUP BY address) ORDER BY shown",
               w->tables->exporters ? "exporters" : "flows WHERE TimeReceived > now() - 3600");
    enum query_result r = ask(w, out, "RowBinary", &data, e);
    struct rows rows = rows_init(buf_str(&data));
    if (r == QUERY_OK) {
        json_t *list = json_array();
        while (rows_more(&rows))
            json_array_append_new(list, render_text(rows_text(&rows)));
        out->json = json_pack("{s:o}", "exporters", list);
    }
    buf_fini(&data);
    return r;
}

/* ---- tops */

static const struct top {
    const char *name;
    enum column dims[2];
    size_t n;
    const char *filter;
    bool or_second; /* one text: the first dimension's, or the second's where that is empty */
} tops[] = {
    {"src-as", {COL_SrcAS}, 1, "InIfBoundary = external"},
    {"dst-as", {COL_DstAS}, 1, "OutIfBoundary = external"},
    {"src-country", {COL_SrcCountry}, 1, "InIfBoundary = external"},
    {"dst-country", {COL_DstCountry}, 1, "OutIfBoundary = external"},
    {"exporter", {COL_ExporterName, COL_ExporterAddress}, 2, "", true},
    {"protocol", {COL_Proto}, 1, ""},
    {"etype", {COL_EType}, 1, ""},
    {"src-port", {COL_Proto, COL_SrcPort}, 2, "InIfBoundary = external"},
    {"dst-port", {COL_Proto, COL_DstPort}, 2, "OutIfBoundary = external"},
};

static const struct top *find_top(const char *name)
{
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        if (strcmp(tops[i].name, name) == 0)
            return &tops[i];
    return NULL;
}

bool widget_exists(const char *name)
{
    return find_top(name);
}

void widget_names(struct buf *out)
{
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        buf_printf(out, "%s%s", i ? ", " : "", tops[i].name);
}

static void top_sql(struct buf *sql, const struct widget_ask *w, const struct query_request *q,
                    const struct plan *p, bool or_second)
{
    struct sql_source s = {.q = q, .plan = p, .dimensions = true};
    buf_z(sql, "WITH source AS (");
    sql_source(sql, &s);
    buf_z(sql, ") SELECT CAST(");
    if (or_second)
        buf_z(sql, "[shown]");
    else
        sql_labels(sql, q, w->tables, "d");
    buf_z(sql, ", 'Array(String)'), CAST(x / (SELECT sum(v) FROM source) * 100, 'Float64') FROM (SELECT ");
    if (or_second) {
        buf_z(sql, "if(d1 = '', ");
        sql_label(sql, q->dims[1], w->tables, "d2", q->truncate_v4, q->truncate_v6);
        buf_z(sql, ", toString(d1)) AS shown");
    } else {
        sql_dims(sql, q);
    }
    buf_z(sql, ", sum(v) AS x FROM source GROUP BY ");
    if (or_second)
        buf_z(sql, "shown");
    else
        sql_dims(sql, q);
    buf_printf(sql, " HAVING x > 0 ORDER BY x DESC LIMIT %d)", TOP_ROWS);
}

static bool top_request(const struct widget_ask *w, const struct top *top, struct query_request *q,
                        struct err *e)
{
    struct lang_error le;
    const char *note, *filter = widget_usable_filter(top->filter, w->tables, &note);
    *q = (struct query_request){.start = w->now - RECENT_S,
                                .end = w->now,
                                .now = w->now,
                                .points = GRAPH_POINTS,
                                .n_dims = top->n,
                                .limit = TOP_ROWS,
                                .truncate_v4 = 32,
                                .truncate_v6 = 128};
    memcpy(q->dims, top->dims, sizeof top->dims);
    for (size_t i = 0; i < top->n; i++)
        if (!w->schema->enabled[top->dims[i]])
            return err_set(e, "column %s is disabled here (schema.enabled)", column_defs[top->dims[i]].name);
    return filter_parse(&q->filter, str_from(filter), w->schema, w->arena, &le) ||
           err_set(e, "%s", le.message);
}

enum query_result widget_top(const struct widget_ask *w, const char *name, struct query_answer *out,
                             struct err *e)
{
    const struct top *top = find_top(name);
    struct query_request q;
    struct plan p;
    struct buf data;
    *out = (struct query_answer){0};
    if (!top || !top_request(w, top, &q, e))
        return QUERY_FAILED;
    buf_init(&data, 0);
    /* The rollups' finest step is good enough for five minutes, and much less to read. */
    bool main_only =
        request_detail(&q) != DETAIL_NONE || w->tables->n < 2 || w->tables->t[1].resolution_s > 60;
    plan_range(&p, w->tables, q.start, q.end, main_only ? 1 : w->tables->t[1].resolution_s,
               main_only ? DETAIL_NEEDED : DETAIL_NONE);
    top_sql(&out->sql, w, &q, &p, top->or_second);
    enum query_result r = ask(w, out, "RowBinary", &data, e);
    struct rows rows = rows_init(buf_str(&data));
    json_t *list = json_array();
    while (r == QUERY_OK && rows_more(&rows)) {
        struct buf label;
        buf_init(&label, 0);
        for (size_t n = rows_varint(&rows), i = 0; i < n && !rows_bad(&rows); i++) {
            buf_z(&label, i ? "/" : "");
            buf_str_add(&label, rows_text(&rows));
        }
        json_t *text = render_text(buf_str(&label));
        json_array_append_new(list, json_pack("{s:o, s:f}", "name", text, "percent", rows_f64(&rows)));
        buf_fini(&label);
    }
    if (r == QUERY_OK)
        out->json = json_pack("{s:O}", "top", list);
    json_decref(list);
    buf_fini(&data);
    return r;
}

/* ---- the day's traffic */

const char *widget_usable_filter(const char *filter, const struct query_tables *t, const char **note)
{
    *note = NULL;
    if (t->boundary || !strcasestr(filter, "Boundary"))
        return filter;
    *note = "No interface has a boundary yet, so the filter on external interfaces is left out. Say in "
            "outlet.metadata (or by a classifier) which interfaces are external.";
    return "";
}

enum query_result widget_graph(const struct widget_ask *w, const char *filter, uint32_t range_s,
                               struct query_answer *out, struct err *e)
{
    const char *note, *usable = widget_usable_filter(filter, w->tables, &note);
    struct lang_error le;
    struct query_request q = {.start = w->now - range_s,
                              .end = w->now,
                              .now = w->now,
                              .points = GRAPH_POINTS,
                              .limit = 1,
                              .truncate_v4 = 32,
                              .truncate_v6 = 128};
    if (!filter_parse(&q.filter, str_from(usable), w->schema, w->arena, &le)) {
        filter_parse(&q.filter, STR(""), w->schema, w->arena, &le);
        q.raw = usable; /* SQL, as others' configurations have it */
    }
    enum query_result r = line_ask(w->pool, w->asker, &q, w->tables, w->arena, out, e);
    if (r != QUERY_OK)
        return r;
    json_t *t = json_object_get(out->json, "t"), *at, *data = json_array(),
           *notes = json_object_get(out->json, "note");
    json_t *points = json_array_get(json_object_get(out->json, "points"), 0);
    size_t i;
    json_array_foreach(t, i, at) if (points) json_array_append_new(
        data, json_pack("{s:O, s:f}", "t", at, "gbps", json_real_value(json_array_get(points, i)) / 1e9));
    if (note)
        json_array_append_new(notes, json_string(note));
    json_t *reply = json_pack("{s:o}", "data", data);
    static const char *const kept[] = {"interval",     "table",   "resolution", "incomplete-from",
                                       "completeness", "missing", "losses",     "note"};
    for (i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(reply, kept[i], json_object_get(out->json, kept[i]));
    json_decref(out->json);
    out->json = reply;
    return QUERY_OK;
}
