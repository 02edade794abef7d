/* The messages are made as a router makes them: as many prefixes of one set of attributes as fit into an UPDATE. */
#include "main/bench/routes.h"
#include "base/arena.h"
#include <stdlib.h>

enum { ORIGINS = 75000, VARIANTS = 2, UPDATE_MAX = 3900 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;

uint32_t bench_routes_draw(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1dull >> 32);
}

/* ---- the table */

static uint8_t draw_len(const uint8_t (*mix)[2])
{
    uint32_t r = bench_routes_draw() % 100;
    while (r >= mix[0][1]) {
        r -= mix[0][1];
        mix++;
    }
    return mix[0][0];
}

static struct prefix draw_prefix(bool v6)
{
    /* length, percent */
    static const uint8_t mix4[][2] = {{24, 60}, {23, 10}, {22, 12}, {21, 5}, {20, 5},
                                      {19, 3},  {18, 2},  {16, 2},  {17, 1}};
    static const uint8_t mix6[][2] = {{48, 47}, {32, 13}, {44, 11}, {40, 10}, {36, 6},
                                      {46, 5},  {47, 3},  {42, 3},  {29, 2}};
    struct prefix p = {0};
    if (v6) {
        static const uint8_t first[] = {0x20, 0x24, 0x26, 0x28, 0x2a, 0x2c};
        p.ip.b[0] = first[bench_routes_draw() % 6];
        for (int i = 1; i < 6; i++)
            p.ip.b[i] = (uint8_t)bench_routes_draw();
        p.ip.b[1] &= 0x0f;
        p.len = draw_len(mix6);
    } else {
        uint32_t a = bench_routes_draw();
        uint8_t b[4] = {(uint8_t)(1 + (a >> 24) % 222), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};
        p.ip = ip_v4(b);
        p.len = (uint8_t)(96 + draw_len(mix4));
    }
    p.ip = ip_mask(p.ip, p.len);
    return p;
}

static int by_set(const void *a, const void *b)
{
    const struct bench_route *x = a, *y = b;
    return (x->set > y->set) - (x->set < y->set);
}

struct bench_route *bench_routes_make(size_t n4, size_t n6)
{
    struct bench_route *t = xmalloc((n4 + n6) * sizeof *t);
    for (size_t i = 0; i < n4 + n6; i++) {
        uint32_t skew = bench_routes_draw() % ORIGINS; /* few origins have many prefixes */
        uint32_t origin = bench_routes_draw() % 4 ? skew : skew % 1000;
        if (i >= n4)
            origin %= ORIGINS / 3;
        t[i] = (struct bench_route){draw_prefix(i >= n4), origin * VARIANTS + bench_routes_draw() % VARIANTS};
    }
    qsort(t, n4, sizeof *t, by_set);
    qsort(t + n4, n6, sizeof *t, by_set);
    return t;
}

/* ---- as messages */

static void be16_at(struct buf *b, size_t at, size_t v)
{
    uint16_t x = __builtin_bswap16((uint16_t)v);
    memcpy(b->p + at, &x, sizeof x);
}

static void put_peer(struct buf *b, unsigned peer)
{
    buf_add(b, "\0\0\0\0\0\0\0\0\0\0", 10);
    buf_zero(b, 12);
    buf_be32(b, 0x0a000001u + peer);
    buf_be32(b, 64500 + peer);
    buf_be32(b, 0x0a000001u + peer);
    buf_zero(b, 8);
}

static size_t begin_message(struct buf *b, uint8_t type, unsigned peer)
{
    size_t at = b->len;
    buf_u8(b, 3);
    buf_be32(b, 0);
    buf_u8(b, type);
    put_peer(b, peer);
    return at;
}

static void end_message(struct buf *b, size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b->len - at));
    memcpy(b->p + at + 1, &len, sizeof len);
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

