/* spool_dir: names and small files of a spool: its format, its partitions' segments and commits. Any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { SPOOL_PATH_MAX = 4096, SPOOL_PARTITIONS_MAX = 1024 };

struct spool_segments {
    uint64_t *bases; /* ascending */
    size_t n;
};

/* DIR/format: version and number of partitions; made when absent. */
bool spool_dir_make(const char *dir, unsigned partitions, struct err *e);
/* Number of partitions; 0 when there is no spool (yet), with a reason in e. */
unsigned spool_dir_partitions(const char *dir, struct err *e);

void spool_segment_path(char *path, const char *dir, unsigned partition, uint64_t base);
bool spool_segments_list(struct spool_segments *s, const char *dir, unsigned partition, struct err *e);
void spool_segments_free(struct spool_segments *s);

/* The commit file: replaced as a whole, checked when read. Absent: offset 0 and an empty checkpoint. */
bool spool_commit_write(const char *dir, unsigned partition, uint64_t offset, struct str checkpoint,
                        struct err *e);
bool spool_commit_read(const char *dir, unsigned partition, uint64_t *offset, struct buf *checkpoint,
                       struct err *e);

/* The committed offset alone; 0 when nothing was. */
uint64_t spool_committed(const char *dir, unsigned partition);

/*
 * The mark, DIR/<partition>/read: no life of the reader has come to read anything from this offset on; 0 when nothing was
 * read. It outlives any process, but is not synced: with the machine's power it may fall back by some seconds.
 */
uint64_t spool_mark(const char *dir, unsigned partition);
bool spool_mark_write(const char *dir, unsigned partition, uint64_t offset, struct err *e);

bool spool_read_file(const char *path, struct buf *out, struct err *e);
