/* Header by header with a sticky cursor; depth and length of every chain are bounded, so any bytes end soon. */
#include "decode/packet.h"
#include "base/cursor.h"

enum {
    TAGS_MAX = 8,
    LABELS_MAX = 32,
    EXTENSIONS_MAX = 16,
    GTP_EXTENSIONS_MAX = 8,
    DEPTH_MAX = 16, /* of headers that hold a frame or packet */
    ETYPE_VLAN = 0x8100,
    ETYPE_QINQ = 0x88a8,
    ETYPE_QINQ_OLD = 0x9100,
    ETYPE_QINQ_OLDER = 0x9200,
    ETYPE_QINQ_OLDEST = 0x9300,
    ETYPE_MPLS = 0x8847,
    ETYPE_MPLS_MULTICAST = 0x8848,
    ETYPE_PPPOE = 0x8864,
    ETYPE_BRIDGED = 0x6558, /* Ethernet inside GRE */
    NH_ICMP = 1,
    NH_IPIP = 4,
    NH_TCP = 6,
    NH_UDP = 17,
    NH_IPV6 = 41,
    NH_ROUTING = 43,
    NH_FRAGMENT = 44,
    NH_GRE = 47,
    NH_AH = 51,
    NH_ICMPV6 = 58,
    NH_NONE = 59,
    NH_OPTIONS = 60,
    NH_SCTP = 132,
    NH_MOBILITY = 135,
    NH_ETHERNET = 143,
    PORT_GTPU = 2152,
    PORT_VXLAN = 4789,
    PORT_GENEVE = 6081,
    PORT_VXLAN_LINUX = 8472, /* what Linux took before there was a number */
    SEGMENT_ROUTING = 4,
    PPP_IPV4 = 0x21,
    PPP_IPV6 = 0x57,
    PPP_MPLS = 0x281,
    PPP_HDLC = 0xff03,
};

struct reading {
    struct packet *pk;
    struct cursor c;
    enum dgram_decap decap;
    bool inside;
    uint8_t depth;
};

static void ethernet(struct reading *r);
static void layer3(struct reading *r, uint32_t etype);

/* From here on the packet inside counts, and nothing of the outer one. */
static bool enter(struct reading *r, enum dgram_decap how)
{
    if (r->decap != how || r->inside || r->c.bad)
        return false;
    packet_clear(r->pk);
    return r->inside = true;
}

/* RFC 2784 2, RFC 2890 2 */
static void gre(struct reading *r)
{
    uint16_t flags = cursor_be16(&r->c), type = cursor_be16(&r->c);
    bool checksum = flags & 0x8000, routing = flags & 0x4000, key = flags & 0x2000, sequence = flags & 0x1000;
    if (routing || flags & 7)
        return;
    cursor_skip(&r->c, 4 * ((size_t)checksum + key + sequence));
    if (!enter(r, DECAP_GRE))
        return;
    if (type == ETYPE_BRIDGED)
        ethernet(r);
    else
        layer3(r, type);
}

/* RFC 9293 3.1: 12 bits of flags behind the 4 of the data offset */
static void tcp(struct reading *r)
{
    cursor_skip(&r->c, 8);
    r->pk->tcp_flags = cursor_be16(&r->c) & 0x0fff;
}

/* RFC 7348 5 */
static void vxlan(struct reading *r)
{
    const uint8_t *p = cursor_bytes(&r->c, 8);
    if (!p || !enter(r, DECAP_VXLAN))
        return;
    r->pk->vni = load_be32(p + 4) >> 8;
    ethernet(r);
}

/* RFC 8926 3.4: options are counted in 4 bytes */
static void geneve(struct reading *r)
{
    const uint8_t *p = cursor_bytes(&r->c, 8);
    if (!p || p[0] >> 6 != 0)
        return;
    cursor_skip(&r->c, (p[0] & 0x3fu) * 4);
    uint16_t type = load_be16(p + 2);
    if (!enter(r, DECAP_GENEVE))
        return;
    r->pk->vni = load_be32(p + 4) >> 8;
    if (type == ETYPE_BRIDGED)
        ethernet(r);
    else
        layer3(r, type);
}

