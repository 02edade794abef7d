/* sFlow v5 and packet headers: each rule by a datagram made by hand, broken ones too. */
#include "decode/packet.h"
#include "decode/testing.h"

static struct buf b;

static int begin(void **state)
{
    struct rig *r = rig_new(NULL);
    r->d.decoder = DECODER_SFLOW;
    buf_init(&b, 0);
    *state = r;
    return 0;
}

static int end(void **state)
{
    rig_free(*state);
    buf_fini(&b);
    return 0;
}

static void header(uint32_t sequence, uint32_t samples)
{
    buf_reset(&b);
    hex(&b, "00000005 00000001 0a0000fe 00000002");
    buf_be32(&b, sequence);
    buf_be32(&b, 100000);
    buf_be32(&b, samples);
}

/* Something whose length in bytes stands in front: a sample or a record. */
static size_t open_part(uint32_t format)
{
    buf_be32(&b, format);
    buf_be32(&b, 0);
    return b.len;
}

static void close_part(size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b.len - at));
    memcpy(b.p + at - 4, &len, 4);
}

/* A flow sample with rate 1000 and so many records to follow. */
static size_t open_sample(const char *in, const char *out, uint32_t records)
{
    size_t at = open_part(1);
    hex(&b, "00000001 00000003 000003e8 00000000 00000000");
    hex(&b, in);
    hex(&b, out);
    buf_be32(&b, records);
    return at;
}

static void record(uint32_t format, const char *body)
{
    size_t at = open_part(format);
    hex(&b, body);
    close_part(at);
}

/* sampled_header: protocol, a frame of 1518 bytes of which 4 were stripped */
static void raw(uint32_t protocol, const char *packet)
{
    size_t at = open_part(1);
    buf_be32(&b, protocol);
    hex(&b, "000005ee 00000004");
    size_t len_at = b.len;
    buf_be32(&b, 0);
    hex(&b, packet);
    uint32_t len = __builtin_bswap32((uint32_t)(b.len - len_at - 4));
    memcpy(b.p + len_at, &len, 4);
    buf_zero(&b, (4 - b.len % 4) % 4);
    close_part(at);
}

#define MACS "020000000002 020000000001 "
#define IPV4_TCP                                                                                             \
    "4548 05dc 1234 4000 40 06 0000 0a000001 0a000002 01bb c001 00000001 00000002 5012 ffff 0000 0000"

static void raw_ethernet(void **state)
{
    struct rig *r = *state;
    header(1, 1);
    size_t at = open_sample("00000003", "00000004", 1);
    raw(1, MACS "0800" IPV4_TCP);
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_string_equal(IP(ExporterAddress, 0), "10.0.0.254");
    assert_int_equal(NUM(SamplingRate, 0), 1000);
    assert_int_equal(NUM(InIfIndex, 0), 3);
    assert_int_equal(NUM(OutIfIndex, 0), 4);
    assert_int_equal(NUM(Bytes, 0), 1500); /* the IP packet, not the frame of 1518 */
    assert_int_equal(NUM(Packets, 0), 1);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_string_equal(IP(DstAddr, 0), "10.0.0.2");
    assert_int_equal(NUM(EType, 0), 0x800);
    assert_int_equal(NUM(Proto, 0), 6);
    assert_int_equal(NUM(SrcPort, 0), 443);
    assert_int_equal(NUM(DstPort, 0), 49153);
    assert_int_equal(NUM(TCPFlags, 0), 0x12);
    assert_int_equal(NUM(IPTTL, 0), 64);
    assert_int_equal(NUM(IPTos, 0), 0x48);
    assert_int_equal(NUM(IPFragmentID, 0), 0x1234);
    assert_int_equal(NUM(SrcMAC, 0), 0x020000000001);
    assert_int_equal(NUM(DstMAC, 0), 0x020000000002);
    assert_int_equal(NUM(TimeReceived, 0), 1000);
    r->d.use_src = true;
    rig_decode(r, &b);
    assert_string_equal(IP(ExporterAddress, 0), "192.0.2.1");
}

