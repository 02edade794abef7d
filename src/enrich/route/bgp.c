/* Attributes first, all of them, so that one verdict covers the message; routes are read only when asked for. */
#include "enrich/route/bgp.h"

enum {
    AFI_IPV4 = 1,
    AFI_IPV6 = 2,
    AFI_L2VPN = 25,
    SAFI_UNICAST = 1,
    SAFI_LABELS = 4,
    SAFI_EVPN = 70,
    SAFI_VPN = 128,
    AS_TRANS = 23456,
    CAPABILITY = 2,
    CAP_AS4 = 65,
    CAP_ADD_PATH = 69,
    EXTENDED = 255, /* RFC 9072 */
};

enum bgp_family bgp_family_of(uint16_t afi, uint8_t safi)
{
    static const struct {
        uint16_t afi;
        uint8_t safi, family;
    } known[] = {{AFI_IPV4, SAFI_UNICAST, BGP_IPV4},       {AFI_IPV6, SAFI_UNICAST, BGP_IPV6},
                 {AFI_IPV4, SAFI_LABELS, BGP_IPV4_LABELS}, {AFI_IPV6, SAFI_LABELS, BGP_IPV6_LABELS},
                 {AFI_IPV4, SAFI_VPN, BGP_IPV4_VPN},       {AFI_IPV6, SAFI_VPN, BGP_IPV6_VPN},
                 {AFI_L2VPN, SAFI_EVPN, BGP_EVPN}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].afi == afi && known[i].safi == safi)
            return known[i].family;
    return BGP_FAMILIES;
}

/* The body of a message of this type, RFC 4271 4.1; a bad cursor when it is something else. */
static struct cursor body_of(struct str message, uint8_t type)
{
    struct cursor c = cursor_init(message.p, message.len);
    cursor_skip(&c, 16); /* the marker; some senders do not fill it, and nothing depends on it */
    uint16_t len = cursor_be16(&c);
    uint8_t is = cursor_u8(&c);
    if (is != type || len != message.len)
        c.bad = true;
    return c;
}

/* ---- OPEN */

static void read_capability(struct bgp_open *o, uint8_t code, struct cursor c)
{
    if (code == CAP_AS4 && cursor_left(&c) == 4) {
        o->four_bytes = true;
        o->as = cursor_be32(&c);
    }
    while (code == CAP_ADD_PATH && cursor_left(&c) >= 4) {
        uint16_t afi = cursor_be16(&c);
        enum bgp_family f = bgp_family_of(afi, cursor_u8(&c));
        uint8_t modes = cursor_u8(&c);
        if (f != BGP_FAMILIES && modes <= 3)
            o->add_path[f] = modes;
    }
}

bool bgp_open(struct str message, struct bgp_open *out)
{
    struct cursor c = body_of(message, BGP_OPEN);
    *out = (struct bgp_open){0};
    cursor_skip(&c, 1); /* version */
    out->as = cursor_be16(&c);
    cursor_skip(&c, 2); /* hold time */
    out->id = cursor_be32(&c);
    uint16_t len = cursor_u8(&c);
    bool extended = len == EXTENDED && cursor_left(&c) >= 3 && c.p[0] == EXTENDED;
    if (extended) {
        cursor_skip(&c, 1);
        len = cursor_be16(&c);
    }
    struct cursor params = cursor_sub(&c, len);
    while (cursor_left(&params)) {
        uint8_t type = cursor_u8(&params);
        struct cursor caps = cursor_sub(&params, extended ? cursor_be16(&params) : cursor_u8(&params));
        while (type == CAPABILITY && cursor_left(&caps)) {
            uint8_t code = cursor_u8(&caps);
            uint8_t n = cursor_u8(&caps);
            struct cursor cap = cursor_sub(&caps, n);
            if (!cap.bad)
                read_capability(out, code, cap);
        }
    }
    return !c.bad && !params.bad;
}

/* ---- attributes */

