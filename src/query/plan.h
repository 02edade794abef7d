/*
 * plan: which tables answer for which part of a time range, and how long a bucket is. Pure functions.
 *
 * Buckets lie on a fixed grid (multiples of the interval since 1970), so that a chart which refreshes does not change
 * its past; the range is widened to whole buckets. The part behind the rollups' border is read from finer tables, see
 * catalog.h.
 */
#pragma once
#include "query/request.h"
#include "query/catalog.h"

enum { PLAN_PIECES_MAX = 12 };

struct plan_piece {
    const struct query_table *table;
    uint32_t from, to;   /* seconds, [from, to) */
    bool without_detail; /* some dimensions are not in this table: the rows are Other */
};

struct plan {
    const struct query_table *table; /* the one that answers for most */
    uint32_t from, to, interval;     /* whole buckets */
    struct plan_piece pieces[PLAN_PIECES_MAX];
    size_t n;
    bool short_of_data; /* nothing stored reaches back to `from` in the table that must be read */
    unsigned sample; /* of each bucket the first `interval / sample` seconds count for all; 0: all is read */
    uint32_t detail_from; /* pieces before this time are without detail; 0: none is */
};

/* Borrows `t`. */
void plan_make(struct plan *p, const struct query_tables *t, uint32_t start, uint32_t end, unsigned points,
               enum request_detail detail);
/* The same for another range with a given interval: the previous period. */
void plan_range(struct plan *p, const struct query_tables *t, uint32_t from, uint32_t to, uint32_t interval,
                enum request_detail detail);
/* The same chart with fewer and longer buckets, from a coarser table or a part of the rows. */
void plan_coarse(struct plan *p, const struct query_tables *t, uint32_t start, uint32_t end, unsigned points,
                 enum request_detail detail);
/* What is read of rollups is read from narrow ones where these have the columns needed. */
void plan_narrow(struct plan *p, const struct query_tables *t, const bool need[COL_COUNT]);
/*
 * The same rows, added up further where a coarser rollup has whole steps of them: for sums over the whole range, which need
 * no buckets. Both are read from narrow rollups where possible; `p` is not narrow yet. False: it would save little.
 */
bool plan_total(struct plan *total, const struct plan *p, const struct query_tables *t,
                const bool need[COL_COUNT]);
/* Rows that the plan reads, about. */
uint64_t plan_rows(const struct plan *p);
/* When the oldest row that the plan's tables can have was received; 0: they have none. */
uint32_t plan_oldest(const struct plan *p, const struct query_tables *t);
/* Seconds by which the previous period lies back. */
uint32_t plan_previous(uint32_t start, uint32_t end, const char **name);
