/* console_conf: section console, but for http, clickhouse and schema. Constant once loaded. */
#pragma once
#include "conf/opt.h"

struct console_visualize_conf {
    int graph_type; /* enum console_graph */
    const char *start, *end, *filter;
    struct opt_list dimensions;
    uint64_t limit;
    const char *limit_type;
    bool bidirectional, previous_period;
};

enum console_graph { GRAPH_STACKED, GRAPH_STACKED100, GRAPH_LINES, GRAPH_GRID, GRAPH_SANKEY };

struct console_user_conf {
    const char *login, *name, *email, *logout_url, *avatar_url;
};

struct console_saved_filter {
    const char *description, *content;
};

struct console_conf {
    const char *url_prefix;
    struct console_visualize_conf visualize;
    struct opt_list homepage_top_widgets;
    const char *homepage_graph_filter; /* SQL */
    uint64_t homepage_graph_timerange_ns;
    uint64_t dimensions_limit, cache_ttl_ns;
    struct {
        uint64_t concurrent, time_ns, memory;
    } limits;
    bool branding, reverse_dns;
    struct {
        struct console_user_conf headers, default_user;
        const char *logout_url, *avatar_url;
    } auth;
    struct {
        int driver;
        const char *dsn;
        struct opt_list saved_filters;
    } database;
};
extern const struct opt_table console_table;

struct schema;
/* Says in the log which filters and dimensions mean nothing with these columns: the page would show an error at once. */
void console_conf_try(const struct console_conf *c, const struct schema *s);
