/*
 * buf: bytes that grow at the end; the writer's side of every wire and file format here.
 *
 * One thread at a time. Growth dies rather than fails (see arena.h); give `cap` where an outsider decides the size: past
 * it nothing is appended and `full` stays set, to be checked once at the end.
 */
#pragma once
#include "base/str.h"
#include <assert.h>

struct buf {
    uint8_t *p;
    size_t len, room;
    size_t cap; /* 0: no bound */
    bool full;
};

void buf_init(struct buf *b, size_t cap);
void buf_fini(struct buf *b);
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t len);
void buf_zero(struct buf *b, size_t len);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The bytes become the caller's (free()); the buffer is empty again. */
uint8_t *buf_take(struct buf *b, size_t *len);

static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->full = false;
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){(const char *)b->p, b->len};
}

static inline void buf_str_add(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.len);
}

static inline void buf_z(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
    buf_add(b, &v, 1);
}

/* little-endian, as ClickHouse's formats and our own files want it */
static inline void buf_le16(struct buf *b, uint16_t v)
{
    buf_add(b, &v, sizeof v);
}

static inline void buf_le32(struct buf *b, uint32_t v)
{
    buf_add(b, &v, sizeof v);
}

static inline void buf_le64(struct buf *b, uint64_t v)
{
    buf_add(b, &v, sizeof v);
}

/* big-endian, as the network wants it */
static inline void buf_be16(struct buf *b, uint16_t v)
{
    v = __builtin_bswap16(v);
    buf_add(b, &v, sizeof v);
}

static inline void buf_be32(struct buf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    buf_add(b, &v, sizeof v);
}

static inline void buf_be64(struct buf *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    buf_add(b, &v, sizeof v);
}

/* unsigned LEB128, the length prefix of ClickHouse and protobuf */
void buf_varint(struct buf *b, uint64_t v);

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weir runs on little-endian machines");