/* 3GPP TS 29.281 5.1, 5.2: of the messages only G-PDU carries a packet */
static void gtpu(struct reading *r)
{
    const uint8_t *p = cursor_bytes(&r->c, 8);
    if (!p || p[0] >> 4 != 3 || p[1] != 0xff)
        return;
    uint8_t next = 0;
    if (p[0] & 7) {
        const uint8_t *more = cursor_bytes(&r->c, 4);
        next = more && p[0] & 4 ? more[3] : 0;
    }
    for (unsigned i = 0; next && i < GTP_EXTENSIONS_MAX; i++) {
        const uint8_t *len = cursor_bytes(&r->c, 1);
        if (!len || *len == 0)
            return;
        const uint8_t *rest = cursor_bytes(&r->c, *len * 4u - 1);
        if (!rest)
            return;
        next = rest[*len * 4u - 2];
    }
    if (!next && cursor_left(&r->c) > 0 && enter(r, DECAP_GTPU))
        layer3(r, *r->c.p >> 4 == 6 ? ETYPE_IPV6 : ETYPE_IPV4);
}

static void udp(struct reading *r)
{
    uint16_t port = r->pk->dst_port;
    cursor_skip(&r->c, 4); /* length, checksum */
    if (r->decap == DECAP_VXLAN && (port == PORT_VXLAN || port == PORT_VXLAN_LINUX))
        vxlan(r);
    else if (r->decap == DECAP_GENEVE && port == PORT_GENEVE)
        geneve(r);
    else if (r->decap == DECAP_GTPU && port == PORT_GTPU)
        gtpu(r);
}

static void layer4(struct reading *r, uint32_t proto)
{
    struct packet *pk = r->pk;
    switch (proto) {
    case NH_TCP:
    case NH_UDP:
    case NH_SCTP:
        if (cursor_left(&r->c) < 4)
            return;
        pk->src_port = cursor_be16(&r->c);
        pk->dst_port = cursor_be16(&r->c);
        if (proto == NH_TCP)
            tcp(r);
        else if (proto == NH_UDP)
            udp(r);
        break;
    case NH_ICMP:
    case NH_ICMPV6:
        pk->icmp_type = cursor_u8(&r->c);
        pk->icmp_code = cursor_u8(&r->c);
        break;
    case NH_IPIP:
    case NH_IPV6:
        if (enter(r, DECAP_IPIP))
            layer3(r, proto == NH_IPIP ? ETYPE_IPV4 : ETYPE_IPV6);
        break;
    case NH_GRE:
        gre(r);
        break;
    }
}

/* RFC 791 3.1 */
static void ipv4(struct reading *r)
{
    const uint8_t *p = cursor_bytes(&r->c, 20);
    if (!p || p[0] >> 4 != 4 || (p[0] & 15) < 5)
        return;
    struct packet *pk = r->pk;
    pk->etype = ETYPE_IPV4;
    pk->tos = p[1];
    pk->l3_len = load_be16(p + 2);
    pk->frag_id = load_be16(p + 4);
    pk->frag_offset = load_be16(p + 6) & 0x1fff;
    pk->ttl = p[8];
    pk->proto = p[9];
    pk->src = ip_v4(p + 12);
    pk->dst = ip_v4(p + 16);
    cursor_skip(&r->c, (size_t)(p[0] & 15) * 4 - 20);
    if (pk->frag_offset == 0 && !r->c.bad)
        layer4(r, pk->proto);
}

/*
 * What SRv6 carries, RFC 8986 5. With a single segment the header with the segments is left out (5.2), so that any IPv6
 * packet with another inside may be one. True when the packet inside was taken.
 */
static bool segments_end(struct reading *r, uint32_t proto)
{
    if ((proto != NH_IPIP && proto != NH_IPV6 && proto != NH_ETHERNET) || !enter(r, DECAP_SRV6))
        return false;
    if (proto == NH_ETHERNET)
        ethernet(r);
    else
        layer3(r, proto == NH_IPIP ? ETYPE_IPV4 : ETYPE_IPV6);
    return true;
}

/* RFC 8754 2: the header names what the segments lead to. */
static bool segment_routing(struct reading *r, const uint8_t *head, size_t len)
{
    cursor_skip(&r->c, len - 4);
    return head[2] == SEGMENT_ROUTING && segments_end(r, head[0]);
}

