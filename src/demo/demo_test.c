/* The demo's traffic is the same for the same seed and second, follows its curve, and is well-formed on the wire. */
#include "base/ber.h"
#include "decode/decode.h"
#include "demo/bmp.h"
#include "demo/agent.h"
#include "demo/encode.h"
#include "enrich/route/testing.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdarg.h>
#include <cmocka.h>

static struct demo_kind kinds[] = {
    {.per_second = 20,
     .multiplier = 5,
     .peak_hour = 20 * 3600ull * 1000000000u,
     .in_if = 1,
     .out_if = 2,
     .src_net = "192.0.2.0/24",
     .dst_net = "198.51.100.0/24",
     .src_as = 64496,
     .dst_as = 64497,
     .size = 1200,
     .reverse_direction_ratio = 0.1},
    {.per_second = 10,
     .multiplier = 1,
     .in_if = 1,
     .out_if = 2,
     .src_net = "2001:db8:1::/48",
     .dst_net = "2001:db8:2::/48",
     .src_as = 64496,
     .dst_as = 64497,
     .size = 1200},
};
static const struct demo_flows_conf conf = {.sampling_rate = 1000, .seed = 7, .flows = {2, kinds}};
static const uint64_t midnight = 1800000000u / 86400 * 86400;

static void same_seed_same_traffic(void **state)
{
    struct traffic *a = traffic_new(&conf), *b = traffic_new(&conf);
    size_t na, nb;
    traffic_second(b, midnight + 5, 1, &nb);
    const struct demo_flow *fa = traffic_second(a, midnight, 1, &na),
                           *fb = traffic_second(b, midnight, 1, &nb);
    assert_int_equal(na, nb);
    for (size_t i = 0; i < na; i++) {
        assert_true(ip_eq(fa[i].src, fb[i].src) && fa[i].bytes == fb[i].bytes &&
                    fa[i].src_port == fb[i].src_port);
        assert_true(fa[i].packets > 0 && fa[i].bytes >= 40 * fa[i].packets);
        assert_int_equal(ip_is_v4(fa[i].dst), fa[i].v4);
    }
    traffic_free(a);
    traffic_free(b);
}

static size_t flows_in(uint64_t from, uint64_t seconds, uint64_t thinning)
{
    struct traffic *t = traffic_new(&conf);
    size_t n, sum = 0;
    for (uint64_t s = from; s < from + seconds; s++, sum += n)
        traffic_second(t, s, thinning, &n);
    traffic_free(t);
    return sum;
}

static void traffic_follows_the_day(void **state)
{
    size_t peak = flows_in(midnight + 20 * 3600, 600, 1), trough = flows_in(midnight + 8 * 3600, 600, 1);
    assert_in_range(peak * 100 / trough, 300, 420); /* (20 * 5 + 10) / (20 + 10) */
    assert_in_range(flows_in(midnight + 20 * 3600, 6000, 60) * 60, peak * 9, peak * 11);
}

struct seen {
    size_t datagrams, records, longest;
    uint16_t version;
};

/* Walks sets by their lengths: they must fill the datagram exactly. */
static bool walk(void *arg, const uint8_t *p, size_t len)
{
    struct seen *s = arg;
    struct cursor c = cursor_init(p, len);
    uint16_t version = cursor_be16(&c), count = cursor_be16(&c);
    assert_int_equal(version, s->version);
    assert_true(version == 9 || count == len);
    cursor_skip(&c, version == 9 ? 16 : 12);
    while (cursor_left(&c)) {
        uint16_t id = cursor_be16(&c), set_len = cursor_be16(&c);
        assert_true(set_len >= 4 && set_len % 4 == 0);
        struct cursor set = cursor_sub(&c, set_len - 4u);
        assert_false(set.bad);
        if (id == 256 || id == 257)
            s->records += cursor_left(&set) / (id == 256 ? 51 : 75);
    }
    assert_false(c.bad);
    s->datagrams++;
    s->longest = len > s->longest ? len : s->longest;
    return true;
}

