/* The record format, and the order of stores that makes it safe to read while it is written. */
#include "bus/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct head {
    uint32_t len;   /* of the data behind this head; stored last */
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

static uint32_t check_of(const uint8_t *record, size_t len)
{
    return (uint32_t)XXH3_64bits(record + CHECKED_FROM, sizeof(struct head) - CHECKED_FROM + len);
}

static bool map_file(struct segment *s, int fd, bool write, const char *path, struct err *e)
{
    void *p = mmap(NULL, s->len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        err_errno(e, "cannot map %s", path);
        close(fd);
        return false;
    }
    s->map = p;
    s->fd = fd;
    return true;
}

bool segment_create(struct segment *s, const char *path, uint64_t base, size_t len, uint64_t seq,
                    struct err *e)
{
    *s = (struct segment){.base = base, .len = len, .seq = seq};
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "cannot create %s", path);
    int rc = posix_fallocate(fd, 0, (off_t)len);
    if (rc != 0) {
        close(fd);
        unlink(path);
        errno = rc;
        return err_errno(e, "cannot allocate %zu bytes for %s", len, path);
    }
    return map_file(s, fd, true, path, e);
}

static void find_end(struct segment *s)
{
    struct bus_record rec;
    uint64_t offset = s->base;
    while (segment_read(s, offset, &rec) == SEGMENT_RECORD) {
        offset = rec.next;
        s->seq = rec.seq + 1;
    }
    s->at = offset - s->base;
}

bool segment_open(struct segment *s, const char *path, uint64_t base, bool write, struct err *e)
{
    *s = (struct segment){.base = base};
    int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return err_errno(e, "cannot open %s", path);
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(struct head)) {
        close(fd);
        return err_set(e, "%s is too short for a segment", path);
    }
    s->len = (size_t)st.st_size;
    if (!map_file(s, fd, write, path, e))
        return false;
    if (write)
        find_end(s);
    return true;
}

void segment_close(struct segment *s)
{
    if (s->map) {
        munmap(s->map, s->len);
        close(s->fd);
    }
    *s = (struct segment){0};
}

static void publish(uint8_t *at, uint32_t len)
{
    __atomic_store_n((uint32_t *)(void *)at, len, __ATOMIC_RELEASE);
}

bool segment_append(struct segment *s, enum bus_kind kind, uint64_t second, const struct dgram *d)
{
    size_t need = segment_need(d->len);
    /* room for the end mark always stays */
    if (s->at + need + sizeof(struct head) > s->len) {
        publish(s->map + s->at, SEGMENT_END);
        return false;
    }
    uint8_t *at = s->map + s->at;
    struct head h = {.seq = s->seq,
                     .when = kind == BUS_TICK ? second : d->rx_ns,
                     .rate_limit = d->rate_limit,
                     .src_port = d->src_port,
                     .kind = (uint8_t)kind,
                     .decoder = d->decoder,
                     .time = d->time,
                     .decap = d->decap,
                     .use_src = d->use_src};
    memcpy(h.src, d->src.b, 16);
    memcpy(at + CHECKED_FROM, (uint8_t *)&h + CHECKED_FROM, sizeof h - CHECKED_FROM);
    if (d->len)
        memcpy(at + sizeof h, d->data, d->len);
    uint32_t check = check_of(at, d->len);
    memcpy(at + 4, &check, sizeof check);
    publish(at + need, 0);
    /* an empty record (a tick without notes) still needs a length that is not 0 */
    publish(at, d->len + 1);
    s->at += need;
    s->seq++;
    return true;
}

enum segment_read segment_read(const struct segment *s, uint64_t offset, struct bus_record *rec)
{
    size_t at = offset - s->base;
    if (at + sizeof(struct head) > s->len)
        return SEGMENT_BAD;
    const uint8_t *p = s->map + at;
    uint32_t len = __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_ACQUIRE);
    if (len == 0)
        return SEGMENT_NOTHING;
    if (len == SEGMENT_END)
        return SEGMENT_NEXT;
    len--;
    struct head h;
    if (len > DGRAM_MAX * 2 || at + segment_need(len) > s->len)
        return SEGMENT_BAD;
    memcpy(&h, p, sizeof h);
    if (check_of(p, len) != h.check || h.kind > BUS_TICK)
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

unsigned segment_mend(struct segment *s)
{
    if (s->at + sizeof(struct head) > s->len)
        return 0;
    uint32_t len = __atomic_load_n((const uint32_t *)(const void *)(s->map + s->at), __ATOMIC_RELAXED);
    if (len == 0 || len == SEGMENT_END)
        return 0;
    publish(s->map + s->at, 0);
    return 1;
}
