/*
 * One statement: the tuples with most traffic as a constant array of hashes, then for each axis the sums by bucket and
 * place in that array (0: Other). Names are made last, on the few rows that remain; gaps are filled here.
 */
#include "query/line.h"
#include "query/coverage.h"
#include "query/render.h"
#include "query/rows.h"
#include "query/series.h"
#include <stdio.h>
#include <time.h>

/* From a datagram to its visible row; newer buckets are still filling. */
enum { VISIBLE_AFTER_S = 8 };

struct axis {
    unsigned number;
    bool reverse, previous;
    const char *name; /* of the subquery */
    struct plan plan;
};

void line_plan(struct plan *p, const struct query_request *q, const struct query_tables *t)
{
    (q->coarse ? plan_coarse : plan_make)(p, t, q->start, q->end, q->points, request_detail(q));
}

bool line_is_slow(const struct query_request *q, const struct query_tables *t)
{
    enum { SLOW_ROWS = 1000000 };
    bool need[COL_COUNT];
    struct plan p;
    plan_make(&p, t, q->start, q->end, q->points, request_detail(q));
    sql_needs(q, false, true, need);
    plan_narrow(&p, t, need);
    return plan_rows(&p) * (q->bidirectional ? 2 : 1) * (q->previous ? 2 : 1) > SLOW_ROWS;
}

/* ---- the statement */

uint32_t line_complete_until(const struct query_request *q, const struct query_tables *t)
{
    uint32_t visible = q->now > VISIBLE_AFTER_S ? q->now - VISIBLE_AFTER_S : 0;
    uint32_t newest = t->t[0].newest ? t->t[0].newest + 1 : 0; /* the collector may be behind, or be down */
    return newest < visible ? newest : visible;
}

/* The tuples shown by name, as an array of keys, most first; `from`: the subquery that has their rows. */
static void top(struct buf *sql, const struct query_request *q, const struct query_tables *t,
                const struct plan *p, const char *from)
{
    if (q->approximate) {
        buf_printf(sql, "(SELECT topKWeighted(%u, 20)(", q->limit);
        sql_key(sql, q);
        buf_printf(sql, ", toUInt64(v%s)) FROM %s%s) AS top", sql_is_percent(q->units) ? " * 1000" : "", from,
                   sql_mixed(p) ? " WHERE o = 0" : "");
        return;
    }
    buf_z(sql, "(SELECT groupArray(k) FROM (SELECT ");
    if (q->limit_type == LIMIT_MAX) {
        buf_z(sql, "k FROM (SELECT ");
        sql_key(sql, q);
        buf_z(sql, " AS k, ");
        sql_bucket(sql, "t", p->interval);
        buf_z(sql, " AS bucket, ");
        sql_rate(sql, q, 0);
        buf_printf(sql, " AS x FROM %s%s GROUP BY k, bucket) GROUP BY k ORDER BY max(x) DESC, k", from,
                   sql_mixed(p) ? " WHERE o = 0" : "");
    } else {
        sql_key(sql, q);
        buf_printf(sql, " AS k FROM %s", from);
        if (q->limit_type == LIMIT_LAST) {
            uint32_t until = line_complete_until(q, t) / p->interval * p->interval;
            until = until > p->to ? p->to : until;
            until = until < p->from + p->interval ? p->from + p->interval : until;
            buf_z(sql, " WHERE t >= ");
            sql_time(sql, until - p->interval);
            buf_z(sql, " AND t < ");
            sql_time(sql, until);
        }
        if (sql_mixed(p))
            buf_z(sql, q->limit_type == LIMIT_LAST ? " AND o = 0" : " WHERE o = 0");
        buf_z(sql, " GROUP BY k ORDER BY ");
        sql_rate(sql, q, 0);
        buf_z(sql, " DESC, k");
    }
    buf_printf(sql, " LIMIT %u)) AS top", q->limit);
}

