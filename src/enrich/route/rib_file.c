/*
 * Head, routers, sources, names of VRFs, then attributes and prefixes as they come: an attribute stands before the first prefix
 * that has it, numbered from 0; then the end, with the number of routes. All numbers are little-endian. The last eight bytes
 * are the XXH3 of all before them.
 */
#include "enrich/route/rib_file.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/clock.h"
#include "base/snapshot.h"
#include "enrich/route/rib_own.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char magic[8] = "weirRIB1";
enum { ATTR = 'A', VRF = 'V', PREFIX = 'P', END = 'E', WRITE_AT_ONCE = 1 << 20, QUIET_EVERY = 256 };

/* ---- what is copied first */

struct rib_file_peers *rib_file_peers(const struct routers *r)
{
    struct rib_file_peers *p = xcalloc(1, sizeof *p);
    p->n_routers = r->n_routers;
    p->n_sources = r->rib->n_sources;
    p->router = xmalloc(p->n_routers * sizeof *p->router);
    p->info = xmalloc(p->n_sources * sizeof *p->info);
    p->sources = xmalloc(p->n_sources * sizeof *p->sources);
    memcpy(p->router, r->router, p->n_routers * sizeof *p->router);
    for (uint32_t i = 1; i < p->n_routers; i++) {
        size_t size = p->router[i].n_vrfs * sizeof(struct router_vrf);
        const struct router_vrf *vrfs = p->router[i].vrfs;
        p->router[i].vrfs = size ? xmalloc(size) : NULL;
        if (size)
            memcpy(p->router[i].vrfs, vrfs, size);
    }
    memcpy(p->info, r->info, p->n_sources * sizeof *p->info);
    memcpy(p->sources, r->rib->sources, p->n_sources * sizeof *p->sources);
    return p;
}

void rib_file_peers_free(struct rib_file_peers *p)
{
    if (!p)
        return;
    for (uint32_t i = 1; i < p->n_routers; i++)
        free(p->router[i].vrfs);
    free(p->router);
    free(p->info);
    free(p->sources);
    free(p);
}

/* ---- writing */

/* Attributes that were written, by unit; the hash tells whether the unit is still what it was. */
struct written {
    uint32_t unit, hash, number;
};

struct writer {
    const struct rib *rib;
    const struct rib_file_peers *peers;
    int fd;
    struct buf out, few; /* what is written; routes of one prefix */
    XXH3_state_t *sum;
    struct written *written;
    uint32_t n_written, mask;
    uint64_t routes;
    bool bad;
};

static void drain(struct writer *w)
{
    XXH3_64bits_update(w->sum, w->out.p, w->out.len);
    for (size_t at = 0; at < w->out.len && !w->bad;) {
        ssize_t n = write(w->fd, w->out.p + at, w->out.len - at);
        if (n < 0 && errno != EINTR)
            w->bad = true;
        at += n > 0 ? (size_t)n : 0;
    }
    buf_reset(&w->out);
}

static void put_head(struct writer *w)
{
    const struct rib_file_peers *p = w->peers;
    struct buf *b = &w->out;
    buf_add(b, magic, sizeof magic);
    buf_le64(b, clock_wall_ns() / 1000000000u);
    buf_le32(b, p->n_routers);
    for (uint32_t i = 1; i < p->n_routers; i++) {
        const struct router *r = &p->router[i];
        buf_u8(b, r->used);
        buf_add(b, r->address.b, 16);
        buf_u8(b, (uint8_t)strlen(r->name));
        buf_z(b, r->name);
        buf_u8(b, (uint8_t)r->n_own);
        for (unsigned k = 0; k < r->n_own; k++)
            buf_add(b, r->own[k].b, 16);
    }
    buf_le32(b, p->n_sources);
    for (uint32_t i = 1; i < p->n_sources; i++) {
        const struct source_key *k = &p->info[i].key;
        buf_u8(b, p->info[i].used);
        buf_add(b, k->peer.b, 16);
        buf_le64(b, k->distinguisher);
        buf_le32(b, k->router);
        buf_u8(b, k->peer_type);
        buf_u8(b, k->variant);
        buf_u8(b, k->class_);
        buf_u8(b, (uint8_t)p->sources[i].kind);
        buf_u8(b, p->sources[i].external);
        buf_le32(b, p->sources[i].bgp_id);
        buf_le32(b, p->info[i].as);
    }
}

static void put_vrfs(struct writer *w)
{
    struct buf *b = &w->out;
    for (uint32_t i = 1; i < w->peers->n_routers; i++)
        for (unsigned k = 0; k < w->peers->router[i].n_vrfs; k++) {
            const struct router_vrf *v = &w->peers->router[i].vrfs[k];
            buf_u8(b, VRF);
            buf_le32(b, i);
            buf_le64(b, v->rd);
            buf_u8(b, (uint8_t)strlen(v->name));
            buf_z(b, v->name);
        }
}

