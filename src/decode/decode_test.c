/* NetFlow v5, v9 and IPFIX: each rule of the wire by a datagram made by hand, broken ones too; sessions; checkpoints. */
#include "decode/testing_each.h"

static uint64_t rejected(const struct rig *r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        n += r->stats.rejected[i];
    return n;
}

/* --- NetFlow v5 --- */

static void v5_header(uint16_t count, uint32_t seq, uint16_t sampling)
{
    buf_reset(&b);
    buf_be16(&b, 5);
    buf_be16(&b, count);
    buf_be32(&b, 100000);
    buf_be32(&b, 2000000000);
    buf_be32(&b, 0);
    buf_be32(&b, seq);
    buf_be16(&b, 0x0102);
    buf_be16(&b, sampling);
}

static const char v5_record[] = "0a000001 0a000002 0a0000fe 0003 0004 00000007 00000320 00017700 00017ad0"
                                "1f90 01bb 00 1b 06 48 fde8 fde9 18 10 0000";

static void v5_fields(void **state)
{
    struct rig *r = *state;
    v5_header(1, 0, 0x4000 | 100); /* the first two bits are a mode, not a rate */
    hex(&b, v5_record);
    rig_decode(r, &b);
    assert_int_equal(r->sink.batch->n, 1);
    assert_string_equal(IP(ExporterAddress, 0), "192.0.2.1");
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_string_equal(IP(DstAddr, 0), "10.0.0.2");
    assert_string_equal(IP(NextHop, 0), "10.0.0.254");
    assert_int_equal(NUM(SamplingRate, 0), 100);
    assert_int_equal(NUM(EType, 0), 0x800);
    assert_int_equal(NUM(InIfIndex, 0), 3);
    assert_int_equal(NUM(OutIfIndex, 0), 4);
    assert_int_equal(NUM(Packets, 0), 7);
    assert_int_equal(NUM(Bytes, 0), 800);
    assert_int_equal(NUM(SrcPort, 0), 8080);
    assert_int_equal(NUM(DstPort, 0), 443);
    assert_int_equal(NUM(TCPFlags, 0), 0x1b);
    assert_int_equal(NUM(Proto, 0), 6);
    assert_int_equal(NUM(IPTos, 0), 0x48);
    assert_int_equal(NUM(SrcAS, 0), 65000);
    assert_int_equal(NUM(DstAS, 0), 65001);
    assert_int_equal(NUM(SrcNetMask, 0), 24);
    assert_int_equal(NUM(DstNetMask, 0), 16);
    assert_int_equal(NUM(TimeReceived, 0), 1000);
    assert_int_equal(r->stats.bytes, 800);
    assert_int_equal(r->stats.packets, 7);
}

static void v5_times(void **state)
{
    struct rig *r = *state;
    v5_header(1, 0, 0);
    hex(&b, v5_record);
    r->d.time = TIME_NETFLOW_PACKET;
    rig_decode(r, &b);
    assert_int_equal(NUM(TimeReceived, 0), 2000000000);
    r->d.time = TIME_NETFLOW_FIRST_SWITCHED; /* 96,000 of 100,000 ms: 4 s earlier, not 4000 */
    rig_decode(r, &b);
    assert_int_equal(NUM(TimeReceived, 0), 2000000000 - 4);
}

static void v5_icmp_in_ports(void **state)
{
    struct rig *r = *state;
    v5_header(1, 0, 0);
    hex(&b, "0a000001 0a000002 00000000 0003 0004 00000001 00000054 00000000 00000000"
            "0000 0303 00 00 01 00 0000 0000 00 00 0000");
    rig_decode(r, &b);
    assert_int_equal(NUM(ICMPv4Type, 0), 3);
    assert_int_equal(NUM(ICMPv4Code, 0), 3);
}

static void v5_counts_that_lie(void **state)
{
    struct rig *r = *state;
    v5_header(3, 0, 0);
    hex(&b, v5_record);
    hex(&b, "0a00");
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 2);
    v5_header(60000, 0, 0);
    hex(&b, v5_record);
    rig_decode(r, &b);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 1);
    v5_header(0, 0, 0);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows + rejected(r), 0);
    for (size_t len = 0; len < 24; len++) {
        v5_header(1, 0, 0);
        b.len = len;
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, 0);
        assert_int_equal(rejected(r), 1);
    }
}

/* Zeros behind the records fill the datagram up, anything else is odd; the records count either way. */
static void bytes_behind_the_records(void **state)
{
    static const struct {
        uint16_t version, header, record;
    } forms[] = {{1, 16, 52}, {5, 24, 48}, {7, 24, 52}};
    struct rig *r = *state;
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        buf_reset(&b);
        buf_be16(&b, forms[i].version);
        buf_be16(&b, 1);
        buf_zero(&b, forms[i].header - 4u);
        buf_zero(&b, forms[i].record);
        memset(b.p + forms[i].header, 1, 8); /* addresses */
        buf_zero(&b, 60);
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, 1);
        assert_int_equal(rejected(r), 0);
        buf_u8(&b, 1);
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, 1);
        assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
        assert_int_equal(rejected(r), 1);
    }
}

