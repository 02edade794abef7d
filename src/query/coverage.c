/*
 * The ledger has a row for every exporter and minute in which anything came. A bucket without one, between the ledger's
 * first row and now, is time in which nothing was received; when rows of that time are there all the same (a file was
 * read later), it is not missing. The rows are asked for only when the ledger has gaps.
 */
#include "query/coverage.h"
#include "query/render.h"
#include "query/rows.h"
#include "query/sql.h"

/* The ledger goes by minutes, and a minute is written when it is over. */
enum { MINUTE_S = 60, LATE_S = 180, TELLING = 1000 /* one in so many lost is worth telling */ };

struct tally {
    uint64_t datagrams, shed, kernel, lost, decoded;
};

static uint32_t begin_of(const struct coverage *c, size_t bucket)
{
    return c->plan->from + (uint32_t)bucket * c->plan->interval;
}

static size_t bucket_of(const struct coverage *c, uint32_t t)
{
    return t < c->plan->from || t >= c->plan->to ? c->n : (t - c->plan->from) / c->plan->interval;
}

void coverage_init(struct coverage *c, const struct plan *plan, uint32_t complete_until, struct arena *a)
{
    *c = (struct coverage){.plan = plan, .share = 1};
    c->n = (plan->to - plan->from) / plan->interval;
    c->complete = complete_until <= plan->from ? 0 : (complete_until - plan->from) / plan->interval;
    if (c->complete > c->n)
        c->complete = c->n;
    c->missing = arena_array(a, c->n + 1, sizeof *c->missing);
    c->known_s = plan->to - plan->from;
    if (complete_until > plan->from && complete_until < plan->to)
        c->known_s = complete_until - plan->from;
}

void coverage_fini(struct coverage *c)
{
    json_decref(c->spans);
    json_decref(c->losses);
    c->spans = c->losses = NULL;
}

static void add_span(json_t *list, uint32_t from, uint32_t to, const char *reason)
{
    json_array_append_new(list, json_pack("{s:o, s:o, s:s}", "start", render_time(from), "end",
                                          render_time(to), "reason", reason));
}

/* ---- before the data begins */

static void before_the_data(struct coverage *c, const struct query_tables *t)
{
    uint32_t oldest = plan_oldest(c->plan, t);
    bool older = false;
    size_t end = 0;
    for (size_t i = 1; i < t->n; i++)
        older |= t->t[i].oldest && t->t[i].oldest + t->t[i].resolution_s <= oldest;
    while (oldest && end < c->n && begin_of(c, end) + c->plan->interval <= oldest)
        c->missing[end++] = true;
    bool partly = oldest > begin_of(c, end) && end + 1 < c->n;
    c->first = partly ? end + 1 : end;
    /* The span ends where the data begins, so that the bucket in which that happens is not taken for a whole one. */
    if (c->first)
        add_span(c->spans, c->plan->from, partly ? oldest : begin_of(c, end),
                 older ? "the detail that this needs is not kept from that time"
                       : "nothing is stored from that time");
    if (oldest > c->plan->from)
        c->known_s -=
            oldest < c->plan->to && oldest - c->plan->from < c->known_s ? oldest - c->plan->from : 0;
}

/* ---- the ledger */

/* Ledger minutes (or buckets, when longer) of the range: their sums, in order of time from the range's first minute. */
struct account {
    uint32_t first, last; /* of the whole ledger; 0: it is empty */
    uint32_t from, step;
    size_t n;
    struct tally *steps;
};

static void ledger_sql(struct buf *sql, const struct account *x, uint32_t to)
{
    buf_z(sql,
          "SELECT toUInt32(0) AS b, toUInt64(toUInt32(min(TimeReceived))) AS d, "
          "toUInt64(toUInt32(max(TimeReceived))) AS s, toUInt64(0) AS k, toUInt64(0) AS l, toUInt64(0) AS r "
          "FROM ledger UNION ALL SELECT ");
    sql_bucket(sql, "TimeReceived", x->step);
    buf_z(sql, " AS b, sum(Datagrams), sum(Shed), sum(KernelDropped), sum(SequenceLost), sum(Decoded) FROM "
               "ledger WHERE "
               "TimeReceived >= ");
    sql_time(sql, x->from);
    buf_z(sql, " AND TimeReceived < ");
    sql_time(sql, to);
    buf_z(sql, " GROUP BY b FORMAT RowBinary");
    buf_u8(sql, 0);
}

