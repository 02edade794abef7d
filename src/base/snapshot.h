/*
 * snapshot: a pointer to something immutable that one thread replaces and many read, at the cost of one load (RCU, QSBR).
 *
 * Readers register their thread (snapshot_reader_on), report between two batches that they hold nothing
 * (snapshot_reader_quiet), and go away for the time of anything that can block. The writer is one thread at a time and
 * never waits: what it replaces is freed when no reader can see it any more.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct snapshot_box;

struct snapshot {
    struct snapshot_box *now;
};

struct snapshot_view {
    const void *data;    /* NULL: none was published yet */
    uint64_t generation; /* another one for each that is published, over all snapshots of the process */
};

/* `data` is the snapshot's from now on; freed with free_fn (may be NULL). */
void snapshot_publish(struct snapshot *s, void *data, void (*free_fn)(void *));
/* At the end, when no reader is left. */
void snapshot_fini(struct snapshot *s);
/* Valid until the thread's next snapshot_reader_quiet or snapshot_reader_away. */
struct snapshot_view snapshot_get(const struct snapshot *s);

void snapshot_reader_on(void);
void snapshot_reader_off(void);
void snapshot_reader_quiet(void);
void snapshot_reader_away(void);
void snapshot_reader_back(void);
