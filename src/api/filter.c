/* filter/validate and filter/complete. */
#include "api/answer.h"
#include "query/complete.h"

static struct str text_of(json_t *body, const char *key)
{
    json_t *v = json_object_get(body, key);
    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR("");
}

void filter_validate(struct http_call *c)
{
    struct api *api = api_of(c);
    struct lang_error e;
    struct filter f;
    struct buf sql;
    json_t *body, *reply;
    if (!answer_user(c) || !(body = answer_body(c)))
        return;
    const json_t *text = json_object_get(body, "filter");
    if (!json_is_object(body) || (text && !json_is_string(text) && !json_is_null(text))) {
        http_reply_error(c, 400, "\"filter\": expected a text");
        json_decref(body);
        return;
    }
    buf_init(&sql, 0);
    if (filter_parse(&f, text_of(body, "filter"), &api->schema, &c->arena, &e)) {
        filter_sql(&f, false, &sql);
        reply = json_pack("{s:s, s:s%, s:[]}", "message", "ok", "parsed", sql.p ? (char *)sql.p : "", sql.len,
                          "errors");
    } else {
        const char *message =
            arena_printf(&c->arena, "at line %u, position %u: %s", e.line, e.column, e.message);
        json_t *errors = json_pack("[{s:s, s:i, s:i, s:I}]", "message", e.message, "line", (int)e.line,
                                   "column", (int)e.column, "offset", (json_int_t)e.offset);
        reply = json_pack("{s:s, s:s, s:o}", "message", message, "parsed", "", "errors", errors);
    }
    json_decref(body);
    buf_fini(&sql);
    http_reply_json(c, 200, reply);
}

void filter_complete(struct http_call *c)
{
    struct api *api = api_of(c);
    struct query_asker asker;
    struct query_answer out = {0};
    struct query_tables tables = {0};
    struct err e = {0};
    json_t *body;
    if (!answer_user(c) || !(body = answer_body(c)))
        return;
    if (answer_cached(c)) {
        json_decref(body);
        return;
    }
    asker = answer_asker(c);
    struct complete_question q = {
        .what = text_of(body, "what"), .column = text_of(body, "column"), .prefix = text_of(body, "prefix")};
    enum query_result r = QUERY_OK;
    bool values = str_eq(q.what, STR("value"));
    if (values)
        r = catalog_get(api->catalog, &asker, &tables, &e);
    if (r == QUERY_OK)
        r = complete_ask(api->pool, &asker, &api->schema, &tables, &q, &out, &e);
    json_decref(body);
    if (r == QUERY_OK)
        answer_send(c, &out, UINT64_C(60000000000));
    else if (!values)
        answer_refused(c, &e);
    else
        answer_failed(c, r, &e, &out);
}