static void records_fill_their_sets(void **state)
{
    static const enum demo_format formats[] = {DEMO_NETFLOW9, DEMO_IPFIX};
    for (size_t i = 0; i < 2; i++) {
        struct seen seen = {.version = i == 0 ? 9 : 10};
        struct encoder_conf ec = {.format = formats[i], .domain = 1, .sampling_rate = 1000};
        struct encoder *e = encoder_new(&ec, walk, &seen);
        struct traffic *t = traffic_new(&conf);
        size_t n;
        const struct demo_flow *f = traffic_second(t, midnight + 20 * 3600, 1, &n);
        assert_true(encoder_flows(e, midnight + 20 * 3600, f, n));
        assert_int_equal(seen.records, n);
        assert_true(seen.datagrams > 1 && seen.longest <= 1400);
        traffic_free(t);
        encoder_free(e);
    }
}

/* What comes out of the decoder, row by row beside the flows that went in. */
struct decoded {
    struct batch_sink sink; /* first */
    struct decoder_state *st;
    struct decode_stats stats;
    enum demo_format format;
    const struct demo_flow *f;
};

static void compare_rows(struct batch_sink *sink)
{
    struct decoded *x = (struct decoded *)sink;
    struct batch *b = sink->batch;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct demo_flow *f = x->f++;
        assert_true(ip_eq(BATCH_IP(b, SrcAddr)[i], f->src) && ip_eq(BATCH_IP(b, DstAddr)[i], f->dst));
        assert_int_equal(BATCH_U16(b, SrcPort)[i], f->src_port);
        assert_int_equal(BATCH_U16(b, DstPort)[i], f->dst_port);
        assert_int_equal(BATCH_U32(b, Proto)[i], f->proto);
        assert_int_equal(BATCH_U32(b, EType)[i], f->v4 ? 0x800 : 0x86dd);
        assert_int_equal(BATCH_U32(b, InIfIndex)[i], f->in_if);
        assert_int_equal(BATCH_U32(b, OutIfIndex)[i], f->out_if);
        assert_int_equal(BATCH_U32(b, SrcAS)[i], f->src_as);
        assert_int_equal(BATCH_U32(b, DstAS)[i], f->dst_as);
        assert_int_equal(BATCH_U64(b, SamplingRate)[i], 1000);
        bool sampled = x->format == DEMO_SFLOW; /* one packet of the flow was looked at */
        assert_int_equal(BATCH_U64(b, Packets)[i], sampled ? 1 : f->packets);
        assert_int_equal(BATCH_U64(b, Bytes)[i], sampled ? f->bytes / f->packets : f->bytes);
    }
    batch_reset(b);
}

static bool decode_one(void *arg, const uint8_t *p, size_t len)
{
    struct decoded *x = arg;
    struct dgram d = {.decoder = x->format == DEMO_SFLOW ? DECODER_SFLOW : DECODER_NETFLOW,
                      .data = p,
                      .len = (uint32_t)len};
    decode_dgram(x->st, &d, &x->sink, &x->stats);
    return true;
}

static void comes_back_from_the_decoder(void **state)
{
    struct schema schema;
    schema_default(&schema);
    for (unsigned format = DEMO_NETFLOW9; format <= DEMO_SFLOW; format++) {
        struct decoded x = {.sink = {batch_new(), compare_rows}, .format = (enum demo_format)format};
        struct encoder_conf ec = {.format = x.format, .domain = 1, .sampling_rate = 1000};
        struct encoder *e = encoder_new(&ec, decode_one, &x);
        struct traffic *t = traffic_new(&conf);
        x.st = decoder_state_new(&schema, NULL);
        uint64_t flows = 0;
        for (uint64_t s = midnight + 20 * 3600; s < midnight + 20 * 3600 + 60; s++) {
            size_t n;
            x.f = traffic_second(t, s, 1, &n);
            assert_true(encoder_flows(e, s, x.f, n));
            compare_rows(&x.sink);
            flows += n;
        }
        assert_int_equal(x.stats.flows, flows);
        assert_int_equal(x.stats.lost, 0);
        for (unsigned i = 0; i < REASON_COUNT; i++)
            assert_int_equal(x.stats.rejected[i], 0);
        encoder_free(e);
        traffic_free(t);
        decoder_state_free(x.st);
        batch_free(x.sink.batch);
    }
}

