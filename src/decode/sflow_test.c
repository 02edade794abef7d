/* sFlow: each rule by a datagram made by hand, broken ones too. */
#include "decode/packet.h"
#include "decode/sflow_testing.h"

#define INNER "4500 0054 0001 0000 3f 11 0000 c0000201 c0000202 0035 0400 0040 0000"

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

/* All ones: the agent knows no VLAN and no mask. */
static void nothing_known(void **state)
{
    struct rig *r = *state;
    header(1, 1);
    size_t at = open_sample("00000003", "00000004", 3);
    raw(1, MACS "0800" IPV4_TCP);
    record(1001, "ffffffff ffffffff ffffffff ffffffff");
    record(1002, "00000001 0a0000fd ffffffff ffffffff");
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(SrcVlan, 0) | NUM(DstVlan, 0), 0);
    assert_int_equal(NUM(SrcNetMask, 0) | NUM(DstNetMask, 0), 0);
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
        static const uint32_t formats[] = {2, 4, 5, 0x00001001}; /* the last is another enterprise's */
        size_t at = open_part(formats[i]);
        hex(&b, "00000001 00000002"); /* cut short */
        close_part(at);
    }
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_FORMAT], 1);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 3);
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
        size_t at = open_sample("00000003", "00000004", 2);
        raw(1, MACS "0800" IPV4_TCP);
        size_t rec = open_part(1003);
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

static void discarded_packets(void **state)
{
    struct rig *r = *state;
    header(1, 1);
    size_t at = open_part(5);
    hex(&b, "00000001 00000000 00000003 00000000 00000003 3fffffff 00000102 00000001");
    raw(1, MACS "0800" IPV4_TCP);
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(InIfIndex, 0), 3);
    assert_int_equal(NUM(OutIfIndex, 0), 0);
    assert_int_equal(NUM(ForwardingStatus, 0), 130); /* 258: access list */
    assert_int_equal(NUM(SamplingRate, 0), 1);       /* each is told of, not one in so many */
    assert_string_equal(rig_text(r, COL_DropReason, 0), "access list");
    assert_int_equal(NUM(Bytes, 0), 1500);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
}

/* In the exporter's own words, where it has some. */
static void drop_reasons(void **state)
{
    static const char *const want[] = {"SKB_DROP_REASON_NO_SOCKET", "ttl_value_is_too_small", "reason 70000",
                                       "port unreachable"};
    struct rig *r = *state;
    header(1, 4);
    for (unsigned i = 0; i < 4; i++) {
        size_t at = open_part(5), rec;
        hex(&b, "00000001 00000000 00000003 00000000 00000003 00000000");
        buf_be32(&b, i == 3 ? 3 : 70000);
        buf_be32(&b, i < 2);
        if (i < 2) {
            rec = open_part(i ? 1041 : 1042);
            if (i)
                put_string("l3_drops");
            put_string(want[i]);
            close_part(rec);
        }
        close_part(at);
    }
    rig_decode(r, &b);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(rig_text(r, COL_DropReason, i), want[i]);
}

static void mpls_nat_vlan_tunnel(void **state)
{
    struct rig *r = *state;
    header(1, 1);
    size_t at = open_sample("00000003", "00000004", 5);
    record(3, "000000c8 00000006 0a000001 0a000002 00000035 00000400 00000000 00000020");
    record(1006, "00000001 0a0000fb 00000002 00064040 000c8140 00000001 00001140");
    record(1007, "00000001 c0000201 00000001 c0000202");
    record(1020, "00001000 000001bb");
    record(1012, "00000002 81000064 810000c8");
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    struct span labels = rig_span(r, COL_MPLSLabels, 0);
    assert_int_equal(labels.n, 2);
    assert_int_equal(r->sink.batch->pool32[labels.at], 100);
    assert_int_equal(r->sink.batch->pool32[labels.at + 1], 200);
    assert_string_equal(IP(NextHop, 0), "10.0.0.251");
    assert_string_equal(IP(SrcAddrNAT, 0), "192.0.2.1");
    assert_string_equal(IP(DstAddrNAT, 0), "192.0.2.2");
    assert_int_equal(NUM(SrcPortNAT, 0), 4096);
    assert_int_equal(NUM(DstPortNAT, 0), 443);
    assert_int_equal(NUM(SrcVlan, 0), 100);
}

