/* Routes are in the configuration, so all messages are made once; a session is those bytes, and then statistics. */
#include "demo/bmp.h"
#include "base/arena.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/thread.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SEND_WITHIN_MS = 10000, V6 = 0x80, UPDATE_ROOM = 3500 };

struct demo_bmp {
    const struct demo_bmp_conf *conf;
    const char *source;
    struct buf opening;
    uint32_t routes;
    pthread_t thread;
    int wake; /* readable: stop */
    struct counters *counters;
    unsigned sessions, errors;
};

/* ---- messages */

static struct ip address(const char *text)
{
    struct ip a = {0};
    ip_parse(str_from(text), &a);
    return a;
}

static size_t begin(struct buf *b, uint8_t type)
{
    size_t at = b->len;
    buf_u8(b, 3);
    buf_be32(b, 0);
    buf_u8(b, type);
    return at;
}

static void end(struct buf *b, size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b->len - at));
    memcpy(b->p + at + 1, &len, sizeof len);
}

/* 16 bytes; IPv4 in the last four (RFC 7854 4.2). */
static void put_address(struct buf *b, struct ip a)
{
    if (!ip_is_v4(a)) {
        buf_add(b, a.b, 16);
        return;
    }
    buf_zero(b, 12);
    buf_add(b, a.b + 12, 4);
}

static void put_peer(struct buf *b, const struct demo_bmp_conf *c)
{
    struct ip peer = address(c->peer_ip);
    buf_u8(b, 0);
    buf_u8(b, ip_is_zero(peer) || ip_is_v4(peer) ? 0 : V6);
    buf_zero(b, 8);
    put_address(b, peer);
    buf_be32(b, (uint32_t)c->peer_asn);
    buf_add(b, peer.b + 12, 4); /* BGP identifier */
    buf_zero(b, 8);
}

static size_t begin_bgp(struct buf *b, uint8_t type)
{
    size_t at = b->len;
    for (int i = 0; i < 16; i++)
        buf_u8(b, 0xff);
    buf_be16(b, 0);
    buf_u8(b, type);
    return at;
}

static void len16(struct buf *b, size_t at, size_t len)
{
    uint16_t v = __builtin_bswap16((uint16_t)len);
    memcpy(b->p + at, &v, sizeof v);
}

static void put_open(struct buf *b, uint64_t as, struct ip id)
{
    size_t at = begin_bgp(b, 1);
    buf_u8(b, 4);
    buf_be16(b, as > UINT16_MAX ? 23456 : (uint16_t)as);
    buf_be16(b, 180);
    buf_add(b, id.b + 12, 4);
    buf_add(b, "\x14\x02\x12\x01\x04\0\1\0\1\x01\x04\0\2\0\1\x41\x04",
            17); /* IPv4 and IPv6 unicast, four-byte AS */
    buf_be32(b, (uint32_t)as);
    len16(b, at + 16, b->len - at);
}

static void put_initiation(struct buf *b, const char *name)
{
    size_t at = begin(b, 4);
    buf_be16(b, 2);
    buf_be16(b, (uint16_t)strlen(name));
    buf_z(b, name);
    end(b, at);
}

static void put_peer_up(struct buf *b, const struct demo_bmp_conf *c)
{
    struct ip local = address(c->local_ip);
    size_t at = begin(b, 3);
    put_peer(b, c);
    put_address(b, local);
    buf_be32(b, 179u << 16 | 34567);
    put_open(b, c->local_asn, local);
    put_open(b, c->peer_asn, address(c->peer_ip));
    end(b, at);
}

static void put_attribute(struct buf *b, uint8_t flags, uint8_t type, const struct buf *value)
{
    buf_u8(b, flags | 0x10);
    buf_u8(b, type);
    buf_be16(b, (uint16_t)value->len);
    buf_add(b, value->p, value->len);
}

/* "a:b" or "a:b:c", as one or three words. */
static bool put_words(struct buf *b, const char *text, unsigned n)
{
    struct str rest = str_from(text), one;
    uint64_t v[3];
    unsigned k = 0;
    uint64_t most = n == 2 ? UINT16_MAX : UINT32_MAX;
    while (k < n && str_split(&rest, ':', &one) && str_u64(one, &v[k]) && v[k] <= most)
        k++;
    if (k < n || rest.len)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (n == 2)
            buf_be16(b, (uint16_t)v[i]);
        else
            buf_be32(b, (uint32_t)v[i]);
    return true;
}

static bool put_list(struct buf *b, const struct opt_list *l, unsigned words, uint8_t type, const char *what,
                     struct err *e)
{
    struct buf value;
    bool good = true;
    buf_init(&value, 0);
    for (size_t i = 0; i < l->n && good; i++) {
        const char *text = *OPT_ITEM(*l, const char *, i);
        good = put_words(&value, text, words) || err_set(e, "\"%s\" is no %s", text, what);
    }
    if (good && value.len)
        put_attribute(b, 0xc0, type, &value);
    buf_fini(&value);
    return good;
}

