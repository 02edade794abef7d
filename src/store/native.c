/* Layouts as ClickHouse's NativeWriter and SerializationLowCardinality produce and accept them at revision 0. */
#include "store/native.h"

/* key version 1: dictionaries come with each block; per block: its own keys, and the dictionary is new */
enum { SHARED_WITH_ADDITIONAL_KEYS = 1, HAS_ADDITIONAL_KEYS = 1 << 9, NEED_UPDATE = 1 << 10 };

void native_head(struct buf *out, size_t columns, size_t rows)
{
    buf_varint(out, columns);
    buf_varint(out, rows);
}

void native_string(struct buf *out, struct str s)
{
    buf_varint(out, s.len);
    buf_str_add(out, s);
}

void native_column(struct buf *out, const char *name, const char *type)
{
    native_string(out, str_from(name));
    native_string(out, str_from(type));
}

unsigned native_index_width(size_t keys)
{
    return keys <= UINT8_MAX + 1u ? 1 : keys <= UINT16_MAX + 1u ? 2 : 4;
}

void native_keys(struct buf *out, size_t keys)
{
    unsigned width = native_index_width(keys);
    uint64_t type = width == 1 ? 0 : width == 2 ? 1 : 2;
    buf_le64(out, SHARED_WITH_ADDITIONAL_KEYS);
    buf_le64(out, type | HAS_ADDITIONAL_KEYS | NEED_UPDATE);
    buf_le64(out, keys);
}

uint8_t *native_room(struct buf *out, size_t n)
{
    buf_reserve(out, n);
    uint8_t *p = out->p + out->len;
    out->len += n;
    return p;
}
