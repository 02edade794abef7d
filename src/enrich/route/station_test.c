/* The station with real sockets, and its file: what a restart keeps. */
#include "base/arena.h"
#include "base/clock.h"
#include "enrich/route/route.h"
#include "enrich/route/station.h"
#include "enrich/route/testing.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct t_peer peer4 = {.address = "10.0.0.2", .as = 65001, .id = 0x0a000002};
static const uint32_t path[] = {65001, 65001, 64500, 15169};

static struct enrich_routing_provider conf = {.type = ROUTING_BMP,
                                              .listen = "127.0.0.1:0",
                                              .collect_asns = true,
                                              .collect_aspaths = true,
                                              .collect_communities = true,
                                              .keep_ns = 300000000000u,
                                              .message_timeout_ns = 60000000000u,
                                              .max_memory = 64 << 20,
                                              .max_sessions = 3};

struct rig {
    struct snapshot view;
    struct station *station;
    struct err err;
};

static void start(struct rig *r, const char *file)
{
    *r = (struct rig){0};
    r->station = station_start(&conf, file, &r->view, &r->err);
    if (!r->station)
        fail_msg("%s", r->err.msg);
    while (!station_ready(r->station))
        usleep(1000);
}

static int dial(const struct rig *r)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(station_port(r->station))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Whether the status has this text, in one of some answers. What was read before is published then. */
static bool says(const struct rig *r, const char *what, int times)
{
    bool found = false;
    while (!found && times-- > 0) {
        struct buf json;
        buf_init(&json, 0);
        station_status(r->station, &json);
        buf_u8(&json, 0);
        found = strstr((char *)json.p, what) != NULL;
        buf_fini(&json);
        if (!found)
            usleep(10000);
    }
    return found;
}

/* Waits for the address to have this origin AS. */
static bool comes(const struct rig *r, const char *address, uint32_t as)
{
    uint32_t got = 0;
    for (int i = 0; i < 5000; i++) {
        snapshot_reader_on();
        const struct route_view *v = snapshot_get(&r->view).data;
        struct rib_ask q = {.address = t_ip(address)};
        struct rib_answer a;
        rib_find(v->rib, &q, 1, &a);
        got = a.attr ? a.attr->origin_as : 0;
        snapshot_reader_off();
        if (got == as)
            return true;
        usleep(2000);
    }
    return false;
}

/* Waits for the exporter to be known as a router. */
static bool is_router(const struct rig *r, const char *exporter)
{
    uint32_t router = RIB_NO_ROUTER;
    for (int i = 0; i < 5000 && router == RIB_NO_ROUTER; i++) {
        snapshot_reader_on();
        router = route_router_by_address(snapshot_get(&r->view).data, t_ip(exporter));
        snapshot_reader_off();
        usleep(2000);
    }
    return router != RIB_NO_ROUTER;
}

static void send_all(int fd, struct buf *b)
{
    for (size_t at = 0; at < b->len;) { /* in pieces, so that messages are torn */
        size_t n = b->len - at < 7 ? b->len - at : 7;
        assert_int_equal(send(fd, b->p + at, n, MSG_NOSIGNAL), n);
        at += n;
    }
    buf_reset(b);
}

static void hello(struct buf *b)
{
    t_initiation(b, "edge1");
    t_peer_up(b, &peer4, "192.0.2.77", 65000, 0);
    t_monitoring(b, &peer4,
                 &(struct t_route){.announced = "198.51.100.0/24 203.0.113.0/24",
                                   .next_hop = "10.0.0.2",
                                   .path = path,
                                   .n_path = 4});
}

