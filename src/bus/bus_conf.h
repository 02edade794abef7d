/* bus_conf: what carries datagrams from the inlet to the outlet. Constant once loaded. */
#pragma once
#include "conf/shared.h"

enum bus_type { BUS_AUTO, BUS_SPOOL, BUS_KAFKA };

/* Section bus, the same for inlet and outlet. */
struct bus_conf {
    int type;            /* enum bus_type; never BUS_AUTO in a role's configuration */
    const char *dir;     /* spool: "" is DATA/spool */
    uint64_t partitions; /* spool */
    uint64_t retention_ns;
    uint64_t max_size; /* bytes or OPT_PERCENT of the disk */
    uint64_t segment_size;
};
extern const struct opt_table bus_table;

enum bus_compression {
    BUS_COMPRESS_NONE,
    BUS_COMPRESS_GZIP,
    BUS_COMPRESS_SNAPPY,
    BUS_COMPRESS_LZ4,
    BUS_COMPRESS_ZSTD
};
enum bus_balance { BUS_BALANCE_RANDOM, BUS_BALANCE_BY_EXPORTER };

/* inlet.kafka */
struct bus_kafka_producer_conf {
    struct conf_kafka kafka;
    int compression, balance;
    uint64_t queue_size;
};
extern const struct opt_table bus_kafka_producer_table;

/* outlet.kafka-input */
struct bus_kafka_consumer_conf {
    struct conf_kafka kafka;
    const char *consumer_group;
    uint64_t fetch_min_bytes, fetch_max_wait_ns;
    uint64_t min_workers, max_workers;
    uint64_t increase_limit_ns, decrease_limit_ns;
};
extern const struct opt_table bus_kafka_consumer_table;

/* outlet.kafka-output */
struct bus_kafka_output_conf {
    struct conf_kafka kafka;
    bool enabled;
    int compression, balance;
    uint64_t queue_size, shutdown_timeout_ns;
};
extern const struct opt_table bus_kafka_output_table;
