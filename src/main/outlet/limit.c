/* Few exporters are limited, and their datagrams come in runs: an array with a finger in it will do. */
#include "main/outlet/limit.h"
#include "base/arena.h"
#include <stdlib.h>

enum { OLD_ROW_LEN = 16 + 8 + 3 * 4, ROW_LEN = OLD_ROW_LEN + 4 };

void limit_fini(struct limit *l)
{
    free(l->rows);
    *l = (struct limit){0};
}

static uint32_t find(const struct limit *l, struct ip src)
{
    if (l->last < l->n && ip_eq(l->rows[l->last].src, src))
        return l->last;
    uint32_t i = 0;
    while (i < l->n && !ip_eq(l->rows[i].src, src))
        i++;
    return i;
}

static uint32_t add(struct limit *l, struct ip src)
{
    uint32_t i = l->n;
    if (!l->rows)
        l->rows = xcalloc(LIMIT_EXPORTERS, sizeof *l->rows);
    if (l->n < LIMIT_EXPORTERS)
        l->n++;
    else
        for (uint32_t k = i = 0; k < l->n; k++)
            if (l->rows[k].second < l->rows[i].second)
                i = k;
    l->rows[i] = (struct limit_row){.src = src, .factor = LIMIT_ONE, .share = LIMIT_ALL};
    return i;
}

struct limit_row *limit_row(struct limit *l, const struct dgram *d)
{
    uint64_t second = d->rx_ns / 1000000000u;
    uint32_t i = find(l, d->src);
    if (i == l->n)
        i = add(l, d->src);
    l->last = i;
    struct limit_row *r = &l->rows[i];
    if (second > r->second) { /* a late datagram counts as one of the second that is on */
        r->factor = r->kept && r->total > r->kept && second == r->second + 1
                        ? (uint32_t)((uint64_t)r->total * LIMIT_ONE / r->kept)
                        : LIMIT_ONE;
        r->share = r->total > d->rate_limit && second == r->second + 1
                       ? (uint32_t)((uint64_t)d->rate_limit * LIMIT_ALL / r->total)
                       : LIMIT_ALL;
        r->second = second;
        r->total = r->kept = 0;
    }
    return r;
}

void limit_save(const struct limit *l, struct buf *out)
{
    buf_le32(out, l->n);
    for (uint32_t i = 0; i < l->n; i++) {
        const struct limit_row *r = &l->rows[i];
        buf_add(out, r->src.b, 16);
        buf_le64(out, r->second);
        buf_le32(out, r->total);
        buf_le32(out, r->kept);
        buf_le32(out, r->factor);
        buf_le32(out, r->share);
    }
}

bool limit_load(struct limit *l, struct str *in, bool before_shares)
{
    size_t len = before_shares ? OLD_ROW_LEN : ROW_LEN;
    uint32_t n;
    if (in->len < 4)
        return false;
    memcpy(&n, in->p, 4);
    if (n > LIMIT_EXPORTERS || in->len < 4 + (size_t)n * len)
        return false;
    limit_fini(l);
    const char *p = in->p + 4;
    for (uint32_t i = 0; i < n; i++, p += len) {
        uint32_t at = add(l, ip_v6(p));
        struct limit_row *r = &l->rows[at];
        memcpy(&r->second, p + 16, 8);
        memcpy(&r->total, p + 24, 4);
        memcpy(&r->kept, p + 28, 4);
        memcpy(&r->factor, p + 32, 4);
        if (!before_shares)
            memcpy(&r->share, p + 36, 4);
    }
    in->p += 4 + (size_t)n * len;
    in->len -= 4 + (size_t)n * len;
    return true;
}