static void routes_last_over_a_restart(void **state)
{
    char file[] = "/tmp/weir-station-XXXXXX";
    struct rig r;
    struct buf b;
    close(mkstemp(file));
    unlink(file);
    buf_init(&b, 0);
    start(&r, file);
    int fd = dial(&r);
    hello(&b);
    send_all(fd, &b);
    assert_true(comes(&r, "198.51.100.1", 15169));
    close(fd);
    station_stop(r.station);
    start(&r, file);
    assert_true(comes(&r, "198.51.100.1", 15169)); /* before any router is back */
    assert_true(says(&r, "\"name\":\"edge1\",\"connected\":false", 1));
    assert_true(says(&r, "\"routes\":2,\"former\":2", 1));
    fd = dial(&r); /* the router is back, with one route less */
    t_initiation(&b, "edge1");
    t_peer_up(&b, &peer4, "192.0.2.77", 65000, 0);
    uint32_t other[] = {65001, 3356};
    t_monitoring(&b, &peer4,
                 &(struct t_route){
                     .announced = "198.51.100.0/24", .next_hop = "10.0.0.2", .path = other, .n_path = 2});
    send_all(fd, &b);
    assert_true(comes(&r, "198.51.100.1", 3356));
    assert_true(comes(&r, "203.0.113.1", 15169));
    t_monitoring(&b, &peer4, &(struct t_route){0});
    send_all(fd, &b);
    assert_true(comes(&r, "203.0.113.1", 0));
    close(fd);
    station_stop(r.station);
    /* one flipped bit, and it is not believed */
    FILE *f = fopen(file, "r+");
    fseek(f, 40, SEEK_SET);
    int ch = fgetc(f);
    fseek(f, 40, SEEK_SET);
    fputc(ch ^ 1, f);
    fclose(f);
    start(&r, file);
    assert_true(comes(&r, "198.51.100.1", 0));
    station_stop(r.station);
    unlink(file);
    buf_fini(&b);
}

/* Reads until the station closes. */
static bool ends_within(int fd, int ms)
{
    char c;
    struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return recv(fd, &c, 1, 0) == 0 || errno == ECONNRESET;
}

static bool is_closed(int fd)
{
    return ends_within(fd, 10000);
}

static void bad_sessions_end_alone(void **state)
{
    struct rig r;
    struct buf b;
    buf_init(&b, 0);
    start(&r, "");
    int good = dial(&r), bad = dial(&r), third = dial(&r);
    hello(&b);
    send_all(good, &b);
    assert_true(comes(&r, "198.51.100.1", 15169));
    int fourth = dial(&r); /* over max-sessions */
    assert_true(is_closed(fourth));
    static const char other[] = "GET / HTTP/1.1\r\n\r\n";
    assert_int_equal(send(bad, other, sizeof other - 1, MSG_NOSIGNAL), sizeof other - 1);
    assert_true(is_closed(bad));
    assert_true(comes(&r, "198.51.100.1", 15169));
    struct t_route more = {.announced = "192.0.2.0/24", .next_hop = "10.0.0.2", .path = path, .n_path = 4};
    t_monitoring(&b, &peer4, &more);
    send_all(good, &b);
    assert_true(comes(&r, "192.0.2.1", 15169));
    close(good);
    close(bad);
    close(third);
    close(fourth);
    station_stop(r.station);
    buf_fini(&b);
}

/* Else the listening socket would be ready again and again, and the session never told. */
static void without_descriptors_sessions_are_refused(void **state)
{
    struct rig r;
    struct buf b;
    struct rlimit before, few;
    buf_init(&b, 0);
    start(&r, "");
    int good = dial(&r);
    hello(&b);
    send_all(good, &b);
    assert_true(comes(&r, "198.51.100.1", 15169));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(station_port(r.station))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int late = socket(AF_INET, SOCK_STREAM, 0); /* the lowest that was free: none is left below the limit */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){(rlim_t)late + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof to), 0);
    bool closed = is_closed(late);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(closed);
    int next = dial(&r);
    buf_reset(&b);
    hello(&b);
    send_all(next, &b);
    assert_true(comes(&r, "198.51.100.1", 15169));
    close(good);
    close(late);
    close(next);
    station_stop(r.station);
    buf_fini(&b);
}

static void who_does_not_go_on_is_ended(void **state)
{
    struct rig r;
    struct buf b;
    buf_init(&b, 0);
    conf.message_timeout_ns = 300000000;
    start(&r, "");
    int quiet = dial(&r), mute = dial(&r), slow = dial(&r);
    hello(&b);
    send_all(quiet, &b); /* whole messages, then nothing: that is how most routers are most of the time */
    assert_true(comes(&r, "198.51.100.1", 15169));
    t_initiation(&b, "edge2");
    size_t whole = b.len;
    t_peer_up(&b, &peer4, "192.0.2.77", 65000, 0);
    assert_int_equal(send(slow, b.p, whole + 10, MSG_NOSIGNAL), whole + 10);
    bool ended = false;
    for (size_t at = whole + 10; at < b.len - 1 && !ended; at++) { /* byte by byte, never the last one */
        send(slow, b.p + at, 1, MSG_NOSIGNAL);
        ended = ends_within(slow, 100);
    }
    assert_true(ended);
    assert_true(is_closed(mute));
    assert_false(ends_within(quiet, 1200));
    assert_true(comes(&r, "198.51.100.1", 15169));
    close(quiet);
    close(mute);
    close(slow);
    buf_fini(&b);
    station_stop(r.station);
    conf.message_timeout_ns = 60000000000u; /* nobody reads it now */
    snapshot_fini(&r.view);
}

