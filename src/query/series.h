/*
 * series: the points of a chart's rows, and the numbers below the chart. Plain computation; one thread.
 *
 * Buckets that are still filling, or for which telemetry is missing, count in `total` alone: an average over them would
 * be wrong, and the last of them would look like a fall.
 */
#pragma once
#include "query/coverage.h"

struct series {
    unsigned axis, rank;    /* rank 0: Other */
    json_t *label;          /* array of texts; owned until given away */
    double *points, *error; /* error: NULL unless asked for */
    double average, min, max, last, p95, total;
};

struct series_set {
    struct arena *arena;
    const struct plan *plan;
    size_t n_buckets;
    const struct coverage *coverage[2]; /* of this period, and of the previous one (axes 3 and 4) */
    bool with_error;
    struct series *rows;
    size_t n, room;
    uint32_t *index; /* by axis and rank: place in rows + 1, until series_finish sorts them */
};

/* `previous` may be the same as `now` when it is not asked for. */
void series_init(struct series_set *s, struct arena *a, const struct coverage *now,
                 const struct coverage *previous, bool with_error);
void series_fini(struct series_set *s);
/* The row of this axis and rank, made with all points zero when it is new; NULL past their bounds. */
struct series *series_row(struct series_set *s, unsigned axis, unsigned rank);
/* Bucket of a time; n_buckets when outside. */
size_t series_bucket(const struct series_set *s, uint32_t t);
/* Averages and so on; then rows by axis, largest first by what `limit` says, Other last. */
void series_finish(struct series_set *s, enum query_limit limit);
