/* Option tables of the console. */
#include "api/console_conf.h"
#include "api/db.h"
#include "base/log.h"
#include "lang/filter.h"
#include "query/request.h"
#include "query/widget.h"

#define SECOND_NS 1000000000ull

static const struct opt_choice graphs[] = {
    {"stacked", GRAPH_STACKED, ""}, {"stacked100", GRAPH_STACKED100, ""}, {"lines", GRAPH_LINES, ""},
    {"grid", GRAPH_GRID, ""},       {"sankey", GRAPH_SANKEY, ""},         {NULL}};

#define VISUALIZE(field) OPT_AT(struct console_visualize_conf, field)
static const struct opt visualize_rows[] = {
    {"graph-type", OPT_ENUM, VISUALIZE(graph_type), "stacked", "Kind of chart.", .choices = graphs},
    {"start", OPT_STRING, VISUALIZE(start), "6 hours ago", "Begin of the time range."},
    {"end", OPT_STRING, VISUALIZE(end), "now", "Its end."},
    {"filter", OPT_STRING, VISUALIZE(filter), "InIfBoundary = external", "Filter."},
    {"dimensions", OPT_LIST, VISUALIZE(dimensions), "[SrcAS]", "Dimensions.", .item = OPT_STRING},
    {"limit", OPT_UINT, VISUALIZE(limit), "10", "Rows shown.", .min = 1},
    {"limit-type", OPT_STRING, VISUALIZE(limit_type), "avg",
     "Which rows are the top: `avg`, `max` or `last`."},
    {"bidirectional", OPT_BOOL, VISUALIZE(bidirectional), "false", "Show both directions."},
    {"previous-period", OPT_BOOL, VISUALIZE(previous_period), "false", "Show the previous period as well."},
};

static bool visualize_check(const void *p, const char **bad_key, struct err *e)
{
    const struct console_visualize_conf *v = p;
    *bad_key = "limit-type";
    return strcmp(v->limit_type, "avg") == 0 || strcmp(v->limit_type, "max") == 0 ||
           strcmp(v->limit_type, "last") == 0 ||
           err_set(e, "must be one of avg, max, last, not \"%s\"", v->limit_type);
}

static const struct opt_table visualize_table = OPT_TABLE(
    "default-visualize-options", struct console_visualize_conf, visualize_rows, .check = visualize_check);

#define USER(field) OPT_AT(struct console_user_conf, field)
static const struct opt headers_rows[] = {
    {"login", OPT_STRING, USER(login), "Remote-User", "Header with the login."},
    {"name", OPT_STRING, USER(name), "Remote-Name", "Header with the name."},
    {"email", OPT_STRING, USER(email), "Remote-Email", "Header with the address."},
    {"logout-url", OPT_STRING, USER(logout_url), "X-Logout-URL", "Header with the page that logs out."},
    {"avatar-url", OPT_STRING, USER(avatar_url), "X-Avatar-URL", "Header with the picture."},
};
static const struct opt_table headers_table = OPT_TABLE("headers", struct console_user_conf, headers_rows);
static const struct opt user_rows[] = {
    {"login", OPT_STRING, USER(login), "__default", "Login; empty: nobody gets in without the header."},
    {"name", OPT_STRING, USER(name), "Default User", "Name."},
    {"email", OPT_STRING, USER(email), "", "Address."},
    {"logout-url", OPT_STRING, USER(logout_url), "", "Page that logs out."},
    {"avatar-url", OPT_STRING, USER(avatar_url), "", "Picture."},
};
static const struct opt_table user_table = OPT_TABLE("default-user", struct console_user_conf, user_rows);

