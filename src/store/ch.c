/* Statements go by POST, inserts with the statement in the URL and the block as the body. */
#include "store/ch.h"
#include "conf/shared.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/encoding.h"
#include "store/exception.h"
#include <stdio.h>
#include <stdlib.h>

enum { INSERT_TIMEOUT_S = 120, QUERY_TIMEOUT_S = 60 };

static const struct opt ch_rows[] = {
    {"servers", OPT_LIST, OPT_AT(struct ch_conf, servers), .item = OPT_STRING, .def = "[\"127.0.0.1:8123\"]",
     .flags = OPT_ADDRESS,
     .help = "ClickHouse servers as HOST:PORT of their HTTP interface (8123, or 8443 with TLS). A port 9000 "
             "or 9440 is "
             "read as 8123 or 8443."},
    {"database", OPT_STRING, OPT_AT(struct ch_conf, database), .def = "default",
     .help = "Database with the tables."},
    {"username", OPT_STRING, OPT_AT(struct ch_conf, username), .def = "default",
     .help = "User of ClickHouse."},
    {"password", OPT_SECRET, OPT_AT(struct ch_conf, password), .help = "Password of that user."},
    {"cluster", OPT_STRING, OPT_AT(struct ch_conf, cluster),
     .help = "Name of the cluster; when given, tables are replicated and distributed over it."},
    {"max-open-conns", OPT_UINT, OPT_AT(struct ch_conf, max_open_conns), .def = "10", .min = 1, .max = 1000,
     .help = "Connections of one role at the same time."},
    {"dial-timeout", OPT_DURATION, OPT_AT(struct ch_conf, dial_timeout_ns), .def = "5s", .min = 1000000,
     .max = 300ull * 1000000000,
     .help = "How long to wait for a connection before the next server is tried."},
    {"tls", OPT_STRUCT, OPT_AT(struct ch_conf, tls), .sub = &tls_table, .help = "TLS to the servers."},
};
const struct opt_table ch_table = OPT_TABLE("clickhousedb", struct ch_conf, ch_rows);

struct ch {
    struct arena arena;
    const char **urls;
    size_t n, at;
    const char *database;
    const char *headers[4];
    uint64_t dial_timeout_ns;
    struct tls_conf tls;
    struct http_client *http;
    bool far;          /* some server is another machine: blocks go compressed */
    struct buf packed; /* the block on its way */
    int code;
    bool answered;
    struct buf held; /* the end of what a sink is to get: it may be an exception */
    bool (*abandon)(void *arg);
    void *abandon_arg;
};

/* ---- servers */

/* "host:port", "host", "[v6]:port", or with http:// or https:// in front -> a URL without path */
static const char *server_url(struct arena *a, const char *server, bool tls)
{
    struct str s = str_from(server), port = {0};
    const char *scheme = NULL;
    if (str_starts(s, STR("http://")))
        scheme = "http";
    else if (str_starts(s, STR("https://")))
        scheme = "https";
    if (scheme) {
        s.p += strlen(scheme) + 3;
        s.len -= strlen(scheme) + 3;
    }
    while (s.len && s.p[s.len - 1] == '/')
        s.len--;
    for (size_t i = s.len; i-- > 0 && s.p[i] != ']';)
        if (s.p[i] == ':') {
            port = (struct str){s.p + i + 1, s.len - i - 1};
            s.len = i;
            break;
        }
    if (!scheme)
        scheme = tls || str_eq(port, STR("8443")) ? "https" : "http";
    if (port.len == 0)
        port = strcmp(scheme, "https") == 0 ? STR("8443") : STR("8123");
    return arena_printf(a, "%s://%.*s:%.*s", scheme, STR_ARG(s), STR_ARG(port));
}

static const char *copy(struct arena *a, const char *z)
{
    return arena_strdup(a, z ? z : "");
}