static void other_versions(void **state)
{
    struct rig *r = *state;
    for (unsigned version = 0; version < 300; version++) {
        buf_reset(&b);
        buf_be16(&b, (uint16_t)version);
        buf_zero(&b, 100);
        rig_decode(r, &b);
        assert_int_equal(r->stats.rejected[REASON_VERSION],
                         version != 1 && version != 5 && version != 7 && version != 9 && version != 10);
    }
}

/* --- templates and data --- */

/* 256: addresses, ports, protocol, octets, packets, interfaces */
static const char template_256[] =
    "0100 0009 0008 0004 000c 0004 0007 0002 000b 0002 0004 0001 0001 0004 0002 0004"
    "000a 0002 000e 0002";
static const char data_256[] = "c0000201 c6336401 0050 c000 06 000003e8 0000000a 0001 0002";

static void v9_template_and_data(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 7);
    put_set(&b, 0, template_256);
    put_set(&b, 256,
            "c0000201 c6336401 0050 c000 06 000003e8 0000000a 0001 0002"
            "c0000202 c6336402 0051 c001 11 000007d0 00000014 0003 0004 000000"); /* and padding */
    rig_decode(r, &b);
    assert_int_equal(r->stats.templates, 1);
    assert_int_equal(r->stats.flows, 2);
    assert_int_equal(rejected(r), 0);
    assert_string_equal(IP(SrcAddr, 1), "192.0.2.2");
    assert_string_equal(IP(DstAddr, 1), "198.51.100.2");
    assert_int_equal(NUM(SrcPort, 1), 81);
    assert_int_equal(NUM(Proto, 1), 17);
    assert_int_equal(NUM(Bytes, 1), 2000);
    assert_int_equal(NUM(Packets, 1), 20);
    assert_int_equal(NUM(InIfIndex, 1), 3);
    assert_int_equal(NUM(OutIfIndex, 1), 4);
    assert_int_equal(NUM(SamplingRate, 1), 0); /* nobody said: unknown */
}

/* Only the set whose template is missing is not decoded; it waits (kept_test.c). */
static void unknown_template_loses_its_set(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 7);
    put_set(&b, 300, "00000000 00000000");
    put_set(&b, 0, template_256);
    put_set(&b, 256, data_256);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.kept, 1);
    decoder_give_up(r->st, &r->stats);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 1);
}

static void templates_are_per_domain_protocol_and_source(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 7);
    put_set(&b, 0, template_256);
    rig_decode(r, &b);
    for (unsigned i = 0; i < 4; i++) {
        struct dgram was = r->d;
        if (i == 1)
            r->d.src.b[15]++;
        if (i == 2)
            ipfix(&b, 1, 7);
        else
            v9(&b, 2, i == 0 ? 8 : 7);
        put_set(&b, 256, data_256);
        if (i == 2)
            rig_ipfix(r, &b);
        else
            rig_decode(r, &b);
        assert_int_equal(r->stats.flows, i == 3);
        r->d = was;
    }
}

static void redefinition_and_withdrawal(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0002 0008 0004 0001 0004");
    put_set(&b, 256, "0a000001 00000001");
    put_set(&b, 2, "0100 0002 001b 0010 0001 0008"); /* the same id means something else from here on */
    put_set(&b, 256, "20010db8 00000000 00000000 00000001 0000000000000002");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 2);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_int_equal(NUM(EType, 0), 0x800);
    assert_string_equal(IP(SrcAddr, 1), "2001:db8::1");
    assert_int_equal(NUM(EType, 1), 0x86dd);
    assert_int_equal(NUM(Bytes, 1), 2);
    for (unsigned all = 0; all < 2; all++) { /* RFC 7011 8.1: one, or all by the set's own id */
        r->d.stream = true;
        ipfix(&b, 2, 1);
        put_set(&b, 2, "0100 0002 0008 0004 0001 0004");
        put_set(&b, 2, all ? "0002 0000" : "0100 0000");
        put_set(&b, 256, "0a000001 00000001");
        rig_ipfix(r, &b);
        assert_int_equal(r->stats.flows, 0);
        assert_int_equal(r->stats.kept, 1);
        decoder_give_up(r->st, &r->stats);
        r->d.stream =
            false; /* 8.4: over UDP it is ignored, so nobody can take templates away with a forged datagram */
        rig_ipfix(r, &b);
        assert_int_equal(r->stats.flows, 1);
        assert_int_equal(r->stats.rejected[REASON_TEMPLATE], 1);
    }
}

static void widths(void **state)
{
    struct rig *r = *state;
    ipfix(
        &b, 0,
        1); /* RFC 7011 6.2: octets in 1, 2, 3, 4, 5 and 8 bytes; a port in 4; an address of 5 bytes is none */
    static const char *const fields[] = {"0001", "0002", "0003", "0004", "0005", "0008"};
    static const char *const values[] = {"ff",       "0102",       "010203",
                                         "01020304", "0102030405", "0102030405060708"};
    static const uint64_t want[] = {255, 0x102, 0x10203, 0x1020304, 0x102030405, 0x102030405060708};
    for (unsigned i = 0; i < 6; i++) {
        char def[100], data[100];
        snprintf(def, sizeof def, "%04x 0003 0001 %s 0007 0004 0008 0005", 256 + i, fields[i]);
        snprintf(data, sizeof data, "%s 00001234 0102030405", values[i]);
        put_set(&b, 2, def);
        put_set(&b, (uint16_t)(256 + i), data);
    }
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(NUM(Bytes, i), want[i]);
        assert_int_equal(NUM(SrcPort, i), 0x1234);
        assert_string_equal(IP(SrcAddr, i), "::");
    }
}

