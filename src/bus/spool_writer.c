/*
 * The writing side: a lock per partition held for the time of a copy; files are made, synced and dropped by the tick.
 *
 * At the bound the oldest committed segment goes first, then the oldest uncommitted one, whose datagrams are counted by
 * exporter and minute and told on the bus. A commit is the reader's, so what is committed is read from its file.
 */
#include "base/arena.h"
#include "base/log.h"
#include "bus/segment.h"
#include "bus/shed.h"
#include "bus/spool.h"
#include "bus/spool_dir.h"
#include "bus/spool_tail.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_SEGMENT = 16 << 20, SMALLEST_SEGMENT = 256 << 10 };

struct part {
    pthread_mutex_t lock;
    struct segment cur;
    struct spool_segments segs; /* all of the partition, the current one last */
    struct shed shed;
    struct spool_tail *tail;
    int *rolled; /* files ended since the last sync */
    size_t n_rolled;
    bool failing; /* said once per failure */
};

struct spool_writer {
    struct bus_writer w;
    struct spool_conf conf;
    char dir[SPOOL_PATH_MAX];
    int lock_fd;
    struct part *parts;
    struct spool_totals totals; /* tick thread only, but for repaired */
};

static struct spool_writer *self(struct bus_writer *w)
{
    return (struct spool_writer *)w;
}

static void segs_add(struct part *p, uint64_t base)
{
    p->segs.bases = xrealloc(p->segs.bases, (p->segs.n + 1) * sizeof *p->segs.bases);
    p->segs.bases[p->segs.n++] = base;
}

/* Ends the current segment and begins the next; false leaves the partition without room. */
static bool roll(struct spool_writer *s, unsigned i, struct err *e)
{
    struct part *p = &s->parts[i];
    uint64_t base = p->cur.map ? p->cur.base + p->cur.len : 0;
    char path[SPOOL_PATH_MAX + 64];
    struct segment next;
    spool_segment_path(path, s->dir, i, base);
    if (!segment_create(&next, path, base, s->conf.segment_len, p->cur.seq, e))
        return false;
    if (p->cur.map) {
        p->rolled = xrealloc(p->rolled, (p->n_rolled + 1) * sizeof *p->rolled);
        p->rolled[p->n_rolled++] = fcntl(p->cur.fd, F_DUPFD_CLOEXEC, 0);
        segment_close(&p->cur);
    }
    p->cur = next;
    segs_add(p, base);
    return true;
}

static bool put(struct spool_writer *s, unsigned i, enum bus_kind kind, uint64_t second,
                const struct dgram *d, struct err *e)
{
    struct part *p = &s->parts[i];
    if (p->cur.map && segment_append(&p->cur, kind, second, d))
        return true;
    if (segment_need(d->len) + segment_need(0) > s->conf.segment_len)
        return err_set(e, "a record of %u bytes does not fit into a segment", d->len);
    return roll(s, i, e) && segment_append(&p->cur, kind, second, d);
}

static void note_shed(struct part *p, const struct dgram *d)
{
    struct bus_note n = {
        .src = d->src, .minute = d->rx_ns / 60000000000u, .datagrams = 1, .kind = BUS_NOTE_SHED};
    shed_add(&p->shed, &n);
}

static size_t append(struct bus_writer *w, unsigned i, const struct dgram *d, size_t n, struct err *e)
{
    struct spool_writer *s = self(w);
    struct part *p = &s->parts[i];
    size_t taken = 0;
    pthread_mutex_lock(&p->lock);
    while (taken < n && put(s, i, BUS_DGRAM, 0, &d[taken], e))
        taken++;
    for (size_t k = taken; k < n; k++)
        note_shed(p, &d[k]);
    if (p->cur.map)
        spool_tail_set(p->tail, p->cur.base + p->cur.at, p->cur.seq, n ? d[n - 1].rx_ns / 1000000000u : 0);
    pthread_mutex_unlock(&p->lock);
    return taken;
}

static void note(struct bus_writer *w, unsigned i, const struct bus_note *n)
{
    struct part *p = &self(w)->parts[i];
    pthread_mutex_lock(&p->lock);
    shed_add(&p->shed, n);
    pthread_mutex_unlock(&p->lock);
}

