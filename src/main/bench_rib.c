/*
 * A full Internet table of three peers, as BMP messages: 1,000,000 IPv4 and 200,000 IPv6 prefixes in the mix of lengths that
 * the real one has, from 75,000 origins, each peer with two sets of attributes for each origin (AS path of 3 to 6, up to six
 * communities). The messages go through the same code as a router's. Then look-ups of addresses below those prefixes, one by
 * one and in batches, alone and while one peer's whole table is withdrawn and announced again, and the removal of a peer.
 * Addresses are uniform (each prefix as often as any other: the worst case), or drawn by Zipf's law from 200,000 (as traffic is).
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/snapshot.h"
#include "enrich/route/bmp.h"
#include "main/bench.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PEERS = 3,
    ORIGINS = 75000,
    VARIANTS = 2,
    UPDATE_MAX = 3900,
    ASKED = 1 << 20,
    BATCH = 1024,
    DESTINATIONS = 200000
};

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t draw(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1dull >> 32);
}

/* ---- the table */

struct route {
    struct prefix p;
    uint32_t set; /* origin and variant */
};

static uint8_t draw_len(const uint8_t (*mix)[2])
{
    uint32_t r = draw() % 100;
    while (r >= mix[0][1]) {
        r -= mix[0][1];
        mix++;
    }
    return mix[0][0];
}

static struct prefix draw_prefix(bool v6)
{
    /* length, percent */
    static const uint8_t mix4[][2] = {{24, 60}, {23, 10}, {22, 12}, {21, 5}, {20, 5},
                                      {19, 3},  {18, 2},  {16, 2},  {17, 1}};
    static const uint8_t mix6[][2] = {{48, 47}, {32, 13}, {44, 11}, {40, 10}, {36, 6},
                                      {46, 5},  {47, 3},  {42, 3},  {29, 2}};
    struct prefix p = {0};
    if (v6) {
        static const uint8_t first[] = {0x20, 0x24, 0x26, 0x28, 0x2a, 0x2c};
        p.ip.b[0] = first[draw() % 6];
        for (int i = 1; i < 6; i++)
            p.ip.b[i] = (uint8_t)draw();
        p.ip.b[1] &= 0x0f;
        p.len = draw_len(mix6);
    } else {
        uint32_t a = draw();
        uint8_t b[4] = {(uint8_t)(1 + (a >> 24) % 222), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};
        p.ip = ip_v4(b);
        p.len = (uint8_t)(96 + draw_len(mix4));
    }
    p.ip = ip_mask(p.ip, p.len);
    return p;
}

static int by_set(const void *a, const void *b)
{
    const struct route *x = a, *y = b;
    return (x->set > y->set) - (x->set < y->set);
}

static struct route *make_table(size_t n4, size_t n6)
{
    struct route *t = xmalloc((n4 + n6) * sizeof *t);
    for (size_t i = 0; i < n4 + n6; i++) {
        uint32_t skew = draw() % ORIGINS; /* few origins have many prefixes */
        uint32_t origin = draw() % 4 ? skew : skew % 1000;
        if (i >= n4)
            origin %= ORIGINS / 3;
        t[i] = (struct route){draw_prefix(i >= n4), origin * VARIANTS + draw() % VARIANTS};
    }
    qsort(t, n4, sizeof *t, by_set);
    qsort(t + n4, n6, sizeof *t, by_set);
    return t;
}

/* ---- as messages */

static void be16_at(struct buf *b, size_t at, size_t v)
{
    uint16_t x = __builtin_bswap16((uint16_t)v);
    memcpy(b->p + at, &x, sizeof x);
}

static void put_peer(struct buf *b, unsigned peer)
{
    buf_add(b, "\0\0\0\0\0\0\0\0\0\0", 10);
    buf_zero(b, 12);
    buf_be32(b, 0x0a000001u + peer);
    buf_be32(b, 64500 + peer);
    buf_be32(b, 0x0a000001u + peer);
    buf_zero(b, 8);
}