/* The best element that is not zero: 1 before 23; logical interfaces before physical ones. */
static void fallbacks(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0006 0017 0004 0001 0004 00fc 0004 000a 0004 000e 0004 00fd 0004");
    put_set(&b, 256,
            "00000005 00000007 00000011 00000012 00000013 00000014"
            "00000005 00000000 00000011 00000000 00000000 00000014");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(Bytes, 0), 7);
    assert_int_equal(NUM(InIfIndex, 0), 0x12);
    assert_int_equal(NUM(OutIfIndex, 0), 0x13);
    assert_int_equal(NUM(Bytes, 1), 5);
    assert_int_equal(NUM(InIfIndex, 1), 0x11);
    assert_int_equal(NUM(OutIfIndex, 1), 0x14);
}

/* Addresses of zeros say nothing: a template for both families. */
static void both_families_in_one_template(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0005 001b 0010 0008 0004 000c 0004 001c 0010 0002 0001");
    put_set(&b, 256,
            "00000000000000000000000000000000 0a000001 0a000002 00000000000000000000000000000000 01"
            "20010db8000000000000000000000001 00000000 00000000 20010db8000000000000000000000002 01"
            "00000000000000000000000000000000 00000000 00000000 00000000000000000000000000000000 01");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_string_equal(IP(DstAddr, 0), "10.0.0.2");
    assert_int_equal(NUM(EType, 0), 0x800);
    assert_string_equal(IP(SrcAddr, 1), "2001:db8::1");
    assert_string_equal(IP(DstAddr, 1), "2001:db8::2");
    assert_int_equal(NUM(EType, 1), 0x86dd);
    assert_string_equal(IP(SrcAddr, 2), "::");
    assert_int_equal(NUM(EType, 2), 0);
}

static void etype_told(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0002 0100 0002 0001 0004 0101 0002 003c 0001 0001 0004");
    put_set(&b, 256, "0806 00000001");
    put_set(&b, 257, "06 00000001 04 00000001");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(EType, 0), 0x806);
    assert_int_equal(NUM(EType, 1), 0x86dd);
    assert_int_equal(NUM(EType, 2), 0x800);
}

static void direction_mac_vlan_mpls_nat_icmp(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 000c 003d 0001 0038 0006 0050 0006 003a 0002 003b 0002 0046 0003 0047 0003 0048 0003"
            "00e1 0004 00e3 0002 0020 0002 0059 0001");
    put_set(&b, 256,
            "00 020000000001 020000000002 0064 00c8 000641 00c810 000000 cb007101 1234 0801 40"
            "01 020000000003 020000000004 0065 00c9 000000 000000 000000 cb007102 1235 0000 80"
            "07 020000000003 020000000004 0065 00c9 000000 000000 000000 00000000 0000 0000 80");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(NUM(FlowDirection, 0), 1);
    assert_int_equal(NUM(FlowDirection, 1), 2);
    assert_int_equal(NUM(FlowDirection, 2), 0);
    assert_int_equal(NUM(SrcMAC, 0), 0x020000000001);
    assert_int_equal(NUM(DstMAC, 0), 0x020000000002);
    assert_int_equal(NUM(SrcVlan, 0), 100);
    assert_int_equal(NUM(DstVlan, 0), 200);
    assert_int_equal(rig_span(r, COL_MPLSLabels, 0).n, 2);
    assert_int_equal(r->sink.batch->pool32[rig_span(r, COL_MPLSLabels, 0).at], 100);
    assert_int_equal(r->sink.batch->pool32[rig_span(r, COL_MPLSLabels, 0).at + 1], 3201);
    assert_int_equal(rig_span(r, COL_MPLSLabels, 1).n, 0);
    assert_string_equal(IP(SrcAddrNAT, 0), "203.0.113.1");
    assert_int_equal(NUM(SrcPortNAT, 0), 0x1234);
    assert_int_equal(NUM(ICMPv4Type, 0), 8);
    assert_int_equal(NUM(ICMPv4Code, 0), 1);
    assert_int_equal(NUM(ForwardingStatus, 1), 128);
}

/* --- variable lengths and enterprises --- */

static void variable_length_fields(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1); /* 82 interfaceName, then octets, then 83, then a port: RFC 7011 7 */
    put_set(&b, 2, "0100 0005 0008 0004 0052 ffff 0001 0004 0053 ffff 0007 0002");
    put_set(&b, 256,
            "0a000001 00 00000001 02 6162 0050"
            "0a000002 03 616263 00000002 00 0051"
            "0a000003 ff 0004 61626364 00000003 01 61 0052 0000"); /* the longer form; padding */
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(rejected(r), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(NUM(Bytes, i), i + 1);
        assert_int_equal(NUM(SrcPort, i), 0x50 + i);
    }
    ipfix(&b, 3, 1);
    put_set(&b, 256,
            "0a000001 00 00000001 02 6162 0050"
            "0a000002 ff ffff 00000002 00 0051 0000"); /* leads out of the set */
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
}

