/* Sessions, message by message: what each of them leaves in the RIB. */
#include "base/clock.h"
#include "enrich/route/rd.h"
#include "enrich/route/testing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct t_peer peer4 = {.address = "10.0.0.2", .as = 65001, .id = 0x0a000002};
static const struct t_peer peer6 = {.address = "2001:db8::2", .flags = T_V6, .as = 65001, .id = 0x0a000002};
static const uint32_t path[] = {65001, 64500, 15169};

#define SENT(t) assert_true(t_send(t))
#define COUNT(t, id) ((int)counter_get((t)->counters, id))

static struct rib_answer find(struct t_rig *t, const char *address)
{
    struct rib_ask q = {.address = t_ip(address)};
    struct rib_answer a;
    rib_find(&t->rib, &q, 1, &a);
    return a;
}

static uint32_t as_of(struct t_rig *t, const char *address)
{
    struct rib_answer a = find(t, address);
    return a.attr ? a.attr->origin_as : 0;
}

static void up(struct t_rig *t, const struct t_peer *p)
{
    t_initiation(&t->out, "edge1");
    t_peer_up(&t->out, p, p->flags & T_V6 ? "2001:db8::1" : "10.0.0.1", 65000, 0);
    SENT(t);
}

static void routes_come_and_go(void **state)
{
    struct t_rig t;
    uint32_t communities[] = {65001 << 16 | 100, 65001u << 16 | 200}, large[] = {64500, 1, 2};
    t_rig_init(&t);
    up(&t, &peer4);
    t_monitoring(&t.out, &peer4,
                 &(struct t_route){.announced = "198.51.100.0/24 203.0.113.0/25",
                                   .next_hop = "10.0.0.2",
                                   .path = path,
                                   .n_path = 3,
                                   .communities = communities,
                                   .n_communities = 2,
                                   .large = large,
                                   .n_large = 1});
    SENT(&t);
    struct rib_answer a = find(&t, "198.51.100.7");
    assert_non_null(a.attr);
    assert_int_equal(a.len, 24);
    assert_int_equal(a.attr->origin_as, 15169);
    assert_int_equal(a.attr->n_path, 3);
    assert_memory_equal(rib_path(a.attr), path, sizeof path);
    assert_memory_equal(rib_communities(a.attr), communities, sizeof communities);
    assert_memory_equal(rib_large(a.attr), large, sizeof large);
    assert_true(ip_eq(a.attr->next_hop, t_ip("10.0.0.2")));
    assert_int_equal(find(&t, "203.0.113.1").len, 25);
    t_monitoring(&t.out, &peer4, &(struct t_route){.withdrawn = "198.51.100.0/24"});
    SENT(&t);
    assert_int_equal(as_of(&t, "198.51.100.7"), 0);
    assert_int_equal(t.rib.routes, 1);
    assert_int_equal(COUNT(&t, BMP_ADDED), 2);
    assert_int_equal(COUNT(&t, BMP_REMOVED), 1);
    t_rig_fini(&t);
}

static void ipv6_has_fields_of_its_own(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    up(&t, &peer6);
    t_monitoring(
        &t.out, &peer6,
        &(struct t_route){
            .announced = "2001:db8:100::/40 ::/0", .next_hop = "2001:db8::9", .path = path, .n_path = 3});
    SENT(&t);
    assert_int_equal(find(&t, "2001:db8:100::1").len, 40);
    assert_true(ip_eq(find(&t, "2001:db8:100::1").attr->next_hop, t_ip("2001:db8::9")));
    t_monitoring(&t.out, &peer6, &(struct t_route){.withdrawn = "2001:db8:100::/40"});
    SENT(&t);
    assert_int_equal(find(&t, "2001:db8:100::1").len, 0);
    assert_int_equal(as_of(&t, "2001:db8:100::1"), 15169);
    t_rig_fini(&t);
}

static void an_empty_path_is_the_peers_own(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    up(&t, &peer4);
    t_monitoring(&t.out, &peer4, &(struct t_route){.announced = "198.51.100.0/24", .next_hop = "10.0.0.2"});
    SENT(&t);
    assert_int_equal(as_of(&t, "198.51.100.1"), 65001);
    t_rig_fini(&t);
}

