/* store_conf: section store (the embedded store) and outlet.clickhouse (how the outlet inserts). Constant once loaded. */
#pragma once
#include "conf/opt.h"

struct store_conf {
    const char *username, *password;      /* of the one who may write */
    const char *reader, *reader_password; /* of those who may only read; "" none */
    const char *dir;                      /* "": DATA/store */
    const char *library;                  /* path of libchdb.so; "": where setup put it */
    uint64_t max_size;                    /* bytes or OPT_PERCENT of the disk */
    uint64_t max_memory;                  /* bytes or OPT_PERCENT of the machine's */
    uint64_t max_query_ns, max_result_rows, max_query_memory, query_threads; /* of one query */
    uint64_t max_queries, max_inserts, background_threads;
    uint64_t mark_cache, max_body; /* bytes */
    bool confine;
};
extern const struct opt_table store_table;

struct store_insert_conf {
    uint64_t maximum_batch_size, maximum_wait_ns, grace_period_ns;
    uint64_t oldest_ns; /* how far before its receipt a row's time may lie */
    bool rollups;       /* the outlet fills flows_1m0s */
};
extern const struct opt_table store_insert_table;