void bench_routes_peer_up(struct buf *b, unsigned peer)
{
    size_t at = begin_message(b, 3, peer);
    buf_zero(b, 20);
    for (int i = 0; i < 2; i++) {
        size_t bgp = begin_bgp(b, 1);
        buf_u8(b, 4);
        buf_be16(b, (uint16_t)(i ? 64500 + peer : 64499));
        buf_be16(b, 180);
        buf_be32(b, 0x0a000001u + (i ? peer : 100));
        buf_u8(b, 0);
        be16_at(b, bgp + 16, b->len - bgp);
    }
    end_message(b, at);
}

/* The path and the communities follow from peer and set alone. */
static void put_attributes(struct buf *b, unsigned peer, uint32_t set)
{
    uint64_t keep = random_state;
    random_state = set * 0x9e3779b97f4a7c15u + peer + 1;
    unsigned n = 3 + bench_routes_draw() % 4, communities = bench_routes_draw() % 7;
    buf_add(b, "\x40\x01\x01\0\x40\x02", 6);
    buf_u8(b, (uint8_t)(2 + 4 * n));
    buf_u8(b, 2);
    buf_u8(b, (uint8_t)n);
    buf_be32(b, 64500 + peer);
    for (unsigned i = 2; i < n; i++)
        buf_be32(b, 1000 + bench_routes_draw() % 500);
    buf_be32(b, 100000 + set / VARIANTS);
    if (communities) {
        buf_add(b, "\xc0\x08", 2);
        buf_u8(b, (uint8_t)(4 * communities));
        for (unsigned i = 0; i < communities; i++)
            buf_be32(b, (1000 + bench_routes_draw() % 50) << 16 | bench_routes_draw() % 200);
    }
    random_state = keep;
}

static void put_nlri(struct buf *b, const struct bench_route *r, bool v6)
{
    unsigned bits = v6 ? r->p.len : r->p.len - 96u;
    buf_u8(b, (uint8_t)bits);
    buf_add(b, r->p.ip.b + (v6 ? 0 : 12), (bits + 7) / 8);
}

/* One message: as many routes of one set as fit. */
static size_t put_update(struct buf *b, unsigned peer, const struct bench_route *r, size_t n, bool v6,
                         bool withdraw)
{
    size_t at = begin_message(b, 0, peer), bgp = begin_bgp(b, 2), i = 0, gone = b->len, attrs, mp = 0;
    buf_be16(b, 0);
    for (; withdraw && !v6 && i < n && b->len - bgp < UPDATE_MAX; i++)
        put_nlri(b, &r[i], v6);
    be16_at(b, gone, b->len - gone - 2);
    attrs = b->len;
    buf_be16(b, 0);
    if (!withdraw)
        put_attributes(b, peer, r->set);
    if (!withdraw && !v6) {
        buf_add(b, "\x40\x03\x04", 3);
        buf_be32(b, 0x0a000001u + peer);
    }
    if (v6) {
        buf_add(b, withdraw ? "\x90\x0f" : "\x90\x0e", 2);
        mp = b->len;
        buf_be16(b, 0);
        buf_add(b, "\0\2\1", 3);
        if (!withdraw) {
            buf_add(b, "\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0", 16);
            buf_u8(b, (uint8_t)peer);
            buf_u8(b, 0);
        }
    }
    size_t body = b->len;
    if (!v6)
        be16_at(b, attrs, b->len - attrs - 2);
    for (; (!withdraw || v6) && i < n && (withdraw || r[i].set == r->set) && b->len - bgp < UPDATE_MAX; i++)
        put_nlri(b, &r[i], v6);
    if (v6) {
        be16_at(b, mp, b->len - mp - 2);
        be16_at(b, attrs, b->len - attrs - 2);
    }
    be16_at(b, bgp + 16, b->len - bgp);
    end_message(b, at);
    return body ? i : 0;
}

void bench_routes_put(struct buf *b, unsigned peer, const struct bench_route *t, size_t n4, size_t n6,
                      bool withdraw)
{
    for (size_t i = 0; i < n4;)
        i += put_update(b, peer, t + i, n4 - i, false, withdraw);
    for (size_t i = n4; i < n4 + n6;)
        i += put_update(b, peer, t + i, n4 + n6 - i, true, withdraw);
}
