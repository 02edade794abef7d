/* Packet headers: each by bytes made by hand, broken ones too. */
#include "decode/packet.h"
#include "base/cursor.h"
#include "decode/testing.h"

#define MACS "020000000002 020000000001 "

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
    assert_true(frame(MACS "003a aaaa03 000000 0800" UDP_TO("0035"), DECAP_NONE)); /* SNAP */
    assert_int_equal(pk.etype, ETYPE_IPV4);
    assert_int_equal(pk.dst_port, 53);
    assert_true(frame(MACS "0026 424203 00000000", DECAP_NONE)); /* spanning tree */
    assert_int_equal(pk.etype, 0);
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
        {DECAP_VXLAN, MACS "0800" UDP_TO("2118") "08000000 00000100" MACS "0800" INNER},
        {DECAP_GENEVE, MACS "0800" UDP_TO("17c1") "02006558 00000100 00010201 00000000" MACS "0800" INNER},
        {DECAP_GENEVE, MACS "0800" UDP_TO("17c1") "00000800 00000100" INNER},
        {DECAP_GTPU, MACS "0800" UDP_TO("0868") "30ff0054 00000001" INNER},
        {DECAP_GTPU, MACS "0800" UDP_TO("0868") "34ff005c 00000001 00000085 01090000" INNER},
        {DECAP_SRV6,
         MACS "86dd 60000000 006c 2b 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
              "04 02 04 00 00 00 0000 20010db8000000000000000000000003" INNER},
        {DECAP_SRV6, MACS "86dd 60000000 0062 8f 40 20010db8000000000000000000000001"
                          "20010db8000000000000000000000002" MACS "0800" INNER},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IP_TEXT_MAX];
        for (unsigned how = DECAP_IPIP; how < DECAP_COUNT; how++)
            if ((how != DECAP_IPIP && how != DECAP_SRV6) ||
                (cases[i].how != DECAP_SRV6 && cases[i].how != DECAP_IPIP)) /* IP in IPv6 may be either */
                assert_int_equal(frame(cases[i].packet, (enum dgram_decap)how), how == cases[i].how);
        assert_true(frame(cases[i].packet, cases[i].how));
        assert_string_equal(ip_format(pk.src, text), "192.0.2.1");
        assert_int_equal(pk.src_port, 53);
        assert_int_equal(pk.l3_len, 84);
        assert_int_equal(pk.vni, cases[i].how == DECAP_VXLAN || cases[i].how == DECAP_GENEVE);
        assert_true(frame(cases[i].packet, DECAP_NONE)); /* not asked for: the outer packet */
        assert_string_not_equal(ip_format(pk.src, text), "192.0.2.1");
    }
}

