/* complete: what may come next in a filter: columns, operators, values. One request, one thread. */
#pragma once
#include "query/line.h"

struct complete_question {
    struct str what; /* "column", "operator" or "value" */
    struct str column, prefix;
};

/* {completions: [{label, detail, quoted, insert}]}, where insert is the label as the filter wants it; values by what the store has seen lately. QUERY_FAILED: a bad question. */
enum query_result complete_ask(struct query_pool *pool, const struct query_asker *asker,
                               const struct schema *s, const struct query_tables *t,
                               const struct complete_question *q, struct query_answer *out, struct err *e);
