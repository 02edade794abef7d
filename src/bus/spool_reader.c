/*
 * The reading side: segments are mapped as reading comes to them, and stay mapped until they are both released and
 * committed; for that time a lock on the file (flock) keeps the writer from dropping it. Before the first record of a
 * segment is handed out, the mark (spool_mark) moves behind the segment, so that what lies between commit and mark is kept
 * for the next reader when this one dies: it will read all of that again, and must find the same. Nothing else is written
 * but commits. The reader follows the writer through the partition's tail.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "bus/segment.h"
#include "bus/spool.h"
#include "bus/spool_dir.h"
#include "bus/spool_tail.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_MIN_NS = 1000000, POLL_MAX_NS = 16000000 };

struct part {
    struct segment *open; /* ascending, neighbours not necessarily */
    size_t n_open;
    struct spool_tail *tail;
    uint64_t read_to, read_seq; /* behind the last record handed out */
    uint64_t released, committed, mark;
    uint64_t skipped;
    long poll_ns; /* grows while nothing comes */
};

struct spool_reader {
    struct bus_reader r;
    char dir[SPOOL_PATH_MAX];
    struct part *parts;
};

static struct spool_reader *self(struct bus_reader *r)
{
    return (struct spool_reader *)r;
}

static struct segment *opened(struct part *p, uint64_t offset)
{
    for (size_t i = p->n_open; i-- > 0;)
        if (offset >= p->open[i].base && offset < p->open[i].base + p->open[i].len)
            return &p->open[i];
    return NULL;
}

