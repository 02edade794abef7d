/*
 * line: traffic over time, by dimensions: the chart behind graph/line. One request, one thread.
 */
#pragma once
#include "query/coverage.h"
#include "query/sql.h"

struct query_answer {
    json_t *json;   /* the caller's; NULL unless QUERY_OK */
    struct buf sql; /* the statement, NUL-terminated; the caller's to free */
};

/* `tables` is what catalog_get gave. */
enum query_result line_ask(struct query_pool *pool, const struct query_asker *asker,
                           const struct query_request *q, const struct query_tables *tables, struct arena *a,
                           struct query_answer *out, struct err *e);
/* What every chart's answer says of itself: table, resolution, interval, what is missing, notes. */
void line_passport(json_t *out, const struct query_request *q, const struct query_tables *t,
                   const struct plan *plan, const struct coverage *known);
/* Which tables answer, by q->coarse in full or for a first look. */
void line_plan(struct plan *p, const struct query_request *q, const struct query_tables *t);
/* True when so much must be read that a first look is worth while. */
bool line_is_slow(const struct query_request *q, const struct query_tables *t);
/* Data before this time is all there; newer data may still be on its way. */
uint32_t line_complete_until(const struct query_request *q, const struct query_tables *tables);
/* What the reader of an answer should know: a list of sentences. */
json_t *line_notes(const struct query_request *q, const struct query_tables *tables, const struct plan *plan);
/* The statement alone. */
void line_sql(const struct query_request *q, const struct query_tables *tables, const struct plan *plan,
              struct buf *sql);
