/* Option tables of the embedded store and of inserts. */
#include "store/store_conf.h"

#define SECOND_NS 1000000000ull

#define STORE(field) OPT_AT(struct store_conf, field)
static const struct opt store_rows[] = {
    {"username", OPT_STRING, STORE(username), "default", "User that may write."},
    {"password", OPT_SECRET, STORE(password), "",
     "Its password. `weir run` makes one up and hands it to all."},
    {"reader", OPT_STRING, STORE(reader), "",
     "User that may only read, for Grafana and the like; empty: none."},
    {"reader-password", OPT_SECRET, STORE(reader_password), "", "Its password."},
    {"dir", OPT_STRING, STORE(dir), "", "Folder of the database; empty: `store` in the data directory."},
    {"library", OPT_STRING, STORE(library), "", "Path of libchdb.so; empty: where script/setup put it."},
    {"max-size", OPT_SIZE, STORE(max_size), "80%",
     "Most the database may take, or a share of its disk; the oldest detail goes first.",
     .flags = OPT_ALLOW_PERCENT | OPT_RELOAD, .min = 64 << 20},
    {"max-memory", OPT_SIZE, STORE(max_memory), "50%",
     "Most memory of all queries together, or a share of the machine's.", .flags = OPT_ALLOW_PERCENT,
     .min = 256 << 20},
    {"max-query-time", OPT_DURATION, STORE(max_query_ns), "1m", "Longest query of the reader.", SECOND_NS,
     86400 * SECOND_NS},
    {"max-result-rows", OPT_UINT, STORE(max_result_rows), "1000000", "Most rows a reader gets.", .min = 1},
    {"max-query-memory", OPT_SIZE, STORE(max_query_memory), "0",
     "Most memory of one query; 0: half of max-memory."},
    {"query-threads", OPT_UINT, STORE(query_threads), "0", "Threads of one query; 0: one for each CPU.",
     .max = 256},
    {"max-queries", OPT_UINT, STORE(max_queries), "6", "Queries at the same time; others wait.", 1, 1000},
    {"max-inserts", OPT_UINT, STORE(max_inserts), "2", "Inserts at the same time; others wait.", 1, 100},
    {"background-threads", OPT_UINT, STORE(background_threads), "2", "Threads that merge parts.", 1, 64},
    {"mark-cache", OPT_SIZE, STORE(mark_cache), "64MiB",
     "Cache of index marks; more makes repeated queries over long times faster.", .min = 1 << 20},
    {"max-body", OPT_SIZE, STORE(max_body), "512MiB", "Largest request, also after unpacking.",
     .min = 1 << 20, .max = 1 << 30},
    {"confine", OPT_BOOL, STORE(confine), "true",
     "The kernel (Landlock) keeps the engine within its folder and the system's libraries."},
};
const struct opt_table store_table =
    OPT_TABLE("store", struct store_conf, store_rows,
              .help = "The embedded store: ClickHouse in a process of weir's own.");

#define INSERT(field) OPT_AT(struct store_insert_conf, field)
static const struct opt insert_rows[] = {
    {"maximum-batch-size", OPT_UINT, INSERT(maximum_batch_size), "50000", "Rows of one insert, about.", 1000,
     1000000, .unit = "rows", .flags = OPT_RELOAD},
    {"maximum-wait-time", OPT_DURATION, INSERT(maximum_wait_ns), "4s",
     "Length of a slot: receive time whose flows are inserted together, in whole seconds.", SECOND_NS,
     60 * SECOND_NS, .aka = "minimum-wait-time", .flags = OPT_RELOAD},
    {"grace-period", OPT_DURATION, INSERT(grace_period_ns), "1m", "Time for inserts under way at the end.",
     SECOND_NS, 3600 * SECOND_NS},
    {"oldest", OPT_DURATION, INSERT(oldest_ns), "7d",
     "How long before its receipt a flow may have been, by `timestamp-source`; what is said to be older gets "
     "its time of "
     "receipt. Derived from the orchestrator's section `clickhouse`: the shortest `ttl` of its "
     "`resolutions`.",
     3600 * SECOND_NS, .flags = OPT_RELOAD},
    {"rollups", OPT_BOOL, INSERT(rollups), "true",
     "Add up each minute and fill the finest consolidated table. Derived from the orchestrator's section "
     "`clickhouse` (`rollups`, `resolutions`), with which it must agree."},
};
const struct opt_table store_insert_table = OPT_TABLE("clickhouse", struct store_insert_conf, insert_rows);