static void tags_users_and_segments(void **state)
{
    struct rig *r = *state;
    header(1, 3);
    size_t at = open_sample("00000003", "00000004", 4);
    raw(1, MACS "8100 00c8 8100 012c 0800" IPV4_TCP);
    record(1012, "00000001 88a80064"); /* the outermost tag was taken off */
    record(1004, "0000006a 00000003 616e6e00 00000003 00000003 626f6200");
    record(1030, "00001388");
    close_part(at);
    at = open_sample("00000003", "00000004", 3);
    raw(1, MACS "8100 00c8 8100 012c 0800" IPV4_TCP); /* both are there */
    record(1004, "0000006a 00000000 00000003 00000003 626f6200");
    record(1029, "00001389");
    close_part(at);
    at = open_sample("00000003", "00000004", 3);
    raw(1, MACS "8100 00c8 0800" IPV4_TCP);
    record(1034, "00000003 88a80001 81000002 81000003");
    record(1035, "00000001 81000004");
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(NUM(SrcVlan, 0), 100);
    assert_int_equal(NUM(SrcCustomerVlan, 0), 200);
    assert_string_equal(TEXT(UserName, 0), "ann");
    assert_int_equal(NUM(IngressVNI, 0), 5000);
    assert_int_equal(NUM(SrcVlan, 1), 200);
    assert_int_equal(NUM(SrcCustomerVlan, 1), 300);
    assert_string_equal(TEXT(UserName, 1), "bob");
    assert_int_equal(NUM(EgressVNI, 1), 5001);
    assert_int_equal(NUM(IngressVNI, 1), 0);
    assert_int_equal(NUM(SrcVlan, 2), 1);
    assert_int_equal(NUM(SrcCustomerVlan, 2), 2);
    assert_int_equal(NUM(DstVlan, 2), 4);
    assert_int_equal(NUM(DstCustomerVlan, 2), 0);
}

static void ppp_frames(void **state)
{
    struct rig *r = *state;
    header(1, 3);
    for (unsigned i = 0; i < 3; i++) {
        size_t at = open_sample("00000003", "00000004", 1);
        if (i == 0)
            raw(7, "0021" IPV4_TCP);
        else if (i == 1)
            raw(14, "ff03 0021" IPV4_TCP);
        else
            raw(14, "ff03 0281 00064140" IPV4_TCP);
        close_part(at);
    }
    rig_decode(r, &b);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(NUM(SrcPort, i), 443);
    assert_int_equal(rig_span(r, COL_MPLSLabels, 2).n, 1);
}

/* --- what exporters tell about themselves --- */

struct told {
    struct learnt_sink sink; /* first */
    char text[4096];         /* a line for each thing */
};

static void tell(struct learnt_sink *sink, const struct learnt *l)
{
    struct told *t = (struct told *)sink;
    char ip[IP_TEXT_MAX];
    size_t at = strlen(t->text);
    snprintf(t->text + at, sizeof t->text - at, "%s@%u %u %.*s %llu %llx %.*s %.*s\n",
             ip_format(l->exporter, ip), l->second, l->if_index, (int)l->if_name.len, l->if_name.p,
             (unsigned long long)l->if_speed_bps, (unsigned long long)l->if_mac, (int)l->sys_name.len,
             l->sys_name.p, (int)l->sys_description.len, l->sys_description.p);
}

static void if_counters(uint32_t index, uint64_t speed)
{
    size_t at = open_part(1);
    buf_be32(&b, index);
    buf_be32(&b, 6);
    buf_be64(&b, speed);
    buf_zero(&b, 72);
    close_part(at);
}