static void put_attr(struct writer *w, const struct rib_attr *a)
{
    struct buf *b = &w->out;
    size_t words = (size_t)a->n_path + a->n_communities + 3u * a->n_large;
    buf_u8(b, ATTR);
    buf_add(b, a->next_hop.b, 16);
    buf_le32(b, a->local_pref);
    buf_le32(b, a->med);
    buf_le32(b, a->origin_as);
    buf_le16(b, a->n_path);
    buf_le16(b, a->n_communities);
    buf_le16(b, a->n_large);
    buf_u8(b, a->path_len);
    buf_u8(b, a->origin);
    buf_add(b, a->words, words * sizeof(uint32_t));
}

static void grow(struct writer *w)
{
    struct written *old = w->written;
    uint32_t mask = w->mask;
    w->mask = mask * 2 + 1;
    w->written = xcalloc((size_t)w->mask + 1, sizeof *w->written);
    for (uint32_t i = 0; i <= mask; i++)
        if (old[i].unit) {
            uint32_t k = old[i].hash & w->mask;
            while (w->written[k].unit)
                k = (k + 1) & w->mask;
            w->written[k] = old[i];
        }
    free(old);
}

/* The attribute's number; written now if it was not. */
static uint32_t number_of(struct writer *w, uint32_t unit)
{
    const struct rib_attr *a = rib_attr_at(w->rib, unit);
    uint32_t k = a->hash & w->mask;
    for (; w->written[k].unit; k = (k + 1) & w->mask)
        if (w->written[k].unit == unit && w->written[k].hash == a->hash)
            return w->written[k].number;
    w->written[k] = (struct written){unit, a->hash, w->n_written};
    put_attr(w, a);
    if (w->n_written++ > w->mask / 2)
        grow(w);
    return w->n_written - 1;
}

static void put_prefix(struct writer *w, const struct rib_prefix *p)
{
    const struct rib_routes *b = rib_routes_of(w->rib, p);
    uint32_t n = 0;
    unsigned family = family_bit(p);
    buf_reset(&w->few);
    for (uint32_t i = 0; b && i < b->n; i++) {
        const struct rib_route *r = &b->route[i];
        uint32_t source = r->source & RIB_SOURCE_MASK;
        if (source == 0 || source >= w->peers->n_sources || !route_seen(w->rib, r, family))
            continue;
        buf_le32(&w->few, source);
        buf_le32(&w->few, number_of(w, r->attr));
        buf_le32(&w->few, r->path_id);
        buf_le64(&w->few, w->rib->tables.rd[r->table]);
        n++;
    }
    if (n == 0)
        return;
    buf_u8(&w->out, PREFIX);
    buf_add(&w->out, p->ip.b, 16);
    buf_u8(&w->out, p->len);
    buf_le32(&w->out, n);
    buf_add(&w->out, w->few.p, w->few.len);
    w->routes += n;
}

static bool put_all(struct writer *w, const bool *stop)
{
    put_head(w);
    put_vrfs(w);
    for (uint32_t at = rib_prefix_first(), k = 0; at < rib_prefix_end(w->rib) && !w->bad;
         at = rib_prefix_after(at)) {
        put_prefix(w, rib_prefix_at(w->rib, at));
        if (w->out.len >= WRITE_AT_ONCE) {
            snapshot_reader_away();
            drain(w);
            snapshot_reader_back();
        }
        if (++k % QUIET_EVERY == 0)
            snapshot_reader_quiet();
        if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
            return false;
    }
    buf_u8(&w->out, END);
    buf_le64(&w->out, w->routes);
    drain(w);
    uint64_t sum = XXH3_64bits_digest(w->sum);
    snapshot_reader_away();
    bool ok = !w->bad && write(w->fd, &sum, sizeof sum) == sizeof sum && fsync(w->fd) == 0;
    snapshot_reader_back();
    return ok;
}

bool rib_file_write(const struct rib *rib, const struct rib_file_peers *peers, const char *path,
                    const bool *stop, struct err *e)
{
    char tmp[4100];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    struct writer w = {.rib = rib, .peers = peers, .mask = 1023};
    w.fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (w.fd < 0)
        return err_errno(e, "cannot write %s", tmp);
    w.written = xcalloc((size_t)w.mask + 1, sizeof *w.written);
    w.sum = XXH3_createState();
    XXH3_64bits_reset(w.sum);
    buf_init(&w.out, 0);
    buf_init(&w.few, 0);
    bool ok = put_all(&w, stop);
    if (!ok)
        err_errno(e, "cannot write %s", tmp);
    close(w.fd);
    if (ok && rename(tmp, path) != 0)
        ok = err_errno(e, "cannot rename %s", tmp);
    if (!ok)
        unlink(tmp);
    buf_fini(&w.out);
    buf_fini(&w.few);
    free(w.written);
    XXH3_freeState(w.sum);
    return ok;
}