/* RFC 8200 4: extension headers up to the upper-layer one. False when layer 4 is not to be read. */
static bool extensions(struct reading *r)
{
    struct packet *pk = r->pk;
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        bool fragment = pk->proto == NH_FRAGMENT, routing = pk->proto == NH_ROUTING;
        if (!fragment && !routing && pk->proto != 0 && pk->proto != NH_OPTIONS && pk->proto != NH_AH &&
            pk->proto != NH_MOBILITY)
            return pk->proto != NH_NONE;
        const uint8_t *p = cursor_bytes(&r->c, fragment ? 8 : 4);
        if (!p)
            return false;
        if (routing) {
            if (segment_routing(r, p, ((size_t)p[1] + 1) * 8))
                return false;
        } else if (fragment) { /* RFC 8200 4.5 */
            pk->frag_offset = load_be16(p + 2) >> 3;
            pk->frag_id = load_be32(p + 4);
        } else { /* RFC 4302 2.2 counts the authentication header in 4 bytes, less 2 */
            cursor_skip(&r->c, pk->proto == NH_AH ? ((size_t)p[1] + 2) * 4 - 4 : ((size_t)p[1] + 1) * 8 - 4);
        }
        pk->proto = p[0];
        if (r->c.bad || pk->frag_offset)
            return false;
    }
    return false;
}

/* RFC 8200 3 */
static void ipv6(struct reading *r)
{
    const uint8_t *p = cursor_bytes(&r->c, 40);
    if (!p || p[0] >> 4 != 6)
        return;
    struct packet *pk = r->pk;
    uint32_t head = load_be32(p), payload = load_be16(p + 4);
    pk->etype = ETYPE_IPV6;
    pk->tos = (uint8_t)(head >> 20);
    pk->flow_label = head & 0xfffff;
    pk->l3_len = payload ? payload + 40 : 0; /* 0: a jumbogram, RFC 2675 */
    pk->proto = p[6];
    pk->ttl = p[7];
    pk->src = ip_v6(p + 8);
    pk->dst = ip_v6(p + 24);
    if (extensions(r) && !segments_end(r, pk->proto))
        layer4(r, pk->proto);
}

/* RFC 3032 2.1; what follows the stack is told by its first four bits (RFC 4928 3, RFC 4385 3) */
static void mpls(struct reading *r)
{
    for (unsigned i = 0; i < LABELS_MAX && !r->c.bad; i++) {
        const uint8_t *p = cursor_bytes(&r->c, 4);
        if (!p)
            return;
        uint32_t entry = load_be32(p);
        if (r->pk->n_labels < PACKET_LABELS)
            r->pk->label[r->pk->n_labels++] = entry >> 12;
        if (!(entry >> 8 & 1))
            continue;
        if (cursor_left(&r->c) == 0)
            return;
        unsigned nibble = *r->c.p >> 4;
        if (nibble == 4 || nibble == 6) {
            layer3(r, nibble == 4 ? ETYPE_IPV4 : ETYPE_IPV6);
        } else {
            if (nibble == 0)
                cursor_skip(&r->c, 4); /* pseudowire control word */
            ethernet(r);
        }
        return;
    }
}

/* RFC 1661 2: the protocol in two bytes */
static void ppp(struct reading *r)
{
    uint16_t protocol = cursor_be16(&r->c);
    if (protocol == PPP_IPV4)
        ipv4(r);
    else if (protocol == PPP_IPV6)
        ipv6(r);
    else if (protocol == PPP_MPLS) /* RFC 3032 4.3 */
        mpls(r);
}

/* RFC 2516 4: a header of 6 bytes */
static void pppoe(struct reading *r)
{
    cursor_skip(&r->c, 6);
    ppp(r);
}

static void layer3(struct reading *r, uint32_t etype)
{
    r->pk->etype = etype;
    if (++r->depth > DEPTH_MAX)
        return;
    switch (etype) {
    case ETYPE_IPV4:
        ipv4(r);
        break;
    case ETYPE_IPV6:
        ipv6(r);
        break;
    case ETYPE_MPLS:
    case ETYPE_MPLS_MULTICAST:
        mpls(r);
        break;
    case ETYPE_PPPOE:
        pppoe(r);
        break;
    }
}