static void counters_name_the_exporter(void **state)
{
    struct rig *r = *state;
    struct told told = {.sink.tell = tell};
    header(1, 3);
    size_t at = open_part(2);
    hex(&b, "00000001 00000007 00000002"); /* source: interface 7 */
    if_counters(7, 10000000000);
    size_t rec = open_part(1005);
    put_string("ens3");
    close_part(rec);
    close_part(at);
    at = open_part(4);
    hex(&b, "00000001 00000002 00000001 00000003"); /* source: physical entity 1 */
    rec = open_part(2000);
    put_string("host.example");
    buf_zero(&b, 16);
    hex(&b, "00000003 00000002");
    put_string("6.1.0");
    close_part(rec);
    record(2001, "00000003 00000001 00000001 0200000000010000 00000002 00000000"
                 "00000003 00000002 0200000000030000 0200000000040000");
    record(2003, "00000000"); /* processor */
    close_part(at);
    at = open_part(4);
    hex(&b, "00000002 00000000 00000009 00000001"); /* interface 9, names alone */
    rec = open_part(1005);
    put_string("lo\033[31m");
    close_part(rec);
    close_part(at);
    rig_decode(r, &b); /* nobody wants to know */
    assert_int_equal(r->stats.counter_samples, 3);
    decoder_state_tell(r->st, &told.sink);
    rig_decode(r, &b);
    assert_string_equal(told.text, "10.0.0.254@1000 7 ens3 10000000000 0  \n"
                                   "10.0.0.254@1000 0  0 0 host.example Linux 6.1.0 x86_64\n"
                                   "10.0.0.254@1000 1  0 20000000001  \n"
                                   "10.0.0.254@1000 3  0 20000000003  \n"
                                   "10.0.0.254@1000 9 lo [31m 0 0  \n");
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 0);
    told.text[0] = '\0';
    r->d.use_src = true;
    rig_decode(r, &b);
    assert_true(strncmp(told.text, "192.0.2.1@1000 7", 16) == 0);
}

static void counters_that_lie(void **state)
{
    static const char *const bodies[] = {
        "ffffffff 00000000 00000001 00000001",                   /* records */
        "00000001 00000001 00000004 00000001",                   /* counters too short */
        "00000001 000003ed 00000008 ffffffff 61626364",          /* name too long */
        "00000001 000003ed 00000004 00000000",                   /* no name */
        "00000001 000007d0 00000004 fffffffe",                   /* host name too long */
        "00000001 000007d1 0000000c ffffffff 00000001 ffffffff", /* adapters, addresses */
        "00000001 000007d1 7fffffff ffffffff",                   /* record too long */
    };
    struct rig *r = *state;
    struct told told = {.sink.tell = tell};
    decoder_state_tell(r->st, &told.sink);
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        header(1, 1);
        size_t at = open_part(2);
        hex(&b, "00000001 00000000");
        hex(&b, bodies[i]);
        close_part(at);
        rig_decode(r, &b);
        assert_string_equal(told.text, "");
        assert_int_equal(r->stats.flows, 0);
    }
}

/* --- versions 2 and 4 --- */

static void old_versions(void **state)
{
    struct rig *r = *state;
    for (uint32_t version = 2; version <= 4; version += 2) {
        old_header(version, 3);
        hex(&b, OLD_HEADER "00000005");
        hex(&b, "00000001 00000064 00000000 000000c8 00000000"); /* switch */
        hex(&b, "00000002 00000001 0a0000fd 00000018 00000010"); /* router */
        hex(&b, version == 2
                    ? "00000003 0000fde8 00000000 00000001 00000002 00000a00 00003b41"
                    : "00000003 0000fde8 00000000 00000001 00000001 00000002 00000002 00000a00 00003b41"
                      "00000001 fde80001 00000064");
        hex(&b, "00000004 00000003 61626300 00000000"); /* user */
        hex(&b, "00000005 00000001 00000001 61000000"); /* URL */
        hex(&b, "00000002 00000001 00000003 0000001e 00000002 00000003 00000006 00000000 3b9aca00");
        buf_zero(&b, 72 + 52); /* counters of Ethernet */
        hex(&b,
            OLD_SAMPLE "00000002"
                       "000000c8 00000011 0a000001 0a000002 00000035 00000400 00000000 00000020 00000000");
        struct told told = {.sink.tell = tell};
        decoder_state_tell(r->st, &told.sink);
        rig_decode(r, &b);
        decoder_state_tell(r->st, NULL);
        assert_int_equal(r->stats.flows, 2);
        assert_int_equal(r->stats.counter_samples, 1);
        assert_string_equal(told.text, "10.0.0.254@1000 3  1000000000 0  \n");
        assert_string_equal(IP(ExporterAddress, 0), "10.0.0.254");
        assert_int_equal(NUM(SamplingRate, 0), 1000);
        assert_int_equal(NUM(InIfIndex, 0), 3);
        assert_int_equal(NUM(OutIfIndex, 0), 0); /* two interfaces */
        assert_int_equal(NUM(Bytes, 0), 1500);
        assert_int_equal(NUM(SrcPort, 0), 443);
        assert_int_equal(NUM(SrcVlan, 0), 100);
        assert_int_equal(NUM(DstNetMask, 0), 16);
        assert_string_equal(IP(NextHop, 0), "10.0.0.253");
        assert_int_equal(NUM(SrcAS, 0), 65000);
        assert_int_equal(NUM(DstAS, 0), 15169);
        assert_int_equal(rig_span(r, COL_DstASPath, 0).n, 2);
        assert_int_equal(rig_span(r, COL_DstCommunities, 0).n, version == 2 ? 0 : 1);
        assert_int_equal(NUM(Bytes, 1), 200);
        assert_int_equal(NUM(SrcPort, 1), 53);
        size_t whole = b.len;
        for (b.len = 0; b.len < whole; b.len++) {
            rig_decode(r, &b);
            assert_true(r->stats.flows < 2 || b.len > whole - 8);
            uint64_t rejected = 0;
            for (unsigned i = 0; i < REASON_COUNT; i++)
                rejected += r->stats.rejected[i];
            assert_int_equal(rejected, 1);
        }
    }
}