static bool is_here(const char *url)
{
    static const char *const hosts[] = {"127.", "localhost:", "[::1]:"};
    const char *host = strstr(url, "://") + 3;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (strncmp(host, hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

struct ch *ch_new(const struct ch_conf *conf)
{
    struct ch *c = xcalloc(1, sizeof *c);
    struct arena *a = &c->arena;
    arena_init(a);
    c->n = conf->servers.n ? conf->servers.n : 1;
    c->urls = arena_array(a, c->n, sizeof *c->urls);
    for (size_t i = 0; i < conf->servers.n; i++)
        c->urls[i] = server_url(a, *OPT_ITEM(conf->servers, const char *, i), conf->tls.enable);
    if (conf->servers.n == 0)
        c->urls[0] = "http://127.0.0.1:8123";
    c->at = clock_mono_ns() / 1000 % c->n;
    c->database = conf->database && conf->database[0] ? arena_strdup(a, conf->database) : "default";
    c->dial_timeout_ns = conf->dial_timeout_ns;
    const char *user = conf->username && conf->username[0] ? conf->username : "default";
    c->headers[0] = arena_printf(a, "X-ClickHouse-User: %s", user);
    c->headers[1] = conf->password && conf->password[0]
                        ? arena_printf(a, "X-ClickHouse-Key: %s", conf->password)
                        : "Accept: */*";
    c->headers[2] = "Content-Type: application/octet-stream";
    c->tls = (struct tls_conf){conf->tls.enable, conf->tls.skip_verify, copy(a, conf->tls.ca_file),
                               copy(a, conf->tls.cert_file), copy(a, conf->tls.key_file)};
    c->http = http_client_new(&c->tls);
    for (size_t i = 0; i < c->n; i++)
        c->far |= !is_here(c->urls[i]);
    return c;
}

void ch_free(struct ch *c)
{
    if (!c)
        return;
    http_client_free(c->http);
    buf_fini(&c->packed);
    buf_fini(&c->held);
    arena_fini(&c->arena);
    free(c);
}

void ch_abandon(struct ch *c, bool (*abandon)(void *arg), void *arg)
{
    c->abandon = abandon;
    c->abandon_arg = arg;
}

int ch_code(const struct ch *c)
{
    return c->code;
}

bool ch_answered(const struct ch *c)
{
    return c->answered;
}

void ch_use(struct ch *c, const char *database)
{
    if (strcmp(c->database, database) != 0)
        c->database = arena_strdup(&c->arena, database);
}

const char *ch_server(const struct ch *c)
{
    return c->urls[c->at];
}

/* ---- texts */

static void url_encode(struct buf *b, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
            (ch && strchr("-._~", ch)))
            buf_u8(b, ch);
        else
            buf_add(b, (char[]){'%', hex[ch >> 4], hex[ch & 15]}, 3);
    }
}

void ch_param(struct buf *settings, const char *name, struct str value)
{
    if (settings->len)
        buf_u8(settings, '&');
    buf_z(settings, name);
    buf_u8(settings, '=');
    url_encode(settings, value);
}

void ch_quote(struct buf *sql, struct str text)
{
    buf_u8(sql, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '\'' || text.p[i] == '\\')
            buf_u8(sql, '\\');
        buf_u8(sql, (uint8_t)text.p[i]);
    }
    buf_u8(sql, '\'');
}

/* ---- asking */

/* Codes with which ClickHouse says "not now" rather than "never". */
static bool is_passing(int code)
{
    static const int passing[] = {
        16,  /* NO_SUCH_COLUMN_IN_TABLE: the orchestrator has not migrated yet */
        60,  /* UNKNOWN_TABLE: likewise */
        81,  /* UNKNOWN_DATABASE: likewise */
        74,  /* CANNOT_READ_FROM_FILE_DESCRIPTOR */
        75,  /* CANNOT_WRITE_TO_FILE_DESCRIPTOR */
        76,  /* CANNOT_OPEN_FILE */
        86,  /* RECEIVED_ERROR_FROM_REMOTE_IO_SERVER: what a dictionary is filled from */
        159, /* TIMEOUT_EXCEEDED */
        173, /* CANNOT_ALLOCATE_MEMORY */
        192, /* UNKNOWN_USER */
        193, /* WRONG_PASSWORD */
        194, /* REQUIRED_PASSWORD */
        198, /* DNS_ERROR */
        201, /* QUOTA_EXCEEDED */
        202, /* TOO_MANY_SIMULTANEOUS_QUERIES */
        203, /* NO_FREE_CONNECTION */
        209, /* SOCKET_TIMEOUT */
        210, /* NETWORK_ERROR */
        218, /* TABLE_IS_DROPPED: being recreated */
        225, /* NO_ZOOKEEPER */
        236, /* ABORTED */
        241, /* MEMORY_LIMIT_EXCEEDED */
        242, /* TABLE_IS_READ_ONLY */
        243, /* NOT_ENOUGH_SPACE */
        252, /* TOO_MANY_PARTS */
        279, /* ALL_CONNECTION_TRIES_FAILED */
        285, /* TOO_FEW_LIVE_REPLICAS */
        286, /* UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE */
        319, /* UNKNOWN_STATUS_OF_INSERT */
        394, /* QUERY_WAS_CANCELLED */
        439, /* CANNOT_SCHEDULE_TASK */
        473, /* DEADLOCK_AVOIDED */
        497, /* ACCESS_DENIED */
        516, /* AUTHENTICATION_FAILED */
        999, /* KEEPER_EXCEPTION */
        /* POCO_EXCEPTION: the network, of a dictionary's source as well */
        1000,
    };
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (passing[i] == code)
            return true;
    return false;
}

