/*
 * The tables of sections are joined from what all roles have (http, reporting) and the role's own; the file's table is
 * the orchestrator's section with the others as lists in it.
 */
#include "main/config.h"
#include "base/log.h"
#include "conf/env.h"
#include "conf/show.h"
#include "main/compat.h"
#include "main/inherit.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- sections of roles ---- */

#define INLET(field) OPT_AT(struct config_inlet, field)
static const struct opt inlet_rows[] = {
    {"flow", OPT_STRUCT, INLET(flow), NULL, "Inputs.", .sub = &rx_table},
    {"bus", OPT_STRUCT, INLET(bus), NULL,
     "What carries datagrams to the outlet; as `bus` of the file when absent.", .sub = &bus_table},
    {"kafka", OPT_STRUCT, INLET(kafka), NULL,
     "Kafka, where the bus is that; as `kafka` of the file when it names no brokers.",
     .sub = &bus_kafka_producer_table},
};
const struct opt_table config_inlet_table = OPT_TABLE("inlet", struct config_inlet, inlet_rows,
                                                      .help = "Receives datagrams and puts them on the bus.");

#define OUTLET(field) OPT_AT(struct config_outlet, field)
static const struct opt outlet_rows[] = {
    {"bus", OPT_STRUCT, OUTLET(bus), NULL,
     "What carries datagrams from the inlet; as `bus` of the file when absent.", .sub = &bus_table},
    {"kafka-input", OPT_STRUCT, OUTLET(kafka_input), NULL,
     "Kafka, where the bus is that; as `kafka` of the file when it names no brokers.",
     .sub = &bus_kafka_consumer_table},
    {"kafka-output", OPT_STRUCT, OUTLET(kafka_output), NULL, "Completed flows into a topic.",
     .sub = &bus_kafka_output_table, .flags = OPT_LATER},
    {"clickhouse", OPT_STRUCT, OUTLET(clickhouse), NULL, "Inserts.", .sub = &store_insert_table},
    {"clickhousedb", OPT_STRUCT, OUTLET(clickhousedb), NULL,
     "As `clickhousedb` of the file when it names no servers.", .sub = &ch_table},
    {"flow", OPT_STRUCT, OUTLET(flow), NULL, "Decoding.", .sub = &decode_conf_table},
    {"core", OPT_STRUCT, OUTLET(core), NULL, "Sampling rates, classifiers, AS numbers.",
     .sub = &enrich_core_table},
    {"metadata", OPT_STRUCT, OUTLET(metadata), NULL, "Names of exporters and interfaces.",
     .sub = &enrich_metadata_table},
    {"routing", OPT_STRUCT, OUTLET(routing), NULL, "Routes.", .sub = &enrich_routing_table},
    {"geoip", OPT_STRUCT, OUTLET(geoip), NULL, "Countries and AS numbers of addresses.",
     .sub = &enrich_geoip_table},
    {"networks", OPT_STRUCT, OUTLET(networks), NULL, "Attributes of networks.",
     .sub = &enrich_networks_table},
    {"schema", OPT_STRUCT, OUTLET(schema), NULL, "Copied from the file's `schema`.", .sub = &schema_table},
};
const struct opt_table config_outlet_table =
    OPT_TABLE("outlet", struct config_outlet, outlet_rows, .help = "Decodes, completes and stores flows.");

#define CONSOLE(field) OPT_AT(struct config_console, field)
static const struct opt console_tail_rows[] = {
    {"clickhouse", OPT_STRUCT, 0, NULL, "As `clickhousedb` of the file when it names no servers.",
     .sub = &ch_table},
    {"schema", OPT_STRUCT, CONSOLE(schema) - CONSOLE(clickhouse), NULL, "Copied from the file's `schema`.",
     .sub = &schema_table},
};
static struct opt console_rows[32]; /* the console's own, and these */
static struct opt_table console_joined;

#define ORCHESTRATOR(field) OPT_AT(struct config_orchestrator, field)
static const struct opt orchestrator_rows[] = {
    {"kafka", OPT_STRUCT, ORCHESTRATOR(kafka), NULL, "The Kafka cluster, for inlet and outlet too.",
     .sub = &orch_kafka_table},
    {"kafka-output", OPT_STRUCT, ORCHESTRATOR(kafka_output), "{topic: flows-enriched}",
     "The topic of completed flows.", .sub = &orch_kafka_table, .flags = OPT_LATER},
    {"clickhousedb", OPT_STRUCT, ORCHESTRATOR(clickhousedb), NULL,
     "ClickHouse. When it names no servers, the embedded store is used.", .sub = &ch_table},
    {"clickhouse", OPT_STRUCT, ORCHESTRATOR(clickhouse), NULL, "Tables and dictionaries.",
     .sub = &orch_clickhouse_table},
    {"schema", OPT_STRUCT, ORCHESTRATOR(schema), NULL, "Columns of flows.", .sub = &schema_table},
    {"automatic-restart", OPT_BOOL, ORCHESTRATOR(automatic_restart), "true",
     "Watch the configuration's files, and use a changed one once it is found valid."},
};
const struct opt_table config_orchestrator_table =
    OPT_TABLE("orchestrator", struct config_orchestrator, orchestrator_rows,
              .help = "Serves the configuration, makes tables and dictionaries.");