static void enterprise_elements_are_skipped(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1); /* 1 of PEN 9 is not octets */
    put_set(&b, 2, "0100 0003 8001 0004 00000009 0001 0004 8008 0004 00000009");
    put_set(&b, 256, "000000ff 00000001 0a000001");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(Bytes, 0), 1);
    assert_string_equal(IP(SrcAddr, 0), "::");
    ipfix(&b, 1, 1); /* nothing known in it: no flow, and counted */
    put_set(&b, 2, "0101 0001 8001 0004 00000009");
    put_set(&b, 257, "000000ff 000000fe");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_FORMAT], 2);
}

/* RFC 5103: two flows, the second with its ends swapped and its own counters; none when nothing came back. */
static void biflow(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(
        &b, 2,
        "0100 000d 0008 0004 000c 0004 0007 0002 000b 0002 0004 0001 000a 0004 000e 0004 0001 0004 0002 0004"
        "0006 0001 8001 0004 00007279 8002 0004 00007279 8006 0001 00007279");
    put_set(&b, 256,
            "0a000001 0a000002 0400 0050 06 00000001 00000002 00000064 00000001 02 00000c80 00000002 12"
            "0a000003 0a000004 0401 0050 06 00000001 00000002 00000065 00000001 02 00000000 00000000 00");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.records, 2);
    assert_int_equal(r->stats.flows, 3);
    assert_string_equal(IP(SrcAddr, 2), "10.0.0.2");
    assert_string_equal(IP(DstAddr, 2), "10.0.0.1");
    assert_int_equal(NUM(SrcPort, 2), 80);
    assert_int_equal(NUM(DstPort, 2), 1024);
    assert_int_equal(NUM(InIfIndex, 2), 2);
    assert_int_equal(NUM(OutIfIndex, 2), 1);
    assert_int_equal(NUM(Bytes, 2), 3200);
    assert_int_equal(NUM(Packets, 2), 2);
    assert_int_equal(NUM(TCPFlags, 2), 0x12);
    assert_int_equal(NUM(Proto, 2), 6);
    assert_int_equal(NUM(EType, 2), 0x800);
    assert_int_equal(NUM(Bytes, 0), 100);
    assert_int_equal(NUM(TCPFlags, 0), 2);
}

/* 315, RFC 7133: a frame of variable length; the flow is one packet as long as its IP header says. */
static void frame_section(void **state)
{
    struct rig *r = *state;
    static const char data[] = "00000005 2e 020000000001020000000002 8100 0064 0800 4500 05dc 0001 0000 40 "
                               "11 0000 0a000001 0a000002 0035 1f90"
                               "05c8 0000";
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0002 000a 0004 013b ffff");
    put_set(&b, 256, data);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_int_equal(NUM(SrcPort, 0), 53);
    assert_int_equal(NUM(DstPort, 0), 8080);
    assert_int_equal(NUM(SrcVlan, 0), 100);
    assert_int_equal(NUM(Bytes, 0), 1500);
    assert_int_equal(NUM(Packets, 0), 1);
    assert_int_equal(NUM(InIfIndex, 0), 5);
    assert_int_equal(r->stats.bytes, 1500);
    r->d.decap = DECAP_VXLAN;
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_DECAP], 1);
}

/* --- sampling --- */

static void rate_in_the_record(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 0, "0100 0002 0001 0004 0022 0004");
    put_set(&b, 256, "00000001 00000200 00000001 00000000");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 512);
    assert_int_equal(NUM(SamplingRate, 1), 0);
}

/* RFC 3954 6.1: scope system, then sampler id, mode, interval. Data records name their sampler. */
static void rates_by_sampler(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 1, "0101 0004 000c 0001 0004 0030 0001 0031 0001 0032 0004 0000");
    put_set(&b, 257, "00000000 01 02 00000064 00000000 02 02 000003e8");
    put_set(&b, 0, "0100 0002 0001 0004 0030 0001 0102 0001 0001 0004");
    put_set(&b, 256, "00000001 01 00000001 02 00000001 03");
    put_set(&b, 258, "00000001");
    rig_decode(r, &b);
    assert_int_equal(r->stats.options_records, 2);
    assert_int_equal(r->stats.flows, 4);
    assert_int_equal(NUM(SamplingRate, 0), 100);
    assert_int_equal(NUM(SamplingRate, 1), 1000);
    assert_int_equal(NUM(SamplingRate, 2), 0); /* a sampler nobody spoke of */
    assert_int_equal(NUM(SamplingRate, 3), 0); /* which of the two? */
    v9(&b, 2, 1);                              /* a new rate counts from its datagram on */
    put_set(&b, 257, "00000000 01 02 000000c8");
    put_set(&b, 256, "00000001 01");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 200);
}

/* IPFIX: selectorId as scope; 305 taken and 306 left out; the only sampler there is serves records that name none. */
static void rate_by_interval_and_space(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 3, "0101 0003 0001 012e 0008 0131 0004 0132 0004");
    put_set(&b, 257, "0000000000000005 00000002 000000c6");
    put_set(&b, 2, "0100 0001 0001 0004");
    put_set(&b, 256, "00000001");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 100);
    ipfix(&b, 2, 2); /* 309 of 310, and 311 as a double: RFC 5477 8.2.5, 8.2.6 */
    put_set(&b, 3, "0101 0003 0001 012e 0001 0135 0004 0136 0004");
    put_set(&b, 257, "01 00000001 00000100");
    put_set(&b, 3, "0102 0002 0001 012e 0001 0137 0008");
    put_set(&b, 258, "02 3fa0000000000000"); /* 1/32 */
    put_set(&b, 2, "0100 0002 0001 0004 012e 0001");
    put_set(&b, 256, "00000001 01 00000001 02");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 256);
    assert_int_equal(NUM(SamplingRate, 1), 32);
}

