/* Routes as each family writes them. */
#include "enrich/route/bgp.h"

enum {
    LABEL_BITS = 24,
    RD_BITS = 64,
    EVPN_PREFIX = 5,
    EVPN_LEN4 = 34, /* RFC 9136 3.1 */
    EVPN_LEN6 = 58,
    LABELS_MAX = 16,
};

static bool has_labels(enum bgp_family f)
{
    return f >= BGP_IPV4_LABELS && f <= BGP_IPV6_VPN;
}

static bool has_rd(enum bgp_family f)
{
    return f == BGP_IPV4_VPN || f == BGP_IPV6_VPN;
}

static bool is_v4(enum bgp_family f)
{
    return f == BGP_IPV4 || f == BGP_IPV4_LABELS || f == BGP_IPV4_VPN;
}

/* `bits` of an address; the bytes are those of the whole prefix. */
static bool take_prefix(struct cursor *c, bool v4, unsigned bits, struct prefix *out)
{
    uint8_t b[16] = {0};
    if (bits > (v4 ? 32u : 128u))
        return false;
    const uint8_t *p = cursor_bytes(c, (bits + 7) / 8);
    if (!p)
        return false;
    memcpy(b, p, (bits + 7) / 8);
    out->len = (uint8_t)(v4 ? 96 + bits : bits);
    out->ip = ip_mask(v4 ? ip_v4(b) : ip_v6(b), out->len);
    return true;
}

/* RFC 8277 2.2, 2.4: up to the bottom of the stack; 0x800000 (or 0) stands alone in a withdrawal. */
static bool skip_labels(struct cursor *c, unsigned *bits)
{
    for (unsigned n = 0; n < LABELS_MAX && *bits >= LABEL_BITS; n++) {
        const uint8_t *l = cursor_bytes(c, 3);
        if (!l)
            return false;
        *bits -= LABEL_BITS;
        uint32_t label = (uint32_t)l[0] << 16 | (uint32_t)l[1] << 8 | l[2];
        if (label & 1 || label == 0x800000 || label == 0)
            return true;
    }
    return false;
}

static enum bgp_next next_evpn(struct cursor *c, struct bgp_route *out)
{
    uint8_t type = cursor_u8(c);
    uint8_t len = cursor_u8(c);
    struct cursor body = cursor_sub(c, len);
    if (body.bad)
        return BGP_BROKEN;
    if (type != EVPN_PREFIX)
        return BGP_IGNORED;
    if (len != EVPN_LEN4 && len != EVPN_LEN6)
        return BGP_IGNORED; /* RFC 7606 5.4: its length is known, so the others can be read */
    out->rd = cursor_be64(&body);
    cursor_skip(&body, 10 + 4); /* Ethernet segment, Ethernet tag */
    uint8_t bits = cursor_u8(&body);
    const uint8_t *p = body.p;
    if (bits > (len == EVPN_LEN4 ? 32 : 128))
        return BGP_IGNORED;
    out->prefix.len = (uint8_t)(len == EVPN_LEN4 ? 96 + bits : bits);
    out->prefix.ip = ip_mask(len == EVPN_LEN4 ? ip_v4(p) : ip_v6(p), out->prefix.len);
    return BGP_ROUTE;
}

enum bgp_next bgp_nlri_next(struct bgp_part *part, bool add_path, struct bgp_route *out)
{
    struct cursor *c = &part->routes;
    *out = (struct bgp_route){0};
    if (!part->is_there || cursor_left(c) == 0)
        return BGP_END;
    if (add_path)
        out->path_id = cursor_be32(c);
    enum bgp_next next = BGP_BROKEN;
    if (part->family == BGP_EVPN) {
        next = next_evpn(c, out);
    } else if (part->family < BGP_FAMILIES) {
        unsigned bits = cursor_u8(c);
        bool good = !has_labels(part->family) || skip_labels(c, &bits);
        if (good && has_rd(part->family)) {
            good = bits >= RD_BITS;
            bits -= good ? RD_BITS : 0;
            out->rd = cursor_be64(c);
        }
        if (good && take_prefix(c, is_v4(part->family), bits, &out->prefix) && !c->bad)
            next = BGP_ROUTE;
    }
    if (next == BGP_BROKEN)
        c->p = c->end;
    return next;
}
