/*
 * The tuples with most traffic name, for each dimension, the values that are shown; any other value is Other in its
 * dimension alone. Rates are over the whole range.
 */
#include "query/sankey.h"
#include "query/render.h"
#include "query/rows.h"
#include <stdio.h>

static void top(struct buf *sql, const struct query_request *q, bool mixed)
{
    buf_z(sql, "(SELECT (");
    for (size_t i = 0; i < q->n_dims; i++)
        buf_printf(sql, "%sgroupArray(k%zu)", i ? ", " : "", i + 1);
    buf_z(sql, q->n_dims == 1 ? ", 1) FROM (SELECT " : ") FROM (SELECT "); /* (x) alone would be no tuple */
    for (size_t i = 0; i < q->n_dims; i++)
        buf_printf(sql, "%scityHash64(d%zu) AS k%zu", i ? ", " : "", i + 1, i + 1);
    buf_printf(sql, " FROM direct%s GROUP BY ", mixed ? " WHERE o = 0" : "");
    for (size_t i = 0; i < q->n_dims; i++)
        buf_printf(sql, "%sk%zu", i ? ", " : "", i + 1);
    buf_z(sql, " ORDER BY ");
    sql_rate(sql, q, 0);
    buf_printf(sql, " DESC, k1 LIMIT %u)) AS top", q->limit);
}

static void one_axis(struct buf *sql, const struct query_request *q, const struct query_tables *t,
                     unsigned axis, const char *source, uint32_t seconds, bool mixed)
{
    buf_printf(sql, "SELECT %u::UInt8 AS axis, x::Float64 AS x, CAST([", axis);
    for (size_t i = 0; i < q->n_dims; i++) {
        char a[16];
        snprintf(a, sizeof a, "a%zu", i + 1);
        buf_printf(sql, "%sif(g%zu = 0, 'Other', ", i ? ", " : "", i + 1);
        sql_label(sql, q->dims[i], t, a, q->truncate_v4, q->truncate_v6);
        buf_z(sql, ")");
    }
    buf_z(sql, "], 'Array(String)') AS label FROM (SELECT ");
    for (size_t i = 1; i <= q->n_dims; i++)
        buf_printf(sql,
                   "if(%shas(top.%zu, cityHash64(d%zu)), cityHash64(d%zu), 0) AS g%zu, any(d%zu) AS a%zu, ",
                   mixed ? "o = 0 AND " : "", i, i, i, i, i, i);
    sql_rate(sql, q, seconds);
    buf_printf(sql, " AS x FROM %s GROUP BY ", source);
    for (size_t i = 0; i < q->n_dims; i++)
        buf_printf(sql, "%sg%zu", i ? ", " : "", i + 1);
    buf_z(sql, ")");
}

void sankey_sql(const struct query_request *q, const struct query_tables *t, const struct plan *plan,
                uint32_t seconds, struct buf *sql)
{
    static const char *const names[] = {"direct", "reverse"};
    unsigned n = q->bidirectional ? 2 : 1;
    bool need[COL_COUNT];
    for (unsigned i = 0; i < n; i++) {
        struct plan narrow = *plan;
        sql_needs(q, i == 1, true, need);
        plan_narrow(&narrow, t, need);
        struct sql_source s = {.q = q, .plan = &narrow, .reverse = i == 1, .dimensions = true};
        buf_printf(sql, "%s%s AS (", i ? ", " : "WITH ", names[i]);
        sql_source(sql, &s);
        buf_z(sql, ")");
    }
    buf_z(sql, ", ");
    top(sql, q, sql_mixed(plan));
    for (unsigned i = 0; i < n; i++) {
        buf_z(sql, i ? " UNION ALL " : " SELECT * FROM (");
        one_axis(sql, q, t, i + 1, names[i], seconds, sql_mixed(plan));
    }
    buf_z(sql, ") ORDER BY axis, x DESC");
}

/* ---- its answer */

static json_t *node_name(const struct query_request *q, size_t dimension, json_t *label)
{
    return json_sprintf("%s: %s", column_defs[q->dims[dimension]].name, json_string_value(label));
}

static void add_node(json_t *nodes, json_t *seen, const char *name, unsigned axis)
{
    char key[2] = {(char)('0' + axis), 0};
    json_t *of_axis = json_object_get(seen, key);
    if (!of_axis)
        json_object_set_new(seen, key, of_axis = json_object());
    if (json_object_get(of_axis, name))
        return;
    json_object_set_new(of_axis, name, json_true());
    json_array_append_new(nodes, json_pack("{s:s, s:i}", "name", name, "axis", (int)axis));
}

