/*
 * socket -> bus -> decode -> enrich -> sealed Native block, all in this process: an inlet and an outlet whose inserts go
 * nowhere; a second process sends. The whole CPU time counts, the kernel's for receiving included.
 *
 * Exporters have 2,000 interfaces that classifier rules sort. With --routes N, three routers send N prefixes each over BMP
 * before it begins; two of them are exporters. With --networks N there are as many networks, with --geo and --asn
 * databases of countries or cities, and of AS. With --zipf 1 traffic is as in zipf.c (v9 and sFlow), so that look-ups meet
 * a million addresses, instead of a capture's few.
 */
#include "base/clock.h"
#include "base/log.h"
#include "bus/spool.h"
#include "main/bench/bench.h"
#include "main/bench/routes.h"
#include "main/bench/traffic.h"
#include "main/inlet.h"
#include "main/outlet/outlet.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INTERFACES = 2000, EXPORTERS = 16, WAIT_S = 60, ROUTERS = 3 };

struct run {
    const char *name, *file;
    uint8_t decoder;
    uint64_t rate, seconds, routes, networks;
    const char *geo, *asn; /* files, or "" */
    bool zipf;
    const char *dir;
};

static uint64_t sealed_bytes;

static void print(const struct run *r, const char *what, uint64_t value, const char *unit)
{
    char name[64];
    snprintf(name, sizeof name, "path_%s_%s", r->name, what);
    bench_print(name, (double)value, unit);
}

static void *nowhere_open(void *arg, bool (*abandon)(void *), void *abandon_arg)
{
    return arg;
}

static void nowhere_close(void *way)
{
}

static enum ch_failure nowhere_insert(void *way, const char *table, const char *token, struct str data,
                                      const char **server, struct err *e)
{
    __atomic_fetch_add(&sealed_bytes, data.len, __ATOMIC_RELAXED);
    return CH_OK;
}

/* ---- what flows are completed with */

/* Exporters with names, 2,000 interfaces whose descriptions tell the rest. */
static void configure_names(struct config_outlet *conf, struct arena *a)
{
    static const char *exporter_rules[] = {"ClassifySiteRegex(Exporter.Name, \"^([^-.]+)\", \"$1\")",
                                           "Exporter.Name endsWith \".net\" && ClassifyRegion(\"europe\")"};
    static const char *interface_rules[] = {
        "ClassifyConnectivityRegex(Interface.Description, \"^(?i)(transit|ix):? \", \"$1\") && "
        "ClassifyProviderRegex(Interface.Description, \"^\\\\S+?\\\\s(\\\\S+)\", \"$1\") && "
        "ClassifyExternal()",
        "ClassifyInternal()"};
    struct enrich_metadata_provider *p = ARENA_NEW(a, struct enrich_metadata_provider);
    struct enrich_exporter_conf *x = ARENA_NEW(a, struct enrich_exporter_conf);
    struct enrich_interface_conf *ifs = arena_array(a, INTERFACES, sizeof *ifs);
    const char **keys = arena_array(a, INTERFACES, sizeof *keys);
    struct prefix *all = ARENA_NEW(a, struct prefix);
    for (unsigned i = 0; i < INTERFACES; i++) {
        const char *kind = i % 4 == 0 ? "IX" : i % 4 == 1 ? "Core" : "Transit";
        keys[i] = arena_printf(a, "%u", i + 1);
        ifs[i] = (struct enrich_interface_conf){.name = arena_printf(a, "HundredGigE0/0/0/%u", i + 1),
                                                .description = arena_printf(a, "%s: carrier%u", kind, i % 40),
                                                .speed = 100000};
    }
    *x = (struct enrich_exporter_conf){.name = "edge1.example.net",
                                       .ifindexes = {INTERFACES, keys, ifs},
                                       .fallback = {.description = "not listed"}};
    *p = (struct enrich_metadata_provider){.type = METADATA_STATIC, .exporters = {1, all, x}};
    conf->metadata.providers = (struct opt_list){1, p};
    conf->core.exporter_classifiers = (struct opt_list){2, exporter_rules};
    conf->core.interface_classifiers = (struct opt_list){2, interface_rules};
}

