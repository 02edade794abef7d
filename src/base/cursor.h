/*
 * cursor: reads big-endian wire data from front to back with a sticky error.
 *
 * Past the end every read yields zero and `bad` stays set, so that a parser reads straight through and checks once.
 * Owns nothing; the bytes must outlive it.
 */
#pragma once
#include "base/str.h"

struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct cursor cursor_init(const void *p, size_t len)
{
    return (struct cursor){.p = p, .end = (const uint8_t *)p + len};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* `len` bytes, or NULL when there are not as many. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t len)
{
    if (__builtin_expect(c->bad || cursor_left(c) < len, 0)) {
        c->bad = true;
        c->p = c->end;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += len;
    return p;
}

static inline void cursor_skip(struct cursor *c, size_t len)
{
    (void)cursor_bytes(c, len);
}

/* The next `len` bytes as a cursor of their own; a bad one when there are not as many. */
static inline struct cursor cursor_sub(struct cursor *c, size_t len)
{
    const uint8_t *p = cursor_bytes(c, len);
    return p ? cursor_init(p, len) : (struct cursor){.p = c->end, .end = c->end, .bad = true};
}

static inline uint16_t load_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t load_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 1);
    return p ? *p : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 2);
    return p ? load_be16(p) : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 4);
    return p ? load_be32(p) : 0;
}

static inline uint64_t cursor_be64(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 8);
    return p ? load_be64(p) : 0;
}
