/* Chooses between the kinds of bus, and turns shares of the disk into bytes. */
#include "bus/open.h"
#include "bus/kafka.h"
#include "bus/spool.h"
#include "bus/spool_dir.h"
#include <stdio.h>
#include <sys/statvfs.h>

static void spool_path(char *path, const struct bus_conf *conf, const char *data_dir)
{
    if (conf->dir[0])
        snprintf(path, SPOOL_PATH_MAX, "%s", conf->dir);
    else
        snprintf(path, SPOOL_PATH_MAX, "%s/spool", data_dir);
}

static uint64_t size_of(uint64_t want, const char *dir)
{
    struct statvfs fs;
    if (!(want & OPT_PERCENT))
        return want;
    if (statvfs(dir, &fs) != 0)
        return (uint64_t)1 << 30;
    return (uint64_t)fs.f_blocks * fs.f_frsize / 100 * (want & ~OPT_PERCENT);
}

struct bus_writer *bus_open_writer(const struct bus_conf *conf, const struct bus_kafka_producer_conf *kafka,
                                   const char *data_dir, struct err *e)
{
    if (conf->type == BUS_KAFKA)
        return kafka_writer_new(kafka, e);
    char dir[SPOOL_PATH_MAX];
    spool_path(dir, conf, data_dir);
    struct spool_conf spool = {.dir = dir,
                               .partitions = (unsigned)conf->partitions,
                               .segment_len = conf->segment_size,
                               .max_size = size_of(conf->max_size, data_dir),
                               .max_age_s = conf->retention_ns / 1000000000u};
    return spool_writer_new(&spool, e);
}

struct bus_reader *bus_open_reader(const struct bus_conf *conf, const struct bus_kafka_consumer_conf *kafka,
                                   const char *data_dir, unsigned wait_ms, struct err *e)
{
    if (conf->type == BUS_KAFKA)
        return kafka_reader_new(kafka, e);
    char dir[SPOOL_PATH_MAX];
    spool_path(dir, conf, data_dir);
    return spool_reader_new(dir, wait_ms, e);
}

struct bus_reader *bus_open_onlooker(const struct bus_conf *conf, const char *data_dir, struct err *e)
{
    char dir[SPOOL_PATH_MAX];
    if (conf->type == BUS_KAFKA) {
        err_set(e, "with Kafka as the bus this is not supported yet: only a spool can be read again");
        return NULL;
    }
    spool_path(dir, conf, data_dir);
    return spool_onlooker_new(dir, e);
}