/* What the speaker says is what the station hears. */
static void routes_come_back_from_the_station(void **state)
{
    const char *prefixes[] = {"192.0.2.0/24", "2001:db8:1::/48", "0.0.0.0/0"},
               *communities[] = {"64500:100", "64500:65535"};
    const char *large[] = {"64500:4200000000:7"}, *wrong[] = {"64500"};
    uint64_t path[] = {64500, 64501, 15169};
    struct demo_route_conf routes = {.prefixes = {3, prefixes},
                                     .aspath = {3, path},
                                     .communities = {2, communities},
                                     .large_communities = {1, large}};
    struct demo_bmp_conf c = {.local_asn = 64496,
                              .peer_asn = 4200000001,
                              .local_ip = "192.0.2.253",
                              .peer_ip = "192.0.2.254",
                              .routes = {1, &routes}};
    const char *peers[] = {"192.0.2.254", "2001:db8::fe"};
    for (int i = 0; i < 2; i++) {
        struct t_rig t;
        c.peer_ip = peers[i];
        t_rig_init(&t);
        assert_true(demo_bmp_opening(&c, "th2-edge1", &t.out, &t.err));
        demo_bmp_statistics(&c, 3, &t.out);
        assert_true(t_send(&t));
        assert_int_equal(t.rib.routes, 3);
        assert_int_equal(counter_get(t.counters, BMP_ENDS), 2);
        assert_int_equal(counter_get(t.counters, BMP_STATISTICS), 1);
        assert_string_equal(t.routers.router[1].name, "th2-edge1");
        struct rib_ask q[2] = {{.address = t_ip("192.0.2.7")}, {.address = t_ip("2001:db8:1::7")}};
        struct rib_answer a[2];
        rib_find(&t.rib, q, 2, a);
        for (int k = 0; k < 2; k++) {
            assert_non_null(a[k].attr);
            assert_int_equal(a[k].len, k ? 48 : 24);
            assert_int_equal(a[k].attr->origin_as, 15169);
            assert_int_equal(a[k].attr->n_path, 3);
            assert_int_equal(rib_communities(a[k].attr)[1], 64500u << 16 | 65535);
            assert_int_equal(rib_large(a[k].attr)[1], 4200000000u);
            assert_true(ip_eq(a[k].attr->next_hop, t_ip(peers[i])));
        }
        t_rig_fini(&t);
    }
    struct buf b;
    struct err e;
    buf_init(&b, 0);
    routes.communities = (struct opt_list){1, wrong};
    assert_false(demo_bmp_opening(&c, "", &b, &e));
    assert_string_equal(e.msg, "\"64500\" is no community (65000:100)");
    buf_fini(&b);
}

/* ---- SNMP agent */

static struct cursor answer_to(const struct agent_mib *m, uint8_t tag, int64_t non_repeaters,
                               int64_t repetitions, const uint32_t *oid, size_t n, int64_t *error,
                               struct buf *out)
{
    struct buf q;
    buf_init(&q, 0);
    size_t message = ber_begin(&q, BER_SEQUENCE);
    ber_put_int(&q, BER_INTEGER, 1);
    ber_put_octets(&q, STR("public"));
    size_t pdu = ber_begin(&q, tag);
    ber_put_int(&q, BER_INTEGER, 77);
    ber_put_int(&q, BER_INTEGER, non_repeaters);
    ber_put_int(&q, BER_INTEGER, repetitions);
    size_t list = ber_begin(&q, BER_SEQUENCE), one = ber_begin(&q, BER_SEQUENCE);
    ber_put_oid(&q, oid, n);
    buf_be16(&q, BER_NULL << 8);
    ber_end(&q, one);
    ber_end(&q, list);
    ber_end(&q, pdu);
    ber_end(&q, message);
    buf_reset(out);
    assert_true(agent_answer(m, buf_str(&q), 4242, out));
    buf_fini(&q);
    struct cursor c = cursor_init(out->p, out->len), got = ber_want(&c, BER_SEQUENCE);
    assert_int_equal(ber_int(&got), 1);
    ber_octets(&got);
    struct cursor response = ber_want(&got, BER_RESPONSE);
    assert_int_equal(ber_int(&response), 77);
    *error = ber_int(&response);
    ber_int(&response);
    struct cursor vars = ber_want(&response, BER_SEQUENCE);
    assert_false(vars.bad || cursor_left(&c));
    return vars;
}

