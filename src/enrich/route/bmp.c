/* Frames, then messages by type, then the routes of the BGP message inside. */
#include "enrich/route/bmp.h"
#include "base/arena.h"
#include "base/clock.h"
#include <stdlib.h>
#include <uthash.h>

enum {
    VERSION = 3,
    PEER_HEADER = 42,
    /* RFC 7854 10.1 */
    ROUTE_MONITORING = 0,
    STATISTICS = 1,
    PEER_DOWN = 2,
    PEER_UP = 3,
    INITIATION = 4,
    TERMINATION = 5,
    ROUTE_MIRRORING = 6,
    /* 10.2, RFC 9069 */
    PEER_GLOBAL = 0,
    PEER_LOC_RIB = 3,
    /* 4.2, RFC 8671 4 */
    FLAG_V6 = 0x80,
    FLAG_POST = 0x40,
    FLAG_TWO_BYTES = 0x20,
    FLAG_OUT = 0x10,
    TLV_SYS_NAME = 2,
    TLV_VRF_NAME = 3, /* RFC 9736 3.3 */
    VARIANTS = 4,     /* out << 1 | post */
    PEERS_MAX = 1 << 14,
};

const struct counter_def bmp_counter_defs[N_BMP_COUNTERS] = {
#define X(id, name, kind, help) {name, help, kind},
#include "enrich/route/counters.def"
#undef X
};

struct peer_key {
    struct ip address;
    uint64_t distinguisher;
    uint64_t type; /* whole words: hashed as bytes */
};

struct peer {
    UT_hash_handle hh;
    struct peer_key key;
    uint32_t as, id, local_as;
    bool external;
    bool add_path_in[BGP_FAMILIES], add_path_out[BGP_FAMILIES];
    uint32_t source[VARIANTS][SOURCE_CLASSES];
};

struct bmp {
    struct bmp_env *env;
    struct ip address;
    uint32_t router; /* 0: nobody said who it is */
    struct peer *peers;
    struct counters *counters;
    bool ended;
};

struct bmp *bmp_new(struct bmp_env *env, struct ip router, struct counters *counters)
{
    struct bmp *b = xcalloc(1, sizeof *b);
    b->env = env;
    b->address = router;
    b->counters = counters;
    return b;
}

static void count(struct bmp *b, unsigned id, uint64_t n)
{
    counter_add(b->counters, id, n);
}

void bmp_free(struct bmp *b)
{
    struct peer *p, *next;
    if (!b)
        return;
    if (b->router)
        routers_lost(b->env->routers, b->router, b->env->keep_ns);
    HASH_ITER(hh, b->peers, p, next)
    {
        HASH_DEL(b->peers, p);
        free(p);
    }
    free(b);
}

bool bmp_waits(const struct bmp *b)
{
    return b->router == 0;
}

uint32_t bmp_router(const struct bmp *b)
{
    return b->router;
}

bool bmp_ended(const struct bmp *b)
{
    return b->ended;
}

/* ---- who it is */

static bool begin(struct bmp *b, const char *name, struct err *e)
{
    b->router = routers_take(b->env->routers, b->address, name);
    return b->router || err_set(e, "there are too many routers");
}

/* RFC 7854 4.3: TLVs; only the name is of use. It must come first, and does not change. */
static bool initiation(struct bmp *b, struct cursor c, struct err *e)
{
    char name[ROUTER_NAME_MAX] = "";
    while (cursor_left(&c)) {
        uint16_t type = cursor_be16(&c), len = cursor_be16(&c);
        const uint8_t *p = cursor_bytes(&c, len);
        if (!p)
            return err_set(e, "an initiation message ends within a field");
        size_t n = str_utf8((struct str){(const char *)p, len});
        if (type == TLV_SYS_NAME && !name[0]) {
            n = n < sizeof name ? n : sizeof name - 1;
            memcpy(name, p, n);
            name[n] = '\0';
        }
    }
    return b->router || begin(b, name, e);
}

/* ---- peers */

struct peer_header {
    struct peer_key key;
    uint8_t flags;
    uint32_t as, id;
};

