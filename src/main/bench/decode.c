/*
 * Datagrams to batches: 512 datagrams of each protocol over and over, as the bus would hand them on, with the columns that
 * are enabled by default. They are made here in the layouts of real routers (v5: 30 records; v9: an ASR 9000's 21 of 23
 * fields; IPFIX: a MikroTik's 28 of 16 fields; sFlow: 5 samples with switch, router and gateway records), or come from
 * captures (--captures DIR: DIR/nf5-var.pcap and so on). --exporters N takes each datagram from another of so many addresses;
 * --beside 1 gives the datagrams to nfcapd and nfacctd, or sfcapd and sfacctd, as well, where they are installed.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "decode/decode.h"
#include "main/bench/bench.h"
#include "main/bench/beside.h"
#include "rx/pcap.h"
#include <stdio.h>
#include <stdlib.h>

enum { DATAGRAMS = 512, DATAGRAMS_MAX = 4096, BESIDE_ROUNDS = 100 };

struct input {
    const char *name, *file;
    enum dgram_decoder decoder;
    void (*template)(struct buf *b);
    void (*datagram)(struct buf *b, uint32_t i);
};

static uint64_t random_state;

/* xorshift64*, so that the same datagrams are made each time */
static uint32_t draw(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1dull >> 32);
}

static void draw_bytes(struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_u8(b, (uint8_t)draw());
}

static void v5_datagram(struct buf *b, uint32_t i)
{
    buf_be16(b, 5);
    buf_be16(b, 30);
    buf_be32(b, 100000);
    buf_be32(b, 1700000000);
    buf_be32(b, 0);
    buf_be32(b, i * 30);
    buf_be32(b, 0);
    for (unsigned k = 0; k < 30; k++) {
        draw_bytes(b, 12);
        buf_be32(b, draw() % 8 << 16 | draw() % 8);
        buf_be32(b, draw() % 100 + 1);
        buf_be32(b, draw() % 100000);
        draw_bytes(b, 24);
    }
}

static void fields(struct buf *b, const uint16_t (*f)[2], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        buf_be16(b, f[i][0]);
        buf_be16(b, f[i][1]);
    }
}

static void records(struct buf *b, const uint16_t (*f)[2], unsigned n_fields, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        for (unsigned i = 0; i < n_fields; i++) {
            bool small = f[i][0] == 1 || f[i][0] == 2 || f[i][0] == 10 || f[i][0] == 14;
            if (f[i][0] == 60)
                buf_u8(b, 4);
            else if (small)
                buf_be32(b, draw() % 1000 + 1);
            else
                draw_bytes(b, f[i][1]);
        }
}

static const uint16_t asr9k[][2] = {{2, 4}, {1, 4},  {8, 4},  {12, 4}, {10, 4}, {14, 4},  {21, 4}, {22, 4},
                                    {7, 2}, {11, 2}, {16, 4}, {17, 4}, {18, 4}, {9, 1},   {13, 1}, {4, 1},
                                    {6, 1}, {5, 1},  {61, 1}, {89, 1}, {48, 2}, {234, 4}, {235, 4}};
static const uint16_t mikrotik[][2] = {{60, 1}, {22, 4}, {21, 4},  {2, 4},  {1, 4}, {7, 2},
                                       {11, 2}, {10, 4}, {14, 4},  {4, 1},  {6, 1}, {8, 4},
                                       {12, 4}, {15, 4}, {225, 4}, {226, 4}};
enum { ASR9K = 23, MIKROTIK = 16 };

static void v9_header(struct buf *b, uint16_t count, uint32_t seq)
{
    buf_be16(b, 9);
    buf_be16(b, count);
    buf_be32(b, 100000);
    buf_be32(b, 1700000000);
    buf_be32(b, seq);
    buf_be32(b, 1);
}

static void v9_template(struct buf *b)
{
    v9_header(b, 1, 0);
    buf_be32(b, 8 + ASR9K * 4);
    buf_be32(b, 260 << 16 | ASR9K);
    fields(b, asr9k, ASR9K);
}

