/* What each field becomes: element by element, names told by options, times in every unit, both ends of a biflow. */
#include "decode/registry.h"
#include "decode/testing_each.h"

/* --- elements --- */

/* A record of one field: the column has that value. */
static const struct {
    uint32_t pen;
    uint16_t id;
    const char *bytes;
    enum column col;
    const char *value; /* a number, an address, or a text behind ' */
} singles[] = {
    {0, 1, "00000000000004d2", COL_Bytes, "1234"},
    {0, 1, "04d2", COL_Bytes, "1234"}, /* RFC 7011 6.2 */
    {0, 23, "000004d2", COL_Bytes, "1234"},
    {0, 231, "000004d2", COL_Bytes, "1234"},
    {0, 85, "000004d2", COL_Bytes, "1234"},
    {0, 171, "000004d2", COL_Bytes, "1234"},
    {0, 352, "00000000000004d2", COL_Bytes, "1234"},
    {0, 353, "00000000000004d2", COL_Bytes, "1234"},
    {0, 417, "00000000000004d2", COL_Bytes, "1234"},
    {0, 2, "00000007", COL_Packets, "7"},
    {0, 24, "00000007", COL_Packets, "7"},
    {0, 298, "0000000000000007", COL_Packets, "7"},
    {0, 86, "00000007", COL_Packets, "7"},
    {0, 172, "0000000000000007", COL_Packets, "7"},
    {0, 34, "00000200", COL_SamplingRate, "512"},
    {0, 50, "00000200", COL_SamplingRate, "512"},
    {0, 8, "0a000001", COL_SrcAddr, "10.0.0.1"},
    {0, 27, "20010db8000000000000000000000001", COL_SrcAddr, "2001:db8::1"},
    {0, 12, "0a000001", COL_DstAddr, "10.0.0.1"},
    {0, 28, "20010db8000000000000000000000001", COL_DstAddr, "2001:db8::1"},
    {0, 9, "18", COL_SrcNetMask, "24"},
    {0, 29, "30", COL_SrcNetMask, "48"},
    {0, 13, "18", COL_DstNetMask, "24"},
    {0, 30, "30", COL_DstNetMask, "48"},
    {0, 15, "0a000001", COL_NextHop, "10.0.0.1"},
    {0, 18, "0a000001", COL_NextHop, "10.0.0.1"},
    {0, 62, "20010db8000000000000000000000001", COL_NextHop, "2001:db8::1"},
    {0, 63, "20010db8000000000000000000000001", COL_NextHop, "2001:db8::1"},
    {0, 7, "01bb", COL_SrcPort, "443"},
    {0, 11, "01bb", COL_DstPort, "443"},
    {0, 4, "11", COL_Proto, "17"},
    {0, 16, "fde8", COL_SrcAS, "65000"},
    {0, 16, "000100fb", COL_SrcAS, "65787"},
    {0, 17, "000100fb", COL_DstAS, "65787"},
    {0, 10, "0005", COL_InIfIndex, "5"},
    {0, 14, "00000005", COL_OutIfIndex, "5"},
    {0, 252, "00000005", COL_InIfIndex, "5"},
    {0, 253, "00000005", COL_OutIfIndex, "5"},
    {0, 58, "0064", COL_SrcVlan, "100"},
    {0, 243, "0064", COL_SrcVlan, "100"},
    {0, 245, "0065", COL_SrcCustomerVlan, "101"},
    {0, 351, "0100000000001388", COL_IngressVNI, "5000"},
    {0, 59, "0064", COL_DstVlan, "100"},
    {0, 254, "0064", COL_DstVlan, "100"},
    {0, 255, "0065", COL_DstCustomerVlan, "101"},
    {0, 56, "00000a0b0c0d", COL_SrcMAC, "168496141"},
    {0, 81, "00000a0b0c0d", COL_SrcMAC, "168496141"},
    {0, 80, "00000a0b0c0d", COL_DstMAC, "168496141"},
    {0, 57, "00000a0b0c0d", COL_DstMAC, "168496141"},
    {0, 192, "40", COL_IPTTL, "64"},
    {0, 52, "3f", COL_IPTTL, "63"},
    {0, 5, "b8", COL_IPTos, "184"},
    {0, 31, "000abcde", COL_IPv6FlowLabel, "703710"},
    {0, 6, "12", COL_TCPFlags, "18"},
    {0, 6, "0112", COL_TCPFlags, "274"},
    {0, 54, "0000abcd", COL_IPFragmentID, "43981"},
    {0, 88, "00b9", COL_IPFragmentOffset, "185"},
    {0, 32, "0303", COL_ICMPv4Type, "3"},
    {0, 32, "0304", COL_ICMPv4Code, "4"},
    {0, 139, "8700", COL_ICMPv6Type, "135"},
    {0, 139, "0104", COL_ICMPv6Code, "4"},
    {0, 176, "03", COL_ICMPv4Type, "3"},
    {0, 177, "04", COL_ICMPv4Code, "4"},
    {0, 178, "87", COL_ICMPv6Type, "135"},
    {0, 179, "04", COL_ICMPv6Code, "4"},
    {0, 89, "82", COL_ForwardingStatus, "130"},
    {0, 89, "00000082", COL_ForwardingStatus, "130"},
    {0, 61, "00", COL_FlowDirection, "1"},
    {0, 61, "01", COL_FlowDirection, "2"},
    {0, 225, "0a000001", COL_SrcAddrNAT, "10.0.0.1"},
    {0, 281, "20010db8000000000000000000000001", COL_SrcAddrNAT, "2001:db8::1"},
    {0, 226, "0a000001", COL_DstAddrNAT, "10.0.0.1"},
    {0, 282, "20010db8000000000000000000000001", COL_DstAddrNAT, "2001:db8::1"},
    {0, 227, "0401", COL_SrcPortNAT, "1025"},
    {0, 228, "0401", COL_DstPortNAT, "1025"},
    {0, 230, "04", COL_NATEvent, "4"},
    {0, 233, "02", COL_FirewallEvent, "2"},
    {0, 136, "02", COL_FlowEndReason, "2"},
    {0, 239, "01", COL_BiflowDirection, "1"},
    {0, 234, "00000009", COL_IngressVRFID, "9"},
    {0, 235, "0000000a", COL_EgressVRFID, "10"},
    {0, 236, "7265640000000000", COL_IngressVRFName, "'red"},
    {0, 96, "646e7300", COL_Application, "'dns"},
    {0, 95, "030001bb", COL_Application, "'3:443"},
    {0, 95, "14000000090001f4", COL_Application, "'20:9:500"},
    {0, 95, "00000000", COL_Application, "'"},
    {0, 371, "616c696365", COL_UserName, "'alice"},
    {0, 372, "6d61696c", COL_ApplicationCategory, "'mail"},
    {0, 373, "6d61696c", COL_ApplicationSubCategory, "'mail"},
    {0, 374, "6d61696c", COL_ApplicationGroup, "'mail"},
    {9, 12232, "6d61696c", COL_ApplicationCategory, "'mail"},
    {0, 256, "86dd", COL_EType, "34525"},
    {0, 60, "06", COL_EType, "34525"},
    {2636, 137, "0803", COL_ForwardingStatus, "128"}, /* type 2, code 3 */
    {2636, 137, "0800", COL_ForwardingStatus, "64"},
    {2636, 137, "0403", COL_ForwardingStatus, "0"}, /* of another type */
    {2636, 137, "0803", COL_DropReason, "'exception 3"},
    {2636, 137, "08c2", COL_DropReason, "'exception 194 (discard route)"}, /* as Juniper's article shows it */
    {2636, 137, "0842", COL_DropReason, "'exception 66"},                  /* not among the discards */
    {3054, 111, "6d61696c", COL_Application, "'mail"},
    {25461, 56701 & 0x7fff, "6d61696c", COL_Application, "'"}, /* not that element */
    {35632, 119, "6d61696c", COL_Application, "'mail"},
    {6871, 14, "02", COL_TCPFlags, "2"},
    {6871, 15, "18", COL_TCPFlags, "24"},
};

