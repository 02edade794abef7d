/* testing: BMP messages for tests, written field by field; and a RIB with one session that eats them. */
#pragma once
#include "base/buf.h"
#include "base/snapshot.h"
#include "enrich/route/bmp.h"

enum { T_V6 = 0x80, T_POST = 0x40, T_TWO_BYTES = 0x20, T_OUT = 0x10 };

struct t_peer {
    uint8_t type, flags;
    uint64_t rd;
    const char *address;
    uint32_t as, id;
};

static inline struct ip t_ip(const char *text)
{
    struct ip a = {0};
    if (text)
        ip_parse(str_from(text), &a);
    return a;
}

static inline size_t t_begin(struct buf *b, uint8_t type)
{
    size_t at = b->len;
    buf_u8(b, 3);
    buf_be32(b, 0);
    buf_u8(b, type);
    return at;
}

static inline void t_end(struct buf *b, size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b->len - at));
    memcpy(b->p + at + 1, &len, 4);
}

static inline void t_peer(struct buf *b, const struct t_peer *p)
{
    struct ip a = t_ip(p->address);
    buf_u8(b, p->type);
    buf_u8(b, p->flags);
    buf_be64(b, p->rd);
    if (p->flags & T_V6) {
        buf_add(b, a.b, 16);
    } else {
        buf_zero(b, 12);
        buf_add(b, a.b + 12, 4);
    }
    buf_be32(b, p->as);
    buf_be32(b, p->id);
    buf_zero(b, 8);
}

static inline size_t t_bgp_begin(struct buf *b, uint8_t type)
{
    size_t at = b->len;
    for (int i = 0; i < 16; i++)
        buf_u8(b, 0xff);
    buf_be16(b, 0);
    buf_u8(b, type);
    return at;
}

static inline void t_bgp_end(struct buf *b, size_t at)
{
    uint16_t len = __builtin_bswap16((uint16_t)(b->len - at));
    memcpy(b->p + at + 16, &len, 2);
}

static inline void t_initiation(struct buf *b, const char *name)
{
    size_t at = t_begin(b, 4);
    buf_be16(b, 2);
    buf_be16(b, (uint16_t)strlen(name));
    buf_z(b, name);
    t_end(b, at);
}

/* add_path: mode for IPv4 and IPv6 unicast; 0: not said. */
static inline void t_open(struct buf *b, uint32_t as, uint32_t id, uint8_t add_path)
{
    size_t at = t_bgp_begin(b, BGP_OPEN);
    buf_u8(b, 4);
    buf_be16(b, as > UINT16_MAX ? 23456 : (uint16_t)as);
    buf_be16(b, 180);
    buf_be32(b, id);
    buf_u8(b, add_path ? 2 + 6 + 10 : 2 + 6);
    buf_u8(b, 2);
    buf_u8(b, add_path ? 6 + 10 : 6);
    buf_add(b, "\x41\x04", 2);
    buf_be32(b, as);
    if (add_path) {
        buf_add(b, "\x45\x08", 2);
        for (uint8_t afi = 1; afi <= 2; afi++) {
            buf_be16(b, afi);
            buf_u8(b, 1);
            buf_u8(b, add_path);
        }
    }
    t_bgp_end(b, at);
}

static inline void t_peer_up(struct buf *b, const struct t_peer *p, const char *local, uint32_t local_as,
                             uint8_t add_path)
{
    struct ip a = t_ip(local);
    size_t at = t_begin(b, 3);
    t_peer(b, p);
    if (p->flags & T_V6) {
        buf_add(b, a.b, 16);
    } else {
        buf_zero(b, 12);
        buf_add(b, a.b + 12, 4);
    }
    buf_be32(b, 179u << 16 | 40000);
    t_open(b, local_as, 0x0a000001, add_path);
    t_open(b, p->as, p->id, add_path);
    t_end(b, at);
}

/* One more field of the message that begins at `at` (RFC 9736 3.3). */
static inline void t_information(struct buf *b, size_t at, uint16_t type, const void *p, size_t len)
{
    buf_be16(b, type);
    buf_be16(b, (uint16_t)len);
    buf_add(b, p, len);
    t_end(b, at);
}

static inline void t_peer_up_vrf(struct buf *b, const struct t_peer *p, const char *local, uint32_t local_as,
                                 const char *name)
{
    size_t at = b->len;
    t_peer_up(b, p, local, local_as, 0);
    t_information(b, at, 3, name, strlen(name));
}

static inline void t_peer_down(struct buf *b, const struct t_peer *p)
{
    size_t at = t_begin(b, 2);
    t_peer(b, p);
    buf_u8(b, 4);
    t_end(b, at);
}

static inline void t_attr(struct buf *b, uint8_t flags, uint8_t type, const void *p, size_t len)
{
    buf_u8(b, len > 255 ? flags | 0x10 : flags);
    buf_u8(b, type);
    if (len > 255)
        buf_be16(b, (uint16_t)len);
    else
        buf_u8(b, (uint8_t)len);
    buf_add(b, p, len);
}

struct t_route {
    const char *withdrawn, *announced; /* prefixes with blanks between, all of one family */
    const char *next_hop;              /* "" : none */
    const uint32_t *path;
    unsigned n_path;
    uint32_t path_id; /* not 0: ADD-PATH */
    const uint32_t *communities, *large;
    unsigned n_communities, n_large;
    const struct buf *more; /* attributes as they are */
};

