/* Questions, the tables chosen for them, their SQL as text, and the numbers below a chart. */
#include "query/line.h"
#include "query/render.h"
#include "query/rows.h"
#include "query/sankey.h"
#include "query/series.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { NOW = 1763719200 /* 2025-11-21 10:00:00 */, HOUR = 3600, DAY = 86400 };

static struct schema schema;
static struct arena arena;

static int setup(void **state)
{
    schema_default(&schema);
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    arena_fini(&arena);
    return 0;
}

/* As after a month: 15 days of detail, 7 of minutes, all of the rest. */
static struct query_tables usual(void)
{
    struct query_tables t = {.n = 4, .border = NOW - 60, .protocols = true};
    const struct query_table rows[] = {{"flows", 1, NOW - 15 * DAY, NOW - 5},
                                       {"flows_1m0s", 60, NOW - 7 * DAY, NOW - 60},
                                       {"flows_5m0s", 300, NOW - 30 * DAY, NOW - 300},
                                       {"flows_1h0m0s", 3600, NOW - 30 * DAY, NOW - HOUR}};
    memcpy(t.t, rows, sizeof rows);
    return t;
}

static struct query_request ask(const char *json)
{
    const struct request_limits limits = {50, 200, 0};
    struct query_request q;
    struct err e;
    json_t *j = json_loads(json, 0, NULL);
    if (!request_parse(&q, j, &schema, &limits, NOW, &arena, &e))
        fail_msg("%s: %s", json, e.msg);
    json_decref(j);
    return q;
}

/* ---- time */

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        uint32_t s; /* 0: refused */
    } cases[] = {
        {"2025-11-21T10:00:00Z", NOW},
        {"2025-11-21t10:00:00.123456789z", NOW},
        {"2025-11-21T12:00:00+02:00", NOW},
        {"2025-11-21T04:30:00-05:30", NOW},
        {"2025-11-21 10:00:00Z", NOW},
        {"1763719200", NOW},
        {"2025-11-21T10:00:00", 0},
        {"2025-13-21T10:00:00Z", 0},
        {"2025-11-21T10:00:00Zx", 0},
        {"1969-12-31T23:59:59Z", 0},
        {"2150-01-01T00:00:00Z", 0},
        {"", 0},
        {"now", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t s = 0;
        if (request_time(str_from(cases[i].text), &s) != (cases[i].s != 0) || (cases[i].s && s != cases[i].s))
            fail_msg("%s: %u", cases[i].text, s);
    }
    char text[RENDER_TIME_MAX];
    assert_string_equal(render_time_text(NOW, text), "2025-11-21T10:00:00Z");
}

