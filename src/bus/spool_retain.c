/*
 * What the spool drops: committed segments beyond age; at the bound the oldest committed segment, then the oldest one
 * that nobody has read.
 *
 * Every datagram is either read or told as shed, exactly once, whoever dies when. What the reader has begun to read and
 * not committed it reads again after its death, and it must then cut its slots at the same places: so nothing between
 * commit and mark (spool_mark) is dropped, whether the reader lives or not. The lock on a segment (flock) decides who of
 * the two was first, the reader with its mark or the writer with its renaming. A segment that is dropped unread is first
 * renamed, so that nobody begins to read it, then counted by exporter and minute, then told by a tick that ends with a
 * note naming the segment, then removed. A writer that comes back and finds a renamed one looks for that note.
 */
#include "base/arena.h"
#include "base/log.h"
#include "bus/spool_writer.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE ".gone"

static void tell_later(struct spool_part *p, const struct bus_note *n)
{
    pthread_mutex_lock(&p->lock);
    shed_add(&p->shed, n);
    pthread_mutex_unlock(&p->lock);
}

/* Datagrams from `from` on become notes of the partition's next tick, and so do the notes of ticks there. */
static uint64_t count_shed(struct spool_writer *s, unsigned i, const char *path, uint64_t base, uint64_t from)
{
    struct spool_part *p = &s->parts[i];
    struct segment seg;
    struct bus_record rec;
    struct err e;
    uint64_t n = 0;
    if (!segment_open(&seg, path, base, &e))
        return 0;
    for (uint64_t at = base; segment_read(&seg, at, &rec) == SEGMENT_RECORD; at = rec.next) {
        if (rec.offset < from)
            continue;
        struct str told = {(const char *)rec.d.data, rec.d.len};
        for (struct bus_note again; rec.kind == BUS_TICK && bus_note_next(&told, &again);)
            tell_later(p, &again);
        if (rec.kind != BUS_DGRAM)
            continue;
        struct bus_note note = {
            .src = rec.d.src, .minute = rec.second / 60, .datagrams = 1, .kind = BUS_NOTE_SHED};
        tell_later(p, &note);
        n++;
    }
    segment_close(&seg);
    return n;
}

/* The renamed segment's datagrams are told, and it goes. */
static void tell_and_remove(struct spool_writer *s, unsigned i, const char *gone, uint64_t base,
                            uint64_t second)
{
    uint64_t n = count_shed(s, i, gone, base, spool_committed(s->dir, i));
    struct bus_note which = {.minute = base, .kind = BUS_NOTE_DROPPED};
    bool told = spool_writer_tick(s, i, second, &which);
    unlink(gone);
    if (!told) /* a full disk has room now */
        spool_writer_tick(s, i, second, NULL);
    s->totals.shed_segments++;
    s->totals.shed_datagrams += n;
    log_warn("spool", "full: a segment that was not read yet is dropped", "partition", LOG_U64(i),
             "datagrams", LOG_U64(n), "hint", "start the outlet, or raise bus.max-size", NULL);
}

/* Segment k of a partition and the one behind it; false: there is none behind, so k is in use. */
static bool seg_at(struct spool_part *p, size_t k, uint64_t *base, uint64_t *next)
{
    pthread_mutex_lock(&p->lock);
    bool ok = k + 1 < p->segs.n;
    if (ok) {
        *base = p->segs.bases[k];
        *next = p->segs.bases[k + 1];
    }
    pthread_mutex_unlock(&p->lock);
    return ok;
}

static void forget(struct spool_part *p, size_t k, uint64_t len)
{
    pthread_mutex_lock(&p->lock);
    p->segs.n--;
    memmove(p->segs.bases + k, p->segs.bases + k + 1, (p->segs.n - k) * sizeof *p->segs.bases);
    p->bytes -= len;
    pthread_mutex_unlock(&p->lock);
}

static uint64_t len_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The oldest one, if all of it is committed (and older than the bound, when that is asked for). */
static bool drop_committed(struct spool_writer *s, unsigned i, uint64_t commit, bool by_age, uint64_t now_s)
{
    struct spool_part *p = &s->parts[i];
    uint64_t base, next;
    char path[SPOOL_PATH_MAX + 64];
    struct stat st;
    if (!seg_at(p, 0, &base, &next) || commit < next)
        return false;
    spool_segment_path(path, s->dir, i, base);
    bool there = stat(path, &st) == 0;
    if (by_age && (s->conf.max_age_s == 0 || !there || (uint64_t)st.st_mtime + s->conf.max_age_s >= now_s))
        return false;
    if (unlink(path) != 0)
        log_warn("spool", "cannot remove a segment", "path", path, "error", strerror(errno), NULL);
    forget(p, 0, there ? (uint64_t)st.st_size : 0);
    return true;
}

/* Renames a segment that no reader has come to; false: one has it, or had. */
static bool seize(struct spool_writer *s, unsigned i, uint64_t base, const char *path, const char *gone)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool mine = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && spool_mark(s->dir, i) <= base &&
                rename(path, gone) == 0;
    if (fd >= 0)
        close(fd);
    return mine;
}

