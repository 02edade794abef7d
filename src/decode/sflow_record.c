/* Records of a flow sample. One that is cut short says what it says up to there; a list that is too long is read to its end. */
#include "decode/sflow.h"

enum {
    SAMPLED_ETHERNET = 2,
    SAMPLED_IPV4 = 3,
    SAMPLED_IPV6 = 4,
    EXTENDED_SWITCH = 1001,
    EXTENDED_ROUTER = 1002,
    EXTENDED_GATEWAY = 1003,
    EXTENDED_USER = 1004,
    EXTENDED_MPLS = 1006,
    EXTENDED_NAT = 1007,
    EXTENDED_VLAN_TUNNEL = 1012,
    EXTENDED_NAT_PORT = 1020,
    EXTENDED_VNI_EGRESS = 1029,
    EXTENDED_VNI_INGRESS = 1030,
    EXTENDED_VLAN_IN = 1034,
    EXTENDED_VLAN_OUT = 1035,
    EXTENDED_HARDWARE_TRAP = 1041, /* dropped packet notifications */
    EXTENDED_LINUX_REASON = 1042,
    HEADER_ETHERNET = 1,
    HEADER_PPP = 7,
    HEADER_IPV4 = 11,
    HEADER_IPV6 = 12,
    HEADER_MPLS = 13,
    HEADER_POS = 14, /* PPP with its framing, RFC 1662 */
    ETYPE_MPLS = 0x8847,
    ETHERNET_OVERHEAD = 18, /* addresses, type, checksum */
};

/*
 * Words in a row, all of which are there but in a record that was cut short: then those are 0 that are not. Always inline, so
 * that they stay in registers.
 */
static inline __attribute__((always_inline)) void words(struct cursor *c, uint32_t *w, unsigned n)
{
    if (__builtin_expect(cursor_left(c) >= 4 * n, 1)) {
        for (unsigned i = 0; i < n; i++)
            w[i] = load_be32(c->p + 4 * i);
        c->p += 4 * n;
        return;
    }
    for (unsigned i = 0; i < n; i++)
        w[i] = cursor_be32(c);
}

struct ip sflow_address(struct cursor *c)
{
    if (cursor_left(c) >= 8 && load_be32(c->p) == SFLOW_ADDRESS_IPV4 && load_be32(c->p + 4)) {
        c->p += 8;
        return ip_v4(c->p - 4);
    }
    uint32_t type = cursor_be32(c);
    const uint8_t *p = type == SFLOW_ADDRESS_IPV4   ? cursor_bytes(c, 4)
                       : type == SFLOW_ADDRESS_IPV6 ? cursor_bytes(c, 16)
                                                    : NULL;
    if (type > SFLOW_ADDRESS_IPV6)
        c->bad = true;
    if (!p || (type == SFLOW_ADDRESS_IPV4 && load_be32(p) == 0))
        return (struct ip){0};
    return type == SFLOW_ADDRESS_IPV4 ? ip_v4(p) : ip_v6(p);
}

struct str sflow_string(struct cursor *c)
{
    uint32_t len = cursor_be32(c);
    const uint8_t *p = cursor_bytes(c, len);
    cursor_skip(c, -len % 4);
    return p ? (struct str){(const char *)p, len} : (struct str){0};
}

static bool read_header(struct packet *pk, uint32_t protocol, struct str header, enum dgram_decap decap)
{
    switch (protocol) {
    case HEADER_ETHERNET:
        return packet_frame(pk, header.p, header.len, decap);
    case HEADER_IPV4:
        return packet_ip(pk, header.p, header.len, ETYPE_IPV4, decap);
    case HEADER_IPV6:
        return packet_ip(pk, header.p, header.len, ETYPE_IPV6, decap);
    case HEADER_MPLS:
        return packet_ip(pk, header.p, header.len, ETYPE_MPLS, decap);
    case HEADER_PPP:
    case HEADER_POS:
        return packet_ppp(pk, header.p, header.len, decap);
    default:
        memset(pk, 0, sizeof *pk);
        return decap == DECAP_NONE;
    }
}

void sflow_header(struct sflow_sample *s, uint32_t protocol, uint32_t frame_len, struct str header,
                  enum dgram_decap decap)
{
    s->decap_failed = !read_header(&s->packet, protocol, header, decap);
    s->told = s->has_packet = true;
    s->bytes = s->packet.l3_len ? s->packet.l3_len : frame_len;
}