enum {
    ATTR_ORIGIN = 1,
    ATTR_AS_PATH = 2,
    ATTR_NEXT_HOP = 3,
    ATTR_MED = 4,
    ATTR_LOCAL_PREF = 5,
    ATTR_COMMUNITIES = 8,
    ATTR_MP_REACH = 14,
    ATTR_MP_UNREACH = 15,
    ATTR_EXT_COMMUNITIES = 16,
    ATTR_AS4_PATH = 17,
    ATTR_LARGE = 32,
    FLAG_EXTENDED_LEN = 0x10,
    FLAG_TRANSITIVE = 0x40,
    FLAG_OPTIONAL = 0x80,
    AS_SET = 1,
    AS_SEQUENCE = 2,
    AS_CONFED_SEQUENCE = 3,
    AS_CONFED_SET = 4,
};

static void worsen(struct bgp_update *u, enum bgp_verdict v)
{
    if (v > u->verdict)
        u->verdict = v;
}

struct path {
    uint32_t *as;
    unsigned n, len; /* kept; as BGP compares it */
    unsigned all;    /* AS numbers, also beyond the bound */
};

/* RFC 4271 4.3 b, RFC 5065: confederations are the neighbour's own business. False when malformed. */
static bool read_path(struct cursor c, unsigned width, struct path *p)
{
    p->n = p->len = p->all = 0;
    while (cursor_left(&c)) {
        uint8_t type = cursor_u8(&c);
        unsigned n = cursor_u8(&c);
        struct cursor seg = cursor_sub(&c, n * width);
        if (seg.bad || n == 0 || type < AS_SET || type > AS_CONFED_SET)
            return false;
        if (type > AS_SEQUENCE)
            continue;
        p->len += type == AS_SET ? 1 : n;
        p->all += n;
        for (; n; n--) {
            uint32_t as = width == 4 ? cursor_be32(&seg) : cursor_be16(&seg);
            if (p->n < RIB_PATH_MAX)
                p->as[p->n++] = as;
            else
                p->as[RIB_PATH_MAX - 1] = as; /* the origin stays the last */
        }
    }
    return !c.bad;
}

/* RFC 6793 4.2.3: the four-byte tail replaces as many of the two-byte path. */
static void merge_as4(struct path *p, const struct path *four)
{
    if (four->n == 0 || four->all > p->all || p->all > RIB_PATH_MAX)
        return;
    memcpy(p->as + (p->n - four->n), four->as, four->n * sizeof *four->as);
}

/* RFC 4760 3: a next hop of each family's kind; link-local ones behind a global one are left out. */
static bool read_next_hop(struct cursor c, struct ip *out)
{
    switch (cursor_left(&c)) {
    case 24: /* RD and IPv6 */
    case 48:
        cursor_skip(&c, 8);
        /* fall through */
    case 16:
    case 32:
        *out = ip_v6(cursor_bytes(&c, 16));
        return true;
    case 12: /* RD and IPv4 */
        cursor_skip(&c, 8);
        /* fall through */
    case 4:
        *out = ip_v4(cursor_bytes(&c, 4));
        return true;
    default:
        return false;
    }
}

static void read_mp_reach(struct bgp_update *u, struct cursor c)
{
    uint16_t afi = cursor_be16(&c);
    uint8_t safi = cursor_u8(&c);
    uint8_t len = cursor_u8(&c);
    struct cursor hop = cursor_sub(&c, len);
    cursor_skip(&c, 1); /* reserved */
    if (c.bad || u->mp_announced.is_there) {
        worsen(u, BGP_MALFORMED); /* RFC 7606 3 g, 5.3 */
        return;
    }
    u->mp_announced = (struct bgp_part){c, bgp_family_of(afi, safi), true};
    if (!read_next_hop(hop, &u->mp_next_hop) && u->mp_announced.family != BGP_FAMILIES)
        worsen(
            u,
            BGP_WITHDRAWN); /* 7.11 asks for a reset, since a length that is wrong may hide routes; c is sound here */
}

static void read_mp_unreach(struct bgp_update *u, struct cursor c)
{
    uint16_t afi = cursor_be16(&c);
    uint8_t safi = cursor_u8(&c);
    if (c.bad || u->mp_withdrawn.is_there) {
        worsen(u, BGP_MALFORMED);
        return;
    }
    u->mp_withdrawn = (struct bgp_part){c, bgp_family_of(afi, safi), true};
}