static void tunnels_that_lie(void **state)
{
    static const struct {
        enum dgram_decap how;
        const char *packet;
    } cases[] = {
        {DECAP_GTPU, MACS "0800" UDP_TO("0868") "34ff005c 00000001 00000085 00"}, /* extension of no length */
        {DECAP_GTPU, MACS "0800" UDP_TO("0868") "34ff005c 00000001 00000085 ff"}, /* too long */
        {DECAP_GTPU, MACS "0800" UDP_TO("0868") "3001005c 00000001 00000000" INNER}, /* an echo request */
        {DECAP_GTPU, MACS "0800" UDP_TO("0868") "30ff0054 00000001"},                /* nothing inside */
        {DECAP_GENEVE, MACS "0800" UDP_TO("17c1") "3f000800 00000100" INNER},        /* options too long */
        {DECAP_GENEVE, MACS "0800" UDP_TO("17c1") "40000800 00000100" INNER},        /* version 1 */
        {DECAP_VXLAN, MACS "0800" UDP_TO("12b5") "0800"},
        {DECAP_GRE, MACS "0800 4500 0068 0001 0000 40 2f 0000 0a000001 0a000002 4000 0800" INNER},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(frame(cases[i].packet, cases[i].how));
}

/* Frames in frames, labels on labels, tags on tags: each ends soon, and what came first is there. */
static void stacks(void **state)
{
    struct buf p;
    buf_init(&p, 0);
    for (unsigned kind = 0; kind < 4; kind++) {
        buf_reset(&p);
        hex(&p, MACS);
        for (unsigned i = 0; i < 3000; i++)
            hex(&p, kind == 0   ? "8847 00064140 00000000" MACS /* Ethernet over MPLS over Ethernet ... */
                    : kind == 1 ? "88a8 0064"
                    : kind == 2 ? (i ? "00064040" : "8847")
                                : (i ? "2b 00 00000000 0000"
                                     : "86dd 60000000 fff0 2b 40"
                                       "20010db8000000000000000000000001 20010db8000000000000000000000002"));
        packet_frame(&pk, p.p, p.len, DECAP_NONE);
        assert_true(pk.n_labels <= PACKET_LABELS);
        if (kind == 1)
            assert_int_equal(pk.vlan, 100);
        if (kind == 2)
            assert_int_equal(pk.label[PACKET_LABELS - 1], 100);
        if (kind == 3)
            assert_int_equal(pk.dst_port, 0);
    }
    buf_fini(&p);
}

/* Switches can be told to use any number. */
static void tags_of_any_number(void **state)
{
    assert_true(frame(MACS "9300 0064 0800" UDP_TO("0035"), DECAP_NONE));
    assert_int_equal(pk.vlan, 100);
    assert_true(frame(MACS "a1b2 0064 8100 00c8 0800" UDP_TO("0035"), DECAP_NONE));
    assert_int_equal(pk.vlan, 100);
    assert_int_equal(pk.inner_vlan, 200);
    assert_int_equal(pk.dst_port, 53);
    assert_true(frame(MACS "a1b2 0064 0800 ff00", DECAP_NONE)); /* no IPv4 header there */
    assert_int_equal(pk.vlan, 0);
    assert_int_equal(pk.etype, 0xa1b2);
}

/* The short way for common frames says the same as the long one, which an IP packet without its frame goes. */
static void the_short_way_says_the_same(void **state)
{
    static const uint8_t protocols[] = {6, 6, 17, 17, 1, 47, 132};
    uint32_t seed = 1, tcp = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t frame[80];
        for (unsigned k = 0; k < sizeof frame; k++)
            frame[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        unsigned dice = seed >> 8;
        memcpy(frame + 12, "\x08", 2);
        frame[14] = dice % 8 ? 0x45 : 0x46;
        frame[23] = protocols[dice / 8 % sizeof protocols];
        if (dice / 64 % 4)
            frame[20] = frame[21] = 0; /* no fragment */
        size_t len = dice / 256 % 2 ? sizeof frame : 14 + dice / 512 % (sizeof frame - 14);
        struct packet direct, long_way;
        memset(&direct, 0xaa, sizeof direct);
        assert_true(packet_frame(&direct, frame, len, DECAP_NONE));
        assert_true(packet_ip(&long_way, frame + 14, len - 14, ETYPE_IPV4, DECAP_NONE));
        long_way.dst_mac = (uint64_t)load_be16(frame) << 32 | load_be32(frame + 2);
        long_way.src_mac = (uint64_t)load_be16(frame + 6) << 32 | load_be32(frame + 8);
        assert_memory_equal(&direct, &long_way, offsetof(struct packet, label));
        tcp += direct.tcp_flags != 0;
    }
    assert_true(tcp > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_and_labels),    cmocka_unit_test(fragments),
        cmocka_unit_test(lying_headers),      cmocka_unit_test(decapsulation),
        cmocka_unit_test(tunnels_that_lie),   cmocka_unit_test(stacks),
        cmocka_unit_test(tags_of_any_number), cmocka_unit_test(the_short_way_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
