/* sankey: how traffic spreads from one dimension to the next: the chart behind graph/sankey. One request, one thread. */
#pragma once
#include "query/line.h"

enum query_result sankey_ask(struct query_pool *pool, const struct query_asker *asker,
                             const struct query_request *q, const struct query_tables *tables,
                             struct arena *a, struct query_answer *out, struct err *e);
void sankey_sql(const struct query_request *q, const struct query_tables *t, const struct plan *plan,
                uint32_t seconds, struct buf *sql);
