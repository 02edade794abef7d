/*
 * outlet_part: one partition of the bus in its worker: what is open, what is not settled yet, what was committed.
 *
 * Only its worker's thread may call.
 */
#pragma once
#include "main/outlet/limit.h"
#include "main/outlet/worker.h"

/* Rows of the batch up to `end` that one row of the ledger accounts for. */
struct row_run {
    uint32_t end, ledger_row;
};

struct part_job {
    struct insert_job job;
    struct minute *minute;
    struct tally tally; /* of a block of flows */
};

/* From one commit point to the next. */
struct minute {
    struct minute *next;
    uint64_t first, last;  /* offsets of its records */
    struct buf checkpoint; /* as it stands in the commit that begins with this minute */
    struct ledger ledger;
    struct part_job *jobs; /* not settled */
    uint32_t weight;       /* deduplication tokens used, as table partitions count them */
    uint32_t rollup_parts;
    bool closed, told; /* no more records; the ledger is with the inserter (or there was nothing to tell) */
};

struct part {
    struct worker *w;
    unsigned index;
    uint64_t lineage; /* tells this log's tokens from those of another that had the same offsets */
    uint64_t offset;  /* to be read next */
    uint64_t seq;     /* expected next; 0: any */
    struct cut cut;
    struct limit limit;
    struct enricher enricher;
    void *decoder;
    struct block *block;
    struct rollup *rollup;
    struct tally tally;
    struct minute *minutes, **last_minute, *open; /* oldest first */
    uint64_t slot_first, slot_last, slot_rows, minute_rows;
    uint32_t slot_parts;
    uint32_t weight;       /* of all minutes */
    unsigned commit_pause; /* rounds until a failed commit is tried again */
    bool caught_up;        /* all that was on the bus at the start is read: no earlier life went further */
    bool draining;         /* another rule is to begin here */
    /* the datagram being decoded */
    const struct dgram *now;
    uint32_t now_from; /* its first row in the batch */
    uint32_t now_factor;
    bool now_dropped;     /* its rows are beyond the rate limit */
    uint32_t now_row;     /* its row of the ledger */
    struct row_run *runs; /* whose the batch's rows are, datagram by datagram; BATCH_ROWS */
    uint32_t n_runs;
};

/* The offsets of the records that a block's token names; false: not such a token. */
bool part_token_read(const char *token, unsigned *partition, uint64_t *first, uint64_t *last);

struct part *part_new(struct worker *w, unsigned index, struct err *e);
void part_free(struct part *p);
/* Should more be read now? */
bool part_ready(const struct part *p);
/* Records in their order; returns how many were taken, fewer than n when the rest must wait. */
size_t part_take(struct part *p, const struct bus_record *rec, size_t n);
/* Looks after what the inserter has settled, and commits; true when something changed. */
bool part_settle(struct part *p);
