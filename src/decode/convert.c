/* Two loops, one for columns of numbers and one for those of text, around a small function for each type. */
#include "decode/convert.h"
#include "base/cursor.h"
#include "decode/copy.h"
#include "schema/edge.h"
#include <math.h>
#include <stdio.h>
#include <time.h>

enum { ROOM = 80 };

/* ---- values */

static uint64_t whole(struct str v)
{
    return plan_uint((const uint8_t *)v.p, v.len);
}

static int64_t value_of_signed(struct str v)
{
    unsigned shift = (unsigned)(64 - v.len * 8);
    return v.len >= 1 && v.len <= 8 ? (int64_t)(whole(v) << shift) >> shift : 0;
}

/* RFC 7011 6.1.7, 6.2: a float64 may be sent as a float32 */
static double value_of_float(struct str v)
{
    uint64_t bits = whole(v);
    uint32_t low = (uint32_t)bits;
    double d = 0;
    float f = 0;
    memcpy(&d, &bits, sizeof d);
    memcpy(&f, &low, sizeof f);
    return v.len == 4 ? (double)f : v.len == 8 ? d : 0;
}

/* RFC 7011 6.1.5: 1 is true, 2 is false */
static bool value_of_boolean(struct str v)
{
    return v.len == 1 && *v.p == 1;
}

/* Seconds since 1970, and in *part what is beyond them, by `digits`. 6.1.7 to 6.1.10 */
static uint64_t value_of_time(struct str v, enum element_type type, uint64_t *part, int *digits)
{
    const uint64_t to_1970 = 2208988800u; /* the NTP format counts since 1900 */
    uint64_t n = whole(v), per_s = type == ELEMENT_dateTimeMicroseconds ? 1000000 : 1000000000;
    *part = 0;
    *digits = 0;
    if (type == ELEMENT_dateTimeSeconds || v.len != 8)
        return n;
    if (type == ELEMENT_dateTimeMilliseconds) {
        *digits = 3;
        *part = n % 1000;
        return n / 1000;
    }
    *digits = type == ELEMENT_dateTimeMicroseconds ? 6 : 9;
    *part = (n & UINT32_MAX) * per_s >> 32;
    return (uint32_t)((uint32_t)(n >> 32) - to_1970);
}

/* ---- into numbers */

static uint64_t number_of(struct str v, enum element_type type)
{
    uint64_t part;
    int digits;
    int64_t i;
    double d;
    switch (type) {
    case ELEMENT_boolean:
        return value_of_boolean(v);
    case ELEMENT_signed8:
    case ELEMENT_signed16:
    case ELEMENT_signed32:
    case ELEMENT_signed64:
        i = value_of_signed(v);
        return i > 0 ? (uint64_t)i : 0;
    case ELEMENT_float32:
    case ELEMENT_float64:
        d = value_of_float(v);
        return d >= 0x1p64 ? UINT64_MAX : d > 0 ? (uint64_t)d : 0;
    case ELEMENT_dateTimeSeconds:
    case ELEMENT_dateTimeMilliseconds:
    case ELEMENT_dateTimeMicroseconds:
    case ELEMENT_dateTimeNanoseconds:
        return value_of_time(v, type, &part, &digits);
    default:
        return whole(v);
    }
}

static void put_number(struct batch *b, enum column c, uint32_t row, uint64_t v)
{
    switch (column_defs[c].store) {
    case STORE_U8:
        ((uint8_t *)b->col[c])[row] = v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
        break;
    case STORE_U16:
        ((uint16_t *)b->col[c])[row] = v < UINT16_MAX ? (uint16_t)v : UINT16_MAX;
        break;
    case STORE_U32:
        ((uint32_t *)b->col[c])[row] = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
        break;
    default:
        ((uint64_t *)b->col[c])[row] = v;
    }
}

static void each_number(const struct plan_op *op, struct plan_run *r, enum element_type type)
{
    struct plan_place at = {op->seg, op->off, op->len};
    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t v = number_of(plan_bytes(r, &at, i), type);
        if (v)
            put_number(r->b, (enum column)op->col, r->row + i, v);
    }
}

/* ---- into text */

static size_t hex_text(struct str v, char room[ROOM])
{
    enum { HEX_MAX = 32 };
    size_t n = 0;
    for (size_t i = 0; i < v.len && i < HEX_MAX; i++)
        n += (size_t)sprintf(room + n, "%02x", (uint8_t)v.p[i]);
    return n;
}

static size_t mac_text(struct str v, char room[ROOM])
{
    size_t n = 0;
    for (size_t i = 0; v.len == 6 && i < v.len; i++)
        n += (size_t)sprintf(room + n, "%s%02x", i ? ":" : "", (uint8_t)v.p[i]);
    return n;
}

static size_t ip_text(struct str v, char room[ROOM])
{
    if (v.len != 4 && v.len != 16)
        return 0;
    return strlen(ip_format(v.len == 4 ? ip_v4(v.p) : ip_v6(v.p), room));
}

