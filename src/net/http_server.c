/*
 * libmicrohttpd calls answer() once when the headers of a request are there, then for each piece of its body, then once
 * more at the end: route and limits are settled at the first call, the handler runs at the last.
 */
#include "net/http_server.h"
#include "base/clock.h"
#include "base/counters.h"
#include "net/encoding.h"
#include "net/http_host.h"
#include "net/http_listen.h"
#include "net/http_route.h"
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DEFAULT_CONNECTIONS = 128,
    DEFAULT_IDLE_S = 60,
    DEFAULT_BODY = 1 << 20,
    THROWN_AWAY = 4 << 20,   /* so much of a body that is refused is read all the same */
    HEADERS_MAX = 256 << 10, /* of one connection: request line and headers; statements may come in the URL */
    STOP_MS = 7000,          /* a role has 10 s for all of it */
    WORTH_PACKING = 1400,    /* a body of one packet stays as it is */
    CLASSES = 5,
};

enum { REQUESTS, MICROSECONDS, COUNTERS };
static const struct counter_def counter_defs[COUNTERS] = {
    {"http_requests_total", "Requests answered.", COUNTER},
    {"http_request_seconds_total", "Time from a request's headers to the end of its answer.", COUNTER_US},
};

struct http_server {
    struct MHD_Daemon *daemon;
    const struct http_routes *tables;
    size_t n;
    struct http_limits limits;
    uint16_t port;
    size_t body_bytes; /* atomic: held by requests now */
    unsigned active;   /* atomic: requests between their headers and the end of their answer */
    pthread_mutex_t lock;
    struct counted {
        const struct http_route *route; /* NULL: none matched */
        struct counters *by_class[CLASSES];
    } * counted;
    size_t n_counted;
};

struct header {
    const char *name, *value;
    struct header *next;
};

struct pull;

struct http_call_impl {
    struct http_call call;
    struct http_server *server;
    struct MHD_Connection *conn;
    const struct http_route *route;
    const char *
        authority; /* of an absolute request target, which comes before Host; NULL: the usual target is a path */
    struct buf body;
    size_t reserved; /* our part of server->body_bytes */
    size_t thrown;   /* bytes read and thrown away after a refusal */
    const char *refusal;
    int refusal_status;
    struct header *headers;
    struct pull *pull;
    bool replied;
    int status;
    uint64_t start_ns;
};

/* ---- counting */

static struct counters *counters_of(struct http_server *s, const struct http_route *route, int status)
{
    int class = status / 100 - 1;
    if (class < 0 || class >= CLASSES)
        class = CLASSES - 1;
    size_t i = 0;
    while (i < s->n_counted && s->counted[i].route != route)
        i++;
    if (i == s->n_counted) {
        s->counted = xrealloc(s->counted, ++s->n_counted * sizeof *s->counted);
        s->counted[i] = (struct counted){.route = route};
    }
    if (!s->counted[i].by_class[class]) {
        char labels[200];
        snprintf(labels, sizeof labels, "path=\"%.120s\",method=\"%.16s\",status=\"%dxx\"",
                 route ? route->path : "none", route ? route->method : "*", class + 1);
        s->counted[i].by_class[class] = counters_new(counter_defs, COUNTERS, labels);
    }
    return s->counted[i].by_class[class];
}

static void count(struct http_call_impl *im)
{
    pthread_mutex_lock(&im->server->lock);
    struct counters *c = counters_of(im->server, im->route, im->status);
    counter_add(c, REQUESTS, 1);
    counter_add(c, MICROSECONDS, (clock_mono_ns() - im->start_ns) / 1000);
    pthread_mutex_unlock(&im->server->lock);
}

/* ---- reading the request */

const char *http_query(struct http_call *c, const char *name)
{
    const char *v = MHD_lookup_connection_value(c->impl->conn, MHD_GET_ARGUMENT_KIND, name);
    if (v)
        return v;
    /* "?name" without "=" reads as empty */
    struct MHD_Connection *conn = c->impl->conn;
    bool there = MHD_lookup_connection_value_n(conn, MHD_GET_ARGUMENT_KIND, name, strlen(name), NULL, NULL);
    return there ? "" : NULL;
}

struct each {
    void (*fn)(void *arg, const char *name, struct str value);
    void *arg;
};

