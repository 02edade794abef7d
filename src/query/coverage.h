/*
 * coverage: for which of a chart's buckets the store's numbers are what was there, and for which nothing is known. One
 * request, one thread; memory of the request's arena.
 *
 * A bucket is missing when nothing that could answer is kept from its time, or when the ledger knows of no telemetry then and
 * no row of that time is there either. Losses (shed, dropped by the kernel, gaps in sequence numbers) make a bucket's
 * numbers too small; they are told beside it.
 */
#pragma once
#include "query/plan.h"
#include "base/arena.h"

struct coverage {
    const struct plan *plan;
    size_t n;         /* buckets */
    bool *missing;    /* by bucket */
    size_t first;     /* the first bucket that the data fills from its begin */
    size_t complete;  /* buckets before this one are complete */
    double share;     /* of what there was up to now and is known, 0 to 1 */
    uint32_t known_s; /* seconds of the range for which something is known */
    json_t *spans;    /* [{start, end, reason}] */
    json_t *losses;   /* [{start, end, reason, received, shed, kernel-dropped, sequence-lost}] */
};

/* complete_until: newer data may still be on its way. */
enum query_result coverage_ask(struct query_pool *pool, const struct query_asker *asker,
                               const struct query_tables *t, const struct plan *plan, uint32_t complete_until,
                               struct arena *a, struct coverage *out, struct err *e);
/* Everything is known; for tests and plans that nobody asks about. */
void coverage_init(struct coverage *c, const struct plan *plan, uint32_t complete_until, struct arena *a);
void coverage_fini(struct coverage *c);
/* True when the bucket counts in averages and the like. */
static inline bool coverage_counts(const struct coverage *c, size_t bucket)
{
    return !c->missing[bucket] && bucket >= c->first &&
           bucket < (c->complete > c->first ? c->complete : c->n);
}
