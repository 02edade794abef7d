/*
 * pool: connections to the store for the console's questions.
 *
 * Any thread may ask; at most `max-open-conns` questions run at once, others wait their turn. A question is given up, and
 * killed in the store, when whoever asked is gone.
 */
#pragma once
#include "store/ch.h"

struct query_pool;

/* Who asked, and whether that one is still there; polled while the store works. */
struct query_asker {
    bool (*gone)(void *arg);
    void *arg;
};

enum query_result {
    QUERY_OK,
    QUERY_GONE,  /* the asker is */
    QUERY_AWAY,  /* the store does not answer */
    QUERY_BUSY,  /* too many questions, or the store refuses for now */
    QUERY_FAILED /* the store says no; the message says why */
};

struct query_pool *query_pool_new(const struct ch_conf *conf);
/* No question may be running. */
void query_pool_free(struct query_pool *p);
/* One statement; its answer is appended to `out`. `asker` may be NULL. timeout_ns 0: a minute. */
enum query_result query_pool_ask(struct query_pool *p, const struct query_asker *asker, const char *sql,
                                 uint64_t timeout_ns, struct buf *out, struct err *e);
/* True with a reason when the store did not answer the last time, or does not now (asked when there was no question lately). */
bool query_pool_trouble(struct query_pool *p, char *reason, size_t room);
