/*
 * /api/v1: the console's questions for programs. A question is a JSON object, or the same keys as parameters of a GET. Described
 * by openapi.json, which is served as well.
 */
#include "api/v1.h"
#include "api/answer.h"
#include "api/assets.h"
#include "base/clock.h"
#include "query/render.h"
#include "query/sankey.h"
#include <stdio.h>
#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)
enum { LINE_POINTS = 200, SANKEY_POINTS = 20, KEPT_S = 10 };

static uint32_t now_s(void)
{
    return (uint32_t)(clock_wall_ns() / SECOND_NS);
}

/* ---- the question */

static bool is_number(const char *key)
{
    static const char *const numbers[] = {"points", "limit", "truncate-v4", "truncate-v6", "offset"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i]) == 0)
            return true;
    return false;
}

/* What is no UTF-8 is of a kind that no key takes: it is refused, not overlooked. */
static json_t *text_of(struct str s)
{
    json_t *v = json_stringn(s.p, s.len);
    return v ? v : json_real(0);
}

static json_t *list_of(struct str text)
{
    json_t *list = json_array();
    struct str one;
    while (text.len && str_split(&text, ',', &one))
        json_array_append_new(list, text_of(one));
    return list;
}

struct parameters {
    json_t *o;
    const char *twice; /* a name that has one value, and was given two */
};

static void add_parameter(void *arg, const char *name, struct str value)
{
    struct parameters *to = arg;
    json_t *have = json_object_get(to->o, name), *v;
    uint64_t number;
    if (strcmp(name, "format") == 0)
        return;
    if (strcmp(name, "dimensions") == 0 || strcmp(name, "columns") == 0) {
        v = have ? json_copy(have) : json_array();
        json_t *more = list_of(value);
        json_array_extend(v, more);
        json_decref(more);
    } else if (is_number(name) && str_u64(value, &number) && number <= INT64_MAX)
        v = json_integer((json_int_t)number);
    else if (str_eq(value, STR("true")) || str_eq(value, STR("false")))
        v = json_boolean(value.len == 4);
    else
        v = text_of(value);
    to->twice = have && !json_is_array(have) ? name : to->twice;
    json_object_set_new(to->o, name, v);
}

static const char *const chart_keys[] = {
    "start", "end",           "filter",          "limit",       "dimensions",  "points",     "limitType",
    "units", "bidirectional", "previous-period", "truncate-v4", "truncate-v6", "error-band", NULL};
static const char *const flows_keys[] = {"start",   "end",   "filter", "limit",
                                         "columns", "order", "offset", NULL};
static const char *const filter_keys[] = {"filter", NULL};

/* A key that is misspelt would be a question that nobody asked. */
static bool all_known(struct http_call *c, json_t *o, const char *const *keys)
{
    const char *key;
    json_t *v;
    json_object_foreach(o, key, v)
    {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (keys[i])
            continue;
        struct buf all;
        buf_init(&all, 0);
        for (i = 0; keys[i]; i++)
            buf_printf(&all, "%s%s", i ? ", " : "", keys[i]);
        http_reply_error(c, 400, "\"%s\" is no key here: expected some of %.*s", key, STR_ARG(buf_str(&all)));
        buf_fini(&all);
        return false;
    }
    return true;
}

/* The question as an object of these keys, or NULL when answered already. */
static json_t *question(struct http_call *c, const char *const *keys)
{
    bool is_post = strcmp(c->method, "POST") == 0;
    struct parameters p = {.o = is_post ? answer_body(c) : json_object()};
    if (!is_post)
        http_query_each(c, add_parameter, &p);
    if (p.twice)
        http_reply_error(c, 400, "\"%s\" is there twice", p.twice);
    else if (!p.o || all_known(c, p.o, keys))
        return p.o;
    json_decref(p.o);
    return NULL;
}