static void expanded_sample_and_ipv6(void **state)
{
    struct rig *r = *state;
    header(1, 1);
    size_t at = open_part(3);
    hex(&b,
        "00000001 00000000 00000003 00000200 00000000 00000000 00000000 0000000b 00000000 40000001 00000001");
    raw(12, "60012345 0014 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
            "3a 00 0104 00000000 8000 0000 0001 0001"); /* hop-by-hop, then an echo request */
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(SamplingRate, 0), 512);
    assert_int_equal(NUM(InIfIndex, 0), 11);
    assert_int_equal(NUM(OutIfIndex, 0), 0x40000001); /* the format has a word of its own here */
    assert_int_equal(NUM(Bytes, 0), 60);
    assert_string_equal(IP(SrcAddr, 0), "2001:db8::1");
    assert_int_equal(NUM(EType, 0), 0x86dd);
    assert_int_equal(NUM(Proto, 0), 58);
    assert_int_equal(NUM(ICMPv6Type, 0), 128);
    assert_int_equal(NUM(IPv6FlowLabel, 0), 0x12345);
}

static void interfaces(void **state)
{
    static const struct {
        const char *in, *out;
        uint32_t in_if, out_if, status;
    } cases[] = {
        {"3fffffff", "00000004", 0, 4, 0},   /* the device itself */
        {"00000003", "40000000", 3, 0, 131}, /* discarded: network unreachable */
        {"00000003", "40000004", 3, 0, 133}, /* must fragment */
        {"00000003", "40000009", 3, 0, 129}, /* prohibited */
        {"00000003", "40000102", 3, 0, 130}, /* 258: access list */
        {"00000003", "40000107", 3, 0, 131}, /* 263 */
        {"00000003", "4000012e", 3, 0, 140}, /* 302 */
        {"00000003", "400003e7", 3, 0, 128}, /* a reason of the future */
        {"00000003", "80000005", 3, 0, 0},   /* five interfaces */
    };
    struct rig *r = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        header(1, 1);
        size_t at = open_sample(cases[i].in, cases[i].out, 1);
        raw(1, MACS "0800" IPV4_TCP);
        close_part(at);
        rig_decode(r, &b);
        assert_int_equal(NUM(InIfIndex, 0), cases[i].in_if);
        assert_int_equal(NUM(OutIfIndex, 0), cases[i].out_if);
        assert_int_equal(NUM(ForwardingStatus, 0), cases[i].status);
    }
}

static void sampled_ipv4_and_ethernet(void **state)
{
    struct rig *r = *state;
    header(1, 2);
    size_t at = open_sample("00000003", "00000004", 2);
    record(3, "000000c8 00000011 0a000001 0a000002 00000035 00000400 00000000 00000020");
    record(2, "00000100 0200000000010000 0200000000020000 00000800");
    close_part(at);
    at = open_sample("00000003", "00000004", 1);
    record(2, "00000100 0200000000010000 0200000000020000 00000806");
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 2);
    assert_int_equal(NUM(Bytes, 0), 200);
    assert_int_equal(NUM(SrcPort, 0), 53);
    assert_int_equal(NUM(IPTos, 0), 32);
    assert_int_equal(NUM(SrcMAC, 0), 0x020000000001);
    assert_int_equal(NUM(EType, 1), 0x806);
    assert_int_equal(NUM(Bytes, 1), 256 - 18);
}