/* ---- reading */

struct reader {
    struct routers *r;
    struct cursor c;
    uint64_t deadline_ns;
    uint32_t *router, *source, *attr; /* numbers of the file to those of now; 0: none */
    uint32_t n_routers, n_sources, n_attrs, attrs_room;
    uint64_t routes, in_file;
};

static uint16_t le16(struct cursor *c)
{
    return __builtin_bswap16(cursor_be16(c));
}

static uint32_t le32(struct cursor *c)
{
    return __builtin_bswap32(cursor_be32(c));
}

static uint64_t le64(struct cursor *c)
{
    return __builtin_bswap64(cursor_be64(c));
}

static struct ip get_ip(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 16);
    return p ? ip_v6(p) : (struct ip){0};
}

static void get_router(struct reader *f, uint32_t i)
{
    struct cursor *c = &f->c;
    char name[ROUTER_NAME_MAX] = "";
    bool used = cursor_u8(c);
    struct ip address = get_ip(c);
    uint8_t len = cursor_u8(c);
    const uint8_t *p = cursor_bytes(c, len);
    if (p && len < sizeof name)
        memcpy(name, p, len);
    uint32_t router = used && !c->bad ? routers_take(f->r, address, name) : 0;
    f->router[i] = router;
    for (uint8_t n = cursor_u8(c); n && !c->bad; n--) {
        struct ip own = get_ip(c);
        if (router)
            routers_own(f->r, router, own);
    }
}

static void get_source(struct reader *f, uint32_t i)
{
    struct cursor *c = &f->c;
    struct source_key k = {0};
    bool used = cursor_u8(c);
    k.peer = get_ip(c);
    k.distinguisher = le64(c);
    uint32_t router = le32(c);
    k.peer_type = cursor_u8(c);
    k.variant = cursor_u8(c);
    k.class_ = cursor_u8(c);
    uint8_t kind = cursor_u8(c);
    bool external = cursor_u8(c);
    uint32_t bgp_id = le32(c), as = le32(c);
    if (!used || c->bad || router == 0 || router >= f->n_routers || !f->router[router] || kind > RIB_LOC ||
        k.class_ >= SOURCE_CLASSES)
        return;
    k.router = f->router[router];
    uint32_t source = routers_source(f->r, &k, (enum rib_kind)kind);
    f->source[i] = source;
    if (!source)
        return;
    f->r->rib->sources[source].external = external;
    f->r->rib->sources[source].bgp_id = bgp_id;
    f->r->info[source].as = as;
    f->r->info[source].deadline_ns = f->deadline_ns;
}

static bool get_head(struct reader *f)
{
    uint32_t n = le32(&f->c);
    if (n > ROUTERS_MAX)
        return false;
    f->n_routers = n;
    f->router = xcalloc(n + 1, sizeof *f->router);
    for (uint32_t i = 1; i < n; i++)
        get_router(f, i);
    for (uint32_t i = 1; i < n; i++) /* whatever follows: they have no session */
        if (f->router[i])
            f->r->router[f->router[i]].active = false;
    n = le32(&f->c);
    if (n > RIB_SOURCES)
        return false;
    f->n_sources = n;
    f->source = xcalloc(n + 1, sizeof *f->source);
    for (uint32_t i = 1; i < n; i++)
        get_source(f, i);
    return !f->c.bad;
}

/* Names are kept as long as former routes are; too many are left out, as routes are. */
static bool get_vrf(struct reader *f)
{
    struct cursor *c = &f->c;
    uint32_t router = le32(c);
    uint64_t rd = le64(c);
    uint8_t len = cursor_u8(c);
    const uint8_t *p = cursor_bytes(c, len);
    if (!p || router == 0 || router >= f->n_routers)
        return false;
    if (f->router[router])
        routers_vrf(f->r, f->router[router], rd, (struct str){(const char *)p, len}, f->deadline_ns);
    return true;
}

