/*
 * config: the configuration file as a whole, and the section of one role.
 *
 * A file is read once into a `struct config`; it is never changed after that and freed as a whole. Sections of roles that
 * may be there several times are lists. Each section is `struct config_common` (http, reporting) with the module's own
 * struct behind it: config_own gives that one, which is what a role sees.
 */
#pragma once
#include "api/console_conf.h"
#include "bus/bus_conf.h"
#include "conf/load.h"
#include "decode/decode_conf.h"
#include "conf/show.h"
#include "conf/shared.h"
#include "demo/demo_conf.h"
#include "enrich/enrich_conf.h"
#include "orch/orch_conf.h"
#include "rx/rx_conf.h"
#include "schema/schema.h"
#include "store/ch.h"
#include "store/store_conf.h"

struct config_common {
    struct conf_http http;
    struct conf_reporting reporting;
};

/* What the roles get: */

struct config_inlet {
    struct rx_conf flow;
    struct bus_conf bus;
    struct bus_kafka_producer_conf kafka;
};
extern const struct opt_table config_inlet_table;

struct config_outlet {
    struct bus_conf bus;
    struct bus_kafka_consumer_conf kafka_input;
    struct bus_kafka_output_conf kafka_output;
    struct store_insert_conf clickhouse;
    struct ch_conf clickhousedb;
    struct decode_conf flow;
    struct enrich_core_conf core;
    struct enrich_metadata_conf metadata;
    struct enrich_routing_conf routing;
    struct enrich_geoip_conf geoip;
    struct enrich_networks_conf networks;
    struct schema_conf schema;
};
extern const struct opt_table config_outlet_table;

struct config_console {
    struct console_conf console;
    struct ch_conf clickhouse;
    struct schema_conf schema;
};

struct config_orchestrator {
    struct orch_kafka_conf kafka;
    struct orch_kafka_conf kafka_output;
    struct ch_conf clickhousedb;
    struct orch_clickhouse_conf clickhouse;
    struct schema_conf schema;
    bool automatic_restart;
};
extern const struct opt_table config_orchestrator_table;

/* store: struct store_conf of store_table; demo-exporter: struct demo_conf of demo_table */

enum config_role {
    ROLE_ORCHESTRATOR,
    ROLE_STORE,
    ROLE_INLET,
    ROLE_OUTLET,
    ROLE_CONSOLE,
    ROLE_DEMO,
    ROLE_COUNT
};

struct config_role_def {
    const char *name;        /* of role and section; the orchestrator's section is the file's top level */
    const char *http_listen; /* default */
    const struct opt_table *own;
};
extern const struct config_role_def config_roles[ROLE_COUNT];
/* ROLE_COUNT when there is none of that name. */
enum config_role config_role_find(const char *name);

struct config {
    struct arena arena;
    struct yaml_files files;   /* what it was read from */
    struct conf_report report; /* errors and notices */
    bool embedded_store;       /* the file names no ClickHouse servers of its own */
    void *root;
};

/* Both are for config_fini whatever they return; false: errors are in the report, in short in `e`. */
bool config_load(struct config *c, const char *path, char *const *environment, struct err *e);
/* One role's section, as the configuration service serves it; then only this role and index 0 may be asked for. */
bool config_load_section(struct config *c, enum config_role role, struct str text, const char *name,
                         char *const *environment, struct err *e);
void config_fini(struct config *c);

size_t config_count(const struct config *c, enum config_role role);
const struct config_common *config_common(const struct config *c, enum config_role role, size_t index);
const void *config_own(const struct config *c, enum config_role role, size_t index);
/* The section as YAML (flags of show.h); the orchestrator's is the whole file. */
void config_show(const struct config *c, enum config_role role, size_t index, unsigned flags,
                 struct buf *out);
/* What differs in a role's section; both must have it. */
void config_diff(const struct config *a, const struct config *b, enum config_role role, size_t index,
                 struct opt_change *change);

/* The table of the whole file: for the manual, the schema, tests. */
const struct opt_table *config_table(void);

/* doc/configuration.md (manual.c) */
void config_manual(struct buf *out);

/* "HOST:PORT" where clients on this machine reach a server that listens on `listen`. */
const char *config_reach(struct arena *a, const char *listen);
