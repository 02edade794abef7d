/* Role console: the API and the page. */
#include "api/api.h"
#include "api/cache.h"
#include "api/names.h"
#include "api/saved.h"
#include "base/log.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/role.h"
#include <stdio.h>
#include <stdlib.h>

enum { CACHE_BYTES = 64 << 20, CONNECTIONS = 2048 /* browsers keep several open */ };

static bool start(struct role_ctx *c, struct err *e)
{
    const struct config_console *conf = c->conf;
    struct api *api = arena_alloc(c->arena, sizeof *api);
    api->conf = &conf->console;
    if (!schema_init(&api->schema, &conf->schema, e))
        return false;
    api->saved = saved_new(arena_printf(c->arena, "%s/console.sqlite", c->data_dir), &conf->console, e);
    if (!api->saved)
        return false;
    const struct console_conf *own = &conf->console;
    console_conf_try(own, &api->schema);
    api->pool = query_pool_new(
        &conf->clickhouse,
        &(struct query_pool_limits){own->limits.concurrent, own->limits.time_ns, own->limits.memory});
    api->catalog = catalog_new(api->pool);
    api->cache = cache_new(CACHE_BYTES);
    api->names = names_new();
    c->state = api;
    return true;
}

/* What the page shows at first can change while it runs; all else is settled at the start. */
static bool reload(struct role_ctx *c, const void *conf, struct err *e)
{
    const struct config_console *now = conf;
    struct api *api = c->state;
    struct console_conf *next = arena_alloc(c->arena, sizeof *next);
    *next = *api->conf;
    next->visualize = now->console.visualize;
    next->homepage_top_widgets = now->console.homepage_top_widgets;
    next->homepage_graph_filter = now->console.homepage_graph_filter;
    next->homepage_graph_timerange_ns = now->console.homepage_graph_timerange_ns;
    next->dimensions_limit = now->console.dimensions_limit;
    next->reverse_dns = now->console.reverse_dns;
    console_conf_try(next, &api->schema);
    api->conf = next;
    return true;
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    const struct api *api = c->state;
    if (room == 0)
        return 0;
    *out = (struct role_health){.component = "clickhouse", .status = "ok"};
    if (query_pool_trouble(api->pool, out->reason, sizeof out->reason))
        out->status = "warning";
    if (room < 2)
        return 1;
    const char *driver;
    struct err e = {0};
    out[1] = (struct role_health){.component = "database", .status = "ok"};
    if (!saved_answers(api->saved, &driver, &e)) {
        out[1].status = "warning"; /* charts do without */
        snprintf(out[1].reason, sizeof out[1].reason, "%s: %.200s", driver, e.msg);
    }
    return 2;
}

static void stop(struct role_ctx *c)
{
    struct api *api = c->state;
    if (!api)
        return;
    saved_free(api->saved);
    names_free(api->names);
    cache_free(api->cache);
    catalog_free(api->catalog);
    query_pool_free(api->pool);
    c->state = NULL;
}

int cmd_console(int argc, char **argv)
{
    static struct role role = {.name = "console",
                               .summary = "serve the API and the page",
                               .routes = api_routes,
                               .routes_take_state = true,
                               .connections = CONNECTIONS,
                               .start = start,
                               .reload = reload,
                               .health = health,
                               .stop = stop};
    role.conf = config_roles[ROLE_CONSOLE].own;
    role.n_routes = api_routes_n;
    return role_main(&role, argc, argv);
}
