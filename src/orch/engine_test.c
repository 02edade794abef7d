/*
 * Every column there is, through the encoder, into the orchestrator's tables in the real engine, and back.
 *
 * The engine's library stands no address sanitizer; there, and where it is not installed, the test is skipped.
 */
#include "orch/tables.h"
#include "store/block.h"
#include "store/embedded/engine_chdb.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { ROWS = 5000, SKIPPED = 77 };

static struct {
    const struct engine *en;
    struct engine_session *s;
    struct schema schema;
    struct orch_clickhouse_conf conf;
    struct tables_plan plan;
    char dir[64];
} w;

/* ---- asking */

static char *ask(const char *sql)
{
    struct engine_statement st = {.sql = str_from(sql), .format = "TSVRaw"};
    struct engine_result r;
    w.en->run(w.en, w.s, &st, &r);
    if (!r.ok)
        fail_msg("%s\n%.100s", r.error, sql);
    char *z = calloc(1, r.data.len + 1);
    memcpy(z, r.data.p, r.data.len);
    w.en->result_fini(w.en, &r);
    return z;
}

static void run(const char *sql)
{
    free(ask(sql));
}

static void insert(const char *table, const char *token, struct str block)
{
    char sql[300];
    struct engine_result r;
    snprintf(
        sql, sizeof sql,
        "INSERT INTO %s SETTINGS insert_deduplication_token = '%s', async_insert = 0, optimize_on_insert = 0,"
        " deduplicate_blocks_in_dependent_materialized_views = 1",
        table, token);
    struct engine_statement st = {.sql = str_from(sql), .format = "Native"};
    w.en->insert(w.en, w.s, &st, block, &r);
    if (!r.ok)
        fail_msg("%s", r.error);
    w.en->result_fini(w.en, &r);
}

static int up(void **state)
{
    struct arena a;
    struct err e;
    static struct orch_resolution resolutions[] = {{0}, {60000000000u}, {300000000000u}, {3600000000000u}};
    arena_init(&a);
    const char *library = engine_chdb_find(&a);
    if (!library || access(library, R_OK) != 0) {
        printf("libchdb.so is not installed\n");
        exit(SKIPPED);
    }
    strcpy(w.dir, "/tmp/weir-engine-XXXXXX");
    if (!mkdtemp(w.dir))
        return -1;
    w.en =
        engine_chdb_new(&(struct engine_chdb_conf){.library = library, .path = w.dir, .background = 1}, &e);
    arena_fini(&a);
    if (!w.en || !(w.s = w.en->open(w.en, &e))) {
        fprintf(stderr, "%s\n", e.msg);
        return -1;
    }
    schema_default(&w.schema);
    for (unsigned c = 0; c < COL_CUSTOM; c++)
        w.schema.enabled[c] = true;
    /* GeoCity: as many groups as rows, so more than the engine gives out as one block */
    static const char *networks[] = {"SrcAS"}, *cities[] = {"SrcGeoCity", "ExporterAddress", "InIfName"};
    static struct orch_narrow narrow[] = {{"src-as", {1, networks}}, {"cities", {3, cities}}};
    w.conf = (struct orch_clickhouse_conf){
        .resolutions = {4, resolutions}, .narrow = {2, narrow}, .max_partitions = 50};
    tables_plan_init(&w.plan, &(struct tables_conf){.schema = &w.schema,
                                                    .clickhouse = &w.conf,
                                                    .database = "default",
                                                    .cluster = "",
                                                    .url = "http://127.0.0.1:1"});
    run("SET allow_suspicious_low_cardinality_types = 1");
    run("CREATE DICTIONARY icmp (proto UInt8, type UInt8, code UInt8, name String) PRIMARY KEY proto, type, "
        "code"
        " SOURCE(NULL()) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)");
    struct buf sql;
    buf_init(&sql, 0);
    for (size_t i = 0; i < w.plan.n_tables; i++) {
        buf_reset(&sql);
        tables_create(&w.plan, &w.plan.tables[i], &sql);
        buf_u8(&sql, 0);
        run((char *)sql.p);
    }
    for (size_t i = 0; i < w.plan.n_views; i++) {
        buf_reset(&sql);
        tables_create_view(&w.plan, &w.plan.views[i], "", false, &sql);
        buf_u8(&sql, 0);
        run((char *)sql.p);
    }
    buf_fini(&sql);
    return 0;
}

