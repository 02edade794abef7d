/* Definite lengths of up to four bytes are all that SNMP messages need, and all that is read. */
#include "base/ber.h"

static size_t length(struct cursor *c)
{
    size_t n = cursor_u8(c);
    if (n < 0x80)
        return n;
    size_t bytes = n & 0x7f, len = 0;
    if (bytes == 0 || bytes > 4) /* indefinite, or larger than any message */
        c->bad = true;
    for (size_t i = 0; i < bytes && !c->bad; i++)
        len = len << 8 | cursor_u8(c);
    return len;
}

struct cursor ber_next(struct cursor *c, uint8_t *tag)
{
    *tag = cursor_u8(c);
    size_t len = length(c);
    struct cursor value = cursor_sub(c, len);
    if (c->bad)
        *tag = 0;
    return value;
}

struct cursor ber_want(struct cursor *c, uint8_t tag)
{
    uint8_t got;
    struct cursor value = ber_next(c, &got);
    if (got != tag)
        c->bad = value.bad = true;
    return value;
}

int64_t ber_int(struct cursor *c)
{
    struct cursor v = ber_want(c, BER_INTEGER);
    size_t n = cursor_left(&v);
    if (v.bad || n == 0 || n > 8) {
        c->bad = true;
        return 0;
    }
    uint64_t out = v.p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++)
        out = out << 8 | v.p[i];
    return (int64_t)out;
}

struct str ber_octets(struct cursor *c)
{
    struct cursor v = ber_want(c, BER_OCTETS);
    return v.bad ? (struct str){0} : (struct str){(const char *)v.p, cursor_left(&v)};
}

size_t ber_oid(struct cursor v, uint32_t *out)
{
    size_t n = 0;
    while (!v.bad && cursor_left(&v)) {
        uint64_t sub = 0;
        uint8_t byte;
        do {
            byte = cursor_u8(&v);
            sub = sub << 7 | (byte & 0x7f);
        } while (byte & 0x80 && !v.bad && sub <= UINT32_MAX >> 7);
        if (v.bad || byte & 0x80 || sub > UINT32_MAX || n + 2 > BER_OID_MAX)
            return 0;
        if (n == 0) { /* the first two in one: X.690 8.19.4 */
            uint32_t first = sub < 40 ? 0 : sub < 80 ? 1 : 2;
            out[n++] = first;
            sub -= 40 * first;
        }
        out[n++] = (uint32_t)sub;
    }
    return v.bad ? 0 : n;
}

/* ---- writing */

size_t ber_begin(struct buf *b, uint8_t tag)
{
    buf_u8(b, tag);
    buf_u8(b, 0x82);
    size_t at = b->len;
    buf_be16(b, 0);
    return at;
}

void ber_end(struct buf *b, size_t begun)
{
    if (b->full || b->len < begun + 2)
        return;
    size_t len = b->len - begun - 2;
    b->p[begun] = (uint8_t)(len >> 8);
    b->p[begun + 1] = (uint8_t)len;
}

void ber_put_int(struct buf *b, uint8_t tag, int64_t v)
{
    unsigned n = 1;
    while (n < 8 && v >> (8 * n - 1) != 0 && v >> (8 * n - 1) != -1)
        n++;
    bool wide = tag != BER_INTEGER && n == 8 && v < 0; /* Counter64 of more than 63 bits */
    buf_u8(b, tag);
    buf_u8(b, (uint8_t)(n + wide));
    if (wide)
        buf_u8(b, 0);
    while (n--)
        buf_u8(b, (uint8_t)((uint64_t)v >> (8 * n)));
}

static void put_length(struct buf *b, size_t len)
{
    if (len < 0x80) {
        buf_u8(b, (uint8_t)len);
    } else {
        buf_u8(b, 0x82);
        buf_be16(b, (uint16_t)len);
    }
}

void ber_put_octets(struct buf *b, struct str s)
{
    s.len = s.len > UINT16_MAX ? UINT16_MAX : s.len;
    buf_u8(b, BER_OCTETS);
    put_length(b, s.len);
    buf_str_add(b, s);
}

void ber_put_oid(struct buf *b, const uint32_t *oid, size_t n)
{
    uint8_t out[5 * BER_OID_MAX];
    size_t len = 0;
    for (size_t i = n > 1 ? 1 : n; i < n && i < BER_OID_MAX; i++) {
        uint64_t sub = i == 1 ? (uint64_t)oid[0] * 40 + oid[1] : oid[i];
        unsigned bytes = 1;
        while (sub >> (7 * bytes))
            bytes++;
        while (bytes--)
            out[len++] = (uint8_t)((sub >> (7 * bytes) & 0x7f) | (bytes ? 0x80 : 0));
    }
    buf_u8(b, BER_OID);
    put_length(b, len);
    buf_add(b, out, len);
}