/* What lies behind the last sample is odd unless it is zeros. */
static void bytes_behind_the_samples(void **state)
{
    struct rig *r = *state;
    for (unsigned version = 4; version <= 5; version++) {
        if (version == 5) {
            header(1, 1);
            size_t at = open_sample("00000003", "00000004", 1);
            raw(1, MACS "0800" IPV4_TCP);
            close_part(at);
        } else {
            old_header(4, 1);
            hex(&b, OLD_HEADER "00000000");
        }
        buf_zero(&b, 8);
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, 1);
        assert_int_equal(r->stats.rejected[REASON_LENGTH], 0);
        buf_u8(&b, 1);
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, 1);
        assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
    }
}

/* A sample of which no record is about a packet is none; a discarded packet is one whatever else is told of it. */
static void samples_without_a_packet(void **state)
{
    struct rig *r = *state;
    header(1, 3);
    size_t at = open_sample("3fffffff", "3fffffff", 2); /* as an application's agent tells of a request */
    record(2100, "00000006 0a000001 0a000002 00000050 0000c001");
    record(
        2202,
        "00000003 77656200 00000003 67657400 00000000 00000000 00000000 00000064 00000000 00000400 000003e8 "
        "00000000");
    close_part(at);
    at = open_sample("00000003", "00000004", 0); /* nothing at all */
    close_part(at);
    at = open_part(5);
    hex(&b, "00000001 00000000 00000003 00000000 00000003 00000004 00000102 00000000");
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.records, 3);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(ForwardingStatus, 0), 130);
    assert_int_equal(r->stats.rejected[REASON_FORMAT], 2);
}

static void old_versions_that_lie(void **state)
{
    static const char *const bodies[] = {
        "00000003",                                                /* no such sample */
        OLD_SAMPLE "00000004",                                     /* no such packet */
        OLD_SAMPLE "00000001 00000001 000005ee fffffffd 00000000", /* header too long */
        "00000002 00000001 00000003 0000001e 00000009",            /* no such counters */
        "00000002 00000001 00000003 0000001e 00000000",            /* none at all */
        OLD_HEADER "00000001 00000006",                            /* nothing known about it */
        OLD_HEADER "ffffffff 00000003 0000fde8 00000000 00000001 ffffffff 00000002 ffffffff 00000a00",
    };
    struct rig *r = *state;
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        old_header(4, UINT32_MAX);
        hex(&b, bodies[i]);
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, i >= 5);
        assert_int_equal(r->stats.rejected[REASON_SHORT] + r->stats.rejected[REASON_FORMAT], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(raw_ethernet),
        T(expanded_sample_and_ipv6),
        T(interfaces),
        T(sampled_ipv4_and_ethernet),
        T(nothing_known),
        T(switch_router_gateway),
        T(other_samples),
        T(sequence),
        T(counts_that_lie),
        T(every_cut),
        T(pool_runs_out),
        T(decapsulation_of_samples),
        T(discarded_packets),
        T(drop_reasons),
        T(mpls_nat_vlan_tunnel),
        T(tags_users_and_segments),
        T(ppp_frames),
        T(counters_name_the_exporter),
        T(counters_that_lie),
        T(old_versions),
        T(old_versions_that_lie),
        T(bytes_behind_the_samples),
        T(samples_without_a_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
