/* orch_conf: what the orchestrator makes: tables and topics. Constant once loaded. */
#pragma once
#include "conf/shared.h"

struct orch_resolution {
    uint64_t interval_ns, ttl_ns;  /* interval 0: the raw table; ttl 0: kept for ever */
    struct opt_map table_settings; /* text */
};

/* Sums by few columns, kept beside each consolidated table but the finest. */
struct orch_narrow {
    const char *name;
    struct opt_list columns; /* names */
};

enum orch_rollups { ORCH_ROLLUPS_OUTLET, ORCH_ROLLUPS_VIEWS };

/* Section clickhouse. */
struct orch_clickhouse_conf {
    bool skip_migrations;
    struct opt_list resolutions; /* struct orch_resolution */
    struct opt_list narrow;      /* struct orch_narrow */
    uint64_t max_partitions;
    int rollups;         /* enum orch_rollups */
    struct opt_map asns; /* decimal number -> name */
    const char *orchestrator_url;
    struct {
        const char *username, *password;
    } auth; /* orchestrator-basic-auth */
};
extern const struct opt_table orch_clickhouse_table;

/* Section kafka: the connection, and the topic to make. */
struct orch_kafka_conf {
    struct conf_kafka kafka;
    bool manage_topic;
    struct {
        uint64_t partitions, replication_factor;
        struct opt_map config_entries; /* text */
        bool strict_sync;
    } topic;
};
extern const struct opt_table orch_kafka_table;
