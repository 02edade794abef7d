/*
 * outlet_limit: `rate-limit` of an input: so many flows a second of each exporter (UDP source); what is beyond is dropped
 * by whole datagrams, and the sampling rate of the next second's flows is raised by what was dropped. After a second with
 * too many, datagrams are dropped at even distances and not all at the end of the second, so that what an exporter sends
 * late in each second has its share.
 *
 * Part of what decides about a partition's rows, so it is saved with each commit. One thread.
 */
#pragma once
#include "base/buf.h"
#include "schema/dgram.h"

enum { LIMIT_EXPORTERS = 1024, LIMIT_ONE = 1000, LIMIT_ALL = 1 << 20 };

struct limit_row {
    struct ip src;
    uint64_t second;
    uint32_t total, kept; /* flows of this second */
    uint32_t factor;      /* of this second's sampling rates, LIMIT_ONE: 1 */
    uint32_t share;       /* of this second's flows that may be kept, LIMIT_ALL: all */
};

struct limit {
    struct limit_row *rows; /* in order of appearance; the one quiet longest goes when there are too many */
    uint32_t n, last;
};

void limit_fini(struct limit *l);
/* The exporter's row, in the datagram's second. Valid until the next call. */
struct limit_row *limit_row(struct limit *l, const struct dgram *d);
static inline bool limit_admits(const struct limit_row *r, const struct dgram *d)
{
    return r->kept < d->rate_limit && (uint64_t)r->kept * LIMIT_ALL <= (uint64_t)r->total * r->share;
}
static inline void limit_count(struct limit_row *r, uint64_t flows, bool kept)
{
    r->total += (uint32_t)flows;
    r->kept += kept ? (uint32_t)flows : 0;
}

void limit_save(const struct limit *l, struct buf *out);
/* Takes what it needs from the front of `in`, written by a program before shares or by this one; false: no such thing. */
bool limit_load(struct limit *l, struct str *in, bool before_shares);
