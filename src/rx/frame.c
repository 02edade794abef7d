/*
 * Link layers are stripped to an EtherType or an IP version; IPv4 (RFC 791) and IPv6 (RFC 8200) fragments wait in a small
 * table, the oldest giving way.
 */
#include "rx/frame.h"
#include "base/arena.h"
#include <stdlib.h>

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW_BSD = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_HDLC = 50,
    LINK_RAW = 101,
    LINK_CISCO_HDLC = 104,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276,
    ETHER_IPV4 = 0x0800,
    ETHER_IPV6 = 0x86dd,
    ETHER_MPLS = 0x8847,
    ETHER_MPLS_MULTICAST = 0x8848,
    ETHER_PPPOE = 0x8864,
    ETHER_MIN = 0x600, /* below, it is the length of an IEEE 802.3 frame */
    ETHER_NONE = 0xffff,
    PENDING = 64,
    IP_MAX = 65535,
};

/* One datagram being put together. */
struct part {
    bool used;
    struct ip src, dst;
    uint32_t id;
    uint64_t age;
    size_t total;                       /* 0: the last fragment has not been seen */
    uint8_t have[(IP_MAX / 8) / 8 + 2]; /* a bit per 8 bytes */
    uint8_t data[IP_MAX + 8];
};

struct frame_parts {
    uint64_t age, lost;
    struct part *parts[PENDING]; /* NULL: not needed yet */
};

struct frame_parts *frame_parts_new(void)
{
    return xcalloc(1, sizeof(struct frame_parts));
}

void frame_parts_free(struct frame_parts *f)
{
    for (unsigned i = 0; f && i < PENDING; i++)
        free(f->parts[i]);
    free(f);
}

static bool in_use(const struct part *p)
{
    return p && p->used;
}

uint64_t frame_parts_pending(const struct frame_parts *f)
{
    uint64_t n = f->lost;
    for (unsigned i = 0; i < PENDING; i++)
        n += in_use(f->parts[i]);
    return n;
}

static struct part *part_for(struct frame_parts *f, struct ip src, struct ip dst, uint32_t id)
{
    struct part **slot = &f->parts[0]; /* one that is free, else the oldest */
    for (unsigned i = 0; i < PENDING; i++) {
        struct part *p = f->parts[i];
        if (in_use(p) && p->id == id && ip_eq(p->src, src) && ip_eq(p->dst, dst))
            return p;
        if (!in_use(p) || (in_use(*slot) && p->age < (*slot)->age))
            slot = &f->parts[i];
    }
    f->lost += in_use(*slot);
    if (!*slot)
        *slot = xmalloc(sizeof **slot);
    struct part *oldest = *slot;
    memset(oldest, 0, offsetof(struct part, data));
    oldest->used = true;
    oldest->src = src;
    oldest->dst = dst;
    oldest->id = id;
    oldest->age = ++f->age;
    return oldest;
}

static bool whole(const struct part *p)
{
    if (!p->total)
        return false;
    for (size_t unit = 0; unit * 8 < p->total; unit++)
        if (!(p->have[unit / 8] >> (unit % 8) & 1))
            return false;
    return true;
}

/* Adds a fragment; FRAME_UDP when its datagram is whole, which *payload then is. */
static enum frame_result add_part(struct frame_parts *f, struct ip src, struct ip dst, uint32_t id,
                                  size_t offset, bool more, struct cursor *payload)
{
    size_t len = cursor_left(payload);
    if (offset + len > IP_MAX || (more && len % 8) || len == 0)
        return FRAME_DAMAGED;
    struct part *p = part_for(f, src, dst, id);
    memcpy(p->data + offset, payload->p, len);
    for (size_t unit = offset / 8; unit * 8 < offset + len; unit++)
        p->have[unit / 8] |= (uint8_t)(1 << (unit % 8));
    if (!more)
        p->total = offset + len;
    if (!whole(p))
        return FRAME_PART;
    p->used = false; /* its bytes stay until the slot is taken again, which the next call may do */
    *payload = cursor_init(p->data, p->total);
    return FRAME_UDP;
}

static enum frame_result other(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP ? FRAME_STREAM : FRAME_OTHER;
}

/* The IPv4 header; leaves *c at the payload. */
static enum frame_result ipv4(struct frame_parts *f, struct cursor *c, struct dgram *d)
{
    const uint8_t *h = c->p;
    size_t have = cursor_left(c);
    if (have < 20 || h[0] >> 4 != 4)
        return FRAME_DAMAGED;
    size_t head = (size_t)(h[0] & 15) * 4, total = load_be16(h + 2);
    if (head < 20 || have < head || (total && total < head))
        return FRAME_DAMAGED;
    if (total && total < have)
        c->end = c->p + total; /* Ethernet pads short frames */
    struct ip dst = ip_v4(h + 16);
    d->src = ip_v4(h + 12);
    uint16_t fragment = load_be16(h + 6);
    if (h[9] != IPPROTO_UDP)
        return other(h[9]);
    cursor_skip(c, head);
    if (!(fragment & 0x3fff))
        return FRAME_UDP;
    uint32_t id = load_be16(h + 4) | (uint32_t)h[9] << 16;
    return add_part(f, d->src, dst, id, (size_t)(fragment & 0x1fff) * 8, fragment & 0x2000, c);
}