/* sampled_header */
static void raw_header(struct sflow_sample *s, struct cursor *c, enum dgram_decap decap)
{
    uint32_t head[4]; /* protocol, length of the frame, stripped, length of the header */
    words(c, head, 4);
    size_t len = head[3];
    if (len > cursor_left(c))
        len = cursor_left(c); /* a header cut short still says what it says */
    const uint8_t *p = cursor_bytes(c, len);
    if (p)
        sflow_header(s, head[0], head[1], (struct str){(const char *)p, len}, decap);
}

/* sampled_ethernet */
static void ethernet(struct sflow_sample *s, struct cursor *c)
{
    uint32_t len = cursor_be32(c);
    const uint8_t *src = cursor_bytes(c, 8), *dst = cursor_bytes(c, 8); /* six bytes and padding each */
    uint32_t type = cursor_be32(c);
    s->told |= !c->bad;
    if (c->bad || s->has_packet)
        return;
    s->packet.src_mac = (uint64_t)load_be16(src) << 32 | load_be32(src + 2);
    s->packet.dst_mac = (uint64_t)load_be16(dst) << 32 | load_be32(dst + 2);
    s->packet.etype = s->packet.etype ? s->packet.etype : type;
    if (!s->bytes)
        s->bytes = len > ETHERNET_OVERHEAD ? len - ETHERNET_OVERHEAD : 0;
}

/* sampled_ipv4, sampled_ipv6: what a switch tells that cannot copy headers */
void sflow_sampled_ip(struct sflow_sample *s, struct cursor *c, bool v4)
{
    uint32_t len = cursor_be32(c), proto = cursor_be32(c);
    const uint8_t *src = cursor_bytes(c, v4 ? 4 : 16), *dst = cursor_bytes(c, v4 ? 4 : 16);
    uint32_t src_port = cursor_be32(c), dst_port = cursor_be32(c), flags = cursor_be32(c),
             tos = cursor_be32(c);
    s->told |= !c->bad;
    if (c->bad || s->has_packet)
        return;
    struct packet *pk = &s->packet;
    pk->etype = v4 ? ETYPE_IPV4 : ETYPE_IPV6;
    pk->proto = proto;
    pk->src = v4 ? ip_v4(src) : ip_v6(src);
    pk->dst = v4 ? ip_v4(dst) : ip_v6(dst);
    pk->src_port = (uint16_t)src_port;
    pk->dst_port = (uint16_t)dst_port;
    pk->tcp_flags = (uint16_t)flags;
    pk->tos = (uint8_t)tos;
    s->bytes = len;
}

/* Agents that know none send all ones. */
static uint32_t vlan(uint32_t v)
{
    return v <= 0xfff ? v : 0;
}

void sflow_extended_switch(struct sflow_sample *s, struct cursor *c)
{
    uint32_t w[4]; /* VLAN and priority, of either side */
    words(c, w, 4);
    s->src_vlan = vlan(w[0]);
    s->dst_vlan = vlan(w[2]);
}

void sflow_extended_router(struct sflow_sample *s, struct cursor *c)
{
    s->next_hop = sflow_address(c);
    uint32_t mask[2];
    words(c, mask, 2);
    s->src_mask = mask[0] <= 128 ? mask[0] : 0;
    s->dst_mask = mask[1] <= 128 ? mask[1] : 0;
}

/* `n` AS numbers of the path; the last is where it leads to. */
static void segment(struct sflow_sample *s, struct cursor *c, uint32_t n)
{
    size_t there = cursor_left(c) / 4, take = n < there ? n : there;
    for (size_t i = 0; i < take; i++, c->p += 4) {
        s->dst_as = load_be32(c->p);
        if (s->n_path < SFLOW_PATH_MAX)
            s->path[s->n_path++] = s->dst_as;
    }
    c->bad |= n > there;
}

