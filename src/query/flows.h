/*
 * flows: single rows of `flows`: those behind a point of a chart. One request, one thread.
 */
#pragma once
#include "query/line.h"

enum { FLOWS_ROWS = 100, FLOWS_ROWS_MAX = 10000, FLOWS_OFFSET_MAX = 100000 };

struct flows_request {
    struct query_request base; /* range, filter, limit */
    enum column columns[COL_COUNT];
    size_t n;
    enum column order;
    bool descending;
    unsigned offset;
};

/* {start, end, filter, columns, limit, order, offset}. Columns: ["*"] is all of them, absent the usual ones. */
bool flows_parse(struct flows_request *q, json_t *json, const struct schema *s, uint32_t now, struct arena *a,
                 struct err *e);
/* {columns: [{name, kind}], rows: [[...]], more, table, kept-since, note}: texts as in a chart's rows, numbers as numbers. */
enum query_result flows_ask(struct query_pool *pool, const struct query_asker *asker,
                            const struct flows_request *q, const struct query_tables *t,
                            struct query_answer *out, struct err *e);
void flows_sql(const struct flows_request *q, const struct query_tables *t, struct buf *sql);
/* What a column is, for the page: "address", "asn", "number", "time", "text"... */
const char *flows_kind(enum column c);
