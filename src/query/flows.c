/*
 * Rows are ordered by five minutes first where the order is by time: that is the order of the table, so the store reads no
 * further than the limit.
 */
#include "query/flows.h"
#include "query/render.h"
#include <stdio.h>

static const enum column usual[] = {COL_TimeReceived, COL_ExporterName, COL_InIfName, COL_OutIfName,
                                    COL_SrcAddr,      COL_SrcPort,      COL_DstAddr,  COL_DstPort,
                                    COL_Proto,        COL_SrcAS,        COL_DstAS,    COL_Bytes,
                                    COL_Packets,      COL_SamplingRate};

static bool shown(const struct schema *s, enum column c)
{
    return s->enabled[c] && !(column_defs[c].flags & COLF_HIDDEN);
}

static bool is_number(enum column c)
{
    return column_defs[c].kind == KIND_UINT;
}

const char *flows_kind(enum column c)
{
    static const char *const names[] = {[KIND_NONE] = "text",         [KIND_TIME] = "time",
                                        [KIND_IP] = "address",        [KIND_PREFIX] = "network",
                                        [KIND_MAC] = "mac",           [KIND_STRING] = "text",
                                        [KIND_BOUNDARY] = "boundary", [KIND_DIRECTION] = "direction",
                                        [KIND_UINT] = "number",       [KIND_ASN] = "asn",
                                        [KIND_ASPATH] = "aspath",     [KIND_COMMUNITY] = "communities",
                                        [KIND_ARRAY] = "numbers",     [KIND_ETYPE] = "etype",
                                        [KIND_PROTO] = "protocol"};
    return column_defs[c].store == STORE_A128 ? "communities" : names[column_defs[c].kind];
}

/* ---- the question */

static bool get_columns(struct flows_request *q, json_t *json, const struct schema *s, struct err *e)
{
    json_t *list = json_object_get(json, "columns"), *v;
    size_t i;
    if (list && !json_is_array(list) && !json_is_null(list))
        return err_set(e, "\"columns\": expected a list of columns");
    json_array_foreach(list, i, v)
    {
        struct str name = {json_string_value(v), json_string_length(v)};
        enum column c = json_is_string(v) ? column_find_nocase(name) : COL_COUNT;
        if (json_is_string(v) && str_eq(name, STR("*"))) {
            q->n = 0;
            for (unsigned k = 0; k < COL_COUNT; k++)
                if (shown(s, (enum column)k))
                    q->columns[q->n++] = (enum column)k;
            return true;
        }
        if (c == COL_COUNT || !shown(s, c))
            return err_set(e, "\"columns\": %.*s is no column here", name.p ? (int)name.len : 4,
                           name.p ? name.p : "this");
        for (size_t k = 0; k < q->n; k++)
            if (q->columns[k] == c)
                return err_set(e, "\"columns\": %s is there twice", column_defs[c].name);
        q->columns[q->n++] = c;
    }
    bool none_named = q->n == 0;
    for (i = 0; none_named && i < sizeof usual / sizeof *usual; i++)
        if (shown(s, usual[i]))
            q->columns[q->n++] = usual[i];
    return true;
}

/* "Bytes", or "-Bytes" for the largest first. */
static bool get_order(struct flows_request *q, json_t *json, const struct schema *s, struct err *e)
{
    json_t *v = json_object_get(json, "order");
    struct str name = {json_string_value(v), json_string_length(v)};
    q->order = COL_TimeReceived;
    q->descending = true;
    if (!v || json_is_null(v))
        return true;
    q->descending = name.len && name.p[0] == '-';
    if (q->descending)
        name = (struct str){name.p + 1, name.len - 1};
    q->order = name.len ? column_find_nocase(name) : COL_COUNT;
    return (q->order != COL_COUNT && shown(s, q->order)) ||
           err_set(e, "\"order\": expected a column, with - before it for the largest first");
}

bool flows_parse(struct flows_request *q, json_t *json, const struct schema *s, uint32_t now, struct arena *a,
                 struct err *e)
{
    const struct request_limits limits = {.rows = FLOWS_ROWS_MAX, .points = 200, .usual_rows = FLOWS_ROWS};
    *q = (struct flows_request){0};
    if (!request_parse(&q->base, json, s, &limits, now, a, e) || !get_columns(q, json, s, e) ||
        !get_order(q, json, s, e))
        return false;
    json_t *v = json_object_get(json, "offset");
    if (v && !json_is_null(v) &&
        (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > FLOWS_OFFSET_MAX))
        return err_set(e, "\"offset\": expected a number from 0 to %d", FLOWS_OFFSET_MAX);
    q->offset = (unsigned)json_integer_value(v);
    return true;
}

/* ---- the statement */