/* RFC 8671: what a router is about to send has no path yet when the router made it; its neighbour did not. */
static void a_route_without_a_path_is_of_who_sends_it(void **state)
{
    struct t_rig t;
    struct t_peer out = peer4;
    out.flags = T_OUT;
    t_rig_init(&t);
    up(&t, &peer4);
    t_monitoring(&t.out, &out, &(struct t_route){.announced = "198.51.100.0/24", .next_hop = "10.0.0.1"});
    t_monitoring(&t.out, &peer4, &(struct t_route){.announced = "203.0.113.0/24", .next_hop = "10.0.0.2"});
    SENT(&t);
    assert_int_equal(as_of(&t, "198.51.100.1"), 65000);
    assert_int_equal(as_of(&t, "203.0.113.1"), 65001);
    t_rig_fini(&t);
}

static void an_own_as_in_front_is_left_out(void **state)
{
    struct t_rig t;
    uint32_t frr[] = {65000, 65001, 64500}, loop[] = {65000, 64500};
    t_rig_init(&t);
    up(&t, &peer4);
    t_monitoring(
        &t.out, &peer4,
        &(struct t_route){.announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = frr, .n_path = 3});
    t_monitoring(
        &t.out, &peer4,
        &(struct t_route){.announced = "203.0.113.0/24", .next_hop = "10.0.0.2", .path = loop, .n_path = 2});
    SENT(&t);
    struct rib_answer a = find(&t, "198.51.100.1");
    assert_int_equal(a.attr->n_path, 2);
    assert_int_equal(a.attr->path_len, 2);
    assert_memory_equal(rib_path(a.attr), frr + 1, 8);
    assert_int_equal(find(&t, "203.0.113.1").attr->n_path, 2);
    t_rig_fini(&t);
}

static void two_byte_paths_are_read(void **state)
{
    struct t_rig t;
    struct t_peer old = peer4;
    old.flags = T_TWO_BYTES;
    struct buf b;
    t_rig_init(&t);
    up(&t, &old);
    size_t at = t_begin(&t.out, 0);
    t_peer(&t.out, &old);
    size_t bgp = t_bgp_begin(&t.out, BGP_UPDATE);
    buf_be16(&t.out, 0);
    buf_init(&b, 0);
    t_attr(&b, 0x40, 1, "\0", 1);
    t_attr(&b, 0x40, 2, "\x02\x03\xfd\xe9\x5b\xa0\x5b\xa0", 8);           /* 65001, AS_TRANS twice */
    t_attr(&b, 0xc0, 17, "\x02\x02\x00\x01\x00\x00\x00\x01\x00\x01", 10); /* 65536, 65537 */
    t_attr(&b, 0x40, 3, "\x0a\0\0\x02", 4);
    buf_be16(&t.out, (uint16_t)b.len);
    buf_add(&t.out, b.p, b.len);
    buf_add(&t.out, "\x18\xc6\x33\x64", 4);
    t_bgp_end(&t.out, bgp);
    t_end(&t.out, at);
    SENT(&t);
    struct rib_answer a = find(&t, "198.51.100.1");
    assert_non_null(a.attr);
    static const uint32_t want[] = {65001, 65536, 65537};
    assert_int_equal(a.attr->n_path, 3);
    assert_memory_equal(rib_path(a.attr), want, sizeof want);
    buf_fini(&b);
    t_rig_fini(&t);
}

static void add_path_keeps_several(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    t_initiation(&t.out, "edge1");
    t_peer_up(&t.out, &peer4, "10.0.0.1", 65000, 3);
    SENT(&t);
    uint32_t other[] = {65001, 3356};
    t_monitoring(
        &t.out, &peer4,
        &(struct t_route){
            .announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = path, .n_path = 3, .path_id = 1});
    t_monitoring(&t.out, &peer4,
                 &(struct t_route){.announced = "198.51.100.0/24",
                                   .next_hop = "10.0.0.3",
                                   .path = other,
                                   .n_path = 2,
                                   .path_id = 2});
    SENT(&t);
    assert_int_equal(t.rib.routes, 2);
    assert_int_equal(as_of(&t, "198.51.100.1"), 3356);
    struct rib_ask q = {.address = t_ip("198.51.100.1"), .next_hop = t_ip("10.0.0.2")};
    struct rib_answer a;
    rib_find(&t.rib, &q, 1, &a);
    assert_int_equal(a.attr->origin_as, 15169);
    t_monitoring(&t.out, &peer4, &(struct t_route){.withdrawn = "198.51.100.0/24", .path_id = 2});
    SENT(&t);
    assert_int_equal(as_of(&t, "198.51.100.1"), 15169);
    t_rig_fini(&t);
}