/* --- times --- */

static void first_switched(void **state)
{
    struct rig *r = *state;
    r->d.time = TIME_NETFLOW_FIRST_SWITCHED;
    v9(&b, 1, 1); /* 30 s before; and after a wrap of sysUptime */
    put_set(&b, 0, "0100 0002 0001 0004 0016 0004");
    put_set(&b, 256, "00000001 00011170 00000001 ffffec78");
    rig_decode(r, &b);
    assert_int_equal(NUM(TimeReceived, 0), 2000000000 - 30);
    assert_int_equal(NUM(TimeReceived, 1), 2000000000 - 105);
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0002 0001 0001 0096 0004 0101 0002 0001 0001 0098 0008 0102 0002 0001 0001 009a 0008"
            "0103 0002 0001 0001 009c 0008 0104 0002 0001 0001 009e 0004 0105 0001 0001 0001"
            "0106 0003 0001 0001 0016 0004 00a0 0008");
    put_set(&b, 256, "01 499602d2");          /* seconds */
    put_set(&b, 257, "01 0000011f71fb0468");  /* milliseconds: 1234567890088 */
    put_set(&b, 258, "01 cd408152 80000000"); /* NTP: 1234567890.5 */
    put_set(&b, 259, "01 cd408152 80000000");
    put_set(&b, 260, "01 004c4b40"); /* 5 s before export, in microseconds */
    put_set(&b, 261, "01");
    put_set(&b, 262, "01 00002710 0000011f71fb0468"); /* 10 s after the system began */
    rig_ipfix(r, &b);
    assert_int_equal(NUM(TimeReceived, 0), 1234567890);
    assert_int_equal(NUM(TimeReceived, 1), 1234567890);
    assert_int_equal(NUM(TimeReceived, 2), 1234567890);
    assert_int_equal(NUM(TimeReceived, 3), 1234567890);
    assert_int_equal(NUM(TimeReceived, 4), 2000000000 - 5);
    assert_int_equal(NUM(TimeReceived, 5), 2000000000);
    assert_int_equal(NUM(TimeReceived, 6), 1234567900);
    r->d.time = TIME_INPUT;
    rig_ipfix(r, &b);
    assert_int_equal(NUM(TimeReceived, 0), 1000);
}

/* --- sequence numbers --- */

static uint64_t lost_v9(struct rig *r, uint32_t seq)
{
    v9(&b, seq, 1);
    rig_decode(r, &b);
    return r->stats.lost;
}

static void sequence_v9_counts_datagrams(void **state)
{
    struct rig *r = *state;
    assert_int_equal(lost_v9(r, 4294967294u), 0);
    assert_int_equal(lost_v9(r, 4294967295u), 0);
    assert_int_equal(lost_v9(r, 0), 0);
    assert_int_equal(lost_v9(r, 4), 3);
    assert_int_equal(lost_v9(r, 2), 0); /* late, so one of the next gap was not lost */
    assert_int_equal(lost_v9(r, 7), 1);
    assert_int_equal(lost_v9(r, 3000000000u), 0); /* began anew */
    assert_int_equal(lost_v9(r, 3000000001u), 0);
}

static void sequence_v5_counts_flows(void **state)
{
    struct rig *r = *state;
    static const uint32_t seq[] = {10, 11, 20};
    static const uint64_t lost[] = {0, 0, 8};
    for (unsigned i = 0; i < 3; i++) {
        v5_header(1, seq[i], 0);
        hex(&b, v5_record);
        rig_decode(r, &b);
        assert_int_equal(r->stats.lost, lost[i]);
    }
}

static void sequence_ipfix_counts_records(void **state)
{
    struct rig *r = *state;
    static const uint32_t seq[] = {0, 3, 10};
    static const uint64_t lost[] = {0, 0, 4};
    for (unsigned i = 0; i < 3; i++) {
        ipfix(&b, seq[i], 1);
        put_set(&b, 2, "0100 0001 0001 0004");
        put_set(&b, 3, "0101 0002 0001 012e 0004 0032 0004");
        put_set(&b, 256, "00000001 00000001");
        put_set(&b, 257, "00000001 00000001");
        rig_ipfix(r, &b);
        assert_int_equal(r->stats.lost, lost[i]);
    }
    ipfix(&b, 13, 1); /* a set that cannot be counted: nothing is known of the next number */
    put_set(&b, 300, "00000001");
    rig_ipfix(r, &b);
    ipfix(&b, 20, 1);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.lost, 0);
}

static void sequence_after_a_restart(void **state)
{
    struct rig *r = *state;
    for (unsigned i = 0; i < 3; i++) {
        ipfix(&b, 5000 + i, 1);
        put_set(&b, 2, "0100 0001 0001 0004");
        put_set(&b, 256, "00000001");
        rig_ipfix(r, &b);
    }
    for (unsigned i = 0; i < 6; i++) { /* it counts from zero again; nothing of it is "late" for long */
        ipfix(&b, i, 1);
        put_set(&b, 256, "00000001");
        rig_ipfix(r, &b);
        assert_int_equal(r->stats.lost, 0);
    }
    ipfix(&b, 8, 1);
    put_set(&b, 256, "00000001");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.lost, 2);
}