const struct config_role_def config_roles[ROLE_COUNT] = {
    [ROLE_ORCHESTRATOR] = {"orchestrator", "127.0.0.1:8080", &config_orchestrator_table},
    [ROLE_STORE] = {"store", "127.0.0.1:8123", &store_table},
    [ROLE_INLET] = {"inlet", "127.0.0.1:8082", &config_inlet_table},
    [ROLE_OUTLET] = {"outlet", "127.0.0.1:8083", &config_outlet_table},
    [ROLE_CONSOLE] = {"console", "127.0.0.1:8081", &console_joined},
    [ROLE_DEMO] = {"demo-exporter", "127.0.0.1:8084", &demo_table},
};

enum config_role config_role_find(const char *name)
{
    unsigned r = 0;
    while (r < ROLE_COUNT && strcmp(config_roles[r].name, name) != 0)
        r++;
    return (enum config_role)r;
}

/* ---- tables, made once ---- */

struct section {
    const struct opt_table *table; /* common and own */
    size_t own_off;
};

struct root {
    struct bus_conf bus;
    struct opt_list lists[ROLE_COUNT]; /* ROLE_ORCHESTRATOR's is not used */
};

static struct section sections[ROLE_COUNT];
static const struct opt_table *root_table;
static size_t root_off; /* of struct root, behind the orchestrator's section */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct opt_table *common_table(enum config_role role)
{
    static struct opt rows[ROLE_COUNT][2];
    static struct opt_table tables[ROLE_COUNT];
    static char listen[ROLE_COUNT][64];
    snprintf(listen[role], sizeof listen[role], "{listen: \"%s\"}", config_roles[role].http_listen);
    rows[role][0] = (struct opt){"http",       OPT_STRUCT,     OPT_AT(struct config_common, http),
                                 listen[role], "HTTP server.", .sub = &conf_http_table};
    rows[role][1] = (struct opt){"reporting",
                                 OPT_STRUCT,
                                 OPT_AT(struct config_common, reporting),
                                 NULL,
                                 "Logs; as the file's when absent.",
                                 .sub = &conf_reporting_table,
                                 .flags = OPT_RELOAD};
    tables[role] = (struct opt_table)OPT_TABLE(config_roles[role].name, struct config_common, rows[role]);
    return &tables[role];
}

static void console_join(void)
{
    size_t n = 0;
    for (size_t i = 0; i < console_table.n && n < 30; i++)
        console_rows[n++] = console_table.rows[i];
    for (size_t i = 0; i < 2; i++) {
        console_rows[n] = console_tail_rows[i];
        console_rows[n++].off += CONSOLE(clickhouse);
    }
    console_joined = (struct opt_table){.name = "console",
                                        .rows = console_rows,
                                        .n = n,
                                        .size = sizeof(struct config_console),
                                        .check = console_table.check,
                                        .help = "Answers questions: the page and its API."};
}

static void tables_make(void)
{
    static struct opt rows[ROLE_COUNT];
    static struct opt_table tail;
    console_join();
    size_t n = 0;
    for (unsigned r = 0; r < ROLE_COUNT; r++) {
        sections[r].table = opt_join(common_table((enum config_role)r), config_roles[r].own,
                                     config_roles[r].name, &sections[r].own_off);
        if (r == ROLE_ORCHESTRATOR)
            continue;
        rows[n++] = (struct opt){config_roles[r].name,          OPT_LIST,
                                 OPT_AT(struct root, lists[r]), r == ROLE_DEMO ? NULL : "[{}]",
                                 config_roles[r].own->help,     .item = OPT_STRUCT,
                                 .sub = sections[r].table};
    }
    rows[n++] = (struct opt){"bus",
                             OPT_STRUCT,
                             OPT_AT(struct root, bus),
                             NULL,
                             "What carries datagrams from inlet to outlet.",
                             .sub = &bus_table};
    tail = (struct opt_table){.name = "file", .rows = rows, .n = n, .size = sizeof(struct root)};
    root_table = opt_join(sections[ROLE_ORCHESTRATOR].table, &tail, "file", &root_off);
}

