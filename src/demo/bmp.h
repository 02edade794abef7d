/*
 * bmp: the demo exporter's BMP speaker (RFC 7854): one peer, its routes, and statistics every now and then.
 *
 * Owns one thread, which connects again whenever the station goes away.
 */
#pragma once
#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "demo/demo_conf.h"

struct demo_bmp;

/* All that is sent when a session begins: initiation, peer up, routes, end of RIB. Also says what is wrong with them. */
bool demo_bmp_opening(const struct demo_bmp_conf *conf, const char *name, struct buf *out, struct err *e);
void demo_bmp_statistics(const struct demo_bmp_conf *conf, uint32_t routes, struct buf *out);

/* `source` is the address to connect from, "" any; conf must outlive it. `counters` has rows BMP_SESSIONS and BMP_ERRORS of
 * demo/counters.def. */
struct demo_bmp *demo_bmp_start(const struct demo_bmp_conf *conf, const char *name, const char *source,
                                struct counters *counters, unsigned sessions, unsigned errors);
void demo_bmp_stop(struct demo_bmp *b);
