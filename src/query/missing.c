/*
 * The ledger has a row for every exporter and minute in which anything came. A bucket without one, between the ledger's
 * first row and now, is time in which nothing was received; when rows of that time are there all the same (a file was
 * read later), it is not missing.
 */
#include "query/missing.h"
#include "query/render.h"
#include "query/rows.h"
#include "query/sql.h"

/* The ledger goes by minutes, and a minute is written when it is over. */
enum { MINUTE_S = 60, LATE_S = 180 };

static void mark(struct series_set *s, const bool *known, uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < s->complete; i++) {
        uint32_t from = s->plan->from + (uint32_t)i * s->plan->interval;
        s->missing[i] = !known[i] && from >= first && from + s->plan->interval <= last && series_empty(s, i);
    }
    /* A bucket within a minute that is known */
    for (size_t i = 0; s->plan->interval < MINUTE_S && i < s->complete; i++) {
        uint32_t minute = (s->plan->from + (uint32_t)i * s->plan->interval) / MINUTE_S * MINUTE_S;
        size_t at = series_bucket(s, minute);
        if (at < s->n_buckets ? known[at] : i < MINUTE_S / s->plan->interval)
            s->missing[i] = false;
    }
}

static json_t *spans(const struct series_set *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_buckets; i++) {
        if (!s->missing[i])
            continue;
        size_t from = i;
        while (i < s->n_buckets && s->missing[i])
            i++;
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:s}", "start",
                                        render_time(s->plan->from + (uint32_t)from * s->plan->interval),
                                        "end", render_time(s->plan->from + (uint32_t)i * s->plan->interval),
                                        "reason", "no telemetry was received"));
    }
    return list;
}

enum query_result missing_ask(struct query_pool *pool, const struct query_asker *asker,
                              const struct query_tables *t, struct series_set *s, json_t **out, struct err *e)
{
    *out = NULL;
    if (!t->ledger)
        return QUERY_OK;
    struct buf sql, data;
    buf_init(&sql, 0);
    buf_init(&data, 0);
    buf_z(&sql, "SELECT toUInt32(min(TimeReceived)), toUInt32(max(TimeReceived)), (SELECT groupUniqArray(");
    sql_bucket(&sql, "TimeReceived", s->plan->interval);
    buf_z(&sql, ") FROM ledger WHERE Datagrams > 0 AND TimeReceived >= ");
    sql_time(&sql, s->plan->from);
    buf_z(&sql, " AND TimeReceived < ");
    sql_time(&sql, s->plan->to);
    buf_z(&sql, ") FROM ledger FORMAT RowBinary");
    buf_u8(&sql, 0);
    enum query_result r = query_pool_ask(pool, asker, (char *)sql.p, 0, &data, e);
    if (r == QUERY_OK) {
        struct rows rows = rows_init(buf_str(&data));
        uint32_t first = rows_u32(&rows), last = rows_u32(&rows);
        bool *known = arena_array(s->arena, s->n_buckets + 1, sizeof *known);
        for (size_t n = rows_varint(&rows); n && !rows_bad(&rows); n--)
            known[series_bucket(s, rows_u32(&rows))] = true;
        if (first) {
            mark(s, known, first, last > LATE_S ? last : 0);
            *out = spans(s);
        }
    }
    buf_fini(&sql);
    buf_fini(&data);
    return r;
}
