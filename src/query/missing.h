/* missing: time for which the ledger knows of no telemetry at all. One request, one thread. */
#pragma once
#include "query/series.h"

/* Marks buckets in `s` that lie in such a time; *out is a list of {start, end, reason}. */
enum query_result missing_ask(struct query_pool *pool, const struct query_asker *asker,
                              const struct query_tables *t, struct series_set *s, json_t **out,
                              struct err *e);