#define AUTH(field) (offsetof(struct console_conf, auth.field) - offsetof(struct console_conf, auth))
static const struct opt auth_rows[] = {
    {"headers", OPT_STRUCT, AUTH(headers), NULL, "Headers of a trusted reverse proxy that say who it is.",
     .sub = &headers_table},
    {"default-user", OPT_STRUCT, AUTH(default_user), NULL, "Who it is without these headers.",
     .sub = &user_table},
    {"logout-url", OPT_STRING, AUTH(logout_url), "",
     "Page that logs out, for whom no header names one; `{{ .Login }}`, `{{ .Name }}` and `{{ .Email }}` "
     "stand for the user."},
    {"avatar-url", OPT_STRING, AUTH(avatar_url), "", "Picture, likewise."},
};
static const struct opt_table auth_table = {
    .name = "auth", .rows = auth_rows, .n = 4, .size = sizeof(((struct console_conf *)0)->auth)};

static const struct opt saved_rows[] = {
    {"description", OPT_STRING, OPT_AT(struct console_saved_filter, description), NULL, "What it is.",
     .flags = OPT_REQUIRED},
    {"content", OPT_STRING, OPT_AT(struct console_saved_filter, content), NULL, "The filter.",
     .flags = OPT_REQUIRED},
};
static const struct opt_table saved_table =
    OPT_TABLE("saved filter", struct console_saved_filter, saved_rows);

static const struct opt_choice drivers[] = {{"sqlite", DB_SQLITE, ""},
                                            {"mysql", DB_MYSQL, "MySQL or MariaDB"},
                                            {"postgresql", DB_POSTGRESQL, ""},
                                            {NULL}};

#define DATABASE(field)                                                                                      \
    (offsetof(struct console_conf, database.field) - offsetof(struct console_conf, database))
static const struct opt database_rows[] = {
    {"driver", OPT_ENUM, DATABASE(driver), "sqlite", "Kind of database.", .choices = drivers},
    {"dsn", OPT_SECRET, DATABASE(dsn), "",
     "Where it is. SQLite: a file; empty: one in the data directory. PostgreSQL: `host=... user=... "
     "password=... dbname=...` or "
     "a URL. MySQL: `user:password@tcp(host:3306)/name`."},
    {"saved-filters", OPT_LIST, DATABASE(saved_filters), NULL, "Filters that all users have.",
     .item = OPT_STRUCT, .sub = &saved_table},
};
static const struct opt_table database_table = {
    .name = "database", .rows = database_rows, .n = 3, .size = sizeof(((struct console_conf *)0)->database)};

#define LIMITS(field) (offsetof(struct console_conf, limits.field) - offsetof(struct console_conf, limits))
static const struct opt limits_rows[] = {
    {"concurrent", OPT_UINT, LIMITS(concurrent), "4",
     "Statements of one user that run at once; more wait. 0: as many as there are connections.", 0, 1000},
    {"time", OPT_DURATION, LIMITS(time_ns), "1m", "How long a statement may take.", SECOND_NS,
     3600 * SECOND_NS},
    {"memory", OPT_SIZE, LIMITS(memory), "0",
     "Memory that a statement may take in the store; 0: the store's own limit."},
};
static const struct opt_table limits_table = {
    .name = "query-limits", .rows = limits_rows, .n = 3, .size = sizeof(((struct console_conf *)0)->limits)};

