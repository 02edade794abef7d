/* Blocks and aggregates: what goes in comes out, in order, of every column there is. */
#include "store/block.h"
#include "store/embedded/engine_chdb.h"
#include "store/native_test.h"
#include "store/rollup.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct world {
    struct schema schema;
    struct block_layout flows, rolled;
    struct intern strings;
    struct edges edges;
    struct batch *batch;
};

static void set_up(struct world *w)
{
    schema_default(&w->schema);
    for (unsigned c = 0; c < COL_COUNT; c++)
        w->schema.enabled[c] = true;
    block_layout_init(&w->flows, &w->schema, false);
    block_layout_init(&w->rolled, &w->schema, true);
    intern_init(&w->strings);
    edges_init(&w->edges);
    w->batch = batch_new();
}

static void tear_down(struct world *w)
{
    intern_fini(&w->strings);
    edges_fini(&w->edges);
    batch_free(w->batch);
}

static uint32_t rnd(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static uint32_t name(struct world *w, const char *prefix, uint32_t n)
{
    char z[32];
    return intern(&w->strings, (struct str){z, (size_t)snprintf(z, sizeof z, "%s%u", prefix, n)});
}

static uint32_t some_edge(struct world *w, uint32_t k)
{
    struct ip exporter = ip_v4((uint8_t[]){192, 0, 2, (uint8_t)(k % 7)});
    uint32_t id = edges_find(&w->edges, exporter, k, k + 1, 0);
    if (id != EDGE_NONE)
        return id;
    id = edges_add(&w->edges, exporter, k, k + 1, 0);
    for (int i = 0; i < EDGE_VALUES; i++) {
        enum column c = edge_columns[i];
        w->edges.rows[id].v[i] = column_defs[c].store == STORE_STR ? name(w, column_defs[c].name, k % 5)
                                 : column_width(c) == 1            ? k % 3
                                                                   : k * 100;
    }
    return id;
}

/* One value of a column, and how it reads. */
static void set_cell(struct world *w, enum column c, uint32_t row, uint32_t seed, char *text)
{
    struct batch *b = w->batch;
    void *col = batch_col(b, c);
    switch (column_defs[c].store) {
    case STORE_U8:
        ((uint8_t *)col)[row] = (uint8_t)(seed % 3);
        sprintf(text, "%u", seed % 3);
        break;
    case STORE_U16:
        ((uint16_t *)col)[row] = (uint16_t)seed;
        sprintf(text, "%u", seed & 0xffff);
        break;
    case STORE_U32:
        ((uint32_t *)col)[row] = seed;
        sprintf(text, "%u", seed);
        break;
    case STORE_U64:
        ((uint64_t *)col)[row] = (uint64_t)seed << 20;
        sprintf(text, "%llu", (unsigned long long)seed << 20);
        break;
    case STORE_IP:
        ((struct ip *)col)[row] = ip_v4(&(uint32_t){seed % 1000});
        ip_format(((struct ip *)col)[row], text);
        break;
    case STORE_STR:
        ((uint32_t *)col)[row] = seed % 4 ? name(w, "s", seed % 300) : 0;
        sprintf(text, "%.*s", STR_ARG(intern_str(&w->strings, ((uint32_t *)col)[row])));
        break;
    case STORE_CC:
        ((uint16_t *)col)[row] = 'F' | 'R' << 8;
        strcpy(text, "FR");
        break;
    case STORE_A32: {
        uint32_t n = seed % 3, *p = batch_pool32(b, n, &((struct span *)col)[row]);
        strcpy(text, "[");
        for (uint32_t i = 0; i < n; i++)
            sprintf(text + strlen(text), "%s%u", i ? "," : "", p[i] = seed + i);
        strcat(text, "]");
        break;
    }
    case STORE_A128: {
        uint32_t n = seed % 3;
        struct u128 *p = batch_pool128(b, n, &((struct span *)col)[row]);
        strcpy(text, "[");
        for (uint32_t i = 0; i < n; i++) {
            p[i] = (struct u128){seed, i};
            sprintf(text + strlen(text), "%s%u:%u", i ? "," : "", i, seed);
        }
        strcat(text, "]");
        break;
    }
    case STORE_NONE:
        break;
    }
}

enum { ROWS = 3000 };
static char expected[ROWS][COL_COUNT][48];

/* Rows in several batches, columns that become live only later, more rows than a batch holds. */
static struct block *some_block(struct world *w, unsigned live_from)
{
    struct block *b = block_new(&w->flows);
    uint32_t seed = 7;
    for (uint32_t at = 0; at < ROWS; at += 1000) {
        batch_reset(w->batch);
        w->batch->n = 1000;
        for (uint32_t row = 0; row < 1000; row++) {
            uint32_t edge = some_edge(w, rnd(&seed) % 20);
            BATCH_U32(w->batch, Edge)[row] = edge;
            for (unsigned i = 0; i < w->flows.n; i++) {
                enum column c = w->flows.cols[i];
                char *text = expected[at + row][c];
                const struct edge *e = &w->edges.rows[edge];
                if (c == COL_ExporterAddress)
                    ip_format(e->exporter, text);
                else if (edge_column(c) && column_defs[c].store == STORE_STR)
                    sprintf(text, "%.*s", STR_ARG(intern_str(&w->strings, e->v[edge_value(c)])));
                else if (edge_column(c))
                    sprintf(text, "%u", e->v[edge_value(c)]);
                else if (c == COL_TimeReceived) {
                    BATCH_U32(w->batch, TimeReceived)[row] = 1800000000 + at + row % 500;
                    sprintf(text, "%u", 1800000000 + at + row % 500);
                } else if (at >= 1000 || i < live_from)
                    set_cell(w, c, row, rnd(&seed), text);
                else
                    strcpy(text, column_defs[c].store == STORE_IP    ? "::"
                                 : column_defs[c].store == STORE_STR ? ""
                                 : column_defs[c].store == STORE_CC  ? ""
                                 : column_defs[c].store >= STORE_A32 ? "[]"
                                                                     : "0");
            }
        }
        /* in two pieces: the second begins in the middle of the batch */
        block_append(b, w->batch, 0, 333, &w->strings, &w->edges);
        block_append(b, w->batch, 333, 1000, &w->strings, &w->edges);
    }
    return b;
}

static int compare_expected(const void *x, const void *y)
{
    const char(*a)[48] = *(char(*const *)[48])x, (*b)[48] = *(char(*const *)[48])y;
    unsigned long p = strtoul(a[COL_TimeReceived], NULL, 10) / 300,
                  q = strtoul(b[COL_TimeReceived], NULL, 10) / 300;
    int d = (p > q) - (p < q);
    d = d ? d : strcmp(a[COL_ExporterAddress], b[COL_ExporterAddress]);
    d = d ? d : strcmp(a[COL_InIfName], b[COL_InIfName]);
    d = d ? d : strcmp(a[COL_OutIfName], b[COL_OutIfName]);
    return d ? d : (a > b) - (a < b); /* stable */
}

static void check_rows(struct world *w, struct str data)
{
    struct native_block got = native_read(data);
    assert_false(got.bad);
    assert_int_equal(got.n_rows, ROWS);
    static char(*sorted[ROWS])[48];
    for (int i = 0; i < ROWS; i++)
        sorted[i] = expected[i];
    qsort(sorted, ROWS, sizeof *sorted, compare_expected);
    for (unsigned i = 0; i < w->flows.n; i++)
        for (int row = 0; row < ROWS; row++)
            assert_string_equal(native_text(&got, column_defs[w->flows.cols[i]].name, (size_t)row),
                                sorted[row][w->flows.cols[i]]);
    native_block_free(&got);
}

static void seal(const struct block *b, struct buf *out)
{
    struct block_sealer sealer = {0};
    buf_reset(out);
    block_seal(b, &sealer, out);
    block_sealer_fini(&sealer);
}

static void check_sealed(struct world *w, const struct block *b)
{
    struct buf out;
    buf_init(&out, 0);
    seal(b, &out);
    check_rows(w, buf_str(&out));
    buf_fini(&out);
}

static void every_column_comes_back(void **state)
{
    struct world w;
    set_up(&w);
    for (unsigned live_from = 0; live_from < 60; live_from += 20) {
        struct block *b = some_block(&w, live_from);
        check_sealed(&w, b);
        check_sealed(&w, b); /* sealing changes nothing */
        block_reset(b);
        assert_int_equal(b->n, 0);
        block_free(b);
    }
    tear_down(&w);
}

static void a_block_owns_what_it_refers_to(void **state)
{
    struct world w;
    set_up(&w);
    struct block *b = some_block(&w, 60);
    intern_reset(&w.strings);
    edges_reset(&w.edges);
    check_sealed(&w, b);
    block_free(b);
    tear_down(&w);
}

static void empty_and_reused_blocks(void **state)
{
    struct world w;
    set_up(&w);
    struct block *b = block_new(&w.flows);
    struct block_sealer sealer = {0};
    struct buf out;
    buf_init(&out, 0);
    block_seal(b, &sealer, &out);
    struct native_block got = native_read(buf_str(&out));
    assert_false(got.bad);
    assert_int_equal(got.n_rows, 0);
    assert_int_equal(got.n_cols, w.flows.n);
    native_block_free(&got);
    block_free(b);
    b = some_block(&w, 60);
    block_reset(b);
    batch_reset(w.batch);
    w.batch->n = 2;
    BATCH_U32(w.batch, Edge)[0] = BATCH_U32(w.batch, Edge)[1] = some_edge(&w, 3);
    BATCH_U64(w.batch, Bytes)[1] = 99;
    block_append(b, w.batch, 1, 2, &w.strings, &w.edges);
    buf_reset(&out);
    block_seal(b, &sealer, &out);
    got = native_read(buf_str(&out));
    assert_false(got.bad);
    assert_int_equal(got.n_rows, 1);
    assert_int_equal(native_number(&got, "Bytes", 0), 99);
    assert_null(native_text(&got, "SrcAddr", 0)); /* nothing of the block before */
    native_block_free(&got);
    block_free(b);
    buf_fini(&out);
    block_sealer_fini(&sealer);
    tear_down(&w);
}

/* ---- the real engine */

/* libchdb brings its own allocator and does not run under AddressSanitizer */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif

#ifndef __SANITIZE_ADDRESS__
static void engine_do(const struct engine *en, const char *sql, const char *format, struct str rows,
                      struct buf *answer)
{
    struct err e;
    struct engine_result r;
    struct engine_session *s = en->open(en, &e);
    struct engine_statement st = {.sql = str_from(sql), .format = format};
    assert_non_null(s);
    if (rows.p)
        en->insert(en, s, &st, rows, &r);
    else
        en->run(en, s, &st, &r);
    if (!r.ok)
        fail_msg("%s: %s", sql, r.error);
    if (answer) {
        buf_reset(answer);
        buf_str_add(answer, r.data);
    }
    en->result_fini(en, &r);
    en->close(en, s);
}

static void make_table(const struct engine *en, const struct world *w)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_z(&sql, "CREATE TABLE t (");
    for (unsigned i = 0; i < w->flows.n; i++)
        buf_printf(&sql, "%s%s %s", i ? ", " : "", column_defs[w->flows.cols[i]].name,
                   column_defs[w->flows.cols[i]].type);
    buf_z(&sql, ") ENGINE = MergeTree PRIMARY KEY toStartOfFiveMinutes(TimeReceived) ORDER BY "
                "(toStartOfFiveMinutes(TimeReceived), ExporterAddress, InIfName, OutIfName) "
                "SETTINGS allow_suspicious_low_cardinality_types = 1");
    buf_u8(&sql, 0);
    engine_do(en, (const char *)sql.p, "TSV", (struct str){0}, NULL);
    buf_fini(&sql);
}

