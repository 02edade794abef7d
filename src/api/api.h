/*
 * api: the console's HTTP interface. Routes are in routes.def, each with a handler in the file of its subject.
 *
 * One struct api for the role; handlers run on many threads and share only what is constant or locks itself.
 */
#pragma once
#include "api/console_conf.h"
#include "api/user.h"
#include "net/http_server.h"
#include "schema/schema.h"
#include "query/catalog.h"

struct saved;
struct cache;
struct names;

struct api {
    const struct console_conf *_Atomic conf; /* replaced as a whole by a reload; the old one stays valid */
    struct schema schema;
    struct query_pool *pool;
    struct catalog *catalog;
    struct cache *cache;
    struct saved *saved;
    struct names *names;
};

/* The tables to hand to the HTTP server, with arg = the struct api: the API first, then the page. */
extern const struct http_route api_routes[];
extern const size_t api_routes_n;

static inline struct api *api_of(struct http_call *c)
{
    return c->arg;
}

#define ROUTE(method, path, handler, doc) http_handler handler;
#include "api/routes.def"
#undef ROUTE
