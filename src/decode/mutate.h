/*
 * mutate: changes to the inputs of the datagram fuzz targets that keep their shape: datagrams behind their lengths
 * (fuzzing.h), in which a target may put sound ones of its own making. Half of all changes are libFuzzer's own, over the whole
 * input; without the other half it would seldom get past lengths that do not fit.
 */
#pragma once
#include "base/buf.h"
#include "base/cursor.h"
#include <stdlib.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max) __attribute__((weak)); /* libFuzzer's */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed);

enum { MUTATE_DATAGRAMS = 64 };

struct mutate {
    uint64_t state;
    uint8_t choices;
    uint32_t n;
    struct buf d[MUTATE_DATAGRAMS + 2];
};

/* xorshift64* */
static inline uint32_t mutate_draw(struct mutate *m, uint32_t below)
{
    m->state ^= m->state >> 12;
    m->state ^= m->state << 25;
    m->state ^= m->state >> 27;
    return (uint32_t)(m->state * 0x2545f4914f6cdd1dull >> 33) % below;
}

static inline void mutate_noise(struct mutate *m, struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_u8(b, (uint8_t)(mutate_draw(m, 4) ? mutate_draw(m, 256) : 0));
}

static inline struct buf *mutate_add(struct mutate *m)
{
    struct buf *b = &m->d[m->n++];
    buf_init(b, 0);
    return b;
}

static inline void mutate_parse(struct mutate *m, const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    m->choices = cursor_u8(&c);
    while (cursor_left(&c) > 2 && m->n < MUTATE_DATAGRAMS) {
        size_t n = cursor_be16(&c);
        n = n < cursor_left(&c) ? n : cursor_left(&c);
        buf_add(mutate_add(m), cursor_bytes(&c, n), n);
    }
}

static inline size_t mutate_write(struct mutate *m, uint8_t *data, size_t max)
{
    struct buf out;
    buf_init(&out, 0);
    buf_u8(&out, m->choices);
    for (uint32_t i = 0; i < m->n; i++) {
        uint16_t len = m->d[i].len < UINT16_MAX ? (uint16_t)m->d[i].len : UINT16_MAX;
        if (out.len + 2 + len <= max) {
            buf_be16(&out, len);
            buf_add(&out, m->d[i].p, len);
        }
        buf_fini(&m->d[i]);
    }
    memcpy(data, out.p, out.len);
    size_t len = out.len;
    buf_fini(&out);
    return len;
}

static inline void mutate_swap(struct mutate *m)
{
    struct buf *a = &m->d[mutate_draw(m, m->n)], *b = &m->d[mutate_draw(m, m->n)], t = *a;
    *a = *b;
    *b = t;
}

static inline void mutate_copy(struct mutate *m)
{
    const struct buf *from = &m->d[mutate_draw(m, m->n)];
    buf_add(mutate_add(m), from->p, from->len);
}

static inline void mutate_drop(struct mutate *m)
{
    mutate_swap(m);
    buf_fini(&m->d[--m->n]);
}

/* Bytes of one datagram; `mend` then makes its lengths fit. */
static inline void mutate_inside(struct mutate *m, void (*mend)(struct buf *))
{
    struct buf *b = &m->d[mutate_draw(m, m->n)];
    size_t room = b->len + 64;
    buf_reserve(b, 64);
    b->len = LLVMFuzzerMutate(b->p, b->len, room);
    if (mend)
        mend(b);
}

/* The mutator of a target that can `make` a sound datagram and (or NULL) `mend` one. */
static inline size_t mutate(uint8_t *data, size_t len, size_t max, unsigned seed,
                            void (*make)(struct mutate *, struct buf *), void (*mend)(struct buf *))
{
    struct mutate m = {.state = seed * 0x9e3779b97f4a7c15ull + 1};
    if (mutate_draw(&m, 2) || max < 64)
        return LLVMFuzzerMutate(data, len, max);
    mutate_parse(&m, data, len);
    uint32_t what = mutate_draw(&m, 8);
    if (m.n == 0 || what == 0)
        make(&m, mutate_add(&m));
    else if (what == 1)
        mutate_swap(&m);
    else if (what == 2)
        mutate_copy(&m);
    else if (what == 3)
        mutate_drop(&m);
    else if (what == 4)
        m.choices = (uint8_t)mutate_draw(&m, 256);
    else
        mutate_inside(&m, mend);
    return mutate_write(&m, data, max);
}
