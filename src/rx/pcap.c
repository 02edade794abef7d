/*
 * The file is mapped and walked by its lengths; a pipe or a compressed file is read into memory first. pcap:
 * draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. Both come in either byte order.
 */
#include "rx/pcap.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "rx/frame.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum kind { KIND_PCAP, KIND_PCAPNG, KIND_IPFIX, KIND_RAW };
enum {
    INTERFACES = 256,
    NG_SECTION = 0x0a0d0d0a,
    NG_INTERFACE = 1,
    NG_PACKET_OLD = 2,
    NG_SIMPLE = 3,
    NG_PACKET = 6
};

struct interface {
    uint32_t link, snap;
    uint64_t units_per_s; /* of its timestamps */
};

struct pcap {
    enum kind kind;
    bool swap, nano;
    void *map; /* NULL: not ours */
    size_t map_len;
    uint8_t *copy; /* what was read instead of mapped */
    struct cursor c;
    uint64_t file_ns; /* time of datagrams that have none */
    uint32_t link;    /* pcap */
    struct interface ifs[INTERFACES];
    unsigned n_ifs;
    struct frame_parts *parts;
    struct pcap_counts counts;
};

static uint32_t get32(struct pcap *p, struct cursor *c)
{
    uint32_t v = cursor_be32(c);
    return p->swap ? __builtin_bswap32(v) : v;
}

static uint16_t get16(struct pcap *p, struct cursor *c)
{
    uint16_t v = cursor_be16(c);
    return p->swap ? __builtin_bswap16(v) : v;
}