static void policies_are_ribs_of_their_own(void **state)
{
    struct t_rig t;
    struct t_peer post = peer4, out = peer4, loc = {.type = 3, .as = 65000, .id = 0x0a000001};
    post.flags = T_POST;
    out.flags = T_OUT;
    t_rig_init(&t);
    up(&t, &peer4);
    t_peer_up(&t.out, &loc, NULL, 65000, 0);
    uint32_t as[] = {1, 2, 3, 4};
    const struct t_peer *ribs[] = {&out, &peer4, &post, &loc};
    for (int i = 0; i < 4; i++) {
        t_monitoring(
            &t.out, ribs[i],
            &(struct t_route){
                .announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = &as[i], .n_path = 1});
        SENT(&t);
        assert_int_equal(as_of(&t, "198.51.100.1"), i + 1);
        assert_int_equal(t.rib.routes, i + 1);
    }
    t_peer_down(&t.out, &peer4); /* all of that peer's, pre and post policy and out */
    SENT(&t);
    t_sweep(&t);
    assert_int_equal(t.rib.routes, 1);
    assert_int_equal(as_of(&t, "198.51.100.1"), 4);
    t_rig_fini(&t);
}

/* GoBGP 3 monitors its Loc-RIB without ever saying that it is up (RFC 9069 5.1 wants it to). */
static void a_loc_rib_needs_no_peer_up(void **state)
{
    struct t_rig t;
    struct t_peer loc = {.type = 3, .as = 65000, .id = 0x0a000001}, other = peer4;
    uint32_t id = __builtin_bswap32(loc.id);
    t_rig_init(&t);
    t_initiation(&t.out, "GoBGP");
    for (int i = 0; i < 2; i++) {
        t_monitoring(&t.out, i ? &other : &loc,
                     &(struct t_route){
                         .announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = path, .n_path = 3});
        SENT(&t);
        assert_int_equal(t.rib.routes, 1); /* other peers' routes still want theirs */
    }
    assert_int_equal(as_of(&t, "198.51.100.1"), 15169);
    assert_true(ip_eq(t.routers.router[1].own[0], ip_v4(&id)));
    t_peer_down(&t.out, &loc);
    SENT(&t);
    t_sweep(&t);
    assert_int_equal(t.rib.routes, 0);
    t_rig_fini(&t);
}

/* RFC 7606 3 d asks for a path; GoBGP's own routes have none in its Loc-RIB. */
static void an_own_route_needs_no_path(void **state)
{
    struct t_rig t;
    struct t_peer loc = {.type = 3, .as = 65000, .id = 0x0a000001};
    struct buf more;
    t_rig_init(&t);
    buf_init(&more, 0);
    t_attr(&more, 0x40, 1, "\0", 1);
    t_attr(&more, 0x80, 14, "\0\1\1\4\x0a\0\0\2\0\x18\xc6\x33\x64", 13); /* 198.51.100.0/24 */
    up(&t, &peer4);
    t_monitoring(&t.out, &peer4, &(struct t_route){.more = &more});
    SENT(&t);
    assert_int_equal(t.rib.routes, 0);
    t_monitoring(&t.out, &loc, &(struct t_route){.more = &more});
    SENT(&t);
    assert_int_equal(as_of(&t, "198.51.100.1"), 65000);
    buf_fini(&more);
    t_rig_fini(&t);
}

/* MP_REACH of a family with its own kind of route. */
static void mp(struct t_rig *t, uint16_t afi, uint8_t safi, const char *next_hop, size_t n_hop,
               const char *nlri, size_t n, const void *ext, size_t n_ext)
{
    struct buf b, more;
    buf_init(&b, 0);
    buf_init(&more, 0);
    buf_be16(&b, afi);
    buf_u8(&b, safi);
    buf_u8(&b, (uint8_t)n_hop);
    buf_add(&b, next_hop, n_hop);
    buf_u8(&b, 0);
    buf_add(&b, nlri, n);
    t_attr(&more, 0x40, 1, "\0", 1);
    t_attr(&more, 0x40, 2, "\x02\x01\0\0\xfd\xe9", 6);
    if (ext)
        t_attr(&more, 0xc0, 16, ext, n_ext);
    t_attr(&more, 0x80, 14, b.p, b.len);
    t_monitoring(&t->out, &peer4, &(struct t_route){.more = &more});
    assert_true(t_send(t));
    buf_fini(&b);
    buf_fini(&more);
}