static void sync_files(struct spool_writer *s, unsigned i)
{
    struct part *p = &s->parts[i];
    pthread_mutex_lock(&p->lock);
    int *fds = p->rolled;
    size_t n = p->n_rolled;
    p->rolled = NULL;
    p->n_rolled = 0;
    int cur = p->cur.map ? fcntl(p->cur.fd, F_DUPFD_CLOEXEC, 0) : -1;
    pthread_mutex_unlock(&p->lock);
    for (size_t k = 0; k < n; k++) {
        fdatasync(fds[k]);
        close(fds[k]);
    }
    free(fds);
    if (cur >= 0) {
        fdatasync(cur);
        close(cur);
    }
}

static void tick_one(struct spool_writer *s, unsigned i, uint64_t second)
{
    struct part *p = &s->parts[i];
    struct err e;
    struct buf notes;
    buf_init(&notes, 0);
    pthread_mutex_lock(&p->lock);
    shed_put(&p->shed, &notes);
    struct dgram d = {.data = notes.p, .len = (uint32_t)notes.len};
    bool ok = put(s, i, BUS_TICK, second, &d, &e);
    if (ok) {
        shed_fini(&p->shed);
        spool_tail_set(p->tail, p->cur.base + p->cur.at, p->cur.seq, second);
    }
    bool said = p->failing;
    p->failing = !ok;
    pthread_mutex_unlock(&p->lock);
    buf_fini(&notes);
    if (!ok && !said)
        log_error("spool", "cannot write: datagrams are shed until this is mended", "partition", LOG_U64(i),
                  "error", e.msg, NULL);
}

/* Where the reader has committed to; 0 when it never did. */
static uint64_t committed(const struct spool_writer *s, unsigned i)
{
    char path[SPOOL_PATH_MAX + 64];
    uint64_t head[2] = {0};
    snprintf(path, sizeof path, "%s/%u/commit", s->dir, i);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof head);
    if (fd >= 0)
        close(fd);
    return n == sizeof head ? head[1] : 0;
}

/* Datagrams of a segment that nobody will read, as notes. */
static uint64_t count_shed(struct spool_writer *s, unsigned i, const char *path, uint64_t base, uint64_t from)
{
    struct segment seg;
    struct err e;
    uint64_t n = 0;
    if (!segment_open(&seg, path, base, false, &e))
        return 0;
    struct bus_record rec;
    for (uint64_t at = base; segment_read(&seg, at, &rec) == SEGMENT_RECORD; at = rec.next) {
        if (rec.kind != BUS_DGRAM || rec.offset < from)
            continue;
        pthread_mutex_lock(&s->parts[i].lock);
        note_shed(&s->parts[i], &rec.d);
        pthread_mutex_unlock(&s->parts[i].lock);
        n++;
    }
    segment_close(&seg);
    return n;
}

static void drop_oldest(struct spool_writer *s, unsigned i, uint64_t commit)
{
    struct part *p = &s->parts[i];
    char path[SPOOL_PATH_MAX + 64];
    pthread_mutex_lock(&p->lock);
    uint64_t base = p->segs.bases[0], next = p->segs.bases[1];
    p->segs.n--;
    memmove(p->segs.bases, p->segs.bases + 1, p->segs.n * sizeof *p->segs.bases);
    pthread_mutex_unlock(&p->lock);
    spool_segment_path(path, s->dir, i, base);
    if (commit < next) {
        uint64_t n = count_shed(s, i, path, base, commit);
        s->totals.shed_segments++;
        s->totals.shed_datagrams += n;
        log_warn("spool", "full: a segment that was not read yet is dropped", "partition", LOG_U64(i),
                 "datagrams", LOG_U64(n), "hint", "start the outlet, or raise spool max-size", NULL);
    }
    if (unlink(path) != 0)
        log_warn("spool", "cannot remove a segment", "path", path, "error", strerror(errno), NULL);
}

static bool too_old(const struct spool_writer *s, unsigned i, uint64_t base, uint64_t now_s)
{
    char path[SPOOL_PATH_MAX + 64];
    struct stat st;
    if (s->conf.max_age_s == 0)
        return false;
    spool_segment_path(path, s->dir, i, base);
    return stat(path, &st) == 0 && (uint64_t)st.st_mtime + s->conf.max_age_s < now_s;
}

/* The partition whose oldest segment is to go: committed ones first, of these the furthest behind. */
static int pick(const struct spool_writer *s, const uint64_t *commits)
{
    int best = -1;
    bool best_committed = false;
    size_t best_n = 0;
    for (unsigned i = 0; i < s->w.partitions; i++) {
        const struct part *p = &s->parts[i];
        if (p->segs.n < 2)
            continue;
        bool done = commits[i] >= p->segs.bases[1];
        if (best < 0 || done > best_committed || (done == best_committed && p->segs.n > best_n)) {
            best = (int)i;
            best_committed = done;
            best_n = p->segs.n;
        }
    }
    return best;
}