static enum query_result read_ledger(struct query_pool *pool, const struct query_asker *asker,
                                     const struct plan *p, struct arena *a, struct account *x, struct err *e)
{
    struct buf sql, data;
    x->step = p->interval > MINUTE_S ? p->interval : MINUTE_S;
    x->from = p->from / x->step * x->step;
    x->n = (p->to - x->from + x->step - 1) / x->step;
    x->steps = arena_array(a, x->n, sizeof *x->steps);
    buf_init(&sql, 0);
    buf_init(&data, 0);
    ledger_sql(&sql, x, p->to);
    enum query_result r = query_pool_ask(pool, asker, (char *)sql.p, 0, &data, e);
    struct rows rows = rows_init(buf_str(&data));
    while (r == QUERY_OK && rows_more(&rows)) {
        uint32_t at = rows_u32(&rows);
        struct tally s = {.datagrams = rows_u64(&rows)};
        s.shed = rows_u64(&rows);
        s.kernel = rows_u64(&rows);
        s.lost = rows_u64(&rows);
        s.decoded = rows_u64(&rows);
        if (at == 0) {
            x->first = (uint32_t)s.datagrams;
            x->last = (uint32_t)s.shed;
        } else if (at >= x->from && (at - x->from) / x->step < x->n) {
            x->steps[(at - x->from) / x->step] = s;
        }
    }
    buf_fini(&sql);
    buf_fini(&data);
    return r;
}

static const struct tally *tally_at(const struct account *x, uint32_t t)
{
    return &x->steps[(t - x->from) / x->step];
}

/* ---- rows of a time that the ledger does not know */

static enum query_result look_for_rows(struct query_pool *pool, const struct query_asker *asker,
                                       const struct query_tables *t, struct coverage *c, bool *silent,
                                       size_t from, size_t to, struct err *e)
{
    struct buf sql, data;
    const struct query_table *table = &t->t[0], *rollup = &t->t[1];
    uint32_t begin = begin_of(c, from), end = begin_of(c, to);
    if (t->n > 1 && rollup->oldest && rollup->oldest <= begin &&
        c->plan->interval % rollup->resolution_s == 0 && end <= t->border)
        table = rollup;
    buf_init(&sql, 0);
    buf_init(&data, 0);
    buf_z(&sql, "SELECT DISTINCT ");
    sql_bucket(&sql, "TimeReceived", c->plan->interval);
    buf_printf(&sql, " FROM %s WHERE TimeReceived >= ", table->name);
    sql_time(&sql, begin);
    buf_z(&sql, " AND TimeReceived < ");
    sql_time(&sql, end);
    buf_z(&sql, " FORMAT RowBinary");
    buf_u8(&sql, 0);
    enum query_result r = query_pool_ask(pool, asker, (char *)sql.p, 0, &data, e);
    struct rows rows = rows_init(buf_str(&data));
    while (r == QUERY_OK && rows_more(&rows))
        silent[bucket_of(c, rows_u32(&rows))] = false;
    buf_fini(&sql);
    buf_fini(&data);
    return r;
}

/* Why a time has no rows: nothing came, or nothing of what came could be kept. */
static const char *silence(const struct tally *s)
{
    return s->shed     ? "datagrams were received, and all given up because the bus had no room"
           : s->kernel ? "the kernel dropped all datagrams that came"
                       : "no telemetry was received";
}