static size_t begin_message(struct buf *b, uint8_t type, unsigned peer)
{
    size_t at = b->len;
    buf_u8(b, 3);
    buf_be32(b, 0);
    buf_u8(b, type);
    put_peer(b, peer);
    return at;
}

static void end_message(struct buf *b, size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b->len - at));
    memcpy(b->p + at + 1, &len, sizeof len);
}

static size_t begin_bgp(struct buf *b, uint8_t type)
{
    size_t at = b->len;
    for (int i = 0; i < 16; i++)
        buf_u8(b, 0xff);
    buf_be16(b, 0);
    buf_u8(b, type);
    return at;
}

static void put_peer_up(struct buf *b, unsigned peer)
{
    size_t at = begin_message(b, 3, peer);
    buf_zero(b, 20);
    for (int i = 0; i < 2; i++) {
        size_t bgp = begin_bgp(b, 1);
        buf_u8(b, 4);
        buf_be16(b, (uint16_t)(i ? 64500 + peer : 64499));
        buf_be16(b, 180);
        buf_be32(b, 0x0a000001u + (i ? peer : 100));
        buf_u8(b, 0);
        be16_at(b, bgp + 16, b->len - bgp);
    }
    end_message(b, at);
}

/* The path and the communities follow from peer and set alone. */
static void put_attributes(struct buf *b, unsigned peer, uint32_t set)
{
    uint64_t keep = random_state;
    random_state = set * 0x9e3779b97f4a7c15u + peer + 1;
    unsigned n = 3 + draw() % 4, communities = draw() % 7;
    buf_add(b, "\x40\x01\x01\0\x40\x02", 6);
    buf_u8(b, (uint8_t)(2 + 4 * n));
    buf_u8(b, 2);
    buf_u8(b, (uint8_t)n);
    buf_be32(b, 64500 + peer);
    for (unsigned i = 2; i < n; i++)
        buf_be32(b, 1000 + draw() % 500);
    buf_be32(b, 100000 + set / VARIANTS);
    if (communities) {
        buf_add(b, "\xc0\x08", 2);
        buf_u8(b, (uint8_t)(4 * communities));
        for (unsigned i = 0; i < communities; i++)
            buf_be32(b, (1000 + draw() % 50) << 16 | draw() % 200);
    }
    random_state = keep;
}

static void put_nlri(struct buf *b, const struct route *r, bool v6)
{
    unsigned bits = v6 ? r->p.len : r->p.len - 96u;
    buf_u8(b, (uint8_t)bits);
    buf_add(b, r->p.ip.b + (v6 ? 0 : 12), (bits + 7) / 8);
}

/* One message: as many routes of one set as fit. */
static size_t put_update(struct buf *b, unsigned peer, const struct route *r, size_t n, bool v6,
                         bool withdraw)
{
    size_t at = begin_message(b, 0, peer), bgp = begin_bgp(b, 2), i = 0, gone = b->len, attrs, mp = 0;
    buf_be16(b, 0);
    for (; withdraw && !v6 && i < n && b->len - bgp < UPDATE_MAX; i++)
        put_nlri(b, &r[i], v6);
    be16_at(b, gone, b->len - gone - 2);
    attrs = b->len;
    buf_be16(b, 0);
    if (!withdraw)
        put_attributes(b, peer, r->set);
    if (!withdraw && !v6) {
        buf_add(b, "\x40\x03\x04", 3);
        buf_be32(b, 0x0a000001u + peer);
    }
    if (v6) {
        buf_add(b, withdraw ? "\x90\x0f" : "\x90\x0e", 2);
        mp = b->len;
        buf_be16(b, 0);
        buf_add(b, "\0\2\1", 3);
        if (!withdraw) {
            buf_add(b, "\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0", 16);
            buf_u8(b, (uint8_t)peer);
            buf_u8(b, 0);
        }
    }
    size_t body = b->len;
    if (!v6)
        be16_at(b, attrs, b->len - attrs - 2);
    for (; (!withdraw || v6) && i < n && (withdraw || r[i].set == r->set) && b->len - bgp < UPDATE_MAX; i++)
        put_nlri(b, &r[i], v6);
    if (v6) {
        be16_at(b, mp, b->len - mp - 2);
        be16_at(b, attrs, b->len - attrs - 2);
    }
    be16_at(b, bgp + 16, b->len - bgp);
    end_message(b, at);
    return body ? i : 0;
}

