/* Datagrams sent to a UDP input come out as they went in, with who sent them, from both families and to all workers. */
#include "rx/udp.h"
#include "base/clock.h"
#include "base/counters.h"
#include "rx/exporters.h"
#include "rx/udp_socket.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct got {
    pthread_mutex_t lock;
    unsigned n, v4, v6, longest;
    uint64_t rx_ns;
    pthread_t thread_of[4]; /* by last byte of the source */
    bool torn;
};

static void take(void *arg, struct dgram *d, size_t n, bool more)
{
    struct got *g = arg;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < n; i++) {
        g->n++;
        g->v4 += ip_is_v4(d[i].src);
        g->v6 += !ip_is_v4(d[i].src);
        g->longest = d[i].len > g->longest ? d[i].len : g->longest;
        g->rx_ns = d[i].rx_ns;
        pthread_t *t = &g->thread_of[d[i].src.b[15] % 4];
        if (*t && !pthread_equal(*t, pthread_self()))
            g->torn = true;
        *t = pthread_self();
    }
    pthread_mutex_unlock(&g->lock);
}

static uint64_t kernel_dropped;

static void dropped(void *arg, uint64_t n)
{
    kernel_dropped += n;
}

static void wait_for(struct got *g, unsigned n)
{
    for (int i = 0; i < 6000; i++) {
        pthread_mutex_lock(&g->lock);
        bool done = g->n >= n;
        pthread_mutex_unlock(&g->lock);
        if (done)
            return;
        usleep(10000);
    }
}

static void send_v4(uint16_t port, const char *from, const void *p, size_t len, unsigned times)
{
    struct sockaddr_in src = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, from, &src.sin_addr);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&src, sizeof src), 0);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(sendto(fd, p, len, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)len);
    close(fd);
}

static void receives_from_both_families(void **state)
{
    struct got g = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct rx_sink sink = {take, dropped, &g};
    struct rx_input_conf in = {
        .decoder = DECODER_NETFLOW, .listen = ":0", .workers = 1, .receive_buffer = 1 << 20};
    struct err e;
    struct rx_udp *u = rx_udp_start(&in, &sink, &e);
    assert_non_null(u);
    uint8_t *big = calloc(1, 65507);
    uint64_t before = clock_wall_ns();
    send_v4(rx_udp_port(u), "127.0.0.9", big, 65507, 1);
    unsigned want = 1;
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(rx_udp_port(u)), .sin6_addr = in6addr_loopback};
    if (fd >= 0 && sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1)
        want++;
    close(fd);
    wait_for(&g, want);
    rx_udp_stop(u);
    free(big);
    assert_int_equal(g.n, want);
    assert_int_equal(g.v4, 1);
    assert_int_equal(g.v6, want - 1);
    assert_int_equal(g.longest, 65507);
    assert_in_range(g.rx_ns, before - 1000000000u, clock_wall_ns() + 1000000000u);
}

static void an_exporter_stays_with_its_worker(void **state)
{
    struct got g = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct rx_sink sink = {take, dropped, &g};
    struct rx_input_conf in = {.decoder = DECODER_NETFLOW, .listen = "127.0.0.1:0", .workers = 4};
    struct err e;
    struct rx_udp *u = rx_udp_start(&in, &sink, &e);
    assert_non_null(u);
    for (unsigned round = 0; round < 10; round++) /* a new source port each time */
        for (unsigned i = 0; i < 4; i++) {
            char from[32];
            snprintf(from, sizeof from, "127.0.0.%u", 4 + i);
            send_v4(rx_udp_port(u), from, "abcd", 4, 5);
        }
    wait_for(&g, 200);
    rx_udp_stop(u);
    assert_int_equal(g.n, 200);
    assert_false(g.torn);
}

/* Each exporter has its own numbers, up to a bound; what is beyond is counted together. */
static void exporters_are_counted(void **state)
{
    struct exporters *x = exporters_new("worker=\"7\"");
    struct buf text;
    uint8_t addr[4] = {10};
    buf_init(&text, 0);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 2000; i++) {
            addr[2] = (uint8_t)(i >> 8);
            addr[3] = (uint8_t)i;
            exporters_count(x, ip_v4(addr), 100);
        }
    counters_render(&text);
    buf_u8(&text, 0);
    const char *z = (const char *)text.p;
    assert_non_null(strstr(z, "exporter_packets_total{worker=\"7\",exporter=\"10.0.3.255\"} 2\n"));
    assert_non_null(strstr(z, "exporter_bytes_total{worker=\"7\",exporter=\"10.0.0.0\"} 200\n"));
    assert_non_null(strstr(z, "exporter_packets_total{worker=\"7\",exporter=\"other\"} 1952\n"));
    buf_fini(&text);
    exporters_free(x);
}

static void sockets_are_handed_down(void **state)
{
    struct rx_input_conf in = {.decoder = DECODER_NETFLOW, .listen = "127.0.0.1:0", .workers = 2};
    struct err e;
    int fds[2];
    struct buf env;
    buf_init(&env, 0);
    assert_true(udp_socket_open(&in, fds, &e));
    udp_socket_env_add(&env, &in, fds);
    buf_u8(&env, 0);
    setenv(UDP_SOCKET_ENV, (char *)env.p, 1);
    assert_int_equal(udp_socket_inherited(&in, 0), fds[0]);
    assert_int_equal(udp_socket_inherited(&in, 1), fds[1]);
    in.workers = 3;
    assert_int_equal(udp_socket_inherited(&in, 2), -1);
    in.workers = 2;
    struct got g = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct rx_sink sink = {take, dropped, &g};
    struct rx_udp *u = rx_udp_start(&in, &sink, &e);
    uint16_t port = rx_udp_port(u);
    rx_udp_stop(u);
    send_v4(port, "127.0.0.1", "kept", 4, 3); /* nobody receives now, but the sockets live */
    u = rx_udp_start(&in, &sink, &e);
    wait_for(&g, 3);
    rx_udp_stop(u);
    assert_int_equal(g.n, 3);
    /* what the kernel drops is told once, not again by each receiver of the same sockets */
    static uint8_t long_one[9000];
    kernel_dropped = 0;
    send_v4(port, "127.0.0.1", long_one, sizeof long_one, 4000);
    for (unsigned round = 0; round < 3; round++) {
        u = rx_udp_start(&in, &sink, &e);
        send_v4(port, "127.0.0.1", "more", 4, 1);
        usleep(50000);
        rx_udp_stop(u);
    }
    assert_true(kernel_dropped + g.n <= 4006);
    close(fds[0]);
    close(fds[1]);
    unsetenv(UDP_SOCKET_ENV);
    buf_fini(&env);
}

static void a_port_in_use_is_said(void **state)
{
    struct rx_input_conf in = {.decoder = DECODER_NETFLOW, .listen = "127.0.0.1:0", .workers = 1};
    struct err e;
    int fd, second;
    assert_true(udp_socket_open(&in, &fd, &e));
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    getsockname(fd, (struct sockaddr *)&sa, &len);
    char listen[32];
    snprintf(listen, sizeof listen, "127.0.0.1:%u", ntohs(sa.sin_port));
    in.listen = listen;
    assert_false(udp_socket_open(&in, &second, &e));
    assert_non_null(strstr(e.msg, "in use"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receives_from_both_families), cmocka_unit_test(an_exporter_stays_with_its_worker),
        cmocka_unit_test(sockets_are_handed_down), cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(exporters_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