static void v9_datagram(struct buf *b, uint32_t i)
{
    v9_header(b, 21, i);
    size_t at = b->len;
    buf_be32(b, 0);
    records(b, asr9k, ASR9K, 21);
    uint32_t head = __builtin_bswap32(260 << 16 | (uint32_t)(b->len - at));
    memcpy(b->p + at, &head, 4);
}

static void ipfix_header(struct buf *b, uint32_t set, uint32_t body, uint32_t seq)
{
    buf_be32(b, 10 << 16 | (16 + 4 + body));
    buf_be32(b, 1700000000);
    buf_be32(b, seq);
    buf_be32(b, 1);
    buf_be32(b, set << 16 | (4 + body));
}

static void ipfix_template(struct buf *b)
{
    ipfix_header(b, 2, 4 + MIKROTIK * 4, 0);
    buf_be32(b, 258 << 16 | MIKROTIK);
    fields(b, mikrotik, MIKROTIK);
}

static void ipfix_datagram(struct buf *b, uint32_t i)
{
    ipfix_header(b, 258, 28 * 51, i * 28);
    records(b, mikrotik, MIKROTIK, 28);
}

static void words(struct buf *b, const uint32_t *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_be32(b, w[i]);
}

#define WORDS(b, ...) words(b, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void sflow_sample(struct buf *b)
{
    WORDS(b, 1, 32 + 88 + 24 + 24 + 68, draw(), 3, 1000, 0, 0, draw() % 8, draw() % 8, 4); /* flow sample */
    WORDS(b, 1, 16 + 64, 1, draw() % 1400 + 100, 4, 64);                                   /* raw header */
    draw_bytes(b, 12);
    WORDS(b, 0x08004500, 0x05dc0000, 0x00004006);
    draw_bytes(b, 2 + 8 + 4 + 8);
    WORDS(b, 0x5010ffff, 0, 0);
    buf_zero(b, 64 - 12 - 12 - 22 - 12);
    WORDS(b, 1001, 16, 100, 0, 200, 0);
    WORDS(b, 1002, 16, 1, draw(), 24, 16);
    WORDS(b, 1003, 60, 1, draw(), 65000, draw() % 65536, 65001, 1, 2, 3, 1299, 2914, draw() % 65536, 2, 0x1,
          0x2, 100);
}

static void sflow_datagram(struct buf *b, uint32_t i)
{
    WORDS(b, 5, 1, 0x0a000001, 0, i, 100000, 5);
    for (unsigned k = 0; k < 5; k++)
        sflow_sample(b);
}

static const struct input inputs[] = {
    {"v5", "nf5-var.pcap", DECODER_NETFLOW, NULL, v5_datagram},
    {"v9", "nf9-var.pcap", DECODER_NETFLOW, v9_template, v9_datagram},
    {"ipfix", "ipfix-var.pcap", DECODER_NETFLOW, ipfix_template, ipfix_datagram},
    {"sflow", "sflow-var.pcap", DECODER_SFLOW, NULL, sflow_datagram},
};

struct load {
    struct buf data;
    struct dgram d[DATAGRAMS_MAX];
    size_t at[DATAGRAMS_MAX], n;
    bool has_template; /* the first one */
};

static void take(struct load *l, size_t from)
{
    l->at[l->n] = from;
    l->d[l->n++].len = (uint32_t)(l->data.len - from);
}

static bool read_capture(struct load *l, const char *dir, const char *file)
{
    char path[4096];
    struct err e;
    struct dgram d;
    uint16_t port;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    struct pcap *p = pcap_open(path, &e);
    if (!p) {
        fprintf(stderr, "weir bench: %s\n", e.msg);
        return false;
    }
    while (l->n < DATAGRAMS_MAX && pcap_next(p, &d, &port)) {
        size_t from = l->data.len;
        buf_add(&l->data, d.data, d.len);
        take(l, from);
    }
    pcap_close(p);
    return l->n > 0;
}

static void generate(struct load *l, const struct input *in)
{
    random_state = 88172645463325252ull;
    if (in->template) {
        in->template(&l->data);
        take(l, 0);
    }
    for (uint32_t i = 0; i < DATAGRAMS; i++) {
        size_t from = l->data.len;
        in->datagram(&l->data, i);
        take(l, from);
    }
}