static void switch_router_gateway(void **state)
{
    struct rig *r = *state;
    header(1, 2);
    for (unsigned i = 0; i < 2; i++) {
        size_t at = open_sample("00000003", "00000004", 4);
        raw(1, MACS "0800" IPV4_TCP);
        record(1001, "00000064 00000000 000000c8 00000000");
        record(1002, "00000001 0a0000fd 00000018 00000010");
        record(1003, i == 0 ? "00000001 0a0000fc 0000fde8 00000000 00000001"
                              "00000002 00000002 00000002 00000a00 00000a01 00000001 00000001 00003b41"
                              "00000002 fde80001 fde80002 00000064"
                            : "00000001 00000000 0000fde8 00000005 00000001 00000000 00000000 00000064");
        close_part(at);
    }
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 2);
    assert_int_equal(NUM(SrcVlan, 0), 100);
    assert_int_equal(NUM(DstVlan, 0), 200);
    assert_int_equal(NUM(SrcNetMask, 0), 24);
    assert_int_equal(NUM(DstNetMask, 0), 16);
    assert_string_equal(IP(NextHop, 0), "10.0.0.252");
    assert_int_equal(NUM(SrcAS, 0), 65000); /* 0: the router's own */
    assert_int_equal(NUM(DstAS, 0), 15169);
    struct span path = rig_span(r, COL_DstASPath, 0), communities = rig_span(r, COL_DstCommunities, 0);
    assert_int_equal(path.n, 3);
    assert_int_equal(r->sink.batch->pool32[path.at], 2560);
    assert_int_equal(r->sink.batch->pool32[path.at + 2], 15169);
    assert_int_equal(communities.n, 2);
    assert_int_equal(r->sink.batch->pool32[communities.at + 1], 0xfde80002);
    assert_string_equal(IP(NextHop, 1), "10.0.0.253");
    assert_int_equal(NUM(SrcAS, 1), 5);
    assert_int_equal(NUM(DstAS, 1), 65000); /* an empty path ends at home */
    assert_int_equal(rig_span(r, COL_DstASPath, 1).n, 0);
}

static void other_samples(void **state)
{
    struct rig *r = *state;
    header(1, 4);
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t formats[] = {2, 4, 5,
                                           0x00001001}; /* counters, discarded packet, another enterprise */
        size_t at = open_part(formats[i]);
        hex(&b, "00000001 00000002");
        close_part(at);
    }
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_FORMAT], 2);
}

static void sequence(void **state)
{
    struct rig *r = *state;
    static const uint32_t seq[] = {1, 2, 5};
    static const uint64_t lost[] = {0, 0, 2};
    for (unsigned i = 0; i < 3; i++) {
        header(seq[i], 0);
        rig_decode(r, &b);
        assert_int_equal(r->stats.lost, lost[i]);
    }
}

static void counts_that_lie(void **state)
{
    struct rig *r = *state;
    header(1, UINT32_MAX);
    size_t at = open_sample("00000003", "00000004", UINT32_MAX);
    raw(1, MACS "0800" IPV4_TCP);
    record(1003, "00000001 0a0000fc 0000fde8 00000000 00000001 ffffffff 00000002 ffffffff 00000a00");
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(DstAS, 0), 2560);
    assert_int_equal(rig_span(r, COL_DstASPath, 0).n, 1);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 1);
    header(1, 1); /* a sample longer than the datagram */
    buf_be32(&b, 1);
    buf_be32(&b, 1000);
    buf_zero(&b, 100);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 0);
    buf_reset(&b); /* an agent address of no known type */
    hex(&b, "00000005 00000003 0a0000fe 00000002 00000001 00000001 00000000");
    rig_decode(r, &b);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 1);
}

static void every_cut(void **state)
{
    struct rig *r = *state;
    for (size_t cut = 0;; cut++) {
        header(1, 1);
        size_t at = open_sample("00000003", "00000004", 3);
        raw(1, MACS "8100 0064"
                    "0800" IPV4_TCP);
        record(1002, "00000001 0a0000fd 00000018 00000010");
        record(1003, "00000001 0a0000fc 0000fde8 00000000 00000001 00000001 00000002 00000001 00000a00"
                     "00000001 fde80001 00000064");
        close_part(at);
        size_t whole = b.len;
        b.len = cut;
        rig_decode(r, &b);
        if (cut == whole)
            break;
        assert_int_equal(r->stats.flows, 0);
    }
    assert_int_equal(r->stats.flows, 1);
}

