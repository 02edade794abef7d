/* Selectors of one engine may come in any length, leading zeros left out (RFC 6759 4.2), so their value counts. */
#include "decode/applications.h"
#include "base/cursor.h"
#include <stdio.h>
#include <xxhash.h>

enum { ENGINE_PANA_L7_PEN = 20 /* RFC 6759 4.1: the selector begins with an enterprise number */ };

uint64_t applications_key(struct str id)
{
    const uint8_t *p = (const uint8_t *)id.p;
    if (id.len == 0)
        return 0;
    size_t zeros = 1;
    while (zeros < id.len && p[zeros] == 0)
        zeros++;
    uint64_t selector = id.len - zeros <= 7 ? plan_uint(p + zeros, id.len - zeros)
                                            : XXH3_64bits(p + zeros, id.len - zeros) >> 8;
    return (uint64_t)p[0] << 56 | selector;
}

struct str applications_format(struct str id, char room[64])
{
    const uint8_t *p = (const uint8_t *)id.p;
    int n = 0;
    if (id.len < 2)
        n = snprintf(room, 64, "%u", id.len ? p[0] : 0);
    else if (p[0] == ENGINE_PANA_L7_PEN && id.len > 5)
        n = snprintf(room, 64, "%u:%u:%llu", p[0], load_be32(p + 1),
                     (unsigned long long)plan_uint(p + 5, id.len - 5));
    else
        n = snprintf(room, 64, "%u:%llu", p[0], (unsigned long long)plan_uint(p + 1, id.len - 1));
    return (struct str){room, (size_t)n};
}

/* The id is all zeros where the exporter knows of no application. */
static bool is_none(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.p[i])
            return false;
    return true;
}

static void look_up(const struct plan_op *op, struct plan_run *r, enum name_kind kind)
{
    uint32_t *dst = (uint32_t *)r->b->col[op->col] + r->row;
    struct plan_place at = {op->seg, op->off, op->len};
    for (uint32_t i = 0; i < r->n && r->strings; i++) {
        struct str id = plan_bytes(r, &at, i);
        if (dst[i] || is_none(id))
            continue;
        struct name *n = session_name_find(r->sessions, r->session, kind, applications_key(id));
        char room[64];
        if (n)
            dst[i] = names_intern(n, r->strings);
        else if (kind == NAME_APPLICATION)
            dst[i] = plan_text(r->strings, r->stats, applications_format(id, room));
    }
}

void applications_name(const struct plan_op *op, struct plan_run *r)
{
    look_up(op, r, NAME_APPLICATION);
}

void applications_category(const struct plan_op *op, struct plan_run *r)
{
    look_up(op, r, NAME_APPLICATION_CATEGORY);
}

void applications_subcategory(const struct plan_op *op, struct plan_run *r)
{
    look_up(op, r, NAME_APPLICATION_SUBCATEGORY);
}

void applications_group(const struct plan_op *op, struct plan_run *r)
{
    look_up(op, r, NAME_APPLICATION_GROUP);
}