static void put_template(struct buf *to, uint32_t pen, uint16_t id, size_t len)
{
    size_t at = to->len;
    buf_be16(to, 2);
    buf_be16(to, 0);
    buf_be16(to, 256);
    buf_be16(to, 1);
    buf_be16(to, pen ? id | 0x8000 : id);
    buf_be16(to, (uint16_t)len);
    if (pen)
        buf_be32(to, pen);
    uint16_t set = __builtin_bswap16((uint16_t)(to->len - at));
    memcpy(to->p + at + 2, &set, 2);
}

static void check(const struct rig *r, enum column c, uint32_t row, const char *want)
{
    char got[300];
    switch (column_defs[c].store) {
    case STORE_IP:
        snprintf(got, sizeof got, "%s", rig_ip(r, c, row));
        break;
    case STORE_STR:
        snprintf(got, sizeof got, "'%s", rig_text(r, c, row));
        break;
    default:
        snprintf(got, sizeof got, "%llu", (unsigned long long)rig_num(r, c, row));
    }
    if (strcmp(got, want) != 0)
        fail_msg("%s is %s, not %s", column_defs[c].name, got, want);
}

static void each_element_alone(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        size_t len = strlen(singles[i].bytes) / 2;
        ipfix(&b, 0, (uint32_t)i); /* a domain of its own, so nothing is left over */
        put_template(&b, singles[i].pen, singles[i].id, len);
        put_set(&b, 256, singles[i].bytes);
        rig_ipfix(r, &b);
        bool known = strcmp(singles[i].value, "'") != 0 || singles[i].pen == 0;
        if (r->stats.flows != known)
            fail_msg("element %u/%u: %llu flows", singles[i].pen, singles[i].id,
                     (unsigned long long)r->stats.flows);
        if (known)
            check(r, singles[i].col, 0, singles[i].value);
    }
}

