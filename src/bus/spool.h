/*
 * spool: the bus as files in a directory; one process writes, one reads, each may die and come back at any moment.
 *
 * Layout: DIR/format, DIR/<partition>/<offset of its first byte, 20 digits>.seg, and beside it the small files commit,
 * read (the mark: how far any reader came) and tail. An offset is a byte position in the partition's endless log, so it
 * stays valid for as long as its segment does.
 */
#pragma once
#include "bus/bus.h"

struct spool_conf {
    const char *dir;
    unsigned partitions;
    uint64_t segment_len; /* bytes of one segment file; 0: 16 MiB */
    uint64_t max_size;    /* bytes of all segments; 0: no bound */
    uint64_t max_age_s;   /* a committed segment goes when its newest record is older; 0: no bound */
};

/* Repairs torn tails. NULL with a reason: another writer has it, other number of partitions, no permission. */
struct bus_writer *spool_writer_new(const struct spool_conf *conf, struct err *e);

struct spool_totals {
    uint64_t bytes, segments;
    uint64_t shed_segments, shed_datagrams; /* dropped unread at the bound */
    uint64_t repaired;                      /* torn tails found at start */
};
void spool_writer_totals(const struct bus_writer *w, struct spool_totals *t);

/* `dir` must have been made by a writer; waits for that up to wait_ms. */
struct bus_reader *spool_reader_new(const char *dir, unsigned wait_ms, struct err *e);
/*
 * One that looks on beside the reader and reads again what that is done with: it commits nothing, and holds a segment only
 * until it is released.
 */
struct bus_reader *spool_onlooker_new(const char *dir, struct err *e);
/* A record of the log: the first one of `second` or later. False: there is none, and *offset is the log's end. */
bool spool_seek(const struct bus_reader *r, unsigned partition, uint64_t second, uint64_t *offset,
                uint64_t *at_second);
/* Records that could not be read because their bytes do not match their check, or were dropped before being read. */
uint64_t spool_reader_skipped(const struct bus_reader *r);
