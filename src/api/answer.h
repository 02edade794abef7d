/* answer: what handlers that ask the store have in common. One call, one thread. */
#pragma once
#include "api/api.h"
#include "query/line.h"

/* The request's JSON, freed with the call's answer by the caller; NULL and 400 answered when it is none. */
json_t *answer_body(struct http_call *c);
/* A user, or 401 answered: every handler's first line. */
bool answer_user(struct http_call *c);
/* Gives up when the client is gone. */
struct query_asker answer_asker(struct http_call *c);
/* True when the cache had the answer, and it was given. The key is method, path and body. */
bool answer_cached(struct http_call *c);
/* Answers 200 with the JSON (taken) and the statement, and keeps both for ttl_ns (0: does not). Frees out->sql. */
void answer_send(struct http_call *c, struct query_answer *out, uint64_t ttl_ns);
/* Answers with the failure; frees out->sql. */
void answer_failed(struct http_call *c, enum query_result r, const struct err *e, struct query_answer *out);
