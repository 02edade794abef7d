/*
 * sFlow versions 2 and 4 (RFC 3176), which old switches still send: the same samples as in version 5, but nothing says how
 * long they are. So each is read to its end, and what cannot be read ends the datagram.
 */
#include "decode/sflow.h"
#include "decode/sflow_explain.h"

enum {
    FLOW_SAMPLE = 1,
    COUNTER_SAMPLE = 2,
    PACKET_HEADER = 1, /* packet_information_type */
    PACKET_IPV4 = 2,
    PACKET_IPV6 = 3,
    EXTENDED_SWITCH = 1, /* extended_information_type */
    EXTENDED_ROUTER = 2,
    EXTENDED_GATEWAY = 3,
    EXTENDED_USER = 4,
    EXTENDED_URL = 5,
};

/* packet_data */
static bool packet(struct sflow_sample *s, struct cursor *c, enum dgram_decap decap)
{
    uint32_t type = cursor_be32(c);
    if (type == PACKET_HEADER) {
        uint32_t protocol = cursor_be32(c), frame_len = cursor_be32(c);
        struct str header = sflow_string(c);
        if (!c->bad)
            sflow_header(s, protocol, frame_len, header, decap);
    } else if (type == PACKET_IPV4 || type == PACKET_IPV6) {
        sflow_sampled_ip(s, c, type == PACKET_IPV4);
    } else {
        c->bad = true;
    }
    return !c->bad;
}

/* extended_data */
static void extended(struct sflow_sample *s, struct cursor *c, uint32_t version)
{
    switch (cursor_be32(c)) {
    case EXTENDED_SWITCH:
        sflow_extended_switch(s, c);
        break;
    case EXTENDED_ROUTER:
        sflow_extended_router(s, c);
        break;
    case EXTENDED_GATEWAY:
        sflow_extended_gateway(s, c, version);
        break;
    case EXTENDED_USER:
        sflow_extended_user(s, c, version);
        break;
    case EXTENDED_URL:
        cursor_skip(c, 4); /* direction */
        sflow_string(c);
        break;
    default:
        c->bad = true;
    }
}

/* flow_sample. What was read of it before it turned out to be broken is a flow all the same. */
static void flow_sample(struct decoding *x, struct cursor *c, struct ip exporter)
{
    struct sflow_sample s;
    sflow_sample_init(&s);
    cursor_skip(c, 8); /* sequence number, source */
    s.rate = cursor_be32(c);
    cursor_skip(c, 8); /* pool, drops */
    uint32_t in = cursor_be32(c), out = cursor_be32(c);
    s.in_if = sflow_input(in >> 30, in & 0x3fffffff);
    s.out_if = sflow_input(out >> 30, out & 0x3fffffff); /* above an ifIndex: so many interfaces */
    x->stats->records++;
    if (!packet(&s, c, (enum dgram_decap)x->d->decap))
        return;
    for (uint32_t n = cursor_be32(c); n > 0 && !c->bad; n--)
        extended(&s, c, load_be32(x->d->data));
    sflow_emit(x, &s, exporter);
}

size_t sflow_medium_counters(uint32_t version)
{
    enum { GENERIC = 1, ETHERNET, TOKEN_RING, FDDI, VG, WAN };
    static const uint8_t more[] = {[GENERIC] = 0, [ETHERNET] = 52, [TOKEN_RING] = 72,         [FDDI] = 0,
                                   [VG] = 80,     [WAN] = 0,       [SFLOW_COUNTERS_VLAN] = 28};
    return version >= GENERIC && version < sizeof more ? more[version] : SIZE_MAX;
}

/* counters_sample */
static void counter_sample(struct decoding *x, struct cursor *c, struct ip exporter)
{
    cursor_skip(c, 12); /* sequence number, source, interval */
    uint32_t version = cursor_be32(c);
    struct learnt l = {.exporter = exporter, .second = x->rx_s};
    size_t more = sflow_medium_counters(version);
    if (more != SIZE_MAX && version != SFLOW_COUNTERS_VLAN)
        sflow_if_counters(&l, c);
    cursor_skip(c, more);
    x->stats->counter_samples += !c->bad;
    if (!c->bad && l.if_index && l.if_speed_bps && x->st->learnt)
        x->st->learnt->tell(x->st->learnt, &l);
}

/* sample_datagram: no sub-agents yet */
static void decode(struct decoding *x)
{
    struct cursor c = cursor_init(x->d->data, x->d->len);
    cursor_skip(&c, 4);
    struct session_key key = {.src = x->d->src, .proto = TEMPLATE_SFLOW, .agent = sflow_address(&c)};
    uint32_t sequence = cursor_be32(&c), uptime = cursor_be32(&c), samples = cursor_be32(&c);
    if (c.bad) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    struct session *s = session_get(&x->st->sessions, &key, x->d->src_port, x->rx_s);
    x->stats->lost += session_sequence(s, sequence, 1, uptime, &x->stats->late);
    struct ip exporter = x->d->use_src || ip_is_zero(key.agent) ? x->d->src : key.agent;
    if (x->st->explain)
        sflow_explain_v4(x, c, key.agent, samples);
    for (; samples > 0; samples--) {
        uint32_t type = cursor_be32(&c);
        if (type == FLOW_SAMPLE)
            flow_sample(x, &c, exporter);
        else if (type == COUNTER_SAMPLE)
            counter_sample(x, &c, exporter);
        else
            c.bad = true;
        if (c.bad) { /* this sample, or what lies behind it */
            x->stats->rejected[cursor_left(&c) ? REASON_FORMAT : REASON_SHORT]++;
            return;
        }
    }
    decoder_rest(x, &c);
}

const struct decoder decoder_sflow2 = {"sflow2", DECODER_SFLOW, 4, 2, decode};
const struct decoder decoder_sflow4 = {"sflow4", DECODER_SFLOW, 4, 4, decode};
