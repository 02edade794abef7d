#include "query/rows.h"

uint64_t rows_varint(struct rows *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = cursor_u8(&r->c);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    r->c.bad = true;
    return 0;
}

static void fixed(struct rows *r, void *to, size_t len)
{
    const uint8_t *p = cursor_bytes(&r->c, len);
    if (p)
        memcpy(to, p, len); /* RowBinary is little-endian, as we are */
    else
        memset(to, 0, len);
}

uint8_t rows_u8(struct rows *r)
{
    return cursor_u8(&r->c);
}

uint32_t rows_u32(struct rows *r)
{
    uint32_t v;
    fixed(r, &v, sizeof v);
    return v;
}

uint64_t rows_u64(struct rows *r)
{
    uint64_t v;
    fixed(r, &v, sizeof v);
    return v;
}

double rows_f64(struct rows *r)
{
    double v;
    fixed(r, &v, sizeof v);
    return v;
}

struct str rows_text(struct rows *r)
{
    size_t len = rows_varint(r);
    const uint8_t *p = cursor_bytes(&r->c, len);
    return p ? (struct str){(const char *)p, len} : (struct str){0};
}
