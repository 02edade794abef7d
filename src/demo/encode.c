/*
 * NetFlow v9 (RFC 3954) and IPFIX (RFC 7011) share the template below; their headers, set numbers and options templates
 * differ. sFlow v5 packs one flow sample with a raw packet header per packet looked at.
 */
#include "demo/encode.h"
#include "base/arena.h"
#include <stdlib.h>

enum {
    MTU = 1400,
    TEMPLATE_V4 = 256,
    TEMPLATE_V6 = 257,
    TEMPLATE_OPTIONS = 258,
    TEMPLATES_EVERY_S = 20,
    UPTIME_S = 40 * 86400, /* a router that has been up for a while */
};

struct encoder {
    struct encoder_conf conf;
    encoder_send *send;
    void *arg;
    uint32_t sequence;
    uint64_t templates_s; /* when they were last sent; 0: never */
    struct buf b;
    size_t count_at;  /* where v9's record count goes */
    uint16_t records; /* in the datagram so far; v9 counts templates too */
    size_t set_at;    /* start of the open set; 0: none */
};

/* element, length: one order for both protocols */
static const uint16_t fields[][2] = {{1, 8},  {2, 8},  {4, 1},  {5, 1},  {6, 1},  {7, 2}, {10, 4},
                                     {11, 2}, {14, 4}, {16, 4}, {17, 4}, {61, 1}, {89, 1}};
enum { N_FIELDS = sizeof fields / sizeof *fields };

struct encoder *encoder_new(const struct encoder_conf *conf, encoder_send *send, void *arg)
{
    struct encoder *e = xcalloc(1, sizeof *e);
    e->conf = *conf;
    e->send = send;
    e->arg = arg;
    buf_init(&e->b, 0);
    return e;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    buf_fini(&e->b);
    free(e);
}

static void put16(struct encoder *e, size_t at, size_t v)
{
    uint16_t be = __builtin_bswap16((uint16_t)v);
    memcpy(e->b.p + at, &be, sizeof be);
}

static void close_set(struct encoder *e)
{
    if (!e->set_at)
        return;
    while (e->b.len % 4)
        buf_u8(&e->b, 0);
    put16(e, e->set_at + 2, e->b.len - e->set_at);
    e->set_at = 0;
}

static void open_set(struct encoder *e, uint16_t id)
{
    close_set(e);
    e->set_at = e->b.len;
    buf_be16(&e->b, id);
    buf_be16(&e->b, 0);
}

/* RFC 3954 5.1, RFC 7011 3.1 */
static void begin(struct encoder *e, uint64_t s)
{
    buf_reset(&e->b);
    e->records = 0;
    e->set_at = 0;
    bool v9 = e->conf.format == DEMO_NETFLOW9;
    buf_be16(&e->b, v9 ? 9 : 10);
    e->count_at = e->b.len;
    buf_be16(&e->b, 0);
    if (v9)
        buf_be32(&e->b, (uint32_t)((s % UPTIME_S) * 1000));
    buf_be32(&e->b, (uint32_t)s);
    buf_be32(&e->b, e->sequence);
    buf_be32(&e->b, e->conf.domain);
}

/* v9 counts datagrams (RFC 3954 5.1), IPFIX data records (RFC 7011 3.1) */
static bool finish(struct encoder *e, uint16_t data_records)
{
    close_set(e);
    bool v9 = e->conf.format == DEMO_NETFLOW9;
    put16(e, e->count_at, v9 ? e->records : e->b.len);
    e->sequence += v9 ? 1 : data_records;
    return e->send(e->arg, e->b.p, e->b.len);
}

static void template_record(struct encoder *e, uint16_t id, bool v4)
{
    const uint16_t addresses[][2] = {
        {v4 ? 8 : 27, v4 ? 4 : 16}, {v4 ? 12 : 28, v4 ? 4 : 16}, {v4 ? 9 : 29, 1}, {v4 ? 13 : 30, 1}};
    buf_be16(&e->b, id);
    buf_be16(&e->b, N_FIELDS + 4);
    for (size_t i = 0; i < 4; i++) {
        buf_be16(&e->b, addresses[i][0]);
        buf_be16(&e->b, addresses[i][1]);
    }
    for (size_t i = 0; i < N_FIELDS; i++) {
        buf_be16(&e->b, fields[i][0]);
        buf_be16(&e->b, fields[i][1]);
    }
    e->records++;
}