/* extended_gateway. An empty path leads to the router's own AS, and a source AS of 0 is the own one. */
void sflow_extended_gateway(struct sflow_sample *s, struct cursor *c, uint32_t version)
{
    if (version >= 5)
        s->bgp_next_hop = sflow_address(c);
    uint32_t as[3]; /* the router's own, the source's, the source's peer's */
    words(c, as, 3);
    s->src_as = as[1] ? as[1] : as[0];
    s->dst_as = as[0];
    s->n_path = s->n_communities = 0;
    if (version < 4) {
        segment(s, c, cursor_be32(c));
        return;
    }
    for (uint32_t segments = cursor_be32(c); segments > 0 && !c->bad; segments--) {
        uint32_t head[2]; /* set or sequence, length */
        words(c, head, 2);
        segment(s, c, head[1]);
    }
    uint32_t n = cursor_be32(c);
    size_t there = cursor_left(c) / 4, take = n < there ? n : there;
    for (size_t i = 0; i < take; i++, c->p += 4)
        if (s->n_communities < SFLOW_COMMUNITIES_MAX)
            s->communities[s->n_communities++] = load_be32(c->p);
    c->bad |= n > there;
    cursor_skip(c, 4); /* local preference */
}

/* extended_mpls: the stack as it came in, where the header itself has none */
static void mpls(struct sflow_sample *s, struct cursor *c)
{
    s->mpls_next_hop = sflow_address(c);
    bool ours = s->packet.n_labels == 0;
    for (uint32_t n = cursor_be32(c); n > 0 && cursor_left(c) >= 4; n--) {
        uint32_t label = cursor_be32(c) >> 12; /* RFC 3032 2.1 */
        if (ours && s->packet.n_labels < PACKET_LABELS)
            s->packet.label[s->packet.n_labels++] = label;
    }
}

/* extended_vlantunnel, extended_vlanin, extended_vlanout: tags with their protocol, the outermost first */
static void tags(uint16_t tag[2], struct cursor *c)
{
    uint32_t n = cursor_be32(c);
    for (uint32_t i = 0; i < 2 && i < n; i++)
        tag[i] = cursor_be32(c) & 0x0fff;
}

/* extended_user: a character set (of which ASCII and UTF-8 can be shown) and a name, of the source and of the destination */
void sflow_extended_user(struct sflow_sample *s, struct cursor *c, uint32_t version)
{
    for (unsigned i = 0; i < 2; i++) {
        cursor_skip(c, version >= 5 ? 4 : 0);
        struct str name = sflow_string(c);
        if (s->user.len == 0)
            s->user = name;
    }
}

void sflow_record(struct sflow_sample *s, uint32_t format, struct cursor *c, enum dgram_decap decap)
{
    switch (format) { /* 20 bits of enterprise, 12 of format: all of these are enterprise 0, sflow.org's */
    case SFLOW_RAW_HEADER:
        raw_header(s, c, decap);
        break;
    case SAMPLED_ETHERNET:
        ethernet(s, c);
        break;
    case SAMPLED_IPV4:
    case SAMPLED_IPV6:
        sflow_sampled_ip(s, c, format == SAMPLED_IPV4);
        break;
    case EXTENDED_SWITCH:
        sflow_extended_switch(s, c);
        break;
    case EXTENDED_ROUTER:
        sflow_extended_router(s, c);
        break;
    case EXTENDED_GATEWAY:
        sflow_extended_gateway(s, c, 5);
        break;
    case EXTENDED_USER:
        sflow_extended_user(s, c, 5);
        break;
    case EXTENDED_MPLS:
        mpls(s, c);
        break;
    case EXTENDED_NAT:
        s->src_nat = sflow_address(c);
        s->dst_nat = sflow_address(c);
        break;
    case EXTENDED_NAT_PORT:
        s->src_port_nat = (uint16_t)cursor_be32(c);
        s->dst_port_nat = (uint16_t)cursor_be32(c);
        break;
    case EXTENDED_HARDWARE_TRAP:
        sflow_string(c); /* its group */
        s->drop_reason = sflow_string(c);
        break;
    case EXTENDED_LINUX_REASON:
        s->drop_reason = sflow_string(c);
        break;
    case EXTENDED_VLAN_TUNNEL:
        tags(s->off_tags, c);
        break;
    case EXTENDED_VLAN_IN:
        tags(s->in_tags, c);
        break;
    case EXTENDED_VLAN_OUT:
        tags(s->out_tags, c);
        break;
    case EXTENDED_VNI_EGRESS:
        s->out_vni = cursor_be32(c);
        break;
    case EXTENDED_VNI_INGRESS:
        s->in_vni = cursor_be32(c);
        break;
    }
}
