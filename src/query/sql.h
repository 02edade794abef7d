/*
 * sql: the pieces that all charts' statements are made of. Each appends text; nothing of a user's text gets in but through
 * lang/filter.
 *
 * A "source" is a subquery over the plan's pieces with the columns
 *   t   time      v  what is added up      i  which interface (percent units only)      d1, d2 ...  the dimensions
 *   w   v where it was sampled      c  packets that were (both only with error_band)
 *   o   1 where the dimensions are not known any more (only when sql_mixed)
 * of one direction: reverse swaps columns and filter.
 */
#pragma once
#include "query/plan.h"

struct sql_source {
    const struct query_request *q;
    const struct plan *plan;
    bool reverse;
    bool dimensions; /* false: without d1... (previous period) */
    uint32_t shift;  /* added to the time */
};

void sql_source(struct buf *sql, const struct sql_source *s);
/* Columns that a source reads besides time, sampling rate and sums, for plan_narrow. */
void sql_needs(const struct query_request *q, bool reverse, bool dimensions, bool need[COL_COUNT]);
/* From v (and i) to the rate in the units asked for: "sum(v) / 60". interval 0: the plain sum, for ranking. */
void sql_rate(struct buf *sql, const struct query_request *q, uint32_t interval);
/* Half of the range in which the true rate lies 95 times of 100, by the theory of packet sampling. */
void sql_error(struct buf *sql, const struct query_request *q, uint32_t interval);
/* True when the source has a column o. */
bool sql_mixed(const struct plan *plan);
/* "d1, d2" */
void sql_dims(struct buf *sql, const struct query_request *q);
/* One number for a tuple of dimensions: "cityHash64(d1, d2)". */
void sql_key(struct buf *sql, const struct query_request *q);
/* Array of texts of a tuple held in columns `prefix`1, `prefix`2...: "[toString(a1), ...]". */
void sql_labels(struct buf *sql, const struct query_request *q, const struct query_tables *t,
                const char *prefix);
/* The text of one column: AS numbers with names, protocols by name, addresses without ::ffff: */
void sql_label(struct buf *sql, enum column c, const struct query_tables *t, const char *expr,
               unsigned truncate_v4, unsigned truncate_v6);
void sql_time(struct buf *sql, uint32_t seconds);
/* toStartOfInterval(<expr>, ...) as seconds */
void sql_bucket(struct buf *sql, const char *expr, uint32_t interval);
bool sql_is_percent(enum query_units u);