/* --- broken and hostile --- */

static void sets_that_lie(void **state)
{
    struct rig *r = *state;
    for (unsigned len = 0; len < 4; len++) {
        v9(&b, 1, 1);
        put_set(&b, 0, template_256);
        put_set(&b, 256, data_256);
        buf_be16(&b, 256);
        buf_be16(&b, (uint16_t)len);
        buf_be32(&b, 1);
        rig_decode(r, &b);
        assert_int_equal(r->stats.flows, 1); /* what came before is good */
        assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
        ipfix(&b, 1, 1);
        put_set(&b, 2, template_256);
        put_set(&b, 256, data_256);
        buf_be16(&b, 256);
        buf_be16(&b, (uint16_t)len);
        rig_ipfix(r, &b);
        assert_int_equal(r->stats.flows, 0); /* RFC 7011 9.1: discarded as a whole */
        assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
    }
    v9(&b, 1, 1);
    buf_be16(&b, 256);
    buf_be16(&b, 400);
    rig_decode(r, &b);
    assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
    for (uint16_t id = 2; id < 256; id++) {
        v9(&b, 1, 1);
        put_set(&b, id, "00000000");
        rig_decode(r, &b);
        assert_int_equal(r->stats.rejected[REASON_FORMAT], 1);
    }
    v9(&b, 1, 1); /* filled up with zeros */
    put_set(&b, 0, template_256);
    buf_zero(&b, 41);
    rig_decode(r, &b);
    assert_int_equal(rejected(r), 0);
    ipfix(&b, 0, 1); /* and IPFIX, unless something follows the zeros */
    put_set(&b, 2, template_256);
    buf_zero(&b, 41);
    rig_ipfix(r, &b);
    assert_int_equal(rejected(r), 0);
    assert_int_equal(r->stats.templates, 1);
    buf_u8(&b, 1);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.rejected[REASON_LENGTH], 1);
    assert_int_equal(r->stats.templates, 0);
}

static void templates_that_lie(void **state)
{
    static const struct {
        uint16_t set;
        const char *body;
    } bad[] = {
        {2, "0100 0002 0008 0004"},           /* fields missing */
        {2, "00ff 0001 0008 0004"},           /* id below 256 */
        {2, "0100 0001 0008 0000"},           /* no bytes at all */
        {2, "0100 0002 0008 fff0 0001 fff0"}, /* longer than a set can be */
        {2, "0100 0001 8008 0004"},           /* enterprise number cut off */
        {2, "0001 0000"},                     /* withdraws what is no template */
        {3, "0100 0001 0002 0008 0004"},      /* more scope than fields */
        {3, "0100 0001"},
    };
    struct rig *r = *state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        ipfix(&b, 0, 1);
        put_set(&b, bad[i].set, bad[i].body);
        rig_ipfix(r, &b);
        assert_int_equal(r->stats.templates, 0);
        assert_int_equal(r->stats.rejected[REASON_TEMPLATE], 1);
    }
    static const char *const v9_bad[] = {"0100 0003 0004 0001 0004 0022 0004", "0100 0000 0000",
                                         "0100 fffc fffc 0001 0004"};
    for (unsigned i = 0; i < 3; i++) {
        v9(&b, 0, 1);
        put_set(&b, 1, v9_bad[i]);
        rig_decode(r, &b);
        assert_int_equal(r->stats.templates, 0);
        assert_int_equal(r->stats.rejected[REASON_TEMPLATE], 1);
    }
}

static void too_many_fields(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    buf_be16(&b, 2);
    buf_be16(&b, 4 + 4 + 600 * 4);
    buf_be16(&b, 256);
    buf_be16(&b, 600);
    for (unsigned i = 0; i < 600; i++)
        buf_be32(&b, 1 << 16 | 1);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.rejected[REASON_LIMIT], 1);
    assert_int_equal(r->stats.templates, 0);
}

/* The first of equal elements counts, however many there are. */
static void equal_elements(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0003 0001 0004 0001 0004 0001 0004");
    put_set(&b, 256, "00000001 00000002 00000003");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(Bytes, 0), 1);
}

static void every_cut(void **state)
{
    struct rig *r = *state;
    for (size_t cut = 0;; cut++) {
        v9(&b, 1, (uint32_t)cut);
        put_set(&b, 1, "0101 0004 000c 0001 0004 0030 0001 0031 0001 0032 0004");
        put_set(&b, 0, template_256);
        put_set(&b, 257, "00000000 01 02 00000064");
        put_set(&b, 256, data_256);
        size_t whole = b.len;
        b.len = cut;
        rig_decode(r, &b);
        if (cut == whole)
            break;
        assert_int_equal(r->stats.flows, 0);
    }
    assert_int_equal(r->stats.flows, 1);
}

