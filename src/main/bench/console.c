/*
 * How long typical questions of the console take: a store of its own (roles store and orchestrator, as on any machine), a month
 * of made-up rows in `flows` and the rollups, then each question again and again, as the console asks it, without its cache.
 */
#include "base/clock.h"
#include "main/bench/bench.h"
#include "main/bench/fill.h"
#include "query/line.h"
#include "query/sankey.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#define SECOND_NS 1000000000ull

enum { STEP_ROWS = 1 << 20, START_S = 60, SAY_S = 10, DAY_S = 86400, DAYS = 30 };

/* The last of what the orchestrator makes: views fill all that is coarse or narrow. */
#define TABLES_ARE_THERE "SELECT count() FROM ledger, udp FORMAT Null"

/* One block, one part: fewer merges. (optimize_on_insert makes the rollups many times slower.) */
#define INSERT_SETTINGS                                                                                      \
    " SETTINGS max_partitions_per_insert_block = 0, max_insert_threads = 1, max_block_size = 65536, "        \
    "min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 0, max_execution_time = 600, "      \
    "optimize_on_insert = 0"

struct bench_db {
    char dir[256];
    uint16_t port[2]; /* store, orchestrator */
    pid_t pid[2];
    struct query_pool *pool;
    struct catalog *catalog;
    struct schema schema;
    uint32_t now, span_s; /* rows lie between now - span and now */
    bool narrow;          /* with the narrow rollups that are usual */
};

/* ---- the store */

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok =
        bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0;
    close(fd);
    return ok ? ntohs(a.sin_port) : 0;
}

static pid_t start_role(const struct bench_db *b, const char *role)
{
    char config[300], data[300], log[300];
    snprintf(config, sizeof config, "%s/weir.yaml", b->dir);
    snprintf(data, sizeof data, "%s/var", b->dir);
    snprintf(log, sizeof log, "%s/%s.log", b->dir, role);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execl("/proc/self/exe", "weir", role, config, "--data-dir", data, NULL);
        _exit(127);
    }
    return pid;
}

static bool statement(struct bench_db *b, const char *sql, struct err *e)
{
    struct buf out;
    buf_init(&out, 0);
    bool ok = query_pool_ask(b->pool, NULL, sql, 600 * SECOND_NS, &out, e) == QUERY_OK;
    buf_fini(&out);
    return ok;
}

static bool start(struct bench_db *b, struct err *e)
{
    static const char *servers[1];
    static char path[300], server[32];
    const char *const roles[] = {"store", "orchestrator"};
    snprintf(path, sizeof path, "%s/weir.yaml", b->dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return err_errno(e, "%s", path);
    for (int i = 0; i < 2; i++)
        b->port[i] = free_port();
    fprintf(f,
            "http: {listen: \"127.0.0.1:%u\"}\n"
            "store: {password: bench, http: {listen: \"127.0.0.1:%u\"}}\n"
            "clickhouse: {orchestrator-url: \"http://127.0.0.1:%u\", resolutions: [{interval: 0s, ttl: 45d}, "
            "{interval: 1m, ttl: 45d}, {interval: 5m, ttl: 90d}, {interval: 1h, ttl: 360d}]%s}\n"
            "clickhousedb: {servers: [\"127.0.0.1:%u\"], password: bench}\n",
            b->port[1], b->port[0], b->port[1], b->narrow ? "" : ", narrow-rollups: []", b->port[0]);
    fclose(f);
    snprintf(server, sizeof server, "127.0.0.1:%u", b->port[0]);
    servers[0] = server;
    b->pool = query_pool_new(&(struct ch_conf){.servers = {1, servers},
                                               .database = "default",
                                               .username = "default",
                                               .password = "bench",
                                               .max_open_conns = 2},
                             NULL);
    b->catalog = catalog_new(b->pool);
    for (int i = 0; i < 2; i++)
        b->pid[i] = start_role(b, roles[i]);
    for (int i = 0; i < START_S * 4; i++) {
        if (statement(b, TABLES_ARE_THERE, e))
            return true;
        nanosleep(&(struct timespec){0, 250000000}, NULL);
    }
    return err_wrap(e, "the store did not start (see %s)", b->dir);
}

static void stop(struct bench_db *b)
{
    catalog_free(b->catalog);
    query_pool_free(b->pool);
    for (int i = 0; i < 2; i++)
        if (b->pid[i] > 0) {
            kill(b->pid[i], SIGTERM);
            waitpid(b->pid[i], NULL, 0);
        }
}

/* ---- rows */

/* CPU time of the store so far, milliseconds; what a busy machine does not change. */
static double store_cpu_ms(const struct bench_db *b)
{
    char path[64], text[1024];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)b->pid[0]);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
        return 0;
    return (double)(user + kernel) * 1000 / (double)sysconf(_SC_CLK_TCK);
}

