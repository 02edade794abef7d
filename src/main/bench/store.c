/*
 * weir bench store: the embedded store with the orchestrator's tables and a day of made-up traffic: what a stored flow costs, and
 * how long the console's questions take. The engine makes the rows itself, so that the outlet is no part of it.
 */
#include "base/clock.h"
#include "main/bench/bench.h"
#include "orch/migrate.h"
#include "store/embedded/embedded.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 50000, DAY_S = 86400, MOST_RUNS = 200 };

/* A day of flows: few sources bring most of them; 20 exporters, 4,000 source and 120 destination AS. {a} to {b}: numbers. */
static const char rows_sql[] =
    "INSERT INTO flows (TimeReceived, SamplingRate, ExporterAddress, ExporterName, SrcAddr, DstAddr, SrcAS, "
    "DstAS, InIfName,"
    " OutIfName, InIfConnectivity, InIfProvider, InIfBoundary, EType, Proto, SrcPort, DstPort, Bytes, "
    "Packets)"
    " WITH cityHash64(number) AS h, toUInt32(pow(4000, randUniform(0, 1, number))) AS s, toUInt32(pow(120, "
    "randUniform(0, 1, number + 1))) AS d"
    " SELECT toStartOfDay(now()) - 86400 + intDiv(number * 86400, {n:UInt64}), 1000, "
    "concat('::ffff:192.0.2.', toString(h % 20)),"
    " concat('router-', toString(h % 20)), concat('::ffff:10.', toString(s % 200), '.', toString(intDiv(s, "
    "20)), '.', toString(h % 250)),"
    " concat('::ffff:198.51.', toString(d), '.', toString(intDiv(h, 200) % 250)), s, d, concat('Ethernet', "
    "toString(h % 8)),"
    " concat('Ethernet', toString(8 + h % 2)), if(h % 8 < 4, 'transit', 'pni'), concat('provider-', "
    "toString(h % 8)),"
    " if(h % 8 < 6, 'external', 'internal'), 2048, if(h % 10 < 8, 6, 17), if(h % 3 = 0, 443, 1024 + h % "
    "60000),"
    " if(h % 3 = 0, 1024 + h % 50000, 443), (64 + h % 1400) * (1 + h % 20), 1 + h % 20"
    " FROM numbers({a:UInt64}, {b:UInt64})";

static const char rollup_sql[] =
    "INSERT INTO flows_1m0s (TimeReceived, SamplingRate, ExporterAddress, ExporterName, SrcAS, DstAS, "
    "InIfName, OutIfName,"
    " InIfConnectivity, InIfProvider, InIfBoundary, EType, Proto, Bytes, Packets)"
    " SELECT toStartOfMinute(TimeReceived), SamplingRate, ExporterAddress, ExporterName, SrcAS, DstAS, "
    "InIfName, OutIfName,"
    " InIfConnectivity, InIfProvider, InIfBoundary, EType, Proto, sum(Bytes), sum(Packets) FROM flows GROUP "
    "BY ALL";

#define LINE(table, where)                                                                                   \
    "WITH top AS (SELECT SrcAS FROM " table " WHERE " where                                                  \
    " GROUP BY SrcAS ORDER BY sum(Bytes * SamplingRate) DESC LIMIT 10)"                                      \
    " SELECT toStartOfInterval(TimeReceived, toIntervalSecond(600)) AS t, if(SrcAS IN top, "                 \
    "toString(SrcAS), 'Other') AS d,"                                                                        \
    " sum(Bytes * SamplingRate * 8) / 600 FROM " table " WHERE " where " GROUP BY t, d ORDER BY t"
#define DAY "TimeReceived >= toStartOfDay(now()) - 86400 AND InIfBoundary = 'external'"

static const struct {
    const char *name, *sql;
} queries[] = {
    {"line_24h_top10", LINE("flows_5m0s", DAY)},
    {"line_24h_top10_detail", LINE("flows", DAY)},
    {"top_as_hour", "SELECT SrcAS, sum(Bytes * SamplingRate) AS b FROM flows_1m0s WHERE TimeReceived >= "
                    "toStartOfDay(now()) - 3600"
                    " GROUP BY SrcAS ORDER BY b DESC LIMIT 10"},
    {"one_address", "SELECT count(), sum(Bytes) FROM flows WHERE SrcAddr = toIPv6('::ffff:10.15.0.7')"},
    {"last_flow",
     "SELECT * FROM flows WHERE TimeReceived >= toStartOfDay(now()) - 60 ORDER BY TimeReceived DESC LIMIT 1"},
};
enum { N_QUERIES = sizeof queries / sizeof *queries };

static bool tell(struct ch *ch, const char *sql, const char *settings, struct buf *out)
{
    struct err e;
    if (out)
        buf_reset(out);
    const struct ch_query q = {.sql = sql, .settings = settings, .timeout_ns = UINT64_C(600000000000)};
    if (ch_query(ch, &q, out, &e) == CH_OK)
        return true;
    fprintf(stderr, "weir bench: %s\n", e.msg);
    return false;
}

static double number(struct ch *ch, const char *sql)
{
    struct buf out;
    buf_init(&out, 0);
    bool ok = tell(ch, sql, NULL, &out);
    buf_u8(&out, 0);
    double v = ok ? strtod((const char *)out.p, NULL) : 0;
    buf_fini(&out);
    return v;
}

