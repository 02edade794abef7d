/*
 * rewind_bus: what `weir rewind` gives an outlet for its bus: a stretch of the spool, from some time before the span (so that
 * templates, rates and limits are known in it) to a little behind it. It ends with a tick, which closes what is open; a
 * partition is done when the outlet commits behind that. Commits go nowhere.
 *
 * Made and looked at by the main thread; each partition is read by one worker of the outlet.
 */
#pragma once
#include "bus/bus.h"

struct rewind_bus_part {
    uint64_t start, end; /* offsets of the stretch */
    uint64_t span;       /* of the first record that may be about the span; UINT64_MAX: not met yet */
    uint64_t at, last_s, seq, committed, lost;
    bool held, ended;
};

struct rewind_bus {
    struct bus_reader r;
    struct bus_reader *log; /* the spool's */
    struct rewind_bus_part *parts;
    uint64_t span_s; /* wall second from which on records may be about the span */
    bool hold;       /* nothing is read beyond there */
};

/* Records from wall second `from_s` to `to_s`, none that is not committed. `log` is the caller's to free, afterwards. */
bool rewind_bus_init(struct rewind_bus *b, struct bus_reader *log, uint64_t from_s, uint64_t span_s,
                     uint64_t to_s, struct err *e);
void rewind_bus_fini(struct rewind_bus *b);
/* All partitions have come to where the span begins, or to the end. */
bool rewind_bus_held(const struct rewind_bus *b);
void rewind_bus_go_on(struct rewind_bus *b);
bool rewind_bus_done(const struct rewind_bus *b);
/* How much of the stretch was read, 0 to 1. */
double rewind_bus_progress(const struct rewind_bus *b);
/* Records that should be in the stretch and are not there. */
uint64_t rewind_bus_lost(const struct rewind_bus *b);
/* Is a block that ends with that record about times before the span? */
bool rewind_bus_is_early(const struct rewind_bus *b, unsigned partition, uint64_t last);
