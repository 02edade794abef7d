/*
 * kafka -> inlet.kafka, outlet.kafka-input, outlet.kafka-output, unless they name brokers; clickhousedb ->
 * outlet.clickhousedb, console.clickhouse, unless they name servers; schema -> outlet, console; bus, reporting -> where
 * absent; clickhouse.rollups and resolutions -> outlet.clickhouse.rollups and oldest. Without clickhousedb.servers all of them get the embedded store's address and user.
 */
#include "main/inherit.h"
#include "conf/value.h"
#include "main/config.h"

struct heirs {
    struct arena *a;
    struct yaml *root;
};

static bool given(const struct yaml *map, const char *key)
{
    const struct yaml *y = map ? yaml_get(map, key) : NULL;
    return y && !yaml_is_null(y);
}

/* Sub map of a map, made when absent; NULL when something else stands there (the loader will say so). */
static struct yaml *sub_map(struct arena *a, struct yaml *map, const char *key)
{
    if (!given(map, key))
        yaml_set(a, map, str_from(key), yaml_map(a, map->pos), map->pos);
    long i = yaml_index(map, str_from(key));
    return map->items[i]->kind == YAML_MAP ? yaml_own(a, &map->items[i]) : NULL;
}

static void copy_keys(struct arena *a, struct yaml *to, const struct yaml *from, const char *const *keys)
{
    for (; *keys; keys++)
        if (given(from, *keys) && !given(to, *keys)) {
            struct yaml *value = yaml_get(from, *keys);
            value->shared = true;
            yaml_set(a, to, str_from(*keys), value, value->pos);
        }
}

static void connection(struct heirs *h, struct yaml *section, const char *key, const char *from,
                       const char *unless, const char *const *keys)
{
    const struct yaml *source = yaml_get(h->root, from);
    if (!given(h->root, from) || source->kind != YAML_MAP)
        return;
    const struct yaml *own = yaml_get(section, key);
    if (own && own->kind == YAML_MAP && given(own, unless))
        return;
    struct yaml *to = sub_map(h->a, section, key);
    if (to)
        copy_keys(h->a, to, source, keys);
}

static void bus(struct heirs *h, struct yaml *section, const char *kafka)
{
    copy_keys(h->a, section, h->root, (const char *const[]){"bus", NULL});
    struct yaml *b = sub_map(h->a, section, "bus");
    const struct yaml *type = b ? yaml_get(b, "type") : NULL;
    if (!b || (type && !yaml_is_null(type) &&
               !(type->kind == YAML_SCALAR && str_eq_nocase(type->text, STR("auto")))))
        return;
    const struct yaml *k = yaml_get(section, kafka);
    bool brokers = k && k->kind == YAML_MAP && given(k, "brokers");
    yaml_set(h->a, b, STR("type"), yaml_scalar(h->a, brokers ? "kafka" : "spool", b->pos), b->pos);
}

static const char *const kafka_keys[] = {"topic", "brokers", "tls", "sasl", NULL};
static const char *const kafka_output_keys[] = {"brokers", "tls", "sasl", NULL};
static const char *const ch_keys[] = {"servers",        "database",     "username", "password", "cluster",
                                      "max-open-conns", "dial-timeout", "tls",      NULL};
static const char *const reporting_keys[] = {"reporting", NULL};

static void into_inlet(struct heirs *h, struct yaml *section)
{
    connection(h, section, "kafka", "kafka", "brokers", kafka_keys);
    bus(h, section, "kafka");
}

static void schema_copy(struct heirs *h, struct yaml *section)
{
    yaml_cut(section, "schema"); /* one schema for all, or the tables would not fit */
    copy_keys(h->a, section, h->root, (const char *const[]){"schema", NULL});
}

/* The finest consolidated table is one of minutes, and the orchestrator leaves it to the outlet. */
static bool outlet_rolls_up(const struct yaml *root)
{
    const struct yaml *ch = yaml_get(root, "clickhouse");
    const struct yaml *rollups = ch ? yaml_get(ch, "rollups") : NULL,
                      *list = ch ? yaml_get(ch, "resolutions") : NULL;
    if (rollups && rollups->kind == YAML_SCALAR && str_eq_nocase(rollups->text, STR("views")))
        return false;
    if (!list || list->kind != YAML_LIST)
        return true;
    uint64_t finest = 0, ns;
    for (size_t i = 0; i < list->n; i++) {
        const struct yaml *interval = yaml_get(list->items[i], "interval");
        if (interval && interval->kind == YAML_SCALAR && value_duration(interval->text, &ns) && ns > 0 &&
            (finest == 0 || ns < finest))
            finest = ns;
    }
    return finest == 60000000000u;
}