const struct opt_table *config_table(void)
{
    pthread_once(&once, tables_make);
    return root_table;
}

/* ---- loading ---- */

static void config_init(struct config *c)
{
    *c = (struct config){0};
    arena_init(&c->arena);
    conf_report_init(&c->report);
    config_table();
}

void config_fini(struct config *c)
{
    conf_report_fini(&c->report);
    arena_fini(&c->arena);
}

static struct root *root_of(const struct config *c)
{
    return (struct root *)((char *)c->root + root_off);
}

/* What no table can see alone. */
static bool root_check(struct config *c)
{
    struct err e;
    struct schema schema;
    const struct config_orchestrator *o = config_own(c, ROLE_ORCHESTRATOR, 0);
    struct conf_pos pos = {.file = c->files.n ? c->files.paths[0] : NULL};
    bool ok = schema_init(&schema, &o->schema, &e) || conf_error(&c->report, pos, NULL, "%s", e.msg);
    if (config_count(c, ROLE_STORE) > 1)
        ok = conf_error(&c->report, pos, "store", "there can be one store only");
    return ok;
}

bool config_load(struct config *c, const char *path, char *const *environment, struct err *e)
{
    config_init(c);
    struct yaml *y = yaml_file(path, &c->arena, &c->files, &c->report);
    bool ok = y && env_apply(root_table, &y, NULL, environment, &c->arena, &c->report);
    if (y) {
        struct opt_how how = {.arena = &c->arena, .report = &c->report};
        compat_rewrite(&y, &c->arena, &c->report);
        c->embedded_store = inherit_apply(&y, &c->arena);
        c->root = arena_alloc(&c->arena, root_table->size);
        ok = opt_load(root_table, y, c->root, "", &how) && ok && root_check(c);
    }
    return ok || conf_report_err(&c->report, e);
}

bool config_load_section(struct config *c, enum config_role role, struct str text, const char *name,
                         char *const *environment, struct err *e)
{
    config_init(c);
    const struct opt_table *t = sections[role].table;
    struct yaml *y = yaml_text(text, name, &c->arena, &c->report);
    struct opt_how how = {.arena = &c->arena, .report = &c->report, .lenient = true};
    bool ok = y && env_apply(t, &y, config_roles[role].name, environment, &c->arena, &c->report);
    if (ok)
        compat_section(&y, config_roles[role].name, &c->arena, &c->report);
    c->root = arena_alloc(&c->arena, root_table->size);
    void *section = arena_alloc(&c->arena, t->size);
    ok = ok && opt_load(t, y, section, config_roles[role].name, &how);
    root_of(c)->lists[role] = (struct opt_list){.n = 1, .items = section};
    return ok || conf_report_err(&c->report, e);
}

/* ---- looking in ---- */

static const char *section_of(const struct config *c, enum config_role role, size_t index)
{
    const struct opt_list *list = &root_of(c)->lists[role];
    if (role == ROLE_ORCHESTRATOR)
        return c->root;
    return (const char *)list->items + index * sections[role].table->size;
}

size_t config_count(const struct config *c, enum config_role role)
{
    return role == ROLE_ORCHESTRATOR ? 1 : root_of(c)->lists[role].n;
}

const struct config_common *config_common(const struct config *c, enum config_role role, size_t index)
{
    return (const struct config_common *)section_of(c, role, index);
}

const void *config_own(const struct config *c, enum config_role role, size_t index)
{
    return section_of(c, role, index) + sections[role].own_off;
}

void config_show(const struct config *c, enum config_role role, size_t index, unsigned flags, struct buf *out)
{
    opt_show(role == ROLE_ORCHESTRATOR ? root_table : sections[role].table, section_of(c, role, index), flags,
             out);
}

void config_diff(const struct config *a, const struct config *b, enum config_role role, size_t index,
                 struct opt_change *change)
{
    const char *path = role == ROLE_ORCHESTRATOR ? "" : config_roles[role].name;
    opt_diff(sections[role].table, section_of(a, role, index), section_of(b, role, index), path, change);
}

const char *config_reach(struct arena *a, const char *listen)
{
    const char *colon = strrchr(listen, ':');
    if (!colon)
        return arena_strdup(a, listen);
    struct str host = {listen, (size_t)(colon - listen)};
    if (host.len == 0 || str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("*")))
        return arena_printf(a, "127.0.0.1%s", colon);
    if (str_eq(host, STR("[::]")))
        return arena_printf(a, "[::1]%s", colon);
    return arena_strdup(a, listen);
}