/* All that columns.def names is in the registry, with the type its column needs; each is in the tests' table above. */
static void registry_is_sound(void **state)
{
    const struct registry *reg = registry_default();
    for (uint32_t i = 0; i < reg->n_uses; i++) {
        const struct element_use *u = &reg->uses[i];
        const struct element *el = registry_element(reg, u->pen, u->id);
        if (!el)
            fail_msg("element %u/%u has no row in elements.def or vendors.def", u->pen, u->id);
        bool text = el->type == ELEMENT_string,
             address = el->type == ELEMENT_ipv4Address || el->type == ELEMENT_ipv6Address;
        assert_int_equal(text, column_defs[u->col].store == STORE_STR);
        assert_int_equal(address, column_defs[u->col].store == STORE_IP);
        bool tested = u->pen == 0 && u->id >= 32768; /* NetFlow v9's own: below */
        for (size_t k = 0; k < sizeof singles / sizeof *singles; k++)
            tested |=
                singles[k].pen == u->pen && singles[k].id == u->id && singles[k].col == (enum column)u->col;
        if (!tested && u->pen != 25461 && u->id < 12233)
            fail_msg("element %u/%u is not tested", u->pen, u->id);
    }
    assert_string_equal(registry_element(reg, 0, 8)->name, "sourceIPv4Address");
    assert_string_equal(registry_element(reg, 0, 533)->units, "");
    assert_string_equal(registry_element(reg, 2636, 137)->name, "commonPropertiesId");
    assert_null(registry_element(reg, 2636, 138));
    assert_null(registry_element(reg, 0, 0));
}

/* The tables are searched by halves. */
static void tables_are_sorted(void **state)
{
    static const struct {
        uint32_t pen;
        uint32_t id;
    } rows[] = {
#define X(pen, id, name, type, semantics, units) {pen, id},
#include "decode/elements.def"
#include "decode/vendors.def"
#undef X
    };
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].pen < rows[i - 1].pen || (rows[i].pen == rows[i - 1].pen && rows[i].id <= rows[i - 1].id))
            fail_msg("row %u/%u is out of order", rows[i].pen, rows[i].id);
    assert_true(sizeof rows / sizeof *rows > 550);
}

/* Layer 3 before layer 2; totals only where no delta is told at all, be it zero. */
static void totals_and_layer_2(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0006 0160 0004 0055 0004 0001 0004 0056 0004 0002 0004 0161 0004");
    put_set(&b, 256,
            "00000400 00000300 00000200 00000003 00000002 00000500"
            "00000400 00000300 00000000 00000003 00000000 00000500"
            "00000000 00000300 00000000 00000003 00000000 00000500");
    put_set(&b, 2, "0101 0003 0161 0004 0055 0004 0056 0004");
    put_set(&b, 257, "00000500 00000300 00000003 00000500 00000000 00000003");
    rig_ipfix(r, &b);
    assert_int_equal(NUM(Bytes, 0), 0x200);
    assert_int_equal(NUM(Packets, 0), 2);
    assert_int_equal(NUM(Bytes, 1), 0x400);
    assert_int_equal(NUM(Packets, 1), 0);
    assert_int_equal(NUM(Bytes, 2), 0);
    assert_int_equal(NUM(Bytes, 3), 0x300);
    assert_int_equal(NUM(Packets, 3), 3);
    assert_int_equal(NUM(Bytes, 4), 0x500);
}

/* --- NetFlow v1 and v7 --- */

