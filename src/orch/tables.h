/*
 * tables: what the database is to hold, derived from the schema and section clickhouse: tables, views, dictionaries.
 *
 * A plan is data, made once and only read afterwards; it and its texts live in its arena. Names, types, keys and TTLs are
 * those of Akvorado, so that its dashboards and queries keep working.
 */
#pragma once
#include "base/buf.h"
#include "orch/orch_conf.h"
#include "schema/schema.h"

struct tables_column {
    const char *name, *type;
    const char *codec; /* "T64, LZ4"; "" */
    const char *kind;  /* "", "ALIAS" or "DEFAULT" */
    const char *expr;
    bool key; /* part of the sorting key */
};

struct tables_index {
    const char *name, *expr, *type;
};
enum { TABLES_INDEX_GRANULARITY = 4 };

struct tables_setting {
    const char *name, *value; /* as it stands in SQL */
};

struct tables_table {
    const char *name, *engine; /* "SummingMergeTree", with its arguments apart: "(Bytes, Packets)" */
    const char *engine_args;
    struct tables_column *cols;
    size_t n_cols;
    const char *partition, *primary_key, *order_by;
    const char *ttl; /* "" none */
    struct tables_index *indexes;
    size_t n_indexes;
    struct tables_setting *settings;
    size_t n_settings;
    const char *doc;
    /* Of a narrow rollup: the columns it has besides time, rate and sums ("SrcAS, InIfBoundary"), and what fills it. */
    const char *by;
    const struct tables_view *view;
    bool renewed; /* migrate.c: it is made anew */
};

struct tables_view {
    const char *name, *from, *to;
    const char *select, *group; /* "SELECT ... FROM x", and what comes behind that: "" or " GROUP BY ..." */
    uint64_t step_s;
};

struct tables_dictionary {
    const char *name, *columns, *key, *layout;
    bool custom; /* of the configuration: looked at more often */
};

struct tables_conf {
    const struct schema *schema;
    const struct orch_clickhouse_conf *clickhouse;
    const char *database, *cluster; /* cluster "": none */
    unsigned shards;                /* of the cluster */
    const char *url;                /* of the orchestrator, without a path */
};

struct tables_plan {
    struct arena arena;
    struct tables_conf conf;
    struct tables_table *tables;
    size_t n_tables;
    struct tables_view *views;
    size_t n_views;
    const char **stale_views; /* not to exist */
    size_t n_stale;
    const struct tables_dictionary *dictionaries;
    size_t n_dictionaries;
};

void tables_plan_init(struct tables_plan *p, const struct tables_conf *conf);
void tables_plan_fini(struct tables_plan *p);

/* "flows", "flows_1m0s", "flows_1h0m0s" */
const char *tables_flows_name(struct arena *a, uint64_t interval_ns);

/* The table that holds the rows on one server: X, or X_local below a Distributed X. */
const char *tables_local_name(const struct tables_plan *p, struct arena *a, const char *name);
void tables_create(const struct tables_plan *p, const struct tables_table *t, struct buf *sql);
/* By which rows go to shards; a row that is sent again goes to the same one. */
const char *tables_shard_key(const struct tables_table *t);
/* The Distributed table over the local ones; nothing when there is one shard or no cluster. */
bool tables_create_distributed(const struct tables_plan *p, const struct tables_table *t, struct buf *sql);
void tables_column_text(const struct tables_column *c, struct buf *sql);
void tables_index_text(const struct tables_index *i, struct buf *sql);
void tables_create_view(const struct tables_plan *p, const struct tables_view *v, const char *comment,
                        bool replace, struct buf *sql);
void tables_create_dictionary(const struct tables_plan *p, const struct tables_dictionary *d,
                              const char *comment, struct buf *sql);
/* " ON CLUSTER 'x'", or nothing */
void tables_on_cluster(const struct tables_plan *p, struct buf *sql);
/* "weir 89abcdef": tells whether a view or dictionary was made from this text. */
const char *tables_mark(struct arena *a, struct str sql);
