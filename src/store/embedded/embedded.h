/*
 * embedded: the store as one thing: its directory, its engine on confined threads, its HTTP interface, its disk budget.
 *
 * Once per process, as the engine is. All functions are for the thread that opened it, except embedded_health.
 */
#pragma once
#include "net/http_server.h"
#include "store/store_conf.h"

struct embedded;

struct embedded_conf {
    const struct store_conf *store; /* borrowed for life */
    const char *data_dir, *listen;
    const struct http_routes *more; /* further routes of the same HTTP server */
    size_t n_more;
};

struct embedded *embedded_open(const struct embedded_conf *conf, struct err *e);
uint16_t embedded_port(const struct embedded *em);
void embedded_close(struct embedded *em);
/*
 * "error" (inserts fail for want of space), "warning" (over its disk budget, not confined, or still being opened, when it is
 * NULL: its HTTP server answers before embedded_open() has returned), both with why, or "ok".
 */
const char *embedded_health(struct embedded *em, char *why, size_t room);
void embedded_budget(struct embedded *em,
                     uint64_t max_size); /* bytes or OPT_PERCENT; takes effect at the next look */

/*
 * The owner's password: the configured one, or that of the file `store.password` of the data directory, made (0600) when
 * there is none. Heap.
 */
char *embedded_password(const struct store_conf *conf, const char *data_dir, struct err *e);
