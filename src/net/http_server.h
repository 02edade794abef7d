/*
 * http_server: HTTP for every role: metrics and health, the console's API and page, the store's ClickHouse interface.
 *
 * libmicrohttpd with one thread per connection (bounded), so a handler may block. A handler reads the call, then answers
 * exactly once with one of the http_reply functions. Everything of a call lives in its arena and dies with it. Answers of
 * text and JSON are compressed when the client accepts it; browsers are told with each to be careful with it. Requests and their time are counted by route.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>

struct http_call {
    const char *method, *path; /* path is decoded, without query */
    struct str body;           /* whole body, already bounded by the route's limit */
    struct arena arena;
    void *arg;  /* the route table's argument */
    void *user; /* left by the route's `before` for its handler */
    int fd;     /* the connection's socket, to watch for the client going away */
    struct http_call_impl *impl;
};

typedef void http_handler(struct http_call *c);

struct http_route {
    const char *method; /* "GET" also serves HEAD; "*" any */
    const char *path;   /* "/api/v0/x/{name}" (http_param), or "/assets/" followed by "*" for all below */
    http_handler *handler;
    const char *doc;
    size_t max_body; /* 0: 1 MiB */
    /* Called when the headers are there and the body is not; it may answer, and then the body is not read. */
    http_handler *before;
};

struct http_routes {
    const struct http_route *rows;
    size_t n;
    void *arg;
};

/* What outsiders may take; zeros mean the defaults. */
struct http_limits {
    unsigned connections; /* 128 */
    unsigned idle_s;      /* a connection on which nothing moves; 60 */
    size_t bodies;        /* bytes of all request bodies in memory together; 256 MiB */
    size_t stack;         /* bytes of a connection's thread; 1 MiB */
    /*
     * Requests for any other host are refused, when listening on loopback: a page of another site whose name was made to
     * point here would otherwise be let in by the browser (DNS rebinding). IP addresses and localhost are always known.
     */
    bool check_host;
    const char *const *hosts;
    size_t n_hosts;
};

struct http_server;

/*
 * listen: "127.0.0.1:8080", ":8080", "[::1]:8080", or a port 0 for any free one (see http_server_port). Tables are
 * searched in order; no match answers 404 {"message": ...}. The tables must outlive the server.
 */
struct http_server *http_server_new(const char *listen, const struct http_routes *tables, size_t n,
                                    struct err *e);
struct http_server *http_server_new_limited(const char *listen, const struct http_routes *tables, size_t n,
                                            const struct http_limits *limits, struct err *e);
uint16_t http_server_port(const struct http_server *s);
/* Stops accepting, lets calls finish for up to 7 s, then closes their sockets (http_gone) and waits for them. */
void http_server_free(struct http_server *s);

const char *http_query(struct http_call *c, const char *name);  /* NULL when absent */
const char *http_header(struct http_call *c, const char *name); /* without case; NULL when absent */
bool http_header_twice(struct http_call *c, const char *name);  /* and http_header gives the first */
const char *http_param(struct http_call *c, const char *name);  /* of {name} in the route's path */
/* All parameters of the query string, decoded, in order. */
void http_query_each(struct http_call *c, void (*fn)(void *arg, const char *name, struct str value),
                     void *arg);
/* Basic credentials; false when absent. */
bool http_basic_auth(struct http_call *c, const char **user, const char **password);
/* True once the client has closed its side; for long work, from any thread while the handler runs. */
bool http_gone(const struct http_call *c);

/* Headers to add to the answer; before the reply. */
void http_reply_header(struct http_call *c, const char *name, const char *value);
void http_reply(struct http_call *c, int status, const char *content_type,
                struct str body);                                     /* body is copied */
void http_reply_json(struct http_call *c, int status, json_t *value); /* steals value */
/* {"message": "..."} */
void http_reply_error(struct http_call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The buffer's memory becomes the answer; never compressed here. */
void http_reply_take(struct http_call *c, int status, const char *content_type, struct buf *body);
/* Pulls the body: read() fills up to `room` bytes and returns how many, 0 at the end, -1 to break the connection. */
void http_reply_stream(struct http_call *c, int status, const char *content_type,
                       long (*read)(void *arg, char *to, size_t room), void (*done)(void *arg), void *arg);