static void configure_networks(struct config_outlet *conf, struct arena *a, const struct run *r)
{
    const char **geo = ARENA_NEW(a, const char *), **asn = ARENA_NEW(a, const char *);
    *geo = r->geo;
    *asn = r->asn;
    conf->geoip.geo_database = (struct opt_list){**geo != '\0', geo};
    conf->geoip.asn_database = (struct opt_list){**asn != '\0', asn};
    if (r->networks == 0)
        return;
    struct opt_subnetmap *m = &conf->networks.networks;
    struct enrich_network_conf *net = arena_array(a, r->networks, sizeof *net);
    struct bench_route *t = bench_routes_make(r->networks - r->networks / 6, r->networks / 6);
    *m = (struct opt_subnetmap){r->networks, arena_array(a, r->networks, sizeof *m->prefixes), net};
    for (size_t i = 0; i < r->networks; i++) {
        m->prefixes[i] = t[i].p;
        net[i] = (struct enrich_network_conf){.name = arena_printf(a, "network %u", t[i].set % 5000),
                                              .country = t[i].set % 3 ? "FR" : "DE",
                                              .asn = 1 + t[i].set % 90000};
    }
    free(t);
}

static void configure(struct config_outlet *conf, struct arena *a, const struct run *r)
{
    opt_defaults(&config_outlet_table, conf, a);
    conf->bus.type = BUS_SPOOL;
    configure_names(conf, a);
    configure_networks(conf, a, r);
    if (r->routes)
        conf->routing.provider = (struct enrich_routing_provider){.type = ROUTING_BMP,
                                                                  .listen = "127.0.0.1:0",
                                                                  .collect_asns = true,
                                                                  .collect_aspaths = true,
                                                                  .collect_communities = true,
                                                                  .keep_ns = 300000000000ull,
                                                                  .message_timeout_ns = 60000000000ull,
                                                                  .receive_buffer = 1 << 20,
                                                                  .max_memory = 8ull << 30,
                                                                  .max_sessions = ROUTERS};
}

/* ---- routers */

struct routers_of {
    int fd[ROUTERS];
};

/* From the address of an exporter, but for the last one. */
static int router_connect(unsigned router, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr =
                                   htonl(0x7f010001u + (router == ROUTERS - 1 ? 200 : router))};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001u)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("weir bench: a router's session");
        exit(2);
    }
    return fd;
}

static void send_whole(int fd, const struct buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->p + at, b->len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            perror("weir bench: a router's session");
            exit(2);
        }
        at += (size_t)n;
    }
}

static uint64_t routes_known(void *arg)
{
    struct buf b;
    buf_init(&b, 0);
    station_status(outlet_station(arg), &b);
    buf_u8(&b, '\0');
    const char *is = strstr((const char *)b.p, "\"routes\":");
    uint64_t n = is ? strtoull(is + strlen("\"routes\":"), NULL, 10) : 0;
    buf_fini(&b);
    return n;
}

/* Waits until `value` has stood still for a third of a second, or the time is up. */
static void settle(uint64_t (*value)(void *arg), void *arg)
{
    uint64_t last = value(arg), until = clock_mono_ns() + WAIT_S * 1000000000ull;
    for (unsigned quiet = 0; quiet < 10 && clock_mono_ns() < until; quiet++) {
        nanosleep(&(struct timespec){0, 33000000}, NULL);
        uint64_t now = value(arg);
        quiet = now != last ? 0 : quiet;
        last = now;
    }
}

static uint64_t received(void *arg)
{
    struct inlet_totals t;
    inlet_totals(arg, &t);
    return t.datagrams;
}

