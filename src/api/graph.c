/* graph/line, graph/sankey, graph/table-interval. */
#include "api/answer.h"
#include "base/clock.h"
#include "query/sankey.h"
#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)
enum { LINE_POINTS = 200, SANKEY_POINTS = 20 };

typedef enum query_result asks(struct query_pool *pool, const struct query_asker *asker,
                               const struct query_request *q, const struct query_tables *t, struct arena *a,
                               struct query_answer *out, struct err *e);

struct question {
    struct http_call *c;
    struct query_asker asker;
    struct query_request q;
    struct query_tables tables;
    asks *ask;
};

static enum query_result put(struct question *x, struct query_answer *out, struct err *e)
{
    return x->ask(api_of(x->c)->pool, &x->asker, &x->q, &x->tables, &x->c->arena, out, e);
}

/* ---- "?progress": a first look in a line of its own, when the exact answer takes long, then the exact answer */

struct progress {
    struct question x;
    enum { FIRST_LOOK, EXACT, SAID_ALL } stage;
    struct buf line;
    size_t at;
};

static void say(struct progress *p, const char *text)
{
    buf_reset(&p->line);
    p->at = 0;
    buf_z(&p->line, text);
    buf_u8(&p->line, '\n');
}

static void say_failure(struct progress *p, enum query_result r, const struct err *e)
{
    struct buf message;
    buf_init(&message, 0);
    int status = answer_failure(p->x.c, r, e, &message);
    json_t *o = json_pack("{s:i, s:s%}", "status", status, "message", (char *)message.p, message.len);
    char *text = json_dumps(o, JSON_COMPACT);
    say(p, text ? text : "{\"status\":500,\"message\":\"\"}");
    free(text);
    json_decref(o);
    buf_fini(&message);
}

static void next_line(struct progress *p)
{
    struct query_answer out = {0};
    struct err e = {0};
    bool exact = p->stage == EXACT;
    p->stage = exact ? SAID_ALL : EXACT;
    if (!exact && !line_is_slow(&p->x.q, &p->x.tables))
        return;
    p->x.q.coarse = !exact;
    enum query_result r = put(&p->x, &out, &e);
    if (r == QUERY_OK) {
        uint64_t life = answer_life(api_of(p->x.c), out.json, p->x.q.end, p->x.q.now);
        char *text = answer_text(p->x.c, &out);
        if (exact)
            answer_keep(p->x.c, text, buf_str(&out.sql), life);
        say(p, text);
        free(text);
    } else if (exact) {
        say_failure(p, r, &e);
    }
    buf_fini(&out.sql);
}

static long read_progress(void *arg, char *to, size_t room)
{
    struct progress *p = arg;
    while (p->at == p->line.len && p->stage != SAID_ALL)
        next_line(p);
    size_t n = p->line.len - p->at;
    n = n < room ? n : room;
    if (n)
        memcpy(to, p->line.p + p->at, n);
    p->at += n;
    return (long)n;
}

static void end_progress(void *arg)
{
    struct progress *p = arg;
    answer_release(p->x.c);
    buf_fini(&p->line);
}

static void stream(struct question *x)
{
    struct progress *p = ARENA_NEW(&x->c->arena, struct progress);
    *p = (struct progress){.x = *x};
    buf_init(&p->line, 0);
    http_reply_header(x->c, "Cache-Control", "no-store");
    http_reply_stream(x->c, 200, "application/x-ndjson", read_progress, end_progress, p);
}

/* ---- the common way: user, JSON, cache, tables, question */

static bool parse(struct question *x, const struct request_limits *limits)
{
    struct http_call *c = x->c;
    struct err e = {0};
    json_t *body = answer_body(c);
    if (!body)
        return false;
    uint32_t now = (uint32_t)(clock_wall_ns() / SECOND_NS);
    bool ok = request_parse(&x->q, body, &api_of(c)->schema, limits, now, &c->arena, &e);
    json_decref(body);
    if (!ok)
        http_reply_error(c, 400, "%s", e.msg);
    return ok;
}

static void graph(struct http_call *c, const struct request_limits *limits, asks *ask, bool cached)
{
    struct api *api = api_of(c);
    struct question x = {.c = c, .ask = ask};
    struct query_answer out = {0};
    struct err e = {0};
    if (!answer_user(c) || !parse(&x, limits) || (cached && answer_cached(c)))
        return;
    x.asker = answer_asker(c);
    enum query_result r = catalog_get(api->catalog, &x.asker, &x.tables, &e);
    if (r == QUERY_OK && cached && http_query(c, "progress")) {
        stream(&x);
        return;
    }
    if (r == QUERY_OK)
        r = put(&x, &out, &e);
    if (r == QUERY_OK)
        answer_send(c, &out, cached ? answer_life(api, out.json, x.q.end, x.q.now) : 0);
    else
        answer_failed(c, r, &e, &out);
}

static unsigned rows_limit(struct http_call *c)
{
    return (unsigned)api_of(c)->conf->dimensions_limit;
}

void graph_line(struct http_call *c)
{
    graph(c, &(struct request_limits){rows_limit(c), LINE_POINTS, 0}, line_ask, true);
}

void graph_sankey(struct http_call *c)
{
    graph(c, &(struct request_limits){rows_limit(c), SANKEY_POINTS, 1}, sankey_ask, true);
}

static enum query_result table_interval(struct query_pool *pool, const struct query_asker *asker,
                                        const struct query_request *q, const struct query_tables *t,
                                        struct arena *a, struct query_answer *out, struct err *e)
{
    struct plan p;
    plan_make(&p, t, q->start, q->end, q->points, request_detail(q));
    out->json = json_pack("{s:s, s:I}", "table", p.table->name, "interval", (json_int_t)p.interval);
    return QUERY_OK;
}

void graph_table_interval(struct http_call *c)
{
    graph(c, &(struct request_limits){rows_limit(c), LINE_POINTS, 0}, table_interval, false);
}
