/*
 * bmp: one BMP session, from bytes to routes (RFC 7854, 8671, 9069).
 *
 * Knows nothing of sockets. Owned by the station's thread, as is all it changes. A message whose frame cannot be right ends
 * the session, since what follows would be guessed; a BGP message inside that is malformed is dealt with as RFC 7606 wants
 * it and counted.
 */
#pragma once
#include "base/counters.h"
#include "enrich/route/bgp.h"
#include "enrich/route/routers.h"

enum { BMP_MESSAGE_MAX = 1 << 18, BMP_HEADER = 6 };

enum {
#define X(id, name, kind, help) id,
#include "enrich/route/counters.def"
#undef X
    N_BMP_COUNTERS
};
extern const struct counter_def bmp_counter_defs[N_BMP_COUNTERS];

struct bmp_env {
    struct routers *routers;
    uint64_t keep_ns;
    const uint64_t *rds, *rts; /* wanted; none: all */
    size_t n_rds, n_rts;
    bool asns, paths, communities; /* are kept */
    struct bgp_scratch scratch;
};

struct bmp;

/* `counters` is the caller's, by bmp_counter_defs. */
struct bmp *bmp_new(struct bmp_env *env, struct ip router, struct counters *counters);
/* The session is over: its routes are former ones. */
void bmp_free(struct bmp *b);
/* Eats whole messages; *used says how many bytes. False with a reason: the session must end. */
bool bmp_take(struct bmp *b, struct str in, size_t *used, struct err *e);
/* Nobody said who it is yet. */
bool bmp_waits(const struct bmp *b);
uint32_t bmp_router(const struct bmp *b); /* 0: not known yet */
bool bmp_ended(const struct bmp *b);      /* the router itself ended it */
