/*
 * pool: connections to the store for the console's questions.
 *
 * Any thread may ask; at most `max-open-conns` statements run at once, and at most so many of one user. Others wait: the
 * next free connection goes to the user who has the fewest, and among those to whoever has waited longest. A question is
 * given up, and killed in the store, when whoever asked is gone.
 */
#pragma once
#include "store/ch.h"

struct query_pool;

/* What the statements of one question took. */
struct query_cost {
    unsigned statements;
    uint64_t rows, bytes; /* read, as the store says */
};

/* Who asked, and whether that one is still there; polled while the store works. */
struct query_asker {
    bool (*gone)(void *arg);
    void *arg;
    const char *user;        /* whose share it is; NULL: nobody's, goes first */
    struct query_cost *cost; /* added to; NULL: nobody wants to know */
};

enum query_result {
    QUERY_OK,
    QUERY_GONE,  /* the asker is */
    QUERY_AWAY,  /* the store does not answer */
    QUERY_BUSY,  /* too many questions, or the store refuses for now */
    QUERY_FAILED /* the store says no; the message says why */
};

/* Zeros: no limit but the connections and the store's own; a minute. */
struct query_pool_limits {
    uint64_t per_user, time_ns, memory;
};

struct query_pool *query_pool_new(const struct ch_conf *conf, const struct query_pool_limits *limits);
/* No question may be running. */
void query_pool_free(struct query_pool *p);
/* One statement; its answer is appended to `out`. `asker` may be NULL. timeout_ns 0: the limit. */
enum query_result query_pool_ask(struct query_pool *p, const struct query_asker *asker, const char *sql,
                                 uint64_t timeout_ns, struct buf *out, struct err *e);
/* True with a reason when the store did not answer the last time, or does not now (asked when there was no question lately). */
bool query_pool_trouble(struct query_pool *p, char *reason, size_t room);
