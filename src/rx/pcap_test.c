/* Captures of every link type and format give the datagrams that are in them. */
#include "rx/pcap.h"
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void ipv4_udp(struct buf *b, const char *payload, size_t from, size_t to, bool more, size_t total)
{
    size_t udp = from == 0 ? 8 : 0, at = from == 0 ? 0 : from;
    buf_be16(b, 0x4500);
    buf_be16(b, (uint16_t)(20 + udp + to - at));
    buf_be16(b, 77);
    buf_be16(b, (uint16_t)((more ? 0x2000 : 0) | (from ? (from + 8) / 8 : 0)));
    buf_be16(b, 0x4011);
    buf_be16(b, 0);
    buf_add(b, "\xc0\0\2\1\xc0\0\2\2", 8);
    if (udp) {
        buf_be16(b, 1234);
        buf_be16(b, 2055);
        buf_be16(b, (uint16_t)(8 + total));
        buf_be16(b, 0);
    }
    buf_add(b, payload + at, to - at);
}

static void ipv6_udp(struct buf *b, const char *payload, size_t len)
{
    buf_be32(b, 0x60000000);
    buf_be16(b, (uint16_t)(8 + 8 + len));
    buf_be16(b, 0x0040); /* hop-by-hop options next */
    buf_zero(b, 15);
    buf_u8(b, 1);
    buf_zero(b, 15);
    buf_u8(b, 2);
    buf_be64(b, 0x1100010400000000); /* UDP next, padded */
    buf_be16(b, 1234);
    buf_be16(b, 2055);
    buf_be16(b, (uint16_t)(8 + len));
    buf_be16(b, 0);
    buf_add(b, payload, len);
}

static void pcap_head(struct buf *b, uint32_t link)
{
    buf_le32(b, 0xa1b2c3d4);
    buf_le32(b, 0x00040002);
    buf_zero(b, 8);
    buf_le32(b, 65535);
    buf_le32(b, link);
}

static void pcap_record(struct buf *b, const char *link_head, size_t head, const struct buf *packet)
{
    buf_le32(b, 1800000000);
    buf_le32(b, 5);
    buf_le32(b, (uint32_t)(head + packet->len));
    buf_le32(b, (uint32_t)(head + packet->len));
    buf_add(b, link_head, head);
    buf_add(b, packet->p, packet->len);
}

static void all_link_types(void **state)
{
    static const struct {
        uint32_t link;
        const char *head;
        size_t len;
    } links[] = {
        {1, "\1\2\3\4\5\6\1\2\3\4\5\6\x08\0", 14},
        {1, "\1\2\3\4\5\6\1\2\3\4\5\6\x88\xa8\0\7\x81\0\0\x0a\x08\0", 22},
        {1, "\1\2\3\4\5\6\1\2\3\4\5\6\0\x29\xaa\xaa\3\0\0\0\x08\0", 22},
        {1, "\1\2\3\4\5\6\1\2\3\4\5\6\x81\0\0\7\x88\x64\x11\0\0\1\0\x23\0\x21", 26},
        {1, "\1\2\3\4\5\6\1\2\3\4\5\6\x88\x47\0\1\0\x40\0\2\1\x40", 22},
        {9, "\0\x21", 2},
        {50, "\xff\3\0\x21", 4},
        {104, "\x0f\0\x08\0", 4},
        {113, "\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\0", 16},
        {276, "\x08\0\0\0\0\0\0\1\0\1\0\6\1\2\3\4\5\6\0\0", 20},
        {0, "\2\0\0\0", 4},
        {101, "", 0},
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        struct buf b, packet;
        buf_init(&b, 0);
        buf_init(&packet, 0);
        pcap_head(&b, links[i].link);
        ipv4_udp(&packet, "hello", 0, 5, false, 5);
        pcap_record(&b, links[i].head, links[i].len, &packet);
        struct pcap *p = pcap_bytes(b.p, b.len, "x");
        struct dgram d;
        uint16_t port;
        char text[IP_TEXT_MAX];
        assert_true(pcap_next(p, &d, &port));
        assert_int_equal(d.len, 5);
        assert_memory_equal(d.data, "hello", 5);
        assert_string_equal(ip_format(d.src, text), "192.0.2.1");
        assert_int_equal(d.src_port, 1234);
        assert_int_equal(port, 2055);
        assert_true(d.rx_ns == 1800000000000005000u);
        assert_false(pcap_next(p, &d, &port));
        pcap_close(p);
        buf_fini(&b);
        buf_fini(&packet);
    }
}

static void fragments_are_put_together_in_any_order(void **state)
{
    const char *payload = "abcdefghijklmnopqrstuvwxyz";
    struct buf b, packet;
    struct pcap_counts counts;
    buf_init(&b, 0);
    buf_init(&packet, 0);
    pcap_head(&b, 101);
    ipv4_udp(&packet, payload, 16, 26, false, 26); /* the last first */
    pcap_record(&b, "", 0, &packet);
    buf_reset(&packet);
    ipv4_udp(&packet, payload, 0, 16, true, 26);
    pcap_record(&b, "", 0, &packet);
    buf_reset(&packet);
    ipv4_udp(&packet, payload, 0, 16, true, 26); /* its rest never comes */
    pcap_record(&b, "", 0, &packet);
    struct pcap *p = pcap_bytes(b.p, b.len, "x");
    struct dgram d;
    uint16_t port;
    assert_true(pcap_next(p, &d, &port));
    assert_int_equal(d.len, 26);
    assert_memory_equal(d.data, payload, 26);
    assert_false(pcap_next(p, &d, &port));
    pcap_counts(p, &counts);
    assert_int_equal(counts.incomplete, 1);
    pcap_close(p);
    buf_fini(&b);
    buf_fini(&packet);
}