static void large_communities(struct buf *sql, const char *name)
{
    buf_printf(sql,
               "arrayStringConcat(arrayMap(c -> concat(toString(bitShiftRight(c, 64)::UInt32), ':', "
               "toString(bitShiftRight(c, 32)::UInt32), ':', toString(c::UInt32)), %s), ' ')",
               name);
}

static void one_column(struct buf *sql, enum column c, const struct query_tables *t)
{
    const char *name = column_defs[c].name;
    if (c == COL_TimeReceived)
        buf_z(sql, "formatDateTime(TimeReceived, '%Y-%m-%dT%H:%i:%SZ', 'UTC')");
    else if (is_number(c)) /* beyond 63 bits no reader of JSON follows */
        buf_printf(sql, "least(toUInt64(%s), 9223372036854775807)", name);
    else if (column_defs[c].store == STORE_A128)
        large_communities(sql, name);
    else {
        buf_z(sql, "toValidUTF8(");
        sql_label(sql, c, t, name, 32, 128);
        buf_z(sql, ")");
    }
}

void flows_sql(const struct flows_request *q, const struct query_tables *t, struct buf *sql)
{
    const struct query_request *b = &q->base;
    const char *way = q->descending ? "DESC" : "ASC";
    for (size_t i = 0; i < q->n; i++) {
        buf_z(sql, i ? ", " : "SELECT ");
        one_column(sql, q->columns[i], t);
    }
    buf_printf(sql, " FROM %s WHERE TimeReceived >= ", t->t[0].name);
    sql_time(sql, b->start);
    buf_z(sql, " AND TimeReceived < ");
    sql_time(sql, b->end);
    if (b->filter.root) {
        buf_z(sql, " AND (");
        filter_sql(&b->filter, false, sql);
        buf_z(sql, ")");
    }
    if (q->order == COL_TimeReceived)
        buf_printf(sql, " ORDER BY toStartOfFiveMinutes(TimeReceived) %s, TimeReceived %s", way, way);
    else
        buf_printf(sql, " ORDER BY %s %s, TimeReceived DESC", column_defs[q->order].name, way);
    buf_printf(sql, " LIMIT %u", b->limit + 1); /* one more tells whether there are more */
    if (q->offset)
        buf_printf(sql, " OFFSET %u", q->offset);
}

/* ---- its answer: one JSON list for each row */

static bool read_rows(json_t *list, struct str text, struct err *e)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        json_t *row = line.len ? json_loadb(line.p, line.len, 0, NULL) : NULL;
        if (row)
            json_array_append_new(list, row);
        else if (line.len)
            return err_set(e, "the store's answer is not what was asked for");
    }
    return true;
}

static void describe(json_t *out, const struct flows_request *q, const struct query_tables *t)
{
    json_t *columns = json_array(), *notes = json_array();
    uint32_t oldest = t->t[0].oldest;
    for (size_t i = 0; i < q->n; i++)
        json_array_append_new(columns, json_pack("{s:s, s:s}", "name", column_defs[q->columns[i]].name,
                                                 "kind", flows_kind(q->columns[i])));
    if (oldest && q->base.start < oldest) {
        char when[RENDER_TIME_MAX];
        json_array_append_new(
            notes, json_sprintf("Single flows are kept since %s.", render_time_text(oldest, when)));
    }
    json_object_set_new(out, "columns", columns);
    json_object_set_new(out, "table", json_string(t->t[0].name));
    json_object_set_new(out, "kept-since", oldest ? render_time(oldest) : json_null());
    json_object_set_new(out, "note", notes);
}

enum query_result flows_ask(struct query_pool *pool, const struct query_asker *asker,
                            const struct flows_request *q, const struct query_tables *t,
                            struct query_answer *out, struct err *e)
{
    struct buf data;
    *out = (struct query_answer){0};
    buf_init(&data, 0);
    flows_sql(q, t, &out->sql);
    size_t shown_len = out->sql.len;
    buf_z(&out->sql, " SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONCompactEachRow");
    buf_u8(&out->sql, 0);
    enum query_result r = query_pool_ask(pool, asker, (char *)out->sql.p, 0, &data, e);
    out->sql.p[shown_len] = 0;
    out->sql.len = shown_len;
    if (r == QUERY_OK) {
        json_t *rows = json_array();
        if (read_rows(rows, buf_str(&data), e)) {
            bool more = json_array_size(rows) > q->base.limit;
            if (more)
                json_array_remove(rows, q->base.limit);
            out->json = json_pack("{s:O, s:b}", "rows", rows, "more", more);
            describe(out->json, q, t);
        } else {
            r = QUERY_FAILED;
        }
        json_decref(rows);
    }
    buf_fini(&data);
    return r;
}