#define VPN_HOP "\0\0\0\0\0\0\0\0\x0a\0\0\x09", 12
/* 10.1.0.0/16 with label 16 and RD 65000:1 */
#define VPN_ROUTE "\x68\x00\x01\x01\0\0\xfd\xe8\0\0\0\x01\x0a\x01", 14

static void vpns_have_tables(void **state)
{
    struct t_rig t;
    uint64_t rd = 0;
    uint16_t table = 0;
    t_rig_init(&t);
    up(&t, &peer4);
    mp(&t, 1, 128, VPN_HOP, VPN_ROUTE, NULL, 0);
    assert_true(rd_parse(STR("65000:1"), &rd) && rib_table(&t.rib, rd, false, &table));
    struct rib_ask q = {.address = t_ip("10.1.2.3"), .table = table};
    struct rib_answer a;
    rib_find(&t.rib, &q, 1, &a);
    assert_non_null(a.attr);
    assert_int_equal(a.len, 16);
    assert_true(ip_eq(a.attr->next_hop, t_ip("10.0.0.9")));
    mp(&t, 25, 70, "\x0a\0\0\x09",
       4, /* EVPN type 5: 10.2.0.0/16, RD 65000:1; then a MAC, which is no prefix */
       "\x05\x22\0\0\xfd\xe8\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\x0a\x02\0\0\0\0\0\0\0\0\x10\x02\x01\0",
       39, NULL, 0);
    q.address = t_ip("10.2.0.1");
    rib_find(&t.rib, &q, 1, &a);
    assert_non_null(a.attr);
    assert_int_equal(COUNT(&t, BMP_IGNORED_NLRI), 1);
    mp(&t, 1, 4, "\x0a\0\0\x09", 4, "\x30\x00\x01\x01\xc0\0\x02", 7, NULL, 0); /* labelled 192.0.2.0/24 */
    assert_int_equal(find(&t, "192.0.2.1").len, 24);
    mp(&t, 1, 133, "", 0, "\x03\x01\x18\x0a", 4, NULL, 0); /* FlowSpec is of no use here */
    assert_int_equal(COUNT(&t, BMP_IGNORED_NLRI), 2);
    assert_int_equal(t.rib.routes, 3);
    t_rig_fini(&t);
}

static void rds_and_rts_choose(void **state)
{
    struct t_rig t;
    uint64_t rd, target;
    t_rig_init(&t);
    up(&t, &peer4);
    rd_parse(STR("65000:2"), &rd);
    t.env.rds = &rd;
    t.env.n_rds = 1;
    mp(&t, 1, 128, VPN_HOP, VPN_ROUTE, NULL, 0);
    assert_int_equal(t.rib.routes, 0);
    assert_int_equal(COUNT(&t, BMP_FILTERED), 1);
    t.env.n_rds = 0;
    rd_parse_target(STR("65000:7"), &target);
    t.env.rts = &target;
    t.env.n_rts = 1;
    mp(&t, 1, 128, VPN_HOP, VPN_ROUTE, "\0\2\xfd\xe8\0\0\0\x08", 8);
    assert_int_equal(t.rib.routes, 0);
    mp(&t, 1, 128, VPN_HOP, VPN_ROUTE, "\0\2\xfd\xe8\0\0\0\x08\0\2\xfd\xe8\0\0\0\x07", 16);
    assert_int_equal(t.rib.routes, 1);
    mp(&t, 1, 128, VPN_HOP, VPN_ROUTE, "\0\2\xfd\xe8\0\0\0\x08", 8); /* its target went */
    assert_int_equal(t.rib.routes, 0);
    t_rig_fini(&t);
}