/* By ?format=, else by Accept. False and 400 answered when it is none of ours. */
static bool format_of(struct http_call *c, enum v1_format *f)
{
    const char *name = http_query(c, "format"), *accept = http_header(c, "Accept");
    *f = V1_JSON;
    if (name) {
        *f = strcmp(name, "csv") == 0 ? V1_CSV : strcmp(name, "jsonl") == 0 ? V1_LINES : V1_JSON;
        if (*f == V1_JSON && strcmp(name, "json") != 0) {
            http_reply_error(c, 400, "\"format\": expected json, csv or jsonl");
            return false;
        }
    } else if (accept && strstr(accept, "text/csv")) {
        *f = V1_CSV;
    } else if (accept && (strstr(accept, "ndjson") || strstr(accept, "jsonl"))) {
        *f = V1_LINES;
    }
    return true;
}

static const char *const types[] = {"application/json; charset=utf-8",
                                    "text/csv; charset=utf-8; header=present", "application/x-ndjson"};

/* True when the cache had the answer. The same question is the same however it is written. */
static bool cached(struct http_call *c, enum v1_format f, const json_t *question)
{
    char *text = json_dumps(question, JSON_COMPACT | JSON_SORT_KEYS);
    const char *key = arena_printf(&c->arena, "%d %s %s", f, c->path, text ? text : "");
    free(text);
    return answer_cached_as(c, key, types[f]);
}

static void reply(struct http_call *c, enum v1_format f, struct buf *text, uint64_t ttl_ns)
{
    buf_u8(text, 0); /* for answer_keep */
    text->len--;
    answer_keep(c, (const char *)text->p, STR(""), ttl_ns);
    http_reply_header(c, "Cache-Control", "no-store");
    http_reply(c, 200, types[f], buf_str(text));
}

/* ---- charts and flows */

struct ask {
    struct http_call *c;
    enum v1_format f;
    json_t *body;
    struct query_asker asker;
    struct query_tables tables;
    struct err e;
};

/* False when answered already. */
static bool begin(struct http_call *c, struct ask *a, const char *const *keys)
{
    *a = (struct ask){.c = c};
    if (!answer_user(c) || !format_of(c, &a->f))
        return false;
    a->asker = answer_asker(c);
    return (a->body = question(c, keys));
}

static void finish(struct ask *a, enum query_result r, struct query_answer *out)
{
    if (r != QUERY_OK)
        answer_failed(a->c, r, &a->e, out);
    buf_fini(&out->sql);
    json_decref(out->json);
}

static void graph(struct http_call *c, bool sankey)
{
    struct api *api = api_of(c);
    const struct request_limits limits = {(unsigned)api->conf->dimensions_limit,
                                          sankey ? SANKEY_POINTS : LINE_POINTS, sankey, 0};
    struct query_answer out = {0};
    struct query_request q;
    struct ask a;
    if (!begin(c, &a, chart_keys))
        return;
    bool ok = request_parse(&q, a.body, &api->schema, &limits, now_s(), &c->arena, &a.e);
    if (!ok)
        http_reply_error(c, 400, "%s", a.e.msg);
    bool done = !ok || cached(c, a.f, a.body);
    json_decref(a.body);
    if (done)
        return;
    enum query_result r = catalog_get(api->catalog, &a.asker, &a.tables, &a.e);
    if (r == QUERY_OK)
        r = (sankey ? sankey_ask : line_ask)(api->pool, &a.asker, &q, &a.tables, &c->arena, &out, &a.e);
    if (r == QUERY_OK) {
        struct buf text;
        buf_init(&text, 0);
        uint64_t life = answer_life(api, out.json, q.end, q.now);
        answer_cost(c, &out);
        (sankey ? v1_sankey : v1_line)(&text, a.f, out.json, &q);
        reply(c, a.f, &text, life);
        buf_fini(&text);
    }
    finish(&a, r, &out);
}

void v1_graph_line(struct http_call *c)
{
    graph(c, false);
}

void v1_graph_sankey(struct http_call *c)
{
    graph(c, true);
}

void v1_flows_list(struct http_call *c)
{
    struct api *api = api_of(c);
    struct query_answer out = {0};
    struct flows_request q;
    struct ask a;
    if (!begin(c, &a, flows_keys))
        return;
    bool ok = flows_parse(&q, a.body, &api->schema, now_s(), &c->arena, &a.e);
    if (!ok)
        http_reply_error(c, 400, "%s", a.e.msg);
    bool done = !ok || cached(c, a.f, a.body);
    json_decref(a.body);
    if (done)
        return;
    enum query_result r = catalog_get(api->catalog, &a.asker, &a.tables, &a.e);
    if (r == QUERY_OK)
        r = flows_ask(api->pool, &a.asker, &q, &a.tables, &out, &a.e);
    if (r == QUERY_OK) {
        struct buf text;
        buf_init(&text, 0);
        answer_cost(c, &out);
        v1_flows(&text, a.f, out.json);
        reply(c, a.f, &text, KEPT_S * SECOND_NS);
        buf_fini(&text);
    }
    finish(&a, r, &out);
}