static inline void t_nlri(struct buf *b, const char *list, uint32_t path_id, bool *v6)
{
    struct str rest = str_from(list), one;
    while (str_split(&rest, ' ', &one)) {
        struct prefix p = {0};
        prefix_parse(one, &p);
        *v6 = !ip_is_v4(p.ip);
        unsigned bits = *v6 ? p.len : p.len - 96u;
        if (path_id)
            buf_be32(b, path_id);
        buf_u8(b, (uint8_t)bits);
        buf_add(b, p.ip.b + (*v6 ? 0 : 12), (bits + 7) / 8);
    }
}

static inline void t_update(struct buf *b, const struct t_route *r)
{
    struct buf gone, come, attrs, value;
    bool gone6 = false, come6 = false;
    buf_init(&gone, 0);
    buf_init(&come, 0);
    buf_init(&attrs, 0);
    buf_init(&value, 0);
    if (r->withdrawn)
        t_nlri(&gone, r->withdrawn, r->path_id, &gone6);
    if (r->announced) {
        t_nlri(&come, r->announced, r->path_id, &come6);
        t_attr(&attrs, 0x40, 1, "\0", 1);
        if (r->n_path) {
            buf_u8(&value, 2);
            buf_u8(&value, (uint8_t)r->n_path);
        }
        for (unsigned i = 0; i < r->n_path; i++)
            buf_be32(&value, r->path[i]);
        t_attr(&attrs, 0x40, 2, value.p ? value.p : (uint8_t *)"", value.len);
        if (!come6)
            t_attr(&attrs, 0x40, 3, t_ip(r->next_hop).b + 12, 4);
    }
    buf_reset(&value);
    for (unsigned i = 0; i < r->n_communities; i++)
        buf_be32(&value, r->communities[i]);
    if (value.len)
        t_attr(&attrs, 0xc0, 8, value.p, value.len);
    buf_reset(&value);
    for (unsigned i = 0; i < 3 * r->n_large; i++)
        buf_be32(&value, r->large[i]);
    if (value.len)
        t_attr(&attrs, 0xc0, 32, value.p, value.len);
    buf_reset(&value);
    if (come6) {
        buf_add(&value, "\0\2\1\x10", 4);
        buf_add(&value, t_ip(r->next_hop).b, 16);
        buf_u8(&value, 0);
        buf_add(&value, come.p, come.len);
        t_attr(&attrs, 0x80, 14, value.p, value.len);
    }
    buf_reset(&value);
    if (gone6) {
        buf_add(&value, "\0\2\1", 3);
        buf_add(&value, gone.p, gone.len);
        t_attr(&attrs, 0x80, 15, value.p, value.len);
    }
    if (r->more)
        buf_add(&attrs, r->more->p, r->more->len);
    size_t at = t_bgp_begin(b, BGP_UPDATE);
    buf_be16(b, gone6 ? 0 : (uint16_t)gone.len);
    if (!gone6)
        buf_add(b, gone.p, gone.len);
    buf_be16(b, (uint16_t)attrs.len);
    buf_add(b, attrs.p, attrs.len);
    if (!come6)
        buf_add(b, come.p, come.len);
    t_bgp_end(b, at);
    buf_fini(&gone);
    buf_fini(&come);
    buf_fini(&attrs);
    buf_fini(&value);
}

static inline void t_monitoring(struct buf *b, const struct t_peer *p, const struct t_route *r)
{
    size_t at = t_begin(b, 0);
    t_peer(b, p);
    t_update(b, r);
    t_end(b, at);
}

/* ---- a RIB and a session */

struct t_rig {
    struct rib rib;
    struct routers routers;
    struct bmp_env env;
    struct counters *counters;
    struct bmp *bmp;
    struct buf out; /* what the router sends next */
    struct err err;
};

static inline void t_rig_init(struct t_rig *t)
{
    *t = (struct t_rig){0};
    snapshot_reader_on();
    rib_init(&t->rib, 64 << 20, &t->err);
    routers_init(&t->routers, &t->rib);
    t->env = (struct bmp_env){
        .routers = &t->routers, .keep_ns = 300000000000u, .asns = true, .paths = true, .communities = true};
    t->counters = counters_new(bmp_counter_defs, N_BMP_COUNTERS, "");
    t->bmp = bmp_new(&t->env, t_ip("192.0.2.1"), t->counters);
    buf_init(&t->out, 0);
}

static inline void t_sweep(struct t_rig *t)
{
    while (rib_sweeping(&t->rib))
        rib_sweep(&t->rib, 1000);
}

static inline void t_rig_fini(struct t_rig *t)
{
    bmp_free(t->bmp);
    buf_fini(&t->out);
    counters_free(t->counters);
    routers_fini(&t->routers);
    snapshot_reader_off();
    rib_fini(&t->rib);
}

/* Sends what was written; false when the session must end. */
static inline bool t_send(struct t_rig *t)
{
    size_t used;
    bool good = bmp_take(t->bmp, buf_str(&t->out), &used, &t->err);
    buf_reset(&t->out);
    return good;
}
