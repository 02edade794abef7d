/* Role orchestrator: ClickHouse's tables and dictionaries. The configuration service is started by role.c, which has the
 * configuration. */
#include "base/log.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/datadir.h"
#include "main/role.h"
#include "orch/custom.h"
#include "orch/dictionaries.h"
#include "orch/provision.h"
#include <pthread.h>
#include <stdio.h>

struct orchestrator {
    struct provision *provision;
    const struct config_orchestrator *conf; /* atomic: handlers read it */
    pthread_mutex_t lock;                   /* below */
    struct trouble {
        char name[DICTIONARY_NAME_MAX + 1], why[200]; /* "": none */
    } troubles[DICTIONARY_MAX]; /* with custom dictionaries, when they were last asked for */
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
    pthread_mutex_init(&o->lock, NULL);
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
    const struct config_orchestrator *conf = __atomic_load_n(&o->conf, __ATOMIC_ACQUIRE);
    if (room < 2 || conf->schema.custom_dictionaries.n == 0)
        return 1;
    out[1] = (struct role_health){.component = "dictionaries", .status = "ok"};
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < DICTIONARY_MAX; i++)
        if (o->troubles[i].why[0]) {
            out[1].status = "warning";
            snprintf(out[1].reason, sizeof out[1].reason, "%s: %s", o->troubles[i].name, o->troubles[i].why);
        }
    pthread_mutex_unlock(&o->lock);
    return 2;
}

static void stop(struct role_ctx *c)
{
    struct orchestrator *o = c->state;
    provision_free(o->provision);
}

/* why "": all is well with it. */
static void note(struct orchestrator *o, size_t at, const char *name, const char *why)
{
    struct trouble *t = &o->troubles[at];
    pthread_mutex_lock(&o->lock);
    bool news = strcmp(t->why, why) != 0;
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->why, sizeof t->why, "%s", why);
    pthread_mutex_unlock(&o->lock);
    if (news && why[0])
        log_warn("dictionary", "a custom dictionary could not be read", "name", name, "reason", why, NULL);
    else if (news)
        log_info("dictionary", "a custom dictionary can be read again", "name", name, NULL);
}

/*
 * What the source has now; else what it had when it was last good, which is kept in the data directory; else no row. So
 * the store always gets a dictionary, and rows are stored whatever becomes of the source.
 */
static void custom_csv(const struct role_ctx *c, size_t at, const char *name,
                       const struct schema_dictionary_conf *d, struct buf *csv)
{
    char file[DICTIONARY_NAME_MAX + 32];
    struct buf now, kept;
    struct err e, ignored;
    snprintf(file, sizeof file, "custom_dict_%s.csv", name);
    buf_init(&now, 0);
    buf_init(&kept, 0);
    datadir_read(c->data_dir, file, &kept, &ignored);
    if (custom_fetch(d->source, &now, &e) && custom_write(d, buf_str(&now), csv, &e)) {
        note(c->state, at, name, "");
        if (!str_eq(buf_str(&now), buf_str(&kept)) && !datadir_write(c->data_dir, file, buf_str(&now), &e))
            log_warn("dictionary", "it could not be kept", "name", name, "reason", e.msg, NULL);
    } else {
        err_wrap(&e, "%s", d->source);
        note(c->state, at, name, e.msg);
        buf_reset(csv);
        if (!kept.len || !custom_write(d, buf_str(&kept), csv, &ignored)) {
            buf_reset(csv);
            custom_write_empty(d, csv);
        }
    }
    buf_fini(&now);
    buf_fini(&kept);
}

static bool custom(const struct role_ctx *c, const struct opt_map *all, struct str name, struct buf *csv)
{
    static const struct str prefix = {"custom_dict_", 12};
    for (size_t i = 0; i < all->n && i < DICTIONARY_MAX && str_starts(name, prefix); i++)
        if (str_eq(str_from(all->keys[i]), (struct str){name.p + prefix.len, name.len - prefix.len})) {
            custom_csv(c, i, all->keys[i], &((const struct schema_dictionary_conf *)all->items)[i], csv);
            return true;
        }
    return false;
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
    if (custom(c, &conf->schema.custom_dictionaries, name, &csv) || dictionaries_csv(name, &asns, &csv))
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