static int down(void **state)
{
    char cmd[100];
    tables_plan_fini(&w.plan);
    w.en->close(w.en, w.s);
    engine_chdb_free(w.en);
    snprintf(cmd, sizeof cmd, "rm -rf %s", w.dir);
    return system(cmd);
}

/* ---- values, and how ClickHouse writes them */

static uint32_t mix(uint32_t row, enum column c)
{
    uint32_t x = row * 2654435761u ^ (uint32_t)c * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    return x ^ x >> 13;
}

static bool is_enum(enum column c)
{
    return strncmp(column_defs[c].type, "Enum8", 5) == 0;
}

/* Each seventh row has nothing but its number. */
static bool is_bare(uint32_t row)
{
    return row % 7 == 3;
}

static uint64_t number(enum column c, uint32_t row)
{
    static const uint64_t masks[] = {
        [STORE_U8] = 0xff, [STORE_U16] = 0xffff, [STORE_U32] = UINT32_MAX, [STORE_U64] = UINT64_MAX};
    if (c == COL_Bytes)
        return row + 1;
    if (c == COL_TimeReceived)
        return 1790000000 + row / 100;
    if (is_bare(row))
        return 0;
    return is_enum(c) ? mix(row, c) % 3
                      : (mix(row, c) * UINT64_C(0x9e3779b97f4a7c15)) & masks[column_defs[c].store];
}

static void name(enum column c, uint32_t row, char *to)
{
    uint32_t n = c == COL_SrcGeoCity ? row : mix(row, c) % 300; /* one column with as many names as rows */
    if (is_bare(row))
        *to = '\0';
    else if (n == 1)
        strcpy(to, "quo'te \"\\ tab\t \xc3\xa9");
    else
        sprintf(to, "%s-%u", column_defs[c].name, n);
}