/* What some files are that one might give by mistake. */
static const char *known(const struct cursor *c)
{
    static const struct {
        const char *magic, *name;
    } files[] = {
        {"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"},
        {"\xfd\x37\x7a\x58", "compressed with xz: unpack it first"},
        {"BZh", "compressed with bzip2: unpack it first"},
        {"\x04\x22\x4d\x18", "compressed with lz4: unpack it first"},
        {"PK\3\4", "a zip archive: unpack it first"},
        {"\x0c\xa5", "a file of nfdump, which has flows and no datagrams"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (cursor_left(c) >= strlen(files[i].magic) &&
            memcmp(c->p, files[i].magic, strlen(files[i].magic)) == 0)
            return files[i].name;
    return NULL;
}

static void detect(struct pcap *p, const char *name)
{
    struct cursor c = p->c;
    uint32_t magic = cursor_be32(&c);
    p->kind = str_ends(str_from(name), STR(".ipfix")) ? KIND_IPFIX : KIND_RAW;
    switch (magic) {
    case 0xa1b2c3d4:
    case 0xd4c3b2a1:
    case 0xa1b23c4d:
    case 0x4d3cb2a1:
        p->kind = KIND_PCAP;
        p->swap = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
        p->nano = magic == 0xa1b23c4d || magic == 0x4d3cb2a1;
        cursor_skip(&c, 16);
        p->link = get32(p, &c) & 0xffff;
        p->counts.cut = c.bad;
        p->c = c;
        break;
    case NG_SECTION:
        p->kind = KIND_PCAPNG;
        break;
    default:
        p->counts.known = known(&p->c);
        break;
    }
}

struct pcap *pcap_bytes(const void *data, size_t len, const char *name)
{
    struct pcap *p = xcalloc(1, sizeof *p);
    p->c = cursor_init(data, len);
    p->parts = frame_parts_new();
    p->counts.empty = len == 0;
    detect(p, name);
    p->counts.raw = p->kind == KIND_IPFIX || p->kind == KIND_RAW;
    return p;
}

static bool is_gzip(int fd)
{
    uint8_t magic[2];
    return pread(fd, magic, sizeof magic, 0) == sizeof magic && magic[0] == 0x1f && magic[1] == 0x8b;
}

/*
 * All that comes out of a pipe or a gzip file (zlib gives as it is what is not compressed). Takes `fd`. Where a compressed
 * stream is cut or damaged, what came before is given.
 */
static bool slurp(int fd, const char *path, struct buf *out, enum pcap_gzip *end, struct err *e)
{
    enum { CHUNK = 1 << 14 }; /* what a damaged stream loses is about a chunk */
    gzFile z = gzdopen(fd, "rb");
    int n = -1, rc = Z_OK;
    while (z && out->len < PCAP_MEMORY) {
        buf_reserve(out, CHUNK);
        if ((n = gzread(z, out->p + out->len, CHUNK)) <= 0)
            break;
        out->len += (size_t)n;
    }
    const char *why = z ? gzerror(z, &rc) : "out of memory";
    bool more = n > 0;
    if (n < 0 && rc != Z_DATA_ERROR)
        err_set(e, "cannot read %s: %s", path, rc == Z_ERRNO ? "the pipe broke" : why);
    *end = rc == Z_DATA_ERROR ? PCAP_GZIP_DAMAGED : more ? PCAP_GZIP_MORE : PCAP_GZIP_SOUND;
    if (!z)
        close(fd);
    else if (gzclose_r(z) == Z_BUF_ERROR && !more)
        *end = PCAP_GZIP_CUT;
    return n >= 0 || rc == Z_DATA_ERROR;
}

static struct pcap *open_slurped(int fd, const char *path, struct err *e)
{
    struct buf b;
    size_t len;
    enum pcap_gzip end;
    buf_init(&b, 0);
    if (!slurp(fd, path, &b, &end, e)) {
        buf_fini(&b);
        return NULL;
    }
    char *plain = xstrdup(path); /* a.ipfix.gz holds an a.ipfix */
    if (str_ends(str_from(path), STR(".gz")))
        plain[strlen(path) - 3] = 0;
    uint8_t *copy = buf_take(&b, &len);
    struct pcap *p = pcap_bytes(copy ? (const void *)copy : "", len, plain);
    p->copy = copy;
    p->counts.gzip = end;
    free(plain);
    return p;
}

static struct pcap *open_mapped(int fd, const char *path, size_t len, struct err *e)
{
    void *map = len > 0 ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (map == MAP_FAILED) {
        err_errno(e, "cannot map %s", path);
        close(fd);
        return NULL;
    }
    close(fd);
    struct pcap *p = pcap_bytes(map ? map : "", len, path);
    p->map = map;
    p->map_len = len;
    return p;
}

struct pcap *pcap_open(const char *path, struct err *e)
{
    struct stat st;
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_errno(e, "cannot read %s", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        err_set(e, "%s is a directory", path);
        close(fd);
        return NULL;
    }
    bool whole = S_ISREG(st.st_mode) && !is_gzip(fd);
    struct pcap *p = whole ? open_mapped(fd, path, (size_t)st.st_size, e) : open_slurped(fd, path, e);
    if (p)
        p->file_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u;
    return p;
}

void pcap_close(struct pcap *p)
{
    if (!p)
        return;
    if (p->map)
        munmap(p->map, p->map_len);
    free(p->copy);
    frame_parts_free(p->parts);
    free(p);
}

void pcap_counts(const struct pcap *p, struct pcap_counts *c)
{
    *c = p->counts;
    c->incomplete = frame_parts_pending(p->parts);
}

static bool frame(struct pcap *p, uint32_t link, struct cursor data, struct dgram *d, uint16_t *dst_port)
{
    p->counts.frames++;
    switch (frame_udp(p->parts, link, data.p, cursor_left(&data), d, dst_port)) {
    case FRAME_UDP:
        p->counts.datagrams++;
        return true;
    case FRAME_LINK:
        if (p->counts.unread++ == 0)
            p->counts.link = link;
        p->counts.other++;
        break;
    case FRAME_STREAM:
        p->counts.streams++;
        p->counts.other++;
        break;
    case FRAME_OTHER:
        p->counts.other++;
        break;
    case FRAME_DAMAGED:
        p->counts.damaged++;
        break;
    case FRAME_PART:
        break;
    }
    return false;
}

static bool next_pcap(struct pcap *p, struct dgram *d, uint16_t *dst_port)
{
    while (cursor_left(&p->c) >= 16) {
        uint64_t s = get32(p, &p->c), sub = get32(p, &p->c);
        uint32_t have = get32(p, &p->c);
        cursor_skip(&p->c, 4);
        bool cut = have > cursor_left(&p->c);
        struct cursor data = cursor_sub(&p->c, cut ? cursor_left(&p->c) : have);
        p->counts.cut |= cut;
        d->rx_ns = s * 1000000000u + sub * (p->nano ? 1 : 1000);
        if (frame(p, p->link, data, d, dst_port))
            return true;
    }
    p->counts.cut |= cursor_left(&p->c) > 0;
    return false;
}

/* if_tsresol (option 9): a power of 10, or of 2 when the high bit is set; microseconds without it. */
static void add_interface(struct pcap *p, struct cursor body)
{
    struct interface f = {.link = get16(p, &body), .units_per_s = 1000000};
    cursor_skip(&body, 2);
    f.snap = get32(p, &body);
    while (cursor_left(&body) >= 4) {
        uint16_t code = get16(p, &body), len = get16(p, &body);
        const uint8_t *value = cursor_bytes(&body, (len + 3u) & ~3u);
        if (code == 0 || !value)
            break;
        if (code != 9 || len < 1)
            continue;
        unsigned exponent = value[0] & 0x7f;
        f.units_per_s = 1;
        for (unsigned i = 0; i < exponent && f.units_per_s < 1000000000000000000u; i++)
            f.units_per_s *= value[0] & 0x80 ? 2 : 10;
    }
    if (p->n_ifs < INTERFACES)
        p->ifs[p->n_ifs++] = f;
}

static uint64_t ng_time(const struct interface *f, uint32_t hi, uint32_t lo)
{
    uint64_t t = (uint64_t)hi << 32 | lo, s = t / f->units_per_s, rest = t % f->units_per_s;
    return s * 1000000000u + (uint64_t)((double)rest * 1e9 / (double)f->units_per_s);
}

/* A block with a packet in it; false when it has none that can be used. */
static bool ng_packet(struct pcap *p, uint32_t type, struct cursor body, struct dgram *d, uint16_t *dst_port)
{
    uint32_t number = 0, hi = 0, lo = 0, have;
    if (type == NG_PACKET) {
        number = get32(p, &body);
        hi = get32(p, &body);
        lo = get32(p, &body);
        have = get32(p, &body);
        cursor_skip(&body, 4);
    } else if (type == NG_PACKET_OLD) {
        number = get16(p, &body);
        cursor_skip(&body, 2);
        hi = get32(p, &body);
        lo = get32(p, &body);
        have = get32(p, &body);
        cursor_skip(&body, 4);
    } else {
        have = get32(p, &body);
        if (p->n_ifs && p->ifs[0].snap && p->ifs[0].snap < have)
            have = p->ifs[0].snap;
    }
    if (body.bad || number >= p->n_ifs || have > cursor_left(&body)) {
        p->counts.damaged++;
        return false;
    }
    d->rx_ns = type == NG_SIMPLE ? p->file_ns : ng_time(&p->ifs[number], hi, lo);
    return frame(p, p->ifs[number].link, cursor_sub(&body, have), d, dst_port);
}

static bool next_pcapng(struct pcap *p, struct dgram *d, uint16_t *dst_port)
{
    while (cursor_left(&p->c) >= 12) {
        struct cursor peek = p->c;
        uint32_t type = cursor_be32(&peek);
        if (type == NG_SECTION) { /* its byte order is told behind its length */
            struct cursor order = peek;
            cursor_skip(&order, 4);
            p->swap = cursor_be32(&order) == 0x4d3c2b1a;
            p->n_ifs = 0;
        } else {
            type = p->swap ? __builtin_bswap32(type) : type;
        }
        uint32_t len = get32(p, &peek);
        if (len < 12 || len % 4 || len > cursor_left(&p->c)) {
            bool sound = len >= 12 && len % 4 == 0;
            p->counts.cut |= sound;
            p->counts.damaged += !sound;
            p->c.p = p->c.end;
            return false;
        }
        struct cursor body = cursor_init(p->c.p + 8, len - 12);
        cursor_skip(&p->c, len);
        if (type == NG_INTERFACE)
            add_interface(p, body);
        else if ((type == NG_PACKET || type == NG_PACKET_OLD || type == NG_SIMPLE) &&
                 ng_packet(p, type, body, d, dst_port))
            return true;
    }
    p->counts.cut |= cursor_left(&p->c) > 0;
    return false;
}

/* RFC 5655: an IPFIX file is messages one behind the other. What has no sensible length is one datagram to the end. */
static bool next_message(struct pcap *p, struct dgram *d)
{
    size_t left = cursor_left(&p->c), len = left;
    if (left == 0)
        return false;
    if (p->kind == KIND_IPFIX && left >= 16 && load_be16(p->c.p) == 10) {
        size_t said = load_be16(p->c.p + 2);
        if (said >= 16 && said <= left)
            len = said;
        p->counts.cut |= said > left;
    }
    if (len > DGRAM_MAX)
        len = DGRAM_MAX;
    d->data = cursor_bytes(&p->c, len);
    d->len = (uint32_t)len;
    d->rx_ns = p->file_ns;
    d->stream = p->kind == KIND_IPFIX;
    p->counts.datagrams++;
    return true;
}

bool pcap_next(struct pcap *p, struct dgram *d, uint16_t *dst_port)
{
    *d = (struct dgram){0};
    *dst_port = 0;
    switch (p->kind) {
    case KIND_PCAP:
        return next_pcap(p, d, dst_port);
    case KIND_PCAPNG:
        return next_pcapng(p, d, dst_port);
    default:
        return next_message(p, d);
    }
}

static void __attribute__((format(printf, 2, 3))) say(struct buf *out, const char *fmt, ...)
{
    va_list ap;
    char text[128];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (out->len)
        buf_z(out, "; ");
    buf_z(out, text);
}

void pcap_trouble(const struct pcap_counts *c, struct buf *out)
{
    const char *name = frame_link_name(c->link);
    if (c->empty && c->gzip == PCAP_GZIP_SOUND)
        say(out, "the file is empty");
    else if (c->datagrams == 0 && c->streams)
        say(out, "no datagram (frames: %llu, of them TCP or SCTP, which are not read: %llu)",
            (unsigned long long)c->frames, (unsigned long long)c->streams);
    else if (c->datagrams == 0)
        say(out, "no datagram (frames: %llu)", (unsigned long long)c->frames);
    if (c->known)
        say(out, "it is %s", c->known);
    if (c->unread)
        say(out, "link type %u%s%s%s is not supported (frames: %llu)", c->link, name ? " (" : "",
            name ? name : "", name ? ")" : "", (unsigned long long)c->unread);
    if (c->damaged)
        say(out, "damaged frames or blocks: %llu", (unsigned long long)c->damaged);
    if (c->incomplete)
        say(out, "datagrams of which fragments are missing: %llu", (unsigned long long)c->incomplete);
    if (c->gzip == PCAP_GZIP_MORE)
        say(out,
            "more than 1 GiB comes out of it, and what follows is not read: unpack it into a file first");
    else if (c->gzip != PCAP_GZIP_SOUND)
        say(out, c->gzip == PCAP_GZIP_CUT ? "the gzip stream ends early" : "the gzip stream is damaged");
    else if (c->cut)
        say(out, c->raw ? "ends in the middle of a message" : "ends in the middle of a record");
}