/* The oldest one that no reader has come to. */
static bool drop_unread(struct spool_writer *s, unsigned i, uint64_t second)
{
    uint64_t base, next;
    char path[SPOOL_PATH_MAX + 64], gone[SPOOL_PATH_MAX + 80];
    for (size_t k = 0; seg_at(&s->parts[i], k, &base, &next); k++) {
        spool_segment_path(path, s->dir, i, base);
        snprintf(gone, sizeof gone, "%s" GONE, path);
        uint64_t len = len_of(path);
        if (!seize(s, i, base, path, gone))
            continue;
        forget(&s->parts[i], k, len);
        tell_and_remove(s, i, gone, base, second);
        return true;
    }
    return false;
}

static uint64_t bytes_of(struct spool_part *p, uint64_t *segments)
{
    pthread_mutex_lock(&p->lock);
    uint64_t n = p->bytes;
    *segments += p->segs.n;
    pthread_mutex_unlock(&p->lock);
    return n;
}

/* One segment less, from the partition that takes most: a committed one if there is any, else an unread one. */
static bool drop_one(struct spool_writer *s, const uint64_t *commits, bool unread, uint64_t now_s)
{
    bool *tried = xcalloc(s->w.partitions, sizeof *tried), done = false;
    for (unsigned round = 0; !done && round < s->w.partitions; round++) {
        uint64_t most = 0, segments = 0;
        unsigned best = 0;
        for (unsigned i = 0; i < s->w.partitions; i++) {
            uint64_t n = tried[i] ? 0 : bytes_of(&s->parts[i], &segments);
            if (n > most) {
                most = n;
                best = i;
            }
        }
        tried[best] = true;
        done = unread ? drop_unread(s, best, now_s) : drop_committed(s, best, commits[best], false, now_s);
    }
    free(tried);
    return done;
}

static void count(struct spool_writer *s)
{
    s->totals.bytes = s->totals.segments = 0;
    for (unsigned i = 0; i < s->w.partitions; i++)
        s->totals.bytes += bytes_of(&s->parts[i], &s->totals.segments);
}

/* What was read and committed gives its memory back to the machine; it is still there for decoding again. */
static void uncache(struct spool_writer *s, unsigned i, uint64_t commit)
{
    struct spool_part *p = &s->parts[i];
    uint64_t base, next;
    for (size_t k = 0; seg_at(p, k, &base, &next) && next <= commit; k++) {
        char path[SPOOL_PATH_MAX + 64];
        if (base < p->uncached)
            continue;
        spool_segment_path(path, s->dir, i, base);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            close(fd);
        }
        p->uncached = next;
    }
}

void spool_retain(struct spool_writer *s, uint64_t now_s)
{
    uint64_t *commits = xcalloc(s->w.partitions, sizeof *commits);
    bool failing = false;
    for (unsigned i = 0; i < s->w.partitions; i++) {
        commits[i] = spool_committed(s->dir, i);
        failing |= s->parts[i].said;
        while (drop_committed(s, i, commits[i], true, now_s))
            ;
        uncache(s, i, commits[i]);
    }
    if (failing) /* the disk is full, with something else: what was read makes room for what comes */
        drop_one(s, commits, false, now_s);
    for (count(s); s->conf.max_size && s->totals.bytes > s->conf.max_size; count(s))
        if (!drop_one(s, commits, false, now_s) && !drop_one(s, commits, true, now_s))
            break; /* the reader has all of it */
    free(commits);
}

/* Whether a tick in the newest segments tells that the segment with this base was dropped. */
static bool was_told(struct spool_writer *s, unsigned i, uint64_t base)
{
    const struct spool_segments *all = &s->parts[i].segs;
    bool told = false;
    for (size_t k = all->n > 2 ? all->n - 2 : 0; k < all->n && !told; k++) {
        char path[SPOOL_PATH_MAX + 64];
        struct segment seg;
        struct bus_record rec;
        struct err e;
        spool_segment_path(path, s->dir, i, all->bases[k]);
        if (!segment_open(&seg, path, all->bases[k], &e))
            continue;
        for (uint64_t at = seg.base; !told && segment_read(&seg, at, &rec) == SEGMENT_RECORD; at = rec.next) {
            struct str notes = {(const char *)rec.d.data, rec.d.len};
            for (struct bus_note n; rec.kind == BUS_TICK && bus_note_any(&notes, &n);)
                told |= n.kind == BUS_NOTE_DROPPED && n.minute == base;
        }
        segment_close(&seg);
    }
    return told;
}

bool spool_finish_drops(struct spool_writer *s, unsigned i, struct err *e)
{
    char path[SPOOL_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%u", s->dir, i);
    DIR *d = opendir(path);
    if (!d)
        return err_errno(e, "cannot list %s", path);
    for (struct dirent *f; (f = readdir(d));) {
        struct str name = str_from(f->d_name);
        uint64_t base;
        if (!str_ends(name, STR(".seg" GONE)) || !str_u64((struct str){name.p, name.len - 9}, &base))
            continue;
        char gone[SPOOL_PATH_MAX + 80];
        spool_segment_path(path, s->dir, i, base);
        snprintf(gone, sizeof gone, "%s" GONE, path);
        if (was_told(s, i, base))
            unlink(gone);
        else
            tell_and_remove(s, i, gone, base, (uint64_t)time(NULL));
    }
    closedir(d);
    return true;
}
