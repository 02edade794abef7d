/*
 * A full Internet table of three peers: 1,000,000 IPv4 and 200,000 IPv6 prefixes (routes.h), through the same code as a
 * router's messages. Then look-ups of addresses below those prefixes, one by one and in batches, alone and while one peer's
 * whole table is withdrawn and announced again, and the removal of a peer. Addresses are uniform (each prefix as often as any
 * other: the worst case), or drawn by Zipf's law from 200,000 (as traffic is).
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/snapshot.h"
#include "enrich/route/bmp.h"
#include "enrich/route/rib_cache.h"
#include "main/bench/bench.h"
#include "main/bench/routes.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEERS = 3, ASKED = 1 << 20, BATCH = 1024, DESTINATIONS = 200000 };

struct bench {
    struct rib rib;
    struct routers routers;
    struct bmp_env env;
    struct bmp *router[PEERS];
    struct counters *counters;
    const struct bench_route *table;
    size_t n4, n6;
    struct ip *uniform, *zipf; /* ASKED each */
    unsigned reading;          /* readers that have asked something */
    bool stop;
};

static uint64_t thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void feed(struct bench *b, unsigned peer, const struct buf *in)
{
    size_t used;
    struct err e;
    for (size_t at = 0; at < in->len; at += used) { /* as the station does: some, then a quiet state */
        size_t n = in->len - at < 256 << 10 ? in->len - at : 256 << 10;
        if (!bmp_take(b->router[peer], (struct str){(const char *)in->p + at, n}, &used, &e) || used == 0) {
            fprintf(stderr, "weir bench: %s\n", e.msg);
            exit(1);
        }
        snapshot_reader_quiet();
    }
    pool_flush(&b->rib.pool);
}

struct reader {
    struct bench *b;
    const struct ip *addresses;
    size_t at_once;
    struct rib_cache *cache; /* NULL: none */
    uint64_t asked, ns, longest_ns, found;
};