/* Options: scope (v9: system, IPFIX: observation domain), sampling interval (34), algorithm (35). */
static void options_template(struct encoder *e)
{
    bool v9 = e->conf.format == DEMO_NETFLOW9;
    open_set(e, v9 ? 1 : 3);
    buf_be16(&e->b, TEMPLATE_OPTIONS);
    buf_be16(&e->b, v9 ? 4 : 3); /* v9: bytes of scope fields; IPFIX: fields in all */
    buf_be16(&e->b, v9 ? 8 : 1); /* v9: bytes of option fields; IPFIX: scope fields */
    buf_be16(&e->b, v9 ? 1 : 149);
    buf_be16(&e->b, 4);
    buf_be16(&e->b, 34);
    buf_be16(&e->b, 4);
    buf_be16(&e->b, 35);
    buf_be16(&e->b, 1);
    e->records++;
}

static bool templates(struct encoder *e, uint64_t s)
{
    begin(e, s);
    open_set(e, e->conf.format == DEMO_NETFLOW9 ? 0 : 2);
    template_record(e, TEMPLATE_V4, true);
    template_record(e, TEMPLATE_V6, false);
    options_template(e);
    open_set(e, TEMPLATE_OPTIONS);
    buf_be32(&e->b, e->conf.format == DEMO_NETFLOW9 ? 0 : e->conf.domain);
    buf_be32(&e->b, e->conf.sampling_rate);
    buf_u8(&e->b, 2); /* random */
    e->records++;
    e->templates_s = s;
    return finish(e, 1);
}

static void data_record(struct encoder *e, const struct demo_flow *f)
{
    size_t skip = f->v4 ? 12 : 0, len = f->v4 ? 4 : 16;
    buf_add(&e->b, f->src.b + skip, len);
    buf_add(&e->b, f->dst.b + skip, len);
    buf_u8(&e->b, f->src_mask);
    buf_u8(&e->b, f->dst_mask);
    buf_be64(&e->b, f->bytes);
    buf_be64(&e->b, f->packets);
    buf_u8(&e->b, f->proto);
    buf_u8(&e->b, 0);
    buf_u8(&e->b, f->tcp_flags);
    buf_be16(&e->b, f->src_port);
    buf_be32(&e->b, f->in_if);
    buf_be16(&e->b, f->dst_port);
    buf_be32(&e->b, f->out_if);
    buf_be32(&e->b, f->src_as);
    buf_be32(&e->b, f->dst_as);
    buf_u8(&e->b, 0);    /* ingress */
    buf_u8(&e->b, 0x40); /* forwarded */
    e->records++;
}

static bool data_sets(struct encoder *e, uint64_t s, const struct demo_flow *f, size_t n)
{
    enum { LONGEST = 80 };
    for (size_t i = 0; i < n;) {
        begin(e, s);
        int family = -1;
        for (; i < n && e->b.len + LONGEST < MTU; i++) {
            if (family != f[i].v4)
                open_set(e, f[i].v4 ? TEMPLATE_V4 : TEMPLATE_V6);
            family = f[i].v4;
            data_record(e, &f[i]);
        }
        if (!finish(e, e->records))
            return false;
    }
    return true;
}

/* The packet a router's sFlow agent would have copied: Ethernet, IP and the ports. */
static size_t raw_header(const struct demo_flow *f, size_t ip_len, uint8_t *to)
{
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
    buf_be16(&b, f->v4 ? 0x0800 : 0x86dd);
    if (f->v4) {
        buf_be16(&b, 0x4500);
        buf_be16(&b, (uint16_t)ip_len);
        buf_be32(&b, 0x00004000);
        buf_u8(&b, 64);
        buf_u8(&b, f->proto);
        buf_be16(&b, 0);
        buf_add(&b, f->src.b + 12, 4);
        buf_add(&b, f->dst.b + 12, 4);
    } else {
        buf_be32(&b, 0x60000000);
        buf_be16(&b, (uint16_t)(ip_len - 40));
        buf_u8(&b, f->proto);
        buf_u8(&b, 64);
        buf_add(&b, f->src.b, 16);
        buf_add(&b, f->dst.b, 16);
    }
    buf_be16(&b, f->src_port);
    buf_be16(&b, f->dst_port);
    buf_zero(&b, 8); /* TCP: sequence, acknowledgement */
    buf_be16(&b, (uint16_t)(0x5000 | f->tcp_flags));
    size_t len = b.len;
    memcpy(to, b.p, len);
    buf_fini(&b);
    return len;
}

