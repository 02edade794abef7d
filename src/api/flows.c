/* flows: the rows behind a point of a chart. */
#include "query/flows.h"
#include "api/answer.h"
#include "base/clock.h"

#define SECOND_NS UINT64_C(1000000000)
enum { KEPT_S = 10 };

void flows_list(struct http_call *c)
{
    struct api *api = api_of(c);
    struct query_asker asker;
    struct query_answer out = {0};
    struct query_tables tables;
    struct flows_request q;
    struct err e = {0};
    json_t *body;
    if (!answer_user(c) || !(body = answer_body(c)))
        return;
    asker = answer_asker(c);
    bool ok = flows_parse(&q, body, &api->schema, (uint32_t)(clock_wall_ns() / SECOND_NS), &c->arena, &e);
    json_decref(body);
    if (!ok) {
        http_reply_error(c, 400, "%s", e.msg);
        return;
    }
    if (answer_cached(c))
        return;
    enum query_result r = catalog_get(api->catalog, &asker, &tables, &e);
    if (r == QUERY_OK)
        r = flows_ask(api->pool, &asker, &q, &tables, &out, &e);
    if (r == QUERY_OK)
        answer_send(c, &out, KEPT_S * SECOND_NS);
    else
        answer_failed(c, r, &e, &out);
}