static bool make_tables(struct ch *ch)
{
    static struct orch_resolution resolutions[] = {
        {0}, {60000000000u, 0, {0}}, {300000000000u, 0, {0}}, {3600000000000u, 0, {0}}};
    struct schema schema;
    struct migrate_result r;
    schema_default(&schema);
    struct orch_clickhouse_conf conf = {
        .resolutions = {4, resolutions}, .max_partitions = 50, .auth = {"", ""}};
    migrate_run(ch,
                &(struct tables_conf){.schema = &schema,
                                      .clickhouse = &conf,
                                      .database = "default",
                                      .cluster = "",
                                      .url = "http://127.0.0.1:1"},
                &r);
    if (r.failure != CH_OK)
        fprintf(stderr, "weir bench: %s\n", r.why.msg);
    return r.failure == CH_OK;
}

static bool fill(struct ch *ch, uint64_t rows)
{
    char settings[300];
    for (uint64_t at = 0; at < rows; at += BLOCK) {
        snprintf(settings, sizeof settings,
                 "param_n=%llu&param_a=%llu&param_b=%d&max_threads=1&async_insert=0&optimize_on_insert=0&max_"
                 "partitions_per_insert_block=0",
                 (unsigned long long)rows, (unsigned long long)at, BLOCK);
        if (!tell(ch, rows_sql, settings, NULL))
            return false;
    }
    return tell(ch, rollup_sql, "optimize_on_insert=0&async_insert=0&max_partitions_per_insert_block=0",
                NULL);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static bool time_query(struct ch *ch, const char *name, const char *sql, unsigned runs)
{
    double ms[MOST_RUNS];
    char label[100];
    struct buf out;
    buf_init(&out, 0);
    bool ok = true;
    for (unsigned i = 0; i < runs && ok; i++) {
        uint64_t start = clock_mono_ns();
        ok = tell(ch, sql, NULL, &out);
        ms[i] = (double)(clock_mono_ns() - start) / 1e6;
    }
    buf_fini(&out);
    qsort(ms, runs, sizeof *ms, by_value);
    snprintf(label, sizeof label, "query_%s_ms_p50", name);
    bench_print(label, ms[runs / 2], "ms");
    snprintf(label, sizeof label, "query_%s_ms_p95", name);
    bench_print(label, ms[(runs * 95 - 1) / 100], "ms");
    return ok;
}

static double resident_mib(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static bool measure(struct ch *ch, uint64_t rows, unsigned runs)
{
    if (!make_tables(ch))
        return false;
    bench_print("store_rss_idle", resident_mib(), "MiB");
    uint64_t cpu = clock_cpu_ns(), wall = clock_mono_ns();
    if (!fill(ch, rows))
        return false;
    for (int i = 0; i < 100 && number(ch, "SELECT count() FROM system.merges") > 0; i++)
        usleep(200000);
    bench_print("store_fill_rows_per_s", (double)rows / ((double)(clock_mono_ns() - wall) / 1e9), "rows/s");
    bench_print("store_fill_us_per_row", (double)(clock_cpu_ns() - cpu) / 1e3 / (double)rows, "us");
    bench_print(
        "store_bytes_per_row",
        number(ch,
               "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND table = 'flows'"),
        "bytes");
    bench_print(
        "store_bytes_per_rollup_row",
        number(
            ch,
            "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND table = 'flows_1m0s'"),
        "bytes");
    bool ok = true;
    for (int i = 0; i < N_QUERIES && ok; i++)
        ok = time_query(ch, queries[i].name, queries[i].sql, runs);
    bench_print("store_rss_after_queries", resident_mib(), "MiB");
    return ok;
}

int bench_store(int argc, char **argv)
{
    uint64_t rows = bench_number(argc, argv, "rows", 2000000), runs = bench_number(argc, argv, "runs", 20);
    char dir[400], here[40], cmd[500];
    const char *servers = here;
    struct err e;
    snprintf(dir, sizeof dir, "%s/weir-bench-XXXXXX", bench_text(argc, argv, "dir", "/tmp"));
    if (!mkdtemp(dir)) {
        perror(dir);
        return 1;
    }
    const struct store_conf conf = {.username = "default",
                                    .password = "bench",
                                    .reader = "",
                                    .reader_password = "",
                                    .dir = "",
                                    .library = "",
                                    .max_size = OPT_PERCENT | 80,
                                    .max_memory = OPT_PERCENT | 50,
                                    .max_queries = 6,
                                    .max_inserts = 2,
                                    .background_threads = 2,
                                    .mark_cache = 64 << 20,
                                    .max_body = 64 << 20,
                                    .confine = true};
    const struct embedded_conf where = {.store = &conf, .data_dir = dir, .listen = "127.0.0.1:0"};
    struct embedded *em = embedded_open(&where, &e);
    bool ok = em != NULL;
    if (!ok)
        fprintf(stderr, "weir bench: %s\n", e.msg);
    if (ok) {
        snprintf(here, sizeof here, "127.0.0.1:%u", embedded_port(em));
        struct ch *ch =
            ch_new(&(struct ch_conf){.servers = {1, &servers}, .database = "default", .password = "bench"});
        ok = measure(ch, rows, runs < 1 ? 1 : runs > MOST_RUNS ? MOST_RUNS : (unsigned)runs);
        ch_free(ch);
        embedded_close(em);
    }
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd) == 0 && ok ? 0 : 1;
}