/* One link for each pair of neighbours, summed over the rows that have it. */
static void add_link(json_t *links, json_t *seen, const char *source, const char *target, unsigned axis,
                     double x)
{
    json_t *key = json_sprintf("%u\t%s\t%s", axis, source, target);
    json_t *link = json_object_get(seen, json_string_value(key));
    if (link) {
        json_object_set_new(link, "xps", json_real(x + json_real_value(json_object_get(link, "xps"))));
    } else {
        link = json_pack("{s:s, s:s, s:f, s:i}", "source", source, "target", target, "xps", x, "axis",
                         (int)axis);
        json_object_set(seen, json_string_value(key), link);
        json_array_append_new(links, link);
    }
    json_decref(key);
}

static bool read_rows(json_t *out, const struct query_request *q, struct str answer, struct err *e)
{
    struct rows rows = rows_init(answer);
    json_t *lists[] = {json_array(), json_array(), json_array(), json_array(), json_array()};
    json_t *seen_nodes = json_object(), *seen_links = json_object();
    static const char *const keys[] = {"rows", "xps", "axis", "nodes", "links"};
    while (rows_more(&rows)) {
        unsigned axis = rows_u8(&rows);
        double x = rows_f64(&rows);
        size_t n = rows_varint(&rows);
        json_t *row = json_array(), *before = NULL;
        x = x - x == 0 ? x : 0;
        for (size_t i = 0; i < n && i < q->n_dims; i++) {
            json_t *label = render_text(rows_text(&rows)), *name = node_name(q, i, label);
            json_array_append_new(row, label);
            add_node(lists[3], seen_nodes, json_string_value(name), axis);
            if (before)
                add_link(lists[4], seen_links, json_string_value(before), json_string_value(name), axis, x);
            json_decref(before);
            before = name;
        }
        json_decref(before);
        json_array_append_new(lists[0], row);
        json_array_append_new(lists[1], json_real(x));
        json_array_append_new(lists[2], json_integer(axis));
    }
    for (size_t i = 0; i < 5; i++)
        json_object_set_new(out, keys[i], lists[i]);
    json_decref(seen_nodes);
    json_decref(seen_links);
    return !rows_bad(&rows) || err_set(e, "the store's answer ends early");
}

static enum query_result ask(struct query_pool *pool, const struct query_asker *asker,
                             const struct query_request *q, struct query_answer *out, struct err *e)
{
    struct buf data;
    buf_init(&data, 0);
    size_t shown = out->sql.len;
    buf_z(&out->sql, " FORMAT RowBinary");
    buf_u8(&out->sql, 0);
    enum query_result r = query_pool_ask(pool, asker, (char *)out->sql.p, 0, &data, e);
    out->sql.p[shown] = 0;
    out->sql.len = shown;
    if (r == QUERY_OK) {
        out->json = json_object();
        if (!read_rows(out->json, q, buf_str(&data), e)) {
            json_decref(out->json);
            out->json = NULL;
            r = QUERY_FAILED;
        }
    }
    buf_fini(&data);
    return r;
}

/* Rates are over the time that is known, by minutes where the range allows it. */
static struct plan by_minutes(const struct plan *p)
{
    enum { MINUTE_S = 60, MOST = 20000 };
    struct plan fine = *p;
    if (p->interval % MINUTE_S == 0 && (p->to - p->from) / MINUTE_S <= MOST)
        fine.interval = MINUTE_S;
    return fine;
}

enum query_result sankey_ask(struct query_pool *pool, const struct query_asker *asker,
                             const struct query_request *q, const struct query_tables *t, struct arena *a,
                             struct query_answer *out, struct err *e)
{
    struct plan plan, fine;
    struct coverage known;
    *out = (struct query_answer){0};
    line_plan(&plan, q, t);
    fine = by_minutes(&plan);
    enum query_result r = coverage_ask(pool, asker, t, &fine, line_complete_until(q, t), a, &known, e);
    if (r == QUERY_OK) {
        sankey_sql(q, t, &plan, known.known_s ? known.known_s : 1, &out->sql);
        r = ask(pool, asker, q, out, e);
    }
    if (r == QUERY_OK) {
        json_t *names = json_pack("{s:s}", "1", "Direct");
        if (q->bidirectional)
            json_object_set_new(names, "2", json_string("Reverse"));
        json_object_set_new(out->json, "axis-names", names);
        line_passport(out->json, q, t, &plan, &known);
    }
    coverage_fini(&known);
    return r;
}