/* A session that ends within a message: what came before counts, what was begun does not, and the router may come back. */
static void half_a_message_is_no_route(void **state)
{
    struct rig r;
    struct buf b;
    uint32_t other[] = {65001, 3356};
    buf_init(&b, 0);
    start(&r, "");
    for (int round = 0; round < 5; round++) { /* more than max-sessions */
        int fd = dial(&r);
        hello(&b);
        size_t whole = b.len;
        t_monitoring(&b, &peer4,
                     &(struct t_route){
                         .announced = "192.0.2.0/24", .next_hop = "10.0.0.2", .path = other, .n_path = 2});
        b.len -= 1 + (b.len - whole) * (size_t)round / 6;
        send_all(fd, &b);
        assert_true(comes(&r, "198.51.100.1", 15169));
        close(fd);
    }
    assert_true(says(&r, "\"sessions\":0", 500));
    assert_true(says(&r, "\"routes\":2,", 1));
    assert_true(comes(&r, "192.0.2.1", 0));
    assert_true(comes(&r, "198.51.100.1", 15169)); /* for as long as `keep` says */
    buf_fini(&b);
    station_stop(r.station);
    snapshot_fini(&r.view);
}

/* Both are of one address; the exporter is the one that is there. */
static void a_renamed_router_is_the_one_that_is_there(void **state)
{
    struct rig r;
    struct buf b;
    uint32_t router[2];
    buf_init(&b, 0);
    start(&r, "");
    for (int i = 0; i < 2; i++) {
        int fd = dial(&r);
        t_initiation(&b, i ? "new-name" : "old-name");
        t_peer_up(&b, &peer4, "192.0.2.77", 65000, 0);
        t_monitoring(&b, &peer4,
                     &(struct t_route){.announced = i ? "192.0.2.0/24" : "198.51.100.0/24",
                                       .next_hop = "10.0.0.2",
                                       .path = path,
                                       .n_path = 4});
        send_all(fd, &b);
        assert_true(comes(&r, i ? "192.0.2.1" : "198.51.100.1", 15169));
        assert_true(says(&r, "\"sessions\":1", 1));
        snapshot_reader_on();
        const struct route_view *v = snapshot_get(&r.view).data;
        router[i] = route_router_by_address(v, t_ip("127.0.0.1"));
        assert_int_equal(router[i], route_router_by_name(v, str_from(i ? "new-name" : "old-name")));
        assert_int_equal(router[i], route_router_by_address(v, t_ip("192.0.2.77")));
        snapshot_reader_off();
        close(fd);
        assert_true(says(&r, "\"sessions\":0", 500));
    }
    assert_int_not_equal(router[0], router[1]);
    buf_fini(&b);
    station_stop(r.station);
}

static void flows_get_what_routes_say(void **state)
{
    struct rig r;
    struct buf b;
    uint32_t communities[] = {65001u << 16 | 100};
    buf_init(&b, 0);
    start(&r, "");
    int fd = dial(&r);
    hello(&b);
    t_monitoring(&b, &peer4,
                 &(struct t_route){.announced = "192.0.2.0/25",
                                   .next_hop = "10.0.0.3",
                                   .path = path,
                                   .n_path = 4,
                                   .communities = communities,
                                   .n_communities = 1});
    send_all(fd, &b);
    assert_true(comes(&r, "192.0.2.1", 15169));
    struct schema schema;
    schema_default(&schema);
    schema.enabled[COL_NextHop] = true;
    struct intern strings;
    intern_init(&strings);
    void *scratch = enrich_route.scratch_new(), *cache = enrich_route.cache_new();
    struct view v = {.schema = &schema, .strings = &strings, .scratch = {scratch}, .cache = {cache}};
    struct batch *batch = batch_new();
    batch->n = 3;
    uint32_t given[] = {1, 2};
    for (int i = 0; i < 3; i++) {
        BATCH_IP(batch, ExporterAddress)[i] = t_ip("192.0.2.77");
        BATCH_IP(batch, SrcAddr)[i] = t_ip("203.0.113.9");
        BATCH_IP(batch, DstAddr)[i] = t_ip(i < 2 ? "192.0.2.9" : "172.16.0.1");
    }
    memcpy(batch_pool32(batch, 2, &BATCH_SPAN(batch, DstASPath)[1]), given, sizeof given);
    snapshot_reader_on();
    v.snapshot[0] = snapshot_get(&r.view).data;
    enrich_route.fill(batch, &v, 0);
    assert_int_equal(BATCH_U32(batch, RouteSrcAS)[0], 15169);
    assert_int_equal(BATCH_U8(batch, RouteSrcMask)[0], 24);
    assert_int_equal(BATCH_U32(batch, RouteDstAS)[0], 15169);
    assert_int_equal(BATCH_U8(batch, RouteDstMask)[0], 25);
    assert_true(ip_eq(BATCH_IP(batch, RouteNextHop)[0], t_ip("10.0.0.3")));
    struct span *p = BATCH_SPAN(batch, DstASPath), *c = BATCH_SPAN(batch, DstCommunities);
    assert_int_equal(p[0].n, 4);
    assert_memory_equal(batch->pool32 + p[0].at, path, sizeof path);
    assert_int_equal(p[1].n, 2); /* the flow's own path stays */
    assert_int_equal(c[1].n, 1);
    assert_int_equal(batch->pool32[c[1].at], communities[0]);
    assert_int_equal(p[2].n, 0);
    assert_int_equal(BATCH_U32(batch, RouteDstAS)[2], 0);
    assert_int_equal(v.missing[0], 1);
    snapshot_reader_off();
    enrich_route.scratch_free(scratch);
    enrich_route.cache_free(cache);
    batch_free(batch);
    intern_fini(&strings);
    close(fd);
    station_stop(r.station);
    buf_fini(&b);
}