/* sFlow v5 "flow_sample" with "sampled_header" and "extended_gateway" (sflow.org, sFlow version 5) */
static void sflow_sample(struct encoder *e, const struct demo_flow *f, uint32_t sample_no)
{
    uint8_t raw[128];
    size_t ip_len = f->bytes / f->packets, raw_len = raw_header(f, ip_len, raw),
           padded = (raw_len + 3) & ~(size_t)3;
    buf_be32(&e->b, 1);
    size_t len_at = e->b.len;
    buf_be32(&e->b, 0);
    buf_be32(&e->b, sample_no);
    buf_be32(&e->b, f->in_if);
    buf_be32(&e->b, e->conf.sampling_rate);
    buf_be32(&e->b, sample_no * e->conf.sampling_rate);
    buf_be32(&e->b, 0);
    buf_be32(&e->b, f->in_if);
    buf_be32(&e->b, f->out_if);
    buf_be32(&e->b, 2);
    buf_be32(&e->b, 1); /* raw packet header */
    buf_be32(&e->b, (uint32_t)(16 + padded));
    buf_be32(&e->b, 1); /* Ethernet */
    buf_be32(&e->b, (uint32_t)(14 + ip_len + 4));
    buf_be32(&e->b, 4);
    buf_be32(&e->b, (uint32_t)raw_len);
    buf_add(&e->b, raw, raw_len);
    buf_zero(&e->b, padded - raw_len);
    buf_be32(&e->b, 1003); /* extended gateway */
    buf_be32(&e->b, 44);
    buf_be32(&e->b, 1);
    buf_zero(&e->b, 4);
    buf_be32(&e->b, 0);         /* AS of the router */
    buf_be32(&e->b, f->src_as); /* source AS */
    buf_be32(&e->b, f->src_as); /* source peer */
    buf_be32(&e->b, 1);
    buf_be32(&e->b, 2); /* sequence of one AS */
    buf_be32(&e->b, 1);
    buf_be32(&e->b, f->dst_as);
    buf_be32(&e->b, 0); /* no community */
    buf_be32(&e->b, 100);
    uint32_t be = __builtin_bswap32((uint32_t)(e->b.len - len_at - 4));
    memcpy(e->b.p + len_at, &be, sizeof be);
}

static bool sflow_datagrams(struct encoder *e, uint64_t s, const struct demo_flow *f, size_t n)
{
    enum { SAMPLES = 6 };
    for (size_t i = 0; i < n;) {
        size_t now = n - i < SAMPLES ? n - i : SAMPLES;
        buf_reset(&e->b);
        buf_be32(&e->b, 5);
        bool v4 = ip_is_v4(e->conf.agent);
        buf_be32(&e->b, v4 ? 1 : 2);
        buf_add(&e->b, e->conf.agent.b + (v4 ? 12 : 0), v4 ? 4 : 16);
        buf_be32(&e->b, e->conf.domain);
        buf_be32(&e->b, e->sequence++);
        buf_be32(&e->b, (uint32_t)((s % UPTIME_S) * 1000));
        buf_be32(&e->b, (uint32_t)now);
        for (size_t k = 0; k < now; k++)
            sflow_sample(e, &f[i + k], e->sequence * SAMPLES + (uint32_t)k);
        if (!e->send(e->arg, e->b.p, e->b.len))
            return false;
        i += now;
    }
    return true;
}

bool encoder_flows(struct encoder *e, uint64_t s, const struct demo_flow *f, size_t n)
{
    if (e->conf.format == DEMO_SFLOW)
        return sflow_datagrams(e, s, f, n);
    bool due =
        !e->templates_s || s >= e->templates_s + TEMPLATES_EVERY_S || s + TEMPLATES_EVERY_S < e->templates_s;
    if (due && !templates(e, s))
        return false;
    return data_sets(e, s, f, n);
}