static enum MHD_Result each_value(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t len)
{
    struct each *each = arg;
    each->fn(each->arg, name, (struct str){value ? value : "", value ? len : 0});
    return MHD_YES;
}

void http_query_each(struct http_call *c, void (*fn)(void *arg, const char *name, struct str value),
                     void *arg)
{
    struct each each = {fn, arg};
    MHD_get_connection_values_n(c->impl->conn, MHD_GET_ARGUMENT_KIND, each_value, &each);
}

const char *http_header(struct http_call *c, const char *name)
{
    return MHD_lookup_connection_value(c->impl->conn, MHD_HEADER_KIND, name);
}

struct count {
    const char *name;
    unsigned n;
};

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                    const char *value, size_t len)
{
    struct count *count = arg;
    count->n += strcasecmp(name, count->name) == 0;
    return MHD_YES;
}

bool http_header_twice(struct http_call *c, const char *name)
{
    struct count count = {name, 0};
    MHD_get_connection_values_n(c->impl->conn, MHD_HEADER_KIND, count_header, &count);
    return count.n > 1;
}

const char *http_param(struct http_call *c, const char *name)
{
    return http_route_param(c->impl->route->path, c->path, name, &c->arena);
}

static int base64_value(char ch)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = ch ? strchr(digits, ch) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool http_basic_auth(struct http_call *c, const char **user, const char **password)
{
    const char *h = http_header(c, "Authorization");
    if (!h || strncasecmp(h, "Basic ", 6) != 0)
        return false;
    h += 6 + strspn(h + 6, " ");
    char *plain = arena_alloc(&c->arena, strlen(h) + 1);
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;
    for (; base64_value(*h) >= 0; h++) {
        bits = bits << 6 | (uint32_t)base64_value(*h);
        if ((have += 6) >= 8) {
            have -= 8;
            plain[n++] = (char)(bits >> have);
        }
    }
    char *colon = memchr(plain, ':', n);
    if (!colon || h[strspn(h, "= ")])
        return false;
    *colon = '\0';
    *user = plain;
    *password = colon + 1;
    return true;
}