/* RFC 7854 4.2 */
static struct peer_header read_header(struct cursor *c)
{
    struct peer_header h = {.key.type = cursor_u8(c)};
    h.flags = cursor_u8(c);
    h.key.distinguisher = cursor_be64(c);
    const uint8_t *address = cursor_bytes(c, 16);
    if (address)
        h.key.address =
            h.flags & FLAG_V6 && h.key.type != PEER_LOC_RIB ? ip_v6(address) : ip_v4(address + 12);
    h.as = cursor_be32(c);
    h.id = cursor_be32(c);
    cursor_skip(c, 8); /* time stamp */
    return h;
}

static struct peer *peer_find(struct bmp *b, const struct peer_header *h)
{
    struct peer *p;
    HASH_FIND(hh, b->peers, &h->key, sizeof h->key, p);
    return p;
}

static struct source_key source_key(const struct bmp *b, const struct peer_key *k, unsigned variant,
                                    unsigned class_)
{
    return (struct source_key){.peer = k->address,
                               .distinguisher = k->distinguisher,
                               .router = b->router,
                               .peer_type = (uint8_t)k->type,
                               .variant = (uint8_t)variant,
                               .class_ = (uint8_t)class_};
}

static void peer_drop(struct bmp *b, struct peer *p)
{
    struct source_key k = source_key(b, &p->key, 0, 0);
    routers_peer_down(b->env->routers, &k);
    HASH_DEL(b->peers, p);
    free(p);
    count(b, BMP_REMOVED_PEERS, 1);
}

static void show_peers(struct bmp *b)
{
    b->env->routers->router[b->router].peers = HASH_COUNT(b->peers);
    counter_set(b->counters, BMP_PEERS, HASH_COUNT(b->peers));
}

/* A whole BGP message in front of *c, by its own length; empty when there is none. */
static struct str bgp_message(struct cursor *c)
{
    size_t left = cursor_left(c);
    uint16_t len = left >= BGP_HEADER ? load_be16(c->p + 16) : 0;
    const uint8_t *p = len >= BGP_HEADER ? cursor_bytes(c, len) : NULL;
    if (!p)
        c->bad = true;
    return (struct str){(const char *)p, p ? len : 0};
}

/* RFC 7911 4: what one side sends is what it can send and the other can receive. */
static void set_add_path(struct peer *p, const struct bgp_open *sent, const struct bgp_open *received)
{
    for (unsigned f = 0; f < BGP_FAMILIES; f++) {
        p->add_path_in[f] = received->add_path[f] & 2 && sent->add_path[f] & 1;
        p->add_path_out[f] = sent->add_path[f] & 2 && received->add_path[f] & 1;
        if (p->key.type == PEER_LOC_RIB) /* RFC 9069 5.1: made up by the router, to say how it writes */
            p->add_path_in[f] = (sent->add_path[f] | received->add_path[f]) != 0;
    }
}

/*
 * RFC 9736 3.3: the rest of a peer-up message; the name of the VRF is of use, which RFC 9069 wants of Loc-RIBs and some
 * routers send for others too. No BGP depends on it, so what cannot be read is counted and left.
 */
static void peer_information(struct bmp *b, const struct peer_header *h, struct cursor c)
{
    while (cursor_left(&c)) {
        uint16_t type = cursor_be16(&c), len = cursor_be16(&c);
        const uint8_t *p = cursor_bytes(&c, len);
        if (p && type != TLV_VRF_NAME)
            continue;
        if (!p || !routers_vrf(b->env->routers, b->router, h->key.distinguisher,
                               (struct str){(const char *)p, len}, 0))
            count(b, BMP_REFUSED_VRFS, 1);
        if (!p)
            return;
    }
}

/*
 * A peer that is up now; NULL: it cannot be. `sent_id`, 0 when it is not known, is the router's own BGP identifier, mostly the
 * loopback that flows are sent from.
 */
