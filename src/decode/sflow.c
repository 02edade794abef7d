/*
 * sFlow version 5 (sflow.org, "sFlow Version 5", July 2004; sections are its own): a datagram of samples, each with records.
 */
#include "decode/sflow.h"
#include "decode/sflow_explain.h"

enum {
    FLOW_SAMPLE = 1,
    COUNTER_SAMPLE = 2,
    EXPANDED_FLOW_SAMPLE = 3,
    EXPANDED_COUNTER_SAMPLE = 4,
    DISCARDED_PACKET = 5, /* "sFlow Dropped Packet Notification Structures" (sflow.org, October 2020) */
    SOURCE_INTERFACE = 0, /* 5.3: the source's index is an ifIndex */
};

void sflow_sample_init(struct sflow_sample *s)
{
    packet_clear_blocks(s, PACKET_BLOCKS(struct sflow_sample, path));
}

/* 5.3.1 interface: 0 an ifIndex, 1 discarded for a reason, 2 so many interfaces */
uint32_t sflow_input(uint32_t format, uint32_t value)
{
    return format == SFLOW_FORMAT_INDEX && value != SFLOW_INTERFACE_LOCAL ? value : 0;
}

void sflow_output(struct sflow_sample *s, uint32_t format, uint32_t value)
{
    if (format == SFLOW_FORMAT_DISCARDED)
        sflow_discarded(s, value);
    s->out_if = sflow_input(format, value);
}

