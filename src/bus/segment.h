/*
 * segment: one file of the spool; records one behind the other.
 *
 * Written with pwrite, many records at a time, and read through a mapping, up to where the writer says it is
 * (spool_tail). A length of 0 means that no record is there, since the file's blocks are allocated as zeros and a writer
 * that comes back clears what the one before it left half-way. Each record carries its own check, since reading may
 * start at any of them.
 *
 * One thread at a time.
 */
#pragma once
#include "base/err.h"
#include "bus/bus.h"

enum { SEGMENT_END = 0xffffffff }; /* in place of a length: go on in the next segment */

struct segment {
    uint64_t base; /* offset of its first byte */
    uint8_t *map;  /* reader */
    size_t len;
    int fd;
    size_t at;    /* writer: where the next record goes */
    uint64_t seq; /* writer: number of the next record */
    bool ended;   /* writer: what comes next goes into the next segment */
    bool open;
};

/* A new file, its blocks allocated (so that a full disk is found here, not in the middle of a write). */
bool segment_create(struct segment *s, const char *path, uint64_t base, size_t len, uint64_t seq,
                    struct err *e);
/* To read. */
bool segment_open(struct segment *s, const char *path, uint64_t base, struct err *e);
/* To write on, behind its last whole record; *mended is raised when something half-written was cleared. */
bool segment_resume(struct segment *s, const char *path, uint64_t base, uint64_t *mended, struct err *e);
void segment_close(struct segment *s);

/* Bytes that a record with `len` bytes of data takes. */
size_t segment_need(size_t len);
/*
 * Puts a record behind those in `stage`, which are written to the segment together; false: the segment has no room for
 * it (what is staged is to be written, then the segment ended).
 */
bool segment_stage(const struct segment *s, struct buf *stage, uint64_t seq, enum bus_kind kind,
                   uint64_t second, const struct dgram *d);
/* Writes `n` staged records and empties the stage; on failure the stage stays as it is and e says why. */
bool segment_write(struct segment *s, struct buf *stage, size_t n, struct err *e);
/* Marks that the log goes on in the next segment. */
bool segment_end(struct segment *s, struct err *e);

enum segment_read { SEGMENT_RECORD, SEGMENT_NOTHING, SEGMENT_NEXT, SEGMENT_BAD };
/* The record at `offset` (which lies within); data is borrowed from the mapping. */
enum segment_read segment_read(const struct segment *s, uint64_t offset, struct bus_record *rec);