/* Who sent a flow, what it says of its VRFs, and the AS that its addresses have; want_src 0: the same. */
struct vrf_case {
    const char *exporter, *name;
    uint32_t in_vrf, out_vrf, want;
    const char *in_name, *out_name;
    uint32_t want_src;
};

static void flows_get(const struct rig *r, const struct vrf_case *cases, uint32_t n)
{
    struct schema schema;
    struct intern strings;
    struct edges edges;
    schema_default(&schema);
    intern_init(&strings);
    edges_init(&edges);
    void *scratch = enrich_route.scratch_new(), *cache = enrich_route.cache_new();
    struct view v = {
        .schema = &schema, .strings = &strings, .edges = &edges, .scratch = {scratch}, .cache = {cache}};
    struct batch *batch = batch_new();
    batch->n = n;
    for (uint32_t i = 0; i < n; i++) {
        BATCH_IP(batch, ExporterAddress)[i] = t_ip(cases[i].exporter);
        BATCH_IP(batch, SrcAddr)[i] = BATCH_IP(batch, DstAddr)[i] = t_ip("203.0.113.9");
        BATCH_U32(batch, IngressVRFID)[i] = cases[i].in_vrf;
        BATCH_U32(batch, EgressVRFID)[i] = cases[i].out_vrf;
        if (cases[i].in_name)
            BATCH_U32(batch, IngressVRFName)[i] = intern(&strings, str_from(cases[i].in_name));
        if (cases[i].out_name)
            BATCH_U32(batch, EgressVRFName)[i] = intern(&strings, str_from(cases[i].out_name));
        uint32_t edge = edges_add(&edges, t_ip(cases[i].exporter), i, i, 0);
        edges.rows[edge].v[0] = intern(&strings, str_from(cases[i].name));
        BATCH_U32(batch, Edge)[i] = edge;
    }
    snapshot_reader_on();
    v.snapshot[0] = snapshot_get(&r->view).data;
    enrich_route.fill(batch, &v, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t src = cases[i].want_src ? cases[i].want_src : cases[i].want;
        uint32_t got = BATCH_U32(batch, RouteDstAS)[i], got_src = BATCH_U32(batch, RouteSrcAS)[i];
        if (got != cases[i].want || got_src != src)
            fail_msg("case %u: AS %u and %u", i, got, got_src);
    }
    snapshot_reader_off();
    enrich_route.scratch_free(scratch);
    enrich_route.cache_free(cache);
    batch_free(batch);
    edges_fini(&edges);
    intern_fini(&strings);
}

static const struct vrf_case by_number[] = {
    {"192.0.2.77", "", 0, 0, 1},      {"192.0.2.99", "", 0, 0, 2},     {"172.16.0.1", "edge2", 0, 0, 2},
    {"172.16.0.2", "EDGE1", 0, 0, 1}, {"172.16.0.3", "", 0, 0, 2},     {"192.0.2.77", "", 7, 0, 3},
    {"192.0.2.77", "", 0, 7, 3},      {"172.16.0.2", "edge1", 7, 0, 1}};