#define CONSOLE(field) OPT_AT(struct console_conf, field)
static const struct opt console_rows[] = {
    {"url-prefix", OPT_STRING, CONSOLE(url_prefix), "/", "Path below which the console is served."},
    {"default-visualize-options", OPT_STRUCT, CONSOLE(visualize), NULL,
     "What the Visualize page shows at first.", .sub = &visualize_table, .flags = OPT_RELOAD},
    {"homepage-top-widgets", OPT_LIST, CONSOLE(homepage_top_widgets),
     "[src-as, src-port, protocol, src-country, etype]", "Widgets of the home page.", .item = OPT_STRING,
     .flags = OPT_RELOAD},
    {"homepage-graph-filter", OPT_STRING, CONSOLE(homepage_graph_filter), "InIfBoundary = 'external'",
     "Filter of the home page's chart, in SQL.", .flags = OPT_RELOAD},
    {"homepage-graph-timerange", OPT_DURATION, CONSOLE(homepage_graph_timerange_ns), "24h",
     "Time range of the home page's chart.", 60 * SECOND_NS, 366ull * 86400 * SECOND_NS, .flags = OPT_RELOAD},
    {"dimensions-limit", OPT_UINT, CONSOLE(dimensions_limit), "50", "Most rows of a chart.", 10, 1000,
     .flags = OPT_RELOAD},
    {"cache-ttl", OPT_DURATION, CONSOLE(cache_ttl_ns), "3h", "How long answers are kept."},
    {"query-limits", OPT_STRUCT, CONSOLE(limits), NULL,
     "What one user's questions may take. Users without a name of their own count by their address.",
     .sub = &limits_table},
    {"branding", OPT_BOOL, CONSOLE(branding), "false", "Show the logo of the house."},
    {"reverse-dns", OPT_BOOL, CONSOLE(reverse_dns), "true",
     "Tell the name of an address that somebody chose, as this machine's resolver knows it.",
     .flags = OPT_RELOAD},
    {"auth", OPT_STRUCT, CONSOLE(auth), NULL, "Who uses the console.", .sub = &auth_table},
    {"database", OPT_STRUCT, CONSOLE(database), NULL, "Where filters and settings of users are kept.",
     .sub = &database_table},
};

static bool no_widget(const char *name, struct err *e)
{
    struct buf all;
    buf_init(&all, 0);
    widget_names(&all);
    err_set(e, "there is no widget \"%s\"; expected some of %.*s", name, STR_ARG(buf_str(&all)));
    buf_fini(&all);
    return false;
}

static bool console_check(const void *p, const char **bad_key, struct err *e)
{
    const struct console_conf *c = p;
    *bad_key = "homepage-top-widgets";
    for (size_t i = 0; i < c->homepage_top_widgets.n; i++) {
        const char *name = *OPT_ITEM(c->homepage_top_widgets, const char *, i);
        if (!widget_exists(name))
            return no_widget(name, e);
    }
    *bad_key = "default-visualize-options";
    if (c->visualize.limit > c->dimensions_limit)
        return err_set(e, "limit: %llu is more than dimensions-limit, %llu",
                       (unsigned long long)c->visualize.limit, (unsigned long long)c->dimensions_limit);
    *bad_key = "database";
    if (c->database.driver != DB_SQLITE && !c->database.dsn[0])
        return err_set(e, "dsn: it must say where the database is");
    return db_dsn_check((enum db_driver)c->database.driver, c->database.dsn, e);
}

const struct opt_table console_table =
    OPT_TABLE("console", struct console_conf, console_rows, .check = console_check);

static void unusable(const char *key, const char *what, const char *why)
{
    log_warn("console", "what the configuration sets cannot be used", "key", key, "value", what, "reason",
             why, NULL);
}

static void try_filter(const char *key, const char *text, const struct schema *s)
{
    struct arena a;
    struct filter f;
    struct lang_error e;
    arena_init(&a);
    if (!filter_parse(&f, str_from(text), s, &a, &e))
        unusable(key, text, e.message);
    arena_fini(&a);
}

void console_conf_try(const struct console_conf *c, const struct schema *s)
{
    const struct opt_list *dims = &c->visualize.dimensions, *saved = &c->database.saved_filters;
    try_filter("default-visualize-options.filter", c->visualize.filter, s);
    for (size_t i = 0; i < dims->n; i++) {
        const char *name = *OPT_ITEM(*dims, const char *, i);
        enum column col = column_find_nocase(str_from(name));
        if (col == COL_COUNT || !request_dimension(s, col))
            unusable("default-visualize-options.dimensions", name, "this is no dimension here");
    }
    for (size_t i = 0; i < saved->n; i++)
        try_filter("database.saved-filters", OPT_ITEM(*saved, struct console_saved_filter, i)->content, s);
}
