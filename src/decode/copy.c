/*
 * Loops over the records of a run, one column at a time. The pointers to records are in the first-level cache, and with
 * the width known the body is a load, a byte swap and a store.
 */
#include "decode/copy.h"
#include "base/cursor.h"
#include <stdio.h>

static uint64_t load_u8(const uint8_t *p)
{
    return *p;
}

static uint64_t load_be24(const uint8_t *p)
{
    return (uint64_t)load_be16(p) << 8 | p[2];
}

static uint64_t load_be48(const uint8_t *p)
{
    return (uint64_t)load_be16(p) << 32 | load_be32(p + 2);
}

#define COPY(name, type, load)                                                                               \
    static void set_##name(const struct plan_op *op, struct plan_run *r)                                     \
    {                                                                                                        \
        type *restrict dst = (type *)r->b->col[op->col] + r->row;                                            \
        const uint8_t *const *restrict base = r->base + op->seg * r->plan->chunk;                            \
        for (uint32_t i = 0, off = op->off, n = r->n; i < n; i++)                                            \
            dst[i] = (type)load(base[i] + off);                                                              \
    }                                                                                                        \
    static void better_##name(const struct plan_op *op, struct plan_run *r)                                  \
    {                                                                                                        \
        type *restrict dst = (type *)r->b->col[op->col] + r->row;                                            \
        const uint8_t *const *restrict base = r->base + op->seg * r->plan->chunk;                            \
        for (uint32_t i = 0, off = op->off, n = r->n; i < n; i++) {                                          \
            type v = (type)load(base[i] + off);                                                              \
            dst[i] = v ? v : dst[i];                                                                         \
        }                                                                                                    \
    }

#define COPIES(w, type)                                                                                      \
    COPY(w##_1, type, load_u8)                                                                               \
    COPY(w##_2, type, load_be16)                                                                             \
    COPY(w##_3, type, load_be24)                                                                             \
    COPY(w##_4, type, load_be32)                                                                             \
    COPY(w##_6, type, load_be48)                                                                             \
    COPY(w##_8, type, load_be64)                                                                             \
    static void better_##w##_any(const struct plan_op *op, struct plan_run *r)                               \
    {                                                                                                        \
        type *dst = (type *)r->b->col[op->col] + r->row;                                                     \
        for (uint32_t i = 0; i < r->n; i++) {                                                                \
            size_t len = plan_len(r, op->seg, op->len, i);                                                   \
            type v = (type)plan_uint(plan_at(r, op->seg, op->off, i), len);                                  \
            dst[i] = v ? v : dst[i];                                                                         \
        }                                                                                                    \
    }

COPIES(u8, uint8_t)
COPIES(u16, uint16_t)
COPIES(u32, uint32_t)
COPIES(u64, uint64_t)

/* An address of zeros says nothing and leaves what is there. */
static void copy_ip4(const struct plan_op *op, struct plan_run *r)
{
    uint64_t *restrict dst = (uint64_t *)((struct ip *)r->b->col[op->col] + r->row);
    const uint8_t *const *restrict base = r->base + op->seg * r->plan->chunk;
    for (uint32_t i = 0, off = op->off, n = r->n; i < n; i++) {
        uint32_t v;
        memcpy(&v, base[i] + off, sizeof v);
        dst[2 * i] = v ? 0 : dst[2 * i];
        dst[2 * i + 1] =
            v ? (uint64_t)v << 32 | 0xffff0000u : dst[2 * i + 1]; /* ::ffff:a.b.c.d, little-endian */
    }
}

static void copy_ip16(const struct plan_op *op, struct plan_run *r)
{
    struct ip *restrict dst = (struct ip *)r->b->col[op->col] + r->row;
    const uint8_t *const *restrict base = r->base + op->seg * r->plan->chunk;
    for (uint32_t i = 0, off = op->off, n = r->n; i < n; i++) {
        struct ip v = ip_v6(base[i] + off);
        if (!ip_is_zero(v))
            dst[i] = v;
    }
}

/* Text, or a number as one; an empty text leaves what is there. */
static void copy_text(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    struct plan_place at = {op->seg, op->off, op->len};
    for (uint32_t i = 0; i < r->n && r->strings; i++) {
        char room[LEARNT_TEXT];
        struct str text = learnt_text(plan_bytes(r, &at, i), room);
        if (text.len)
            dst[i] = plan_text(r->strings, r->stats, text);
    }
}

static void copy_number_text(const struct plan_op *op, struct plan_run *r)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    struct plan_place at = {op->seg, op->off, op->len};
    for (uint32_t i = 0; i < r->n && r->strings; i++) {
        char room[32];
        uint64_t v = plan_value(r, &at, i);
        if (v)
            dst[i] = plan_text(r->strings, r->stats,
                               (struct str){room, (size_t)sprintf(room, "%llu", (unsigned long long)v)});
    }
}

/* By length of the field, 7 standing for any other. */
#define FUNCTIONS(how, w)                                                                                    \
    {                                                                                                        \
        [1] = how##_##w##_1, [2] = how##_##w##_2, [3] = how##_##w##_3, [4] = how##_##w##_4,                  \
        [6] = how##_##w##_6, [8] = how##_##w##_8,                                                            \
    }
static plan_fn *const sets[][9] = {
    [STORE_U8] = FUNCTIONS(set, u8),
    [STORE_U16] = FUNCTIONS(set, u16),
    [STORE_U32] = FUNCTIONS(set, u32),
    [STORE_U64] = FUNCTIONS(set, u64),
};
static plan_fn *const betters[][9] = {
    [STORE_U8] = FUNCTIONS(better, u8),
    [STORE_U16] = FUNCTIONS(better, u16),
    [STORE_U32] = FUNCTIONS(better, u32),
    [STORE_U64] = FUNCTIONS(better, u64),
};
static plan_fn *const anys[] = {
    [STORE_U8] = better_u8_any,
    [STORE_U16] = better_u16_any,
    [STORE_U32] = better_u32_any,
    [STORE_U64] = better_u64_any,
};

plan_fn *copy_fn(unsigned col, uint16_t len, uint8_t type, bool first)
{
    enum column_store store = column_defs[col].store;
    if (store == STORE_STR && len)
        return type == ELEMENT_string || type == ELEMENT_octetArray ? copy_text : copy_number_text;
    if (store == STORE_IP)
        return len == 4 ? copy_ip4 : len == 16 ? copy_ip16 : NULL;
    if (store < STORE_U8 || store > STORE_U64 || len == 0)
        return NULL;
    plan_fn *fn = len > 8 ? NULL : first ? sets[store][len] : betters[store][len];
    return fn ? fn : anys[store];
}
