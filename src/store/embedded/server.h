/*
 * server: ClickHouse's HTTP interface over an engine.
 *
 * Statements by GET and POST, parameters, settings, users, compressed bodies, errors and headers as ClickHouse's own
 * server has them, so that its clients cannot tell the difference. Each request is a session of the engine of its own.
 * server_new starts threads; everything else is theirs.
 */
#pragma once
#include "net/http_server.h"
#include "store/embedded/engine.h"
#include "store/store_conf.h"

struct server;

/*
 * Borrows all it is given for its life. `password` is the owner's; sizes in conf are bytes, no percents. `more` are
 * further routes, of the role; may be NULL.
 */
struct server *server_new(const struct engine *en, const struct store_conf *conf, const char *listen,
                          const char *password, const struct http_routes *more, size_t n_more, struct err *e);
uint16_t server_port(const struct server *sv);
/* True, and why, while inserts fail for want of space: the last one did, not long ago. */
bool server_trouble(struct server *sv, char *why, size_t room);
/* Refuses new statements, ends queries that run, and inserts that do not end by themselves within 2 s. */
void server_free(struct server *sv);
