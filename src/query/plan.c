/*
 * Of the tables that reach back far enough, the coarsest whose resolution is not over a bucket; when none reaches, the one
 * with the oldest data or a coarser one that begins at most one of its own steps later.
 */
#include "query/plan.h"

/* Lengths of buckets that people can read off an axis; longer ones are whole days. */
static const uint32_t nice[] = {1,   2,   3,    5,    10,   15,   20,    30,    60,    120,   180,  300,
                                600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400};

enum { DAY_S = 86400 };

static uint32_t floor_to(uint32_t t, uint32_t step)
{
    return t / step * step;
}

static uint32_t ceil_to(uint32_t t, uint32_t step)
{
    return (uint32_t)(((uint64_t)t + step - 1) / step * step);
}

static bool reaches(const struct query_table *t, uint32_t start)
{
    return t->oldest && t->oldest < (uint64_t)start + t->resolution_s;
}

/* Data that begins before this is as old as any: a coarse table's first step begins before its first row. */
static uint32_t old_enough(const struct query_tables *t)
{
    uint32_t oldest = UINT32_MAX, slack = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->t[i].oldest && t->t[i].oldest <= oldest) {
            oldest = t->t[i].oldest;
            slack = t->t[i].resolution_s;
        }
    return oldest + slack < oldest ? UINT32_MAX : oldest + slack;
}

/* A coarse table's first step begins before its first row: it reaches back no farther than one that begins within it. */
static bool finer_has_all(const struct query_tables *t, size_t coarse)
{
    const struct query_table *c = &t->t[coarse];
    for (size_t i = 0; i < coarse; i++)
        if (t->t[i].oldest && t->t[i].oldest < (uint64_t)c->oldest + c->resolution_s)
            return true;
    return false;
}

static const struct query_table *choose(const struct query_tables *t, uint32_t start, uint32_t step)
{
    const struct query_table *best = NULL;
    for (size_t i = 0; i < t->n; i++)
        if (t->t[i].resolution_s <= step && reaches(&t->t[i], start))
            best = &t->t[i];
    if (best)
        return best;
    /* Coarser than asked is better than missing. */
    for (size_t i = 0; i < t->n; i++)
        if (reaches(&t->t[i], start) && !finer_has_all(t, i))
            return &t->t[i];
    uint32_t oldest = old_enough(t);
    for (size_t i = 0; i < t->n; i++) {
        const struct query_table *c = &t->t[i];
        if (c->oldest && c->oldest <= oldest && (!best || c->resolution_s <= step))
            best = c;
    }
    return best ? best : &t->t[0];
}

/* The longest nice interval that gives at least the points asked for, and fits the table. */
static uint32_t interval_for(uint32_t step, uint32_t resolution)
{
    uint32_t best = resolution;
    for (size_t i = 0; i < sizeof nice / sizeof *nice; i++)
        if (nice[i] <= step && nice[i] % resolution == 0)
            best = nice[i];
    uint32_t days = step / DAY_S * DAY_S;
    return days && days % resolution == 0 ? days : best;
}