static void v1_record(void **state)
{
    struct rig *r = *state;
    r->d.time = TIME_NETFLOW_FIRST_SWITCHED;
    hex(&b, "0001 0001 000186a0 77359400 1dcd6500"
            "0a000001 0a000002 0a0000fe 0003 0004 00000007 00000320 00017700 00017ad0 1f90 01bb 0000 06 48 1b"
            "000000 0000000000000000");
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_string_equal(IP(SrcAddr, 0), "10.0.0.1");
    assert_string_equal(IP(NextHop, 0), "10.0.0.254");
    assert_int_equal(NUM(SrcPort, 0), 8080);
    assert_int_equal(NUM(DstPort, 0), 443);
    assert_int_equal(NUM(Proto, 0), 6);
    assert_int_equal(NUM(IPTos, 0), 0x48);
    assert_int_equal(NUM(TCPFlags, 0), 0x1b);
    assert_int_equal(NUM(Bytes, 0), 800);
    assert_int_equal(NUM(Packets, 0), 7);
    assert_int_equal(NUM(OutIfIndex, 0), 4);
    assert_int_equal(NUM(EType, 0), 0x800);
    assert_int_equal(NUM(TimeReceived, 0), 2000000000 - 4 + 0); /* .5 s - 4 s and the seconds cut off */
    assert_int_equal(r->stats.lost, 0);
    b.p[3] = 24; /* more than there are */
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 23);
    b.len = 15;
    rig_decode(r, &b);
    assert_int_equal(r->stats.rejected[REASON_SHORT], 1);
}

static void v7_record(void **state)
{
    struct rig *r = *state;
    static const char record[] =
        "0a000001 0a000002 00000000 0003 0004 00000007 00000320 00017700 00017ad0 1f90 01bb"
        "00 1b 06 48 fde8 fde9 18 10 0000 0a000009";
    hex(&b, "0007 0002 000186a0 77359400 00000000 00000064 00000000");
    hex(&b, record);
    hex(&b, record);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 2);
    assert_int_equal(NUM(SrcAS, 1), 65000);
    assert_int_equal(NUM(DstNetMask, 1), 16);
    assert_int_equal(NUM(TCPFlags, 1), 0x1b);
    assert_int_equal(NUM(Proto, 1), 6);
    assert_int_equal(NUM(IPTos, 1), 0x48);
    b.p[19] = 110; /* the sequence counts flows: 102 was due */
    rig_decode(r, &b);
    assert_int_equal(r->stats.lost, 8);
}

/* --- options: names --- */

struct told {
    struct learnt_sink sink; /* first */
    unsigned n;
    struct ip exporter;
    uint32_t index;
    char name[256], description[256];
};

static void note(struct learnt_sink *sink, const struct learnt *what)
{
    struct told *t = (struct told *)sink;
    t->n++;
    t->exporter = what->exporter;
    t->index = what->if_index;
    snprintf(t->name, sizeof t->name, "%.*s", STR_ARG(what->if_name));
    snprintf(t->description, sizeof t->description, "%.*s", STR_ARG(what->if_description));
}

/* NetFlow v9: the interface is the scope. */
static void interfaces_of_v9(void **state)
{
    struct rig *r = *state;
    struct told t = {.sink.tell = note};
    decoder_state_tell(r->st, &t.sink);
    v9(&b, 1, 1);
    put_set(&b, 1, "0101 0004 0008 0002 0004 0052 0008 0053 0008");
    put_set(&b, 257, "00000007 65746830 00000000 75706c69 6e6b0000");
    rig_decode(r, &b);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.index, 7);
    assert_string_equal(t.name, "eth0");
    assert_string_equal(t.description, "uplink");
    assert_true(ip_eq(t.exporter, r->d.src));
    rig_decode(r, &b); /* nothing new, but who heard it may have forgotten it */
    assert_int_equal(t.n, 2);
    v9(&b, 2, 1);
    put_set(&b, 257, "00000007 65746831 00000000 75706c69 6e6b0000");
    rig_decode(r, &b);
    assert_int_equal(t.n, 3);
    assert_string_equal(t.name, "eth1");
}

/* IPFIX: it is an element; the name is a text of any length. A checkpoint has them, and they are told again from it. */
static void interfaces_of_ipfix(void **state)
{
    struct rig *r = *state;
    struct told t = {.sink.tell = note};
    struct buf saved;
    struct err e;
    buf_init(&saved, 0);
    ipfix(&b, 0, 1);
    put_set(&b, 3, "0101 0002 0001 000a 0004 0052 ffff");
    put_set(&b, 257, "00000009 06 67652d302f30 0000000a 03 652e30");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.options_records, 2);
    decoder_state_save(r->st, &saved);
    decoder_state_tell(r->st, &t.sink);
    assert_true(decoder_state_load(r->st, buf_str(&saved), &e));
    assert_int_equal(t.n, 2);
    assert_int_equal(t.index, 10);
    assert_string_equal(t.name, "e.0");
    buf_fini(&saved);
}