static void a_former_session_lasts_until_its_end_is_told(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    up(&t, &peer4);
    t_monitoring(&t.out, &peer4,
                 &(struct t_route){.announced = "198.51.100.0/24 203.0.113.0/24",
                                   .next_hop = "10.0.0.2",
                                   .path = path,
                                   .n_path = 3});
    SENT(&t);
    bmp_free(t.bmp);
    assert_int_equal(as_of(&t, "203.0.113.1"), 15169);
    t.bmp = bmp_new(&t.env, t_ip("192.0.2.1"), t.counters);
    up(&t, &peer4);
    assert_int_equal(t.routers.n_routers, 2); /* the same router */
    assert_int_equal(as_of(&t, "203.0.113.1"), 15169);
    uint32_t other[] = {65001, 3356};
    t_monitoring(&t.out, &peer4,
                 &(struct t_route){
                     .announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = other, .n_path = 2});
    SENT(&t);
    assert_int_equal(t.rib.routes, 2);
    t_monitoring(&t.out, &peer4, &(struct t_route){0}); /* End-of-RIB */
    SENT(&t);
    assert_int_equal(COUNT(&t, BMP_ENDS), 1);
    assert_int_equal(as_of(&t, "203.0.113.1"), 0);
    assert_int_equal(as_of(&t, "198.51.100.1"), 3356);
    t_sweep(&t);
    assert_int_equal(t.rib.routes, 1);
    t_rig_fini(&t);
}

static void what_is_not_repeated_goes_in_time(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    t.env.keep_ns = 0;
    up(&t, &peer4);
    t_monitoring(
        &t.out, &peer4,
        &(struct t_route){.announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = path, .n_path = 3});
    SENT(&t);
    bmp_free(t.bmp);
    t.bmp = NULL;
    routers_tick(&t.routers, UINT64_MAX - 1);
    t_sweep(&t);
    routers_tick(&t.routers, UINT64_MAX - 1);
    assert_int_equal(t.rib.routes, 0);
    for (uint32_t s = 1; s < t.rib.n_sources; s++)
        assert_false(t.rib.sources[s].used);
    t_rig_fini(&t);
}

/* ---- what RFC 7606 says of attributes that are wrong */

static void malformed_attributes_withdraw(void **state)
{
    static const struct {
        uint8_t flags, type;
        const char *value;
        size_t len;
        bool withdraws;
    } bad[] = {
        {0xc0, 8, "\0\0\0", 3, true},         /* communities */
        {0x80, 4, "\0\0", 2, true},           /* MED */
        {0x40, 5, "\0", 1, true},             /* local preference */
        {0xc0, 32, "\0\0\0\0", 4, true},      /* large communities */
        {0xc0, 16, "\0\0", 2, true},          /* extended communities */
        {0x00, 5, "\0\0\0\1", 4, true},       /* flags */
        {0xc0, 17, "\x09\x01\0", 3, false},   /* AS4_PATH */
        {0x40, 1, "\0", 1, false},            /* a second ORIGIN */
        {0xc0, 99, "\x01\x02\x03", 3, false}, /* unknown */
        {0x40, 6, "", 0, false},              /* ATOMIC_AGGREGATE */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct t_rig t;
        struct buf more;
        t_rig_init(&t);
        buf_init(&more, 0);
        up(&t, &peer4);
        struct t_route r = {
            .announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = path, .n_path = 3};
        t_monitoring(&t.out, &peer4, &r);
        SENT(&t);
        t_attr(&more, bad[i].flags, bad[i].type, bad[i].value, bad[i].len);
        r.more = &more;
        t_monitoring(&t.out, &peer4, &r);
        SENT(&t);
        assert_int_equal(t.rib.routes, bad[i].withdraws ? 0 : 1);
        assert_int_equal(COUNT(&t, BMP_AS_WITHDRAWN), bad[i].withdraws);
        buf_fini(&more);
        t_rig_fini(&t);
    }
}

static void malformed_routes_end_their_message(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    up(&t, &peer4);
    size_t at = t_begin(&t.out, 0);
    t_peer(&t.out, &peer4);
    size_t bgp = t_bgp_begin(&t.out, BGP_UPDATE);
    buf_add(&t.out, "\0\0\0\x14\x40\x01\x01\0\x40\x02\x06\x02\x01\0\0\xfd\xe9\x40\x03\x04\x0a\0\0\x02", 24);
    buf_add(&t.out, "\x21\x01\x02\x03\x04\x05", 6); /* a prefix of 33 bits */
    t_bgp_end(&t.out, bgp);
    t_end(&t.out, at);
    SENT(&t);
    assert_int_equal(t.rib.routes, 0);
    assert_int_equal(COUNT(&t, BMP_MALFORMED), 1);
    t_rig_fini(&t);
}