static void one_axis(struct buf *sql, const struct query_request *q, const struct query_tables *t,
                     const struct axis *x)
{
    bool named = q->n_dims && !x->previous;
    buf_printf(sql, "SELECT %u::UInt8 AS axis, bucket, r::UInt32 AS r, x::Float64 AS x, ", x->number);
    buf_z(sql, q->error_band ? "e::Float64 AS e, " : "");
    if (named) {
        buf_z(sql, "if(r = 0, [], CAST(");
        sql_labels(sql, q, t, "a");
        buf_z(sql, ", 'Array(String)')) AS label FROM (SELECT ");
    } else {
        buf_z(sql, "[]::Array(String) AS label FROM (SELECT ");
    }
    sql_bucket(sql, "t", x->plan.interval);
    buf_z(sql, " AS bucket, ");
    if (named) {
        buf_z(sql, sql_mixed(&x->plan) ? "transform(if(o = 1, 0, " : "transform(");
        sql_key(sql, q);
        buf_z(sql, sql_mixed(&x->plan) ? "), " : ", ");
        buf_z(sql, "top, arrayEnumerate(top), 0::UInt32) AS r, ");
        for (size_t i = 0; i < q->n_dims; i++)
            buf_printf(sql, "any(d%zu) AS a%zu, ", i + 1, i + 1);
    } else {
        buf_z(sql, "0 AS r, ");
    }
    sql_rate(sql, q, x->plan.interval);
    if (q->error_band) {
        buf_z(sql, " AS x, ");
        sql_error(sql, q, x->plan.interval);
        buf_printf(sql, " AS e FROM %s GROUP BY bucket, r)", x->name);
    } else {
        buf_printf(sql, " AS x FROM %s GROUP BY bucket, r)", x->name);
    }
}

/* The previous period is drawn as one line: what its dimensions would need does not matter. */
static enum request_detail without_dimensions(const struct query_request *q)
{
    return request_detail(q) == DETAIL_NEEDED ? DETAIL_NEEDED : DETAIL_NONE;
}

static size_t axes_of(const struct query_request *q, const struct query_tables *t, const struct plan *plan,
                      struct axis *axes)
{
    static const char *const names[] = {"direct", "reverse", "previous", "previous_reverse"};
    size_t n = 0;
    const char *name;
    uint32_t back = plan_previous(q->start, q->end, &name);
    back = back / plan->interval * plan->interval;
    for (unsigned i = 0; i < 4; i++) {
        struct axis x = {
            .number = i + 1, .reverse = i & 1, .previous = i & 2, .name = names[i], .plan = *plan};
        if ((x.reverse && !q->bidirectional) || (x.previous && !q->previous))
            continue;
        if (x.previous && back < plan->from)
            plan_range(&x.plan, t, plan->from - back, plan->to - back, plan->interval, without_dimensions(q));
        x.plan.sample = plan->sample;
        axes[n++] = x;
    }
    return n;
}

void line_sql(const struct query_request *q, const struct query_tables *t, const struct plan *plan,
              struct buf *sql)
{
    struct axis axes[4];
    bool need[COL_COUNT];
    size_t n = axes_of(q, t, plan, axes);
    for (size_t i = 0; i < n; i++) {
        struct axis *x = &axes[i];
        sql_needs(q, x->reverse, !x->previous, need);
        plan_narrow(&x->plan, t, need);
        struct sql_source s = {.q = q,
                               .plan = &x->plan,
                               .reverse = x->reverse,
                               .dimensions = !x->previous,
                               .shift = plan->from - x->plan.from};
        buf_printf(sql, "%s%s AS (", i ? ", " : "WITH ", x->name);
        sql_source(sql, &s);
        buf_z(sql, ")");
    }
    if (q->n_dims) {
        struct plan total;
        sql_needs(q, false, true, need);
        bool apart = q->limit_type == LIMIT_AVG && plan_total(&total, plan, t, need);
        buf_z(sql, ", ");
        if (apart) {
            struct sql_source s = {.q = q, .plan = &total, .dimensions = true};
            buf_z(sql, "total AS (");
            sql_source(sql, &s);
            buf_z(sql, "), ");
        }
        top(sql, q, t, plan, apart ? "total" : "direct");
    }
    buf_u8(sql, ' ');
    for (size_t i = 0; i < n; i++) {
        buf_z(sql, i ? " UNION ALL " : "");
        one_axis(sql, q, t, &axes[i]);
    }
}

/* ---- its answer */

static bool read_rows(struct series_set *s, const struct query_request *q, struct str answer, struct err *e)
{
    struct rows rows = rows_init(answer);
    while (rows_more(&rows)) {
        unsigned axis = rows_u8(&rows);
        uint32_t t = rows_u32(&rows);
        unsigned rank = rows_u32(&rows);
        double x = rows_f64(&rows), error = q->error_band ? rows_f64(&rows) : 0;
        struct series *row = series_row(s, axis, rank);
        size_t n = rows_varint(&rows), bucket = series_bucket(s, t);
        if (!row || n > REQUEST_DIMENSIONS_MAX)
            return err_set(e, "the store's answer is not what was asked for");
        bool is_new = !row->label;
        if (is_new)
            row->label = json_array();
        for (size_t i = 0; i < n; i++) {
            struct str text = rows_text(&rows);
            if (is_new)
                json_array_append_new(row->label, render_text(text));
        }
        for (size_t i = 0; is_new && rank == 0 && i < q->n_dims; i++)
            json_array_append_new(row->label, json_string("Other"));
        if (bucket < s->n_buckets && x == x && x - x == 0) /* an interface without speed gives inf or nan */
            row->points[bucket] = x;
        if (bucket < s->n_buckets && row->error)
            row->error[bucket] = error;
    }
    return !rows_bad(&rows) || err_set(e, "the store's answer ends early");
}

