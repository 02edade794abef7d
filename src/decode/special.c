/* Operations with a meaning of their own. Each loops over the records of a run, as the copies do. */
#include "decode/special.h"
#include "base/cursor.h"
#include "decode/applications.h"
#include "decode/options.h"
#include <stdio.h>

enum { PROTO_ICMP = 1, PROTO_ICMPV6 = 58 };

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
    if (!session_rate_any(r->sessions, r->session))
        return;
    uint64_t last = 0, rate = session_rate_find(r->sessions, r->session, 0);
    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t id = plan_uint(plan_at(r, op->seg, op->off, i), op->len);
        if (id != last) {
            last = id;
            rate = session_rate_find(r->sessions, r->session, id);
        }
        dst[i] = dst[i] ? dst[i] : rate;
    }
}

/*
 * 32 icmpTypeCodeIPv4, 139 icmpTypeCodeIPv6: type * 256 + code; elements of one byte each are better. NetFlow v9 has only
 * 32, and exporters send it for IPv6 too (RFC 3954 8), so the protocol says which of the two is meant.
 */
static void icmp_type_code(const struct plan_op *op, struct plan_run *r, bool v4)
{
    const uint32_t *proto =
        batch_live(r->b, COL_Proto) ? (const uint32_t *)r->b->col[COL_Proto] + r->row : NULL;
    uint8_t *type[2] = {batch_col(r->b, COL_ICMPv6Type), batch_col(r->b, COL_ICMPv4Type)};
    uint8_t *code[2] = {batch_col(r->b, COL_ICMPv6Code), batch_col(r->b, COL_ICMPv4Code)};
    for (uint32_t i = 0; i < r->n; i++) {
        const uint8_t *p = plan_at(r, op->seg, op->off, i);
        bool told = proto && (proto[i] == PROTO_ICMP || proto[i] == PROTO_ICMPV6);
        bool four = told ? proto[i] == PROTO_ICMP : v4;
        uint8_t *t = type[four] + r->row + i, *c = code[four] + r->row + i;
        if (!*t && !*c) {
            *t = p[0];
            *c = p[1];
        }
    }
}

static void icmp_v4(const struct plan_op *op, struct plan_run *r)
{
    icmp_type_code(op, r, true);
}

static void icmp_v6(const struct plan_op *op, struct plan_run *r)
{
    icmp_type_code(op, r, false);
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
    const struct plan_place *frame_len = &r->plan->frame_len;
    if (r->packet.l3_len)
        *bytes = r->packet.l3_len;
    else if (!*bytes && frame_len->len)
        *bytes = plan_value(r, frame_len, 0); /* 312 dataLinkFrameSize */
    *packets = *packets ? *packets : 1;
}

/* 305 and 306, 309 and 310, 311 in a data record: what options would tell of its sampler */
void special_rate(const struct plan_op *op, struct plan_run *r)
{
    uint64_t *dst = (uint64_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++)
        if (!dst[i])
            dst[i] = options_rate(r, i);
}

/* 234 ingressVRFID, 235 egressVRFID: the name that options told for it, unless the record has one */
static void vrf_name(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n && r->strings; i++) {
        uint64_t id = plan_uint(plan_at(r, op->seg, op->off, i), plan_len(r, op->seg, op->len, i));
        struct name *n = dst[i] ? NULL : session_name_find(r->sessions, r->session, NAME_VRF, id);
        if (n)
            dst[i] = names_intern(n, r->strings);
    }
}

/*
 * Juniper's commonPropertiesId: a type in the upper six bits and what it says in the others. Type 2 is the code of a
 * forwarding exception; 0 is none.
 */
static bool exception(const uint8_t *p, uint32_t *code)
{
    enum { TYPE_EXCEPTION = 2 };
    *code = load_be16(p) & 0x3ff;
    return p[0] >> 2 == TYPE_EXCEPTION;
}

static void juniper_status(const struct plan_op *op, struct plan_run *r)
{
    enum { FORWARDED = 0x40, DROPPED = 0x80 }; /* RFC 7270 4.12: for reasons that are not known */
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row, code;
    for (uint32_t i = 0; i < r->n; i++)
        if (exception(plan_at(r, op->seg, op->off, i), &code))
            dst[i] = code ? DROPPED : FORWARDED;
}

/*
 * Codes of MX routers: 128 and the number of a discard in their own list ("Packets Lost in Transit?", Juniper TechPosts,
 * 2024, and lists that operators published). Other platforms may number otherwise, so the code stands beside it.
 */
