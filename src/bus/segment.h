/*
 * segment: one file of the spool, mapped; records one behind the other.
 *
 * A record is published by storing its length last (release); a reader in another process loads it first (acquire), and
 * a length of 0 means that nothing more is there yet. Before publishing, the length behind the new record is zeroed, so
 * that a writer that died half-way leaves nothing that looks like a record. Each record carries its own check, since
 * reading may start at any of them.
 */
#pragma once
#include "base/err.h"
#include "bus/bus.h"

enum { SEGMENT_END = 0xffffffff }; /* in place of a length: go on in the next segment */

struct segment {
    uint64_t base; /* offset of its first byte */
    uint8_t *map;
    size_t len;
    int fd;       /* to sync it */
    size_t at;    /* writer: where the next record goes */
    uint64_t seq; /* writer: number of the next record */
};

/* A new file, its blocks allocated (so that a full disk is found here, not in the middle of a write). */
bool segment_create(struct segment *s, const char *path, uint64_t base, size_t len, uint64_t seq,
                    struct err *e);
/* An existing one; to write on, `at` and `seq` are put behind its last whole record. */
bool segment_open(struct segment *s, const char *path, uint64_t base, bool write, struct err *e);
void segment_close(struct segment *s);

/* Bytes that a record with `len` bytes of data takes. */
size_t segment_need(size_t len);
/* Appends; false when it does not fit, and the segment is then ended. */
bool segment_append(struct segment *s, enum bus_kind kind, uint64_t second, const struct dgram *d);

enum segment_read { SEGMENT_RECORD, SEGMENT_NOTHING, SEGMENT_NEXT, SEGMENT_BAD };
/* The record at `offset` (which lies within); data is borrowed from the mapping. */
enum segment_read segment_read(const struct segment *s, uint64_t offset, struct bus_record *rec);
/*
 * Writer, after segment_open: clears what a writer that died left behind the last whole record. Returns 1 when there was
 * something. A segment that was already ended stays so.
 */
unsigned segment_mend(struct segment *s);
