/* Option tables of the orchestrator. */
#include "orch/orch_conf.h"
#include "schema/column.h"
#include <stdio.h>

#define SECOND_NS 1000000000ull
#define DAY_NS (86400 * SECOND_NS)

#define RESOLUTION(field) OPT_AT(struct orch_resolution, field)
static const struct opt resolution_rows[] = {
    {"interval", OPT_DURATION, RESOLUTION(interval_ns), "0", "Seconds put into one row; 0: detail.", 0,
     DAY_NS},
    {"ttl", OPT_DURATION, RESOLUTION(ttl_ns), "0", "How long rows are kept; 0: for ever.", 0, 36500 * DAY_NS},
    {"table-settings", OPT_MAP, RESOLUTION(table_settings), NULL,
     "Settings of the table, such as storage_policy.", .item = OPT_STRING},
};

static bool resolution_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct orch_resolution *r = conf;
    *bad_key = "interval";
    if (r->interval_ns % SECOND_NS)
        return err_set(e, "must be whole seconds");
    *bad_key = "ttl";
    return r->ttl_ns == 0 || r->ttl_ns >= 3600 * SECOND_NS || err_set(e, "must be 0 or at least 1h");
}
static const struct opt_table resolution_table =
    OPT_TABLE("resolution", struct orch_resolution, resolution_rows, .check = resolution_check);

#define NARROW(field) OPT_AT(struct orch_narrow, field)
static const struct opt narrow_rows[] = {
    {"name", OPT_STRING, NARROW(name), "", "Stands in the names of the tables, with _ for -.",
     .flags = OPT_REQUIRED},
    {"columns", OPT_LIST, NARROW(columns), NULL,
     "Columns of consolidated tables; the sampling rate and both boundaries are there as well.",
     .item = OPT_STRING},
};

/* A letter, then letters, digits, - and _; short enough for the name of a table. */
static bool narrow_check(const void *conf, const char **bad_key, struct err *e)
{
    enum { LONGEST = 24 };
    const struct orch_narrow *n = conf;
    size_t len = strlen(n->name);
    *bad_key = "name";
    if (len == 0 || len > LONGEST || n->name[0] < 'a' || n->name[0] > 'z' ||
        n->name[strspn(n->name, "abcdefghijklmnopqrstuvwxyz0123456789-_")])
        return err_set(e, "must be a small letter, and up to 23 small letters, digits, - and _");
    if (len >= 5 && strcmp(n->name + len - 5, "local") == 0)
        return err_set(e, "must not end in \"local\", which names tables of a cluster");
    *bad_key = "columns";
    for (size_t i = 0; i < n->columns.n; i++)
        if (column_find(str_from(((const char **)n->columns.items)[i])) == COL_COUNT)
            return err_set(e, "\"%s\" is no column", ((const char **)n->columns.items)[i]);
    return true;
}
static const struct opt_table narrow_table =
    OPT_TABLE("narrow rollup", struct orch_narrow, narrow_rows, .check = narrow_check);

enum { NARROW_MAX = 10 };

/* What people look at all day: networks, and what each interface takes in and gives out. */
#define NARROW_DEFAULT                                                                                       \
    "[{name: src-as, columns: [SrcAS, SrcCountry]}, {name: dst-as, columns: [DstAS, DstCountry]}, "          \
    "{name: input, columns: [ExporterAddress, ExporterName, ExporterGroup, ExporterRole, ExporterSite, "     \
    "ExporterRegion, ExporterTenant, InIfName, InIfDescription, InIfSpeed, InIfConnectivity, "               \
    "InIfProvider]}, "                                                                                       \
    "{name: output, columns: [ExporterAddress, ExporterName, ExporterGroup, ExporterRole, ExporterSite, "    \
    "ExporterRegion, ExporterTenant, OutIfName, OutIfDescription, OutIfSpeed, OutIfConnectivity, "           \
    "OutIfProvider]}]"

#define AUTH(field)                                                                                          \
    (offsetof(struct orch_clickhouse_conf, auth.field) - offsetof(struct orch_clickhouse_conf, auth))
static const struct opt auth_rows[] = {
    {"username", OPT_STRING, AUTH(username), "", "User."},
    {"password", OPT_SECRET, AUTH(password), "", "Password."},
};
static const struct opt_table auth_table = {.name = "orchestrator-basic-auth",
                                            .rows = auth_rows,
                                            .n = 2,
                                            .size = sizeof(((struct orch_clickhouse_conf *)0)->auth)};

static bool clickhouse_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct orch_clickhouse_conf *c = conf;
    bool detail = false;
    uint64_t asn;
    *bad_key = "resolutions";
    for (size_t i = 0; i < c->resolutions.n; i++) {
        const struct orch_resolution *r = OPT_ITEM(c->resolutions, struct orch_resolution, i);
        detail |= r->interval_ns == 0;
        for (size_t j = 0; j < i; j++)
            if (OPT_ITEM(c->resolutions, struct orch_resolution, j)->interval_ns == r->interval_ns)
                return err_set(e, "two resolutions have the same interval");
    }
    if (!detail)
        return err_set(e, "one resolution must have interval 0, the detail");
    *bad_key = "narrow-rollups";
    if (c->narrow.n > NARROW_MAX)
        return err_set(e, "at most %d are possible: each costs with every row stored", NARROW_MAX);
    for (size_t i = 0; i < c->narrow.n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(OPT_ITEM(c->narrow, struct orch_narrow, j)->name,
                       OPT_ITEM(c->narrow, struct orch_narrow, i)->name) == 0)
                return err_set(e, "two have the same name");
    *bad_key = "asns";
    for (size_t i = 0; i < c->asns.n; i++)
        if (!str_u64(str_from(c->asns.keys[i]), &asn) || asn > UINT32_MAX)
            return err_set(e, "\"%s\" is no AS number", c->asns.keys[i]);
    return true;
}

