/* Role console: the API and the page. */
#include "api/api.h"
#include "api/cache.h"
#include "api/saved.h"
#include "base/log.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/role.h"
#include <stdlib.h>

enum { CACHE_BYTES = 64 << 20 };

static bool start(struct role_ctx *c, struct err *e)
{
    const struct config_console *conf = c->conf;
    struct api *api = arena_alloc(c->arena, sizeof *api);
    const char *db = conf->console.database.dsn;
    api->conf = &conf->console;
    if (!schema_init(&api->schema, &conf->schema, e))
        return false;
    api->saved =
        saved_new(db[0] ? db : arena_printf(c->arena, "%s/console.sqlite", c->data_dir), &conf->console, e);
    if (!api->saved)
        return false;
    api->pool = query_pool_new(&conf->clickhouse);
    api->catalog = catalog_new(api->pool);
    api->cache = cache_new(CACHE_BYTES);
    c->state = api;
    return true;
}

static void stop(struct role_ctx *c)
{
    struct api *api = c->state;
    if (!api)
        return;
    saved_free(api->saved);
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
                               .start = start,
                               .stop = stop};
    role.conf = config_roles[ROLE_CONSOLE].own;
    role.n_routes = api_routes_n;
    return role_main(&role, argc, argv);
}
