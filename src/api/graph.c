/* graph/line, graph/sankey, graph/table-interval. */
#include "api/answer.h"
#include "base/clock.h"
#include "query/sankey.h"

#define SECOND_NS UINT64_C(1000000000)
enum { LINE_POINTS = 200, SANKEY_POINTS = 20, SETTLED_S = 300, FRESH_S = 10 };

/* A range that ended a while ago does not change any more; one that ends now is good for a moment. */
static uint64_t life(const struct api *api, const struct query_request *q)
{
    uint64_t fresh = FRESH_S * SECOND_NS;
    if (q->end + SETTLED_S < q->now)
        return api->conf->cache_ttl_ns;
    return fresh < api->conf->cache_ttl_ns ? fresh : api->conf->cache_ttl_ns;
}

typedef enum query_result asks(struct query_pool *pool, const struct query_asker *asker,
                               const struct query_request *q, const struct query_tables *t, struct arena *a,
                               struct query_answer *out, struct err *e);

/* The common way: user, cache, JSON, tables, question. */
static void graph(struct http_call *c, const struct request_limits *limits, asks *ask, bool cached)
{
    struct api *api = api_of(c);
    struct query_asker asker = answer_asker(c);
    struct query_answer out = {0};
    struct query_tables tables;
    struct query_request q;
    struct err e = {0};
    if (!answer_user(c) || (cached && answer_cached(c)))
        return;
    json_t *body = answer_body(c);
    if (!body)
        return;
    bool ok =
        request_parse(&q, body, &api->schema, limits, (uint32_t)(clock_wall_ns() / SECOND_NS), &c->arena, &e);
    json_decref(body);
    if (!ok) {
        http_reply_error(c, 400, "%s", e.msg);
        return;
    }
    enum query_result r = catalog_get(api->catalog, &asker, &tables, &e);
    if (r == QUERY_OK)
        r = ask(api->pool, &asker, &q, &tables, &c->arena, &out, &e);
    if (r == QUERY_OK)
        answer_send(c, &out, cached ? life(api, &q) : 0);
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
    plan_make(&p, t, q->start, q->end, q->points, request_main_only(q));
    out->json = json_pack("{s:s, s:I}", "table", p.table->name, "interval", (json_int_t)p.interval);
    return QUERY_OK;
}

void graph_table_interval(struct http_call *c)
{
    graph(c, &(struct request_limits){rows_limit(c), LINE_POINTS, 0}, table_interval, false);
}