/* Waits until all that was received is read, and all flows and rollups are stored for good; or the time is up. */
static bool all_stored(struct outlet *out, uint64_t datagrams)
{
    struct outlet_totals t;
    uint64_t until = clock_mono_ns() + WAIT_S * 1000000000ull, rows = 0;
    for (unsigned quiet = 0; clock_mono_ns() < until;) {
        nanosleep(&(struct timespec){0, 33000000}, NULL);
        outlet_totals(out, &t);
        bool all = t.datagrams == datagrams && outlet_lag(out).records == 0 && t.rows >= t.flows + t.rolled;
        quiet = all && t.rows == rows ? quiet + 1 : 0;
        rows = t.rows;
        if (quiet == 10)
            return true;
    }
    fprintf(stderr, "weir bench: the outlet is not done after %u s\n", WAIT_S);
    return false;
}

/* Ticks far ahead, so that all slots and minutes are closed. */
static void close_minutes(const char *dir)
{
    struct err e;
    char spool[4200];
    snprintf(spool, sizeof spool, "%s/spool", dir);
    struct spool_conf conf = {.dir = spool, .partitions = 8};
    struct bus_writer *w = spool_writer_new(&conf, &e);
    if (!w)
        return;
    w->tick(w, clock_wall_ns() / 1000000000u + 120);
    w->free(w);
}

/* All their tables, and waits until they are known. */
static void send_routes(struct outlet *out, const struct run *r, struct routers_of *from)
{
    size_t n6 = r->routes / 6, n4 = r->routes - n6;
    struct bench_route *t = bench_routes_make(n4, n6);
    struct buf b;
    buf_init(&b, 0);
    for (unsigned i = 0; i < ROUTERS; i++) {
        buf_reset(&b);
        buf_add(&b, "\x03\0\0\0\x06\x04", 6);
        bench_routes_peer_up(&b, i);
        bench_routes_put(&b, i, t, n4, n6, false);
        from->fd[i] = router_connect(i, station_port(outlet_station(out)));
        send_whole(from->fd[i], &b);
    }
    buf_fini(&b);
    free(t);
    settle(routes_known, out);
    print(r, "routes", routes_known(out), "routes");
}

/* ---- which thread took the time */

/* CPU time of all threads whose names begin so; those that have ended are not in it. */
static uint64_t threads_ns(const char *name)
{
    uint64_t sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *d; tasks && (d = readdir(tasks));) {
        char path[300], text[64] = "";
        unsigned long long ran = 0;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", d->d_name);
        FILE *f = fopen(path, "re");
        bool is = f && fgets(text, sizeof text, f) && strncmp(text, name, strlen(name)) == 0;
        if (f)
            fclose(f);
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", d->d_name);
        if (!is || !(f = fopen(path, "re")))
            continue;
        if (fscanf(f, "%llu", &ran) == 1)
            sum += ran;
        fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return sum;
}

/* CPU time: all; reading, decoding, completing, adding up, appending to blocks; sealing them. */
struct path_time {
    uint64_t all, worker, seal;
};

static struct path_time path_time(void)
{
    return (struct path_time){clock_cpu_ns(), threads_ns("worker"), threads_ns("insert")};
}

static void report(const struct run *r, const struct path_time *before, const struct path_time *after,
                   const struct outlet_totals *t)
{
    uint64_t flows = t->flows ? t->flows : 1;
    print(r, "ns_per_flow", (after->all - before->all) / flows, "ns");
    print(r, "worker_ns_per_flow", (after->worker - before->worker) / flows, "ns");
    print(r, "seal_ns_per_flow", (after->seal - before->seal) / flows, "ns");
    print(r, "flows", t->flows, "flows");
    print(r, "rollup_rows", t->rows - t->flows, "rows");
    print(r, "sealed_len", sealed_bytes / flows, "bytes/flow");
}