static void wrong_frames_end_the_session(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } bad[] = {
        {"\x04\0\0\0\x06\x04", 6, "version 4"},
        {"\x03\0\0\0\x05\x04", 6, "a message of 5 bytes"},
        {"\x03\x7f\0\0\0\x04", 6, "a message of 2130706432 bytes"},
        {"\x03\0\0\0\x0a\x04\0\x02\0\x09", 10, "ends within a field"},
        {"\x03\0\0\0\x07\x00\0", 7, "no BGP message"},
        {"\x03\0\0\0\x07\x03\0", 7, "peer-up"},
        {"\x03\0\0\0\x07\x02\0", 7, "peer-down"},
        {"\x03\0\0\0\x06\x05", 6, "the router ended it"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct t_rig t;
        t_rig_init(&t);
        buf_add(&t.out, bad[i].bytes, bad[i].len);
        assert_false(t_send(&t));
        assert_non_null(strstr(t.err.msg, bad[i].says));
        t_rig_fini(&t);
    }
}

static void unknown_peers_and_messages_are_counted(void **state)
{
    struct t_rig t;
    t_rig_init(&t);
    t_initiation(&t.out, "edge1");
    t_monitoring(
        &t.out, &peer4,
        &(struct t_route){.announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = path, .n_path = 3});
    t_peer_down(&t.out, &peer4);
    size_t at = t_begin(&t.out, 77);
    buf_z(&t.out, "whatever");
    t_end(&t.out, at);
    SENT(&t);
    assert_int_equal(COUNT(&t, BMP_NO_PEER), 2);
    assert_int_equal(COUNT(&t, BMP_UNKNOWN), 1);
    assert_int_equal(t.rib.routes, 0);
    t_rig_fini(&t);
}

static const struct t_peer loc_rib = {.type = 3, .rd = 0x0000fde800000007, .address = "0.0.0.0", .as = 65000};

static const struct router_vrf *named(const struct t_rig *t, const char *name)
{
    const struct router *r = &t->routers.router[bmp_router(t->bmp)];
    for (unsigned i = 0; i < r->n_vrfs; i++)
        if (strcmp(r->vrfs[i].name, name) == 0)
            return &r->vrfs[i];
    return NULL;
}

static void vrfs_have_names(void **state)
{
    struct t_rig t;
    struct t_peer other = loc_rib, vpn = peer4;
    uint16_t table;
    other.rd++;
    vpn.type = 1;
    vpn.rd = 0x0000fde800000009;
    t_rig_init(&t);
    t_initiation(&t.out, "edge1");
    t_peer_up_vrf(&t.out, &loc_rib, "0.0.0.0", 65000, "red");
    t_peer_up_vrf(&t.out, &vpn, "10.0.0.1", 65000, "bl\xc3\xa5");
    SENT(&t);
    assert_int_equal(named(&t, "red")->rd, loc_rib.rd);
    assert_int_equal(named(&t, "bl\xc3\xa5")->rd, vpn.rd);
    t_peer_down(&t.out, &loc_rib); /* it is known, though it has no routes */
    SENT(&t);
    assert_non_null(named(&t, "red"));
    assert_true(rib_table(&t.rib, loc_rib.rd, false, &table));
    assert_int_equal(t.rib.tables.routes[table], 1);
    t_peer_up_vrf(&t.out, &other, "0.0.0.0", 65000, "red");
    SENT(&t);
    assert_int_equal(named(&t, "red")->rd, other.rd);
    assert_int_equal(t.routers.n_vrfs, 2);
    assert_int_equal(t.rib.tables.routes[table], 0); /* may be another VRF's now */
    assert_int_equal(COUNT(&t, BMP_REFUSED_VRFS), 0);
    t_rig_fini(&t);
}

/* Each of them, and the session goes on. */
static void bad_names_of_vrfs_are_counted(void **state)
{
    static char long_[256];
    memset(long_, 'x', sizeof long_);
    const struct {
        const char *name;
        size_t len;
    } bad[] = {{"", 0}, {long_, 256}, {"r\xc3", 2}, {"r\0d", 3}};
    struct t_rig t;
    t_rig_init(&t);
    t_initiation(&t.out, "edge1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t at = t.out.len;
        t_peer_up(&t.out, &loc_rib, "0.0.0.0", 65000, 0);
        t_information(&t.out, at, 0, "a text", 6);
        t_information(&t.out, at, 3, bad[i].name, bad[i].len);
    }
    size_t at = t.out.len;
    t_peer_up(&t.out, &loc_rib, "0.0.0.0", 65000, 0);
    t_information(&t.out, at, 3, long_, 255);
    buf_add(&t.out, "\0\3\0\x9red", 7); /* ends within it */
    t_end(&t.out, at);
    SENT(&t);
    assert_int_equal(COUNT(&t, BMP_REFUSED_VRFS), 5);
    assert_int_equal(COUNT(&t, BMP_PEERS), 1);
    assert_int_equal(t.routers.n_vrfs, 1); /* the longest */
    t_rig_fini(&t);
}

