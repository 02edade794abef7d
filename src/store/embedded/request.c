/* Parameters of the URL that are not of the interface itself are settings. */
#include "store/embedded/request.h"
#include "net/encoding.h"
#include "store/embedded/frame.h"
#include "store/embedded/guard.h"
#include <stdio.h>

static bool truth(struct str v)
{
    return str_eq(v, STR("1")) || str_eq_nocase(v, STR("true"));
}

bool request_frames(struct http_call *c)
{
    const char *frames = http_query(c, "compress");
    return frames && truth(str_from(frames));
}

/* Accepted and without effect here: there are no sessions, quotas, roles or progress headers. */
static bool is_idle(struct str name)
{
    static const char *const idle[] = {"user",
                                       "password",
                                       "session_id",
                                       "session_timeout",
                                       "session_check",
                                       "close_session",
                                       "quota_key",
                                       "role",
                                       "profile",
                                       "buffer_size",
                                       "stacktrace",
                                       "client_protocol_version",
                                       "add_http_cors_header",
                                       "send_progress_in_http_headers",
                                       "http_headers_progress_interval_ms",
                                       "cancel_http_readonly_queries_on_client_close",
                                       "http_response_buffer_size",
                                       "http_write_exception_in_output_format",
                                       "http_zlib_compression_level",
                                       "wait_end_of_query",
                                       "enable_http_compression",
                                       "default_format",
                                       "database",
                                       "query",
                                       "query_id",
                                       "log_comment",
                                       "compress",
                                       "decompress"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (str_eq(name, str_from(idle[i])))
            return true;
    return false;
}

static void add(struct request *r, struct engine_param *list, size_t *n, size_t room, const char *name,
                struct str value)
{
    if (*n == room) {
        r->too_many = true;
        return;
    }
    list[(*n)++] =
        (struct engine_param){arena_strdup(&r->call->arena, name), arena_str(&r->call->arena, value)};
}

static void on_parameter(void *arg, const char *name, struct str value)
{
    struct request *r = arg;
    struct str n = str_from(name);
    if (str_eq(n, STR("query")))
        r->query = arena_str(&r->call->arena, value);
    else if (str_eq(n, STR("database")))
        r->database = arena_z(&r->call->arena, value);
    else if (str_eq(n, STR("default_format")))
        r->format = arena_z(&r->call->arena, value);
    else if (str_eq(n, STR("query_id")))
        r->query_id = arena_z(&r->call->arena, value);
    else if (str_eq(n, STR("log_comment")))
        r->log_comment = arena_z(&r->call->arena, value);
    else if (str_eq(n, STR("wait_end_of_query")))
        r->whole = truth(value);
    else if (str_eq(n, STR("enable_http_compression")))
        r->packed_answer = truth(value);
    else if (str_starts(n, STR("param_")))
        add(r, r->params, &r->n_params, REQUEST_PARAMS, name + 6, value);
    else if (!is_idle(n))
        add(r, r->settings, &r->n_settings, REQUEST_SETTINGS, name, value);
}

/* The body without its content coding, then without ClickHouse's frames. */
static bool unpack(struct request *r, size_t max_body, int *code, struct err *e)
{
    struct http_call *c = r->call;
    enum encoding enc = encoding_parse(http_header(c, "Content-Encoding"));
    const char *framed = http_query(c, "decompress");
    *code = 48; /* NOT_IMPLEMENTED */
    if (enc == ENCODING_UNKNOWN)
        return err_set(e, "Content-Encoding %s is not supported; use lz4, zstd, gzip or deflate",
                       http_header(c, "Content-Encoding"));
    buf_init(&r->body, max_body);
    *code = 117; /* INCORRECT_DATA */
    if (enc != ENCODING_NONE) {
        if (!encoding_unpack(enc, c->body, &r->body, e))
            return false;
        c->body = buf_str(&r->body);
    }
    if (framed && truth(str_from(framed))) {
        struct buf packed = r->body;
        buf_init(&r->body, max_body);
        bool ok = frame_unpack(c->body, &r->body, e);
        buf_fini(&packed);
        c->body = buf_str(&r->body);
        return ok;
    }
    return true;
}

static struct str concat(struct arena *a, struct str x, const char *between, struct str y)
{
    size_t n = strlen(between);
    char *p = arena_alloc(a, x.len + n + y.len);
    memcpy(p, x.p, x.len);
    memcpy(p + x.len, between, n);
    memcpy(p + x.len + n, y.p ? y.p : "", y.len);
    return (struct str){p, x.len + n + y.len};
}

/* The query of the URL and the body are one text, except that an INSERT in the URL leaves the whole body to its rows. */
static void join(struct request *r)
{
    struct str body = r->call->body;
    if (r->query.len) {
        statement_parse(r->query, &r->st);
        if (r->st.kind == STATEMENT_INSERT || body.len == 0) {
            r->rows = r->st.rows.len ? concat(&r->call->arena, r->st.rows, "", body) : body;
            return;
        }
        body = concat(&r->call->arena, r->query, "\n", body);
    }
    statement_parse(body, &r->st);
    r->rows = r->st.rows;
}

bool request_read(struct request *r, struct http_call *c, size_t max_body, int *code, struct err *e)
{
    *r = (struct request){.call = c, .reader = c->user != NULL};
    r->frames = request_frames(c);
    r->get = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
    http_query_each(c, on_parameter, r);
    const char *h;
    if ((!r->database || !r->database[0]) && (h = http_header(c, "X-ClickHouse-Database")))
        r->database = h;
    if ((!r->format || !r->format[0]) && (h = http_header(c, "X-ClickHouse-Format")))
        r->format = h;
    if (!r->query_id && (h = http_header(c, "X-ClickHouse-Query-Id")))
        r->query_id = h;
    *code = 36; /* BAD_ARGUMENTS */
    if (r->too_many)
        return err_set(e, "more than %d settings or %d parameters", REQUEST_SETTINGS, REQUEST_PARAMS);
    if (!unpack(r, max_body, code, e))
        return false;
    join(r);
    return true;
}

void request_fini(struct request *r)
{
    buf_fini(&r->body);
}
