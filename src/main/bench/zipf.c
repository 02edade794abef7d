/*
 * Traffic as an access network sees it, made once and sent round and round: a few sources bring most of it. Addresses and
 * services follow Zipf's law with exponent 1, drawn as the exponential of a uniform number; AS with exponent 1.2, which
 * gives a third of the flows to five of them and 71 % to 150.
 *
 * A stranger's address decides its AS, and the AS the interface it comes in by (mostly); a customer's address decides
 * theirs. So the number of different keys in a rollup grows as it does in a network, not with the number of flows.
 */
#include "base/arena.h"
#include "decode/decode.h"
#include "demo/encode.h"
#include "main/bench/traffic.h"
#include <math.h>
#include <stdlib.h>

enum {
    RING_FLOWS = 1500000,
    STRANGERS = 1000000, /* addresses */
    CUSTOMERS = 50000,
    STRANGE_AS = 60000,
    CUSTOMER_AS = 16,
    OUTER_IFS = 16, /* interfaces 1 to 16; with the inner ones 31 an exporter, 2,000 of 64 */
    INNER_IFS = 15,
    RUN = 24, /* flows of one family behind each other, as an exporter's caches give them */
};

struct zipf {
    uint64_t seed;
    struct demo_flow run[RUN];
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t draw(struct zipf *z)
{
    return mix(z->seed += 0x9e3779b97f4a7c15u);
}

/* 0 ... n - 1, with a share that falls as 1 / (rank + 1); the same for the same number */
static uint32_t rank_of(uint64_t number, uint32_t n)
{
    double u = (double)(number >> 11) * 0x1p-53;
    uint32_t r = (uint32_t)exp(u * log(n + 1.0)) - 1;
    return r < n ? r : n - 1;
}

/* The same with exponent 1.2. */
static uint32_t steep_rank_of(uint64_t number, uint32_t n)
{
    double u = (double)(number >> 11) * 0x1p-53;
    uint32_t r = (uint32_t)pow(1 - u * (1 - pow(n, -0.2)), -5) - 1;
    return r < n ? r : n - 1;
}

static struct ip address(uint64_t who, bool v4, const uint8_t *customers)
{
    uint8_t b[16] = {0x20, 1, 0x0d, 0xb8};
    uint64_t h = mix(who);
    if (v4) {
        memcpy(b, &h, 4);
        b[0] = (uint8_t)(1 + b[0] % 200);
        if (customers)
            memcpy(b, customers, 2);
        return ip_v4(b);
    }
    memcpy(b + 6, &h, 8);
    b[4] = customers ? 1 : 0;
    return ip_v6(b);
}

static uint16_t service(struct zipf *z, uint8_t proto)
{
    static const uint16_t usual[] = {443, 80, 53, 22, 123, 8080, 993, 25, 3478, 5060, 1194, 3389};
    uint64_t h = draw(z);
    if (proto == 17)
        return h % 10 < 6 ? 443 : h % 10 < 8 ? 53 : (uint16_t)(1024 + rank_of(draw(z), 60000));
    return h % 10 < 9 ? usual[rank_of(draw(z), sizeof usual / sizeof *usual)]
                      : (uint16_t)(1 + rank_of(draw(z), 65000));
}

/* Three of four are the network's own. */
static uint32_t as_of_customer(uint32_t customer)
{
    uint64_t h = mix(customer + 1ul);
    return 64512 + (h % 4 ? 0 : (uint32_t)((h >> 2) % CUSTOMER_AS));
}

static void make_flow(struct zipf *z, struct demo_flow *f, bool v4)
{
    static const uint8_t ours[2] = {100, 64};
    uint32_t stranger = rank_of(draw(z), STRANGERS), customer = rank_of(draw(z), CUSTOMERS);
    uint64_t h = draw(z);
    uint32_t as = 1 + steep_rank_of(mix(stranger), STRANGE_AS);
    uint32_t outer = 1 + (uint32_t)(mix(as + (h % 8 == 0)) % OUTER_IFS),
             inner = 1 + OUTER_IFS + (uint32_t)(mix(customer) % INNER_IFS), our_as = as_of_customer(customer);
    struct ip far = address(stranger, v4, NULL), near = address(customer + (1ull << 40), v4, ours);
    uint8_t proto = h >> 8 & 63 ? (h >> 16) % 4 ? 6 : 17 : v4 ? 1 : 58;
    uint16_t port = proto == 6 || proto == 17 ? service(z, proto) : 0,
             high = port ? (uint16_t)(32768 + (h >> 24) % 28232) : 0;
    uint64_t packets = 1 + rank_of(draw(z), 5000);
    bool in = (h >> 40) % 10 < 6;
    *f = (struct demo_flow){.src = in ? far : near,
                            .dst = in ? near : far,
                            .packets = packets,
                            .bytes = packets * (in ? 200 + (h >> 44) % 1250 : 52 + (h >> 44) % 300),
                            .in_if = in ? outer : inner,
                            .out_if = in ? inner : outer,
                            .src_as = in ? as : our_as,
                            .dst_as = in ? our_as : as,
                            .src_port = in ? port : high,
                            .dst_port = in ? high : port,
                            .proto = proto,
                            .src_mask = v4 ? 16 + mix(as) % 9 : 32 + mix(as) % 17,
                            .dst_mask = v4 ? 22 : 48,
                            .tcp_flags = proto == 6 ? 0x1b : 0,
                            .v4 = v4};
}

static bool keep(void *arg, const uint8_t *data, size_t len)
{
    bench_capture_add(arg, data, (uint32_t)len);
    return true;
}

bool bench_capture_zipf(struct bench_capture *c, uint8_t decoder, struct err *e)
{
    static const uint8_t agent[4] = {192, 0, 2, 1};
    struct zipf z = {.seed = 1};
    struct encoder_conf conf = {.format = decoder == DECODER_SFLOW ? DEMO_SFLOW : DEMO_NETFLOW9,
                                .sampling_rate = 1,
                                .agent = ip_v4(agent)};
    bench_capture_begin(c, decoder);
    struct encoder *enc = encoder_new(&conf, keep, c);
    for (uint32_t n = 0; n < RING_FLOWS; n += RUN) {
        bool v4 = draw(&z) % 5 != 0;
        for (int i = 0; i < RUN; i++)
            make_flow(&z, &z.run[i], v4);
        encoder_flows(enc, 1800000000, z.run, RUN);
    }
    encoder_free(enc);
    c->apart = true;
    return bench_capture_end(c) || err_set(e, "no datagrams");
}
