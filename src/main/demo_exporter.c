/* Role demo-exporter: one exporter that does not exist, for those who have none at hand. */
#include "demo/exporter.h"
#include "main/commands.h"
#include "main/role.h"

static bool start(struct role_ctx *c, struct err *e)
{
    const struct demo_conf *conf = c->conf;
    const char *name = conf->flows.source[0] ? conf->flows.source : "any";
    c->state = demo_exporter_start(conf, arena_printf(c->arena, "%s/demo-%s.sent", c->data_dir, name), e);
    return c->state != NULL;
}

static void stop(struct role_ctx *c)
{
    demo_exporter_stop(c->state);
}

static const struct role role = {.name = "demo-exporter",
                                 .summary = "send made-up flows",
                                 .conf = &demo_table,
                                 .start = start,
                                 .stop = stop};

int cmd_demo_exporter(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
