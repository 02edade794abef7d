/*
 * bench_routes: a full Internet table of several peers, as BMP messages: prefixes in the mix of lengths that the real one has,
 * from 75,000 origins, each peer with two sets of attributes for each origin (AS path of 3 to 6, up to six communities). The
 * same each time. One thread.
 */
#pragma once
#include "base/buf.h"
#include "base/ip.h"

struct bench_route {
    struct prefix p;
    uint32_t set; /* origin and variant */
};

/* `n4` of IPv4, then `n6` of IPv6, some of them more than once; to be freed. */
struct bench_route *bench_routes_make(size_t n4, size_t n6);
/* That the session of peer 0, 1 ... of a router begins. */
void bench_routes_peer_up(struct buf *b, unsigned peer);
/* Its routes, or that they are gone. */
void bench_routes_put(struct buf *b, unsigned peer, const struct bench_route *t, size_t n4, size_t n6,
                      bool withdraw);
/* The random numbers that tables are made of. */
uint32_t bench_routes_draw(void);