static struct peer *peer_add(struct bmp *b, const struct peer_header *h, uint32_t sent_id, struct err *e)
{
    if (!b->router && !begin(b, "", e))
        return NULL;
    struct peer *p = peer_find(b, h);
    if (p) { /* up twice: it was down and nobody said so */
        peer_drop(b, p);
    } else if (HASH_COUNT(b->peers) >= PEERS_MAX) {
        err_set(e, "more than %d peers", PEERS_MAX);
        return NULL;
    }
    p = xcalloc(1, sizeof *p);
    p->key = h->key;
    p->as = h->as;
    p->id = h->id;
    HASH_ADD(hh, b->peers, key, sizeof p->key, p);
    struct source_key k = source_key(b, &p->key, 0, 0);
    routers_peer_up(b->env->routers, &k, clock_mono_ns() + b->env->keep_ns);
    uint32_t id = __builtin_bswap32(sent_id);
    if (sent_id)
        routers_own(b->env->routers, b->router, ip_v4(&id));
    show_peers(b);
    return p;
}

/* RFC 7854 4.10 */
static bool peer_up(struct bmp *b, struct cursor c, struct err *e)
{
    struct peer_header h = read_header(&c);
    const uint8_t *local = cursor_bytes(&c, 16);
    cursor_skip(&c, 4); /* ports */
    struct bgp_open sent, received;
    struct str s = bgp_message(&c), r = bgp_message(&c);
    if (c.bad || !bgp_open(s, &sent) || !bgp_open(r, &received))
        return err_set(e, "a peer-up message cannot be read");
    struct peer *p = peer_add(b, &h, sent.id, e);
    if (!p)
        return false;
    p->as = h.as ? h.as : received.as;
    p->external = received.as != sent.as;
    p->local_as = sent.as;
    set_add_path(p, &sent, &received);
    if (h.key.type != PEER_LOC_RIB)
        routers_own(b->env->routers, b->router, h.flags & FLAG_V6 ? ip_v6(local) : ip_v4(local + 12));
    peer_information(b, &h, c);
    return true;
}

static bool peer_down(struct bmp *b, struct cursor c, struct err *e)
{
    struct peer_header h = read_header(&c);
    cursor_skip(&c, 1); /* reason; what follows is for people */
    if (c.bad)
        return err_set(e, "a peer-down message ends too early");
    struct peer *p = peer_find(b, &h);
    if (p)
        peer_drop(b, p);
    else
        count(b, BMP_NO_PEER, 1);
    if (b->router)
        show_peers(b);
    return true;
}

/* ---- routes */

struct monitoring {
    struct bmp *b;
    struct peer *peer;
    unsigned variant;
    const struct bgp_update *u;
};

static enum source_class class_of(enum bgp_family f)
{
    switch (f) {
    case BGP_IPV4_LABELS:
    case BGP_IPV6_LABELS:
        return CLASS_LABELS;
    case BGP_IPV4_VPN:
    case BGP_IPV6_VPN:
        return CLASS_VPN;
    case BGP_EVPN:
        return CLASS_EVPN;
    default:
        return CLASS_UNICAST;
    }
}

static enum rib_kind kind_of(const struct monitoring *m)
{
    if (m->peer->key.type == PEER_LOC_RIB)
        return RIB_LOC;
    if (m->variant & 2)
        return RIB_OUT;
    return m->variant & 1 ? RIB_IN_POST : RIB_IN_PRE;
}

/* 0: too many. */
static uint32_t source_of(const struct monitoring *m, enum bgp_family family)
{
    enum source_class class_ = class_of(family);
    uint32_t *source = &m->peer->source[m->variant][class_];
    if (*source)
        return *source;
    struct routers *rs = m->b->env->routers;
    struct source_key k = source_key(m->b, &m->peer->key, m->variant, class_);
    *source = routers_source(rs, &k, kind_of(m));
    if (!*source)
        return 0;
    rs->info[*source].up = true;
    rs->info[*source].as = m->peer->as;
    rs->rib->sources[*source].bgp_id = m->peer->id;
    rs->rib->sources[*source].external = m->peer->external;
    return *source;
}

static bool is_wanted(const uint64_t *list, size_t n, uint64_t v)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == v)
            return true;
    return n == 0;
}

static bool has_wanted_target(const struct bmp_env *env, const struct bgp_update *u)
{
    for (unsigned i = 0; i < u->n_targets; i++)
        if (is_wanted(env->rts, env->n_rts, u->targets[i]))
            return true;
    return env->n_rts == 0;
}

static bool add_path_of(const struct monitoring *m, enum bgp_family f)
{
    if (f == BGP_FAMILIES)
        return false;
    return m->variant & 2 ? m->peer->add_path_out[f] : m->peer->add_path_in[f];
}

