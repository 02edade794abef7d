/* The record format, how records are written, and what makes it safe to read them while that happens. */
#include "bus/segment.h"
#include "bus/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct head {
    uint32_t len;   /* of the data behind this head, plus 1 */
    uint32_t check; /* of everything behind this field, data included */
    uint64_t seq;   /* number of the record in its partition */
    uint64_t when;  /* datagram: receive time, ns; tick: second */
    uint8_t src[16];
    uint32_t rate_limit;
    uint16_t src_port;
    uint8_t kind, decoder, time, decap, use_src, zero;
};
_Static_assert(sizeof(struct head) % 8 == 0, "records stay aligned");

enum { CHECKED_FROM = 8 };

size_t segment_need(size_t len)
{
    return sizeof(struct head) + ((len + 7) & ~(size_t)7);
}

static uint32_t check_record(const uint8_t *record, size_t len)
{
    return check_of(record + CHECKED_FROM, sizeof(struct head) - CHECKED_FROM + len);
}

bool segment_create(struct segment *s, const char *path, uint64_t base, size_t len, uint64_t seq,
                    struct err *e)
{
    *s = (struct segment){.base = base, .len = len, .seq = seq};
    s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return err_errno(e, "cannot create %s", path);
    int rc = posix_fallocate(s->fd, 0, (off_t)len);
    if (rc == 0) {
        s->open = true;
        return true;
    }
    close(s->fd);
    unlink(path);
    errno = rc;
    return err_errno(e, "cannot allocate %zu bytes for %s", len, path);
}

static bool open_file(struct segment *s, const char *path, uint64_t base, int flags, struct err *e)
{
    *s = (struct segment){.base = base};
    struct stat st;
    s->fd = open(path, flags | O_CLOEXEC);
    if (s->fd < 0)
        return err_errno(e, "cannot open %s", path);
    if (fstat(s->fd, &st) != 0 || st.st_size < (off_t)sizeof(struct head) || st.st_nlink == 0) {
        close(s->fd);
        return err_set(e, "%s is too short for a segment", path);
    }
    s->len = (size_t)st.st_size;
    void *p = mmap(NULL, s->len, PROT_READ, MAP_SHARED, s->fd, 0);
    if (p == MAP_FAILED) {
        err_errno(e, "cannot map %s", path);
        close(s->fd);
        return false;
    }
    s->map = p;
    s->open = true;
    return true;
}

bool segment_open(struct segment *s, const char *path, uint64_t base, struct err *e)
{
    return open_file(s, path, base, O_RDONLY, e);
}

void segment_close(struct segment *s)
{
    if (s->map)
        munmap(s->map, s->len);
    if (s->open)
        close(s->fd);
    *s = (struct segment){0};
}

static void find_end(struct segment *s)
{
    struct bus_record rec;
    uint64_t offset = s->base;
    enum segment_read got;
    while ((got = segment_read(s, offset, &rec)) == SEGMENT_RECORD) {
        if (offset != s->base && rec.seq != s->seq)
            break; /* of an earlier writer that failed here */
        offset = rec.next;
        s->seq = rec.seq + 1;
    }
    s->ended = got == SEGMENT_NEXT;
    s->at = s->ended ? s->len : offset - s->base;
}

static bool write_at(const struct segment *s, size_t at, const uint8_t *p, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = pwrite(s->fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(e, "cannot write to the spool");
        p += n;
        at += (size_t)n;
        len -= (size_t)n;
    }
    return true;
}

/* Makes [from, to) zeros where it is not. */
static bool clear(struct segment *s, size_t from, size_t to, bool *dirty, struct err *e)
{
    static const uint8_t zeros[4096];
    for (size_t at = from, n; at < to; at += n) {
        n = to - at < sizeof zeros ? to - at : sizeof zeros;
        if (memcmp(s->map + at, zeros, n) == 0)
            continue;
        *dirty = true;
        if (!write_at(s, at, zeros, n, e))
            return false;
    }
    return true;
}

