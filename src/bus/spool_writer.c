/*
 * The writing side: a lock per partition, held for the time of one write; files are synced and dropped by the tick.
 *
 * Records are put together in memory (stage) and written by flush, since the kernel's price of a write hardly depends on
 * its length. What was flushed lies in the page cache, so it survives this process; the tick's sync makes it survive the
 * machine.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "bus/spool_writer.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STAGE_MAX = 256 << 10,
    DEFAULT_SEGMENT = 16 << 20,
    SMALLEST_SEGMENT = 256 << 10,
    SEGMENTS_AT_LEAST = 4
};

enum {
#define X(id, name, kind, help) id,
#include "bus/spool_counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "bus/spool_counters.def"
#undef X
};

static struct spool_writer *self(struct bus_writer *w)
{
    return (struct spool_writer *)w;
}

static void segs_add(struct spool_part *p, uint64_t base)
{
    p->segs.bases = xrealloc(p->segs.bases, (p->segs.n + 1) * sizeof *p->segs.bases);
    p->segs.bases[p->segs.n++] = base;
}

/* Ends the current segment and begins the next; false leaves the partition without room. */
static bool roll(struct spool_writer *s, unsigned i, struct err *e)
{
    struct spool_part *p = &s->parts[i];
    uint64_t base = p->cur.open ? p->cur.base + p->cur.len : 0;
    if (base < p->start)
        base = p->start;
    char path[SPOOL_PATH_MAX + 64];
    struct segment next;
    spool_segment_path(path, s->dir, i, base);
    if (!segment_create(&next, path, base, s->conf.segment_len, p->cur.open ? p->cur.seq : p->start_seq, e))
        return false;
    if (p->cur.open) {
        p->rolled = xrealloc(p->rolled, (p->n_rolled + 1) * sizeof *p->rolled);
        p->rolled[p->n_rolled++] = fcntl(p->cur.fd, F_DUPFD_CLOEXEC, 0);
        segment_close(&p->cur);
    }
    p->cur = next;
    p->new_names = true;
    p->bytes += next.len;
    segs_add(p, base);
    return true;
}

static void note_shed(struct spool_part *p, struct ip src, uint64_t second)
{
    struct bus_note n = {.src = src, .minute = second / 60, .datagrams = 1, .kind = BUS_NOTE_SHED};
    shed_add(&p->shed, &n);
}

/* Under the lock; flush looks at it without, to pass over partitions that have nothing. */
static void set_staged(struct spool_part *p, size_t n)
{
    __atomic_store_n(&p->n_staged, n, __ATOMIC_RELAXED);
}

/* What could not be written is given up; a partition that failed takes nothing until a tick has come through. */
static size_t give_up(struct spool_part *p, const struct err *e)
{
    struct segment staged = {.map = p->stage.p, .len = p->stage.len + segment_need(0)};
    struct bus_record rec;
    size_t lost = 0;
    buf_reserve(&p->stage, segment_need(0)); /* so that reading finds an end */
    staged.map = p->stage.p;
    memset(p->stage.p + p->stage.len, 0, segment_need(0));
    for (uint64_t at = 0; segment_read(&staged, at, &rec) == SEGMENT_RECORD; at = rec.next) {
        if (rec.kind != BUS_DGRAM)
            continue;
        note_shed(p, rec.d.src, rec.second);
        lost++;
    }
    buf_reset(&p->stage);
    set_staged(p, 0);
    p->failing = true;
    p->why = *e;
    return lost;
}

static bool write_staged(struct spool_part *p, struct err *e)
{
    if (p->n_staged == 0)
        return true;
    if (!segment_write(&p->cur, &p->stage, p->n_staged, e))
        return false;
    set_staged(p, 0);
    spool_tail_set(p->tail, p->cur.base + p->cur.at, p->cur.seq, p->staged_s);
    return true;
}

static bool stage(struct spool_writer *s, unsigned i, enum bus_kind kind, uint64_t second,
                  const struct dgram *d, struct err *e)
{
    struct spool_part *p = &s->parts[i];
    while (!p->cur.open || p->cur.ended ||
           !segment_stage(&p->cur, &p->stage, p->cur.seq + p->n_staged, kind, second, d)) {
        if (!write_staged(p, e) || (p->cur.open && !p->cur.ended && !segment_end(&p->cur, e)) ||
            !roll(s, i, e))
            return false;
    }
    set_staged(p, p->n_staged + 1);
    p->staged_s = second;
    return p->stage.len < STAGE_MAX || write_staged(p, e);
}

static size_t append(struct bus_writer *w, unsigned i, const struct dgram *d, size_t n, struct err *e)
{
    struct spool_writer *s = self(w);
    struct spool_part *p = &s->parts[i];
    size_t lost = 0, k = 0;
    pthread_mutex_lock(&p->lock);
    if (p->failing)
        *e = p->why;
    for (; k < n && !p->failing; k++)
        if (!stage(s, i, BUS_DGRAM, d[k].rx_ns / 1000000000u, &d[k], e)) {
            lost += give_up(p, e);
            break;
        }
    for (; k < n; k++, lost++)
        note_shed(p, d[k].src, d[k].rx_ns / 1000000000u);
    pthread_mutex_unlock(&p->lock);
    return lost;
}