#define PUT(col, type, value)                                                                                \
    do {                                                                                                     \
        if (value)                                                                                           \
            ((type *)batch_col(b, COL_##col))[row] = (type)(value);                                          \
    } while (0)

static void put_array(struct batch *b, uint32_t row, enum column col, const uint32_t *v, uint32_t n)
{
    struct span *spans = batch_col(b, col);
    uint32_t *to = batch_pool32(b, n, &spans[row]);
    for (uint32_t i = 0; to && i < n; i++) /* a handful */
        to[i] = v[i];
}

static void put_route(const struct sflow_sample *s, struct batch *b, uint32_t row,
                      const struct schema *schema)
{
    PUT(SrcNetMask, uint8_t, s->src_mask);
    PUT(DstNetMask, uint8_t, s->dst_mask);
    PUT(SrcAS, uint32_t, s->src_as);
    PUT(DstAS, uint32_t, s->dst_as);
    if (schema->enabled[COL_DstASPath] && s->n_path)
        put_array(b, row, COL_DstASPath, s->path, s->n_path);
    if (schema->enabled[COL_DstCommunities] && s->n_communities)
        put_array(b, row, COL_DstCommunities, s->communities, s->n_communities);
    const struct ip *hop = !ip_is_zero(s->bgp_next_hop) ? &s->bgp_next_hop
                           : !ip_is_zero(s->next_hop)   ? &s->next_hop
                                                        : &s->mpls_next_hop;
    if ((schema->enabled[COL_NextHop] || schema->asked[COL_NextHop]) && !ip_is_zero(*hop))
        BATCH_IP(b, NextHop)[row] = *hop;
}

static void put_nat(const struct sflow_sample *s, struct batch *b, uint32_t row)
{
    if (!ip_is_zero(s->src_nat))
        BATCH_IP(b, SrcAddrNAT)[row] = s->src_nat;
    if (!ip_is_zero(s->dst_nat))
        BATCH_IP(b, DstAddrNAT)[row] = s->dst_nat;
    PUT(SrcPortNAT, uint16_t, s->src_port_nat);
    PUT(DstPortNAT, uint16_t, s->dst_port_nat);
}

/* The tags' columns: what the switch says, before what was taken off the frame, before what the frame still has. */
static void put_vlans(const struct sflow_sample *s, struct batch *b, uint32_t row)
{
    if (s->off_tags[0]) {
        PUT(SrcVlan, uint16_t, s->off_tags[0]);
        PUT(SrcCustomerVlan, uint16_t, s->off_tags[1] ? s->off_tags[1] : s->packet.vlan);
    }
    PUT(SrcVlan, uint16_t, s->in_tags[0]);
    PUT(SrcCustomerVlan, uint16_t, s->in_tags[1]);
    PUT(DstVlan, uint16_t, s->out_tags[0]);
    PUT(DstCustomerVlan, uint16_t, s->out_tags[1]);
    PUT(SrcVlan, uint16_t, s->src_vlan);
    PUT(DstVlan, uint16_t, s->dst_vlan);
    PUT(IngressVNI, uint32_t, s->in_vni);
    PUT(EgressVNI, uint32_t, s->out_vni);
}

static void put_texts(struct decoding *x, const struct sflow_sample *s, struct batch *b, uint32_t row)
{
    char room[LEARNT_TEXT], code[32];
    const struct schema *schema = x->st->schema;
    if (s->discarded && schema->enabled[COL_DropReason]) {
        struct str text = learnt_text(s->drop_reason, room);
        PUT(DropReason, uint32_t,
            plan_text(x->st->strings, x->stats, text.len ? text : sflow_discard_name(s->discard_code, code)));
    }
    if (s->user.len && schema->enabled[COL_UserName])
        PUT(UserName, uint32_t, plan_text(x->st->strings, x->stats, learnt_text(s->user, room)));
}

/* Columns of nearly every sample: live from a batch's first one on, so that each costs a store and no question. */
#define USUAL_COLUMNS(X)                                                                                     \
    X(ExporterAddress)                                                                                       \
    X(TimeReceived) X(Packets) X(Bytes) X(SamplingRate) X(InIfIndex) X(OutIfIndex) PACKET_COLUMNS(X)

enum { LIVE_WORDS = sizeof((struct batch *)0)->live / sizeof(uint64_t) };
_Static_assert(LIVE_WORDS >= 3 && COL_InIfIndex < 192 && COL_OutIfIndex < 192,
               "usual_live looks at three words");

static bool usual_live(const struct batch *b)
{
#define IN_0(c) | (COL_##c / 64 == 0 ? (uint64_t)1 << COL_##c % 64 : 0)
#define IN_1(c) | (COL_##c / 64 == 1 ? (uint64_t)1 << COL_##c % 64 : 0)
#define IN_2(c) | (COL_##c / 64 == 2 ? (uint64_t)1 << COL_##c % 64 : 0)
    const uint64_t want[] = {0 USUAL_COLUMNS(IN_0), 0 USUAL_COLUMNS(IN_1), 0 USUAL_COLUMNS(IN_2)};
    return !((want[0] & ~b->live[0]) | (want[1] & ~b->live[1]) | (want[2] & ~b->live[2]));
}

/* The index of a row whose usual columns are live. */
static uint32_t new_row(struct batch_sink *sink)
{
    uint32_t row = batch_row(sink);
    if (!usual_live(sink->batch)) {
#define X(c) batch_col(sink->batch, COL_##c);
        USUAL_COLUMNS(X)
#undef X
    }
    return row;
}

#define SET(column, type, value) (((type *)b->col[COL_##column])[row] = (value))

void sflow_emit(struct decoding *x, const struct sflow_sample *s, struct ip exporter)
{
    struct batch *b = x->sink->batch;
    const struct schema *schema = x->st->schema;
    if (x->d->decap && (s->decap_failed || !s->has_packet)) {
        x->stats->rejected[REASON_DECAP]++;
        return;
    }
    if (BATCH_POOL - b->n32 < SFLOW_PATH_MAX + SFLOW_COMMUNITIES_MAX + PACKET_LABELS)
        x->sink->full(x->sink);
    uint32_t row = new_row(x->sink);
    b = x->sink->batch;
    SET(ExporterAddress, struct ip, exporter);
    SET(TimeReceived, uint32_t, x->rx_s);
    SET(Packets, uint64_t, 1);
    SET(Bytes, uint64_t, s->bytes);
    SET(SamplingRate, uint64_t, s->rate);
    SET(InIfIndex, uint32_t, s->in_if);
    SET(OutIfIndex, uint32_t, s->out_if);
    PUT(ForwardingStatus, uint32_t, s->status);
    packet_store_new(&s->packet, b, row, schema);
    if (schema->group[GROUP_L2])
        put_vlans(s, b, row);
    if (schema->group[GROUP_NAT])
        put_nat(s, b, row);
    if ((s->discarded || s->user.len) && x->st->strings)
        put_texts(x, s, b, row);
    put_route(s, b, row, schema);
    x->stats->flows++;
    x->stats->packets++;
    x->stats->bytes += s->bytes;
}

static void records(struct decoding *x, struct sflow_sample *s, struct cursor *c)
{
    for (uint32_t n = cursor_be32(c); n > 0; n--) {
        const uint8_t *p = cursor_bytes(c, 8);
        if (!p)
            break;
        uint32_t format = load_be32(p), len = load_be32(p + 4);
        struct cursor record = cursor_sub(c, len <= cursor_left(c) ? len : cursor_left(c));
        sflow_record(s, format, &record, (enum dgram_decap)x->d->decap);
    }
}

/* 5.3.1 flow_sample, flow_sample_expanded */
static void flow_sample(struct decoding *x, struct cursor *c, bool expanded, struct ip exporter)
{
    struct sflow_sample s;
    sflow_sample_init(&s);
    const uint8_t *p =
        cursor_bytes(c, expanded ? 40 : 28); /* sequence number, source, rate, pool, drops, in, out */
    x->stats->records++;
    if (!p || cursor_left(c) < 4) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    if (expanded) {
        s.rate = load_be32(p + 12);
        s.in_if = sflow_input(load_be32(p + 24), load_be32(p + 28));
        sflow_output(&s, load_be32(p + 32), load_be32(p + 36));
    } else {
        uint32_t in = load_be32(p + 20), out = load_be32(p + 24);
        s.rate = load_be32(p + 8);
        s.in_if = sflow_input(in >> 30, in & 0x3fffffff);
        sflow_output(&s, out >> 30, out & 0x3fffffff);
    }
    records(x, &s, c);
    if (s.told)
        sflow_emit(x, &s, exporter);
    else /* a transaction of an application (2202, 2206 ...), say, which is no packet */
        x->stats->rejected[REASON_FORMAT]++;
}

/*
 * discarded_packet: a packet the device threw away and why. It is told of each one (as far as a limit on the exporter
 * allows), not of one in so many.
 */
static void discarded_packet(struct decoding *x, struct cursor *c, struct ip exporter)
{
    struct sflow_sample s;
    sflow_sample_init(&s);
    cursor_skip(c, 16); /* sequence number, source, drops of notifications */
    s.in_if = sflow_input(SFLOW_FORMAT_INDEX, cursor_be32(c));
    s.out_if = sflow_input(SFLOW_FORMAT_INDEX, cursor_be32(c));
    sflow_discarded(&s, cursor_be32(c));
    s.rate = 1;
    x->stats->records++;
    if (c->bad || cursor_left(c) < 4) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    records(x, &s, c);
    sflow_emit(x, &s, exporter);
}

/* 5.3.2 counters_sample, counters_sample_expanded */
static void counter_sample(struct decoding *x, struct cursor *c, bool expanded, struct ip exporter)
{
    cursor_skip(c, 4); /* sequence number */
    uint32_t source = cursor_be32(c);
    uint32_t kind = expanded ? source : source >> 24;
    uint32_t index = expanded ? cursor_be32(c) : source & 0xffffff;
    if (c->bad || cursor_left(c) < 4)
        x->stats->rejected[REASON_SHORT]++;
    else
        sflow_counters(x, c, exporter, kind == SOURCE_INTERFACE ? index : 0);
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
        counter_sample(x, c, format == EXPANDED_COUNTER_SAMPLE, exporter);
        break;
    case DISCARDED_PACKET:
        discarded_packet(x, c, exporter);
        break;
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
    key.agent = sflow_address(&c);
    key.domain = cursor_be32(&c);
    uint32_t sequence = cursor_be32(&c), uptime = cursor_be32(&c), samples = cursor_be32(&c);
    if (c.bad) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    struct session *s = session_get(&x->st->sessions, &key, x->d->src_port, x->rx_s);
    x->stats->lost += session_sequence(s, sequence, 1, uptime, &x->stats->late);
    struct ip exporter = x->d->use_src || ip_is_zero(key.agent) ? x->d->src : key.agent;
    if (x->st->explain)
        sflow_explain(x, c, key.agent, key.domain, samples);
    for (; samples > 0; samples--) {
        uint32_t format = cursor_be32(&c), len = cursor_be32(&c);
        struct cursor body = cursor_sub(&c, len);
        if (body.bad) {
            x->stats->rejected[cursor_left(&c) ? REASON_LENGTH : REASON_SHORT]++;
            return;
        }
        sample(x, format, &body, exporter);
    }
    decoder_rest(x, &c);
}

const struct decoder decoder_sflow = {"sflow", DECODER_SFLOW, 4, 5, decode};
