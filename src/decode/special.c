/* Operations with a meaning of their own. Each loops over the records of a run, as the copies do. */
#include "decode/special.h"
#include "base/cursor.h"

enum { PROTO_ICMP = 1, PROTO_ICMPV6 = 58 };
#define NTP_TO_UNIX 2208988800u /* RFC 5905 6: seconds from 1900 to 1970 */

static void etype_v4(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    const uint8_t *const *base = r->base + op->seg * r->plan->chunk;
    for (uint32_t i = 0; i < r->n; i++)
        dst[i] = load_be32(base[i] + op->off) ? ETYPE_IPV4 : dst[i];
}

static void etype_v6(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        const uint8_t *p = plan_at(r, op->seg, op->off, i);
        dst[i] = load_be64(p) | load_be64(p + 8) ? ETYPE_IPV6 : dst[i];
    }
}

/* 256 ethernetType */
static void etype_told(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++)
        dst[i] = load_be16(plan_at(r, op->seg, op->off, i));
}

/* 60 ipVersion */
static void etype_version(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        uint8_t version = *plan_at(r, op->seg, op->off, i);
        dst[i] = version == 4 ? ETYPE_IPV4 : version == 6 ? ETYPE_IPV6 : dst[i];
    }
}

/* 61 flowDirection: 0 ingress, 1 egress; our 0 is "undefined" */
static void direction(const struct plan_op *op, struct plan_run *r)
{
    uint8_t *dst = (uint8_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        uint8_t v = *plan_at(r, op->seg, op->off, i);
        dst[i] = v <= 1 ? v + 1 : 0;
    }
}

/* 48 samplerId, 302 selectorId: the rate that options told for it, unless the record tells one itself */
static void sampler(const struct plan_op *op, struct plan_run *r)
{
    uint64_t *dst = (uint64_t *)r->b->col[op->col] + r->row;
    uint64_t last = 0, rate = session_rate_get(r->session, 0);
    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t id = plan_uint(plan_at(r, op->seg, op->off, i), op->len);
        if (id != last) {
            last = id;
            rate = session_rate_get(r->session, id);
        }
        dst[i] = dst[i] ? dst[i] : rate;
    }
}

/* 32 icmpTypeCodeIPv4, 139 icmpTypeCodeIPv6: type * 256 + code; elements of one byte each are better */
static void icmp_type_code(const struct plan_op *op, struct plan_run *r, enum column type_col,
                           enum column code_col)
{
    uint8_t *type = (uint8_t *)batch_col(r->b, type_col) + r->row;
    uint8_t *code = (uint8_t *)batch_col(r->b, code_col) + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        const uint8_t *p = plan_at(r, op->seg, op->off, i);
        if (!type[i] && !code[i]) {
            type[i] = p[0];
            code[i] = p[1];
        }
    }
}

static void icmp_v4(const struct plan_op *op, struct plan_run *r)
{
    icmp_type_code(op, r, COL_ICMPv4Type, COL_ICMPv4Code);
}

static void icmp_v6(const struct plan_op *op, struct plan_run *r)
{
    icmp_type_code(op, r, COL_ICMPv6Type, COL_ICMPv6Code);
}

void special_icmp_ports(const struct plan_op *op, struct plan_run *r)
{
    const uint32_t *proto = (const uint32_t *)r->b->col[COL_Proto] + r->row;
    const uint16_t *from = (const uint16_t *)r->b->col[COL_SrcPort] + r->row;
    const uint16_t *to = (const uint16_t *)r->b->col[COL_DstPort] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        if ((proto[i] != PROTO_ICMP && proto[i] != PROTO_ICMPV6) || from[i] || !to[i])
            continue;
        bool v4 = proto[i] == PROTO_ICMP;
        ((uint8_t *)batch_col(r->b, v4 ? COL_ICMPv4Type : COL_ICMPv6Type))[r->row + i] =
            (uint8_t)(to[i] >> 8);
        ((uint8_t *)batch_col(r->b, v4 ? COL_ICMPv4Code : COL_ICMPv6Code))[r->row + i] = (uint8_t)to[i];
    }
}