static void put_table(struct buf *b, unsigned peer, const struct route *t, size_t n4, size_t n6,
                      bool withdraw)
{
    for (size_t i = 0; i < n4;)
        i += put_update(b, peer, t + i, n4 - i, false, withdraw);
    for (size_t i = n4; i < n4 + n6;)
        i += put_update(b, peer, t + i, n4 + n6 - i, true, withdraw);
}

/* ---- measuring */

struct bench {
    struct rib rib;
    struct routers routers;
    struct bmp_env env;
    struct bmp *router[PEERS];
    struct counters *counters;
    const struct route *table;
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
        put_peer_up(&in, p);
        put_table(&in, p, b->table, b->n4, b->n6, false);
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

static void look_up_alone(struct bench *b, const struct ip *addresses, size_t at_once, const char *name)
{
    struct reader r = {b, addresses, at_once};
    for (size_t at = 0; at < 2 * ASKED; at += BATCH)
        ask_batch(&r, at, at / BATCH % PEERS);
    bench_print(name, (double)r.ns / (double)r.asked, "ns");
    if (r.found != r.asked)
        fprintf(stderr, "weir bench: %llu look-ups found nothing\n", (unsigned long long)(r.asked - r.found));
}

/* The last peer's whole table goes and comes back, message by message. Returns nanoseconds for a route. */
static double flap(struct bench *b)
{
    struct buf gone, come;
    buf_init(&gone, 0);
    buf_init(&come, 0);
    put_table(&gone, PEERS - 1, b->table, b->n4, b->n6, true);
    put_table(&come, PEERS - 1, b->table, b->n4, b->n6, false);
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

static void look_up(struct bench *b)
{
    look_up_alone(b, b->uniform, 1, "rib_lookup_single_ns");
    look_up_alone(b, b->uniform, BATCH, "rib_lookup_ns");
    look_up_alone(b, b->zipf, 1, "rib_lookup_single_zipf_ns");
    look_up_alone(b, b->zipf, BATCH, "rib_lookup_zipf_ns");
    const uint64_t longest[] = {
        look_up_under_write(b, 1, b->uniform, "rib_lookup_under_write_ns"),
        look_up_under_write(b, 2, b->uniform, "rib_lookup_under_write_two_readers_ns"),
        look_up_under_write(b, 1, b->zipf, "rib_lookup_zipf_under_write_ns"),
        look_up_under_write(b, 2, b->zipf, "rib_lookup_zipf_under_write_two_readers_ns")};
    uint64_t most = 0;
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++)
        most = longest[i] > most ? longest[i] : most;
    bench_print("rib_lookup_under_write_longest_batch_us", (double)most / 1000, "us"); /* of 1,024 look-ups */
}

static void draw_addresses(struct bench *b)
{
    b->uniform = xmalloc(ASKED * sizeof *b->uniform);
    b->zipf = xmalloc(ASKED * sizeof *b->zipf);
    for (size_t i = 0; i < ASKED; i++) {
        b->uniform[i] = b->table[draw() % (b->n4 + b->n6)].p.ip;
        b->uniform[i].b[15] = (uint8_t)draw();
    }
    for (size_t i = 0; i < ASKED;
         i++) /* the rank is the logarithm's inverse: each place half as far is as likely again */
        b->zipf[i] = b->uniform[(size_t)exp(draw() / 4294967296.0 * log(DESTINATIONS))];
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
    b.table = make_table(b.n4, b.n6);
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