static enum ch_failure classify(int status, int code)
{
    if (status == 200 && code == 0)
        return CH_OK;
    if (code)
        return is_passing(code) ? CH_BUSY : CH_PERMANENT;
    if (status == 413)
        return CH_PERMANENT;
    /* not ClickHouse's own words: a proxy in between, a server that starts or stops, or no ClickHouse at all */
    return status >= 500 ? CH_AWAY : CH_BUSY;
}

/* "Code: 60. DB::Exception: ..." in the text, for servers that lost the header on the way. */
static int code_in(struct str text)
{
    static const char prefix[] = "Code: ";
    if (!str_starts(text, STR("Code: ")))
        return 0;
    return atoi(text.p + sizeof prefix - 1);
}

/* ---- answers that fail half-way */

struct sinking {
    struct buf *held;
    const struct ch_query *q;
};

/* Lets through what cannot be part of an exception at the end. */
static bool hold(void *arg, struct str piece)
{
    struct sinking *s = arg;
    buf_str_add(s->held, piece);
    if (s->held->len < 2 * EXCEPTION_MAX)
        return true;
    size_t n = s->held->len - EXCEPTION_MAX;
    if (!s->q->sink(s->q->sink_arg, (struct str){(const char *)s->held->p, n}))
        return false;
    memmove(s->held->p, s->held->p + n, EXCEPTION_MAX);
    s->held->len = EXCEPTION_MAX;
    return true;
}

/*
 * An exception at the end of an answer of status 200: it becomes the error, and is taken off the rows. An answer that came
 * whole and was waited for (no sink) is believed.
 */
static bool failed_half_way(struct ch *c, const struct http_request *req, struct http_answer *ans, bool whole,
                            struct err *e)
{
    struct buf *b = req->sink ? &c->held : &ans->body;
    struct str tail = buf_str(b), text;
    size_t before, skipped = tail.len > EXCEPTION_MAX ? tail.len - EXCEPTION_MAX : 0;
    if (ans->status != 200 || (whole && !req->sink))
        return false;
    tail = (struct str){tail.p + skipped, tail.len - skipped};
    if (!exception_find(tail, ans->exception_tag, &text, &before))
        return false;
    err_set(e, "%.*s", (int)(text.len < 900 ? text.len : 900), text.p);
    c->code = code_in(str_from(e->msg));
    b->len = skipped + before;
    return true;
}

static void say_answer(const struct ch *c, const struct http_answer *ans, struct err *e)
{
    struct str text = str_trim(buf_str(&ans->body));
    if (text.len > 900)
        text.len = 900;
    if (text.len && c->code)
        err_set(e, "%.*s", STR_ARG(text));
    else
        err_set(e, "%s answered %d %.*s", ch_server(c), ans->status, STR_ARG(text));
}

/* One request to the servers in turn; ans->body is the caller's afterwards. */
static enum ch_failure ask(struct ch *c, struct http_request *req, struct str args, struct http_answer *ans,
                           struct err *e)
{
    enum ch_failure f = CH_AWAY;
    struct buf url;
    buf_init(&url, 0);
    *ans = (struct http_answer){0};
    c->code = 0;
    c->answered = false;
    for (size_t tries = 0; tries < c->n; tries++) {
        buf_fini(&ans->body);
        buf_reset(&url);
        buf_printf(&url, "%s/?%.*s", c->urls[c->at], STR_ARG(args));
        buf_u8(&url, 0);
        req->url = (const char *)url.p;
        buf_reset(&c->held);
        bool whole = http_client_do(c->http, req, ans, e);
        c->answered |= ans->status != 0;
        if (failed_half_way(c, req, ans, whole, e)) {
            f = c->code ? classify(200, c->code) : CH_PERMANENT;
        } else if (whole) {
            struct str body = buf_str(&ans->body);
            if (ans->status != 200 && body.len < 1 << 20)
                buf_u8(&ans->body, 0); /* for atoi */
            c->code = ans->exception_code[0] ? atoi(ans->exception_code)
                      : ans->status != 200   ? code_in(body)
                                             : 0;
            ans->body.len = body.len;
            f = classify(ans->status, c->code);
            if (f != CH_OK)
                say_answer(c, ans, e);
        } else if (strchr(e->msg, '?')) {
            /* the URL carries the statement; a message needs only the server */
            char *from = strchr(e->msg, '?'), *to = strstr(from, ": ");
            if (to)
                memmove(from, to, strlen(to) + 1);
        }
        /* rows that a sink got already must not come again */
        if (f != CH_AWAY || (req->sink && ans->status == 200) ||
            (req->abandon && req->abandon(req->abandon_arg)))
            break;
        c->at = (c->at + 1) % c->n;
    }
    buf_fini(&url);
    return f;
}

