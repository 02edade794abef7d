/*
 * bus: carries datagrams from the inlet to the outlet; partitions are append-only logs addressed by offset.
 *
 * Two implementations behind these tables: spool (segmented files in a directory) and kafka (librdkafka). A partition is
 * the hash of the exporter's UDP source address (bus_partition). Records are datagrams and ticks (the inlet's wall
 * second, once a second, so that quiet partitions close their slots too).
 *
 * bus_writer: any receive thread may append to any partition. bus_reader: one thread per partition at a time.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "schema/dgram.h"

enum bus_kind { BUS_DGRAM, BUS_TICK };

struct bus_record {
    uint64_t offset; /* of this record; the next one's is larger, not always by one */
    uint64_t next;   /* where reading goes on behind it */
    uint64_t seq;    /* number of the record in its partition; a gap is a loss */
    enum bus_kind kind;
    uint64_t second; /* wall second: receive time of a datagram, or the tick itself */
    struct dgram
        d; /* data borrowed from the bus until bus_reader->release; of a tick: its notes (bus_tick_note) */
};

/*
 * What a tick tells besides the time, so that the ledger follows from the bus alone: datagrams of an exporter that were
 * received and not kept (or kept and dropped unread), and datagrams that the kernel dropped at a socket.
 */
enum bus_note_kind {
    BUS_NOTE_SHED = 1,
    BUS_NOTE_KERNEL = 2,  /* an estimate: the kernel does not know whose they were, nor exactly when */
    BUS_NOTE_DROPPED = 3, /* the spool's own mark: which segment the notes before it are about */
};

struct bus_note {
    struct ip src;   /* exporter; zero for a socket */
    uint64_t minute; /* wall minute of receipt (seconds / 60) */
    uint64_t datagrams;
    enum bus_note_kind kind;
};

enum { BUS_NOTE_LEN = 40 };
void bus_note_put(struct buf *out, const struct bus_note *n);
/* The next note of a tick's data, but for marks; false at the end. */
bool bus_note_next(struct str *data, struct bus_note *n);
/* The same with marks. */
bool bus_note_any(struct str *data, struct bus_note *n);

/* What a partition holds that the reader has not read yet. */
struct bus_lag {
    uint64_t records, bytes;
    uint64_t newest_s; /* wall second of the newest record on the bus; 0: none */
    uint64_t end;      /* offset behind the newest record */
};

struct bus_writer {
    unsigned partitions;
    /*
     * Appends n datagrams to one partition; after the next flush they are acknowledged: they survive the process. Both
     * return how many datagrams were lost (then e says why: disk full, broker away); these are noted as shed, for the next
     * tick to tell.
     */
    size_t (*append)(struct bus_writer *w, unsigned partition, const struct dgram *d, size_t n,
                     struct err *e);
    size_t (*flush)(struct bus_writer *w, struct err *e);
    /* A tick into every partition; also the moment of fsync and retention. */
    void (*tick)(struct bus_writer *w, uint64_t second);
    /* Something for the next tick of the partition to tell: datagrams the caller had to give up, or kernel drops. */
    void (*note)(struct bus_writer *w, unsigned partition, const struct bus_note *n);
    void (*free)(struct bus_writer *w);
};

struct bus_reader {
    unsigned partitions;
    /* Partitions this process owns right now change only inside poll (Kafka rebalance); spool: all of them. */
    /*
     * Next records of `partition` from `*offset` on, up to n; waits at most wait_ms. Returns how many (0: nothing new).
     * A record lost to the bound of the spool is skipped: `shed` of bus_shed tells.
     */
    size_t (*read)(struct bus_reader *r, unsigned partition, uint64_t offset, struct bus_record *rec,
                   size_t n, unsigned wait_ms);
    /* Records before `offset` are no longer borrowed. */
    void (*release)(struct bus_reader *r, unsigned partition, uint64_t offset);
    /* One atomic record per partition: offset and an opaque checkpoint (slot rule and decoder state). */
    bool (*commit)(struct bus_reader *r, unsigned partition, uint64_t offset, struct str checkpoint,
                   struct err *e);
    /* What was committed last; *offset is the start of the log and the checkpoint empty when nothing was. */
    bool (*committed)(struct bus_reader *r, unsigned partition, uint64_t *offset, struct buf *checkpoint,
                      struct err *e);
    void (*lag)(struct bus_reader *r, unsigned partition, struct bus_lag *lag);
    void (*free)(struct bus_reader *r);
};

/* FNV/xxh3 of the 16 address bytes, reduced; the same in every process and version (it decides where state lives). */
unsigned bus_partition(struct ip src, unsigned partitions);