/* One route of a part, in a session's own table when the family has none (RFC 7854 4.2: the peer's distinguisher). */
static void one_route(const struct monitoring *m, const struct bgp_route *route, enum bgp_family family,
                      uint32_t attr)
{
    struct bmp *b = m->b;
    struct rib *rib = b->env->routers->rib;
    uint64_t rd = route->rd ? route->rd : m->peer->key.distinguisher;
    uint16_t table;
    if (!is_wanted(b->env->rds, b->env->n_rds, rd)) {
        count(b, BMP_FILTERED, 1);
        return;
    }
    uint32_t source = source_of(m, family);
    if (!source || !rib_table(rib, rd, false, &table)) {
        count(b, BMP_REFUSED, 1);
        return;
    }
    enum rib_did did;
    if (!attr)
        count(b, BMP_REMOVED, rib_del(rib, source, table, route->prefix, route->path_id));
    else if ((did = rib_put(rib, source, table, route->prefix, route->path_id, attr)) == RIB_REFUSED)
        count(b, BMP_REFUSED, 1);
    else
        count(b, did == RIB_ADDED ? BMP_ADDED : BMP_UPDATED, 1);
}

/* The routes of one part; attr 0: withdrawn. */
static void part_routes(const struct monitoring *m, struct bgp_part part, uint32_t attr)
{
    struct bgp_route route;
    bool add_path = add_path_of(m, part.family);
    if (part.is_there && part.family == BGP_FAMILIES) {
        count(m->b, BMP_IGNORED_NLRI, cursor_left(&part.routes) > 0);
        return;
    }
    for (enum bgp_next next; (next = bgp_nlri_next(&part, add_path, &route)) != BGP_END;)
        switch (next) {
        case BGP_ROUTE:
            one_route(m, &route, part.family, attr);
            break;
        case BGP_IGNORED:
            count(m->b, BMP_IGNORED_NLRI, 1);
            break;
        default: /* RFC 7606 5.3: the rest of the message says nothing */
            count(m->b, BMP_MALFORMED, 1);
        }
}

/*
 * FRR 8 writes received paths as if it passed them on, with its own AS in front of the peer's. No router takes a route that has
 * its own AS (RFC 4271 9.1.2), so nothing else can be meant.
 */
static void drop_own_as(const struct monitoring *m, struct rib_attr_conf *c)
{
    const struct peer *p = m->peer;
    if (!p->external || p->key.type == PEER_LOC_RIB || m->variant & 2 || c->n_path < 2 ||
        c->path[0] != p->local_as || c->path[1] != p->as)
        return;
    c->path++;
    c->n_path--;
    c->path_len--;
}

static void announce(const struct monitoring *m, const struct bgp_part *part, struct ip next_hop)
{
    const struct bmp_env *env = m->b->env;
    struct rib_attr_conf c = m->u->attr;
    bool vpn = class_of(part->family) >= CLASS_VPN;
    if (!part->is_there || cursor_left(&part->routes) == 0)
        return;
    if (m->u->verdict >= BGP_WITHDRAWN || (vpn && !has_wanted_target(env, m->u))) {
        if (m->u->verdict < BGP_WITHDRAWN)
            count(m->b, BMP_FILTERED, 1);
        part_routes(m, *part, 0); /* one that was wanted before may not be now */
        return;
    }
    c.next_hop = next_hop;
    drop_own_as(m, &c);
    if (!c.n_path) /* whoever made the route: what goes out before policy is the router's */
        c.origin_as = m->variant & 2 ? m->peer->local_as : m->peer->as;
    if (!env->paths)
        c.n_path = 0;
    if (!env->asns)
        c.origin_as = 0;
    if (!env->communities)
        c.n_communities = c.n_large = 0;
    uint32_t attr = rib_attr_take(env->routers->rib, &c);
    if (!attr) {
        count(m->b, BMP_REFUSED, 1);
        part_routes(m, *part, 0); /* no route is better than one that is over */
        return;
    }
    part_routes(m, *part, attr);
    rib_attr_drop(env->routers->rib, attr);
}