static bool put_attributes(struct buf *b, const struct demo_route_conf *r, struct err *e)
{
    struct buf path;
    buf_init(&path, 0);
    buf_add(b, "\x40\x01\x01\0", 4); /* ORIGIN IGP */
    if (r->aspath.n) {
        buf_u8(&path, 2);
        buf_u8(&path, (uint8_t)r->aspath.n);
    }
    for (size_t i = 0; i < r->aspath.n; i++)
        buf_be32(&path, (uint32_t)*OPT_ITEM(r->aspath, uint64_t, i));
    put_attribute(b, 0x40, 2, &path);
    buf_fini(&path);
    return put_list(b, &r->communities, 2, 8, "community (65000:100)", e) &&
           put_list(b, &r->large_communities, 3, 32, "large community (65000:1:2)", e);
}

/* One family's prefixes, as MP_REACH_NLRI for both (RFC 4760, RFC 8950). */
static void put_reach(struct buf *b, const struct demo_bmp_conf *c, const struct buf *nlri, bool v6)
{
    struct buf value;
    struct ip peer = address(c->peer_ip);
    bool short_hop = !v6 && ip_is_v4(peer);
    buf_init(&value, 0);
    buf_be16(&value, v6 ? 2 : 1);
    buf_u8(&value, 1);
    buf_u8(&value, short_hop ? 4 : 16);
    buf_add(&value, peer.b + (short_hop ? 12 : 0), short_hop ? 4 : 16);
    buf_u8(&value, 0);
    buf_add(&value, nlri->p, nlri->len);
    put_attribute(b, 0x80, 14, &value);
    buf_fini(&value);
}

static bool put_update(struct buf *b, const struct demo_bmp_conf *c, const struct demo_route_conf *r,
                       const struct buf *nlri, bool v6, struct err *e)
{
    size_t at = begin(b, 0);
    put_peer(b, c);
    size_t bgp = begin_bgp(b, 2);
    buf_be16(b, 0);
    size_t attributes = b->len;
    buf_be16(b, 0);
    bool good = put_attributes(b, r, e);
    put_reach(b, c, nlri, v6);
    len16(b, attributes, b->len - attributes - 2);
    len16(b, bgp + 16, b->len - bgp);
    end(b, at);
    return good && (b->len - at < UINT16_MAX || err_set(e, "its attributes are too long"));
}

static bool put_routes(struct buf *b, const struct demo_bmp_conf *c, const struct demo_route_conf *r,
                       struct err *e)
{
    struct buf nlri[2];
    bool good = r->aspath.n <= UINT8_MAX || err_set(e, "an AS path of more than 255");
    buf_init(&nlri[0], 0);
    buf_init(&nlri[1], 0);
    for (size_t i = 0; i < r->prefixes.n && good; i++) {
        const char *text = *OPT_ITEM(r->prefixes, const char *, i);
        struct prefix p;
        if (!prefix_parse(str_from(text), &p)) {
            good = err_set(e, "\"%s\" is no prefix", text);
            break;
        }
        bool v6 = !ip_is_v4(p.ip);
        unsigned bits = v6 ? p.len : p.len - 96u;
        buf_u8(&nlri[v6], (uint8_t)bits);
        buf_add(&nlri[v6], p.ip.b + (v6 ? 0 : 12), (bits + 7) / 8);
        if (nlri[v6].len > UPDATE_ROOM) {
            good = put_update(b, c, r, &nlri[v6], v6, e);
            buf_reset(&nlri[v6]);
        }
    }
    for (int v6 = 0; v6 < 2; v6++) {
        if (good && nlri[v6].len)
            good = put_update(b, c, r, &nlri[v6], v6, e);
        buf_fini(&nlri[v6]);
    }
    return good;
}

/* RFC 4724 2: all routes are told. */
static void put_end_of_rib(struct buf *b, const struct demo_bmp_conf *c, bool v6)
{
    size_t at = begin(b, 0);
    put_peer(b, c);
    size_t bgp = begin_bgp(b, 2);
    if (v6)
        buf_add(b, "\0\0\0\x06\x80\x0f\x03\0\x02\x01", 10);
    else
        buf_zero(b, 4);
    len16(b, bgp + 16, b->len - bgp);
    end(b, at);
}

bool demo_bmp_opening(const struct demo_bmp_conf *conf, const char *name, struct buf *out, struct err *e)
{
    put_initiation(out, name);
    put_peer_up(out, conf);
    for (size_t i = 0; i < conf->routes.n; i++)
        if (!put_routes(out, conf, OPT_ITEM(conf->routes, struct demo_route_conf, i), e))
            return false;
    put_end_of_rib(out, conf, false);
    put_end_of_rib(out, conf, true);
    return true;
}