static struct load *load_new(const struct input *in, const char *dir)
{
    struct load *l = xcalloc(1, sizeof *l);
    buf_init(&l->data, 0);
    if (dir[0] && !read_capture(l, dir, in->file)) {
        buf_fini(&l->data);
        free(l);
        return NULL;
    }
    if (!dir[0])
        generate(l, in);
    l->has_template = in->template != NULL;
    for (size_t i = 0; i < l->n; i++) {
        l->d[i].data = l->data.p + l->at[i];
        l->d[i].decoder = (uint8_t)in->decoder;
        l->d[i].rx_ns = 1700000000ull * 1000000000u;
    }
    return l;
}

static void drop_rows(struct batch_sink *sink)
{
    batch_reset(sink->batch);
}

static struct ip exporter(uint32_t i)
{
    uint32_t v = __builtin_bswap32(0x0a000000 + i);
    return ip_v4(&v);
}

struct timing {
    uint64_t flows, ns;
    uint64_t rejected;
};

/* Round after round, each datagram from the next of `exporters` addresses, until `want_ns` of CPU time have gone. */
static struct timing measure(struct load *l, uint32_t exporters, uint64_t want_ns)
{
    struct schema schema;
    schema_default(&schema);
    struct batch_sink sink = {batch_new(), drop_rows};
    struct decoder_state *st = decoder_state_new(&schema, NULL);
    struct decode_stats stats = {0};
    for (uint32_t i = 0; i < exporters && l->has_template; i++) {
        l->d[0].src = exporter(i);
        decode_dgram(st, &l->d[0], &sink, &stats);
    }
    memset(&stats, 0, sizeof stats);
    uint32_t from = 0;
    uint64_t begin = clock_cpu_ns(), now = begin;
    while (now - begin < want_ns) {
        for (size_t i = l->has_template; i < l->n; i++) {
            l->d[i].src = exporter(from);
            from = from + 1 < exporters ? from + 1 : 0;
            decode_dgram(st, &l->d[i], &sink, &stats);
        }
        now = clock_cpu_ns();
    }
    struct timing t = {stats.flows, now - begin, 0};
    for (unsigned i = 0; i < REASON_COUNT; i++)
        t.rejected += stats.rejected[i];
    decoder_state_free(st);
    batch_free(sink.batch);
    return t;
}

/* The whole of it, from the socket to files, which is more than decoding. */
static void beside(struct load *l, const struct input *in)
{
    static const char *const programs[][2] = {{"nfcapd", "nfacctd"}, {"sfcapd", "sfacctd"}};
    uint64_t flows = measure(l, 1, 1).flows; /* of one round */
    for (unsigned i = 0; i < 2; i++) {
        const char *program = programs[in->decoder == DECODER_SFLOW][i];
        uint64_t took = bench_beside(program, l->d, l->n, BESIDE_ROUNDS);
        char name[64];
        snprintf(name, sizeof name, "%s_%s_ns_per_flow", program, in->name);
        if (took && flows)
            bench_print(name, (double)took / (double)(flows * BESIDE_ROUNDS), "ns");
    }
}

int bench_decode(int argc, char **argv)
{
    const char *dir = bench_text(argc, argv, "captures", "");
    uint32_t exporters = (uint32_t)bench_number(argc, argv, "exporters", 1);
    uint64_t ms = bench_number(argc, argv, "milliseconds", 500);
    bool others = bench_number(argc, argv, "beside", 0);
    for (unsigned i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        struct load *l = load_new(&inputs[i], dir);
        if (!l)
            return 1;
        struct timing t = measure(l, exporters ? exporters : 1, ms * 1000000u);
        char name[64];
        snprintf(name, sizeof name, "decode_%s_ns_per_flow", inputs[i].name);
        bench_print(name, t.flows ? (double)t.ns / (double)t.flows : 0, "ns");
        if (t.rejected) {
            snprintf(name, sizeof name, "decode_%s_rejected", inputs[i].name);
            bench_print(name, (double)t.rejected, "records");
        }
        if (others)
            beside(l, &inputs[i]);
        buf_fini(&l->data);
        free(l);
    }
    return 0;
}