static void read_words(struct cursor c, uint32_t *to, unsigned *n, unsigned each)
{
    *n = 0;
    while (cursor_left(&c) && *n < RIB_LIST_MAX) {
        for (unsigned k = 0; k < each; k++)
            to[*n * each + k] = cursor_be32(&c);
        ++*n;
    }
}

/* RFC 4360 4, RFC 5668: AS, IPv4 address, or four-byte AS. The first two octets stay, so that kinds differ. */
static void read_targets(struct bgp_update *u, struct cursor c, uint64_t *to)
{
    unsigned n = 0;
    while (cursor_left(&c) && n < RIB_LIST_MAX) {
        uint64_t v = cursor_be64(&c);
        if ((v >> 48 & 0xff) == 2 && (v >> 56 & 0x3f) <= 2)
            to[n++] = v & ~(0xc0ull << 56);
    }
    u->targets = to;
    u->n_targets = n;
}

struct reading {
    struct bgp_update *u;
    struct bgp_scratch *s;
    bool four_bytes;
    struct path path, path4;
    uint8_t seen[32];
};

/* RFC 7606 3 c: the flags every known attribute must have. */
static bool flags_fit(uint8_t type, uint8_t flags)
{
    uint8_t is = flags & (FLAG_OPTIONAL | FLAG_TRANSITIVE);
    switch (type) {
    case ATTR_ORIGIN:
    case ATTR_AS_PATH:
    case ATTR_NEXT_HOP:
    case ATTR_LOCAL_PREF:
        return is == FLAG_TRANSITIVE;
    case ATTR_MED:
    case ATTR_MP_REACH:
    case ATTR_MP_UNREACH:
        return is == FLAG_OPTIONAL;
    case ATTR_COMMUNITIES:
    case ATTR_EXT_COMMUNITIES:
    case ATTR_AS4_PATH:
    case ATTR_LARGE:
        return is == (FLAG_OPTIONAL | FLAG_TRANSITIVE);
    default:
        return true;
    }
}

static bool any_width(struct reading *r, struct cursor c)
{
    unsigned width = r->four_bytes ? 4 : 2;
    if (read_path(c, width, &r->path))
        return true;
    r->four_bytes = !r->four_bytes; /* senders err about the flag; a path that fits exactly is believed */
    return read_path(c, 6 - width, &r->path);
}

/* RFC 7606 7: what becomes of the message when this attribute is malformed is in `bad`. */
static void read_attribute(struct reading *r, uint8_t type, struct cursor c)
{
    struct bgp_update *u = r->u;
    size_t len = cursor_left(&c);
    bool good = true;
    enum bgp_verdict bad = BGP_WITHDRAWN;
    switch (type) {
    case ATTR_ORIGIN:
        u->attr.origin = cursor_u8(&c);
        good = len == 1 && u->attr.origin <= 2;
        break;
    case ATTR_AS_PATH:
        good = any_width(r, c);
        break;
    case ATTR_AS4_PATH: /* RFC 6793 6 */
        good = read_path(c, 4, &r->path4);
        bad = BGP_DISCARDED;
        if (!good)
            r->path4.n = 0;
        break;
    case ATTR_NEXT_HOP:
        good = len == 4;
        if (good)
            u->next_hop = ip_v4(cursor_bytes(&c, 4));
        break;
    case ATTR_MED:
        u->attr.med = cursor_be32(&c);
        good = len == 4;
        break;
    case ATTR_LOCAL_PREF:
        u->attr.local_pref = cursor_be32(&c);
        good = len == 4;
        break;
    case ATTR_COMMUNITIES:
        good = len % 4 == 0 && len;
        read_words(c, r->s->communities, &u->attr.n_communities, 1);
        break;
    case ATTR_LARGE: /* RFC 8092 6 */
        good = len % 12 == 0 && len;
        read_words(c, r->s->large, &u->attr.n_large, 3);
        break;
    case ATTR_EXT_COMMUNITIES:
        good = len % 8 == 0 && len;
        read_targets(u, c, r->s->targets);
        break;
    case ATTR_MP_REACH:
        read_mp_reach(u, c);
        break;
    case ATTR_MP_UNREACH:
        read_mp_unreach(u, c);
        break;
    default:
        break;
    }
    if (!good)
        worsen(u, bad);
}

