/*
 * socket -> bus -> decode -> enrich -> sealed Native block, all in this process: an inlet and an outlet whose inserts go
 * nowhere; a second process sends. The whole CPU time counts, the kernel's for receiving included.
 */
#include "base/clock.h"
#include "base/log.h"
#include "bus/spool.h"
#include "main/bench.h"
#include "main/bench_traffic.h"
#include "main/inlet.h"
#include "main/outlet.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERFACES = 2000, EXPORTERS = 16, WAIT_S = 60 };

static uint64_t sealed_bytes;

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

/* Exporters with names, 2,000 interfaces with descriptions. */
static void configure(struct config_outlet *conf, struct arena *a)
{
    opt_defaults(&config_outlet_table, conf, a);
    conf->bus.type = BUS_SPOOL;
    struct enrich_metadata_provider *p = ARENA_NEW(a, struct enrich_metadata_provider);
    struct enrich_exporter_conf *x = ARENA_NEW(a, struct enrich_exporter_conf);
    struct enrich_interface_conf *ifs = arena_array(a, INTERFACES, sizeof *ifs);
    const char **keys = arena_array(a, INTERFACES, sizeof *keys);
    struct prefix *all = ARENA_NEW(a, struct prefix);
    for (unsigned i = 0; i < INTERFACES; i++) {
        keys[i] = arena_printf(a, "%u", i + 1);
        ifs[i] = (struct enrich_interface_conf){.name = arena_printf(a, "HundredGigE0/0/0/%u", i + 1),
                                                .description = arena_printf(a, "Transit: carrier %u", i % 40),
                                                .provider = arena_printf(a, "carrier%u", i % 40),
                                                .connectivity = i % 3 ? "transit" : "ix",
                                                .speed = 100000,
                                                .boundary = BOUNDARY_EXTERNAL};
    }
    *x = (struct enrich_exporter_conf){.name = "edge1.example.net",
                                       .group = "backbone",
                                       .site = "th2",
                                       .region = "europe",
                                       .ifindexes = {INTERFACES, keys, ifs},
                                       .fallback = {.description = "not listed"}};
    *p = (struct enrich_metadata_provider){.type = METADATA_STATIC, .exporters = {1, all, x}};
    conf->metadata.providers = (struct opt_list){1, p};
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

static uint64_t stored(void *arg)
{
    struct outlet_totals t;
    outlet_totals(arg, &t);
    return t.rows + t.datagrams;
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

struct run {
    const char *name, *file;
    uint8_t decoder;
    uint64_t rate, seconds;
    const char *dir;
};

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
    configure(&out_conf, &a);
    sealed_bytes = 0;
    struct bench_sender sender;
    struct inlet *in = inlet_new(&in_conf, r->dir, &e);
    struct outlet *out = in ? outlet_new(&out_conf, r->dir, &nowhere, NULL, &e) : NULL;
    if (!out || !bench_sender_start(&sender, c, inlet_port(in), EXPORTERS, r->rate, r->rate * r->seconds)) {
        fprintf(stderr, "weir bench: %s\n", e.msg);
        return 1;
    }
    uint64_t cpu = clock_cpu_ns();
    struct bench_sent sent = bench_sender_wait(&sender);
    settle(received, in);
    struct inlet_totals got;
    inlet_totals(in, &got);
    inlet_free(in);
    close_minutes(r->dir);
    settle(stored, out);
    cpu = clock_cpu_ns() - cpu;
    struct outlet_totals t;
    outlet_totals(out, &t);
    outlet_free(out);
    arena_fini(&a);
    char name[64];
    uint64_t flows = t.flows ? t.flows : 1;
    snprintf(name, sizeof name, "path_%s_ns_per_flow", r->name);
    bench_print(name, (double)(cpu / flows), "ns");
    snprintf(name, sizeof name, "path_%s_flows", r->name);
    bench_print(name, (double)t.flows, "flows");
    snprintf(name, sizeof name, "path_%s_rollup_rows", r->name);
    bench_print(name, (double)(t.rows - t.flows), "rows");
    snprintf(name, sizeof name, "path_%s_sealed_len", r->name);
    bench_print(name, (double)sealed_bytes / (double)flows, "bytes/flow");
    snprintf(name, sizeof name, "path_%s_kernel_drops", r->name);
    bench_print(name, (double)(sent.datagrams - got.datagrams), "datagrams");
    return t.datagrams == got.datagrams ? 0 : 1;
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
        snprintf(path, sizeof path, "%s/%s", captures, r.file);
        snprintf(dir, sizeof dir, "%s/weir-bench-XXXXXX", bench_text(argc, argv, "dir", "/tmp"));
        if (!bench_capture_read(&c, path, r.decoder, &e) || !mkdtemp(dir)) {
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