typedef void fill_sql(struct buf *sql, const struct bench_fill *f, uint64_t at, uint64_t n);

/* One of the two tables that are filled, by its thread. */
struct planting {
    struct bench_db *b;
    const struct bench_fill *fill;
    fill_sql *sql;
    const char *what; /* to say on stderr */
    struct err e;
    bool ok;
};

static void *plant_one(void *arg)
{
    struct planting *p = arg;
    const struct bench_fill *f = p->fill;
    uint64_t began = clock_mono_ns(), said = began;
    struct buf sql;
    buf_init(&sql, 0);
    p->ok = true;
    for (uint64_t at = 0; p->ok && at < f->rows; at += STEP_ROWS) {
        buf_reset(&sql);
        p->sql(&sql, f, at, f->rows - at < STEP_ROWS ? f->rows - at : STEP_ROWS);
        buf_z(&sql, INSERT_SETTINGS);
        buf_u8(&sql, 0);
        p->ok = statement(p->b, (char *)sql.p, &p->e);
        uint64_t now = clock_mono_ns();
        if (now - said > SAY_S * SECOND_NS) {
            fprintf(stderr, "%4.0f s: %s: %.1f million rows\n", (double)(now - began) / 1e9, p->what,
                    (double)(at + STEP_ROWS) / 1e6);
            said = now;
        }
    }
    buf_fini(&sql);
    return NULL;
}

static void print_tables(struct bench_db *b)
{
    struct query_tables t;
    struct err e;
    char name[80];
    if (catalog_get(b->catalog, NULL, &t, &e) != QUERY_OK)
        return;
    for (size_t i = 0; i < t.n; i++) {
        snprintf(name, sizeof name, "fill_rows_%s", t.t[i].name);
        bench_print(name, (double)t.t[i].rows, "rows");
    }
    for (size_t i = 0; i < t.n_narrow; i++) {
        snprintf(name, sizeof name, "fill_rows_%s", t.narrow[i].table.name);
        bench_print(name, (double)t.narrow[i].table.rows, "rows");
    }
}

/* As the outlet would: rows in the order of their time, and the rollups up to two minutes ago. */
static bool plant(struct bench_db *b, uint64_t rows, struct err *e)
{
    struct bench_fill fill = {
        .rows = rows, .from = b->now - b->span_s, .span_s = b->span_s, .border = b->now / 60 * 60 - 60};
    struct planting p[2] = {{.b = b, .fill = &fill, .sql = bench_fill_flows, .what = "flows"},
                            {.b = b, .fill = &fill, .sql = bench_fill_rollup, .what = "rollups"}};
    uint64_t began = clock_mono_ns();
    pthread_t other;
    if (pthread_create(&other, NULL, plant_one, &p[1]) != 0)
        return err_set(e, "no thread");
    plant_one(&p[0]);
    pthread_join(other, NULL);
    for (int i = 0; i < 2; i++)
        if (!p[i].ok) {
            *e = p[i].e;
            return false;
        }
    bench_print("fill_s", (double)(clock_mono_ns() - began) / 1e9, "s");
    bench_print("fill_cpu_us_per_row", store_cpu_ms(b) * 1000 / (double)rows, "us");
    print_tables(b);
    return true;
}

/* ---- questions */

#define OUTSIDE "\"filter\":\"InIfBoundary = external\""
static const struct question {
    const char *name;
    unsigned hours;
    const char *json;    /* besides start and end */
    bool sankey, coarse; /* coarse: the first look that comes before the exact answer */
} questions[] = {
    {"hour_total", 1, OUTSIDE},
    {"hour_src_as", 1, "\"dimensions\":[\"SrcAS\"]," OUTSIDE},
    {"six_hours_src_as", 6, "\"dimensions\":[\"SrcAS\"]," OUTSIDE},
    {"day_total", 24, OUTSIDE},
    {"day_src_as", 24, "\"dimensions\":[\"SrcAS\"]," OUTSIDE},
    {"day_src_as_first_look", 24, "\"dimensions\":[\"SrcAS\"]," OUTSIDE, .coarse = true},
    {"day_src_as_both_ways", 24, "\"dimensions\":[\"SrcAS\"],\"bidirectional\":true," OUTSIDE},
    {"day_interface", 24, "\"dimensions\":[\"ExporterName\",\"InIfName\"]," OUTSIDE},
    {"day_percent", 24, "\"dimensions\":[\"ExporterName\",\"InIfName\"],\"units\":\"inl2%\""},
    {"day_dst_port", 24, "\"dimensions\":[\"DstPort\"]," OUTSIDE},
    {"day_src_addr", 24, "\"dimensions\":[\"SrcAddr\"]," OUTSIDE},
    {"day_address_filter", 24, "\"dimensions\":[\"DstPort\"],\"filter\":\"SrcAddr << 10.0.0.0/8\""},
    {"week_src_as", 168, "\"dimensions\":[\"SrcAS\"]," OUTSIDE},
    {"week_interface_both_ways", 168,
     "\"dimensions\":[\"ExporterName\",\"InIfName\"],\"bidirectional\":true"},
    {"month_src_as", 720, "\"dimensions\":[\"SrcAS\"]," OUTSIDE},
    {"month_dst_port", 720, "\"dimensions\":[\"DstPort\"]," OUTSIDE},
    {"day_sankey_of_three", 24, "\"dimensions\":[\"SrcAS\",\"InIfProvider\",\"ExporterName\"]," OUTSIDE,
     true},
};