static uint64_t mac(const uint8_t *p)
{
    return (uint64_t)load_be16(p) << 32 | load_be32(p + 2);
}

/*
 * Some switches can be given any number as tag protocol: a type that nobody knows is one if, behind a tag's two bytes, there
 * is a type that is known and a header that fits it.
 */
static bool hidden_tag(const struct reading *r, uint16_t etype)
{
    const uint8_t *p = r->c.p;
    if (etype < 0x600 || etype == ETYPE_IPV4 || etype == ETYPE_IPV6 || etype == ETYPE_MPLS ||
        etype == ETYPE_MPLS_MULTICAST || etype == ETYPE_PPPOE || cursor_left(&r->c) < 5)
        return false;
    uint16_t type = load_be16(p + 2);
    return type == ETYPE_VLAN || (type == ETYPE_IPV4 && p[4] >> 4 == 4 && (p[4] & 15) >= 5) ||
           (type == ETYPE_IPV6 && p[4] >> 4 == 6);
}

static bool tag(const struct reading *r, uint16_t etype)
{
    return etype == ETYPE_VLAN || etype == ETYPE_QINQ || etype == ETYPE_QINQ_OLD ||
           etype == ETYPE_QINQ_OLDER || etype == ETYPE_QINQ_OLDEST || hidden_tag(r, etype);
}

/* RFC 1042: a type behind six bytes in a frame that tells its length; 0: another kind of frame */
static uint16_t snap(struct reading *r)
{
    static const uint8_t head[6] = {0xaa, 0xaa, 3};
    if (cursor_left(&r->c) < 8 || memcmp(r->c.p, head, sizeof head) != 0)
        return 0;
    cursor_skip(&r->c, sizeof head);
    return cursor_be16(&r->c);
}

/* IEEE 802.3, 802.1Q: the outermost tag is the VLAN */
static void ethernet(struct reading *r)
{
    const uint8_t *p = cursor_bytes(&r->c, 14);
    if (!p)
        return;
    r->pk->dst_mac = mac(p);
    r->pk->src_mac = mac(p + 6);
    uint16_t etype = load_be16(p + 12);
    for (unsigned i = 0; i < TAGS_MAX && tag(r, etype); i++) {
        uint16_t vlan = cursor_be16(&r->c) & 0x0fff;
        if (i == 0)
            r->pk->vlan = vlan;
        else if (i == 1)
            r->pk->inner_vlan = vlan;
        etype = cursor_be16(&r->c);
    }
    if (etype < 0x600) /* it is the length of an 802.3 frame */
        etype = snap(r);
    if (etype)
        layer3(r, etype);
}

/*
 * What most frames are: Ethernet, IPv4 without options, whole or not cut up, TCP or UDP, and all of it there. The same as
 * below, without a look at the end before each step. False: something else.
 */
static bool plain(struct packet *pk, const uint8_t *p, size_t len)
{
    enum { IP = 14, L4 = 34, ALL = 48 /* up to TCP's flags */ };
    if (len < ALL || load_be16(p + 12) != ETYPE_IPV4 || p[IP] != 0x45 || load_be16(p + IP + 6) & 0x1fff ||
        (p[IP + 9] != NH_TCP && p[IP + 9] != NH_UDP))
        return false;
    pk->dst_mac = mac(p);
    pk->src_mac = mac(p + 6);
    pk->etype = ETYPE_IPV4;
    pk->tos = p[IP + 1];
    pk->l3_len = load_be16(p + IP + 2);
    pk->frag_id = load_be16(p + IP + 4);
    pk->ttl = p[IP + 8];
    pk->proto = p[IP + 9];
    pk->src = ip_v4(p + IP + 12);
    pk->dst = ip_v4(p + IP + 16);
    pk->src_port = load_be16(p + L4);
    pk->dst_port = load_be16(p + L4 + 2);
    if (pk->proto == NH_TCP)
        pk->tcp_flags = load_be16(p + L4 + 12) & 0x0fff;
    return true;
}

bool packet_frame(struct packet *pk, const void *data, size_t len, enum dgram_decap decap)
{
    packet_clear(pk);
    if (decap == DECAP_NONE && plain(pk, data, len))
        return true;
    struct reading r = {.pk = pk, .c = cursor_init(data, len), .decap = decap};
    ethernet(&r);
    return r.inside || decap == DECAP_NONE;
}