/* Every column type there is, into ClickHouse and out again: whole blocks, blocks without most columns, empty ones. */
static void clickhouse_gives_back_what_it_got(void **state)
{
    struct err e;
    struct arena a;
    struct world w;
    char dir[] = "/tmp/weir-block-XXXXXX", command[64];
    arena_init(&a);
    const char *library = engine_chdb_find(&a);
    if (!library) {
        arena_fini(&a);
        skip();
    }
    assert_non_null(mkdtemp(dir));
    const struct engine *en =
        engine_chdb_new(&(struct engine_chdb_conf){.library = library, .path = dir, .background = 1}, &e);
    if (!en)
        fail_msg("%s", e.msg);
    set_up(&w);
    make_table(en, &w);
    struct buf out, answer;
    buf_init(&out, 0);
    buf_init(&answer, 0);
    for (unsigned live_from = 0; live_from < 60; live_from += 20) {
        struct block *b = some_block(&w, live_from);
        seal(b, &out);
        engine_do(en, "INSERT INTO t", "Native", buf_str(&out), NULL);
        block_reset(b);
        seal(b, &out); /* nothing in it */
        engine_do(en, "INSERT INTO t", "Native", buf_str(&out), NULL);
        engine_do(en, "SELECT * FROM t SETTINGS max_threads = 1, max_block_size = 65536", "Native",
                  (struct str){0}, &answer);
        check_rows(&w, buf_str(&answer));
        engine_do(en, "TRUNCATE TABLE t", "TSV", (struct str){0}, NULL);
        block_free(b);
    }
    buf_fini(&out);
    buf_fini(&answer);
    engine_chdb_free(en);
    tear_down(&w);
    arena_fini(&a);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

#endif

/* An aggregate against a slow model: pairs of rows with equal keys added up. */
static void rollup_adds_up(void **state)
{
    struct world w;
    set_up(&w);
    struct rollup *r = rollup_new(&w.schema);
    uint32_t seed = 1;
    uint64_t bytes[2][7][5][3] = {0}, flows = 0, sum = 0;
    for (int round = 0; round < 40; round++) {
        batch_reset(w.batch);
        w.batch->n = 1000;
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t m = rnd(&seed) % 2, e = rnd(&seed) % 7, as = rnd(&seed) % 5, net = rnd(&seed) % 3;
            BATCH_U32(w.batch, TimeReceived)[i] = 1800000000 + m * 60 + rnd(&seed) % 60;
            BATCH_U32(w.batch, Edge)[i] = some_edge(&w, e);
            BATCH_U32(w.batch, SrcAS)[i] = as;
            if (round) /* live only from the second batch on; 0 is the empty name */
                BATCH_U32(w.batch, SrcNetName)[i] = net ? name(&w, "net", net) : 0;
            else
                net = 0;
            BATCH_U64(w.batch, SamplingRate)[i] = 1000;
            BATCH_U64(w.batch, Bytes)[i] = i;
            BATCH_U64(w.batch, Packets)[i] = 1;
            BATCH_U16(w.batch, SrcPort)[i] = (uint16_t)rnd(&seed); /* not part of the key */
            bytes[m][e][as][net] += i;
            flows++;
            sum += i;
        }
        rollup_add(r, w.batch, 0, 500);
        rollup_add(r, w.batch, 500, 1000);
    }
    assert_int_equal(r->n, 2 * 7 * 5 * 3);
    struct block *b = block_new(&w.rolled);
    rollup_emit(r, 0, r->n, w.batch, b, &w.strings, &w.edges);
    struct block_sealer sealer = {0};
    struct buf out;
    buf_init(&out, 0);
    block_seal(b, &sealer, &out);
    struct native_block got = native_read(buf_str(&out));
    assert_false(got.bad);
    uint64_t got_flows = 0, got_bytes = 0;
    for (size_t i = 0; i < got.n_rows; i++) {
        uint64_t m = (native_number(&got, "TimeReceived", i) - 1800000000) / 60;
        uint64_t e = native_number(&got, "InIfSpeed", i) / 100, as = native_number(&got, "SrcAS", i);
        const char *net = native_text(&got, "SrcNetName", i);
        assert_int_equal(native_number(&got, "Bytes", i), bytes[m][e][as][net[0] ? net[3] - '0' : 0]);
        assert_int_equal(native_number(&got, "SamplingRate", i), 1000);
        got_bytes += native_number(&got, "Bytes", i);
        got_flows += native_number(&got, "Packets", i);
    }
    assert_int_equal(got_bytes, sum);
    assert_int_equal(got_flows, flows);
    assert_null(native_text(&got, "SrcPort", 0));
    rollup_reset(r);
    assert_int_equal(r->n, 0);
    native_block_free(&got);
    buf_fini(&out);
    block_sealer_fini(&sealer);
    block_free(b);
    rollup_free(r);
    tear_down(&w);
}

static void rollup_grows(void **state)
{
    struct world w;
    set_up(&w);
    struct rollup *r = rollup_new(&w.schema);
    for (uint32_t round = 0; round < 100; round++) {
        batch_reset(w.batch);
        w.batch->n = BATCH_ROWS;
        for (uint32_t i = 0; i < BATCH_ROWS; i++) {
            BATCH_U32(w.batch, Edge)[i] = some_edge(&w, 1);
            BATCH_U32(w.batch, DstAS)[i] = round / 2 * BATCH_ROWS + i; /* each comes twice */
            BATCH_U64(w.batch, Packets)[i] = 1;
        }
        rollup_add(r, w.batch, 0, BATCH_ROWS);
    }
    assert_int_equal(r->n, 50 * BATCH_ROWS);
    for (uint32_t i = 0; i < r->n; i++)
        assert_int_equal(r->rows[i].packets, 2);
    rollup_free(r);
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(clickhouse_gives_back_what_it_got),
#endif
        cmocka_unit_test(every_column_comes_back),
        cmocka_unit_test(a_block_owns_what_it_refers_to),
        cmocka_unit_test(empty_and_reused_blocks),
        cmocka_unit_test(rollup_adds_up),
        cmocka_unit_test(rollup_grows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