/* RFC 6759: names by engine and selector, whatever the length of the number; per observation domain. */
static void applications(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 3, "0101 0003 0001 005f 0004 0060 0008 afc8 0008 00000009"); /* 9/12232 */
    put_set(&b, 257, "0d0001f4 736b7970 65000000 766f6970 00000000");
    put_set(&b, 2, "0100 0001 005f 0004 0102 0001 005f 0003");
    put_set(&b, 256, "0d0001f4 0d0001f5");
    put_set(&b, 258, "0d01f4");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.options_records, 1);
    assert_int_equal(r->stats.flows, 3);
    assert_string_equal(TEXT(Application, 0), "skype");
    assert_string_equal(TEXT(ApplicationCategory, 0), "voip");
    assert_string_equal(TEXT(Application, 1), "13:501");
    assert_string_equal(TEXT(ApplicationCategory, 1), "");
    assert_string_equal(TEXT(Application, 2), "skype");
    intern_reset(&r->strings); /* ids are new then */
    ipfix(&b, 4, 1);
    put_set(&b, 256, "0d0001f5 0d0001f4");
    rig_ipfix(r, &b);
    assert_string_equal(TEXT(Application, 1), "skype");
    ipfix(&b, 0, 2); /* another domain knows nothing of it */
    put_set(&b, 2, "0100 0001 005f 0004");
    put_set(&b, 256, "0d0001f4");
    rig_ipfix(r, &b);
    assert_string_equal(TEXT(Application, 0), "13:500");
}

/* IOS XE: all options in domain 6, the flows in another. Whoever has flows of its own lends nothing. */
static void options_in_a_domain_of_their_own(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 6);
    put_set(&b, 1, "0101 0004 0008 0001 0004 0030 0001 0032 0004 0000");
    put_set(&b, 257, "00000000 01 0000000a 00000000 02 00000064");
    put_set(&b, 1, "0102 0004 0008 0001 0004 005f 0004 0060 0004 0000");
    put_set(&b, 258, "00000000 0d0001c5 73736c00");
    rig_decode(r, &b);
    v9(&b, 1, 256);
    put_set(&b, 0, "0100 0003 0001 0004 0030 0001 005f 0004 0102 0001 0001 0004");
    put_set(&b, 256, "00000001 01 0d0001c5 00000001 02 0d000001 00000001 03 00000000");
    put_set(&b, 258, "00000001");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 10);
    assert_int_equal(NUM(SamplingRate, 1), 100);
    assert_int_equal(NUM(SamplingRate, 2), 0);
    assert_int_equal(NUM(SamplingRate, 3), 0); /* sampled by none */
    assert_string_equal(TEXT(Application, 0), "ssl");
    assert_string_equal(TEXT(Application, 1), "13:1");
    v9(&b, 1, 7); /* says the same of sampler 1, another of 2 */
    put_set(&b, 1, "0101 0004 0008 0001 0004 0030 0001 0032 0004 0000");
    put_set(&b, 257, "00000000 01 0000000a 00000000 02 000003e8");
    rig_decode(r, &b);
    v9(&b, 2, 256);
    put_set(&b, 256, "00000001 01 00000000 00000001 02 00000000");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 10);
    assert_int_equal(NUM(SamplingRate, 1), 0);
    v9(&b, 2, 7); /* it has flows, so its samplers are its own */
    put_set(&b, 0, "0100 0001 0001 0004");
    rig_decode(r, &b);
    v9(&b, 3, 256);
    put_set(&b, 256, "00000001 02 00000000");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 100);
    r->d.src = ip_v4((const uint8_t[]){192, 0, 2, 2}); /* and another exporter's never count */
    v9(&b, 1, 256);
    put_set(&b, 0, "0100 0002 0001 0004 0030 0001");
    put_set(&b, 256, "00000001 01");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 0);
}

/* Scopes of v9 are numbers up to 5; what is told there by an element's number is meant as one. */
static void scope_by_element(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 1, "0101 0004 0004 0030 0002 0032 0002 0000");
    put_set(&b, 257, "0001 0064 0002 03e8");
    put_set(&b, 0, "0100 0002 0001 0004 0030 0001");
    put_set(&b, 256, "00000001 02 00000001 01");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 1000);
    assert_int_equal(NUM(SamplingRate, 1), 100);
}

/* NetFlow v9 has one number for ICMP's type and code; the protocol says whose they are. */
static void icmp_by_protocol(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 0, "0100 0002 0004 0001 0020 0002 0101 0001 0020 0002");
    put_set(&b, 256, "3a 8001 01 0301 06 0101");
    put_set(&b, 257, "0b02");
    rig_decode(r, &b);
    assert_int_equal(NUM(ICMPv6Type, 0) << 8 | NUM(ICMPv6Code, 0), 0x8001);
    assert_int_equal(NUM(ICMPv4Type, 0), 0);
    assert_int_equal(NUM(ICMPv4Type, 1) << 8 | NUM(ICMPv4Code, 1), 0x0301);
    assert_int_equal(NUM(ICMPv6Type, 1), 0);
    assert_int_equal(NUM(ICMPv4Type, 3) << 8 | NUM(ICMPv4Code, 3), 0x0b02);
}