static void piece(struct plan *p, const struct query_table *t, uint32_t from, uint32_t to)
{
    if (from < to && p->n < PLAN_PIECES_MAX)
        p->pieces[p->n++] =
            (struct plan_piece){t, from, to, p->detail_from && t->resolution_s > 1 && to <= p->detail_from};
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Table up to the last of its steps that is complete, then the finest rollup, then `flows`. */
static void cut(struct plan *p, const struct query_tables *t, const struct query_table *table)
{
    uint32_t at = p->from;
    p->table = table;
    p->n = 0;
    for (const struct query_table *c = table; c;
         c = c != &t->t[0] ? c == &t->t[1] ? &t->t[0] : &t->t[1] : NULL) {
        uint32_t to = c == &t->t[0] ? p->to : least(p->to, floor_to(t->border, c->resolution_s));
        if (p->detail_from && c != &t->t[0])
            to = least(to, p->detail_from);
        piece(p, c, at, to);
        at = to > at ? to : at;
    }
    if (p->n == 0) /* a range that the tables have nothing of is still a statement */
        piece(p, &t->t[0], p->from, p->to);
    p->short_of_data = !table->oldest || floor_to(table->oldest, p->interval) > p->from;
}

/* True when a rollup has data that is older than the oldest of `flows`. */
static bool older(const struct query_tables *t, const struct query_table *rollup)
{
    return rollup->oldest && (!t->t[0].oldest || rollup->oldest + rollup->resolution_s <= t->t[0].oldest);
}

void plan_range(struct plan *p, const struct query_tables *t, uint32_t from, uint32_t to, uint32_t interval,
                enum request_detail detail)
{
    bool main_only = detail != DETAIL_NONE;
    const struct query_table *best = &t->t[0];
    *p = (struct plan){.from = from, .to = to, .interval = interval};
    for (size_t i = 1; i < t->n && !main_only; i++)
        if (interval % t->t[i].resolution_s == 0 && (reaches(&t->t[i], from) || !reaches(best, from)) &&
            t->t[i].oldest && t->t[i].oldest <= old_enough(t))
            best = &t->t[i];
    cut(p, t, best);
}

void plan_make(struct plan *p, const struct query_tables *t, uint32_t start, uint32_t end, unsigned points,
               enum request_detail detail)
{
    uint32_t step = (end - start) / points;
    step = step ? step : 1;
    const struct query_table *table = choose(t, start, step);
    bool mixed = detail == DETAIL_SHOWN && table != &t->t[0] && !reaches(&t->t[0], start) && older(t, table);
    if (detail != DETAIL_NONE && !mixed)
        table = &t->t[0];
    uint32_t interval = interval_for(step, table->resolution_s);
    *p = (struct plan){.from = floor_to(start, interval), .to = ceil_to(end, interval), .interval = interval};
    if (mixed)
        p->detail_from = t->t[0].oldest ? ceil_to(t->t[0].oldest, interval) : p->to;
    cut(p, t, table);
}

uint64_t plan_rows(const struct plan *p)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_piece *x = &p->pieces[i];
        uint32_t from = x->from > x->table->oldest ? x->from : x->table->oldest;
        uint32_t to = least(x->to, x->table->newest);
        uint64_t whole = x->table->newest > x->table->oldest ? x->table->newest - x->table->oldest : 1;
        if (from < to)
            rows += (uint64_t)((double)x->table->rows * (double)(to - from) / (double)whole);
    }
    return p->sample ? rows / p->sample : rows;
}

/* ---- narrow rollups */

static bool has_all(const struct query_narrow *n, const bool need[COL_COUNT])
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (need[c] && !n->has[c])
            return false;
    return true;
}

/* From when on a piece is read from it. */
static uint32_t narrow_from(const struct query_narrow *n, const struct plan_piece *x)
{
    return n->since > x->from ? ceil_to(n->since, x->table->resolution_s) : x->from;
}

/* The one with which fewest rows are read; NULL: the piece stays as it is. */
static const struct query_narrow *narrowest(const struct plan_piece *x, const struct query_tables *t,
                                            const bool need[COL_COUNT])
{
    const struct query_narrow *best = NULL;
    double least_rows = 0;
    for (size_t i = 0; i < t->n_narrow; i++) {
        const struct query_narrow *n = &t->narrow[i];
        uint32_t from = narrow_from(n, x);
        if (n->table.resolution_s != x->table->resolution_s || from >= x->to || !has_all(n, need))
            continue;
        double share = (double)(x->to - from) / (double)(x->to - x->from);
        double rows = share * (double)n->table.rows + (1 - share) * (double)x->table->rows;
        if (best && rows >= least_rows)
            continue;
        best = n;
        least_rows = rows;
    }
    return best;
}

void plan_narrow(struct plan *p, const struct query_tables *t, const bool need[COL_COUNT])
{
    struct plan wide = *p;
    p->n = 0;
    for (size_t i = 0; i < wide.n; i++) {
        struct plan_piece x = wide.pieces[i];
        /* one that is split must leave room for all that follow */
        bool may = x.table->resolution_s > 1 && !x.without_detail && p->n + wide.n - i < PLAN_PIECES_MAX;
        const struct query_narrow *n = may ? narrowest(&x, t, need) : NULL;
        uint32_t from = n ? narrow_from(n, &x) : x.to;
        if (from > x.from)
            p->pieces[p->n++] = (struct plan_piece){x.table, x.from, from, x.without_detail};
        if (n)
            p->pieces[p->n++] = (struct plan_piece){&n->table, from, x.to, false};
    }
}