static void retain(struct spool_writer *s, uint64_t now_s)
{
    uint64_t *commits = xcalloc(s->w.partitions, sizeof *commits);
    uint64_t segments = 0;
    for (unsigned i = 0; i < s->w.partitions; i++) {
        commits[i] = committed(s, i);
        struct part *p = &s->parts[i];
        while (p->segs.n > 1 && commits[i] >= p->segs.bases[1] && too_old(s, i, p->segs.bases[0], now_s))
            drop_oldest(s, i, commits[i]);
        segments += p->segs.n;
    }
    for (int i;
         s->conf.max_size && segments * s->conf.segment_len > s->conf.max_size && (i = pick(s, commits)) >= 0;
         segments--)
        drop_oldest(s, (unsigned)i, commits[i]);
    s->totals.segments = segments;
    s->totals.bytes = segments * s->conf.segment_len;
    free(commits);
}

static void tick(struct bus_writer *w, uint64_t second)
{
    struct spool_writer *s = self(w);
    for (unsigned i = 0; i < w->partitions; i++)
        tick_one(s, i, second);
    for (unsigned i = 0; i < w->partitions; i++)
        sync_files(s, i);
    retain(s, second);
}

static void writer_free(struct bus_writer *w)
{
    struct spool_writer *s = self(w);
    for (unsigned i = 0; s->parts && i < w->partitions; i++) {
        sync_files(s, i);
        segment_close(&s->parts[i].cur);
        spool_segments_free(&s->parts[i].segs);
        shed_fini(&s->parts[i].shed);
        spool_tail_close(s->parts[i].tail);
        pthread_mutex_destroy(&s->parts[i].lock);
    }
    free(s->parts);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

static bool lock_dir(struct spool_writer *s, struct err *e)
{
    char path[SPOOL_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/writer.lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return err_errno(e, "cannot open %s", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, "%s is written by another inlet", s->dir);
    return true;
}

/* Goes on behind the last whole record of the newest segment. */
static bool open_part(struct spool_writer *s, unsigned i, struct err *e)
{
    struct part *p = &s->parts[i];
    char path[SPOOL_PATH_MAX + 64];
    pthread_mutex_init(&p->lock, NULL);
    p->tail = spool_tail_open(s->dir, i, true, e);
    if (!p->tail || !spool_segments_list(&p->segs, s->dir, i, e))
        return false;
    if (p->segs.n == 0)
        return roll(s, i, e);
    uint64_t base = p->segs.bases[p->segs.n - 1];
    spool_segment_path(path, s->dir, i, base);
    if (!segment_open(&p->cur, path, base, true, e))
        return false;
    if (p->cur.seq < spool_tail_get(p->tail).seq)
        p->cur.seq = spool_tail_get(p->tail).seq; /* the segment is new and empty, or its tail was lost */
    s->totals.repaired += segment_mend(&p->cur);
    spool_tail_set(p->tail, p->cur.base + p->cur.at, p->cur.seq, 0);
    return true;
}

struct bus_writer *spool_writer_new(const struct spool_conf *conf, struct err *e)
{
    struct spool_writer *s = xcalloc(1, sizeof *s);
    s->conf = *conf;
    s->lock_fd = -1;
    snprintf(s->dir, sizeof s->dir, "%s", conf->dir);
    if (s->conf.segment_len == 0)
        s->conf.segment_len = DEFAULT_SEGMENT;
    if (s->conf.segment_len < SMALLEST_SEGMENT)
        s->conf.segment_len = SMALLEST_SEGMENT;
    s->w = (struct bus_writer){
        .partitions = conf->partitions, .append = append, .tick = tick, .note = note, .free = writer_free};
    bool ok = spool_dir_make(s->dir, conf->partitions, e) && lock_dir(s, e);
    if (ok)
        s->parts = xcalloc(conf->partitions, sizeof *s->parts);
    for (unsigned i = 0; ok && i < conf->partitions; i++)
        ok = open_part(s, i, e);
    if (!ok) {
        writer_free(&s->w);
        return NULL;
    }
    return &s->w;
}

void spool_writer_totals(const struct bus_writer *w, struct spool_totals *t)
{
    *t = ((const struct spool_writer *)w)->totals;
}
