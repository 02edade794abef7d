/*
 * kafka: the bus over a Kafka cluster: topic <topic>-v5 of RawFlow messages, and the compacted topic <topic>-v5-state
 * with one record per consumer group and partition: offset and checkpoint together.
 *
 * A datagram is acknowledged when the brokers have it; one they refuse later is noted as shed. One outlet reads all
 * partitions; an offset is Kafka's own.
 */
#pragma once
#include "bus/bus.h"
#include "bus/bus_conf.h"
#include <librdkafka/rdkafka.h>

struct bus_writer *kafka_writer_new(const struct bus_kafka_producer_conf *conf, struct err *e);
struct bus_reader *kafka_reader_new(const struct bus_kafka_consumer_conf *conf, struct err *e);

/* For both sides: librdkafka's settings of a connection; further ones by name. NULL with a reason. */
rd_kafka_conf_t *kafka_settings(const struct conf_kafka *conf, struct err *e);
bool kafka_set(rd_kafka_conf_t *rk, const char *name, const char *value, struct err *e);
/* Makes the topic when it is not there; returns its partitions, 0 with a reason. */
unsigned kafka_topic_make(rd_kafka_t *rk, const char *topic, unsigned partitions, bool compacted,
                          struct err *e);
void kafka_topic_name(char *name, size_t room, const struct conf_kafka *conf, const char *suffix);
