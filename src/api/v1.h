/* v1: answers of the versioned API as JSON, CSV or JSON lines, from what the questions yield. Plain functions; one thread. */
#pragma once
#include "query/flows.h"
#include "base/buf.h"

enum v1_format { V1_JSON, V1_CSV, V1_LINES };

/* Appends the whole answer. `answer` is that of line_ask, sankey_ask or flows_ask, with its cost. */
void v1_line(struct buf *out, enum v1_format f, json_t *answer, const struct query_request *q);
void v1_sankey(struct buf *out, enum v1_format f, json_t *answer, const struct query_request *q);
void v1_flows(struct buf *out, enum v1_format f, json_t *answer);
