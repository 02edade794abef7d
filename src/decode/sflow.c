/*
 * sFlow version 5 (sflow.org, "sFlow Version 5", July 2004; sections are its own): a datagram of samples, each with records.
 * Everything is big-endian XDR: opaque bytes are padded to four (RFC 4506 4.10).
 */
#include "decode/decoder.h"

enum {
    ADDRESS_IPV4 = 1, /* 5: type address_type */
    ADDRESS_IPV6 = 2,
    FLOW_SAMPLE = 1,
    COUNTER_SAMPLE = 2,
    EXPANDED_FLOW_SAMPLE = 3,
    EXPANDED_COUNTER_SAMPLE = 4,
    RAW_HEADER = 1,
    SAMPLED_ETHERNET = 2,
    SAMPLED_IPV4 = 3,
    SAMPLED_IPV6 = 4,
    EXTENDED_SWITCH = 1001,
    EXTENDED_ROUTER = 1002,
    EXTENDED_GATEWAY = 1003,
    HEADER_ETHERNET = 1,
    HEADER_IPV4 = 11,
    HEADER_IPV6 = 12,
    HEADER_MPLS = 13,
    FORMAT_INDEX = 0,
    FORMAT_DISCARDED = 1,
    INTERFACE_LOCAL = 0x3fffffff, /* the device itself */
    ETYPE_MPLS = 0x8847,
    ETHERNET_OVERHEAD = 18, /* addresses, type, checksum */
    PATH_MAX_AS = 128,
    COMMUNITIES_MAX = 128,
};

/* A flow sample while its records are read. */
struct sample {
    struct packet packet;
    struct ip next_hop, bgp_next_hop;
    uint64_t rate;
    uint32_t in_if, out_if, status, bytes;
    uint32_t src_vlan, dst_vlan, src_mask, dst_mask, src_as, dst_as;
    uint32_t n_path, n_communities;
    uint32_t path[PATH_MAX_AS], communities[COMMUNITIES_MAX];
    bool has_packet, decap_failed;
};

static struct ip address(struct cursor *c)
{
    uint32_t type = cursor_be32(c);
    const uint8_t *p = type == ADDRESS_IPV4   ? cursor_bytes(c, 4)
                       : type == ADDRESS_IPV6 ? cursor_bytes(c, 16)
                                              : NULL;
    if (type > ADDRESS_IPV6)
        c->bad = true;
    if (!p || (type == ADDRESS_IPV4 && load_be32(p) == 0))
        return (struct ip){0};
    return type == ADDRESS_IPV4 ? ip_v4(p) : ip_v6(p);
}

/*
 * 5.3.1: why a packet was discarded, as ForwardingStatus (IANA element 89: the two upper bits say dropped, the lower six
 * why). Codes 0 to 255 are those of ICMP destination unreachable, RFC 1812 5.2.7.1.
 */
static uint32_t discard_status(uint32_t code)
{
    static const struct {
        uint16_t code, status;
    } known[] = {
        {0, 131},   {1, 131},   {2, 131},   {3, 131},   {4, 133},   {5, 131},   {6, 131},
        {7, 131},   {8, 132},   {9, 129},   {10, 129},  {257, 137}, {258, 130}, {259, 143},
        {260, 139}, {261, 138}, {262, 135}, {263, 131}, {269, 130}, {302, 140},
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code)
            return known[i].status;
    return 128;
}

/* 5.3.1 interface: 0 an ifIndex, 1 discarded for a reason, 2 so many interfaces */
static uint32_t interface(struct sample *s, uint32_t format, uint32_t value)
{
    if (format == FORMAT_DISCARDED)
        s->status = discard_status(value);
    return format == FORMAT_INDEX && value != INTERFACE_LOCAL ? value : 0;
}

static bool read_header(struct sample *s, uint32_t protocol, const uint8_t *p, size_t len,
                        enum dgram_decap decap)
{
    switch (protocol) {
    case HEADER_ETHERNET:
        return packet_frame(&s->packet, p, len, decap);
    case HEADER_IPV4:
        return packet_ip(&s->packet, p, len, ETYPE_IPV4, decap);
    case HEADER_IPV6:
        return packet_ip(&s->packet, p, len, ETYPE_IPV6, decap);
    case HEADER_MPLS:
        return packet_ip(&s->packet, p, len, ETYPE_MPLS, decap);
    default:
        memset(&s->packet, 0, sizeof s->packet);
        return decap == DECAP_NONE;
    }
}

/* sampled_header */
static void raw_header(struct sample *s, struct cursor *c, enum dgram_decap decap)
{
    uint32_t protocol = cursor_be32(c), frame_len = cursor_be32(c);
    cursor_skip(c, 4); /* stripped */
    uint32_t len = cursor_be32(c);
    if (len > cursor_left(c))
        len = (uint32_t)cursor_left(c); /* a header cut short still says what it says */
    const uint8_t *p = cursor_bytes(c, len);
    if (!p)
        return;
    s->decap_failed = !read_header(s, protocol, p, len, decap);
    s->has_packet = true;
    s->bytes = s->packet.l3_len ? s->packet.l3_len : frame_len;
}