/* RFC 7854 4.8: routes in Adj-RIBs-In, type 7. */
void demo_bmp_statistics(const struct demo_bmp_conf *conf, uint32_t routes, struct buf *out)
{
    size_t at = begin(out, 1);
    put_peer(out, conf);
    buf_be32(out, 1);
    buf_be16(out, 7);
    buf_be16(out, 8);
    buf_be64(out, routes);
    end(out, at);
}

/* ---- sessions */

static bool stops(const struct demo_bmp *b, uint64_t ns)
{
    struct pollfd p = {.fd = b->wake, .events = POLLIN};
    return poll(&p, 1, (int)(ns / 1000000u)) > 0;
}

static struct addrinfo *resolve(const char *host_port, const char *default_port)
{
    char host[256];
    snprintf(host, sizeof host, "%s", host_port);
    char *port = strrchr(host, ':'), *name = host;
    if (port && (host[0] == '[' ? port[-1] == ']' : strchr(host, ':') == port))
        *port++ = 0;
    else
        port = NULL;
    if (name[0] == '[') {
        name++;
        name[strcspn(name, "]")] = 0;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    return getaddrinfo(name, port ? port : default_port, &hints, &found) == 0 ? found : NULL;
}

static int dial(const struct demo_bmp *b)
{
    struct addrinfo *to = resolve(b->conf->target, "10179");
    struct addrinfo *from = b->source[0] ? resolve(b->source, "0") : NULL;
    struct timeval patience = {.tv_sec = SEND_WITHIN_MS / 1000};
    int fd = to ? socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* of connect as well */
    if (fd >= 0 &&
        ((from && from->ai_family == to->ai_family && bind(fd, from->ai_addr, from->ai_addrlen) != 0) ||
         connect(fd, to->ai_addr, to->ai_addrlen) != 0)) {
        close(fd);
        fd = -1;
    }
    if (to)
        freeaddrinfo(to);
    if (from)
        freeaddrinfo(from);
    return fd;
}

static bool send_all(int fd, const struct buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->p + at, b->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Until the station goes away, which shows as something to read. False: stop. */
static bool session(struct demo_bmp *b, int fd)
{
    struct pollfd p[2] = {{.fd = b->wake, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    struct buf statistics;
    buf_init(&statistics, 0);
    demo_bmp_statistics(b->conf, b->routes, &statistics);
    int every = b->conf->stats_delay_ns ? (int)(b->conf->stats_delay_ns / 1000000u) : -1;
    bool good = send_all(fd, &b->opening);
    while (good && !p[0].revents && !p[1].revents) {
        int n = poll(p, 2, every);
        if (n == 0)
            good = send_all(fd, &statistics);
        else if (n < 0 && errno != EINTR)
            good = false;
    }
    buf_fini(&statistics);
    return !p[0].revents;
}

static void *run(void *arg)
{
    struct demo_bmp *b = arg;
    bool said = false;
    for (;;) {
        int fd = dial(b);
        if (fd >= 0) {
            counter_add(b->counters, b->sessions, 1);
            said = false;
            bool go_on = session(b, fd);
            close(fd);
            if (!go_on)
                return NULL;
        }
        counter_add(b->counters, b->errors, 1);
        if (!said)
            log_info("demo", "no BMP session; trying again", "target", b->conf->target, NULL);
        said = true;
        if (stops(b, b->conf->retry_after_ns))
            return NULL;
    }
}

struct demo_bmp *demo_bmp_start(const struct demo_bmp_conf *conf, const char *name, const char *source,
                                struct counters *counters, unsigned sessions, unsigned errors)
{
    struct demo_bmp *b = xcalloc(1, sizeof *b);
    struct err e = {""};
    *b = (struct demo_bmp){
        .conf = conf, .source = source, .counters = counters, .sessions = sessions, .errors = errors};
    b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    buf_init(&b->opening, 0);
    demo_bmp_opening(conf, name, &b->opening, &e); /* the configuration's check has done the same */
    for (size_t i = 0; i < conf->routes.n; i++)
        b->routes += (uint32_t)OPT_ITEM(conf->routes, struct demo_route_conf, i)->prefixes.n;
    thread_start(&b->thread, run, b, "demo bmp");
    return b;
}

void demo_bmp_stop(struct demo_bmp *b)
{
    uint64_t one = 1;
    if (!b)
        return;
    if (write(b->wake, &one, sizeof one) == sizeof one)
        pthread_join(b->thread, NULL);
    close(b->wake);
    buf_fini(&b->opening);
    free(b);
}
