/* open: the bus that the configuration asks for. */
#pragma once
#include "bus/bus.h"
#include "bus/bus_conf.h"

struct bus_writer *bus_open_writer(const struct bus_conf *conf, const struct bus_kafka_producer_conf *kafka,
                                   const char *data_dir, struct err *e);
/* To look on beside the outlet (spool_onlooker_new); a reason when the bus cannot be read again so. */
struct bus_reader *bus_open_onlooker(const struct bus_conf *conf, const char *data_dir, struct err *e);
/* The spool is the inlet's to make: waits for it up to wait_ms. */
struct bus_reader *bus_open_reader(const struct bus_conf *conf, const struct bus_kafka_consumer_conf *kafka,
                                   const char *data_dir, unsigned wait_ms, struct err *e);