static const struct vrf_case by_name[] = {
    {"192.0.2.77", "", 0, 0, 3, "red", NULL},
    {"192.0.2.77", "", 0, 0, 3, NULL, "red"},
    {"192.0.2.99", "", 0, 0, 4, "red", NULL}, /* another VRF for another router */
    {"172.16.0.2", "edge1", 0, 0, 3, "red", NULL},
    {"192.0.2.77", "", 0, 0, 1, "Red", NULL},
    {"192.0.2.77", "", 0, 0, 1, "re", NULL},
    {"192.0.2.77", "", 0, 0, 1, "global", NULL},
    {"192.0.2.77", "", 0, 0, 1, "red", "gone", 3}, /* it leaves by another one */
    {"192.0.2.99", "", 0, 0, 2, "red", "global", 4},
    {"172.16.0.3", "", 0, 0, 2, "red", NULL},   /* no router that told of it */
    {"192.0.2.99", "", 7, 0, 3, "red", NULL},   /* the number is configured */
    {"192.0.2.77", "", 9, 10, 3, "red", "red"}, /* these are not */
};

/* Two routers with other routes for the same prefix, some of them in VRFs. */
static void hello_of_two(struct rig *r, int fd[2])
{
    struct buf b;
    uint32_t paths[5][2] = {{0}, {65001, 1}, {65001, 2}, {65001, 3}, {65001, 4}};
    struct t_route route = {.announced = "203.0.113.0/24", .next_hop = "10.0.0.2", .n_path = 2};
    struct t_peer in_vrf = peer4,
                  loc = {.type = 3, .rd = 0x0000fde800000008, .address = "0.0.0.0", .as = 65000};
    in_vrf.type = 1;
    in_vrf.rd = 0x0000fde800000007;
    buf_init(&b, 0);
    t_initiation(&b, "edge1");
    t_peer_up_vrf(&b, &peer4, "192.0.2.77", 65000, "global");
    route.path = paths[1];
    t_monitoring(&b, &peer4, &route);
    t_peer_up_vrf(&b, &in_vrf, "0.0.0.0", 65000, "red");
    route.path = paths[3];
    route.announced = "203.0.113.0/24 198.51.100.0/24";
    t_monitoring(&b, &in_vrf, &route);
    send_all(fd[0], &b);
    assert_true(comes(r, "198.51.100.1", 3));
    t_initiation(&b, "edge2");
    t_peer_up(&b, &peer4, "192.0.2.99", 65000, 0);
    t_peer_up_vrf(&b, &loc, "0.0.0.0", 65000, "red");
    route.path = paths[4];
    route.announced = "203.0.113.0/24";
    t_monitoring(&b, &loc, &route);
    route.path = paths[2];
    route.announced = "203.0.113.0/25 192.0.2.0/24";
    t_monitoring(&b, &peer4, &route);
    send_all(fd[1], &b);
    assert_true(comes(r, "192.0.2.1", 2));
    assert_true(is_router(r, "192.0.2.77") && is_router(r, "192.0.2.99"));
    buf_fini(&b);
}

static void flows_find_their_router_and_vrf(void **state)
{
    char file[] = "/tmp/weir-station-XXXXXX";
    struct enrich_vrf_conf vrf[] = {{.id = 7, .rd = "65000:7", .exporters = "192.0.2.0/24"}};
    struct rig r;
    close(mkstemp(file));
    unlink(file);
    conf.vrfs = (struct opt_list){1, vrf};
    start(&r, file);
    int fd[2] = {dial(&r), dial(&r)};
    hello_of_two(&r, fd);
    assert_true(says(&r, "{\"name\":\"red\",\"rd\":\"65000:8\"}", 1));
    flows_get(&r, by_number, sizeof by_number / sizeof *by_number);
    flows_get(&r, by_name, sizeof by_name / sizeof *by_name);
    close(fd[0]);
    close(fd[1]);
    station_stop(r.station);
    start(&r, file); /* names outlast it too */
    flows_get(&r, by_name, sizeof by_name / sizeof *by_name);
    station_stop(r.station);
    conf.vrfs = (struct opt_list){0};
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_last_over_a_restart),
        cmocka_unit_test(bad_sessions_end_alone),
        cmocka_unit_test(without_descriptors_sessions_are_refused),
        cmocka_unit_test(who_does_not_go_on_is_ended),
        cmocka_unit_test(half_a_message_is_no_route),
        cmocka_unit_test(a_renamed_router_is_the_one_that_is_there),
        cmocka_unit_test(flows_get_what_routes_say),
        cmocka_unit_test(flows_find_their_router_and_vrf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