static json_t *times(const struct series_set *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_buckets; i++)
        json_array_append_new(list, render_time(s->plan->from + (uint32_t)i * s->plan->interval));
    return list;
}

static json_t *numbers(const double *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(values[i]));
    return list;
}

static void put_rows(json_t *out, const struct series_set *s, const struct query_request *q)
{
    static const char *const keys[] = {"average", "min", "max", "last", "95th", "total"};
    json_t *rows = json_array(), *points = json_array(), *axis = json_array(), *error = json_array(),
           *lists[6];
    for (size_t k = 0; k < 6; k++)
        lists[k] = json_array();
    for (size_t i = 0; i < s->n; i++) {
        const struct series *row = &s->rows[i];
        const double sums[] = {row->average, row->min, row->max, row->last, row->p95, row->total};
        json_array_append_new(points, numbers(row->points, s->n_buckets));
        if (row->error)
            json_array_append_new(error, numbers(row->error, s->n_buckets));
        json_array_append(rows, row->label);
        json_array_append_new(axis, json_integer(row->axis));
        for (size_t k = 0; k < 6; k++)
            json_array_append_new(lists[k], json_real(sums[k]));
    }
    json_object_set_new(out, "rows", rows);
    json_object_set_new(out, "points", points);
    json_object_set_new(out, "axis", axis);
    if (q->error_band)
        json_object_set(out, "error", error);
    json_decref(error);
    for (size_t k = 0; k < 6; k++) {
        if (k == 5 && sql_is_percent(q->units))
            json_decref(lists[k]);
        else
            json_object_set_new(out, keys[k], lists[k]);
    }
}

static json_t *axis_names(const struct query_request *q)
{
    const char *period;
    char text[64];
    json_t *names = json_object();
    plan_previous(q->start, q->end, &period);
    json_object_set_new(names, "1", json_string("Direct"));
    if (q->bidirectional)
        json_object_set_new(names, "2", json_string("Reverse"));
    if (q->previous) {
        snprintf(text, sizeof text, "Previous %s", period);
        json_object_set_new(names, "3", json_string(text));
    }
    if (q->previous && q->bidirectional) {
        snprintf(text, sizeof text, "Previous %s (reverse)", period);
        json_object_set_new(names, "4", json_string(text));
    }
    return names;
}

static void note_time(json_t *list, const char *format, uint32_t t)
{
    char when[RENDER_TIME_MAX], text[256];
    render_time_text(t, when);
    snprintf(text, sizeof text, format, when);
    json_array_append_new(list, json_string(text));
}

json_t *line_notes(const struct query_request *q, const struct query_tables *t, const struct plan *p)
{
    json_t *list = json_array();
    uint32_t oldest = 0;
    for (size_t i = 1; i < t->n; i++)
        if (t->t[i].oldest && (!oldest || t->t[i].oldest < oldest))
            oldest = t->t[i].oldest;
    uint32_t detail = t->t[0].oldest;
    bool more = oldest && detail && oldest + t->t[t->n - 1].resolution_s < detail;
    if (sql_mixed(p))
        note_time(
            list,
            "Addresses, ports and the like are kept since %s; older traffic is shown without them, as Other.",
            p->detail_from);
    else if (p->short_of_data && p->table == &t->t[0] && more)
        note_time(list,
                  q->units == UNITS_FPS
                      ? "Flows per second are counted in the detailed data, which is kept since %s."
                      : "This needs detailed data (addresses, ports and the like), which is kept since %s.",
                  detail);
    if (p->interval > 2 * ((q->end - q->start) / q->points + 1) && p->table->resolution_s > 1)
        json_array_append_new(
            list, json_sprintf("Data of that time is kept in steps of %u s.", p->table->resolution_s));
    if (q->approximate)
        json_array_append_new(list,
                              json_string("There are too many different values to rank all of them: the rows "
                                          "shown are among the largest, each with its exact numbers."));
    if (sql_is_percent(q->units))
        json_array_append_new(list, json_string("Interfaces whose speed is not known are left out."));
    return list;
}