static bool get_attr(struct reader *f)
{
    struct cursor *c = &f->c;
    struct rib_attr_conf a = {.next_hop = get_ip(c)};
    a.local_pref = le32(c);
    a.med = le32(c);
    a.origin_as = le32(c);
    a.n_path = le16(c);
    a.n_communities = le16(c);
    a.n_large = le16(c);
    a.path_len = cursor_u8(c);
    a.origin = cursor_u8(c);
    size_t words = (size_t)a.n_path + a.n_communities + 3 * (size_t)a.n_large;
    const uint8_t *p = cursor_bytes(c, words * sizeof(uint32_t));
    if (!p || a.n_path > RIB_PATH_MAX || a.n_communities > RIB_LIST_MAX || a.n_large > RIB_LIST_MAX)
        return false;
    uint32_t copy[RIB_PATH_MAX + 4 * RIB_LIST_MAX];
    memcpy(copy, p, words * sizeof *copy);
    a.path = copy;
    a.communities = copy + a.n_path;
    a.large = a.communities + a.n_communities;
    if (f->n_attrs == f->attrs_room) {
        f->attrs_room = f->attrs_room ? f->attrs_room * 2 : 1024;
        f->attr = xrealloc(f->attr, f->attrs_room * sizeof *f->attr);
    }
    f->attr[f->n_attrs++] = rib_attr_take(f->r->rib, &a);
    return true;
}

static bool get_prefix(struct reader *f)
{
    struct cursor *c = &f->c;
    struct rib *rib = f->r->rib;
    struct prefix p = {.ip = get_ip(c)};
    p.len = cursor_u8(c);
    if (p.len > LPM_LEN_MAX)
        return false;
    for (uint32_t n = le32(c); n && !c->bad; n--) {
        uint32_t source = le32(c), attr = le32(c), path_id = le32(c);
        uint64_t rd = le64(c);
        uint16_t table;
        f->in_file++;
        if (c->bad || source >= f->n_sources || attr >= f->n_attrs)
            return false;
        if (f->source[source] && f->attr[attr] && rib_table(rib, rd, false, &table))
            f->routes += rib_put(rib, f->source[source], table, p, path_id, f->attr[attr]) == RIB_ADDED;
    }
    return !c->bad;
}

static bool get_all(struct reader *f)
{
    if (!get_head(f))
        return false;
    for (uint32_t k = 1;; k++) {
        uint8_t what = cursor_u8(&f->c);
        if (what == END)
            return le64(&f->c) == f->in_file && !f->c.bad;
        if (f->c.bad || !(what == ATTR  ? get_attr(f)
                          : what == VRF ? get_vrf(f)
                                        : what == PREFIX && get_prefix(f)))
            return false;
        if (k % QUIET_EVERY == 0)
            snapshot_reader_quiet();
    }
}

static bool get_file(struct routers *r, struct str in, uint64_t max_age_s, uint64_t deadline_ns,
                     uint64_t *routes, struct err *e)
{
    struct reader f = {.r = r, .deadline_ns = deadline_ns, .c = cursor_init(in.p, in.len)};
    uint64_t sum;
    const uint8_t *head = cursor_bytes(&f.c, sizeof magic);
    uint64_t written_s = le64(&f.c), now_s = clock_wall_ns() / 1000000000u;
    if (f.c.bad || memcmp(head, magic, sizeof magic) != 0)
        return err_set(e, "it is of another format");
    if (written_s + max_age_s < now_s)
        return err_set(e, "it is %llu hours old", (unsigned long long)((now_s - written_s) / 3600));
    memcpy(&sum, in.p + in.len - sizeof sum, sizeof sum);
    if (XXH3_64bits(in.p, in.len - sizeof sum) != sum)
        return err_set(e, "it is damaged");
    f.c.end = (const uint8_t *)in.p + in.len - sizeof sum;
    bool ok = get_all(&f);
    for (uint32_t i = 0; i < f.n_attrs; i++)
        if (f.attr[i])
            rib_attr_drop(r->rib, f.attr[i]);
    for (uint32_t i = 1; i < f.n_sources; i++)
        if (f.source[i])
            rib_source_begin(r->rib, f.source[i]);
    *routes = f.routes;
    free(f.router);
    free(f.source);
    free(f.attr);
    return ok || err_set(e, "it does not make sense");
}

bool rib_file_read(struct routers *r, const char *path, uint64_t max_age_s, uint64_t deadline_ns,
                   uint64_t *routes, struct err *e)
{
    *routes = 0;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || err_errno(e, "%s", path);
    bool ok = fstat(fd, &st) == 0;
    void *p =
        ok && st.st_size > 32 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (p == MAP_FAILED)
        return err_set(e, "%s: it is too short, or cannot be read", path);
    ok = get_file(r, (struct str){p, (size_t)st.st_size}, max_age_s, deadline_ns, routes, e);
    munmap(p, (size_t)st.st_size);
    return ok || err_wrap(e, "%s", path);
}