static void read_attributes(struct reading *r, struct cursor c)
{
    struct bgp_update *u = r->u;
    while (cursor_left(&c)) {
        uint8_t flags = cursor_u8(&c), type = cursor_u8(&c);
        uint16_t len = flags & FLAG_EXTENDED_LEN ? cursor_be16(&c) : cursor_u8(&c);
        struct cursor value = cursor_sub(&c, len);
        if (value.bad) {
            worsen(u, BGP_WITHDRAWN); /* 4: the attributes overrun; routes outside of them are known */
            return;
        }
        bool twice = r->seen[type / 8] >> (type % 8) & 1;
        r->seen[type / 8] |= (uint8_t)(1u << (type % 8));
        if (twice && type != ATTR_MP_REACH && type != ATTR_MP_UNREACH) {
            worsen(u, BGP_DISCARDED); /* 3 g: the first one counts */
            continue;
        }
        if (!flags_fit(type, flags))
            worsen(u, BGP_WITHDRAWN);
        read_attribute(r, type, value);
    }
}

static bool seen(const struct reading *r, uint8_t type)
{
    return r->seen[type / 8] >> (type % 8) & 1;
}

/* RFC 7606 3 d: routes without what all routes have. */
static void check_mandatory(struct reading *r, bool loc_rib)
{
    struct bgp_update *u = r->u;
    bool own = cursor_left(&u->announced.routes) > 0, mp = u->mp_announced.is_there;
    if ((own || mp) && (!seen(r, ATTR_ORIGIN) || (!loc_rib && !seen(r, ATTR_AS_PATH))))
        worsen(u, BGP_WITHDRAWN);
    if (own && !seen(r, ATTR_NEXT_HOP))
        worsen(u, BGP_WITHDRAWN);
}

static void find_end_of_rib(struct bgp_update *u, size_t attributes)
{
    if (cursor_left(&u->withdrawn.routes) || cursor_left(&u->announced.routes) || u->mp_announced.is_there)
        return;
    if (u->mp_withdrawn.is_there && cursor_left(&u->mp_withdrawn.routes) == 0) {
        u->end_of_rib = true;
        u->eor = u->mp_withdrawn.family;
    } else if (attributes == 0) {
        u->end_of_rib = true;
        u->eor = BGP_IPV4;
    }
}

void bgp_update(struct str message, bool four_bytes, bool loc_rib, struct bgp_scratch *s,
                struct bgp_update *out)
{
    struct cursor c = body_of(message, BGP_UPDATE);
    *out = (struct bgp_update){
        .attr = {.local_pref = 100, .path = s->path, .communities = s->communities, .large = s->large}};
    struct reading r = {
        .u = out, .s = s, .four_bytes = four_bytes, .path = {.as = s->path}, .path4 = {.as = s->path4}};
    uint16_t len = cursor_be16(&c);
    out->withdrawn = (struct bgp_part){cursor_sub(&c, len), BGP_IPV4, true};
    uint16_t attributes = cursor_be16(&c);
    struct cursor at = cursor_sub(&c, attributes);
    if (c.bad || out->withdrawn.routes.bad || at.bad) {
        *out = (struct bgp_update){.verdict = BGP_MALFORMED};
        return;
    }
    out->announced = (struct bgp_part){c, BGP_IPV4, true};
    read_attributes(&r, at);
    if (!r.four_bytes && r.path4.n)
        merge_as4(&r.path, &r.path4);
    out->attr.n_path = r.path.n;
    out->attr.path_len = (uint8_t)(r.path.len < UINT8_MAX ? r.path.len : UINT8_MAX);
    out->attr.origin_as = r.path.n ? r.path.as[r.path.n - 1] : 0;
    check_mandatory(&r, loc_rib);
    if (out->verdict == BGP_GOOD)
        find_end_of_rib(out, attributes);
}