static size_t next_var(struct cursor *vars, uint32_t *oid, uint8_t *tag, struct cursor *value)
{
    struct cursor one = ber_want(vars, BER_SEQUENCE);
    size_t n = ber_oid(ber_want(&one, BER_OID), oid);
    *value = ber_next(&one, tag);
    assert_false(one.bad);
    return n;
}

/* By single steps or in bulk, the same objects come in the same order, and then the end. */
static size_t walk_agent(const struct agent_mib *m, uint8_t how, int64_t repetitions, uint64_t *hash)
{
    uint32_t oid[BER_OID_MAX] = {1, 3}, last[BER_OID_MAX];
    size_t n = 2, count = 0;
    int64_t error;
    uint8_t tag;
    struct cursor value;
    struct buf out;
    buf_init(&out, 0);
    *hash = 0;
    for (;;) {
        struct cursor vars = answer_to(m, how, 0, repetitions, oid, n, &error, &out);
        assert_int_equal(error, 0);
        assert_in_range(out.len, 1, 1400);
        while (cursor_left(&vars)) {
            size_t got = next_var(&vars, last, &tag, &value);
            if (tag == BER_END_OF_MIB) {
                buf_fini(&out);
                return count;
            }
            count++;
            memcpy(oid, last, got * sizeof *last);
            n = got;
            for (size_t i = 0; i < got; i++)
                *hash = *hash * 31 + last[i];
            for (size_t i = 0; i < cursor_left(&value); i++)
                *hash = *hash * 31 + value.p[i];
        }
    }
}

static void the_agent_tells_its_interfaces(void **state)
{
    const char *keys[40], *texts[40];
    char key[40][8];
    for (int i = 0; i < 40; i++) {
        snprintf(key[i], sizeof key[i], "%d", 40 - i);
        keys[i] = key[i];
        texts[i] = i % 2 ? "Transit: Cogent 1-3834938493" : "";
    }
    struct demo_snmp_conf c = {"r1.example.net", ":161", {40, keys, texts}};
    struct agent_mib *m = agent_mib_new(&c);
    uint64_t by_one, by_bulk;
    assert_int_equal(walk_agent(m, BER_GETNEXT, 0, &by_one), 5 + 10 * 40);
    assert_int_equal(walk_agent(m, BER_GETBULK, 10, &by_bulk), 5 + 10 * 40);
    assert_true(by_one == by_bulk);
    assert_int_equal(walk_agent(m, BER_GETBULK, 1000, &by_bulk), 5 + 10 * 40);
    assert_true(by_one == by_bulk);

    struct buf out;
    int64_t error;
    uint8_t tag;
    uint32_t oid[BER_OID_MAX];
    struct cursor value, vars;
    buf_init(&out, 0);
    vars = answer_to(m, BER_GET, 0, 0, (uint32_t[]){1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, 39}, 12, &error, &out);
    assert_int_equal(next_var(&vars, oid, &tag, &value), 12);
    assert_int_equal(tag, BER_OCTETS);
    assert_true(str_eq((struct str){(const char *)value.p, cursor_left(&value)}, str_from(texts[1])));
    vars = answer_to(m, BER_GET, 0, 0, (uint32_t[]){1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, 41}, 12, &error, &out);
    next_var(&vars, oid, &tag, &value);
    assert_int_equal(tag, BER_NO_SUCH_INSTANCE);
    vars = answer_to(m, BER_GET, 0, 0, (uint32_t[]){1, 3, 6, 1, 2, 1, 1, 3, 0}, 9, &error, &out);
    next_var(&vars, oid, &tag, &value);
    assert_int_equal(tag, BER_TIMETICKS);
    assert_int_equal(load_be16(value.p), 4242);
    assert_false(agent_answer(m, STR("GET / HTTP/1.1"), 1, &out));
    buf_fini(&out);
    agent_mib_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_traffic),      cmocka_unit_test(the_agent_tells_its_interfaces),
        cmocka_unit_test(traffic_follows_the_day),     cmocka_unit_test(records_fill_their_sets),
        cmocka_unit_test(comes_back_from_the_decoder), cmocka_unit_test(routes_come_back_from_the_station)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
