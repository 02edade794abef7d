/* A stack of idle clients under a lock; each question carries a random id by which it can be killed. */
#include "query/pool.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { WAIT_S = 20, EXECUTION_S = 60, PROBE_S = 2, LATELY_S = 10 };
#define SECOND_NS UINT64_C(1000000000)

enum { POOL_ASKED, POOL_FAILED, POOL_GONE, POOL_US, POOL_COUNTERS };
static const struct counter_def defs[] = {
    {"console_store_questions_total", "Statements sent to the store.", COUNTER},
    {"console_store_failures_total", "Statements that the store did not answer.", COUNTER},
    {"console_store_abandoned_total", "Statements given up because nobody waited for the answer any more.",
     COUNTER},
    {"console_store_seconds_total", "Time in which the store worked on statements.", COUNTER_US},
};

struct query_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct ch **idle;
    size_t n_idle, n;
    uint64_t salt;
    uint64_t asked;
    struct counters *counters;
    uint64_t heard_ns;  /* when the store answered last, monotonic */
    struct err trouble; /* why it did not; empty when it did */
};

struct query_pool *query_pool_new(const struct ch_conf *conf)
{
    struct query_pool *p = xcalloc(1, sizeof *p);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->freed, &attr);
    pthread_condattr_destroy(&attr);
    p->counters = counters_new(defs, POOL_COUNTERS, "");
    p->n = p->n_idle = conf->max_open_conns ? conf->max_open_conns : 10;
    p->idle = xcalloc(p->n, sizeof *p->idle);
    for (size_t i = 0; i < p->n; i++)
        p->idle[i] = ch_new(conf);
    if (getrandom(&p->salt, sizeof p->salt, 0) != sizeof p->salt)
        p->salt = clock_wall_ns();
    return p;
}

void query_pool_free(struct query_pool *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_idle; i++)
        ch_free(p->idle[i]);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    counters_free(p->counters);
    free(p->idle);
    free(p);
}

static bool is_gone(const struct query_asker *asker)
{
    return asker && asker->gone && asker->gone(asker->arg);
}

/* NULL when no connection came free in time. */
static struct ch *take(struct query_pool *p, uint64_t *number)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&p->lock);
    while (p->n_idle == 0)
        if (pthread_cond_timedwait(&p->freed, &p->lock, &until) == ETIMEDOUT)
            break;
    struct ch *c = p->n_idle ? p->idle[--p->n_idle] : NULL;
    *number = ++p->asked;
    pthread_mutex_unlock(&p->lock);
    return c;
}

static void give(struct query_pool *p, struct ch *c, enum query_result r, const struct err *e)
{
    pthread_mutex_lock(&p->lock);
    if (r == QUERY_AWAY || r == QUERY_BUSY) {
        p->trouble = *e;
    } else if (r != QUERY_GONE) {
        p->heard_ns = clock_mono_ns();
        p->trouble.msg[0] = 0;
    }
    p->idle[p->n_idle++] = c;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

static void kill_query(struct ch *c, const char *id)
{
    char sql[128];
    struct err e;
    snprintf(sql, sizeof sql, "KILL QUERY WHERE query_id = '%s' ASYNC FORMAT Null", id);
    ch_query(c, &(struct ch_query){.sql = sql, .timeout_ns = 2 * SECOND_NS}, NULL, &e);
}

static enum query_result result_of(enum ch_failure f)
{
    switch (f) {
    case CH_OK:
        return QUERY_OK;
    case CH_AWAY:
        return QUERY_AWAY;
    case CH_BUSY:
        return QUERY_BUSY;
    default:
        return QUERY_FAILED;
    }
}

enum query_result query_pool_ask(struct query_pool *p, const struct query_asker *asker, const char *sql,
                                 uint64_t timeout_ns, struct buf *out, struct err *e)
{
    uint64_t number;
    struct ch *c = take(p, &number);
    if (!c) {
        err_set(e, "all %zu connections to the store are in use (max-open-conns)", p->n);
        return QUERY_BUSY;
    }
    char id[64];
    snprintf(id, sizeof id, "weir-console-%016llx-%llu", (unsigned long long)p->salt,
             (unsigned long long)number);
    struct ch_query q = {.sql = sql,
                         .query_id = id,
                         .settings = "max_execution_time=60",
                         .timeout_ns = timeout_ns ? timeout_ns : (EXECUTION_S + 5) * SECOND_NS,
                         .abandon = asker ? asker->gone : NULL,
                         .abandon_arg = asker ? asker->arg : NULL};
    uint64_t began = clock_mono_ns();
    enum query_result r = is_gone(asker) ? QUERY_GONE : result_of(ch_query(c, &q, out, e));
    if (r != QUERY_OK && is_gone(asker)) {
        kill_query(c, id);
        err_set(e, "nobody waits for the answer");
        r = QUERY_GONE;
    }
    counter_add_shared(p->counters, POOL_ASKED, 1);
    counter_add_shared(p->counters, POOL_US, (clock_mono_ns() - began) / 1000);
    if (r != QUERY_OK)
        counter_add_shared(p->counters, r == QUERY_GONE ? POOL_GONE : POOL_FAILED, 1);
    give(p, c, r, e);
    return r;
}

bool query_pool_trouble(struct query_pool *p, char *reason, size_t room)
{
    struct err e = {0};
    struct buf out;
    pthread_mutex_lock(&p->lock);
    bool known = p->heard_ns && clock_mono_ns() - p->heard_ns < LATELY_S * SECOND_NS;
    pthread_mutex_unlock(&p->lock);
    if (!known) {
        buf_init(&out, 0);
        query_pool_ask(p, NULL, "SELECT 1", PROBE_S * SECOND_NS, &out, &e);
        buf_fini(&out);
    }
    pthread_mutex_lock(&p->lock);
    snprintf(reason, room, "%.*s", (int)room - 1, p->trouble.msg);
    pthread_mutex_unlock(&p->lock);
    return reason[0];
}