static size_t flush(struct bus_writer *w, struct err *e)
{
    struct spool_writer *s = self(w);
    size_t lost = 0;
    for (unsigned i = 0; i < w->partitions; i++) {
        struct spool_part *p = &s->parts[i];
        if (__atomic_load_n(&p->n_staged, __ATOMIC_RELAXED) == 0)
            continue; /* another thread's are its own to flush */
        pthread_mutex_lock(&p->lock);
        if (!write_staged(p, e))
            lost += give_up(p, e);
        pthread_mutex_unlock(&p->lock);
    }
    return lost;
}

static void note(struct bus_writer *w, unsigned i, const struct bus_note *n)
{
    struct spool_part *p = &self(w)->parts[i];
    pthread_mutex_lock(&p->lock);
    shed_add(&p->shed, n);
    pthread_mutex_unlock(&p->lock);
}

static void say_failure(struct spool_part *p, unsigned i, bool ok, const struct err *e)
{
    if (!ok && !p->said)
        log_error("spool", "cannot write: datagrams are shed until this is mended", "partition", LOG_U64(i),
                  "error", e->msg, NULL);
    if (ok && p->said)
        log_info("spool", "can write again", "partition", LOG_U64(i), NULL);
    p->said = !ok;
}

bool spool_writer_tick(struct spool_writer *s, unsigned i, uint64_t second, const struct bus_note *last)
{
    struct spool_part *p = &s->parts[i];
    struct err e;
    struct buf notes;
    buf_init(&notes, 0);
    pthread_mutex_lock(&p->lock);
    shed_put(&p->shed, &notes);
    if (last)
        bus_note_put(&notes, last);
    struct dgram d = {.data = notes.p, .len = (uint32_t)notes.len};
    bool ok = write_staged(p, &e) && stage(s, i, BUS_TICK, second, &d, &e) && write_staged(p, &e);
    if (ok) {
        shed_fini(&p->shed);
        p->failing = false;
    } else {
        give_up(p, &e);
    }
    pthread_mutex_unlock(&p->lock);
    buf_fini(&notes);
    say_failure(p, i, ok, &e);
    return ok;
}

static void sync_fd(const struct spool_writer *s, int fd)
{
    if (fd < 0)
        return;
    if (fdatasync(fd) != 0)
        log_error("spool", "cannot sync: what came last may be lost when the machine stops", "dir", s->dir,
                  "error", strerror(errno), NULL);
    close(fd);
}

