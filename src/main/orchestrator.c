/* Role orchestrator. The configuration service is started by role.c, which has the configuration. */
#include "main/commands.h"
#include "main/config.h"
#include "main/role.h"

static bool start(struct role_ctx *c, struct err *e)
{
    return true;
}

static void stop(struct role_ctx *c)
{
}

static const struct role role = {.name = "orchestrator",
                                 .summary = "Serves the configuration to the other roles",
                                 .conf = &config_orchestrator_table,
                                 .start = start,
                                 .stop = stop};

int cmd_orchestrator(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