/* A sampler nobody spoke of: what was told of the exporter as a whole holds. */
static void rate_of_the_whole(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 1, "0101 0004 0004 0001 0004 0022 0004");
    put_set(&b, 257, "00000000 00000064");
    put_set(&b, 0, "0100 0002 0001 0004 0030 0001");
    put_set(&b, 256, "00000001 05 00000001 00");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 100);
    assert_int_equal(NUM(SamplingRate, 1), 100);
}

static void vrfs(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 1, "0101 0004 0008 0001 0004 00ea 0004 00ec 0008");
    put_set(&b, 257, "00000000 00000001 72656400 00000000 00000000 00000002 626c7565 00000000");
    put_set(&b, 0, "0100 0002 00ea 0004 00eb 0004");
    put_set(&b, 256, "00000001 00000002 00000002 00000003");
    rig_decode(r, &b);
    assert_string_equal(TEXT(IngressVRFName, 0), "red");
    assert_string_equal(TEXT(EgressVRFName, 0), "blue");
    assert_string_equal(TEXT(IngressVRFName, 1), "blue");
    assert_string_equal(TEXT(EgressVRFName, 1), "");
    assert_int_equal(NUM(EgressVRFID, 1), 3);
}

/* A rate told for an interface, where records name no sampler. */
static void rates_by_interface(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 1, "0101 0004 0004 0002 0004 0022 0004");
    put_set(&b, 257, "00000007 00000064 00000008 000003e8");
    put_set(&b, 0, "0100 0002 000a 0004 000e 0004");
    put_set(&b, 256, "00000007 00000008 00000009 00000008 00000009 0000000a");
    rig_decode(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 100);
    assert_int_equal(NUM(SamplingRate, 1), 1000);
    assert_int_equal(NUM(SamplingRate, 2), 0);
}

/* 305 and 306, 309 and 310, 311 in data records */
static void rates_in_records(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0003 0001 0004 0131 0004 0132 0004 0101 0003 0001 0004 0135 0004 0136 0004 0102 0002 0001 "
            "0004 0137 0008");
    put_set(&b, 256, "00000001 00000001 00000063");
    put_set(&b, 257, "00000001 00000002 00000190");
    put_set(&b, 258, "00000001 3f9999999999999a"); /* 0.025 */
    rig_ipfix(r, &b);
    assert_int_equal(NUM(SamplingRate, 0), 100);
    assert_int_equal(NUM(SamplingRate, 1), 200);
    assert_int_equal(NUM(SamplingRate, 2), 40);
}

/* --- firewalls --- */

/* Cisco ASA: NetFlow v9 with elements of its own; one record counts both directions. */
static void nsel(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(
        &b, 0,
        "0100 0010 0008 0004 000c 0004 0007 0002 000b 0002 0004 0001 000a 0002 000e 0002 00e9 0001 80ea 0002"
        "0098 0008 0143 0008 00e7 0004 00e8 0004 012a 0004 012b 0004 9c40 0008");
    put_set(&b, 256,
            "0a000001 0a000002 0400 0050 06 0003 0004 02 0800 0000016345785d80 0000016345787cc0"
            "000003e8 00001388 00000005 0000000a 616c696365000000"
            "0a000001 0a000003 0401 0050 06 0003 0004 03 03e9 0000016345785d80 0000016345785d80"
            "00000000 00000000 00000000 00000000 0000000000000000");
    rig_decode(r, &b);
    assert_int_equal(r->stats.records, 2);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(NUM(Bytes, 0), 1000);
    assert_int_equal(NUM(Packets, 0), 5);
    assert_int_equal(NUM(FirewallEvent, 0), 2);
    assert_int_equal(NUM(FirewallExtendedEvent, 0), 2048);
    assert_string_equal(TEXT(UserName, 0), "alice");
    assert_int_equal(NUM(FlowDuration, 0), 8000);
    assert_int_equal(NUM(FirewallEvent, 1), 3);
    assert_int_equal(NUM(FirewallExtendedEvent, 1), 1001);
    assert_int_equal(NUM(Bytes, 1), 0);
    /* the responder's traffic */
    assert_string_equal(IP(SrcAddr, 2), "10.0.0.2");
    assert_string_equal(IP(DstAddr, 2), "10.0.0.1");
    assert_int_equal(NUM(SrcPort, 2), 80);
    assert_int_equal(NUM(InIfIndex, 2), 4);
    assert_int_equal(NUM(Bytes, 2), 5000);
    assert_int_equal(NUM(Packets, 2), 10);
    assert_int_equal(NUM(FirewallEvent, 2), 2);
    assert_string_equal(TEXT(UserName, 2), "alice");
    assert_int_equal(NUM(EType, 2), 0x800);
    assert_int_equal(r->stats.bytes, 6000);
}