/* sampled_ethernet */
static void ethernet(struct sample *s, struct cursor *c)
{
    uint32_t len = cursor_be32(c);
    const uint8_t *src = cursor_bytes(c, 8), *dst = cursor_bytes(c, 8); /* six bytes and padding each */
    uint32_t type = cursor_be32(c);
    if (c->bad || s->has_packet)
        return;
    s->packet.src_mac = (uint64_t)load_be16(src) << 32 | load_be32(src + 2);
    s->packet.dst_mac = (uint64_t)load_be16(dst) << 32 | load_be32(dst + 2);
    s->packet.etype = s->packet.etype ? s->packet.etype : type;
    if (!s->bytes)
        s->bytes = len > ETHERNET_OVERHEAD ? len - ETHERNET_OVERHEAD : 0;
}

/* sampled_ipv4, sampled_ipv6: what a switch tells that cannot copy headers */
static void sampled_ip(struct sample *s, struct cursor *c, bool v4)
{
    uint32_t len = cursor_be32(c), proto = cursor_be32(c);
    const uint8_t *src = cursor_bytes(c, v4 ? 4 : 16), *dst = cursor_bytes(c, v4 ? 4 : 16);
    uint32_t src_port = cursor_be32(c), dst_port = cursor_be32(c), flags = cursor_be32(c),
             tos = cursor_be32(c);
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

static void extended_switch(struct sample *s, struct cursor *c)
{
    s->src_vlan = cursor_be32(c);
    cursor_skip(c, 4);
    s->dst_vlan = cursor_be32(c);
}

static void extended_router(struct sample *s, struct cursor *c)
{
    s->next_hop = address(c);
    s->src_mask = cursor_be32(c);
    s->dst_mask = cursor_be32(c);
}

/* extended_gateway. An empty path leads to the router's own AS, and a source AS of 0 is the own one. */
static void extended_gateway(struct sample *s, struct cursor *c)
{
    s->bgp_next_hop = address(c);
    uint32_t own = cursor_be32(c), src = cursor_be32(c);
    cursor_skip(c, 4); /* source peer */
    s->src_as = src ? src : own;
    s->dst_as = own;
    s->n_path = s->n_communities = 0;
    for (uint32_t segments = cursor_be32(c); segments > 0 && !c->bad; segments--) {
        cursor_skip(c, 4); /* set or sequence */
        for (uint32_t n = cursor_be32(c); n > 0 && !c->bad; n--) {
            uint32_t as = cursor_be32(c);
            if (c->bad)
                break;
            s->dst_as = as;
            if (s->n_path < PATH_MAX_AS)
                s->path[s->n_path++] = as;
        }
    }
    for (uint32_t n = cursor_be32(c); n > 0 && !c->bad && s->n_communities < COMMUNITIES_MAX; n--) {
        uint32_t community = cursor_be32(c);
        if (!c->bad)
            s->communities[s->n_communities++] = community;
    }
}

static void read_record(struct sample *s, uint32_t format, struct cursor *c, enum dgram_decap decap)
{
    switch (format) {
    case RAW_HEADER:
        raw_header(s, c, decap);
        break;
    case SAMPLED_ETHERNET:
        ethernet(s, c);
        break;
    case SAMPLED_IPV4:
    case SAMPLED_IPV6:
        sampled_ip(s, c, format == SAMPLED_IPV4);
        break;
    case EXTENDED_SWITCH:
        extended_switch(s, c);
        break;
    case EXTENDED_ROUTER:
        extended_router(s, c);
        break;
    case EXTENDED_GATEWAY:
        extended_gateway(s, c);
        break;
    }
}

#define PUT(col, type, value)                                                                                \
    do {                                                                                                     \
        if (value)                                                                                           \
            ((type *)batch_col(b, COL_##col))[row] = (type)(value);                                          \
    } while (0)

static void put_array(struct batch *b, uint32_t row, enum column col, const uint32_t *v, uint32_t n)
{
    struct span *spans = batch_col(b, col);
    uint32_t *to = n ? batch_pool32(b, n, &spans[row]) : NULL;
    if (to)
        memcpy(to, v, n * sizeof *v);
}

static void put_route(const struct sample *s, struct batch *b, uint32_t row, const struct schema *schema)
{
    PUT(SrcNetMask, uint8_t, s->src_mask);
    PUT(DstNetMask, uint8_t, s->dst_mask);
    PUT(SrcAS, uint32_t, s->src_as);
    PUT(DstAS, uint32_t, s->dst_as);
    if (schema->enabled[COL_DstASPath] && s->n_path)
        put_array(b, row, COL_DstASPath, s->path, s->n_path);
    if (schema->enabled[COL_DstCommunities] && s->n_communities)
        put_array(b, row, COL_DstCommunities, s->communities, s->n_communities);
    const struct ip *hop = ip_is_zero(s->bgp_next_hop) ? &s->next_hop : &s->bgp_next_hop;
    if ((schema->enabled[COL_NextHop] || schema->asked[COL_NextHop]) && !ip_is_zero(*hop))
        BATCH_IP(b, NextHop)[row] = *hop;
}

static void emit(struct decoding *x, const struct sample *s, struct ip exporter)
{
    struct batch *b = x->sink->batch;
    const struct schema *schema = x->st->schema;
    if (BATCH_POOL - b->n32 < PATH_MAX_AS + COMMUNITIES_MAX + PACKET_LABELS)
        x->sink->full(x->sink);
    uint32_t row = batch_row(x->sink);
    b = x->sink->batch;
    BATCH_IP(b, ExporterAddress)[row] = exporter;
    BATCH_U32(b, TimeReceived)[row] = x->rx_s;
    BATCH_U64(b, Packets)[row] = 1;
    BATCH_U64(b, Bytes)[row] = s->bytes;
    PUT(SamplingRate, uint64_t, s->rate);
    PUT(InIfIndex, uint32_t, s->in_if);
    PUT(OutIfIndex, uint32_t, s->out_if);
    PUT(ForwardingStatus, uint32_t, s->status);
    packet_store(&s->packet, b, row, schema);
    if (schema->group[GROUP_L2]) {
        PUT(SrcVlan, uint16_t, s->src_vlan);
        PUT(DstVlan, uint16_t, s->dst_vlan);
    }
    put_route(s, b, row, schema);
    x->stats->flows++;
    x->stats->packets++;
    x->stats->bytes += s->bytes;
}

/* 5.3.1 flow_sample, flow_sample_expanded */
static void flow_sample(struct decoding *x, struct cursor *c, bool expanded, struct ip exporter)
{
    struct sample s;
    memset(&s, 0, offsetof(struct sample, path));
    s.has_packet = s.decap_failed = false;
    cursor_skip(c, expanded ? 12 : 8); /* sequence number, source */
    s.rate = cursor_be32(c);
    cursor_skip(c, 8); /* pool, drops */
    uint32_t in = cursor_be32(c);
    uint32_t in_value = expanded ? cursor_be32(c) : in & 0x3fffffff, in_format = expanded ? in : in >> 30;
    uint32_t out = cursor_be32(c);
    uint32_t out_value = expanded ? cursor_be32(c) : out & 0x3fffffff,
             out_format = expanded ? out : out >> 30;
    s.in_if = in_format == FORMAT_INDEX ? interface(&s, in_format, in_value) : 0;
    s.out_if = interface(&s, out_format, out_value);
    uint32_t records = cursor_be32(c);
    x->stats->records++;
    if (c->bad) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    for (; records > 0; records--) {
        uint32_t format = cursor_be32(c), len = cursor_be32(c);
        struct cursor record = cursor_sub(c, len <= cursor_left(c) ? len : cursor_left(c));
        if (c->bad)
            break;
        read_record(&s, format, &record, (enum dgram_decap)x->d->decap);
    }
    if (x->d->decap && (s.decap_failed || !s.has_packet))
        x->stats->rejected[REASON_DECAP]++;
    else
        emit(x, &s, exporter);
}

static void sample(struct decoding *x, uint32_t format, struct cursor *c, struct ip exporter)
{
    switch (format) { /* 20 bits of enterprise, 12 of format */
    case FLOW_SAMPLE:
    case EXPANDED_FLOW_SAMPLE:
        flow_sample(x, c, format == EXPANDED_FLOW_SAMPLE, exporter);
        break;
    case COUNTER_SAMPLE:
    case EXPANDED_COUNTER_SAMPLE:
        break; /* counters of interfaces: no flow */
    default:
        x->stats->rejected[REASON_FORMAT]++;
    }
}

/* 5.1 sample_datagram_v5 */
static void decode(struct decoding *x)
{
    struct cursor c = cursor_init(x->d->data, x->d->len);
    cursor_skip(&c, 4);
    struct session_key key = {.src = x->d->src, .proto = TEMPLATE_SFLOW};
    key.agent = address(&c);
    key.domain = cursor_be32(&c);
    uint32_t sequence = cursor_be32(&c), uptime = cursor_be32(&c), samples = cursor_be32(&c);
    if (c.bad) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    struct session *s = session_get(&x->st->sessions, &key, x->d->src_port, x->rx_s);
    x->stats->lost += session_sequence(s, sequence, 1, uptime, &x->stats->late);
    struct ip exporter = x->d->use_src || ip_is_zero(key.agent) ? x->d->src : key.agent;
    for (; samples > 0; samples--) {
        uint32_t format = cursor_be32(&c), len = cursor_be32(&c);
        struct cursor body = cursor_sub(&c, len);
        if (body.bad) {
            x->stats->rejected[cursor_left(&c) ? REASON_LENGTH : REASON_SHORT]++;
            return;
        }
        sample(x, format, &body, exporter);
    }
}

const struct decoder decoder_sflow = {"sflow", DECODER_SFLOW, 4, 5, decode};