bool packet_ip(struct packet *pk, const void *data, size_t len, uint32_t etype, enum dgram_decap decap)
{
    struct reading r = {.pk = pk, .c = cursor_init(data, len), .decap = decap};
    packet_clear(pk);
    layer3(&r, etype);
    return r.inside || decap == DECAP_NONE;
}

bool packet_ppp(struct packet *pk, const void *data, size_t len, enum dgram_decap decap)
{
    struct reading r = {.pk = pk, .c = cursor_init(data, len), .decap = decap};
    packet_clear(pk);
    if (len >= 2 && load_be16(data) == PPP_HDLC) /* RFC 1662 3.1 */
        cursor_skip(&r.c, 2);
    ppp(&r);
    return r.inside || decap == DECAP_NONE;
}

#define PUT(col, type, value)                                                                                \
    do {                                                                                                     \
        if (value)                                                                                           \
            ((type *)batch_col(b, COL_##col))[row] = (type)(value);                                          \
    } while (0)

static void store_l2(const struct packet *pk, struct batch *b, uint32_t row)
{
    PUT(SrcMAC, uint64_t, pk->src_mac);
    PUT(DstMAC, uint64_t, pk->dst_mac);
    PUT(SrcVlan, uint16_t, pk->vlan);
    PUT(SrcCustomerVlan, uint16_t, pk->inner_vlan);
    PUT(IngressVNI, uint32_t, pk->vni);
}

static void store_l3l4(const struct packet *pk, struct batch *b, uint32_t row)
{
    PUT(IPTTL, uint8_t, pk->ttl);
    PUT(IPTos, uint8_t, pk->tos);
    PUT(IPFragmentID, uint32_t, pk->frag_id);
    PUT(IPFragmentOffset, uint16_t, pk->frag_offset);
    PUT(IPv6FlowLabel, uint32_t, pk->flow_label);
    PUT(TCPFlags, uint16_t, pk->tcp_flags);
    if (pk->proto == NH_ICMP) {
        PUT(ICMPv4Type, uint8_t, pk->icmp_type);
        PUT(ICMPv4Code, uint8_t, pk->icmp_code);
    } else if (pk->proto == NH_ICMPV6) {
        PUT(ICMPv6Type, uint8_t, pk->icmp_type);
        PUT(ICMPv6Code, uint8_t, pk->icmp_code);
    }
}

static void store_groups(const struct packet *pk, struct batch *b, uint32_t row, const struct schema *schema)
{
    if (schema->group[GROUP_L2])
        store_l2(pk, b, row);
    if (schema->group[GROUP_L3L4])
        store_l3l4(pk, b, row);
    if (pk->n_labels && schema->enabled[COL_MPLSLabels]) {
        struct span *labels = BATCH_SPAN(b, MPLSLabels);
        uint32_t *to = batch_pool32(b, pk->n_labels, &labels[row]);
        if (to)
            memcpy(to, pk->label, pk->n_labels * sizeof *to);
    }
}

#define SET(column, type, value) (((type *)b->col[COL_##column])[row] = (value))

void packet_store_new(const struct packet *pk, struct batch *b, uint32_t row, const struct schema *schema)
{
    SET(EType, uint32_t, pk->etype);
    SET(Proto, uint32_t, pk->proto);
    SET(SrcAddr, struct ip, pk->src);
    SET(DstAddr, struct ip, pk->dst);
    SET(SrcPort, uint16_t, pk->src_port);
    SET(DstPort, uint16_t, pk->dst_port);
    store_groups(pk, b, row, schema);
}

void packet_store(const struct packet *pk, struct batch *b, uint32_t row, const struct schema *schema)
{
    PUT(EType, uint32_t, pk->etype);
    PUT(Proto, uint32_t, pk->proto);
    if (!ip_is_zero(pk->src))
        BATCH_IP(b, SrcAddr)[row] = pk->src;
    if (!ip_is_zero(pk->dst))
        BATCH_IP(b, DstAddr)[row] = pk->dst;
    PUT(SrcPort, uint16_t, pk->src_port);
    PUT(DstPort, uint16_t, pk->dst_port);
    store_groups(pk, b, row, schema);
}