static struct ip address(enum column c, uint32_t row)
{
    struct ip a = {.q = {0, 0}};
    uint32_t m = mix(row, c);
    if (is_bare(row))
        return a;
    if (m % 2)
        return ip_v4((uint8_t[]){192, 0, 2, (uint8_t)(m >> 8)});
    memcpy(a.b, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
    a.b[15] = (uint8_t)(m >> 8) | 1;
    return a;
}

static const char *enum_name(enum column c, uint64_t v)
{
    static const char *const boundary[] = {"undefined", "external", "internal"}, *const direction[] = {
                                                                                     "undefined", "ingress",
                                                                                     "egress"};
    return (c == COL_FlowDirection ? direction : boundary)[v];
}

static void expected(enum column c, uint32_t row, struct buf *out)
{
    char text[200];
    uint32_t n = is_bare(row) ? 0 : mix(row, c) % 4;
    switch (column_defs[c].store) {
    case STORE_IP:
        ip_format(address(c, row), text);
        buf_printf(out, "%s%s", ip_is_v4(address(c, row)) ? "::ffff:" : "", text);
        break;
    case STORE_STR:
        name(c, row, text);
        buf_z(out, text);
        break;
    case STORE_CC:
        buf_add(out, is_bare(row) ? "\0\0" : "FR", 2);
        break;
    case STORE_A32:
    case STORE_A128:
        buf_z(out, "[");
        for (uint32_t i = 0; i < n; i++)
            buf_printf(out, column_defs[c].store == STORE_A32 ? "%s%u" : "%s18446744073709551616%02u",
                       i ? "," : "", i + row % 10);
        buf_z(out, "]");
        break;
    default:
        if (is_enum(c))
            buf_z(out, enum_name(c, number(c, row)));
        else
            buf_printf(out, "%llu", (unsigned long long)number(c, row));
    }
}

/* ---- into a batch */

struct filling {
    struct intern strings;
    struct edges edges;
    struct batch *batch;
};

static void fill_array(struct filling *f, enum column c, uint32_t row, uint32_t at)
{
    uint32_t n = is_bare(row) ? 0 : mix(row, c) % 4;
    struct span *span = &((struct span *)batch_col(f->batch, c))[at];
    if (column_defs[c].store == STORE_A32) {
        uint32_t *p = batch_pool32(f->batch, n, span);
        for (uint32_t i = 0; i < n; i++)
            p[i] = i + row % 10;
    } else {
        /* 18446744073709551616 is 2^64; a hundred times that and two digits more */
        struct u128 *p = batch_pool128(f->batch, n, span);
        for (uint32_t i = 0; i < n; i++) {
            unsigned __int128 v = ((unsigned __int128)1 << 64) * 100 + i + row % 10;
            p[i] = (struct u128){(uint64_t)v, (uint64_t)(v >> 64)};
        }
    }
}

static uint32_t text_id(struct filling *f, enum column c, uint32_t row)
{
    char text[200];
    name(c, row, text);
    return intern(&f->strings, str_from(text));
}

static void fill_cell(struct filling *f, enum column c, uint32_t row, uint32_t at)
{
    void *col = column_defs[c].store == STORE_A32 || column_defs[c].store == STORE_A128
                    ? NULL
                    : batch_col(f->batch, c);
    uint64_t v = column_defs[c].store <= STORE_U64 ? number(c, row) : 0;
    switch (column_defs[c].store) {
    case STORE_U8:
        ((uint8_t *)col)[at] = (uint8_t)v;
        break;
    case STORE_U16:
        ((uint16_t *)col)[at] = (uint16_t)v;
        break;
    case STORE_U32:
        ((uint32_t *)col)[at] = (uint32_t)v;
        break;
    case STORE_U64:
        ((uint64_t *)col)[at] = v;
        break;
    case STORE_IP:
        ((struct ip *)col)[at] = address(c, row);
        break;
    case STORE_STR:
        ((uint32_t *)col)[at] = text_id(f, c, row);
        break;
    case STORE_CC:
        memcpy((char *)col + 2 * at, is_bare(row) ? "\0\0" : "FR", 2);
        break;
    default:
        fill_array(f, c, row, at);
    }
}

/* An edge of this row's own: its values are to be as different as the others'. */
static void fill_edge(struct filling *f, uint32_t row, uint32_t at)
{
    uint32_t id = edges_add(&f->edges, address(COL_ExporterAddress, row), row + 1, row + 2, 0);
    for (int i = 0; i < EDGE_VALUES; i++) {
        enum column c = edge_columns[i];
        f->edges.rows[id].v[i] =
            column_defs[c].store == STORE_STR ? text_id(f, c, row) : (uint32_t)number(c, row);
    }
    BATCH_U32(f->batch, Edge)[at] = id;
}

static bool is_written(enum column c)
{
    return schema_stored(&w.schema, c) && column_defs[c].store != STORE_NONE;
}

static void fill_block(struct block *b, uint32_t rows)
{
    struct filling f = {.batch = batch_new()};
    intern_init(&f.strings);
    edges_init(&f.edges);
    for (uint32_t from = 0; from < rows; from += 500) {
        batch_reset(f.batch);
        for (uint32_t row = from; row < from + 500 && row < rows; row++) {
            uint32_t at = f.batch->n++;
            fill_edge(&f, row, at);
            for (unsigned c = 0; c < COL_CUSTOM; c++)
                if (is_written((enum column)c) && !edge_column((enum column)c))
                    fill_cell(&f, (enum column)c, row, at);
        }
        block_append(b, f.batch, 0, f.batch->n, &f.strings, &f.edges);
    }
    batch_free(f.batch);
    edges_fini(&f.edges);
    intern_fini(&f.strings);
}

/* ---- tests */

static void seal(struct block *b, struct buf *out)
{
    struct block_sealer sealer = {0};
    block_seal(b, &sealer, out);
    block_sealer_fini(&sealer);
}

static void check_column(enum column c, uint32_t rows)
{
    char sql[300];
    struct buf want;
    buf_init(&want, 0);
    for (uint32_t row = 0; row < rows; row++) {
        expected(c, row, &want);
        buf_u8(&want, '\n');
    }
    snprintf(sql, sizeof sql,
             c == COL_TimeReceived              ? "SELECT toUInt32(%s) FROM flows ORDER BY Bytes"
             : column_defs[c].kind == KIND_TIME ? "SELECT reinterpretAsUInt64(%s) FROM flows ORDER BY Bytes"
                                                : "SELECT %s FROM flows ORDER BY Bytes",
             column_defs[c].name);
    struct engine_statement st = {.sql = str_from(sql), .format = "TSVRaw"};
    struct engine_result r;
    w.en->run(w.en, w.s, &st, &r);
    if (!r.ok || !str_eq(r.data, buf_str(&want))) {
        size_t i = 0;
        while (r.ok && i < r.data.len && i < want.len && r.data.p[i] == (char)want.p[i])
            i++;
        fail_msg("column %s differs at byte %zu: %s", column_defs[c].name, i, r.ok ? r.data.p + i : r.error);
    }
    w.en->result_fini(w.en, &r);
    buf_fini(&want);
}

static void every_column_comes_back(void **state)
{
    struct block_layout layout;
    struct buf sealed;
    block_layout_init(&layout, &w.schema, false);
    struct block *b = block_new(&layout);
    buf_init(&sealed, 0);
    fill_block(b, ROWS);
    seal(b, &sealed);
    insert("flows", "t1", buf_str(&sealed));
    insert("flows", "t1", buf_str(&sealed)); /* sent again: dropped */
    char *n = ask("SELECT count() FROM flows");
    assert_string_equal(n, "5000\n");
    free(n);
    unsigned checked = 0;
    for (unsigned c = 0; c < COL_CUSTOM; c++)
        if (is_written((enum column)c)) {
            check_column((enum column)c, ROWS);
            checked++;
        }
    assert_true(checked > 70);
    buf_fini(&sealed);
    block_free(b);
}

static void aliases_are_computed(void **state)
{
    char *text =
        ask("SELECT countIf(PacketSize != intDiv(Bytes, greatest(Packets, 1))) FROM flows WHERE Packets > 0");
    assert_string_equal(text, "0\n");
    free(text);
    run("INSERT INTO flows (TimeReceived, EType, SrcAddr, SrcNetMask, DstAddr, DstNetMask, Bytes, Packets, "
        "MPLSLabels) VALUES"
        " (1700000000, 0x800, '::ffff:192.0.2.77', 24, '::ffff:203.0.113.5', 32, 3000, 2, [7, 8]),"
        " (1700000000, 0x86dd, '2001:db8:1:2::3', 48, '2001:db8::1', 128, 64, 1, [])");
    text = ask("SELECT SrcNetPrefix, DstNetPrefix, PacketSize, PacketSizeBucket, MPLS1stLabel, MPLS3rdLabel "
               "FROM flows WHERE TimeReceived ="
               " 1700000000 ORDER BY EType");
    assert_string_equal(text, "192.0.2.0/24\t203.0.113.5/32\t1500\t1280-1500\t7\t0\n"
                              "2001:db8:1::/48\t2001:db8::1/128\t64\t64-127\t0\t0\n");
    free(text);
    run("ALTER TABLE flows DELETE WHERE TimeReceived = 1700000000 SETTINGS mutations_sync = 2");
}

static void empty_blocks_and_bare_columns(void **state)
{
    struct block_layout layout;
    struct buf sealed;
    block_layout_init(&layout, &w.schema, false);
    struct block *b = block_new(&layout);
    buf_init(&sealed, 0);
    seal(b, &sealed);
    insert("flows", "t2", buf_str(&sealed));
    char *n = ask("SELECT count() FROM flows");
    assert_string_equal(n, "5000\n");
    free(n);
    buf_fini(&sealed);
    block_free(b);
}

/* The coarser rollups follow from the finest, once for each token. */
static void rollups_follow(void **state)
{
    struct block_layout layout;
    struct buf sealed;
    char *sums;
    block_layout_init(&layout, &w.schema, true);
    struct block *b = block_new(&layout);
    buf_init(&sealed, 0);
    fill_block(b, 1000);
    seal(b, &sealed);
    for (int i = 0; i < 3; i++) {
        insert("flows_1m0s", "t3", buf_str(&sealed));
        sums = ask("SELECT (SELECT sum(Bytes) FROM flows_1m0s), (SELECT sum(Bytes) FROM flows_5m0s), (SELECT "
                   "sum(Bytes) FROM flows_1h0m0s)");
        assert_string_equal(sums, "500500\t500500\t500500\n");
        free(sums);
    }
    run("OPTIMIZE TABLE flows_1h0m0s FINAL");
    sums = ask("SELECT sum(Bytes), sum(SrcAS) = (SELECT sum(SrcAS) FROM flows_1m0s) FROM flows_1h0m0s");
    assert_string_equal(sums, "500500\t1\n");
    free(sums);
    buf_fini(&sealed);
    block_free(b);
}

/* Sums of the narrow rollups are those of the rollups beside them, whichever of the tables got a block before a crash. */
static void narrow_rollups_follow(void **state)
{
    enum { MANY = 80000 }; /* more groups than the engine likes to give out at once */
    static const char *const tables[] = {"flows_5m0s_src_as", "flows_5m0s_cities", "flows_1h0m0s_src_as",
                                         "flows_1h0m0s_cities"};
    struct block_layout layout;
    struct buf sealed;
    char sql[500];
    block_layout_init(&layout, &w.schema, true);
    struct block *b = block_new(&layout);
    buf_init(&sealed, 0);
    fill_block(b, MANY);
    seal(b, &sealed);
    run("TRUNCATE TABLE flows_1m0s");
    run("TRUNCATE TABLE flows_5m0s");
    for (size_t i = 0; i < 4; i++) {
        snprintf(sql, sizeof sql, "TRUNCATE TABLE %s", tables[i]);
        run(sql);
    }
    /* what a crash between two tables leaves: sent again, the rows come to the one that lacks them and to no other */
    run("DETACH TABLE flows_5m0s_cities_consumer");
    insert("flows_1m0s", "t4", buf_str(&sealed));
    run("ATTACH TABLE flows_5m0s_cities_consumer");
    for (int n = 0; n < 2; n++)
        insert("flows_1m0s", "t4", buf_str(&sealed));
    for (size_t i = 0; i < 4; i++) {
        /* one part a partition: of several blocks a crash could leave some, and they need not be the same ones again */
        snprintf(
            sql, sizeof sql,
            "SELECT count() > 0 AND count() = uniqExact(partition_id) FROM system.parts WHERE active AND "
            "table = '%s'",
            tables[i]);
        char *text = ask(sql);
        assert_string_equal(text, "1\n");
        free(text);
    }
    for (size_t i = 0; i < 4; i++) {
        snprintf(
            sql, sizeof sql,
            "SELECT (SELECT (sum(Bytes), sum(Packets * SamplingRate), sumIf(Bytes, InIfBoundary = "
            "'external')) FROM %s) = "
            "(SELECT (sum(Bytes), sum(Packets * SamplingRate), sumIf(Bytes, InIfBoundary = 'external')) FROM "
            "flows_1m0s)",
            tables[i]);
        char *text = ask(sql);
        if (strcmp(text, "1\n") != 0)
            fail_msg("%s", tables[i]);
        free(text);
    }
    char *text = ask(
        "SELECT count() FROM (SELECT SrcAS, toStartOfFiveMinutes(TimeReceived) AS t, sum(Bytes) AS b FROM "
        "flows_1m0s GROUP BY SrcAS, t EXCEPT SELECT SrcAS, TimeReceived, sum(Bytes) FROM flows_5m0s_src_as "
        "GROUP BY SrcAS, TimeReceived)");
    assert_string_equal(text, "0\n");
    free(text);
    buf_fini(&sealed);
    block_free(b);
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__)
    printf("the engine's library stands no address sanitizer\n");
    return SKIPPED;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    printf("the engine's library stands no address sanitizer\n");
    return SKIPPED;
#endif
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_comes_back),       cmocka_unit_test(aliases_are_computed),
        cmocka_unit_test(empty_blocks_and_bare_columns), cmocka_unit_test(rollups_follow),
        cmocka_unit_test(narrow_rollups_follow),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, up, down);
}
