/* answer: what handlers that ask the store have in common. One call, one thread. */
#pragma once
#include "api/api.h"
#include "query/line.h"

/* The request's JSON, freed with the call's answer by the caller; NULL and 400 answered when it is none. */
json_t *answer_body(struct http_call *c);
/* A user, or 401 answered: every handler's first line. */
bool answer_user(struct http_call *c);
/* Gives up when the client is gone; adds up what the question costs, for answer_send. */
struct query_asker answer_asker(struct http_call *c);
/*
 * True when the cache had the answer, and it was given. The key is method, path and body. Otherwise one of the functions below
 * must be called, as others may wait for this answer.
 */
bool answer_cached(struct http_call *c);
/* The same by a key of the caller's (its arena's) and with another type of content. */
bool answer_cached_as(struct http_call *c, const char *key, const char *type);
/* How long the answer of a chart is good: one of the past does not change any more. */
uint64_t answer_life(const struct api *api, const json_t *answer, uint32_t end, uint32_t now);
/*
 * Answers 200 with the JSON (taken) and the statement, and keeps both for ttl_ns. Frees out->sql. An answer that names
 * its table gets rows-read, bytes-read, time-ms and sql.
 */
void answer_send(struct http_call *c, struct query_answer *out, uint64_t ttl_ns);
/* Answers with the failure; frees out->sql. */
void answer_failed(struct http_call *c, enum query_result r, const struct err *e, struct query_answer *out);
/* Answers 400. */
void answer_refused(struct http_call *c, const struct err *e);

/*
 * The same in parts, for answers that are streamed: the text (the JSON is taken; the caller frees the text), keeping it for those who
 * ask the same, no answer for them, and the failure's status and words.
 */
char *answer_text(struct http_call *c, struct query_answer *out);
/* rows-read, bytes-read, time-ms and sql into the answer. */
void answer_cost(struct http_call *c, struct query_answer *out);
void answer_keep(struct http_call *c, const char *text, struct str sql, uint64_t ttl_ns);
void answer_release(struct http_call *c);
int answer_failure(struct http_call *c, enum query_result r, const struct err *e, struct buf *message);