/* ---- totals */

/* The coarsest rollup that has whole steps between these times. */
static const struct query_table *coarsest(const struct query_tables *t, const struct query_table *than,
                                          uint32_t from, uint32_t to)
{
    const struct query_table *best = NULL;
    for (const struct query_table *c = than + 1; c < t->t + t->n; c++)
        if (c->resolution_s % than->resolution_s == 0 && reaches(c, from) &&
            ceil_to(from, c->resolution_s) < floor_to(least(to, t->border), c->resolution_s))
            best = c;
    return best;
}

bool plan_total(struct plan *total, const struct plan *p, const struct query_tables *t,
                const bool need[COL_COUNT])
{
    struct plan as_it_is = *p;
    const struct query_table *c = NULL;
    if (p->sample || p->n == 0 || p->pieces[0].table->resolution_s == 1)
        return false;
    const struct plan_piece *first = &p->pieces[0]; /* the others are short */
    c = coarsest(t, first->table, first->from, first->to);
    if (!c)
        return false;
    *total = *p;
    total->n = 0;
    uint32_t from = ceil_to(first->from, c->resolution_s),
             to = floor_to(least(first->to, t->border), c->resolution_s);
    piece(total, first->table, first->from, from);
    piece(total, c, from, to);
    piece(total, first->table, to, first->to);
    for (size_t i = 1; i < p->n; i++)
        total->pieces[total->n++] = p->pieces[i];
    plan_narrow(total, t, need);
    plan_narrow(&as_it_is, t, need);
    return plan_rows(total) * 4 < plan_rows(&as_it_is) * 3;
}

void plan_coarse(struct plan *p, const struct query_tables *t, uint32_t start, uint32_t end, unsigned points,
                 enum request_detail detail)
{
    enum { FEWER = 8, SLOT_S = 300, SAMPLE = 8 };
    struct plan exact;
    plan_make(&exact, t, start, end, points, detail);
    plan_make(p, t, start, end, points / FEWER ? points / FEWER : 1, detail);
    if (plan_rows(p) * FEWER <= plan_rows(&exact) * 2 || p->interval < 2 * SLOT_S)
        return;
    /* No coarser table: five minutes are together in `flows`, so whole slots can be left out. */
    uint32_t slot = p->table->resolution_s > SLOT_S ? p->table->resolution_s : SLOT_S;
    uint32_t slots = p->interval % slot ? 1 : p->interval / slot;
    p->sample = slots < SAMPLE ? slots : SAMPLE;
    while (p->sample > 1 && slots % p->sample)
        p->sample--;
    if (p->sample < 2)
        p->sample = 0;
}

uint32_t plan_oldest(const struct plan *p, const struct query_tables *t)
{
    uint32_t oldest = p->table->oldest;
    /* A coarse table's first step begins before its first row: a finer one may know when that came. */
    for (size_t i = 0; oldest && i < t->n && &t->t[i] != p->table; i++)
        if (t->t[i].oldest >= oldest && t->t[i].oldest < oldest + p->table->resolution_s)
            return t->t[i].oldest;
    return oldest;
}

uint32_t plan_previous(uint32_t start, uint32_t end, const char **name)
{
    static const struct {
        uint32_t below, back;
        const char *name;
    } periods[] = {{2 * 3600, 3600, "hour"},
                   {2 * DAY_S, DAY_S, "day"},
                   {14 * DAY_S, 7 * DAY_S, "week"},
                   {56 * DAY_S, 28 * DAY_S, "4 weeks"},
                   {UINT32_MAX, 364 * DAY_S, "year"}};
    size_t i = 0;
    while (end - start >= periods[i].below)
        i++;
    *name = periods[i].name;
    return periods[i].back;
}