static bool ask(struct bench_db *b, const struct question *q, double *ms, uint64_t *rows, struct err *e)
{
    struct query_cost cost = {0};
    const struct query_asker asker = {.cost = &cost};
    const struct request_limits limits = {50, q->sankey ? 20 : 200, 0};
    struct query_tables tables;
    struct query_request request;
    struct query_answer out = {0};
    struct arena a;
    char text[512];
    snprintf(text, sizeof text, "{\"start\":%u,\"end\":%u,%s}", b->now - q->hours * 3600, b->now, q->json);
    json_t *json = json_loads(text, 0, NULL);
    arena_init(&a);
    uint64_t began = clock_mono_ns();
    bool ok = request_parse(&request, json, &b->schema, &limits, b->now, &a, e) &&
              catalog_get(b->catalog, NULL, &tables, e) == QUERY_OK;
    request.coarse = q->coarse;
    ok = ok &&
         (q->sankey ? sankey_ask : line_ask)(b->pool, &asker, &request, &tables, &a, &out, e) == QUERY_OK;
    *ms = (double)(clock_mono_ns() - began) / 1e6;
    *rows = cost.rows;
    json_decref(out.json);
    buf_fini(&out.sql);
    json_decref(json);
    arena_fini(&a);
    return ok;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(struct bench_db *b, unsigned times, struct err *e)
{
    double ms[100];
    uint64_t rows = 0;
    char name[64];
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        double cpu_ms = store_cpu_ms(b);
        for (unsigned n = 0; n < times; n++)
            if (!ask(b, &questions[i], &ms[n], &rows, e))
                return err_wrap(e, "%s", questions[i].name);
        cpu_ms = (store_cpu_ms(b) - cpu_ms) / times;
        double first_ms = ms[0];
        qsort(ms, times, sizeof *ms, by_value);
        snprintf(name, sizeof name, "query_%s_ms_first", questions[i].name); /* nothing of it is in caches */
        bench_print(name, first_ms, "ms");
        snprintf(name, sizeof name, "query_%s_ms_p50", questions[i].name);
        bench_print(name, ms[times / 2], "ms");
        snprintf(name, sizeof name, "query_%s_ms_p95", questions[i].name);
        bench_print(name, ms[(times - 1) * 95 / 100], "ms");
        snprintf(name, sizeof name, "query_%s_cpu_ms", questions[i].name);
        bench_print(name, cpu_ms, "ms");
        snprintf(name, sizeof name, "query_%s_rows_read", questions[i].name);
        bench_print(name, (double)rows, "rows");
    }
    return true;
}

int bench_console(int argc, char **argv)
{
    static struct bench_db b;
    struct err e = {0};
    uint64_t rows = bench_number(argc, argv, "rows", 10000000), times = bench_number(argc, argv, "times", 15);
    snprintf(b.dir, sizeof b.dir, "%s/weir-bench-XXXXXX", bench_text(argc, argv, "dir", "/tmp"));
    uint64_t days = bench_number(argc, argv, "days", DAYS);
    b.span_s = DAY_S * (uint32_t)(days < 1 ? 1 : days > DAYS ? DAYS : days);
    b.narrow = bench_number(argc, argv, "narrow", 1);
    times = times < 1 ? 1 : times > 100 ? 100 : times;
    if (!mkdtemp(b.dir)) {
        perror(b.dir);
        return 1;
    }
    schema_default(&b.schema);
    b.now = (uint32_t)(clock_wall_ns() / SECOND_NS);
    bool ok = start(&b, &e) && plant(&b, rows, &e) && measure(&b, (unsigned)times, &e);
    stop(&b);
    if (!ok) {
        fprintf(stderr, "weir bench: %s\n", e.msg);
        return 1;
    }
    bench_print("query_rows", (double)rows, "rows");
    if (bench_number(argc, argv, "keep", 0)) {
        fprintf(stderr, "its folder stays: %s\n", b.dir);
        return 0;
    }
    char *rm[] = {"rm", "-rf", b.dir, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execvp(rm[0], rm);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    return 0;
}