static struct http_request request(const struct ch *c)
{
    return (struct http_request){
        .method = "POST", .headers = c->headers, .connect_timeout_ns = c->dial_timeout_ns};
}

/* "read_rows":"123" in the summary */
static uint64_t summary_number(const char *summary, const char *key)
{
    const char *at = strstr(summary, key);
    at = at ? at + strlen(key) : "";
    return strtoull(at + strspn(at, "\": "), NULL, 10);
}

enum ch_failure ch_query(struct ch *c, const struct ch_query *q, struct buf *out, struct err *e)
{
    struct http_request req = request(c);
    struct http_answer ans;
    struct buf args;
    buf_init(&args, 0);
    ch_param(&args, "database", str_from(c->database));
    if (q->query_id)
        ch_param(&args, "query_id", str_from(q->query_id));
    if (!q->sink) /* so that a failure half-way is a failure, not a short answer */
        ch_param(&args, "wait_end_of_query", STR("1"));
    if (q->settings && q->settings[0])
        buf_printf(&args, "&%s", q->settings);
    req.body = str_from(q->sql);
    req.timeout_ns = q->timeout_ns ? q->timeout_ns : QUERY_TIMEOUT_S * UINT64_C(1000000000);
    req.abandon = q->abandon;
    req.abandon_arg = q->abandon_arg;
    struct sinking sinking = {&c->held, q};
    req.sink = q->sink ? hold : NULL;
    req.sink_arg = &sinking;
    req.max_reply = (size_t)512 << 20;
    enum ch_failure f = ask(c, &req, buf_str(&args), &ans, e);
    if (q->sink && c->held.len && !q->sink(q->sink_arg, buf_str(&c->held)) && f == CH_OK) {
        err_set(e, "%s: abandoned", ch_server(c));
        f = CH_AWAY;
    }
    if (f == CH_OK && out)
        buf_str_add(out, buf_str(&ans.body));
    if (q->cost)
        *q->cost = (struct ch_cost){summary_number(ans.summary, "\"read_rows\""),
                                    summary_number(ans.summary, "\"read_bytes\"")};
    buf_fini(&ans.body);
    buf_fini(&args);
    return f;
}

enum ch_failure ch_insert(struct ch *c, const char *into, const char *token, struct str data, struct err *e)
{
    struct http_request req = request(c);
    struct http_answer ans;
    struct buf args, sql;
    buf_init(&args, 0);
    buf_init(&sql, 0);
    buf_printf(&sql, "INSERT INTO %s FORMAT Native", into);
    ch_param(&args, "database", str_from(c->database));
    ch_param(&args, "query", buf_str(&sql));
    if (token && token[0]) {
        ch_param(&args, "insert_deduplication_token", str_from(token));
        ch_param(&args, "insert_deduplicate", STR("1"));
        ch_param(&args, "deduplicate_blocks_in_dependent_materialized_views", STR("1"));
    }
    /* waits for nobody else's rows, but for each shard that has some of these; many partitions are no fault when old flows are
     * replayed; merging rows is left to the background, as doing it on insert costs five times the insert */
    ch_param(&args, "async_insert", STR("0"));
    ch_param(&args, "insert_distributed_sync", STR("1"));
    ch_param(&args, "max_partitions_per_insert_block", STR("0"));
    ch_param(&args, "optimize_on_insert", STR("0"));
    req.body = data;
    const char *headers[] = {c->headers[0], c->headers[1], c->headers[2], "Content-Encoding: lz4", NULL};
    buf_reset(&c->packed);
    if (c->far && encoding_pack(ENCODING_LZ4, data, &c->packed)) {
        req.body = buf_str(&c->packed);
        req.headers = headers;
    }
    req.timeout_ns = INSERT_TIMEOUT_S * UINT64_C(1000000000);
    req.abandon = c->abandon;
    req.abandon_arg = c->abandon_arg;
    enum ch_failure f = ask(c, &req, buf_str(&args), &ans, e);
    buf_fini(&ans.body);
    buf_fini(&sql);
    buf_fini(&args);
    return f;
}
