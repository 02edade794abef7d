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
static const bool nothing[COL_COUNT];
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
    assert_false(plan_total(&total, &p, &t, nothing)); /* nothing is known of its being shorter */
    t.t[1].rows = t.t[2].rows = 30000000;
    t.t[3].rows = 10000000;
    for (uint32_t back = 0; back < 2 * HOUR; back += 660) {
        t.border = NOW - back;
        plan_make(&p, &t, NOW - DAY, NOW, 200, DETAIL_NONE);
        assert_true(plan_total(&total, &p, &t, nothing));
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
    assert_false(plan_total(&total, &p, &t, nothing));
    t.t[3].rows = 10000000;
    t.t[3].oldest = NOW - 20 * HOUR; /* it does not reach back */
    assert_false(plan_total(&total, &p, &t, nothing) && total.pieces[1].table->resolution_s == HOUR);
    plan_make(&p, &t, NOW - DAY, NOW, 200, DETAIL_NEEDED);
    assert_false(plan_total(&total, &p, &t, nothing));
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

/* A column of a dictionary keyed by address is in `flows` alone. */
static enum column looked_up(void)
{
    const struct column_def def = {.name = "SrcHostRole",
                                   .store = STORE_NONE,
                                   .type = "String",
                                   .codec = "",
                                   .kind = KIND_STRING,
                                   .flags = COLF_GEN | COLF_NOKEY,
                                   .elements = "",
                                   .expr = "dictGet('custom_dict_hosts', 'role', SrcAddr)",
                                   .doc = "",
                                   .dictionary = "hosts",
                                   .attribute = "role"};
    enum column c = column_add(&def);
    assert_true(c >= COL_CUSTOM && c < COL_COUNT);
    schema.enabled[c] = schema.main_only[c] = true;
    return c;
}

static void check_old_dictionary(const struct query_tables *t, const char *more, const char *part,
                                 const char *note)
{
    char json[200];
    struct plan p;
    struct buf sql;
    snprintf(json, sizeof json, "{\"start\":%u,\"end\":%u,\"points\":100,%s}", NOW - 20 * DAY, NOW, more);
    struct query_request q = ask(json);
    buf_init(&sql, 0);
    line_plan(&p, &q, t);
    line_sql(&q, t, &p, &sql);
    buf_u8(&sql, 0);
    if (!strstr((char *)sql.p, part) || strstr((char *)sql.p, "SrcHostRole AS d1 FROM flows_"))
        fail_msg("%s in %s", part, (char *)sql.p);
    json_t *notes = line_notes(&q, t, &p);
    const char *said = json_string_value(json_array_get(notes, 0));
    if (!said || !strstr(said, note))
        fail_msg("%s", said ? said : "no note");
    json_decref(notes);
    buf_fini(&sql);
}

static void old_time_is_told_without_dictionaries_by_address(void **state)
{
    struct query_tables t = usual();
    enum column c = looked_up();
    check_old_dictionary(&t, "\"dimensions\":[\"SrcHostRole\"]",
                         "defaultValueOfTypeName('String') AS d1 FROM flows_",
                         "older traffic is shown without them");
    check_old_dictionary(&t, "\"filter\":\"SrcHostRole = 'web'\"", "FROM flows WHERE", "needs detailed data");
    schema.enabled[c] = schema.main_only[c] = false;
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

/* ---- narrow rollups */

static void narrow_rollups_are_known_by_their_comment(void **state)
{
    static const struct {
        const char *name, *comment, *as; /* NULL: it is none */
        uint32_t s, since;
    } cases[] = {
        {"flows_5m0s_src_as", "weir 0123456789abcdef since 0 by InIfBoundary, OutIfBoundary, SrcAS",
         "flows_5m0s_src_as", 300, 0},
        {"flows_1h0m0s_x_local", "weir 1 since 1763719200 by InIfBoundary, SrcAS", "flows_1h0m0s_x", 3600,
         NOW},
        {"flows_5m0s", "Flows added up", NULL, 0, 0},
        {"flows_5m0s_x", "weir 0123456789abcdef", NULL, 0, 0},
        {"flows_5m0s_x", "weir 0123456789abcdef since soon by SrcAS", NULL, 0, 0},
        {"flows_5m0s_x", "weir 0123456789abcdef since 99999999999 by SrcAS", NULL, 0, 0},
        {"flows_5m0s_x", "weir 0123456789abcdef since 0 by NoColumn", NULL, 0, 0},
        {"flows_x", "weir 0123456789abcdef since 0 by SrcAS", NULL, 0, 0},
        {"x", "weir 0123456789abcdef since 0 by SrcAS", NULL, 0, 0},
        {"", "", NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct query_narrow n;
        bool is = catalog_narrow(str_from(cases[i].name), str_from(cases[i].comment), &n);
        if (is != (cases[i].as != NULL))
            fail_msg("case %zu", i);
        if (!is)
            continue;
        assert_string_equal(n.table.name, cases[i].as);
        assert_int_equal(n.table.resolution_s, cases[i].s);
        assert_int_equal(n.since, cases[i].since);
        assert_true(n.has[COL_SrcAS] && n.has[COL_InIfBoundary] && !n.has[COL_DstAS]);
    }
}

/* Three sets for each coarse rollup; the one by interface has half the rows of the one by AS, the one by provider came late. */
static struct query_tables with_narrow(void)
{
    static const struct {
        const char *name, *columns;
        uint64_t rows;
        uint32_t ago;
    } sets[] = {
        {"src_as", "InIfBoundary, OutIfBoundary, SrcAS", 2000, 0},
        {"input", "InIfBoundary, OutIfBoundary, ExporterAddress, ExporterName, InIfName, InIfSpeed", 1000, 0},
        {"provider", "InIfBoundary, OutIfBoundary, InIfProvider", 100, 10 * HOUR}};
    struct query_tables t = usual();
    t.t[1].rows = t.t[2].rows = 100000;
    t.t[3].rows = 50000;
    for (size_t i = 0; i < 6; i++) {
        struct query_narrow *n = &t.narrow[t.n_narrow++];
        const struct query_table *rollup = &t.t[2 + i / 3];
        char name[48], comment[200];
        snprintf(name, sizeof name, "%s_%s", rollup->name, sets[i % 3].name);
        snprintf(comment, sizeof comment, "weir 1 since %u by %s",
                 sets[i % 3].ago ? NOW - sets[i % 3].ago : 0, sets[i % 3].columns);
        assert_true(catalog_narrow(str_from(name), str_from(comment), n));
        n->table.rows = sets[i % 3].rows / (i < 3 ? 1 : 4);
        n->table.oldest = rollup->oldest;
        n->table.newest = rollup->newest;
    }
    return t;
}

static const char *narrow_sql(const struct query_tables *t, const char *json, struct buf *sql)
{
    struct query_request q = ask(json);
    struct plan p;
    buf_reset(sql);
    line_plan(&p, &q, t);
    line_sql(&q, t, &p, sql);
    buf_u8(sql, 0);
    return (const char *)sql->p;
}

#define LONG_DAY "{\"start\":\"2025-11-20T10:00:00Z\",\"end\":\"2025-11-21T10:00:00Z\","

static void questions_are_answered_from_few_columns(void **state)
{
    static const struct {
        const char *json, *from, *not_from;
    } cases[] = {
        /* whole hours of the ranking from hours, the series from five minutes; the rest as ever */
        {LONG_DAY "\"dimensions\":[\"SrcAS\"],\"filter\":\"InIfBoundary = external\"}",
         "total AS (SELECT TimeReceived AS t, Bytes * SamplingRate * 8 AS v, SrcAS AS d1 FROM "
         "flows_1h0m0s_src_as WHERE TimeReceived >= toDateTime('2025-11-20 10:00:00', 'UTC')",
         "flows_5m0s "},
        {LONG_DAY "\"dimensions\":[\"SrcAS\"],\"filter\":\"InIfBoundary = external\"}",
         "direct AS (SELECT TimeReceived AS t, Bytes * SamplingRate * 8 AS v, SrcAS AS d1 FROM "
         "flows_5m0s_src_as WHERE TimeReceived >= toDateTime('2025-11-20 10:00:00', 'UTC') AND TimeReceived "
         "< "
         "toDateTime('2025-11-21 09:55:00', 'UTC') AND (InIfBoundary = 'external') UNION ALL SELECT "
         "TimeReceived AS t, Bytes * SamplingRate * 8 AS v, SrcAS AS d1 FROM flows_1m0s WHERE ",
         "flows_1h0m0s "},
        /* the fewest rows: one that has them for ten hours only is no help */
        {LONG_DAY "\"units\":\"pps\"}", "FROM flows_5m0s_input ", "flows_5m0s_src_as"},
        {LONG_DAY "\"dimensions\":[\"ExporterName\",\"InIfName\"]}", "FROM flows_5m0s_input ", "flows_5m0s "},
        {LONG_DAY "\"units\":\"inl2%\"}", "FROM flows_5m0s_input ", "flows_5m0s "},
        /* each direction by its own columns */
        {LONG_DAY "\"dimensions\":[\"SrcAS\"],\"bidirectional\":true}", "DstAS AS d1 FROM flows_5m0s WHERE",
         "DstAS AS d1 FROM flows_5m0s_"},
        /* a column that is not there, wherever it stands */
        {LONG_DAY "\"dimensions\":[\"SrcAS\",\"Proto\"]}", "FROM flows_5m0s WHERE", "_src_as"},
        {LONG_DAY "\"dimensions\":[\"SrcAS\"],\"filter\":\"NOT (ExporterName = 'x' OR InIfName = 'y')\"}",
         "FROM flows_5m0s WHERE", "_src_as"},
        {LONG_DAY "\"filter\":\"SrcAS = DstAS\"}", "FROM flows_5m0s WHERE", "_src_as"},
        {LONG_DAY "\"units\":\"fps\"}", "FROM flows WHERE", "flows_"},
        /* not before it had all rows */
        {LONG_DAY "\"dimensions\":[\"InIfProvider\"]}",
         "FROM flows_5m0s WHERE TimeReceived >= toDateTime('2025-11-20 10:00:00', 'UTC') AND TimeReceived < "
         "toDateTime('2025-11-21 00:00:00', 'UTC') UNION ALL SELECT TimeReceived AS t, Bytes * SamplingRate "
         "* 8 AS "
         "v, InIfProvider AS d1 FROM flows_5m0s_provider WHERE TimeReceived >= toDateTime('2025-11-21 "
         "00:00:00', "
         "'UTC')",
         "flows_5m0s_src_as"},
    };
    struct query_tables t = with_narrow();
    struct buf sql;
    buf_init(&sql, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = narrow_sql(&t, cases[i].json, &sql);
        if (!strstr(text, cases[i].from) || strstr(text, cases[i].not_from))
            fail_msg("case %zu: %s", i, text);
    }
    buf_fini(&sql);
}

/* Whatever is narrow: the same times are read once each, in order, and none of it before it is complete. */
static void narrow_pieces_leave_no_gap(void **state)
{
    struct query_tables t = with_narrow();
    bool need[COL_COUNT] = {[COL_InIfProvider] = true};
    for (uint32_t since = NOW - 30 * HOUR; since < NOW + HOUR; since += 1700)
        for (unsigned points = 20; points <= 300; points += 70) {
            struct plan p, wide, total;
            t.narrow[2].since = t.narrow[5].since = since;
            t.border = NOW - since % 7000 / 60 * 60;
            plan_make(&wide, &t, NOW - DAY, NOW, points, DETAIL_NONE);
            p = wide;
            plan_narrow(&p, &t, need);
            if (!plan_total(&total, &wide, &t, need))
                total = p;
            for (int which = 0; which < 2; which++) {
                const struct plan *x = which ? &total : &p;
                uint32_t at = x->from;
                for (size_t i = 0; i < x->n; i++) {
                    assert_true(x->pieces[i].from == at && x->pieces[i].to > at);
                    at = x->pieces[i].to;
                    if (strstr(x->pieces[i].table->name, "provider"))
                        assert_true(x->pieces[i].from >= since && x->pieces[i].to <= t.border &&
                                    x->pieces[i].from % x->pieces[i].table->resolution_s == 0);
                }
                assert_int_equal(at, x->to);
            }
            assert_true(plan_rows(&p) <= plan_rows(&wide));
        }
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
        cmocka_unit_test(old_time_is_told_without_dictionaries_by_address),
        cmocka_unit_test(a_first_look_reads_little),
        cmocka_unit_test(narrow_rollups_are_known_by_their_comment),
        cmocka_unit_test(questions_are_answered_from_few_columns),
        cmocka_unit_test(narrow_pieces_leave_no_gap),
        cmocka_unit_test(previous_period_fits_the_range),
        cmocka_unit_test(charts_as_sql),
        cmocka_unit_test(details_of_sql),
        cmocka_unit_test(numbers_skip_what_is_not_complete),
        cmocka_unit_test(short_answers_are_noticed),
        cmocka_unit_test(texts_of_routers_become_json),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