bool http_gone(const struct http_call *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

/* ---- answering */

void http_reply_header(struct http_call *c, const char *name, const char *value)
{
    struct header *h = ARENA_NEW(&c->arena, struct header);
    *h = (struct header){arena_strdup(&c->arena, name), arena_strdup(&c->arena, value), c->impl->headers};
    c->impl->headers = h;
}

/* What browsers are told with every answer: no guessing of types, no frames, no use by other sites. */
static const char *const always[][2] = {{"X-Content-Type-Options", "nosniff"},
                                        {"X-Frame-Options", "DENY"},
                                        {"Referrer-Policy", "same-origin"},
                                        {"Cross-Origin-Resource-Policy", "same-origin"}};

static void queue(struct http_call *c, int status, const char *content_type, struct MHD_Response *r)
{
    struct http_call_impl *im = c->impl;
    if (im->replied || !r)
        abort(); /* a handler answers exactly once */
    if (content_type)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        MHD_add_response_header(r, always[i][0], always[i][1]);
    if (content_type && strncmp(content_type, "application/json", 16) == 0) /* data: nothing in it may run */
        MHD_add_response_header(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    for (struct header *h = im->headers; h; h = h->next)
        MHD_add_response_header(r, h->name, h->value);
    im->replied = true;
    im->status = status;
    MHD_queue_response(im->conn, (unsigned)status, r);
    MHD_destroy_response(r);
}

static bool packable(const char *content_type)
{
    static const char *const types[] = {"text/", "application/json", "application/javascript", "image/svg",
                                        "application/x-yaml"};
    for (size_t i = 0; content_type && i < sizeof types / sizeof *types; i++)
        if (strncmp(content_type, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

static bool has_header(const struct http_call *c, const char *name)
{
    for (const struct header *h = c->impl->headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}

void http_reply(struct http_call *c, int status, const char *content_type, struct str body)
{
    if (body.len >= WORTH_PACKING && packable(content_type) && !has_header(c, "Content-Encoding")) {
        enum encoding enc = encoding_accepted(http_header(c, "Accept-Encoding"));
        if (enc == ENCODING_LZ4) /* no browser has it */
            enc = ENCODING_GZIP;
        struct buf packed;
        buf_init(&packed, 0);
        http_reply_header(c, "Vary", "Accept-Encoding");
        if (enc != ENCODING_NONE && encoding_pack(enc, body, &packed)) {
            http_reply_header(c, "Content-Encoding", encoding_name(enc));
            http_reply_take(c, status, content_type, &packed);
            return;
        }
        buf_fini(&packed);
    }
    queue(c, status, content_type,
          MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY));
}

void http_reply_take(struct http_call *c, int status, const char *content_type, struct buf *body)
{
    size_t len;
    uint8_t *p = buf_take(body, &len);
    queue(c, status, content_type, MHD_create_response_from_buffer(len, p, MHD_RESPMEM_MUST_FREE));
}

void http_reply_json(struct http_call *c, int status, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    if (!has_header(c, "Cache-Control")) /* it is of now, and often of one user */
        http_reply_header(c, "Cache-Control", "no-store");
    if (text)
        http_reply(c, status, "application/json", str_from(text));
    else /* only when a string is not UTF-8 */
        http_reply_error(c, 500, "the answer cannot be written as JSON");
    free(text);
}

void http_reply_error(struct http_call *c, int status, const char *fmt, ...)
{
    char msg[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    json_t *text = json_string(msg);
    if (!text) { /* cut or quoted in the middle of a character */
        for (char *p = msg; *p; p++)
            if (*p & 0x80)
                *p = '?';
        text = json_string(msg);
    }
    json_t *o = json_object();
    json_object_set_new(o, "message", text);
    http_reply_json(c, status, o);
}

/* A streamed body. done() is told when the call ends, while its arena is still there; the library may drop the body
 * before or after that. */
struct pull {
    struct http_call_impl *im; /* NULL once the call is over */
    long (*read)(void *arg, char *to, size_t room);
    void (*done)(void *arg);
    void *arg;
};

static ssize_t pull_read(void *arg, uint64_t pos, char *to, size_t room)
{
    struct pull *p = arg;
    long n = p->read(p->arg, to, room);
    return n > 0 ? n : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void pull_end(struct pull *p)
{
    if (p->im) {
        p->im->pull = NULL;
        p->im = NULL;
        if (p->done)
            p->done(p->arg);
    }
}

static void pull_free(void *arg)
{
    pull_end(arg);
    free(arg);
}

void http_reply_stream(struct http_call *c, int status, const char *content_type,
                       long (*read)(void *arg, char *to, size_t room), void (*done)(void *arg), void *arg)
{
    if (strcmp(c->method, "HEAD") == 0) { /* the library would send the end of a chunked body */
        if (done)
            done(arg);
        http_reply(c, status, content_type, STR(""));
        return;
    }
    struct pull *p = xmalloc(sizeof *p);
    *p = (struct pull){c->impl, read, done, arg};
    c->impl->pull = p;
    queue(c, status, content_type,
          MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 128 << 10, pull_read, p, pull_free));
}

/* ---- a request's way */

static void refuse(struct http_call_impl *im, int status, const char *why)
{
    if (im->refusal)
        return;
    im->refusal = why;
    im->refusal_status = status;
    buf_fini(&im->body);
}

static bool reserve(struct http_call_impl *im, size_t more)
{
    struct http_server *s = im->server;
    if (__atomic_add_fetch(&s->body_bytes, more, __ATOMIC_RELAXED) > s->limits.bodies) {
        __atomic_sub_fetch(&s->body_bytes, more, __ATOMIC_RELAXED);
        return false;
    }
    im->reserved += more;
    return true;
}

static size_t body_limit(const struct http_call_impl *im)
{
    return im->route && im->route->max_body ? im->route->max_body : DEFAULT_BODY;
}

/* "GET, POST": once each, and HEAD wherever there is GET. */
static const char *add_method(struct http_call *c, const char *allow, const char *method)
{
    const char *more = strcmp(method, "GET") == 0 ? "GET, HEAD" : method;
    if (!allow)
        return more;
    return strstr(allow, method) ? allow : arena_printf(&c->arena, "%s, %s", allow, more);
}

/* The row that takes the rest ("/" and all below) does not take what another row names, for other methods. */
static bool takes_the_rest(const struct http_route *r)
{
    return strcmp(r->path, "/*") == 0;
}

static void find_route(struct http_call_impl *im)
{
    struct http_call *c = &im->call;
    const char *allow = NULL;
    for (size_t t = 0; t < im->server->n && !im->route; t++) {
        const struct http_routes *table = &im->server->tables[t];
        for (size_t i = 0; i < table->n && !im->route; i++) {
            const struct http_route *r = &table->rows[i];
            if (!http_route_match(r->path, c->path) || (allow && takes_the_rest(r)))
                continue;
            if (!http_route_method(r->method, c->method)) {
                allow = add_method(c, allow, r->method);
                continue;
            }
            im->route = r;
            c->arg = table->arg;
        }
    }
    if (im->route)
        return;
    if (allow) {
        http_reply_header(c, "Allow", allow);
        refuse(im, 405, "this method is not served at this path");
    } else {
        refuse(im, 404, "there is nothing at this path");
    }
}

static struct http_call_impl *call_new(struct http_server *s, struct MHD_Connection *conn, const char *path,
                                       const char *method)
{
    struct http_call_impl *im = xcalloc(1, sizeof *im);
    struct http_call *c = &im->call;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->impl = im;
    c->method = method;
    c->path = path;
    c->fd = info ? info->connect_fd : -1;
    arena_init(&c->arena);
    im->server = s;
    im->conn = conn;
    im->start_ns = clock_mono_ns();
    __atomic_add_fetch(&s->active, 1, __ATOMIC_RELAXED);
    return im;
}

/* "http://host/path", as it is written for proxies, means the path (RFC 9112 3.2.2). */
static void take_absolute(struct http_call_impl *im)
{
    static const char scheme[] = "http://";
    struct http_call *c = &im->call;
    if (strncasecmp(c->path, scheme, sizeof scheme - 1) != 0)
        return;
    const char *at = c->path + sizeof scheme - 1, *end = strchrnul(at, '/');
    im->authority = arena_z(&c->arena, (struct str){at, (size_t)(end - at)});
    c->path = *end ? end : "/";
}

static void check_host(struct http_call_impl *im)
{
    const struct http_limits *l = &im->server->limits;
    const char *host = im->authority ? im->authority : http_header(&im->call, "Host");
    if (!im->refusal && host && !http_host_known(host, l->hosts, l->n_hosts))
        refuse(im, 421,
               "this host name is not known here: use an IP address or localhost, or add the name to "
               "http.hosts");
}

struct framing {
    unsigned hosts, lengths, encodings;
    bool odd; /* a name with a space: others may read it without */
};

static enum MHD_Result read_framing(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                    const char *value, size_t len)
{
    struct framing *f = arg;
    f->hosts += strcasecmp(name, "Host") == 0;
    f->lengths += strcasecmp(name, "Content-Length") == 0;
    f->encodings += strcasecmp(name, "Transfer-Encoding") == 0;
    f->odd = f->odd || name[strcspn(name, " \t")];
    return MHD_YES;
}

/*
 * A request whose end or host a proxy in front may see elsewhere than we do carries another one past it, with any user's name
 * (RFC 9112 3.2, 5.1, 6.1, 6.3): it is refused, and its connection closed.
 */
static void check_framing(struct http_call_impl *im, const char *version)
{
    struct http_call *c = &im->call;
    struct framing f = {0};
    const char *encoding = http_header(c, "Transfer-Encoding");
    MHD_get_connection_values_n(im->conn, MHD_HEADER_KIND, read_framing, &f);
    bool host = f.hosts == 1 || (f.hosts == 0 && strcmp(version, "HTTP/1.1") != 0);
    bool end = f.lengths + f.encodings <= 1 && (!encoding || strcasecmp(encoding, "chunked") == 0);
    if (host && end && !f.odd)
        return;
    im->refusal = NULL; /* it comes before any other */
    refuse(im, 400,
           "expected one Host, at most one of Content-Length and Transfer-Encoding: chunked, and no space in "
           "a header's name");
    http_reply_header(c, "Connection", "close");
    http_reply_error(c, 400, "%s", im->refusal);
}

/*
 * Headers are here. Answering now closes the connection after the answer, as the body stays unread: a client that is still
 * sending it would see the reset, and no answer. So a refused body that is bearable is read to its end first.
 */
static void begin(struct http_call_impl *im, const char *version)
{
    struct http_call *c = &im->call;
    take_absolute(im);
    find_route(im);
    const char *length = http_header(c, "Content-Length");
    uint64_t len = 0;
    check_framing(im, version);
    if (im->replied)
        return;
    if (im->server->limits.check_host)
        check_host(im);
    if (!im->refusal && length && (!str_u64(str_from(length), &len) || len > body_limit(im)))
        refuse(im, 413, "the body is larger than this path takes");
    if (!im->refusal && im->route->before)
        im->route->before(c);
    if (!im->replied && im->refusal && len > THROWN_AWAY)
        http_reply_error(c, im->refusal_status, "%s", im->refusal);
}

/* False: the client goes on and on after being refused. */
static bool take(struct http_call_impl *im, const char *data, size_t len)
{
    if (!im->refusal && im->body.len + len > body_limit(im))
        refuse(im, 413, "the body is larger than this path takes");
    if (!im->refusal && !reserve(im, len))
        refuse(im, 503, "too many request bodies at once, try again later");
    if (!im->refusal) {
        buf_add(&im->body, data, len);
        return true;
    }
    im->thrown += len;
    return im->thrown <= THROWN_AWAY || im->thrown <= 2 * body_limit(im);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *conn, const char *url, const char *method,
                              const char *version, const char *data, size_t *len, void **state)
{
    struct http_call_impl *im = *state;
    if (!im) {
        *state = im = call_new(arg, conn, url, method);
        begin(im, version);
        return MHD_YES;
    }
    if (*len > 0) {
        bool more = take(im, data, *len);
        *len = 0;
        return more ? MHD_YES : MHD_NO;
    }
    if (im->replied)
        return MHD_YES;
    struct http_call *c = &im->call;
    c->body = buf_str(&im->body);
    if (im->refusal)
        http_reply_error(c, im->refusal_status, "%s", im->refusal);
    else
        im->route->handler(c);
    if (!im->replied)
        http_reply_error(c, 500, "no answer was given");
    return MHD_YES;
}

static void completed(void *arg, struct MHD_Connection *conn, void **state,
                      enum MHD_RequestTerminationCode how)
{
    struct http_call_impl *im = *state;
    if (!im)
        return;
    if (im->replied)
        count(im);
    if (im->pull)
        pull_end(im->pull);
    __atomic_sub_fetch(&im->server->body_bytes, im->reserved, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&im->server->active, 1, __ATOMIC_RELAXED);
    buf_fini(&im->body);
    arena_fini(&im->call.arena);
    free(im);
    *state = NULL;
}

/* ---- the server */

struct http_server *http_server_new_limited(const char *listen, const struct http_routes *tables, size_t n,
                                            const struct http_limits *limits, struct err *e)
{
    uint16_t port;
    int fd = http_listen("HTTP", listen, &port, e);
    if (fd < 0)
        return NULL;
    struct http_server *s = xcalloc(1, sizeof *s);
    s->tables = tables;
    s->n = n;
    s->limits = *limits;
    s->limits.connections = limits->connections ? limits->connections : DEFAULT_CONNECTIONS;
    s->limits.idle_s = limits->idle_s ? limits->idle_s : DEFAULT_IDLE_S;
    s->limits.stack = limits->stack ? limits->stack : (size_t)1 << 20;
    s->limits.bodies = limits->bodies ? limits->bodies : (size_t)256 << 20;
    s->limits.check_host = limits->check_host && http_listen_is_local(listen);
    s->port = port;
    pthread_mutex_init(&s->lock, NULL);
    s->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0, NULL,
        NULL, answer, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, completed, s,
        MHD_OPTION_CONNECTION_LIMIT, s->limits.connections, MHD_OPTION_CONNECTION_TIMEOUT, s->limits.idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MAX, MHD_OPTION_THREAD_STACK_SIZE,
        s->limits.stack, MHD_OPTION_END);
    if (!s->daemon) {
        err_errno(e, "HTTP on %s", listen);
        close(fd);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
    }
    return s;
}

struct http_server *http_server_new(const char *listen, const struct http_routes *tables, size_t n,
                                    struct err *e)
{
    return http_server_new_limited(listen, tables, n, &(struct http_limits){0}, e);
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    int fd = MHD_quiesce_daemon(s->daemon);
    for (int ms = 0; ms < STOP_MS && __atomic_load_n(&s->active, __ATOMIC_RELAXED) > 0; ms += 10)
        poll(NULL, 0, 10);
    MHD_stop_daemon(s->daemon);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; i < s->n_counted; i++)
        for (int k = 0; k < CLASSES; k++)
            counters_free(s->counted[i].by_class[k]);
    free(s->counted);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