void line_passport(json_t *out, const struct query_request *q, const struct query_tables *t,
                   const struct plan *p, const struct coverage *known)
{
    json_object_set_new(out, "table", json_string(p->table->name));
    json_object_set_new(out, "resolution", json_integer(p->table->resolution_s));
    json_object_set_new(out, "interval", json_integer(p->interval));
    json_object_set_new(out, "incomplete-from",
                        known->complete < known->n
                            ? render_time(p->from + (uint32_t)known->complete * known->plan->interval)
                            : json_null());
    json_object_set_new(out, "completeness", json_real(known->share));
    json_object_set(out, "missing", known->spans);
    json_object_set(out, "losses", known->losses);
    json_object_set_new(out, "note", line_notes(q, t, p));
    if (q->coarse)
        json_object_set_new(out, "coarse", json_true());
}

static json_t *answer(struct series_set *s, const struct query_request *q, const struct query_tables *t)
{
    json_t *out = json_object();
    json_object_set_new(out, "t", times(s));
    put_rows(out, s, q);
    json_object_set_new(out, "axis-names", axis_names(q));
    line_passport(out, q, t, s->plan, s->coverage[0]);
    if (q->previous) {
        const char *name;
        uint32_t back = plan_previous(q->start, q->end, &name);
        json_object_set(out, "missing-previous", s->coverage[1]->spans);
        json_object_set_new(out, "previous-shift", json_integer(back));
    }
    return out;
}

/* The statement's answer as rows; out->sql is the statement without its FORMAT. */
static enum query_result ask(struct query_pool *pool, const struct query_asker *asker,
                             const struct query_request *q, const struct query_tables *t,
                             struct series_set *s, struct query_answer *out, struct err *e)
{
    struct buf data;
    buf_init(&data, 0);
    buf_reset(&out->sql);
    line_sql(q, t, s->plan, &out->sql);
    size_t shown = out->sql.len;
    buf_z(&out->sql, " FORMAT RowBinary");
    buf_u8(&out->sql, 0);
    enum query_result r = query_pool_ask(pool, asker, (char *)out->sql.p, 0, &data, e);
    out->sql.p[shown] = 0;
    out->sql.len = shown;
    if (r == QUERY_OK && !read_rows(s, q, buf_str(&data), e))
        r = QUERY_FAILED;
    buf_fini(&data);
    return r;
}

/* The period before lies at other seconds but its buckets are those of this one. */
static enum query_result cover(struct query_pool *pool, const struct query_asker *asker,
                               const struct query_request *q, const struct query_tables *t,
                               const struct plan *plan, struct plan *before, struct arena *a,
                               struct coverage known[2], struct err *e)
{
    struct axis axes[4];
    enum query_result r = coverage_ask(pool, asker, t, plan, line_complete_until(q, t), a, &known[0], e);
    known[1] = known[0];
    known[1].spans = known[1].losses = NULL;
    if (r != QUERY_OK || !q->previous)
        return r;
    size_t n = axes_of(q, t, plan, axes);
    *before = axes[n - 1].plan;
    r = coverage_ask(pool, asker, t, before, line_complete_until(q, t), a, &known[1], e);
    known[1].complete = known[0].complete; /* the same part of both periods is compared */
    return r;
}

static enum query_result ask_rows(struct query_pool *pool, const struct query_asker *asker,
                                  struct query_request *q, const struct query_tables *t, struct series_set *s,
                                  struct query_answer *out, struct err *e)
{
    enum query_result r = ask(pool, asker, q, t, s, out, e);
    if (r != QUERY_OK && q->n_dims && strstr(e->msg, "MEMORY_LIMIT_EXCEEDED")) {
        q->approximate = true; /* more different tuples than the store can count at once */
        r = ask(pool, asker, q, t, s, out, e);
    }
    return r;
}

enum query_result line_ask(struct query_pool *pool, const struct query_asker *asker,
                           const struct query_request *asked, const struct query_tables *t, struct arena *a,
                           struct query_answer *out, struct err *e)
{
    struct query_request q = *asked;
    struct plan plan, before;
    struct coverage known[2];
    struct series_set s;
    *out = (struct query_answer){0};
    line_plan(&plan, &q, t);
    enum query_result r = cover(pool, asker, &q, t, &plan, &before, a, known, e);
    series_init(&s, a, &known[0], &known[1], q.error_band);
    if (r == QUERY_OK)
        r = ask_rows(pool, asker, &q, t, &s, out, e);
    if (r == QUERY_OK) {
        series_finish(&s, q.limit_type);
        out->json = answer(&s, &q, t);
    }
    series_fini(&s);
    coverage_fini(&known[0]);
    coverage_fini(&known[1]);
    return r;
}
