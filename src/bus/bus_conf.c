/* Option tables of the bus. */
#include "bus/bus_conf.h"

static const struct opt_choice bus_types[] = {
    {"auto", BUS_AUTO, "kafka when the file names brokers, else spool"},
    {"spool", BUS_SPOOL, "files on this machine"},
    {"kafka", BUS_KAFKA, "a Kafka cluster"},
    {NULL}};

#define BUS(field) OPT_AT(struct bus_conf, field)
static const struct opt bus_rows[] = {
    {"type", OPT_ENUM, BUS(type), "auto",
     "What carries datagrams from inlet to outlet: `spool` is a log in files on this machine, `kafka` a "
     "cluster; `auto` is "
     "kafka when the file names brokers, else spool.",
     .choices = bus_types},
    {"dir", OPT_STRING, BUS(dir), "", "Folder of the spool; empty: `spool` in the data directory."},
    {"partitions", OPT_UINT, BUS(partitions), "8", "Partitions of the spool; fixed once it exists.", 1, 256},
    {"retention", OPT_DURATION, BUS(retention_ns), "24h", "How long the spool keeps datagrams.", 60000000000,
     365ull * 86400 * 1000000000},
    {"max-size", OPT_SIZE, BUS(max_size), "10%", "Most the spool may take, or a share of its disk.",
     .flags = OPT_ALLOW_PERCENT, .min = 16 << 20},
    {"segment-size", OPT_SIZE, BUS(segment_size), "16MiB", "Size of one file.", 1 << 20, 1 << 30},
};
const struct opt_table bus_table = OPT_TABLE("bus", struct bus_conf, bus_rows);

static const struct opt_choice codecs[] = {
    {"none", BUS_COMPRESS_NONE, ""}, {"gzip", BUS_COMPRESS_GZIP, ""}, {"snappy", BUS_COMPRESS_SNAPPY, ""},
    {"lz4", BUS_COMPRESS_LZ4, ""},   {"zstd", BUS_COMPRESS_ZSTD, ""}, {NULL}};
static const struct opt_choice balances[] = {
    {"random", BUS_BALANCE_RANDOM, ""}, {"by-exporter", BUS_BALANCE_BY_EXPORTER, ""}, {NULL}};
#define OLD(key_, help_)                                                                                     \
    {                                                                                                        \
        key_, OPT_STRING, 0, .help = help_, .flags = OPT_OLD                                                 \
    }

#define PRODUCER(field) OPT_AT(struct bus_kafka_producer_conf, field)
static const struct opt producer_rows[] = {
    CONF_KAFKA_ROWS(struct bus_kafka_producer_conf, kafka, "flows"),
    {"compression-codec", OPT_ENUM, PRODUCER(compression), "lz4", "Compression of batches.",
     .choices = codecs},
    {"queue-size", OPT_UINT, PRODUCER(queue_size), "4096", "Most records on their way to the brokers.", 1,
     10000000},
    {"load-balance", OPT_ENUM, PRODUCER(balance), "by-exporter",
     "Which partition a datagram goes to. weir's outlets want all of an exporter's in one.",
     .choices = balances},
    OLD("max-message-bytes", "the brokers' limit counts"),
    OLD("flush-interval", "batches are sent when full or at once"),
    OLD("flush-bytes", "batches are sent when full or at once"),
    OLD("flush-messages", "batches are sent when full or at once"),
};
const struct opt_table bus_kafka_producer_table =
    OPT_TABLE("Kafka producer", struct bus_kafka_producer_conf, producer_rows);

#define CONSUMER(field) OPT_AT(struct bus_kafka_consumer_conf, field)
static const struct opt consumer_rows[] = {
    CONF_KAFKA_ROWS(struct bus_kafka_consumer_conf, kafka, "flows"),
    {"consumer-group", OPT_STRING, CONSUMER(consumer_group), "akvorado-outlet",
     "Group that shares the partitions."},
    {"fetch-min-bytes", OPT_UINT, CONSUMER(fetch_min_bytes), "1000000",
     "Bytes a broker gathers before it answers.", 1, 1 << 30, .unit = "bytes"},
    {"fetch-max-wait-time", OPT_DURATION, CONSUMER(fetch_max_wait_ns), "1s",
     "How long a broker waits for them.", 1000000, 60000000000},
    {"min-workers", OPT_UINT, CONSUMER(min_workers), "1", "Fewest workers.", 1, 256},
    {"max-workers", OPT_UINT, CONSUMER(max_workers), "8", "Most workers; never more than partitions.", 1,
     256},
    {"worker-increase-rate-limit", OPT_DURATION, CONSUMER(increase_limit_ns), "1m",
     "Time between two more workers."},
    {"worker-decrease-rate-limit", OPT_DURATION, CONSUMER(decrease_limit_ns), "10m",
     "Time between two fewer workers."},
};

static bool consumer_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct bus_kafka_consumer_conf *c = conf;
    *bad_key = "max-workers";
    return c->min_workers <= c->max_workers || err_set(e, "less than min-workers");
}
const struct opt_table bus_kafka_consumer_table =
    OPT_TABLE("Kafka consumer", struct bus_kafka_consumer_conf, consumer_rows, .check = consumer_check);

#define OUTPUT(field) OPT_AT(struct bus_kafka_output_conf, field)
static const struct opt output_rows[] = {
    CONF_KAFKA_ROWS(struct bus_kafka_output_conf, kafka, "flows-enriched"),
    {"enabled", OPT_BOOL, OUTPUT(enabled), "false", "Send completed flows to a topic."},
    {"compression-codec", OPT_ENUM, OUTPUT(compression), "lz4", "Compression of batches.", .choices = codecs},
    {"queue-size", OPT_UINT, OUTPUT(queue_size), "4096",
     "Most records on their way; more are dropped and counted."},
    {"load-balance", OPT_ENUM, OUTPUT(balance), "random", "Which partition a flow goes to.",
     .choices = balances},
    {"shutdown-timeout", OPT_DURATION, OUTPUT(shutdown_timeout_ns), "1s",
     "Time to send what is left at the end."},
};
const struct opt_table bus_kafka_output_table =
    OPT_TABLE("Kafka output", struct bus_kafka_output_conf, output_rows);