static void names_of_tables_say_their_resolution(void **state)
{
    static const struct {
        const char *name;
        uint32_t s;
    } cases[] = {{"flows", 1},       {"flows_1m0s", 60}, {"flows_5m0s", 300}, {"flows_1h0m0s", 3600},
                 {"flows_30s", 30},  {"flows_", 0},      {"flows_local", 0},  {"flows_1m0s_local", 0},
                 {"flows_1m0s5", 0}, {"flow", 0},        {"flows_1h1h", 0},   {"flows_m", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(catalog_resolution(str_from(cases[i].name)), cases[i].s);
}

/* ---- tables */

static void table_follows_range_points_and_columns(void **state)
{
    static const struct {
        uint32_t ago, until;
        unsigned points;
        bool main_only;
        const char *table;
        uint32_t interval;
    } cases[] = {
        {5 * 60, 0, 200, false, "flows", 1},
        {HOUR, 0, 200, false, "flows", 15},
        {6 * HOUR, 0, 200, false, "flows_1m0s", 60},
        {DAY, 0, 200, false, "flows_5m0s", 300},
        {DAY, 0, 200, true, "flows", 300},
        {6 * HOUR, 0, 200, true, "flows", 60},
        {7 * DAY, 0, 200, false, "flows_5m0s", 1800},
        {30 * DAY, 0, 200, false, "flows_1h0m0s", 10800},
        {60 * DAY, 0, 50, false, "flows_1h0m0s", DAY},
        {20 * DAY, 20 * DAY - HOUR, 200, false, "flows_5m0s", 300}, /* coarser than asked, but there */
        {8 * DAY, 8 * DAY - HOUR, 30, false, "flows", 120}, /* the minutes are gone, the detail is not */
    };
    struct query_tables t = usual();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan p;
        plan_make(&p, &t, NOW - cases[i].ago, NOW - cases[i].until, cases[i].points,
                  cases[i].main_only ? DETAIL_NEEDED : DETAIL_NONE);
        if (strcmp(p.table->name, cases[i].table) != 0 || p.interval != cases[i].interval)
            fail_msg("case %zu: %s, %u", i, p.table->name, p.interval);
        assert_true(p.from <= NOW - cases[i].ago && p.from + p.interval > NOW - cases[i].ago);
        assert_true(p.to >= NOW - cases[i].until && (p.to - p.from) % p.interval == 0);
    }
}

/* What a young system has: no table reaches back, all begin within one step of the coarsest. */
static void young_system_is_drawn_finely(void **state)
{
    struct query_tables t = usual();
    const uint32_t begin[] = {NOW - 1000, NOW - 1020, NOW - 1200, NOW - HOUR};
    for (size_t i = 0; i < 4; i++)
        t.t[i].oldest = begin[i];
    struct plan p;
    plan_make(&p, &t, NOW - 6 * HOUR, NOW, 200, DETAIL_NONE);
    assert_string_equal(p.table->name, "flows_1m0s");
    assert_int_equal(p.interval, 60);
    /* ... nor does a coarse step that merely began before the range */
    plan_make(&p, &t, NOW - 1800, NOW, 200, DETAIL_NONE);
    assert_string_equal(p.table->name, "flows");
    plan_make(&p, &t, NOW - 1100, NOW, 10, DETAIL_NONE);
    assert_string_equal(p.table->name, "flows_1m0s");
    struct query_tables none = {.n = 4};
    memcpy(none.t, t.t, sizeof t.t);
    for (size_t i = 0; i < 4; i++)
        none.t[i].oldest = none.t[i].newest = 0;
    plan_make(&p, &none, NOW - 6 * HOUR, NOW, 200, DETAIL_NONE);
    assert_true(p.n >= 1);
}

/* The ranking reads whole hours from the hourly rollup, and all other rows from where the chart has them. */
static void totals_come_from_coarser_tables(void **state)
{
    struct query_tables t = usual();
    struct plan p, total;
    plan_make(&p, &t, NOW - DAY, NOW, 200, DETAIL_NONE);
    assert_int_equal(p.pieces[0].table->resolution_s, 300);
    assert_false(plan_total(&total, &p, &t)); /* nothing is known of its being shorter */
    t.t[1].rows = t.t[2].rows = 30000000;
    t.t[3].rows = 10000000;
    for (uint32_t back = 0; back < 2 * HOUR; back += 660) {
        t.border = NOW - back;
        plan_make(&p, &t, NOW - DAY, NOW, 200, DETAIL_NONE);
        assert_true(plan_total(&total, &p, &t));
        uint32_t at = p.from, hours = 0;
        for (size_t i = 0; i < total.n; i++) {
            const struct plan_piece *x = &total.pieces[i];
            assert_true(x->from == at && x->from < x->to);
            at = x->to;
            if (x->table->resolution_s == HOUR) {
                assert_true(x->from % HOUR == 0 && x->to % HOUR == 0 && x->to <= t.border);
                hours += (x->to - x->from) / HOUR;
            }
        }
        assert_int_equal(at, p.to);
        assert_in_range(hours, 20, 24);
    }
    t.border = NOW - 60;
    t.t[3].rows = 29000000; /* hardly shorter */
    assert_false(plan_total(&total, &p, &t));
    t.t[3].rows = 10000000;
    t.t[3].oldest = NOW - 20 * HOUR; /* it does not reach back */
    assert_false(plan_total(&total, &p, &t) && total.pieces[1].table->resolution_s == HOUR);
    plan_make(&p, &t, NOW - DAY, NOW, 200, DETAIL_NEEDED);
    assert_false(plan_total(&total, &p, &t));
}

static void a_ranking_of_totals(void **state)
{
    struct query_tables t = usual();
    struct plan p;
    struct buf sql;
    t.t[1].rows = t.t[2].rows = 30000000;
    t.t[3].rows = 10000000;
    char json[200];
    snprintf(json, sizeof json,
             "{\"start\":%u,\"end\":%u,\"dimensions\":[\"SrcAS\"],\"filter\":\"\",\"units\":\"l3bps\","
             "\"limit\":10}",
             NOW - DAY, NOW);
    struct query_request q = ask(json);
    line_plan(&p, &q, &t);
    buf_init(&sql, 0);
    line_sql(&q, &t, &p, &sql);
    buf_u8(&sql, 0);
    assert_non_null(strstr((char *)sql.p, "total AS (SELECT "));
    assert_non_null(strstr((char *)sql.p, " FROM flows_1h0m0s WHERE"));
    assert_non_null(strstr((char *)sql.p, " AS k FROM total GROUP BY k ORDER BY sum(v) DESC, k LIMIT"));
    assert_non_null(strstr((char *)sql.p, " FROM direct GROUP BY bucket, r)"));
    buf_reset(&sql);
    q.limit_type = LIMIT_MAX; /* needs buckets */
    line_sql(&q, &t, &p, &sql);
    buf_u8(&sql, 0);
    assert_null(strstr((char *)sql.p, "total AS"));
    buf_fini(&sql);
}

/* Pieces follow each other without gap or overlap, rollups end where they are complete. */
static void pieces_meet_at_the_border(void **state)
{
    struct query_tables t = usual();
    for (uint32_t border = NOW - 2 * HOUR; border < NOW; border += 60) {
        for (unsigned points = 5; points <= 400; points += 79) {
            struct plan p;
            t.border = border;
            plan_make(&p, &t, NOW - DAY, NOW, points, DETAIL_NONE);
            assert_int_equal(p.pieces[0].from, p.from);
            assert_int_equal(p.pieces[p.n - 1].to, p.to);
            for (size_t i = 0; i < p.n; i++) {
                const struct plan_piece *x = &p.pieces[i];
                assert_true(x->from < x->to && x->from % x->table->resolution_s == 0);
                if (x->table->resolution_s > 1)
                    assert_true(x->to <= border && x->to % x->table->resolution_s == 0);
                if (i)
                    assert_int_equal(x->from, p.pieces[i - 1].to);
            }
            assert_string_equal(p.pieces[p.n - 1].table->name, "flows");
        }
    }
    struct plan p;
    t.border = 0;
    plan_make(&p, &t, NOW - DAY, NOW, 200, DETAIL_NONE);
    assert_int_equal(p.n, 1);
    assert_string_equal(p.pieces[0].table->name, "flows");
}

/* Detail that is gone does not take the traffic with it, as long as only dimensions wanted it. */
static void old_time_is_told_without_its_detail(void **state)
{
    struct query_tables t = usual();
    struct plan p;
    plan_make(&p, &t, NOW - 20 * DAY, NOW, 100, DETAIL_SHOWN);
    assert_true(p.detail_from >= t.t[0].oldest && p.detail_from - t.t[0].oldest < p.interval);
    assert_true(p.pieces[0].without_detail && p.pieces[0].table->resolution_s > 1);
    assert_int_equal(p.pieces[0].to, p.detail_from);
    assert_true(!p.pieces[p.n - 1].without_detail && p.pieces[p.n - 1].table == &t.t[0]);
    assert_int_equal(p.pieces[p.n - 1].to, p.to);
    plan_make(&p, &t, NOW - 20 * DAY, NOW, 100, DETAIL_NEEDED);
    assert_true(p.n == 1 && p.pieces[0].table == &t.t[0] && p.short_of_data);
    plan_make(&p, &t, NOW - 10 * DAY, NOW, 100, DETAIL_SHOWN); /* all of it is still there */
    assert_true(p.n == 1 && !p.detail_from);
}

static void a_first_look_reads_little(void **state)
{
    struct query_tables t = usual();
    struct plan exact, coarse;
    for (size_t i = 0; i < t.n; i++)
        t.t[i].rows = 100000000 / t.t[i].resolution_s;
    static const struct {
        uint32_t ago;
        enum request_detail detail;
    } cases[] = {{DAY, DETAIL_NONE}, {DAY, DETAIL_SHOWN}, {7 * DAY, DETAIL_NEEDED}, {30 * DAY, DETAIL_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan_make(&exact, &t, NOW - cases[i].ago, NOW, 200, cases[i].detail);
        plan_coarse(&coarse, &t, NOW - cases[i].ago, NOW, 200, cases[i].detail);
        if (plan_rows(&coarse) * 4 > plan_rows(&exact) + 4)
            fail_msg("case %zu: %llu of %llu", i, (unsigned long long)plan_rows(&coarse),
                     (unsigned long long)plan_rows(&exact));
        assert_true(coarse.interval > exact.interval);
        if (coarse.sample)
            assert_int_equal(coarse.interval % (300 * coarse.sample), 0);
    }
    assert_true(plan_rows(&exact) > 0);
}

static void previous_period_fits_the_range(void **state)
{
    const char *name;
    assert_int_equal(plan_previous(NOW - HOUR, NOW, &name), HOUR);
    assert_int_equal(plan_previous(NOW - 6 * HOUR, NOW, &name), DAY);
    assert_int_equal(plan_previous(NOW - 3 * DAY, NOW, &name), 7 * DAY);
    assert_int_equal(plan_previous(NOW - 20 * DAY, NOW, &name), 28 * DAY);
    assert_int_equal(plan_previous(NOW - 90 * DAY, NOW, &name), 364 * DAY);
    assert_string_equal(name, "year");
}

/* ---- SQL */

#define AT(t) "toDateTime('2025-11-21 " t "', 'UTC')"
#define RANGE(a, b) "TimeReceived >= " AT(a) " AND TimeReceived < " AT(b)

static void expect_sql(const char *json, const char *want)
{
    struct query_tables t = usual();
    struct query_request q = ask(json);
    struct plan p;
    struct buf sql;
    buf_init(&sql, 0);
    plan_make(&p, &t, q.start, q.end, q.points, request_detail(&q));
    line_sql(&q, &t, &p, &sql);
    buf_u8(&sql, 0);
    assert_string_equal((char *)sql.p, want);
    buf_fini(&sql);
}

static void charts_as_sql(void **state)
{
    expect_sql(
        "{\"start\":\"2025-11-21T09:58:00Z\",\"end\":\"2025-11-21T10:00:00Z\",\"points\":60}",
        "WITH direct AS (SELECT TimeReceived AS t, Bytes * SamplingRate * 8 AS v FROM flows WHERE " RANGE(
            "09:58:00",
            "10:00:00") ") SELECT 1::UInt8 AS axis, bucket, r::UInt32 AS r, x::Float64 AS x, "
                        "[]::Array(String) AS label FROM (SELECT "
                        "toUInt32(toStartOfInterval(t, INTERVAL 2 second, 'UTC')) AS bucket, 0 AS r, "
                        "sum(v) / 2 AS x FROM direct GROUP BY bucket, r)");
    expect_sql(
        "{\"start\":\"2025-11-21T04:00:00Z\",\"end\":\"2025-11-21T10:00:00Z\",\"dimensions\":["
        "\"InIfProvider\"],"
        "\"filter\":\"InIfBoundary = external\",\"units\":\"l2bps\",\"limit\":5,\"bidirectional\":true}",
        "WITH direct AS (SELECT TimeReceived AS t, (Bytes + 38 * Packets) * SamplingRate * 8 AS v, "
        "InIfProvider AS d1 "
        "FROM flows_1m0s WHERE " RANGE(
            "04:00:00",
            "09:59:00") " AND (InIfBoundary = 'external') UNION ALL SELECT "
                        "TimeReceived AS t, (Bytes + 38 * Packets) * SamplingRate * 8 AS v, InIfProvider AS "
                        "d1 FROM flows WHERE " RANGE(
                            "09:59:00",
                            "10:00:00") " AND (InIfBoundary = 'external')), "
                                        "reverse AS (SELECT TimeReceived AS t, (Bytes + 38 * Packets) * "
                                        "SamplingRate * 8 AS v, OutIfProvider AS d1 "
                                        "FROM flows_1m0s WHERE " RANGE(
                                            "04:00:00",
                                            "09:59:00") " AND (OutIfBoundary = 'external') UNION ALL SELECT "
                                                        "TimeReceived AS t, (Bytes + 38 * Packets) * "
                                                        "SamplingRate * 8 AS v, OutIfProvider AS d1 FROM "
                                                        "flows WHERE " RANGE(
                                                            "09:59:00",
                                                            "10:00:00") " AND (OutIfBoundary = 'external')), "
                                                                        "(SELECT groupArray(k) FROM (SELECT "
                                                                        "cityHash64(d1) AS k FROM direct "
                                                                        "GROUP BY k ORDER BY sum(v) DESC, k "
                                                                        "LIMIT 5)) "
                                                                        "AS top "
                                                                        "SELECT 1::UInt8 AS axis, bucket, "
                                                                        "r::UInt32 AS r, x::Float64 AS x, "
                                                                        "if(r = 0, [], CAST([toString(a1)], "
                                                                        "'Array(String)')) AS label FROM "
                                                                        "(SELECT "
                                                                        "toUInt32(toStartOfInterval(t, "
                                                                        "INTERVAL 60 second, 'UTC')) AS "
                                                                        "bucket, "
                                                                        "transform(cityHash64(d1), top, "
                                                                        "arrayEnumerate(top), 0::UInt32) AS "
                                                                        "r, any(d1) AS a1, sum(v) / 60 AS x "
                                                                        "FROM direct "
                                                                        "GROUP BY bucket, r) UNION ALL "
                                                                        "SELECT 2::UInt8 AS axis, bucket, "
                                                                        "r::UInt32 AS r, x::Float64 AS x, "
                                                                        "if(r = 0, [], CAST([toString(a1)], "
                                                                        "'Array(String)')) AS label FROM "
                                                                        "(SELECT "
                                                                        "toUInt32(toStartOfInterval(t, "
                                                                        "INTERVAL 60 second, 'UTC')) AS "
                                                                        "bucket, "
                                                                        "transform(cityHash64(d1), top, "
                                                                        "arrayEnumerate(top), 0::UInt32) AS "
                                                                        "r, any(d1) AS a1, sum(v) / 60 AS x "
                                                                        "FROM reverse "
                                                                        "GROUP BY bucket, r)");
}

static void has(const char *json, bool there, const char *part)
{
    struct query_tables t = usual();
    struct query_request q = ask(json);
    struct plan p;
    struct buf sql;
    buf_init(&sql, 0);
    plan_make(&p, &t, q.start, q.end, q.points, request_detail(&q));
    line_sql(&q, &t, &p, &sql);
    buf_u8(&sql, 0);
    if ((strstr((char *)sql.p, part) != NULL) != there)
        fail_msg("%s%s in %s", there ? "no " : "", part, (char *)sql.p);
    buf_fini(&sql);
}

#define DAY_LONG "{\"start\":\"2025-11-20T10:00:00Z\",\"end\":\"2025-11-21T10:00:00Z\","

static void details_of_sql(void **state)
{
    /* a bucket is of one table: the five minutes in which the border lies come from finer tables */
    has(DAY_LONG "\"dimensions\":[\"SrcAS\"]}", true,
        "FROM flows_5m0s WHERE TimeReceived >= toDateTime('2025-11-20 10:00:00', 'UTC') AND TimeReceived < "
        "toDateTime('2025-11-21 09:55:00', 'UTC')");
    has(DAY_LONG "\"dimensions\":[\"SrcAS\"]}", true, "FROM flows_1m0s WHERE " RANGE("09:55:00", "09:59:00"));
    has(DAY_LONG "\"dimensions\":[\"SrcAS\"]}", true, "FROM flows WHERE " RANGE("09:59:00", "10:00:00"));
    has(DAY_LONG "\"units\":\"fps\"}", false, "flows_");
    has(DAY_LONG "\"units\":\"fps\"}", true, "1 AS v FROM flows ");
    has(DAY_LONG "\"dimensions\":[\"SrcPort\"]}", false, "flows_");
    has(DAY_LONG "\"filter\":\"SrcPort = 80\"}", false, "flows_");
    has(DAY_LONG "\"units\":\"inl2%\",\"bidirectional\":true}", true,
        "cityHash64(ExporterAddress, InIfName) AS i");
    has(DAY_LONG "\"units\":\"inl2%\",\"bidirectional\":true}", true,
        "cityHash64(ExporterAddress, OutIfName) AS i");
    has(DAY_LONG "\"units\":\"inl2%\",\"bidirectional\":true}", true, "AND OutIfSpeed > 0");
    has(DAY_LONG "\"units\":\"outl2%\"}", true, "sum(v) / 300 / uniqExact(i)");
    has(DAY_LONG "\"dimensions\":[\"SrcAddr\"],\"truncate-v4\":24}", true,
        "'::ffff:0.0.0.0'), 120, 128)::UInt8).1 AS d1");
    has(DAY_LONG "\"dimensions\":[\"SrcAddr\"],\"truncate-v4\":24}", true, "'/24', '')");
    has(DAY_LONG "\"dimensions\":[\"SrcAddr\"]}", false, "CIDR");
    has(DAY_LONG "\"dimensions\":[\"SrcAS\"],\"limitType\":\"last\"}", true,
        "FROM direct WHERE t >= " AT("09:50:00") " AND t < " AT("09:55:00"));
    has(DAY_LONG "\"dimensions\":[\"SrcAS\"],\"limitType\":\"max\"}", true,
        "ORDER BY max(x) DESC, k LIMIT 10");
    has(DAY_LONG "\"dimensions\":[\"Proto\"]}", true,
        "dictGetOrDefault('protocols', 'name', a1, toString(a1))");
    has(DAY_LONG "\"dimensions\":[\"SrcAS\"]}", true, "[toString(a1)]"); /* there is no dictionary of names */
    has(DAY_LONG "\"previous-period\":true,\"dimensions\":[\"SrcAS\"]}", true,
        "previous AS (SELECT TimeReceived + 86400 AS t, Bytes * SamplingRate * 8 AS v FROM flows_5m0s");
}

/* ---- answers */

static void numbers_skip_what_is_not_complete(void **state)
{
    struct plan p = {.from = NOW, .to = NOW + 600, .interval = 60};
    struct series_set s;
    struct coverage known;
    coverage_init(&known, &p, NOW + 540, &arena); /* nine of ten buckets are there */
    series_init(&s, &arena, &known, &known, false);
    struct series *small = series_row(&s, 1, 2);
    for (size_t i = 0; i < 10; i++)
        small->points[i] = (double)i;
    series_row(&s, 1, 0)->points[3] = 1e9;
    series_row(&s, 1, 1)->points[2] = 1000;
    known.missing[2] = true;
    series_finish(&s, LIMIT_AVG);
    assert_int_equal(s.rows[0].rank, 1);
    assert_int_equal(s.rows[1].rank, 2);
    assert_int_equal(s.rows[2].rank, 0); /* Other last, however large */
    const struct series *row = &s.rows[1];
    assert_true(row->total == 45 * 60);
    assert_true(row->average == (45 - 9 - 2) / 8.0);
    assert_true(row->min == 1 && row->max == 8 && row->last == 8);
    assert_true(row->p95 > 7.6 && row->p95 < 7.7);
    assert_true(series_bucket(&s, NOW + 59) == 0 && series_bucket(&s, NOW + 600) == 10 &&
                series_bucket(&s, 0) == 10);
    series_fini(&s);
}

static void short_answers_are_noticed(void **state)
{
    struct rows r = rows_init(STR("\x01\x03"
                                  "abc\x05zz"));
    assert_int_equal(rows_u8(&r), 1);
    assert_true(str_eq(rows_text(&r), STR("abc")));
    assert_true(rows_more(&r));
    assert_int_equal(rows_text(&r).len, 0);
    assert_true(rows_bad(&r) && !rows_more(&r));
    r = rows_init(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    rows_varint(&r);
    assert_true(rows_bad(&r));
}

static void texts_of_routers_become_json(void **state)
{
    json_t *v = render_text(STR("caf\xc3\xa9 \xff\xc3(\xed\xa0\x80 \xf0\x9f\x98\x80"));
    assert_string_equal(
        json_string_value(v),
        "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80");
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(names_of_tables_say_their_resolution),
        cmocka_unit_test(table_follows_range_points_and_columns),
        cmocka_unit_test(young_system_is_drawn_finely),
        cmocka_unit_test(pieces_meet_at_the_border),
        cmocka_unit_test(totals_come_from_coarser_tables),
        cmocka_unit_test(a_ranking_of_totals),
        cmocka_unit_test(old_time_is_told_without_its_detail),
        cmocka_unit_test(a_first_look_reads_little),
        cmocka_unit_test(previous_period_fits_the_range),
        cmocka_unit_test(charts_as_sql),
        cmocka_unit_test(details_of_sql),
        cmocka_unit_test(numbers_skip_what_is_not_complete),
        cmocka_unit_test(short_answers_are_noticed),
        cmocka_unit_test(texts_of_routers_become_json),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