static enum query_result mark_silence(struct query_pool *pool, const struct query_asker *asker,
                                      const struct query_tables *t, struct coverage *c,
                                      const struct account *x, struct arena *a, struct err *e)
{
    bool *silent = arena_array(a, c->n + 1, sizeof *silent);
    size_t from = c->n, to = 0;
    uint32_t last = x->last > LATE_S ? x->last - LATE_S : 0;
    for (size_t i = 0; i < c->complete; i++) {
        uint32_t at = begin_of(c, i);
        silent[i] = !c->missing[i] && tally_at(x, at)->datagrams == 0 && at >= x->first &&
                    at + c->plan->interval <= last;
        if (silent[i]) {
            from = i < from ? i : from;
            to = i + 1;
        }
    }
    if (from >= to)
        return QUERY_OK;
    enum query_result r = look_for_rows(pool, asker, t, c, silent, from, to, e);
    for (size_t i = from; r == QUERY_OK && i < to; i++) {
        size_t begin = i;
        const char *why = silence(tally_at(x, begin_of(c, i)));
        for (; i < to && silent[i] && silence(tally_at(x, begin_of(c, i))) == why; i++)
            c->missing[i] = true;
        if (i > begin) {
            uint32_t gap = (uint32_t)(i - begin) * c->plan->interval;
            add_span(c->spans, begin_of(c, begin), begin_of(c, i), why);
            c->known_s -= gap < c->known_s ? gap : 0;
            i--; /* what follows may be missing for another reason */
        }
    }
    return r;
}

/* ---- losses */

static double lost_share(const struct tally *s)
{
    double datagrams = (double)(s->datagrams + s->shed + s->kernel), reports = (double)(s->lost + s->decoded);
    double kept = datagrams > 0 ? (double)s->datagrams / datagrams : 1;
    return 1 - kept * (reports > 0 ? (double)s->decoded / reports : 1);
}

static bool worth_telling(const struct tally *s)
{
    return s->datagrams && lost_share(s) * TELLING >= 1;
}

static void add_loss(json_t *list, uint32_t from, uint32_t to, const struct tally *s)
{
    const char *reason = s->shed     ? "datagrams were given up because the bus had no room"
                         : s->kernel ? "the kernel dropped datagrams"
                                     : "gaps in sequence numbers: datagrams were lost on their way";
    json_t *o = json_pack("{s:o, s:o, s:s, s:f}", "start", render_time(from), "end", render_time(to),
                          "reason", reason, "share", lost_share(s));
    json_object_set_new(o, "received", json_integer((json_int_t)s->datagrams));
    json_object_set_new(o, "shed", json_integer((json_int_t)s->shed));
    json_object_set_new(o, "kernel-dropped", json_integer((json_int_t)s->kernel));
    json_object_set_new(o, "sequence-lost", json_integer((json_int_t)s->lost));
    json_array_append_new(list, o);
}

static void add_up(struct tally *sum, const struct tally *s)
{
    sum->datagrams += s->datagrams;
    sum->shed += s->shed;
    sum->kernel += s->kernel;
    sum->lost += s->lost;
    sum->decoded += s->decoded;
}

static void tell_losses(struct coverage *c, const struct account *x)
{
    for (size_t i = 0; i < x->n; i++) {
        struct tally sum = {0};
        size_t begin = i;
        for (; i < x->n && worth_telling(&x->steps[i]); i++)
            add_up(&sum, &x->steps[i]);
        if (i > begin)
            add_loss(c->losses, x->from + (uint32_t)begin * x->step, x->from + (uint32_t)i * x->step, &sum);
    }
}

static void sum_up(struct coverage *c, const struct account *x)
{
    double known = 0;
    size_t n = c->complete ? c->complete : c->n;
    for (size_t i = 0; i < n; i++)
        known += c->missing[i] ? 0 : x->n ? 1 - lost_share(tally_at(x, begin_of(c, i))) : 1;
    c->share = n ? known / (double)n : 1;
}

enum query_result coverage_ask(struct query_pool *pool, const struct query_asker *asker,
                               const struct query_tables *t, const struct plan *plan, uint32_t complete_until,
                               struct arena *a, struct coverage *c, struct err *e)
{
    struct account x = {0};
    enum query_result r = QUERY_OK;
    coverage_init(c, plan, complete_until, a);
    c->spans = json_array();
    c->losses = json_array();
    before_the_data(c, t);
    if (t->ledger)
        r = read_ledger(pool, asker, plan, a, &x, e);
    if (r == QUERY_OK && x.first)
        r = mark_silence(pool, asker, t, c, &x, a, e);
    if (r == QUERY_OK && x.first)
        tell_losses(c, &x);
    sum_up(c, &x);
    return r;
}