/* Older software's numbers; 40002 is an address, or in two bytes an event. */
static void old_asa(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 0, "0100 0005 9c41 0004 9c42 0004 9c43 0002 9c44 0002 9c45 0001 0101 0001 9c42 0002");
    put_set(&b, 256, "cb007101 cb007102 0401 0050 01");
    put_set(&b, 257, "07d3");
    rig_decode(r, &b);
    assert_string_equal(IP(SrcAddrNAT, 0), "203.0.113.1");
    assert_string_equal(IP(DstAddrNAT, 0), "203.0.113.2");
    assert_int_equal(NUM(SrcPortNAT, 0), 1025);
    assert_int_equal(NUM(DstPortNAT, 0), 80);
    assert_int_equal(NUM(FirewallEvent, 0), 1);
    assert_int_equal(NUM(FirewallExtendedEvent, 1), 2003);
}

/* RFC 8158: a translation made, no traffic counted. */
static void nat_event(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0009 0143 0008 0008 0004 00e1 0004 0007 0002 00e3 0002 000c 0004 000b 0002 0004 0001 00e6 "
            "0001");
    put_set(&b, 256, "0000016345785d80 0a000001 cb007101 0400 0401 c0000201 0050 06 04");
    r->d.time = TIME_NETFLOW_FIRST_SWITCHED;
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(NATEvent, 0), 4);
    assert_string_equal(IP(SrcAddrNAT, 0), "203.0.113.1");
    assert_int_equal(NUM(SrcPortNAT, 0), 1025);
    assert_int_equal(NUM(Bytes, 0), 0);
    assert_int_equal(NUM(TimeReceived, 0), 0x16345785d80 / 1000); /* observationTimeMilliseconds */
}

/* --- biflows --- */

static void biflow_attributes(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0009 0008 0004 000c 0004 0001 0004 00ef 0001 00ea 0004 0060 0004"
            "8001 0004 00007279 8098 0008 00007279 0098 0008");
    put_set(&b, 256,
            "0a000001 0a000002 00000064 01 00000009 646e7300 00000032 0000016345785d83 0000016345785d80");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 2);
    assert_int_equal(NUM(BiflowDirection, 0), 1);
    assert_int_equal(NUM(BiflowDirection, 1), 2); /* RFC 5103 6.3.1 */
    assert_int_equal(NUM(IngressVRFID, 0), 9);
    assert_int_equal(NUM(EgressVRFID, 1), 9);
    assert_string_equal(TEXT(Application, 1), "dns");
    assert_int_equal(NUM(FlowStart, 0), 0x16345785d80);
    assert_int_equal(NUM(FlowStart, 1), 0x16345785d83);
}

/* --- times --- */

static const struct {
    const char *fields, *bytes; /* of the template, of the record */
    unsigned n;
    uint64_t start_ms, end_ms, duration_ms;
} timed[] = {
    {"0096 0004 0097 0004", "499602d2 499602dc", 2, 1234567890000, 1234567900000, 10000},
    {"0098 0008 0099 0008", "0000011f71fb0468 0000011f71fb0850", 2, 1234567890024, 1234567891024, 1000},
    /* NTP: half a second, and 1.5 s later; of microseconds the lowest bits say nothing */
    {"009a 0008 009b 0008", "cd408152 80000000 cd408154 00000000", 2, 1234567890500, 1234567892000, 1500},
    {"009c 0008 009d 0008", "cd408152 40000000 cd408152 c0000000", 2, 1234567890250, 1234567890750, 500},
    /* plain counts since 1970, as some exporters have them */
    {"009a 0008 009b 0008", "00071afd498d0000 00071afd499c4240", 2, 2000000000000, 2000000001000, 1000},
    {"009c 0008 009d 0008", "1bc16d674ec80000 1bc16d678a62ca00", 2, 2000000000000, 2000000001000, 1000},
    /* 5 s and 2 s before export */
    {"009e 0004 009f 0004", "004c4b40 001e8480", 2, 1999999995000, 1999999998000, 3000},
    /* sysUptime with systemInitTimeMilliseconds */
    {"0016 0004 0015 0004 00a0 0008", "00002710 00004e20 0000011f71fb0468", 3, 1234567900024, 1234567910024,
     10000},
    /* durations complete what is missing */
    {"0096 0004 00a1 0004", "499602d2 00001388", 2, 1234567890000, 1234567895000, 5000},
    {"0097 0004 00a2 0004", "499602d2 004c4b40", 2, 1234567885000, 1234567890000, 5000},
    {"00a1 0004 0001 0001", "00001388 01", 2, 0, 0, 5000},
    {"00a2 0004 0001 0001", "000003e8 01", 2, 0, 0, 1},
    /* the finer one counts */
    {"0096 0004 0098 0008", "499602d2 0000011f71fb0468", 2, 1234567890024, 0, 0},
    /* a packet */
    {"0142 0004 0001 0001", "499602d2 01", 2, 1234567890000, 1234567890000, 0},
    {"0143 0008 0001 0001", "0000011f71fb0468 01", 2, 1234567890024, 1234567890024, 0},
    /* the end before the beginning; 1970; beyond 2106 */
    {"0096 0004 0097 0004", "499602dc 499602d2", 2, 1234567900000, 1234567900000, 0},
    {"0096 0004 0097 0004", "00000000 00000000", 2, 0, 0, 0},
    {"0098 0008 0099 0008", "ffffffffffffffff 7fffffffffffffff", 2, 0, 0, 0},
};