static void ask_batch(struct reader *r, size_t from, unsigned peer)
{
    static __thread struct rib_ask q[BATCH];
    static __thread struct rib_answer a[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        q[i] = (struct rib_ask){.address = r->addresses[(from + i) % ASKED], .router = peer + 1};
    uint64_t began = thread_ns();
    for (size_t i = 0; i < BATCH; i += r->at_once)
        if (r->cache)
            rib_cache_find(r->cache, &r->b->rib, q + i, r->at_once, a + i);
        else
            rib_find(&r->b->rib, q + i, r->at_once, a + i);
    uint64_t took = thread_ns() - began;
    for (size_t i = 0; i < BATCH; i++)
        r->found += a[i].attr != NULL;
    r->asked += BATCH;
    r->ns += took;
    r->longest_ns = took > r->longest_ns ? took : r->longest_ns;
}

static void *read_on(void *arg)
{
    struct reader *r = arg;
    snapshot_reader_on();
    for (size_t at = 0; !__atomic_load_n(&r->b->stop, __ATOMIC_RELAXED); at += BATCH) {
        ask_batch(r, at, at / BATCH % PEERS);
        snapshot_reader_quiet();
        if (at == 0)
            __atomic_fetch_add(&r->b->reading, 1, __ATOMIC_RELAXED);
    }
    snapshot_reader_off();
    return NULL;
}

static void fill_table(struct bench *b)
{
    uint64_t ns = 0, routes;
    struct buf in;
    buf_init(&in, 0);
    for (unsigned p = 0; p < PEERS; p++) {
        buf_reset(&in);
        uint8_t address[4] = {192, 0, 2, (uint8_t)(1 + p)};
        b->router[p] = bmp_new(&b->env, ip_v4(address), b->counters);
        buf_add(&in, "\x03\0\0\0\x06\x04", 6);
        bench_routes_peer_up(&in, p);
        bench_routes_put(&in, p, b->table, b->n4, b->n6, false);
        uint64_t began = thread_ns();
        feed(b, p, &in);
        ns += thread_ns() - began;
    }
    buf_fini(&in);
    struct rib_stats t = rib_stats(&b->rib);
    routes = t.routes;
    bench_print("rib_routes", (double)routes, "routes");
    bench_print("rib_prefixes", (double)t.prefixes, "prefixes");
    bench_print("rib_attributes", (double)t.attributes, "sets");
    bench_print("rib_bytes_per_route", (double)t.bytes / (double)routes, "bytes");
    bench_print("rib_insert_ns", (double)ns / (double)routes, "ns");
}

static void look_up_alone(struct bench *b, const struct ip *addresses, size_t at_once, bool cached,
                          const char *name)
{
    struct reader r = {b, addresses, at_once, cached ? rib_cache_new() : NULL};
    for (size_t at = 0; at < 2 * ASKED; at += BATCH)
        ask_batch(&r, at, at / BATCH % PEERS);
    bench_print(name, (double)r.ns / (double)r.asked, "ns");
    rib_cache_free(r.cache);
    if (r.found != r.asked)
        fprintf(stderr, "weir bench: %llu look-ups found nothing\n", (unsigned long long)(r.asked - r.found));
}

/* The last peer's whole table goes and comes back, message by message. Returns nanoseconds for a route. */
static double flap(struct bench *b)
{
    struct buf gone, come;
    buf_init(&gone, 0);
    buf_init(&come, 0);
    bench_routes_put(&gone, PEERS - 1, b->table, b->n4, b->n6, true);
    bench_routes_put(&come, PEERS - 1, b->table, b->n4, b->n6, false);
    uint64_t began = thread_ns(), before = b->rib.routes;
    feed(b, PEERS - 1, &gone);
    feed(b, PEERS - 1, &come);
    uint64_t ns = thread_ns() - began;
    buf_fini(&gone);
    buf_fini(&come);
    return (double)ns / (2.0 * (double)before / PEERS);
}

/* Returns the longest batch. */
static uint64_t look_up_under_write(struct bench *b, unsigned readers, const struct ip *addresses,
                                    const char *name)
{
    struct reader r[2] = {{b, addresses, BATCH}, {b, addresses, BATCH}};
    pthread_t threads[2];
    b->stop = false;
    b->reading = 0;
    for (unsigned i = 0; i < readers; i++)
        pthread_create(&threads[i], NULL, read_on, &r[i]);
    double flap_ns;
    do
        flap_ns = flap(b);
    while (__atomic_load_n(&b->reading, __ATOMIC_RELAXED) < readers);
    __atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
    snapshot_reader_away();
    uint64_t asked = 0, took = 0, longest = 0;
    for (unsigned i = 0; i < readers; i++) {
        pthread_join(threads[i], NULL);
        asked += r[i].asked;
        took += r[i].ns;
        longest = r[i].longest_ns > longest ? r[i].longest_ns : longest;
    }
    snapshot_reader_back();
    bench_print(name, (double)took / (double)asked, "ns");
    if (readers == 1 && addresses == b->uniform)
        bench_print("rib_flap_ns", flap_ns, "ns");
    return longest;
}

/* About as long as a batch takes on a quiet machine, and no memory is touched. */
static uint64_t compute(void)
{
    uint64_t x = thread_ns();
    for (int i = 0; i < 30000; i++)
        x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    return x;
}

struct idler {
    struct bench *b;
    uint64_t longest_ns, shortest_ns, sum;
};

static void *compute_on(void *arg)
{
    struct idler *t = arg;
    while (!__atomic_load_n(&t->b->stop, __ATOMIC_RELAXED)) {
        uint64_t began = thread_ns();
        t->sum += compute();
        uint64_t took = thread_ns() - began;
        t->longest_ns = took > t->longest_ns ? took : t->longest_ns;
        t->shortest_ns = took < t->shortest_ns ? took : t->shortest_ns;
    }
    return NULL;
}

/*
 * What the machine takes from a thread that only computes while tables come and go: interrupts, and a hypervisor that has
 * something else to do, count as the thread's time. A longest batch that is no longer than this and a batch is not the RIB's.
 */
static void pauses_under_write(struct bench *b)
{
    struct idler t = {.b = b, .shortest_ns = UINT64_MAX};
    pthread_t thread;
    b->stop = false;
    pthread_create(&thread, NULL, compute_on, &t);
    for (unsigned i = 0; i < 4; i++) /* as often as look-ups were under write */
        flap(b);
    __atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    if (t.longest_ns)
        bench_print("rib_under_write_longest_pause_us", (double)(t.longest_ns - t.shortest_ns) / 1000, "us");
}

static void look_up(struct bench *b)
{
    look_up_alone(b, b->uniform, 1, false, "rib_lookup_single_ns");
    look_up_alone(b, b->uniform, BATCH, false, "rib_lookup_ns");
    look_up_alone(b, b->zipf, 1, false, "rib_lookup_single_zipf_ns");
    look_up_alone(b, b->zipf, BATCH, false, "rib_lookup_zipf_ns");
    look_up_alone(b, b->zipf, BATCH, true, "rib_lookup_cached_zipf_ns");
    const uint64_t longest[] = {
        look_up_under_write(b, 1, b->uniform, "rib_lookup_under_write_ns"),
        look_up_under_write(b, 2, b->uniform, "rib_lookup_under_write_two_readers_ns"),
        look_up_under_write(b, 1, b->zipf, "rib_lookup_zipf_under_write_ns"),
        look_up_under_write(b, 2, b->zipf, "rib_lookup_zipf_under_write_two_readers_ns")};
    uint64_t most = 0;
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++)
        most = longest[i] > most ? longest[i] : most;
    bench_print("rib_lookup_under_write_longest_batch_us", (double)most / 1000, "us"); /* of 1,024 look-ups */
    pauses_under_write(b);
}

