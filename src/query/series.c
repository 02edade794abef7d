#include "query/series.h"
#include <stdlib.h>

enum { AXES = 5, RANKS = 1001 }; /* axes count from 1; dimensions-limit is at most 1000 */

void series_init(struct series_set *s, struct arena *a, const struct coverage *now,
                 const struct coverage *previous, bool with_error)
{
    *s = (struct series_set){
        .arena = a, .plan = now->plan, .coverage = {now, previous}, .with_error = with_error};
    s->n_buckets = now->n;
    s->index = arena_array(a, AXES * RANKS, sizeof *s->index);
}

void series_fini(struct series_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        json_decref(s->rows[i].label);
    s->n = 0;
}

struct series *series_row(struct series_set *s, unsigned axis, unsigned rank)
{
    if (axis >= AXES || rank >= RANKS)
        return NULL;
    uint32_t *at = &s->index[axis * RANKS + rank];
    if (*at)
        return &s->rows[*at - 1];
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct series *rows = arena_array(s->arena, room, sizeof *rows);
        if (s->n)
            memcpy(rows, s->rows, s->n * sizeof *rows);
        s->rows = rows;
        s->room = room;
    }
    struct series *row = &s->rows[s->n++];
    *at = (uint32_t)s->n;
    *row = (struct series){.axis = axis, .rank = rank};
    row->points = arena_array(s->arena, s->n_buckets, sizeof *row->points);
    row->error = s->with_error ? arena_array(s->arena, s->n_buckets, sizeof *row->error) : NULL;
    return row;
}

size_t series_bucket(const struct series_set *s, uint32_t t)
{
    return t < s->plan->from || t >= s->plan->to ? s->n_buckets : (t - s->plan->from) / s->plan->interval;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the two nearest, as spreadsheets do. */
static double percentile(const double *sorted, size_t n, double p)
{
    if (n == 0)
        return 0;
    double at = p * (double)(n - 1);
    size_t below = (size_t)at;
    return below + 1 < n ? sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below])
                         : sorted[n - 1];
}

static void count(struct series_set *s, struct series *row, double *scratch)
{
    const struct coverage *known = s->coverage[row->axis >= 3];
    size_t n = 0;
    double sum = 0;
    row->total = row->min = row->max = row->last = 0;
    for (size_t i = 0; i < s->n_buckets; i++) {
        double v = row->points[i];
        row->total += v * s->plan->interval;
        if (!coverage_counts(known, i))
            continue;
        scratch[n++] = v;
        sum += v;
        row->last = v;
        row->max = v > row->max ? v : row->max;
        if (v > 0 && (row->min == 0 || v < row->min))
            row->min = v;
    }
    row->average = n ? sum / (double)n : 0;
    qsort(scratch, n, sizeof *scratch, by_value);
    row->p95 = percentile(scratch, n, 0.95);
}

static double weight(const struct series *row, enum query_limit limit)
{
    return limit == LIMIT_MAX ? row->max : limit == LIMIT_LAST ? row->last : row->total;
}

static int in_order(const void *a, const void *b, void *arg)
{
    const struct series *x = a, *y = b;
    const enum query_limit *limit = arg;
    if (x->axis != y->axis)
        return x->axis < y->axis ? -1 : 1;
    if (!x->rank != !y->rank)
        return x->rank ? -1 : 1;
    double wx = weight(x, *limit), wy = weight(y, *limit);
    if (wx != wy)
        return wx > wy ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

void series_finish(struct series_set *s, enum query_limit limit)
{
    double *scratch = arena_array(s->arena, s->n_buckets + 1, sizeof *scratch);
    for (size_t i = 0; i < s->n; i++)
        count(s, &s->rows[i], scratch);
    if (s->n > 1)
        qsort_r(s->rows, s->n, sizeof *s->rows, in_order, &limit);
}