/* Is the open file still the one with this name? */
static bool still_there(const char *path, int fd)
{
    struct stat a, b;
    return stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static bool move_mark(struct spool_reader *s, unsigned i, uint64_t offset, struct err *e)
{
    struct part *p = &s->parts[i];
    if (offset <= p->mark)
        return true;
    if (!spool_mark_write(s->dir, i, offset, e))
        return false;
    p->mark = offset;
    return true;
}

enum taken { TAKEN, TAKE_NEXT, TAKE_LATER };

/* Locks the segment, which the writer may be about to drop, and says so for those who come after. */
static enum taken take(struct spool_reader *s, unsigned i, uint64_t base, struct segment *seg)
{
    struct err e;
    char path[SPOOL_PATH_MAX + 64];
    spool_segment_path(path, s->dir, i, base);
    enum taken how = TAKEN;
    errno = 0;
    if (!segment_open(seg, path, base, &e))
        how =
            errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR ? TAKE_LATER : TAKE_NEXT;
    if (how == TAKEN) {
        /* the writer has it for a moment only */
        bool locked = flock(seg->fd, LOCK_SH) == 0, there = still_there(path, seg->fd);
        if (!there)
            how = TAKE_NEXT;
        else if (!locked && !err_errno(&e, "cannot lock %s", path))
            how = TAKE_LATER;
        else if (!move_mark(s, i, seg->base + seg->len, &e))
            how = TAKE_LATER;
        if (how != TAKEN)
            segment_close(seg);
    }
    if (how == TAKE_LATER)
        log_error("spool", "cannot read now; trying on", "partition", LOG_U64(i), "error", e.msg, NULL);
    return how;
}

static struct segment *keep(struct part *p, const struct segment *fresh)
{
    p->open = xrealloc(p->open, (p->n_open + 1) * sizeof *p->open);
    p->open[p->n_open] = *fresh;
    return &p->open[p->n_open++];
}

/* The segment with `offset`, or the first one behind it; *offset moves to what exists. NULL: not there yet. */
static struct segment *seek(struct spool_reader *s, unsigned i, uint64_t *offset)
{
    struct part *p = &s->parts[i];
    struct segment *seg = opened(p, *offset), fresh;
    struct spool_segments all;
    struct err e;
    if (seg)
        return seg;
    if (*offset >= spool_tail_get(p->tail).offset || !spool_segments_list(&all, s->dir, i, &e))
        return NULL;
    for (size_t k = 0; k < all.n && !seg; k++) {
        if (k + 1 < all.n && all.bases[k + 1] <= *offset)
            continue;
        seg = opened(p, all.bases[k]);
        enum taken how = seg ? TAKEN : take(s, i, all.bases[k], &fresh);
        if (how == TAKE_LATER)
            break; /* to go on without it would cut the slots elsewhere */
        if (how == TAKEN && !seg)
            seg = keep(p, &fresh);
        if (seg && *offset >= seg->base + seg->len)
            seg = NULL; /* the last one before a gap */
    }
    if (seg && *offset < seg->base)
        *offset = seg->base; /* what was before is gone; the ticks tell how much */
    spool_segments_free(&all);
    return seg;
}

/* A record that cannot be is skipped with the rest of its segment; the newest segment's writer may yet mend it. */
static bool skip_bad(struct spool_reader *s, unsigned i, const struct segment *seg, uint64_t offset)
{
    struct part *p = &s->parts[i];
    if (spool_tail_get(p->tail).offset < seg->base + seg->len)
        return false;
    p->skipped++;
    log_error("spool", "damaged record: the rest of its segment is skipped", "partition", LOG_U64(i),
              "offset", LOG_U64(offset), NULL);
    return true;
}

static size_t read_now(struct spool_reader *s, unsigned i, uint64_t offset, struct bus_record *rec, size_t n)
{
    struct part *p = &s->parts[i];
    size_t got = 0;
    uint64_t end = spool_tail_get(p->tail).offset;
    for (struct segment *seg = seek(s, i, &offset); seg && got < n && offset < end;) {
        switch (segment_read(seg, offset, &rec[got])) {
        case SEGMENT_RECORD:
            offset = rec[got].next;
            got++;
            continue;
        case SEGMENT_NOTHING:
        case SEGMENT_BAD:
            if (got || !skip_bad(s, i, seg, offset))
                return got; /* met again, and handled, by the next call */
            break;
        case SEGMENT_NEXT:
            break;
        }
        offset = seg->base + seg->len;
        seg = seek(s, i, &offset);
    }
    return got;
}

static size_t reader_read(struct bus_reader *r, unsigned i, uint64_t offset, struct bus_record *rec, size_t n,
                          unsigned wait_ms)
{
    struct spool_reader *s = self(r);
    struct part *p = &s->parts[i];
    uint64_t until = clock_mono_ns() + (uint64_t)wait_ms * 1000000u;
    size_t got;
    while ((got = read_now(s, i, offset, rec, n)) == 0 && clock_mono_ns() < until) {
        nanosleep(&(struct timespec){0, p->poll_ns}, NULL);
        p->poll_ns = p->poll_ns * 2 > POLL_MAX_NS ? POLL_MAX_NS : p->poll_ns * 2;
    }
    if (got) {
        p->poll_ns = POLL_MIN_NS;
        __atomic_store_n(&p->read_to, rec[got - 1].next, __ATOMIC_RELAXED);
        __atomic_store_n(&p->read_seq, rec[got - 1].seq + 1, __ATOMIC_RELAXED);
    }
    return got;
}

static void close_before(struct part *p, uint64_t offset)
{
    size_t kept = 0;
    for (size_t k = 0; k < p->n_open; k++) {
        if (p->open[k].base + p->open[k].len <= offset)
            segment_close(&p->open[k]);
        else
            p->open[kept++] = p->open[k];
    }
    p->n_open = kept;
}

static void close_done(struct part *p)
{
    close_before(p, p->released < p->committed ? p->released : p->committed);
}

static void release(struct bus_reader *r, unsigned i, uint64_t offset)
{
    struct part *p = &self(r)->parts[i];
    p->released = offset;
    close_done(p);
}

static bool commit(struct bus_reader *r, unsigned i, uint64_t offset, struct str checkpoint, struct err *e)
{
    struct part *p = &self(r)->parts[i];
    if (!spool_commit_write(self(r)->dir, i, offset, checkpoint, e))
        return false;
    p->committed = offset;
    close_done(p);
    return true;
}

static bool reader_committed(struct bus_reader *r, unsigned i, uint64_t *offset, struct buf *checkpoint,
                             struct err *e)
{
    return spool_commit_read(self(r)->dir, i, offset, checkpoint, e);
}

static void lag(struct bus_reader *r, unsigned i, struct bus_lag *l)
{
    struct part *p = &self(r)->parts[i];
    struct spool_tail t = spool_tail_get(p->tail);
    uint64_t to = __atomic_load_n(&p->read_to, __ATOMIC_RELAXED),
             seq = __atomic_load_n(&p->read_seq, __ATOMIC_RELAXED);
    *l = (struct bus_lag){.records = t.seq > seq && seq ? t.seq - seq : 0,
                          .bytes = t.offset > to && to ? t.offset - to : 0,
                          .newest_s = t.second,
                          .end = t.offset};
}

static void reader_free(struct bus_reader *r)
{
    struct spool_reader *s = self(r);
    for (unsigned i = 0; s->parts && i < r->partitions; i++) {
        close_before(&s->parts[i], UINT64_MAX);
        free(s->parts[i].open);
        spool_tail_close(s->parts[i].tail);
    }
    free(s->parts);
    free(s);
}

struct bus_reader *spool_reader_new(const char *dir, unsigned wait_ms, struct err *e)
{
    uint64_t until = clock_mono_ns() + (uint64_t)wait_ms * 1000000u;
    unsigned partitions;
    while ((partitions = spool_dir_partitions(dir, e)) == 0 && clock_mono_ns() < until)
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    if (partitions == 0)
        return NULL;
    struct spool_reader *s = xcalloc(1, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    s->r = (struct bus_reader){.partitions = partitions,
                               .read = reader_read,
                               .release = release,
                               .commit = commit,
                               .committed = reader_committed,
                               .lag = lag,
                               .free = reader_free};
    s->parts = xcalloc(partitions, sizeof *s->parts);
    for (unsigned i = 0; i < partitions; i++) {
        s->parts[i].poll_ns = POLL_MIN_NS;
        s->parts[i].mark = spool_mark(dir, i);
        /* the writer makes the format file first, the tails a moment later */
        while (!(s->parts[i].tail = spool_tail_open(dir, i, false, e)) && clock_mono_ns() < until)
            nanosleep(&(struct timespec){0, 10000000}, NULL);
        if (!s->parts[i].tail) {
            reader_free(&s->r);
            return NULL;
        }
    }
    return &s->r;
}

/* ---- looking on */

static bool commit_nothing(struct bus_reader *r, unsigned i, uint64_t offset, struct str checkpoint,
                           struct err *e)
{
    return err_set(e, "who looks on commits nothing");
}

struct bus_reader *spool_onlooker_new(const char *dir, struct err *e)
{
    struct bus_reader *r = spool_reader_new(dir, 0, e);
    if (!r)
        return NULL;
    r->commit = commit_nothing;
    for (unsigned i = 0; i < r->partitions; i++)
        self(r)->parts[i].committed = UINT64_MAX; /* released is all there is to wait for */
    return r;
}

/* Second of the segment's first record; false: it is gone, or nothing is in it yet. */
static bool first_second(const struct spool_reader *s, unsigned i, uint64_t base, uint64_t *second)
{
    char path[SPOOL_PATH_MAX + 64];
    struct segment seg;
    struct bus_record rec;
    struct err e;
    spool_segment_path(path, s->dir, i, base);
    if (!segment_open(&seg, path, base, &e))
        return false;
    bool ok = segment_read(&seg, base, &rec) == SEGMENT_RECORD;
    *second = ok ? rec.second : 0;
    segment_close(&seg);
    return ok;
}

/* The first record of that second or later in one segment. */
static bool look_through(const struct spool_reader *s, unsigned i, uint64_t base, uint64_t end,
                         uint64_t second, struct bus_record *rec)
{
    char path[SPOOL_PATH_MAX + 64];
    struct segment seg;
    struct err e;
    bool found = false;
    spool_segment_path(path, s->dir, i, base);
    if (!segment_open(&seg, path, base, &e))
        return false;
    for (uint64_t at = base; !found && at < end && segment_read(&seg, at, rec) == SEGMENT_RECORD;
         at = rec->next)
        found = rec->second >= second;
    segment_close(&seg);
    return found;
}

bool spool_seek(const struct bus_reader *r, unsigned i, uint64_t second, uint64_t *offset,
                uint64_t *at_second)
{
    const struct spool_reader *s = (const struct spool_reader *)r;
    uint64_t end = spool_tail_get(s->parts[i].tail).offset, first;
    struct spool_segments all;
    struct bus_record rec;
    struct err e;
    bool found = false;
    *offset = end;
    if (!spool_segments_list(&all, s->dir, i, &e))
        return false;
    size_t k = all.n; /* the last segment that begins before that second, or the first there is */
    while (k > 0 && (!first_second(s, i, all.bases[k - 1], &first) || first >= second))
        k--;
    for (k -= k > 0; k < all.n && !found; k++)
        found = look_through(s, i, all.bases[k], end, second, &rec);
    if (found) {
        *offset = rec.offset;
        *at_second = rec.second;
    }
    spool_segments_free(&all);
    return found;
}

uint64_t spool_reader_skipped(const struct bus_reader *r)
{
    const struct spool_reader *s = (const struct spool_reader *)r;
    uint64_t n = 0;
    for (unsigned i = 0; i < r->partitions; i++)
        n += s->parts[i].skipped;
    return n;
}