static enum frame_result ipv6(struct frame_parts *f, struct cursor *c, struct dgram *d)
{
    const uint8_t *h = cursor_bytes(c, 40);
    if (!h || h[0] >> 4 != 6)
        return FRAME_DAMAGED;
    d->src = ip_v6(h + 8);
    struct ip dst = ip_v6(h + 24);
    size_t len = load_be16(h + 4);
    if (len && len < cursor_left(c))
        c->end = c->p + len;
    for (uint8_t next = h[6];;) {
        const uint8_t *x;
        switch (next) {
        case IPPROTO_UDP:
            return FRAME_UDP;
        case 0:  /* hop-by-hop options */
        case 43: /* routing */
        case 60: /* destination options */
        case 51: /* authentication: its length counts 4-byte units */
            if (cursor_left(c) < 8)
                return FRAME_DAMAGED;
            x = c->p;
            cursor_skip(c, next == 51 ? (size_t)(x[1] + 2) * 4 : (size_t)(x[1] + 1) * 8);
            if (c->bad)
                return FRAME_DAMAGED;
            next = x[0];
            break;
        case 44: /* fragment */
            x = cursor_bytes(c, 8);
            if (!x)
                return FRAME_DAMAGED;
            if (x[0] != IPPROTO_UDP)
                return other(x[0]);
            if ((load_be16(x + 2) & 0xfff9) == 0)
                return FRAME_UDP; /* atomic: a fragment header on a whole datagram */
            return add_part(f, d->src, dst, load_be32(x + 4), load_be16(x + 2) & 0xfff8, x[3] & 1, c);
        default:
            return other(next);
        }
    }
}

static enum frame_result udp(struct cursor *c, struct dgram *d, uint16_t *dst_port)
{
    const uint8_t *h = cursor_bytes(c, 8);
    if (!h)
        return FRAME_DAMAGED;
    d->src_port = load_be16(h);
    *dst_port = load_be16(h + 2);
    size_t len = load_be16(h + 4), have = cursor_left(c);
    if (len && len < 8)
        return FRAME_DAMAGED;
    d->data = c->p;
    d->len = (uint32_t)(len && len - 8 < have ? len - 8 : have);
    return FRAME_UDP;
}

/* PPP (RFC 1661 2), with its framing (RFC 1662 3.1) or without: its protocol as an EtherType. */
static uint16_t ppp(struct cursor *c)
{
    if (cursor_left(c) >= 2 && load_be16(c->p) == 0xff03)
        cursor_skip(c, 2);
    uint16_t protocol = cursor_be16(c);
    return protocol == 0x21 ? ETHER_IPV4 : protocol == 0x57 ? ETHER_IPV6 : ETHER_NONE;
}

/* What lies between a frame's type and the packet: VLAN tags, SNAP (RFC 1042), PPPoE (RFC 2516 4), MPLS labels (RFC 3032 2.1). */
static uint16_t inner_type(struct cursor *c, uint16_t type)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 3};
    while (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200 || type == 0x9300) {
        cursor_skip(c, 2);
        type = cursor_be16(c);
    }
    if (type && type < ETHER_MIN && cursor_left(c) >= 8 && memcmp(c->p, snap, sizeof snap) == 0) {
        cursor_skip(c, sizeof snap);
        type = cursor_be16(c);
    }
    if (type == ETHER_PPPOE) {
        cursor_skip(c, 6);
        return ppp(c);
    }
    if (type != ETHER_MPLS && type != ETHER_MPLS_MULTICAST)
        return type;
    while (!(cursor_be32(c) & 0x100) && !c->bad)
        ;
    return 0; /* the IP version tells */
}

/* EtherType of the packet, ETHER_NONE when it is not IP by what the link layer says. False when the link layer is not known. */
static bool link_type(uint32_t link, struct cursor *c, uint16_t *out)
{
    uint16_t type = 0;
    switch (link) {
    case LINK_ETHERNET:
        cursor_skip(c, 12);
        type = cursor_be16(c);
        break;
    case LINK_SLL:
        cursor_skip(c, 14);
        type = cursor_be16(c);
        break;
    case LINK_SLL2:
        type = cursor_be16(c);
        cursor_skip(c, 18);
        break;
    case LINK_PPP:
    case LINK_PPP_HDLC:
        type = ppp(c);
        break;
    case LINK_CISCO_HDLC:
        cursor_skip(c, 2);
        type = cursor_be16(c);
        break;
    case LINK_NULL:
    case LINK_LOOP:
        cursor_skip(c, 4); /* address family, in a byte order of its own: the IP version tells */
        break;
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6:
        break;
    default:
        return false;
    }
    type = inner_type(c, type);
    if (type == 0 && !c->bad && cursor_left(c))
        type = c->p[0] >> 4 == 4 ? ETHER_IPV4 : c->p[0] >> 4 == 6 ? ETHER_IPV6 : 0;
    *out = type;
    return true;
}

enum frame_result frame_udp(struct frame_parts *parts, uint32_t link, const uint8_t *p, size_t len,
                            struct dgram *d, uint16_t *dst_port)
{
    struct cursor c = cursor_init(p, len);
    uint16_t type;
    if (!link_type(link, &c, &type))
        return FRAME_LINK;
    if (c.bad)
        return FRAME_DAMAGED;
    enum frame_result r = type == ETHER_IPV4   ? ipv4(parts, &c, d)
                          : type == ETHER_IPV6 ? ipv6(parts, &c, d)
                                               : FRAME_OTHER;
    return r == FRAME_UDP ? udp(&c, d, dst_port) : r;
}

const char *frame_link_name(uint32_t link)
{
    static const struct {
        uint32_t link;
        const char *name;
    } known[] = {{6, "Token Ring"},    {10, "FDDI"},         {51, "PPPoE"},
                 {105, "IEEE 802.11"}, {107, "Frame Relay"}, {127, "IEEE 802.11 with radiotap"},
                 {192, "PPI"},         {239, "NFLOG"},       {249, "USB"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].link == link)
            return known[i].name;
    return NULL;
}
