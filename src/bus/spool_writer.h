/*
 * spool_writer: what the files of the spool's writing side share: appending (spool_writer.c), dropping (spool_retain.c).
 *
 * Appending: any thread, under the partition's lock. Dropping: the tick's thread, and start.
 */
#pragma once
#include "bus/segment.h"
#include "bus/shed.h"
#include "bus/spool.h"
#include "bus/spool_dir.h"
#include "bus/spool_tail.h"
#include <pthread.h>

struct spool_part {
    pthread_mutex_t lock;
    struct segment cur;
    struct spool_segments segs; /* all of the partition, the current one last */
    uint64_t bytes;             /* of all of them */
    uint64_t start, start_seq;  /* where the first segment begins */
    struct shed shed;
    struct buf stage; /* records on their way into the file, and how many */
    size_t n_staged;
    uint64_t staged_s; /* wall second of the last one */
    struct spool_tail *tail;
    int *rolled; /* files ended since the last sync */
    size_t n_rolled;
    uint64_t uncached; /* segments before this offset are out of the page cache */
    bool new_names;    /* files made since the last sync */
    bool failing;      /* the last write failed; why says how; the next tick tries again */
    bool said;
    struct err why;
};

struct spool_writer {
    struct bus_writer w;
    struct spool_conf conf;
    char dir[SPOOL_PATH_MAX];
    int lock_fd;
    struct spool_part *parts;
    struct counters *counters;
    struct spool_totals totals; /* tick thread only, but for repaired */
};

/* A tick with all that is to be told, and `last` (may be NULL) behind it. */
bool spool_writer_tick(struct spool_writer *s, unsigned partition, uint64_t second,
                       const struct bus_note *last);

/* Drops what is beyond age and size. */
void spool_retain(struct spool_writer *s, uint64_t now_s);
/* At start: drops that a writer began and did not come to finish. */
bool spool_finish_drops(struct spool_writer *s, unsigned partition, struct err *e);