static void names_of_vrfs_are_bounded_and_go_with_their_session(void **state)
{
    struct t_rig t;
    char name[16];
    t_rig_init(&t);
    t_initiation(&t.out, "edge1");
    size_t at = t.out.len;
    t_peer_up(&t.out, &loc_rib, "0.0.0.0", 65000, 0);
    for (int i = 0; i < ROUTER_VRFS_MAX + 3; i++) {
        int n = snprintf(name, sizeof name, "vrf%d", i);
        t_information(&t.out, at, 3, name, (size_t)n);
    }
    SENT(&t);
    assert_int_equal(t.routers.n_vrfs, ROUTER_VRFS_MAX);
    assert_int_equal(COUNT(&t, BMP_REFUSED_VRFS), 3);
    bmp_free(t.bmp);
    routers_tick(&t.routers, clock_mono_ns());
    assert_int_equal(t.routers.n_vrfs, ROUTER_VRFS_MAX); /* `keep` */
    t.bmp = bmp_new(&t.env, t_ip("192.0.2.1"), t.counters);
    t_initiation(&t.out, "edge1");
    t_peer_up_vrf(&t.out, &loc_rib, "0.0.0.0", 65000, "vrf77");
    SENT(&t);
    t.routers.changed = false;
    routers_tick(&t.routers, clock_mono_ns() + t.env.keep_ns);
    assert_int_equal(t.routers.n_vrfs, 1); /* the one that the new session told of */
    assert_non_null(named(&t, "vrf77"));
    assert_true(t.routers.changed);
    t_rig_fini(&t);
}

static void distinguishers_are_text_and_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t rd;
    } cases[] = {{"65000:1", 0x0000fde800000001},
                 {"65000:4294967295", 0x0000fde8ffffffff},
                 {"192.0.2.1:7", 0x0001c00002010007},
                 {"70000:7", 0x0002000111700007}};
    char text[RD_TEXT_MAX];
    uint64_t rd;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(rd_parse(str_from(cases[i].text), &rd));
        assert_int_equal(rd, cases[i].rd);
        assert_string_equal(rd_format(rd, text), cases[i].text);
    }
    assert_true(rd_parse(STR("0"), &rd) && rd == 0);
    static const char *const bad[] = {
        "", ":", "1:", ":1", "70000:70000", "x:1", "1.2.3.4:70000", "65000:4294967296", "::1:5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rd_parse(str_from(bad[i]), &rd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_come_and_go),
        cmocka_unit_test(ipv6_has_fields_of_its_own),
        cmocka_unit_test(an_empty_path_is_the_peers_own),
        cmocka_unit_test(a_route_without_a_path_is_of_who_sends_it),
        cmocka_unit_test(an_own_as_in_front_is_left_out),
        cmocka_unit_test(two_byte_paths_are_read),
        cmocka_unit_test(add_path_keeps_several),
        cmocka_unit_test(policies_are_ribs_of_their_own),
        cmocka_unit_test(a_loc_rib_needs_no_peer_up),
        cmocka_unit_test(an_own_route_needs_no_path),
        cmocka_unit_test(vpns_have_tables),
        cmocka_unit_test(rds_and_rts_choose),
        cmocka_unit_test(a_former_session_lasts_until_its_end_is_told),
        cmocka_unit_test(what_is_not_repeated_goes_in_time),
        cmocka_unit_test(malformed_attributes_withdraw),
        cmocka_unit_test(malformed_routes_end_their_message),
        cmocka_unit_test(wrong_frames_end_the_session),
        cmocka_unit_test(unknown_peers_and_messages_are_counted),
        cmocka_unit_test(vrfs_have_names),
        cmocka_unit_test(bad_names_of_vrfs_are_counted),
        cmocka_unit_test(names_of_vrfs_are_bounded_and_go_with_their_session),
        cmocka_unit_test(distinguishers_are_text_and_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