/* RFC 4724 2: whatever a former session left, and this one did not repeat, is over. */
static void end_of_rib(const struct monitoring *m)
{
    enum bgp_family f = m->u->eor;
    count(m->b, BMP_ENDS, 1);
    if (f == BGP_FAMILIES)
        return;
    uint32_t source = source_of(m, f);
    bool v4 = f == BGP_IPV4 || f == BGP_IPV4_LABELS || f == BGP_IPV4_VPN;
    if (source)
        rib_source_purge(m->b->env->routers->rib, source, f == BGP_EVPN ? 3 : v4 ? 1 : 2);
}

static bool route_monitoring(struct bmp *b, struct cursor c, struct err *e)
{
    struct peer_header h = read_header(&c);
    struct str message = bgp_message(&c);
    if (c.bad || cursor_left(&c))
        return err_set(e, "a route-monitoring message has no BGP message of its length");
    struct bgp_update u;
    struct monitoring m = {.b = b, .peer = peer_find(b, &h), .u = &u};
    /* RFC 9069 5.1 wants a peer-up message for it too; GoBGP 3 sends none. The header says all that one would. */
    if (!m.peer && h.key.type == PEER_LOC_RIB && !(m.peer = peer_add(b, &h, h.id, e)))
        return false;
    if (!m.peer) {
        count(b, BMP_NO_PEER, 1);
        return true;
    }
    bool loc_rib = h.key.type == PEER_LOC_RIB;
    if (!loc_rib)
        m.variant = (h.flags & FLAG_OUT ? 2u : 0) | (h.flags & FLAG_POST ? 1u : 0);
    bgp_update(message, !(h.flags & FLAG_TWO_BYTES) || loc_rib, loc_rib, &b->env->scratch, &u);
    count(b, BMP_MALFORMED, u.verdict == BGP_MALFORMED);
    count(b, BMP_AS_WITHDRAWN, u.verdict == BGP_WITHDRAWN);
    count(b, BMP_DISCARDED, u.verdict == BGP_DISCARDED);
    if (u.verdict == BGP_MALFORMED)
        return true;
    part_routes(&m, u.withdrawn, 0);
    part_routes(&m, u.mp_withdrawn, 0);
    announce(&m, &u.announced, u.next_hop);
    announce(&m, &u.mp_announced, u.mp_next_hop);
    if (u.end_of_rib)
        end_of_rib(&m);
    return true;
}

/* ---- frames */

static bool one_message(struct bmp *b, uint8_t type, struct cursor c, struct err *e)
{
    switch (type) {
    case ROUTE_MONITORING:
        count(b, BMP_MONITORINGS, 1);
        return route_monitoring(b, c, e);
    case STATISTICS:
        count(b, BMP_STATISTICS, 1);
        return true;
    case PEER_DOWN:
        count(b, BMP_DOWNS, 1);
        return peer_down(b, c, e);
    case PEER_UP:
        count(b, BMP_UPS, 1);
        return peer_up(b, c, e);
    case INITIATION:
        count(b, BMP_INITIATIONS, 1);
        return initiation(b, c, e);
    case TERMINATION: /* RFC 7854 4.5: the router closes next */
        count(b, BMP_TERMINATIONS, 1);
        b->ended = true;
        return err_set(e, "the router ended it");
    case ROUTE_MIRRORING:
        count(b, BMP_MIRRORINGS, 1);
        return true;
    default: /* 4: to be ignored */
        count(b, BMP_UNKNOWN, 1);
        return true;
    }
}

bool bmp_take(struct bmp *b, struct str in, size_t *used, struct err *e)
{
    *used = 0;
    while (in.len - *used >= BMP_HEADER) {
        struct cursor c = cursor_init(in.p + *used, in.len - *used);
        uint8_t version = cursor_u8(&c);
        uint32_t len = cursor_be32(&c);
        uint8_t type = cursor_u8(&c);
        if (version != VERSION)
            return err_set(e, "version %u of BMP, where 3 is expected", version);
        if (len < BMP_HEADER || len > BMP_MESSAGE_MAX)
            return err_set(e, "a message of %u bytes", len);
        if (in.len - *used < len)
            return true;
        if (!one_message(b, type, cursor_sub(&c, len - BMP_HEADER), e))
            return false;
        *used += len;
    }
    return true;
}