static void pcapng_with_ipv6_and_nanoseconds(void **state)
{
    struct buf b, packet;
    buf_init(&b, 0);
    buf_init(&packet, 0);
    buf_le32(&b, 0x0a0d0d0a);
    buf_le32(&b, 28);
    buf_le32(&b, 0x1a2b3c4d);
    buf_le32(&b, 1);
    buf_le64(&b, UINT64_MAX);
    buf_le32(&b, 28);
    buf_le32(&b, 1); /* interface, nanoseconds */
    buf_le32(&b, 32);
    buf_le16(&b, 101);
    buf_le16(&b, 0);
    buf_le32(&b, 0);
    buf_le16(&b, 9);
    buf_le16(&b, 1);
    buf_le32(&b, 9);
    buf_le32(&b, 0);
    buf_le32(&b, 32);
    ipv6_udp(&packet, "hi", 2);
    size_t padded = (packet.len + 3) & ~(size_t)3;
    uint64_t ns = 1800000000000000123u;
    buf_le32(&b, 6);
    buf_le32(&b, (uint32_t)(32 + padded));
    buf_le32(&b, 0);
    buf_le32(&b, (uint32_t)(ns >> 32));
    buf_le32(&b, (uint32_t)ns);
    buf_le32(&b, (uint32_t)packet.len);
    buf_le32(&b, (uint32_t)packet.len);
    buf_add(&b, packet.p, packet.len);
    buf_zero(&b, padded - packet.len);
    buf_le32(&b, (uint32_t)(32 + padded));
    struct pcap *p = pcap_bytes(b.p, b.len, "x");
    struct dgram d;
    uint16_t port;
    char text[IP_TEXT_MAX];
    assert_true(pcap_next(p, &d, &port));
    assert_int_equal(d.len, 2);
    assert_memory_equal(d.data, "hi", 2);
    assert_string_equal(ip_format(d.src, text), "::1");
    assert_in_range(d.rx_ns, ns - 1, ns + 1);
    assert_false(pcap_next(p, &d, &port));
    pcap_close(p);
    buf_fini(&b);
    buf_fini(&packet);
}

/* What pcap_trouble says of `len` bytes. */
static const char *trouble(const struct buf *b, size_t len, const char *name)
{
    static char text[256];
    struct pcap *p = pcap_bytes(b->p, len, name);
    struct pcap_counts counts;
    struct dgram d;
    uint16_t port;
    struct buf out;
    while (pcap_next(p, &d, &port))
        ;
    pcap_counts(p, &counts);
    pcap_close(p);
    buf_init(&out, 0);
    pcap_trouble(&counts, &out);
    snprintf(text, sizeof text, "%.*s", (int)out.len, out.len ? (const char *)out.p : "");
    buf_fini(&out);
    return text;
}

static void what_cannot_be_used_is_said(void **state)
{
    struct buf b, packet;
    buf_init(&b, 0);
    buf_init(&packet, 0);
    ipv4_udp(&packet, "hello", 0, 5, false, 5);
    pcap_head(&b, 101);
    pcap_record(&b, "", 0, &packet);
    size_t one = b.len;
    pcap_record(&b, "", 0, &packet);
    assert_string_equal(trouble(&b, b.len, "x"), "");
    assert_string_equal(trouble(&b, one + 7, "x"), "ends in the middle of a record");
    assert_string_equal(trouble(&b, one + 20, "x"),
                        "damaged frames or blocks: 1; ends in the middle of a record");
    assert_string_equal(trouble(&b, 4, "x"), "no datagram (frames: 0); ends in the middle of a record");
    assert_string_equal(trouble(&b, 0, "x"), "the file is empty");
    b.p[20] = 10;
    assert_string_equal(trouble(&b, b.len, "x"),
                        "no datagram (frames: 2); link type 10 (FDDI) is not supported (frames: 2)");
    b.p[20] = 77;
    assert_string_equal(trouble(&b, one, "x"),
                        "no datagram (frames: 1); link type 77 is not supported (frames: 1)");
    buf_reset(&b);
    buf_be16(&b, 10);
    buf_be16(&b, 40);
    buf_zero(&b, 16);
    assert_string_equal(trouble(&b, b.len, "a.ipfix"), "ends in the middle of a message");
    buf_fini(&b);
    buf_fini(&packet);
}

static void ipfix_files_are_messages(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    for (unsigned i = 0; i < 3; i++) {
        buf_be16(&b, 10);
        buf_be16(&b, (uint16_t)(16 + i * 4));
        buf_zero(&b, 12 + i * 4);
    }
    struct dgram d;
    uint16_t port;
    struct pcap *p = pcap_bytes(b.p, b.len, "a.ipfix");
    for (unsigned i = 0; i < 3; i++) {
        assert_true(pcap_next(p, &d, &port));
        assert_int_equal(d.len, 16 + i * 4);
    }
    assert_false(pcap_next(p, &d, &port));
    pcap_close(p);
    p = pcap_bytes(b.p, b.len, "a.dat");
    assert_true(pcap_next(p, &d, &port));
    assert_int_equal(d.len, b.len);
    assert_false(pcap_next(p, &d, &port));
    pcap_close(p);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_link_types), cmocka_unit_test(fragments_are_put_together_in_any_order),
        cmocka_unit_test(pcapng_with_ipv6_and_nanoseconds), cmocka_unit_test(ipfix_files_are_messages),
        cmocka_unit_test(what_cannot_be_used_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