static void caps_on_sessions_and_templates(void **state)
{
    const struct decoder_limits limits = {.sessions = 10, .templates_per_session = 5};
    struct rig *r = rig_new(&limits);
    for (uint32_t domain = 0; domain < 50; domain++) {
        v9(&b, 1, domain);
        for (unsigned id = 256; id < 266; id++) {
            char def[64];
            snprintf(def, sizeof def, "%04x 0001 0001 0004", id);
            put_set(&b, 0, def);
        }
        rig_decode(r, &b);
        assert_int_equal(r->stats.templates, 10);
        assert_int_equal(r->stats.evicted, 5 + (domain >= 10));
    }
    v9(&b, 2, 49); /* the last five are there */
    put_set(&b, 265, "00000001");
    put_set(&b, 256, "00000001");
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.kept, 1);
    v9(&b, 2, 3); /* long forgotten */
    put_set(&b, 265, "00000001");
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 0);
    rig_free(r);
    (void)state;
}

static void budget_of_bytes(void **state)
{
    const struct decoder_limits limits = {.bytes = 200000};
    struct rig *r = rig_new(&limits);
    uint64_t evicted = 0;
    for (uint32_t domain = 0; domain < 2000; domain++) {
        char def[64];
        v9(&b, 1, domain);
        snprintf(def, sizeof def, "0100 0002 0001 0004 %04x 0004", 1000 + domain);
        put_set(&b, 0, def);
        rig_decode(r, &b);
        evicted += r->stats.evicted;
    }
    assert_true(evicted > 1000 && evicted < 2000);
    rig_free(r);
    (void)state;
}

/* One exporter with nothing but new templates, all in one second: its own oldest go. */
static void budget_of_one_exporter(void **state)
{
    const struct decoder_limits limits = {.bytes = 200000, .templates_per_session = 10000};
    struct rig *r = rig_new(&limits);
    for (uint32_t i = 0; i < 5000; i++) {
        char def[64];
        r->d.rx_ns += 1000000000u;
        v9(&b, i, 1);
        snprintf(def, sizeof def, "%04x 0002 0001 0004 %04x 0004", 256 + i, 1000 + i);
        put_set(&b, 0, def);
        rig_decode(r, &b);
        assert_int_equal(r->stats.templates, 1);
    }
    assert_int_equal(r->stats.evicted, 1);
    v9(&b, 5000, 1);
    put_set(&b, 256 + 4999, "00000001 00000002");
    put_set(&b, 256, "00000001 00000002");
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.kept, 1);
    rig_free(r);
    (void)state;
}

/* --- ports --- */

static void a_restart_on_a_new_port_keeps_templates(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 0, template_256);
    rig_decode(r, &b);
    r->d.src_port = 5000;
    v9(&b, 2, 1);
    put_set(&b, 256, data_256);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
}

/* Two exporters behind one address that mean different things by one id are told apart by their ports. */
static void exporters_behind_one_address(void **state)
{
    struct rig *r = *state;
    static const char *const templates[] = {"0100 0002 0001 0004 0002 0004", "0100 0002 0002 0004 0001 0004"};
    for (unsigned i = 0; i < 6; i++) {
        r->d.src_port = (uint16_t)(4000 + i % 2);
        v9(&b, i / 2, 1);
        put_set(&b, 0, templates[i % 2]);
        rig_decode(r, &b);
    }
    for (unsigned i = 0; i < 4; i++) {
        r->d.src_port = (uint16_t)(4000 + i % 2);
        v9(&b, 3 + i / 2, 1);
        put_set(&b, 256, i % 2 ? "00000001 00000064" : "00000064 00000001");
        rig_decode(r, &b);
        assert_int_equal(NUM(Bytes, 0), 100);
        assert_int_equal(r->stats.lost, 0);
    }
}

/* The same templates, but each counts for itself: after a few contradictions no loss is made up. */
static void sequences_behind_one_address(void **state)
{
    struct rig *r = *state;
    uint64_t lost = 0;
    for (unsigned i = 0; i < 40; i++) {
        r->d.src_port = (uint16_t)(4000 + i % 2);
        v9(&b, i / 2 + (i % 2 ? 70000 : 0), 1);
        rig_decode(r, &b);
        lost += r->stats.lost;
    }
    assert_int_equal(lost, 0);
    r->d.src_port = 4000;
    v9(&b, 25, 1);
    rig_decode(r, &b);
    assert_int_equal(r->stats.lost, 5);
}

/* --- batches --- */

static void full_batches_are_handed_on(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0001 0001 0002");
    size_t at = b.len;
    put_set(&b, 256, "");
    for (unsigned i = 0; i < 5000; i++)
        buf_be16(&b, (uint16_t)(i + 1));
    uint16_t len = __builtin_bswap16((uint16_t)(b.len - at));
    memcpy(b.p + at + 2, &len, 2);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 5000);
    assert_int_equal(r->handed_on + r->sink.batch->n, 5000);
    assert_int_equal(NUM(Bytes, r->sink.batch->n - 1), 5000);
    assert_int_equal(r->stats.bytes, 5000 * 5001 / 2);
}

/* What a datagram does not say is zero, whatever the rows before said. */
static void rows_do_not_inherit(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0002 0001 0004 0007 0002 0101 0001 0001 0004");
    put_set(&b, 256, "00000001 0050");
    put_set(&b, 257, "00000002");
    put_set(&b, 256, "00000003 0051");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(SrcPort, 0), 80);
    assert_int_equal(NUM(SrcPort, 1), 0);
    assert_int_equal(NUM(SrcPort, 2), 81);
}