/* RFC 3339 */
static size_t time_text(struct str v, enum element_type type, char room[ROOM])
{
    uint64_t part;
    int digits;
    time_t t = (time_t)value_of_time(v, type, &part, &digits);
    struct tm tm;
    size_t n = gmtime_r(&t, &tm) ? strftime(room, ROOM, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    if (n && digits)
        n += (size_t)sprintf(room + n, ".%0*llu", digits, (unsigned long long)part);
    if (n)
        room[n++] = 'Z';
    return n;
}

/* 0: nothing worth a text */
static size_t text_of(struct str v, enum element_type type, char room[ROOM])
{
    switch (type) {
    case ELEMENT_signed8:
    case ELEMENT_signed16:
    case ELEMENT_signed32:
    case ELEMENT_signed64:
        return (size_t)sprintf(room, "%lld", (long long)value_of_signed(v));
    case ELEMENT_boolean:
        return (size_t)sprintf(room, "%s", value_of_boolean(v) ? "true" : "false");
    case ELEMENT_float32:
    case ELEMENT_float64:
        return isfinite(value_of_float(v)) ? (size_t)snprintf(room, ROOM, "%.15g", value_of_float(v)) : 0;
    case ELEMENT_macAddress:
        return mac_text(v, room);
    case ELEMENT_ipv4Address:
    case ELEMENT_ipv6Address:
        return ip_text(v, room);
    case ELEMENT_dateTimeSeconds:
    case ELEMENT_dateTimeMilliseconds:
    case ELEMENT_dateTimeMicroseconds:
    case ELEMENT_dateTimeNanoseconds:
        return time_text(v, type, room);
    default:
        return hex_text(v, room);
    }
}

static void each_text(const struct plan_op *op, struct plan_run *r, enum element_type type)
{
    struct plan_place at = {op->seg, op->off, op->len};
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n && r->strings; i++) {
        char room[ROOM];
        struct str v = plan_bytes(r, &at, i);
        size_t n = v.len ? text_of(v, type, room) : 0;
        if (n)
            dst[i] = plan_text(r->strings, r->stats, (struct str){room, n});
    }
}

/* ---- the others */

static bool letter(uint8_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static void country(const struct plan_op *op, struct plan_run *r)
{
    struct plan_place at = {op->seg, op->off, op->len};
    char(*dst)[2] = (char(*)[2])r->b->col[op->col] + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        char room[LEARNT_TEXT];
        struct str v = learnt_text(plan_bytes(r, &at, i), room);
        if (v.len == 2 && letter((uint8_t)v.p[0]) && letter((uint8_t)v.p[1]))
            for (unsigned k = 0; k < 2; k++)
                dst[i][k] = (char)(v.p[k] & ~32);
    }
}

/* An operation has no room for the type: a function for each. */
#define X(name)                                                                                              \
    static void number_##name(const struct plan_op *op, struct plan_run *r)                                  \
    {                                                                                                        \
        each_number(op, r, ELEMENT_##name);                                                                  \
    }                                                                                                        \
    static void text_##name(const struct plan_op *op, struct plan_run *r)                                    \
    {                                                                                                        \
        each_text(op, r, ELEMENT_##name);                                                                    \
    }
#include "decode/element_types.def"
#undef X

static plan_fn *const numbers[ELEMENT_TYPES] = {
#define X(name) number_##name,
#include "decode/element_types.def"
#undef X
};
static plan_fn *const texts[ELEMENT_TYPES] = {
#define X(name) text_##name,
#include "decode/element_types.def"
#undef X
};

/* ---- which */

static bool is_unsigned(enum element_type t)
{
    return t >= ELEMENT_unsigned8 && t <= ELEMENT_unsigned64;
}

static bool is_number(enum element_type t)
{
    return (t >= ELEMENT_unsigned8 && t <= ELEMENT_boolean) ||
           (t >= ELEMENT_dateTimeSeconds && t <= ELEMENT_dateTimeNanoseconds);
}

static bool holds(enum element_type t, enum column c)
{
    bool list = t >= ELEMENT_basicList && t <= ELEMENT_subTemplateMultiList;
    bool mac = column_defs[c].kind == KIND_MAC;
    switch (column_defs[c].store) {
    case STORE_IP:
        return t == ELEMENT_ipv4Address || t == ELEMENT_ipv6Address;
    case STORE_STR:
        return !list;
    case STORE_CC:
        return t == ELEMENT_string;
    case STORE_U8:
    case STORE_U16:
    case STORE_U32:
    case STORE_U64:
        return mac ? t == ELEMENT_macAddress : is_number(t);
    default:
        return false;
    }
}

/* Columns that are not a record's to fill. */
static const char *whose(enum column c)
{
    switch (c) {
    case COL_TimeReceived:
    case COL_FlowStart:
    case COL_FlowEnd:
    case COL_FlowDuration:
        return "follows from the flow's time elements, and cannot be filled by another";
    case COL_Dst1stAS:
    case COL_Dst2ndAS:
    case COL_Dst3rdAS:
        return "follows from DstASPath, and cannot be filled by an element";
    default:
        break;
    }
    if (column_defs[c].flags & COLF_HIDDEN && c != COL_InIfIndex && c != COL_OutIfIndex)
        return "is weir's own";
    if (edge_column(c))
        return "says something of the exporter or an interface, not of a flow; metadata fill it";
    if (column_defs[c].store == STORE_NONE)
        return "is computed, and cannot be filled by an element";
    if (column_defs[c].store == STORE_A32 || column_defs[c].store == STORE_A128)
        return "is a list, and cannot be filled by an element";
    return NULL;
}

bool convert_fits(enum element_type type, enum column col, const char **why)
{
    *why = whose(col);
    return !*why && holds(type, col);
}

plan_fn *convert_fn(enum column col, uint16_t len, enum element_type type)
{
    enum column_store store = column_defs[col].store;
    bool as_it_is =
        store == STORE_IP || (store == STORE_STR && (type == ELEMENT_string || is_unsigned(type))) ||
        (type == ELEMENT_macAddress && store != STORE_STR) || (is_unsigned(type) && len <= column_width(col));
    if (store == STORE_STR && !as_it_is)
        return texts[type];
    if (store == STORE_CC)
        return country;
    return as_it_is ? copy_fn(col, len, type, false) : len ? numbers[type] : NULL;
}
