/* Offsets are the spool's own; the tick at the end has the one behind the last record. */
#include "main/rewind/bus.h"
#include "base/arena.h"
#include "bus/spool.h"
#include <stdlib.h>

enum { TICK_AHEAD_S = 120 }; /* a later minute, whatever came last */

static struct rewind_bus *self(struct bus_reader *r)
{
    return (struct rewind_bus *)r;
}

static uint64_t look(const uint64_t *v)
{
    return __atomic_load_n(v, __ATOMIC_ACQUIRE);
}

static void show(uint64_t *v, uint64_t value)
{
    __atomic_store_n(v, value, __ATOMIC_RELEASE);
}

static size_t last_tick(struct rewind_bus_part *p, struct bus_record *rec)
{
    *rec = (struct bus_record){.offset = p->end,
                               .next = p->end + 1,
                               .seq = p->seq,
                               .kind = BUS_TICK,
                               .second = p->last_s + TICK_AHEAD_S};
    show(&p->at, p->end);
    __atomic_store_n(&p->ended, true, __ATOMIC_RELEASE);
    return 1;
}

/* As many of the records as may be handed out together: those before the span, or those from its first one on. */
static size_t up_to_span(struct rewind_bus *b, struct rewind_bus_part *p, const struct bus_record *rec,
                         size_t n)
{
    size_t early = 0;
    if (p->span != UINT64_MAX)
        return n;
    while (early < n && rec[early].second < b->span_s)
        early++;
    if (early > 0)
        return early;
    if (__atomic_load_n(&b->hold, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&p->held, true, __ATOMIC_RELEASE);
        return 0;
    }
    show(&p->span, rec[0].offset);
    return n;
}

static size_t read_log(struct bus_reader *r, unsigned i, uint64_t offset, struct bus_record *rec, size_t n,
                       unsigned wait_ms)
{
    struct rewind_bus *b = self(r);
    struct rewind_bus_part *p = &b->parts[i];
    if (p->ended)
        return 0;
    size_t got = offset < p->end ? b->log->read(b->log, i, offset, rec, n, 0) : 0, k = 0;
    while (k < got && rec[k].offset < p->end)
        k++;
    if (k == 0)
        return last_tick(p, rec);
    k = up_to_span(b, p, rec, k);
    if (k == 0)
        return 0;
    for (size_t at = 0; at < k; at++) {
        if (p->seq && rec[at].seq > p->seq)
            show(&p->lost, p->lost + rec[at].seq - p->seq);
        p->seq = rec[at].seq + 1;
    }
    p->last_s = rec[k - 1].second > p->last_s ? rec[k - 1].second : p->last_s;
    show(&p->at, rec[k - 1].next);
    return k;
}

static void release(struct bus_reader *r, unsigned i, uint64_t offset)
{
    self(r)->log->release(self(r)->log, i, offset);
}

static bool commit(struct bus_reader *r, unsigned i, uint64_t offset, struct str checkpoint, struct err *e)
{
    show(&self(r)->parts[i].committed, offset);
    return true;
}

static bool committed(struct bus_reader *r, unsigned i, uint64_t *offset, struct buf *checkpoint,
                      struct err *e)
{
    *offset = self(r)->parts[i].start;
    return true;
}

static void free_nothing(struct bus_reader *r)
{
}

bool rewind_bus_init(struct rewind_bus *b, struct bus_reader *log, uint64_t from_s, uint64_t span_s,
                     uint64_t to_s, struct err *e)
{
    *b = (struct rewind_bus){.r = {.partitions = log->partitions,
                                   .read = read_log,
                                   .release = release,
                                   .commit = commit,
                                   .committed = committed,
                                   .free = free_nothing},
                             .log = log,
                             .span_s = span_s,
                             .hold = true};
    b->parts = xcalloc(log->partitions, sizeof *b->parts);
    for (unsigned i = 0; i < log->partitions; i++) {
        struct rewind_bus_part *p = &b->parts[i];
        struct buf checkpoint;
        uint64_t done = 0, there;
        buf_init(&checkpoint, 0);
        bool ok = log->committed(log, i, &done, &checkpoint, e);
        buf_fini(&checkpoint);
        if (!ok)
            return err_wrap(e, "partition %u", i);
        p->last_s = to_s;
        spool_seek(log, i, from_s, &p->start, &there);
        spool_seek(log, i, to_s, &p->end, &there);
        p->end = p->end < done ? p->end : done;
        p->start = p->start < p->end ? p->start : p->end;
        p->at = p->start;
        p->span = UINT64_MAX;
    }
    return true;
}

void rewind_bus_fini(struct rewind_bus *b)
{
    free(b->parts);
    b->parts = NULL;
}

bool rewind_bus_held(const struct rewind_bus *b)
{
    bool all = true;
    for (unsigned i = 0; i < b->r.partitions; i++)
        all &= __atomic_load_n(&b->parts[i].held, __ATOMIC_ACQUIRE) ||
               __atomic_load_n(&b->parts[i].ended, __ATOMIC_ACQUIRE);
    return all;
}

void rewind_bus_go_on(struct rewind_bus *b)
{
    __atomic_store_n(&b->hold, false, __ATOMIC_RELEASE);
}

bool rewind_bus_done(const struct rewind_bus *b)
{
    bool all = true;
    for (unsigned i = 0; i < b->r.partitions; i++)
        all &= __atomic_load_n(&b->parts[i].ended, __ATOMIC_ACQUIRE) &&
               look(&b->parts[i].committed) >= b->parts[i].end;
    return all;
}

double rewind_bus_progress(const struct rewind_bus *b)
{
    uint64_t all = 0, done = 0;
    for (unsigned i = 0; i < b->r.partitions; i++) {
        all += b->parts[i].end - b->parts[i].start;
        done += look(&b->parts[i].at) - b->parts[i].start;
    }
    return all ? (double)done / (double)all : 1;
}

uint64_t rewind_bus_lost(const struct rewind_bus *b)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < b->r.partitions; i++)
        n += look(&b->parts[i].lost);
    return n;
}

bool rewind_bus_is_early(const struct rewind_bus *b, unsigned partition, uint64_t last)
{
    return partition < b->r.partitions && last < look(&b->parts[partition].span);
}