/* What is behind the last whole record; only parts of the file that were ever written are looked at. */
static bool clear_rest(struct segment *s, uint64_t *mended, struct err *e)
{
    bool dirty = false, ok = true;
    for (off_t at = (off_t)s->at, hole; ok && (at = lseek(s->fd, at, SEEK_DATA)) >= 0; at = hole) {
        hole = lseek(s->fd, at, SEEK_HOLE);
        if (hole <= at || hole > (off_t)s->len)
            hole = (off_t)s->len;
        ok = clear(s, (size_t)at, (size_t)hole, &dirty, e);
        if (hole == (off_t)s->len)
            break;
    }
    *mended += dirty;
    return ok;
}

bool segment_resume(struct segment *s, const char *path, uint64_t base, uint64_t *mended, struct err *e)
{
    if (!open_file(s, path, base, O_RDWR, e))
        return false;
    find_end(s);
    bool ok = s->ended || clear_rest(s, mended, e);
    munmap(s->map, s->len);
    s->map = NULL;
    if (!ok)
        segment_close(s);
    return ok;
}

static void encode(struct buf *b, uint64_t seq, enum bus_kind kind, uint64_t second, const struct dgram *d)
{
    size_t need = segment_need(d->len);
    buf_reserve(b, need);
    uint8_t *at = b->p + b->len;
    struct head h = {.len =
                         d->len + 1, /* an empty record (a tick without notes) still has one that is not 0 */
                     .seq = seq,
                     .when = kind == BUS_TICK ? second : d->rx_ns,
                     .rate_limit = d->rate_limit,
                     .src_port = d->src_port,
                     .kind = (uint8_t)kind,
                     .decoder = d->decoder,
                     .time = d->time,
                     .decap = d->decap,
                     .use_src = d->use_src};
    memcpy(h.src, d->src.b, 16);
    memcpy(at, &h, sizeof h);
    if (d->len)
        memcpy(at + sizeof h, d->data, d->len);
    memset(at + sizeof h + d->len, 0, need - sizeof h - d->len);
    h.check = check_record(at, d->len);
    memcpy(at + 4, &h.check, sizeof h.check);
    b->len += need;
}

bool segment_stage(const struct segment *s, struct buf *stage, uint64_t seq, enum bus_kind kind,
                   uint64_t second, const struct dgram *d)
{
    /* room for the end mark always stays */
    if (s->at + stage->len + segment_need(d->len) + sizeof(struct head) > s->len)
        return false;
    encode(stage, seq, kind, second, d);
    return true;
}

bool segment_write(struct segment *s, struct buf *stage, size_t n, struct err *e)
{
    if (!write_at(s, s->at, stage->p, stage->len, e))
        return false;
    s->at += stage->len;
    s->seq += n;
    buf_reset(stage);
    return true;
}

bool segment_end(struct segment *s, struct err *e)
{
    static const uint32_t mark = SEGMENT_END;
    if (!write_at(s, s->at, (const uint8_t *)&mark, sizeof mark, e))
        return false;
    s->at = s->len;
    s->ended = true;
    return true;
}

enum segment_read segment_read(const struct segment *s, uint64_t offset, struct bus_record *rec)
{
    size_t at = offset - s->base;
    if (at % 8 || at + sizeof(struct head) > s->len)
        return SEGMENT_BAD;
    const uint8_t *p = s->map + at;
    struct head h;
    memcpy(&h, p, sizeof h);
    if (h.len == 0)
        return SEGMENT_NOTHING;
    if (h.len == SEGMENT_END)
        return SEGMENT_NEXT;
    uint32_t len = h.len - 1;
    if (len > DGRAM_MAX || at + segment_need(len) > s->len || check_record(p, len) != h.check ||
        h.kind > BUS_TICK)
        return SEGMENT_BAD;
    bool tick = h.kind == BUS_TICK;
    *rec = (struct bus_record){.offset = offset,
                               .next = offset + segment_need(len),
                               .seq = h.seq,
                               .kind = (enum bus_kind)h.kind,
                               .second = tick ? h.when : h.when / 1000000000u,
                               .d = {.src_port = h.src_port,
                                     .decoder = h.decoder,
                                     .time = h.time,
                                     .decap = h.decap,
                                     .use_src = h.use_src,
                                     .rate_limit = h.rate_limit,
                                     .rx_ns = tick ? h.when * 1000000000u : h.when,
                                     .data = p + sizeof h,
                                     .len = len}};
    memcpy(rec->d.src.b, h.src, 16);
    return SEGMENT_RECORD;
}