/* ---- what there is to ask about */

static json_t *operators_of(enum column_kind kind)
{
    json_t *list = json_array();
    for (size_t i = 0; i < operator_count; i++)
        if (operator_first(i, kind))
            json_array_append_new(list, json_string(operator_defs[i].text));
    return list;
}

void v1_columns(struct http_call *c)
{
    const struct schema *s = &api_of(c)->schema;
    if (!answer_user(c))
        return;
    json_t *list = json_array();
    for (unsigned i = 0; i < COL_COUNT; i++) {
        const struct column_def *d = &column_defs[i];
        enum column col = (enum column)i;
        if (!s->enabled[i] || d->flags & COLF_HIDDEN)
            continue;
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:s}", "name", d->name, "kind", flows_kind(col),
                      "type", d->type, "dimension", request_dimension(s, col), "truncatable",
                      !!(d->flags & COLF_TRUNC), "detail_only", s->main_only[i], "operators",
                      filter_column(s, col) ? operators_of(d->kind) : json_array(), "doc", d->doc));
    }
    http_reply_json(c, 200, json_pack("{s:o}", "columns", list));
}

void v1_tables(struct http_call *c)
{
    struct api *api = api_of(c);
    struct query_tables t;
    struct query_answer out = {0};
    struct err e;
    if (!answer_user(c))
        return;
    struct query_asker asker = answer_asker(c);
    enum query_result r = catalog_get(api->catalog, &asker, &t, &e);
    if (r != QUERY_OK) {
        answer_failed(c, r, &e, &out);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < t.n; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:I, s:o, s:o}", "name", t.t[i].name, "resolution",
                                        (json_int_t)t.t[i].resolution_s, "rows", (json_int_t)t.t[i].rows,
                                        "oldest", t.t[i].oldest ? render_time(t.t[i].oldest) : json_null(),
                                        "newest", t.t[i].newest ? render_time(t.t[i].newest) : json_null()));
    http_reply_json(c, 200, json_pack("{s:o}", "tables", list));
}

void v1_filter(struct http_call *c)
{
    struct api *api = api_of(c);
    struct lang_error le;
    struct filter f;
    struct buf sql;
    json_t *body, *reply;
    if (!answer_user(c) || !(body = question(c, filter_keys)))
        return;
    json_t *text = json_object_get(body, "filter");
    if (!json_is_object(body) || (text && !json_is_string(text) && !json_is_null(text))) {
        http_reply_error(c, 400, "\"filter\": expected a text");
        json_decref(body);
        return;
    }
    struct str s =
        json_is_string(text) ? (struct str){json_string_value(text), json_string_length(text)} : STR("");
    buf_init(&sql, 0);
    if (filter_parse(&f, s, &api->schema, &c->arena, &le)) {
        filter_sql(&f, false, &sql);
        reply = json_pack("{s:b, s:s%, s:b, s:[]}", "valid", 1, "sql", sql.p ? (char *)sql.p : "", sql.len,
                          "detail_only", filter_main_only(&f, false), "errors");
    } else {
        reply = json_pack("{s:b, s:s, s:b, s:[{s:s, s:i, s:i, s:I}]}", "valid", 0, "sql", "", "detail_only",
                          0, "errors", "message", le.message, "line", (int)le.line, "column", (int)le.column,
                          "offset", (json_int_t)le.offset);
    }
    json_decref(body);
    buf_fini(&sql);
    http_reply_json(c, 200, reply);
}

void v1_openapi(struct http_call *c)
{
    const struct embed *f = embed_find(doc_files, doc_files_n, "openapi.json");
    if (f)
        assets_reply(c, f, "no-cache");
    else
        http_reply_error(c, 404, "There is no such file.");
}