static void draw_addresses(struct bench *b)
{
    b->uniform = xmalloc(ASKED * sizeof *b->uniform);
    b->zipf = xmalloc(ASKED * sizeof *b->zipf);
    for (size_t i = 0; i < ASKED; i++) {
        b->uniform[i] = b->table[bench_routes_draw() % (b->n4 + b->n6)].p.ip;
        b->uniform[i].b[15] = (uint8_t)bench_routes_draw();
    }
    for (size_t i = 0; i < ASKED;
         i++) /* the rank is the logarithm's inverse: each place half as far is as likely again */
        b->zipf[i] = b->uniform[(size_t)exp(bench_routes_draw() / 4294967296.0 * log(DESTINATIONS))];
}

static void remove_peer(struct bench *b)
{
    uint64_t before = b->rib.routes, longest = 0, began = thread_ns();
    bmp_free(b->router[PEERS - 1]);
    b->router[PEERS - 1] = NULL;
    routers_tick(&b->routers, UINT64_MAX - 1);
    while (rib_sweeping(&b->rib)) {
        uint64_t slice = thread_ns();
        rib_sweep_for(&b->rib, RIB_SLICE_NS);
        slice = thread_ns() - slice;
        longest = slice > longest ? slice : longest;
        snapshot_reader_quiet();
    }
    bench_print("rib_peer_removal_ms", (double)(thread_ns() - began) / 1e6, "ms");
    bench_print("rib_peer_removal_longest_slice_us", (double)longest / 1000, "us");
    bench_print("rib_peer_removal_routes", (double)(before - b->rib.routes), "routes");
}

int bench_rib(int argc, char **argv)
{
    struct err e;
    struct bench b = {.n4 = bench_number(argc, argv, "ipv4", 1000000),
                      .n6 = bench_number(argc, argv, "ipv6", 200000)};
    snapshot_reader_on();
    if (!rib_init(&b.rib, 8ull << 30, &e)) {
        fprintf(stderr, "weir bench: %s\n", e.msg);
        return 1;
    }
    routers_init(&b.routers, &b.rib);
    b.env = (struct bmp_env){.routers = &b.routers, .asns = true, .paths = true, .communities = true};
    b.counters = counters_new(bmp_counter_defs, N_BMP_COUNTERS, "");
    b.table = bench_routes_make(b.n4, b.n6);
    draw_addresses(&b);
    fill_table(&b);
    look_up(&b);
    remove_peer(&b);
    for (unsigned i = 0; i < PEERS; i++)
        bmp_free(b.router[i]);
    counters_free(b.counters);
    routers_fini(&b.routers);
    snapshot_reader_off();
    rib_fini(&b.rib);
    free((void *)(uintptr_t)b.table);
    free(b.uniform);
    free(b.zipf);
    return 0;
}
