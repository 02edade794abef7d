/* Structured data (RFC 6313) in records made by hand: what fills columns, and what lies about itself. */
#include "decode/testing_each.h"

static uint32_t item32(const struct rig *r, struct span s, uint32_t i)
{
    return r->sink.batch->pool32[s.at + i];
}

/* RFC 8549: communities of source and destination, large ones, and the AS path; the values stand as they came. */
static void communities_and_paths(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0005 0001 0004 01e4 ffff 01e5 ffff 01eb ffff 0200 ffff");
    put_set(&b, 256,
            "00000064"
            "0d 03 01e3 0004 fde80001 fde80002"          /* bgpCommunity, all of */
            "ff0009 03 01e3 0004 fde90003"               /* the longer form of the length */
            "11 03 01e9 000c 0000fde8 00000007 00000009" /* bgpLargeCommunity */
            "0d 04 0010 0004 0000fde8 0000fdea");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    struct span s = rig_span(r, COL_SrcCommunities, 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(item32(r, s, 1), 0xfde80002);
    s = rig_span(r, COL_DstCommunities, 0);
    assert_int_equal(s.n, 1);
    assert_int_equal(item32(r, s, 0), 0xfde90003);
    s = rig_span(r, COL_DstLargeCommunities, 0);
    assert_int_equal(s.n, 1);
    assert_int_equal(r->sink.batch->pool128[s.at].hi, 0xfde8);
    assert_int_equal(r->sink.batch->pool128[s.at].lo, 0x0000000700000009);
    s = rig_span(r, COL_DstASPath, 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(item32(r, s, 1), 65002);
    assert_int_equal(r->stats.lists_cut, 0);
}

/* A subTemplateMultiList as a flowmeter has it: flags and addresses in records of other templates. */
static void records_within_records(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0003 0001 0004 0007 0002 0125 ffff"
            "0101 0002 0006 0001 0038 0006"
            "0102 0003 0008 0004 000c 0004 0007 0002"
            "0103 0002 0001 0004 0124 ffff");
    put_set(&b, 256,
            "00000064 0000 1a 03 0101 000b 12 020000000001 0102 000e 0a000001 0a000002 0400"
            "00000065 0035 0f 03 0102 000e 0a000003 0a000004 0401");
    put_set(&b, 259, "00000066 17 03 0102 0a000005 0a000006 0402 0a000007 0a000008 0403");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(r->stats.lists_cut + r->stats.lists_without_template, 0);
    assert_int_equal(NUM(TCPFlags, 0), 0x12);
    assert_int_equal(NUM(SrcMAC, 0), 0x020000000001);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_int_equal(NUM(EType, 0), 0x800);
    assert_int_equal(NUM(SrcPort, 0), 1024);
    assert_int_equal(NUM(SrcPort, 1), 53); /* its own */
    assert_string_equal(IP(DstAddr, 1), "10.0.0.4");
    assert_string_equal(IP(SrcAddr, 2), "10.0.0.5"); /* the first of two */
    assert_int_equal(NUM(Bytes, 2), 0x66);
}

static void lists_that_lie(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0002 0001 0004 0123 ffff 0101 0002 0001 0004 0124 ffff 0102 0002 0001 0004 0125 ffff");
    put_set(&b, 256,
            "00000001 00"                         /* nothing */
            "00000001 01 03"                      /* only a semantic */
            "00000001 08 03 0007 0004 000000"     /* a value cut off */
            "00000001 05 03 8007 0004"            /* an enterprise number cut off */
            "00000001 0a 03 0007 0000 0000000000" /* values of no length */
            "00000001 06 03 0007 ffff ff");       /* a length cut off */
    put_set(&b, 257,
            "00000001 03 03 0999"            /* a template nobody sent */
            "00000001 07 03 0101 00000001"); /* of its own kind, cut off */
    put_set(&b, 258,
            "00000001 05 03 0100 0003"   /* a length of less than itself */
            "00000001 05 03 0100 ffff"   /* and of more than there is */
            "00000001 05 03 0100 0004"); /* no record at all */
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 11);
    assert_int_equal(r->stats.lists_without_template, 1);
    assert_int_equal(r->stats.lists_cut, 6);
}

/* A list within a list within... down to where weir stops. */
static void lists_too_deep(void **state)
{
    struct rig *r = *state;
    struct buf inner, outer;
    buf_init(&inner, 0);
    buf_init(&outer, 0);
    for (unsigned depth = 0; depth < 12; depth++) {
        buf_reset(&outer);
        hex(&outer, "03 0123 ffff");
        buf_u8(&outer, (uint8_t)inner.len);
        buf_add(&outer, inner.p, inner.len);
        buf_reset(&inner);
        buf_add(&inner, outer.p, outer.len);
    }
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0002 0001 0004 0123 ffff");
    size_t at = b.len;
    put_set(&b, 256, "00000001");
    buf_u8(&b, (uint8_t)outer.len);
    buf_add(&b, outer.p, outer.len);
    uint16_t len = __builtin_bswap16((uint16_t)(b.len - at));
    memcpy(b.p + at + 2, &len, 2);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.lists_deep, 1);
    buf_fini(&inner);
    buf_fini(&outer);
}

/* A template that refers to itself, and one of many fields without bytes, take no longer than their bytes. */
static void a_template_within_itself(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0002 0001 0004 0124 ffff");
    put_set(&b, 256, "00000001 0d 03 0100 00000002 05 03 0100 0000");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(Bytes, 0), 1);
    ipfix(&b, 1, 2);
    size_t at = b.len;
    put_set(&b, 2, "0101 0190");
    for (unsigned i = 0; i < 399; i++)
        hex(&b, "0007 0000");
    hex(&b, "0004 0001");
    uint16_t len = __builtin_bswap16((uint16_t)(b.len - at));
    memcpy(b.p + at + 2, &len, 2);
    put_set(&b, 2, "0100 0002 0001 0004 0124 ffff");
    put_set(&b, 256, "00000001 13 03 0101 01010101010101010101010101010101");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.lists_cut, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(communities_and_paths), T(records_within_records),   T(lists_that_lie),
        T(lists_too_deep),        T(a_template_within_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