/* 70-79: label, experimental bits and bottom of stack in 3 bytes; all zero where the stack is shorter */
void special_labels(const struct plan_op *op, struct plan_run *r)
{
    struct span *dst = (struct span *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t label[PLAN_LABELS], n = 0;
        for (unsigned k = 0; k < r->plan->n_labels; k++) {
            const uint8_t *p = plan_at(r, r->plan->labels[k].seg, r->plan->labels[k].off, i);
            uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
            if (v)
                label[n++] = v >> 4;
        }
        uint32_t *to = n ? batch_pool32(r->b, n, &dst[i]) : NULL;
        if (to)
            memcpy(to, label, n * sizeof *to);
    }
}

/* 315 dataLinkFrameSection, RFC 7133: one packet, already read into r->packet */
void special_frame(const struct plan_op *op, struct plan_run *r)
{
    packet_store(&r->packet, r->b, r->row, r->schema);
    uint64_t *bytes = BATCH_U64(r->b, Bytes) + r->row, *packets = BATCH_U64(r->b, Packets) + r->row;
    *bytes = r->packet.l3_len ? r->packet.l3_len : *bytes;
    *packets = *packets ? *packets : 1;
}

/* Where the time is out of a DateTime's range the message's stays. */
static void set_time(struct plan_run *r, uint32_t i, uint64_t ms)
{
    uint64_t s = ms / 1000;
    if (s > 0 && s <= UINT32_MAX)
        ((uint32_t *)r->b->col[COL_TimeReceived])[r->row + i] = (uint32_t)s;
}

/*
 * 22 flowStartSysUpTime: milliseconds since the exporter began, as is the header's sysUptime in NetFlow v5 and v9; their
 * difference, taken modulo 2^32, is right beyond the wrap after 49.7 days (RFC 3954 5.1, 8). IPFIX has no such header
 * field but element 160.
 */
static void time_uptime(const struct plan_op *op, struct plan_run *r)
{
    const struct plan_place *init = &r->plan->facts[FACT_INIT_TIME];
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t first = load_be32(plan_at(r, op->seg, op->off, i));
        uint64_t began = init->len ? plan_value(r, init, i) : r->session->init_ms;
        if (r->session->key.proto != TEMPLATE_IPFIX)
            set_time(r, i, r->export_ms - (uint64_t)(int64_t)(int32_t)(r->uptime_ms - first));
        else if (began)
            set_time(r, i, began + first);
    }
}

/* 158 flowStartDeltaMicroseconds: so long before the message was exported */
static void time_delta_us(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        set_time(r, i, r->export_ms - load_be32(plan_at(r, op->seg, op->off, i)) / 1000);
}

/* 150 flowStartSeconds */
static void time_s(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        set_time(r, i, (uint64_t)load_be32(plan_at(r, op->seg, op->off, i)) * 1000);
}

/* 152 flowStartMilliseconds */
static void time_ms(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        set_time(r, i, load_be64(plan_at(r, op->seg, op->off, i)));
}

/* 154 and 156: seconds since 1900 and a fraction, as in NTP (RFC 7011 6.1.9, 6.1.10) */
static void time_ntp(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t ntp = load_be32(plan_at(r, op->seg, op->off, i));
        if (ntp)
            set_time(r, i, (uint64_t)(uint32_t)(ntp - NTP_TO_UNIX) * 1000);
    }
}

const struct special specials[] = {
    {256, 2, COL_EType, etype_told},       {60, 1, COL_EType, etype_version},
    {8, 4, COL_EType, etype_v4},           {12, 4, COL_EType, etype_v4},
    {27, 16, COL_EType, etype_v6},         {28, 16, COL_EType, etype_v6},
    {61, 1, COL_FlowDirection, direction}, {302, 0, COL_SamplingRate, sampler},
    {48, 0, COL_SamplingRate, sampler},    {32, 2, COL_ICMPv4Type, icmp_v4},
    {139, 2, COL_ICMPv6Type, icmp_v6},
};
const unsigned special_count = sizeof specials / sizeof *specials;

const struct special special_times[] = {
    {22, 4, COL_TimeReceived, time_uptime}, {158, 4, COL_TimeReceived, time_delta_us},
    {150, 4, COL_TimeReceived, time_s},     {152, 8, COL_TimeReceived, time_ms},
    {154, 8, COL_TimeReceived, time_ntp},   {156, 8, COL_TimeReceived, time_ntp},
};
const unsigned special_time_count = sizeof special_times / sizeof *special_times;

bool special_fits(const struct special *s, uint16_t len)
{
    return s->len ? len == s->len : len >= 1 && len <= 8;
}

bool special_mirrors(const struct special *s)
{
    return s->col == COL_EType || s->fn == sampler;
}