static const struct opt_choice rollups[] = {
    {"outlet", ORCH_ROLLUPS_OUTLET, "the outlet adds up each minute, coarser tables follow from it"},
    {"views", ORCH_ROLLUPS_VIEWS,
     "ClickHouse adds up whatever is inserted into flows, at several times the cost"},
    {NULL}};

#define OLD(key_, help_)                                                                                     \
    {                                                                                                        \
        key_, OPT_STRING, 0, .help = help_, .flags = OPT_OLD                                                 \
    }
#define CLICKHOUSE(field) OPT_AT(struct orch_clickhouse_conf, field)
static const struct opt clickhouse_rows[] = {
    {"skip-migrations", OPT_BOOL, CLICKHOUSE(skip_migrations), "false", "Leave the tables as they are."},
    {"resolutions", OPT_LIST, CLICKHOUSE(resolutions),
     "[{interval: 0, ttl: 15d}, {interval: 1m, ttl: 7d}, {interval: 5m, ttl: 90d}, {interval: 1h, ttl: "
     "360d}]",
     "Tables of flows, from detail to coarse, and how long each keeps its rows.", .item = OPT_STRUCT,
     .sub = &resolution_table, .flags = OPT_RELOAD},
    {"narrow-rollups", OPT_LIST, CLICKHOUSE(narrow), NARROW_DEFAULT,
     "Sums by few columns, beside each consolidated table but the finest: questions about these columns "
     "alone "
     "are answered from them, many times faster. An empty list: none.",
     .item = OPT_STRUCT, .sub = &narrow_table, .flags = OPT_RELOAD},
    {"max-partitions", OPT_UINT, CLICKHOUSE(max_partitions), "50", "Partitions of each table.", 1, 1000},
    {"rollups", OPT_ENUM, CLICKHOUSE(rollups), "outlet",
     "Who fills the consolidated tables; `views` for those who write to flows by other means as well.",
     .choices = rollups},
    {"asns", OPT_MAP, CLICKHOUSE(asns), NULL, "Names of AS numbers, before the built-in ones.",
     .item = OPT_STRING, .flags = OPT_RELOAD},
    {"orchestrator-url", OPT_STRING, CLICKHOUSE(orchestrator_url), "",
     "Where ClickHouse reaches the orchestrator for dictionaries; empty: found out.", .flags = OPT_ADDRESS},
    {"orchestrator-basic-auth", OPT_STRUCT, CLICKHOUSE(auth), NULL, "Credentials ClickHouse uses there.",
     .sub = &auth_table},
    OLD("system-log-ttl", "set it in ClickHouse's own configuration"),
    OLD("prometheus-endpoint", "set it in ClickHouse's own configuration"),
    OLD("kafka", "ClickHouse no longer reads from Kafka"),
};
const struct opt_table orch_clickhouse_table =
    OPT_TABLE("clickhouse", struct orch_clickhouse_conf, clickhouse_rows, .check = clickhouse_check);

#define TOPIC(field) (offsetof(struct orch_kafka_conf, topic.field) - offsetof(struct orch_kafka_conf, topic))
static const struct opt topic_rows[] = {
    {"num-partitions", OPT_UINT, TOPIC(partitions), "8", "Partitions; only ever more.", 1, 10000},
    {"replication-factor", OPT_UINT, TOPIC(replication_factor), "1", "Copies; never changed later.", 1, 100},
    {"config-entries", OPT_MAP, TOPIC(config_entries), NULL, "Settings of the topic.", .item = OPT_STRING},
    {"config-entries-strict-sync", OPT_BOOL, TOPIC(strict_sync), "true",
     "Remove settings that are not listed."},
};
static const struct opt_table topic_table = {.name = "topic-configuration",
                                             .rows = topic_rows,
                                             .n = sizeof topic_rows / sizeof *topic_rows,
                                             .size = sizeof(((struct orch_kafka_conf *)0)->topic)};

static const struct opt kafka_rows[] = {
    CONF_KAFKA_ROWS(struct orch_kafka_conf, kafka, "flows"),
    {"manage-topic", OPT_BOOL, OPT_AT(struct orch_kafka_conf, manage_topic), "true",
     "Make the topic, and change it.", .flags = OPT_LATER},
    {"topic-configuration", OPT_STRUCT, OPT_AT(struct orch_kafka_conf, topic), NULL, "The topic to make.",
     .sub = &topic_table, .flags = OPT_LATER},
};
const struct opt_table orch_kafka_table = OPT_TABLE("kafka", struct orch_kafka_conf, kafka_rows,
                                                    .help = "The Kafka cluster, for inlet and outlet too.");
