/* Role store: ClickHouse in a process of weir's own. Its threads are confined, so that the role runs the HTTP server. */
#include "store/embedded/embedded.h"
#include "main/commands.h"
#include "main/role.h"
#include <stdio.h>

static bool start(struct role_ctx *c, struct err *e)
{
    const struct embedded_conf conf = {
        .store = c->conf, .data_dir = c->data_dir, .listen = c->http_listen, .more = c->tables, .n_more = 2};
    struct embedded *em = embedded_open(&conf, e);
    __atomic_store_n(&c->state, em,
                     __ATOMIC_RELEASE); /* its own HTTP server may be asking for health already */
    return em != NULL;
}

/* The disk budget can change while it runs; everything else is settled when the engine starts. */
static bool reload(struct role_ctx *c, const void *conf, struct err *e)
{
    const struct store_conf *now = conf;
    embedded_budget(c->state, now->max_size);
    return true;
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    if (room == 0)
        return 0;
    *out = (struct role_health){.component = "store"};
    out->status =
        embedded_health(__atomic_load_n(&c->state, __ATOMIC_ACQUIRE), out->reason, sizeof out->reason);
    return 1;
}

static void stop(struct role_ctx *c)
{
    embedded_close(c->state);
}

static const struct role role = {.name = "store",
                                 .summary = "keep flows: ClickHouse in a process of its own",
                                 .conf = &store_table,
                                 .own_http = true,
                                 .start = start,
                                 .reload = reload,
                                 .health = health,
                                 .stop = stop};

int cmd_store(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
