/* widget: the small answers of the home page. One request, one thread; JSON to the caller as in line.h. */
#pragma once
#include "query/line.h"

struct widget_ask {
    struct query_pool *pool;
    const struct query_asker *asker;
    const struct schema *schema;
    const struct query_tables *tables;
    struct arena *arena;
    uint32_t now;
};

/* All columns of the latest flow; {} when there is none. */
enum query_result widget_flow_last(const struct widget_ask *w, struct query_answer *out, struct err *e);
enum query_result widget_flow_rate(const struct widget_ask *w, struct query_answer *out, struct err *e);
enum query_result widget_exporters(const struct widget_ask *w, struct query_answer *out, struct err *e);
/* QUERY_FAILED with an empty message: no such widget. */
enum query_result widget_top(const struct widget_ask *w, const char *name, struct query_answer *out,
                             struct err *e);
bool widget_exists(const char *name);
/* All names of tops, for a message. */
void widget_names(struct buf *out);
/* Traffic over the last `range_s` seconds. `filter`: in the filter language, or SQL. */
enum query_result widget_graph(const struct widget_ask *w, const char *filter, uint32_t range_s,
                               struct query_answer *out, struct err *e);

/*
 * A filter of the configuration as it can be used now: the text, or "" with a note while it asks for a boundary and no
 * interface has one. Then everything would be left out, and a first look at one's own network would be empty.
 */
const char *widget_usable_filter(const char *filter, const struct query_tables *t, const char **note);
