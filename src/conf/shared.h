/*
 * shared: configuration blocks that several modules have: http, reporting, tls, sasl, the Kafka connection.
 *
 * Plain data of a loaded configuration; never changed after loading.
 */
#pragma once
#include "conf/opt.h"
#include "net/tls.h"

extern const struct opt_table tls_table; /* struct tls_conf */

enum conf_cache_type { CACHE_MEMORY, CACHE_REDIS };

struct conf_cache {
    int type; /* enum conf_cache_type */
    const char *protocol, *server, *username, *password;
    int64_t db;
};

struct conf_http {
    const char *listen;
    bool profiler;
    struct opt_list hosts;
    struct conf_cache cache;
};
/* A section's row: {"http", OPT_STRUCT, OPT_AT(...), .sub = &conf_http_table, .def = "{listen: \"127.0.0.1:8082\"}"} */
extern const struct opt_table conf_http_table;

enum conf_log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct conf_reporting {
    struct {
        int level;  /* enum log_level */
        int format; /* enum conf_log_format */
    } logging;
};
extern const struct opt_table conf_reporting_table;

enum conf_sasl_mechanism { SASL_NONE, SASL_PLAIN, SASL_SCRAM_SHA256, SASL_SCRAM_SHA512, SASL_OAUTH };

struct conf_sasl {
    const char *username, *password;
    int mechanism; /* enum conf_sasl_mechanism */
    const char *oauth_token_url;
    struct opt_list oauth_scopes;
};
extern const struct opt_table conf_sasl_table;

/* Connection to Kafka: the head of every section that uses it. */
struct conf_kafka {
    const char *topic; /* base name */
    struct opt_list brokers;
    struct tls_conf tls;
    struct conf_sasl sasl;
};
extern const struct opt_table conf_kafka_table;

/* The same rows inside another table, for its member `field` of type struct conf_kafka. */
#define CONF_KAFKA_ROWS(type, field, topic_default)                                                          \
    {"topic", OPT_STRING, OPT_AT(type, field.topic), .def = topic_default,                                   \
     .help = "Base name of the topic; the protocol's version is added to it."},                              \
        {"brokers",                                                                                          \
         OPT_LIST,                                                                                           \
         OPT_AT(type, field.brokers),                                                                        \
         .item = OPT_STRING,                                                                                 \
         .flags = OPT_ADDRESS,                                                                               \
         .def = "[\"127.0.0.1:9092\"]",                                                                      \
         .help = "Addresses of brokers to begin with."},                                                     \
        {"tls", OPT_STRUCT, OPT_AT(type, field.tls), .sub = &tls_table, .help = "TLS to the brokers."},      \
        {"sasl", OPT_STRUCT, OPT_AT(type, field.sasl), .sub = &conf_sasl_table,                              \
         .help = "Authentication at the brokers."},                                                          \
    {                                                                                                        \
        "version", OPT_STRING, OPT_AT(type, field), .flags = OPT_OLD,                                        \
                                                    .help = "the broker's version is found out"              \
    }