static const char *exception_name(uint32_t code)
{
    enum { DISCARD = 128 };
    switch (code) {
    case DISCARD + 1:
        return " (unknown interface)";
    case DISCARD + 26:
        return " (split horizon)";
    case DISCARD + 64:
        return " (software error)";
    case DISCARD + 66:
        return " (discard route)";
    case DISCARD + 67:
        return " (firewall discard)";
    case DISCARD + 70:
        return " (hold route)";
    case DISCARD + 73:
        return " (unknown family)";
    case DISCARD + 102:
        return " (discard route IPv6)";
    default:
        return "";
    }
}

static void juniper_reason(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row, code;
    for (uint32_t i = 0; i < r->n && r->strings; i++) {
        char text[48];
        if (!exception(plan_at(r, op->seg, op->off, i), &code) || !code)
            continue;
        int len = snprintf(text, sizeof text, "exception %u%s", code, exception_name(code));
        dst[i] = intern(r->strings, (struct str){text, (size_t)len});
    }
}

/* CERT's flowmeters keep the flags of the first packet and those of the others apart. */
static void flags_or(const struct plan_op *op, struct plan_run *r)
{
    uint16_t *dst = (uint16_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++)
        dst[i] |= *plan_at(r, op->seg, op->off, i);
}

/* 239 biflowDirection; seen from the other end, initiator and responder change places (RFC 5103 6.3.1) */
static void biflow_direction(const struct plan_op *op, struct plan_run *r)
{
    uint8_t *dst = (uint8_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        uint8_t v = *plan_at(r, op->seg, op->off, i);
        dst[i] = r->reverse && (v == 1 || v == 2) ? 3 - v : v;
    }
}

/* 40002 in two bytes: older ASA software's extended event; in four it is an address */
static void extended_event(const struct plan_op *op, struct plan_run *r)
{
    uint16_t *dst = (uint16_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++)
        dst[i] = dst[i] ? dst[i] : load_be16(plan_at(r, op->seg, op->off, i));
}

/* 351 layer2SegmentId: one byte says which overlay it is, the last three are the segment's number */
static void segment(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++)
        dst[i] = load_be32(plan_at(r, op->seg, op->off + 4u, i)) & 0xffffff;
}

const struct special specials[] = {
    {0, 256, 2, COL_EType, etype_told, true},
    {0, 60, 1, COL_EType, etype_version, true},
    {0, 8, 4, COL_EType, etype_v4, true},
    {0, 12, 4, COL_EType, etype_v4, true},
    {0, 27, 16, COL_EType, etype_v6, true},
    {0, 28, 16, COL_EType, etype_v6, true},
    {0, 61, 1, COL_FlowDirection, direction, false},
    {0, 302, 0, COL_SamplingRate, sampler, true},
    {0, 48, 0, COL_SamplingRate, sampler, true},
    {0, 32, 2, COL_ICMPv4Type, icmp_v4, false},
    {0, 139, 2, COL_ICMPv6Type, icmp_v6, false},
    {0, 234, 0, COL_IngressVRFName, vrf_name, true},
    {0, 235, 0, COL_EgressVRFName, vrf_name, true},
    {0, 95, SPECIAL_ANY, COL_Application, applications_name, true},
    {0, 95, SPECIAL_ANY, COL_ApplicationCategory, applications_category, true},
    {0, 95, SPECIAL_ANY, COL_ApplicationSubCategory, applications_subcategory, true},
    {0, 95, SPECIAL_ANY, COL_ApplicationGroup, applications_group, true},
    {0, 239, 1, COL_BiflowDirection, biflow_direction, true},
    {0, 351, 8, COL_IngressVNI, segment, false},
    {0, 40002, 2, COL_FirewallExtendedEvent, extended_event, true},
    {2636, 137, 2, COL_ForwardingStatus, juniper_status, true},
    {2636, 137, 2, COL_DropReason, juniper_reason, true},
    {6871, 14, 1, COL_TCPFlags, flags_or, false},
    {6871, 15, 1, COL_TCPFlags, flags_or, false},
};
const unsigned special_count = sizeof specials / sizeof *specials;

bool special_fits(const struct special *s, uint16_t len)
{
    if (s->len == SPECIAL_ANY)
        return len != 0;
    return s->len ? len == s->len : len >= 1 && len <= 8;
}