/* Paths and communities fill the batch's pool before its rows run out. */
static void pool_runs_out(void **state)
{
    struct rig *r = *state;
    uint64_t flows = 0;
    header(1, 40);
    for (unsigned i = 0; i < 40; i++) {
        size_t at = open_sample("00000003", "00000004", 1), rec = open_part(1003);
        hex(&b, "00000001 0a0000fc 0000fde8 00000000 00000001 00000001 00000002 000000c8");
        for (uint32_t k = 0; k < 200; k++)
            buf_be32(&b, k + 1);
        hex(&b, "00000000 00000064");
        close_part(rec);
        close_part(at);
    }
    struct buf datagram = b;
    for (unsigned n = 0; n < 20; n++) {
        r->d.data = datagram.p;
        r->d.len = (uint32_t)datagram.len;
        decode_dgram(r->st, &r->d, &r->sink, &r->stats);
        flows += 40;
        struct batch *batch = r->sink.batch;
        assert_int_equal(rig_span(r, COL_DstASPath, batch->n - 1).n, 128);
    }
    assert_true(r->handed_on > 0);
    assert_int_equal(r->stats.flows, flows);
}

/* --- packets --- */

static struct packet pk;

static bool frame(const char *text, enum dgram_decap decap)
{
    struct buf p;
    buf_init(&p, 0);
    hex(&p, text);
    bool ok = packet_frame(&pk, p.p, p.len, decap);
    buf_fini(&p);
    return ok;
}

#define UDP_TO(port) "4500 0032 0001 0000 40 11 0000 0a000001 0a000002 1000 " port " 001e 0000"
#define INNER "4500 0054 0001 0000 3f 11 0000 c0000201 c0000202 0035 0400 0040 0000"

static void tags_and_labels(void **state)
{
    assert_true(frame(MACS "88a8 0064 8100 00c8 0800" UDP_TO("0035"), DECAP_NONE));
    assert_int_equal(pk.vlan, 100);
    assert_int_equal(pk.dst_port, 53);
    assert_true(frame(MACS "8847 00064040 000c8140" UDP_TO("0035"), DECAP_NONE));
    assert_int_equal(pk.n_labels, 2);
    assert_int_equal(pk.label[0], 100);
    assert_int_equal(pk.label[1], 200);
    assert_int_equal(pk.etype, ETYPE_IPV4);
    assert_int_equal(pk.dst_port, 53);
    assert_true(
        frame(MACS "8847 00064140 00000000" MACS "0800" UDP_TO("0035"), DECAP_NONE)); /* control word */
    assert_int_equal(pk.dst_port, 53);
    assert_true(
        frame(MACS "8847 00064140 520000000002 520000000001 0800" UDP_TO("0035"), DECAP_NONE)); /* none */
    assert_int_equal(pk.dst_port, 53);
    assert_true(frame(MACS "8864 11000001 0034 0021" UDP_TO("0035"), DECAP_NONE)); /* PPPoE */
    assert_int_equal(pk.dst_port, 53);
}

static void fragments(void **state)
{
    assert_true(
        frame(MACS "0800 4500 0032 0001 2064 40 11 0000 0a000001 0a000002 1000 0035 001e 0000", DECAP_NONE));
    assert_int_equal(pk.frag_offset, 100);
    assert_int_equal(pk.src_port, 0); /* no header of layer 4 here */
    assert_true(frame(
        MACS "86dd 60000000 0018 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
             "11 00 0321 00000007 1000 0035 0010 0000",
        DECAP_NONE));
    assert_int_equal(pk.frag_id, 7);
    assert_int_equal(pk.frag_offset, 100);
    assert_int_equal(pk.proto, 17);
    assert_int_equal(pk.dst_port, 0);
}

