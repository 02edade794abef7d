/* Role orchestrator: ClickHouse's tables and dictionaries. The configuration service is started by role.c, which has the
 * configuration. */
#include "main/commands.h"
#include "main/config.h"
#include "main/datadir.h"
#include "main/role.h"
#include "orch/dictionaries.h"
#include "orch/provision.h"

struct orchestrator {
    struct provision *provision;
    const struct config_orchestrator *conf; /* atomic: handlers read it */
};

static bool provision_of(struct role_ctx *c, const struct config_orchestrator *conf,
                         struct provision_conf *out, struct err *e)
{
    struct schema *schema = ARENA_NEW(c->arena, struct schema);
    *out = (struct provision_conf){.clickhouse = &conf->clickhouse,
                                   .clickhousedb = &conf->clickhousedb,
                                   .schema = schema,
                                   .http_listen = c->http_listen};
    return schema_init(schema, &conf->schema, e);
}

static bool start(struct role_ctx *c, struct err *e)
{
    struct orchestrator *o = ARENA_NEW(c->arena, struct orchestrator);
    struct provision_conf conf;
    o->conf = c->conf;
    c->state = o;
    if (!provision_of(c, o->conf, &conf, e))
        return false;
    o->provision = provision_new(&conf, e);
    return o->provision != NULL;
}

static bool reload(struct role_ctx *c, const void *now, struct err *e)
{
    struct orchestrator *o = c->state;
    struct provision_conf conf;
    if (!provision_of(c, now, &conf, e))
        return false;
    __atomic_store_n(&o->conf, now, __ATOMIC_RELEASE);
    provision_change(o->provision, &conf);
    return true;
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    struct orchestrator *o = c->state;
    if (room == 0)
        return 0;
    out->component = "clickhouse";
    out->status = provision_health(o->provision, out->reason, sizeof out->reason);
    return 1;
}

static void stop(struct role_ctx *c)
{
    struct orchestrator *o = c->state;
    provision_free(o->provision);
}

static void dictionary(struct http_call *call)
{
    const struct role_ctx *c = call->arg;
    const struct orchestrator *o = c->state;
    const struct config_orchestrator *conf = __atomic_load_n(&o->conf, __ATOMIC_ACQUIRE);
    struct str name = str_from(http_param(call, "name"));
    struct buf csv, updated;
    struct err e;
    buf_init(&csv, 0);
    buf_init(&updated, 0);
    if (str_eq(name, STR("asns")))
        datadir_read(c->data_dir, ASNS_FILE, &updated, &e); /* of `weir asns update`; usually there is none */
    const struct dictionaries_asns asns = {&conf->clickhouse.asns, buf_str(&updated)};
    if (dictionaries_csv(name, &asns, &csv))
        http_reply(call, 200, "text/csv; charset=utf-8; header=present", buf_str(&csv));
    else
        http_reply_error(call, 404, "there is no dictionary \"%.*s\"", STR_ARG(name));
    buf_fini(&csv);
    buf_fini(&updated);
}

static const struct http_route routes[] = {
    {"GET", "/api/v0/orchestrator/clickhouse/{name}.csv", dictionary,
     "Content of a dictionary, for ClickHouse."},
};

static const struct role role = {
    .name = "orchestrator",
    .summary = "Serves the configuration to the other roles, makes tables and dictionaries",
    .conf = &config_orchestrator_table,
    .routes = routes,
    .n_routes = 1,
    .start = start,
    .reload = reload,
    .health = health,
    .stop = stop};

int cmd_orchestrator(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