static void disabled_columns_are_not_touched(void **state)
{
    struct rig *r = *state;
    schema_default(&r->schema);
    r->schema.enabled[COL_SrcPort] = false;
    v9(&b, 1, 1);
    put_set(&b, 0, template_256);
    put_set(&b, 256, data_256);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_false(batch_live(r->sink.batch, COL_SrcPort));
    assert_true(batch_live(r->sink.batch, COL_DstPort));
}

/* --- checkpoints --- */

static void populate(struct rig *r)
{
    for (uint32_t i = 0; i < 6; i++) {
        r->d.rx_ns += 1000000000u;
        v9(&b, i, i % 4);
        put_set(&b, 1, "0101 0004 000c 0001 0004 0030 0001 0031 0001 0032 0004");
        put_set(&b, 257, "00000000 01 02 00000064");
        put_set(&b, 0, template_256);
        rig_decode(r, &b);
        ipfix(&b, i, i % 3);
        put_set(&b, 2, "0100 0003 8001 0004 00007279 0052 ffff 0001 0004");
        rig_ipfix(r, &b);
    }
}

static void checkpoint_round_trip(void **state)
{
    struct rig *r = *state, *other = rig_new(NULL);
    struct buf one, two;
    struct err e;
    buf_init(&one, 0);
    buf_init(&two, 0);
    populate(r);
    decoder_state_save(r->st, &one);
    assert_true(one.len < 600);
    assert_true(decoder_state_load(other->st, buf_str(&one), &e));
    decoder_state_save(other->st, &two);
    assert_true(str_eq(buf_str(&one), buf_str(&two)));
    for (unsigned i = 0; i < 2; i++) { /* both go on alike: rate, template, sequence */
        struct rig *x = i ? other : r;
        x->d.rx_ns = 5000 * 1000000000ull;
        v9(&b, 8, 1);
        put_set(&b, 256, data_256);
        rig_decode(x, &b);
        assert_int_equal(x->stats.flows, 1);
        assert_int_equal(x->stats.lost, 2);
        assert_int_equal(rig_num(x, COL_SamplingRate, 0), 100);
    }
    buf_reset(&one);
    buf_reset(&two);
    decoder_state_save(r->st, &one);
    decoder_state_save(other->st, &two);
    assert_true(str_eq(buf_str(&one), buf_str(&two)));
    buf_fini(&one);
    buf_fini(&two);
    rig_free(other);
}

static void checkpoint_damaged(void **state)
{
    struct rig *r = *state;
    struct buf one;
    struct err e;
    buf_init(&one, 0);
    populate(r);
    decoder_state_save(r->st, &one);
    for (size_t len = 0; len < one.len; len++)
        assert_false(decoder_state_load(r->st, (struct str){(const char *)one.p, len}, &e));
    for (size_t i = 0; i < one.len; i++) { /* loaded or refused; never a crash */
        one.p[i] ^= 0x55;
        decoder_state_load(r->st, buf_str(&one), &e);
        one.p[i] ^= 0x55;
    }
    assert_true(decoder_state_load(r->st, buf_str(&one), &e));
    buf_fini(&one);
}

/* Lower limits than those it was saved with leave out what no longer fits, and no more. */
static void checkpoint_under_lower_limits(void **state)
{
    const struct decoder_limits limits = {
        .sessions = 4, .templates_per_session = 1, .fields_per_template = 5};
    struct rig *r = *state, *other = rig_new(&limits);
    struct buf one;
    struct err e;
    buf_init(&one, 0);
    populate(r);
    decoder_state_save(r->st, &one);
    assert_true(decoder_state_load(other->st, buf_str(&one), &e));
    v9(&b, 8, 1); /* the options template has four fields, the other nine */
    put_set(&b, 256, data_256);
    put_set(&b, 257, "00000000 01 02 00000064");
    rig_decode(other, &b);
    assert_int_equal(other->stats.kept, 1);
    assert_int_equal(other->stats.options_records, 1);
    buf_fini(&one);
    rig_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(v5_fields),
        T(v5_times),
        T(v5_icmp_in_ports),
        T(v5_counts_that_lie),
        T(bytes_behind_the_records),
        T(other_versions),
        T(v9_template_and_data),
        T(unknown_template_loses_its_set),
        T(templates_are_per_domain_protocol_and_source),
        T(redefinition_and_withdrawal),
        T(widths),
        T(fallbacks),
        T(both_families_in_one_template),
        T(etype_told),
        T(direction_mac_vlan_mpls_nat_icmp),
        T(variable_length_fields),
        T(enterprise_elements_are_skipped),
        T(biflow),
        T(frame_section),
        T(rate_in_the_record),
        T(rates_by_sampler),
        T(rate_by_interval_and_space),
        T(first_switched),
        T(sequence_v9_counts_datagrams),
        T(sequence_v5_counts_flows),
        T(sequence_ipfix_counts_records),
        T(sequence_after_a_restart),
        T(sets_that_lie),
        T(templates_that_lie),
        T(too_many_fields),
        T(equal_elements),
        T(every_cut),
        T(caps_on_sessions_and_templates),
        T(budget_of_bytes),
        T(budget_of_one_exporter),
        T(a_restart_on_a_new_port_keeps_templates),
        T(exporters_behind_one_address),
        T(sequences_behind_one_address),
        T(full_batches_are_handed_on),
        T(rows_do_not_inherit),
        T(disabled_columns_are_not_touched),
        T(checkpoint_round_trip),
        T(checkpoint_damaged),
        T(checkpoint_under_lower_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