static void times_of_ipfix(void **state)
{
    struct rig *r = *state;
    for (unsigned i = 0; i < sizeof timed / sizeof *timed; i++) {
        char text[200];
        snprintf(text, sizeof text, "0100 %04x %s", timed[i].n, timed[i].fields);
        ipfix(&b, 0, i);
        put_set(&b, 2, text);
        put_set(&b, 256, timed[i].bytes);
        rig_ipfix(r, &b);
        if (NUM(FlowStart, 0) != timed[i].start_ms || NUM(FlowEnd, 0) != timed[i].end_ms ||
            NUM(FlowDuration, 0) != timed[i].duration_ms)
            fail_msg("row %u: %llu to %llu, %llu ms", i, (unsigned long long)NUM(FlowStart, 0),
                     (unsigned long long)NUM(FlowEnd, 0), (unsigned long long)NUM(FlowDuration, 0));
    }
}

/* First and last switched on both sides of the wrap of sysUptime, here at 100,000 ms. */
static void times_of_v9(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 1);
    put_set(&b, 0, "0100 0002 0016 0004 0015 0004");
    put_set(&b, 256, "00011170 000186a0 ffffec78 000003e8");
    rig_decode(r, &b);
    assert_int_equal(NUM(FlowStart, 0), 1999999970000);
    assert_int_equal(NUM(FlowEnd, 0), 2000000000000);
    assert_int_equal(NUM(FlowStart, 1), 2000000000000 - 105000);
    assert_int_equal(NUM(FlowEnd, 1), 2000000000000 - 99000);
    assert_int_equal(NUM(FlowDuration, 1), 6000);
}

/* --- groups --- */

/* With their group disabled, elements leave no operation behind: the template is of no use. */
static void disabled_groups_cost_nothing(void **state)
{
    struct rig *r = *state;
    static const enum column_group groups[] = {GROUP_L2,  GROUP_L3L4,  GROUP_NAT,
                                               GROUP_APP, GROUP_EVENT, GROUP_TIME};
    for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++)
        for (unsigned c = 0; c < COL_COUNT; c++)
            if (column_defs[c].group == groups[g])
                r->schema.enabled[c] = r->schema.group[groups[g]] = false;
    ipfix(&b, 0, 1);
    put_set(&b, 2,
            "0100 0009 003a 0002 0006 0001 00e1 0004 00e6 0001 005f 0004 0060 0004 00e9 0001 00a1 0004 0038 "
            "0006");
    put_set(&b, 256, "0064 12 0a000001 04 030001bb 646e7300 02 00001388 020000000001");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_FORMAT], 1);
    for (unsigned w = 0; w < sizeof r->sink.batch->live / sizeof *r->sink.batch->live; w++)
        assert_int_equal(r->sink.batch->live[w], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_element_alone),
        cmocka_unit_test(registry_is_sound),
        cmocka_unit_test(tables_are_sorted),
        T(totals_and_layer_2),
        T(v1_record),
        T(v7_record),
        T(interfaces_of_v9),
        T(interfaces_of_ipfix),
        T(applications),
        T(options_in_a_domain_of_their_own),
        T(vrfs),
        T(rates_by_interface),
        T(scope_by_element),
        T(icmp_by_protocol),
        T(rate_of_the_whole),
        T(rates_in_records),
        T(nsel),
        T(old_asa),
        T(nat_event),
        T(biflow_attributes),
        T(times_of_ipfix),
        T(times_of_v9),
        T(disabled_groups_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