static void sync_names(const struct spool_writer *s, unsigned i)
{
    char path[SPOOL_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%u", s->dir, i);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Without the lock, so that appending goes on. */
static void sync_files(struct spool_writer *s, unsigned i)
{
    struct spool_part *p = &s->parts[i];
    pthread_mutex_lock(&p->lock);
    int *fds = p->rolled;
    size_t n = p->n_rolled;
    bool names = p->new_names;
    p->rolled = NULL;
    p->n_rolled = 0;
    p->new_names = false;
    int cur = p->cur.open ? fcntl(p->cur.fd, F_DUPFD_CLOEXEC, 0) : -1;
    pthread_mutex_unlock(&p->lock);
    for (size_t k = 0; k < n; k++)
        sync_fd(s, fds[k]);
    free(fds);
    sync_fd(s, cur);
    if (names)
        sync_names(s, i);
}

static void show(const struct spool_writer *s)
{
    counter_set(s->counters, SPOOL_BYTES, s->totals.bytes);
    counter_set(s->counters, SPOOL_SEGMENTS, s->totals.segments);
    counter_set(s->counters, SPOOL_SHED_SEGMENTS, s->totals.shed_segments);
    counter_set(s->counters, SPOOL_SHED, s->totals.shed_datagrams);
    counter_set(s->counters, SPOOL_MENDED, s->totals.repaired);
}

static void tick(struct bus_writer *w, uint64_t second)
{
    struct spool_writer *s = self(w);
    for (unsigned i = 0; i < w->partitions; i++)
        spool_writer_tick(s, i, second, NULL);
    uint64_t before = clock_mono_ns();
    for (unsigned i = 0; i < w->partitions; i++)
        sync_files(s, i);
    counter_add(s->counters, SPOOL_SYNC_US, (clock_mono_ns() - before) / 1000);
    spool_retain(s, second);
    show(s);
}

static void writer_free(struct bus_writer *w)
{
    struct spool_writer *s = self(w);
    struct err e;
    for (unsigned i = 0; s->parts && i < w->partitions; i++) {
        struct spool_part *p = &s->parts[i];
        if (!write_staged(p, &e))
            log_error("spool", "cannot write what came last", "partition", LOG_U64(i), "error", e.msg, NULL);
        sync_files(s, i);
        segment_close(&p->cur);
        spool_segments_free(&p->segs);
        shed_fini(&p->shed);
        buf_fini(&p->stage);
        spool_tail_close(p->tail);
        pthread_mutex_destroy(&p->lock);
    }
    free(s->parts);
    counters_free(s->counters);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

static bool lock_dir(struct spool_writer *s, struct err *e)
{
    char path[SPOOL_PATH_MAX + 16], pid[24] = "";
    snprintf(path, sizeof path, "%s/writer.lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return err_errno(e, "cannot open %s", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (pread(s->lock_fd, pid, sizeof pid - 1, 0) < 0)
            pid[0] = 0;
        return err_set(e, "%s is written by another inlet, process %s", s->dir, pid[0] ? pid : "unknown");
    }
    int n = snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
        return errno == ENOSPC || err_errno(e, "cannot write %s", path); /* only a message would miss it */
    return true;
}

/* Number of the record behind the last one of the segments before the newest. */
static uint64_t seq_before(const struct spool_writer *s, unsigned i)
{
    const struct spool_segments *all = &s->parts[i].segs;
    char path[SPOOL_PATH_MAX + 64];
    struct segment seg;
    struct bus_record rec;
    struct err e;
    uint64_t seq = spool_tail_get(s->parts[i].tail).seq;
    if (all->n < 2)
        return seq;
    spool_segment_path(path, s->dir, i, all->bases[all->n - 2]);
    if (!segment_open(&seg, path, all->bases[all->n - 2], &e))
        return seq;
    for (uint64_t at = seg.base; segment_read(&seg, at, &rec) == SEGMENT_RECORD; at = rec.next)
        seq = rec.seq + 1;
    segment_close(&seg);
    return seq;
}

/* Without any segment the log goes on where it was known to be, never before what is committed. */
static bool first_segment(struct spool_writer *s, unsigned i, struct err *e)
{
    struct spool_part *p = &s->parts[i];
    struct spool_tail t = spool_tail_get(p->tail);
    uint64_t commit = spool_committed(s->dir, i);
    p->start = ((commit > t.offset ? commit : t.offset) + 7) & ~(uint64_t)7;
    p->start_seq = t.seq;
    return roll(s, i, e);
}

/* Goes on behind the last whole record of the newest segment. */
static bool open_part(struct spool_writer *s, unsigned i, struct err *e)
{
    struct spool_part *p = &s->parts[i];
    char path[SPOOL_PATH_MAX + 64];
    p->tail = spool_tail_open(s->dir, i, true, e);
    if (!p->tail || !spool_segments_list(&p->segs, s->dir, i, e))
        return false;
    if (p->segs.n == 0)
        return first_segment(s, i, e) && spool_finish_drops(s, i, e);
    for (size_t k = 0; k < p->segs.n; k++) {
        struct stat st;
        spool_segment_path(path, s->dir, i, p->segs.bases[k]);
        p->bytes += stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    uint64_t base = p->segs.bases[p->segs.n - 1];
    if (!segment_resume(&p->cur, path, base, &s->totals.repaired, e))
        return false;
    if (p->cur.at == 0)
        p->cur.seq = seq_before(s, i);
    uint64_t commit = spool_committed(s->dir, i);
    if (commit > p->cur.base + p->cur.at) { /* the machine stopped and lost what the reader had already */
        p->start = (commit + 7) & ~(uint64_t)7;
        if ((!p->cur.ended && !segment_end(&p->cur, e)) || !roll(s, i, e))
            return false;
    }
    spool_tail_set(p->tail, p->cur.base + p->cur.at, p->cur.seq, 0);
    return spool_finish_drops(s, i, e);
}

static void settle_sizes(struct spool_conf *c)
{
    if (c->segment_len == 0)
        c->segment_len = DEFAULT_SEGMENT;
    uint64_t most = c->max_size / c->partitions / SEGMENTS_AT_LEAST;
    if (c->max_size && c->segment_len > most)
        c->segment_len = most & ~(uint64_t)4095; /* else the bound could not be kept */
    if (c->segment_len < SMALLEST_SEGMENT)
        c->segment_len = SMALLEST_SEGMENT;
}

struct bus_writer *spool_writer_new(const struct spool_conf *conf, struct err *e)
{
    struct spool_writer *s = xcalloc(1, sizeof *s);
    s->conf = *conf;
    s->lock_fd = -1;
    snprintf(s->dir, sizeof s->dir, "%s", conf->dir);
    settle_sizes(&s->conf);
    s->counters = counters_new(counter_defs, N_COUNTERS, "");
    s->w = (struct bus_writer){.partitions = conf->partitions,
                               .append = append,
                               .flush = flush,
                               .tick = tick,
                               .note = note,
                               .free = writer_free};
    bool ok = spool_dir_make(s->dir, conf->partitions, e) && lock_dir(s, e);
    if (ok) {
        s->parts = xcalloc(conf->partitions, sizeof *s->parts);
        for (unsigned i = 0; i < conf->partitions; i++)
            pthread_mutex_init(&s->parts[i].lock, NULL);
    }
    for (unsigned i = 0; ok && i < conf->partitions; i++)
        ok = open_part(s, i, e);
    if (ok)
        return &s->w;
    writer_free(&s->w);
    return NULL;
}

void spool_writer_totals(const struct bus_writer *w, struct spool_totals *t)
{
    *t = ((const struct spool_writer *)w)->totals;
}