static void lying_headers(void **state)
{
    assert_true(frame(MACS "0800 4100 0032 0001 0000 40 11 0000 0a000001 0a000002 1000 0035",
                      DECAP_NONE)); /* IHL 1 */
    assert_true(ip_is_zero(pk.src));
    assert_true(frame(MACS "0800 4f00 0032 0001 0000 40 11 0000 0a000001 0a000002 1000 0035",
                      DECAP_NONE)); /* IHL 15 */
    assert_int_equal(pk.src_port, 0);
    assert_true(frame(MACS "0800 6500", DECAP_NONE));
    assert_true(frame("0200", DECAP_NONE));
    assert_int_equal(pk.etype, 0);
}

static void decapsulation(void **state)
{
    static const struct {
        enum dgram_decap how;
        const char *packet;
    } cases[] = {
        {DECAP_IPIP, MACS "0800 4500 0068 0001 0000 40 04 0000 0a000001 0a000002" INNER},
        {DECAP_IPIP, MACS
         "86dd 60000000 0054 04 40 20010db8000000000000000000000001 20010db8000000000000000000000002" INNER},
        {DECAP_GRE, MACS "0800 4500 0068 0001 0000 40 2f 0000 0a000001 0a000002 0000 0800" INNER},
        {DECAP_GRE, MACS
         "0800 4500 0068 0001 0000 40 2f 0000 0a000001 0a000002 b000 0800 00000000 00000001 00000002" INNER},
        {DECAP_GRE, MACS "0800 4500 0068 0001 0000 40 2f 0000 0a000001 0a000002 0000 6558" MACS "0800" INNER},
        {DECAP_VXLAN, MACS "0800" UDP_TO("12b5") "08000000 00000100" MACS "0800" INNER},
        {DECAP_SRV6,
         MACS "86dd 60000000 006c 2b 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
              "04 02 04 00 00 00 0000 20010db8000000000000000000000003" INNER},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IP_TEXT_MAX];
        for (unsigned how = DECAP_IPIP; how <= DECAP_SRV6; how++)
            if (how != DECAP_IPIP || cases[i].how != DECAP_SRV6) /* which is IP in IP as well */
                assert_int_equal(frame(cases[i].packet, (enum dgram_decap)how), how == cases[i].how);
        assert_true(frame(cases[i].packet, cases[i].how));
        assert_string_equal(ip_format(pk.src, text), "192.0.2.1");
        assert_int_equal(pk.src_port, 53);
        assert_int_equal(pk.l3_len, 84);
        assert_true(frame(cases[i].packet, DECAP_NONE)); /* not asked for: the outer packet */
        assert_string_not_equal(ip_format(pk.src, text), "192.0.2.1");
    }
}

static void decapsulation_of_samples(void **state)
{
    struct rig *r = *state;
    header(1, 2);
    size_t at = open_sample("00000003", "00000004", 1);
    raw(1, MACS "0800 4500 0068 0001 0000 40 04 0000 0a000001 0a000002" INNER);
    close_part(at);
    at = open_sample("00000003", "00000004", 1);
    raw(1, MACS "0800" IPV4_TCP);
    close_part(at);
    r->d.decap = DECAP_IPIP;
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.rejected[REASON_DECAP], 1);
    assert_int_equal(NUM(Bytes, 0), 84);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(raw_ethernet),
        T(expanded_sample_and_ipv6),
        T(interfaces),
        T(sampled_ipv4_and_ethernet),
        T(switch_router_gateway),
        T(other_samples),
        T(sequence),
        T(counts_that_lie),
        T(every_cut),
        T(pool_runs_out),
        T(tags_and_labels),
        T(fragments),
        T(lying_headers),
        T(decapsulation),
        T(decapsulation_of_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
