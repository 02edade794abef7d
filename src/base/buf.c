/* Doubling growth behind a bound. */
#include "base/buf.h"
#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.cap = b->cap};
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more;
    if (need <= b->room)
        return;
    size_t room = b->room ? b->room : 256;
    while (room < need)
        room *= 2;
    b->p = xrealloc(b->p, room);
    b->room = room;
}

static bool fits(struct buf *b, size_t len)
{
    if (b->full || (b->cap && len > b->cap - b->len))
        b->full = true;
    else
        buf_reserve(b, len);
    return !b->full;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    if (len == 0 || !fits(b, len))
        return;
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void buf_zero(struct buf *b, size_t len)
{
    if (len == 0 || !fits(b, len))
        return;
    memset(b->p + b->len, 0, len);
    b->len += len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0 && fits(b, (size_t)n)) {
        buf_reserve(b, (size_t)n + 1); /* vsnprintf ends with a NUL that is not kept */
        vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

uint8_t *buf_take(struct buf *b, size_t *len)
{
    uint8_t *p = b->p;
    *len = b->len;
    *b = (struct buf){.cap = b->cap};
    return p;
}

void buf_varint(struct buf *b, uint64_t v)
{
    uint8_t tmp[10];
    size_t n = 0;
    do {
        tmp[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v);
    buf_add(b, tmp, n);
}