/* The shortest time for which a table keeps its rows, 0: the default's. */
static uint64_t shortest_ttl(const struct yaml *root)
{
    const struct yaml *ch = yaml_get(root, "clickhouse"), *list = ch ? yaml_get(ch, "resolutions") : NULL;
    uint64_t shortest = 0, ns;
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        const struct yaml *ttl = yaml_get(list->items[i], "ttl");
        if (ttl && ttl->kind == YAML_SCALAR && value_duration(ttl->text, &ns) && ns > 0 &&
            (shortest == 0 || ns < shortest))
            shortest = ns;
    }
    return shortest;
}

static void into_outlet(struct heirs *h, struct yaml *section)
{
    connection(h, section, "kafka-input", "kafka", "brokers", kafka_keys);
    if (given(section, "kafka-output"))
        connection(h, section, "kafka-output", "kafka", "brokers", kafka_output_keys);
    connection(h, section, "clickhousedb", "clickhousedb", "servers", ch_keys);
    bus(h, section, "kafka-input");
    schema_copy(h, section);
    struct yaml *inserts = sub_map(h->a, section, "clickhouse");
    if (inserts && !given(inserts, "rollups"))
        yaml_set(h->a, inserts, STR("rollups"),
                 yaml_scalar(h->a, outlet_rolls_up(h->root) ? "true" : "false", inserts->pos), inserts->pos);
    uint64_t shortest = shortest_ttl(h->root);
    if (inserts && shortest && !given(inserts, "oldest"))
        yaml_set(h->a, inserts, STR("oldest"),
                 yaml_scalar(h->a, arena_printf(h->a, "%llus", (unsigned long long)(shortest / 1000000000u)),
                             inserts->pos),
                 inserts->pos);
}

static void into_console(struct heirs *h, struct yaml *section)
{
    connection(h, section, "clickhouse", "clickhousedb", "servers", ch_keys);
    schema_copy(h, section);
}

/* Each section of a role, made when absent: what is inherited counts as given. */
static void each(struct heirs *h, const char *role, void (*fn)(struct heirs *h, struct yaml *section))
{
    if (!given(h->root, role) && strcmp(role, "demo-exporter") == 0)
        return;
    if (!given(h->root, role))
        yaml_set(h->a, h->root, str_from(role), yaml_map(h->a, h->root->pos), h->root->pos);
    struct yaml **slot = &h->root->items[yaml_index(h->root, str_from(role))];
    struct yaml *node = yaml_own(h->a, slot);
    for (size_t i = 0; node->kind == YAML_LIST ? i < node->n : i < 1; i++) {
        struct yaml **at = node->kind == YAML_LIST ? &node->items[i] : slot;
        if (yaml_is_null(*at))
            *at = yaml_map(h->a, (*at)->pos);
        struct yaml *section = yaml_own(h->a, at);
        if (section->kind != YAML_MAP)
            continue;
        copy_keys(h->a, section, h->root, reporting_keys);
        if (fn)
            fn(h, section);
    }
}

/* Address and user of the embedded store, as far as the file says them; else the store's defaults. */
static void embedded(struct heirs *h, struct yaml *db)
{
    const struct yaml *store = yaml_get(h->root, "store");
    if (store && store->kind == YAML_LIST)
        store = store->n ? store->items[0] : NULL;
    const struct yaml *http = store && store->kind == YAML_MAP ? yaml_get(store, "http") : NULL;
    const struct yaml *listen = http ? yaml_get(http, "listen") : NULL;
    const char *address = config_roles[ROLE_STORE].http_listen;
    if (listen && listen->kind == YAML_SCALAR && listen->text.len > 0)
        address = config_reach(h->a, arena_z(h->a, listen->text));
    yaml_set(h->a, db, STR("servers"), yaml_scalar(h->a, address, db->pos), db->pos);
    ((struct yaml *)yaml_get(db, "servers"))->quoted = true;
    if (store && store->kind == YAML_MAP)
        copy_keys(h->a, db, store, (const char *const[]){"username", "password", NULL});
}

bool inherit_apply(struct yaml **root, struct arena *a)
{
    struct heirs h = {.a = a, .root = yaml_own(a, root)};
    struct yaml *db = sub_map(a, h.root, "clickhousedb");
    bool own_store = db && !given(db, "servers");
    if (own_store)
        embedded(&h, db);
    each(&h, "inlet", into_inlet);
    each(&h, "outlet", into_outlet);
    each(&h, "console", into_console);
    each(&h, "store", NULL);
    each(&h, "demo-exporter", NULL);
    return own_store;
}