static int measure(const struct run *r, const struct bench_capture *c)
{
    struct err e;
    struct arena a;
    struct config_outlet out_conf;
    struct rx_input_conf input = {.type = RX_UDP,
                                  .decoder = r->decoder,
                                  .listen = "127.0.0.1:0",
                                  .workers = 1,
                                  .receive_buffer = 64 << 20};
    struct config_inlet in_conf = {.flow.inputs = {1, &input},
                                   .bus = {.type = BUS_SPOOL,
                                           .dir = "",
                                           .partitions = 8,
                                           .max_size = (uint64_t)4 << 30,
                                           .segment_size = 16 << 20}};
    const struct insert_way nowhere = {nowhere_open, nowhere_close, nowhere_insert, NULL};
    arena_init(&a);
    configure(&out_conf, &a, r);
    sealed_bytes = 0;
    struct bench_sender sender;
    struct inlet *in = inlet_new(&in_conf, r->dir, &e);
    struct outlet *out = in ? outlet_new(&out_conf, r->dir, &nowhere, NULL, &e) : NULL;
    struct routers_of routers = {{-1, -1, -1}};
    if (out && r->routes)
        send_routes(out, r, &routers);
    if (!out || !bench_sender_start(&sender, c, inlet_port(in), EXPORTERS, r->rate, r->rate * r->seconds)) {
        fprintf(stderr, "weir bench: %s\n", e.msg);
        return 1;
    }
    struct path_time before = path_time();
    struct bench_sent sent = bench_sender_wait(&sender);
    settle(received, in);
    struct inlet_totals got;
    inlet_totals(in, &got);
    inlet_free(in);
    close_minutes(r->dir);
    bool done = all_stored(out, got.datagrams);
    struct path_time after = path_time();
    struct outlet_totals t;
    outlet_totals(out, &t);
    for (unsigned i = 0; i < ROUTERS; i++)
        if (routers.fd[i] >= 0)
            close(routers.fd[i]);
    outlet_free(out);
    arena_fini(&a);
    report(r, &before, &after, &t);
    print(r, "kernel_drops", sent.datagrams - got.datagrams, "datagrams");
    return done ? 0 : 1;
}

int bench_path(int argc, char **argv)
{
    static const struct run runs[] = {{"v5", "nf5-var.pcap", DECODER_NETFLOW},
                                      {"v9", "nf9-var.pcap", DECODER_NETFLOW},
                                      {"ipfix", "ipfix-var.pcap", DECODER_NETFLOW},
                                      {"sflow", "sflow-var.pcap", DECODER_SFLOW}};
    const char *captures = bench_captures(argc, argv), *only = bench_text(argc, argv, "only", "");
    int rc = 0;
    log_setup("bench", LOG_ERROR, false);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct run r = runs[i];
        struct bench_capture c;
        struct err e;
        char path[4096], dir[4096], clean[4200];
        if (only[0] && strcmp(only, r.name) != 0)
            continue;
        r.rate = bench_number(argc, argv, "rate", 40000);
        r.seconds = bench_number(argc, argv, "seconds", 5);
        r.routes = bench_number(argc, argv, "routes", 0);
        r.networks = bench_number(argc, argv, "networks", 0);
        r.geo = bench_text(argc, argv, "geo", "");
        r.asn = bench_text(argc, argv, "asn", "");
        r.zipf = bench_number(argc, argv, "zipf", 0) && (i == 1 || i == 3); /* the ones it can be made for */
        snprintf(path, sizeof path, "%s/%s", captures, r.file);
        snprintf(dir, sizeof dir, "%s/weir-bench-XXXXXX", bench_text(argc, argv, "dir", "/tmp"));
        if (!(r.zipf ? bench_capture_zipf(&c, r.decoder, &e) : bench_capture_read(&c, path, r.decoder, &e)) ||
            !mkdtemp(dir)) {
            fprintf(stderr, "weir bench: %s\n", c.n ? "--dir is no folder to write in" : e.msg);
            return 2;
        }
        r.dir = dir;
        rc |= measure(&r, &c);
        bench_capture_free(&c);
        snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
        rc |= system(clean) != 0;
    }
    return rc;
}
