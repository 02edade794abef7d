/* The home page's widgets and the page's configuration. */
#include "query/widget.h"
#include "api/answer.h"
#include "base/clock.h"

#define SECOND_NS UINT64_C(1000000000)

/* False when the answer is given already, from the cache or as an error. */
static bool begin(struct http_call *c, struct widget_ask *w, struct query_asker *asker,
                  struct query_tables *tables)
{
    struct api *api = api_of(c);
    struct query_answer out = {0};
    struct err e = {0};
    if (!answer_user(c) || answer_cached(c))
        return false;
    *asker = answer_asker(c);
    *w = (struct widget_ask){.pool = api->pool,
                             .asker = asker,
                             .schema = &api->schema,
                             .tables = tables,
                             .arena = &c->arena,
                             .now = (uint32_t)(clock_wall_ns() / SECOND_NS)};
    enum query_result r = catalog_get(api->catalog, asker, tables, &e);
    if (r != QUERY_OK)
        answer_failed(c, r, &e, &out);
    return r == QUERY_OK;
}

/* Nothing yet: the first flows should show at once, so such an answer is kept for a second only. */
static bool is_empty(json_t *answer)
{
    const char *key;
    json_t *v;
    if (json_object_size(answer) == 0)
        return true;
    json_object_foreach(answer, key, v) if ((strcmp(key, "top") == 0 || strcmp(key, "exporters") == 0 ||
                                             strcmp(key, "data") == 0) &&
                                            json_array_size(v) == 0) return true;
    return json_real_value(json_object_get(answer, "rate")) == 0 && json_object_get(answer, "rate");
}

static void end(struct http_call *c, enum query_result r, struct query_answer *out, const struct err *e,
                unsigned ttl_s)
{
    if (r == QUERY_OK)
        answer_send(c, out, (is_empty(out->json) ? 1 : ttl_s) * SECOND_NS);
    else
        answer_failed(c, r, e, out);
}

typedef enum query_result plain(const struct widget_ask *w, struct query_answer *out, struct err *e);

static void plain_widget(struct http_call *c, plain *ask, unsigned ttl_s)
{
    struct widget_ask w;
    struct query_asker asker;
    struct query_tables tables;
    struct query_answer out = {0};
    struct err e = {0};
    if (!begin(c, &w, &asker, &tables))
        return;
    enum query_result r = ask(&w, &out, &e);
    end(c, r, &out, &e, ttl_s);
}

void widget_get_flow_last(struct http_call *c)
{
    plain_widget(c, widget_flow_last, 5);
}

void widget_get_flow_rate(struct http_call *c)
{
    plain_widget(c, widget_flow_rate, 5);
}

void widget_get_exporters(struct http_call *c)
{
    plain_widget(c, widget_exporters, 30);
}

void widget_get_top(struct http_call *c)
{
    struct widget_ask w;
    struct query_asker asker;
    struct query_tables tables;
    struct query_answer out = {0};
    struct err e = {0};
    const char *name = http_param(c, "name");
    if (!widget_exists(name)) {
        http_reply_error(c, 404, "There is no such widget.");
        return;
    }
    if (!begin(c, &w, &asker, &tables))
        return;
    enum query_result r = widget_top(&w, name, &out, &e);
    end(c, r, &out, &e, 30);
}

void widget_get_graph(struct http_call *c)
{
    const struct console_conf *conf = api_of(c)->conf;
    struct widget_ask w;
    struct query_asker asker;
    struct query_tables tables;
    struct query_answer out = {0};
    struct err e = {0};
    if (!begin(c, &w, &asker, &tables))
        return;
    uint32_t range_s = (uint32_t)(conf->homepage_graph_timerange_ns / SECOND_NS);
    enum query_result r = widget_graph(&w, conf->homepage_graph_filter, range_s, &out, &e);
    /* No longer than any answer that ends now: history may still be coming in, from a backlog or the demonstration. */
    end(c, r, &out, &e, 10);
}

/* ---- configuration */

static json_t *texts(const struct opt_list *list)
{
    json_t *out = json_array();
    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(out, json_string(*OPT_ITEM(*list, const char *, i)));
    return out;
}

static json_t *dimensions(const struct schema *s, unsigned flag)
{
    json_t *out = json_array();
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (request_dimension(s, (enum column)c) && (!flag || column_defs[c].flags & flag))
            json_array_append_new(out, json_string(column_defs[c].name));
    return out;
}

static json_t *visualize(const struct console_visualize_conf *v, const char *filter)
{
    static const char *const graphs[] = {"stacked", "stacked100", "lines", "grid", "sankey"};
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o}", "graphType", graphs[v->graph_type], "start", v->start,
                          "end", v->end, "filter", filter, "dimensions", texts(&v->dimensions));
    json_t *rest =
        json_pack("{s:I, s:s, s:b, s:b}", "limit", (json_int_t)v->limit, "limitType", v->limit_type,
                  "bidirectional", v->bidirectional, "previousPeriod", v->previous_period);
    json_object_update(o, rest);
    json_decref(rest);
    return o;
}

void widget_get_configuration(struct http_call *c)
{
    struct api *api = api_of(c);
    const struct console_conf *conf = api->conf;
    struct query_tables tables = {0};
    const char *note = NULL, *filter = conf->visualize.filter;
    if (!answer_user(c))
        return;
    /* The page must come up, and say what is wrong, when the store is away or hangs. */
    if (catalog_glance(api->catalog, &tables))
        filter = widget_usable_filter(filter, &tables, &note);
    json_t *o = json_pack("{s:s, s:o, s:s?, s:I}", "version", WEIR_VERSION, "defaultVisualizeOptions",
                          visualize(&conf->visualize, filter), "defaultFilterNote", note, "dimensionsLimit",
                          (json_int_t)conf->dimensions_limit);
    json_t *rest = json_pack("{s:o, s:o, s:o, s:b}", "dimensions", dimensions(&api->schema, 0), "truncatable",
                             dimensions(&api->schema, COLF_TRUNC), "homepageTopWidgets",
                             texts(&conf->homepage_top_widgets), "branding", conf->branding);
    json_object_update(o, rest);
    json_decref(rest);
    http_reply_header(c, "Cache-Control", "no-store");
    http_reply_json(c, 200, o);
}
