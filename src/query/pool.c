/* Idle clients under a lock, and a list of those who wait for one; each question carries a random id by which it can be killed. */
#include "query/pool.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

enum { WAIT_S = 20, EXECUTION_S = 60, PROBE_S = 2, LATELY_S = 10 };
#define SECOND_NS UINT64_C(1000000000)

enum { POOL_ASKED, POOL_FAILED, POOL_GONE, POOL_BUSY, POOL_US, POOL_ROWS, POOL_COUNTERS };
static const struct counter_def defs[] = {
    {"console_store_questions_total", "Statements sent to the store.", COUNTER},
    {"console_store_failures_total", "Statements that the store did not answer.", COUNTER},
    {"console_store_abandoned_total", "Statements given up because nobody waited for the answer any more.",
     COUNTER},
    {"console_store_busy_total", "Statements refused because no connection came free in time.", COUNTER},
    {"console_store_seconds_total", "Time in which the store worked on statements.", COUNTER_US},
    {"console_store_rows_total", "Rows that the store read for statements.", COUNTER},
};

/* One that waits for a connection, in order of arrival; on the stack of whoever waits. */
struct waiter {
    uint64_t user;
    struct ch *got;
    pthread_cond_t served;
    struct waiter *next;
};

struct query_pool {
    pthread_mutex_t lock;
    pthread_condattr_t monotonic;
    struct waiter *waiting;
    struct ch **idle;
    uint64_t *users; /* of the busy connections, in no order */
    size_t n_idle, n, n_users;
    struct query_pool_limits limits;
    char settings[128];
    uint64_t salt;
    uint64_t asked;
    struct counters *counters;
    uint64_t heard_ns;  /* when the store answered last, monotonic */
    struct err trouble; /* why it did not; empty when it did */
};

static void write_settings(struct query_pool *p)
{
    uint64_t s = p->limits.time_ns / SECOND_NS;
    int n =
        snprintf(p->settings, sizeof p->settings, "max_execution_time=%llu", (unsigned long long)(s ? s : 1));
    if (p->limits.memory)
        snprintf(p->settings + n, sizeof p->settings - (size_t)n, "&max_memory_usage=%llu",
                 (unsigned long long)p->limits.memory);
}

struct query_pool *query_pool_new(const struct ch_conf *conf, const struct query_pool_limits *limits)
{
    struct query_pool *p = xcalloc(1, sizeof *p);
    p->limits = limits ? *limits : (struct query_pool_limits){0};
    if (!p->limits.time_ns)
        p->limits.time_ns = EXECUTION_S * SECOND_NS;
    write_settings(p);
    pthread_condattr_init(&p->monotonic);
    pthread_condattr_setclock(&p->monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    p->counters = counters_new(defs, POOL_COUNTERS, "");
    p->n = p->n_idle = conf->max_open_conns ? conf->max_open_conns : 10;
    p->idle = xcalloc(p->n, sizeof *p->idle);
    p->users = xcalloc(p->n, sizeof *p->users);
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
    pthread_condattr_destroy(&p->monotonic);
    pthread_mutex_destroy(&p->lock);
    counters_free(p->counters);
    free(p->idle);
    free(p->users);
    free(p);
}

static bool is_gone(const struct query_asker *asker)
{
    return asker && asker->gone && asker->gone(asker->arg);
}

/* ---- whose turn it is */

static size_t running(const struct query_pool *p, uint64_t user)
{
    size_t n = 0;
    for (size_t i = 0; user && i < p->n_users; i++)
        n += p->users[i] == user;
    return n;
}

static void unlink_waiter(struct query_pool *p, struct waiter *w)
{
    for (struct waiter **at = &p->waiting; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            return;
        }
}

/* Gives free connections to those who have waited longest among those with the fewest. */
static void serve(struct query_pool *p)
{
    while (p->n_idle) {
        struct waiter *best = NULL;
        size_t fewest = p->limits.per_user ? (size_t)p->limits.per_user : SIZE_MAX;
        for (struct waiter *w = p->waiting; w; w = w->next) {
            size_t has = running(p, w->user);
            if (has < fewest) {
                best = w;
                fewest = has;
            }
        }
        if (!best)
            return;
        unlink_waiter(p, best);
        best->got = p->idle[--p->n_idle];
        p->users[p->n_users++] = best->user;
        pthread_cond_signal(&best->served);
    }
}

static struct timespec in_a_moment(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 200000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static uint64_t number_of(const struct query_asker *asker)
{
    const char *user = asker ? asker->user : NULL;
    return user ? XXH3_64bits(user, strlen(user)) | 1 : 0;
}

/* NULL when no connection came free in time, or the asker is gone. */
static struct ch *take(struct query_pool *p, const struct query_asker *asker, uint64_t *number)
{
    struct waiter w = {.user = number_of(asker)}, **end;
    uint64_t until = clock_mono_ns() + WAIT_S * SECOND_NS;
    pthread_mutex_lock(&p->lock);
    pthread_cond_init(&w.served, &p->monotonic);
    for (end = &p->waiting; *end; end = &(*end)->next)
        ;
    *end = &w;
    serve(p);
    while (!w.got && clock_mono_ns() < until && !is_gone(asker)) {
        struct timespec t = in_a_moment();
        pthread_cond_timedwait(&w.served, &p->lock, &t);
    }
    if (!w.got)
        unlink_waiter(p, &w);
    *number = ++p->asked;
    pthread_mutex_unlock(&p->lock);
    pthread_cond_destroy(&w.served);
    return w.got;
}

static void give(struct query_pool *p, struct ch *c, uint64_t user, enum query_result r, const struct err *e)
{
    pthread_mutex_lock(&p->lock);
    if (r == QUERY_AWAY || r == QUERY_BUSY) {
        p->trouble = *e;
    } else if (r != QUERY_GONE) {
        p->heard_ns = clock_mono_ns();
        p->trouble.msg[0] = 0;
    }
    for (size_t i = 0; i < p->n_users; i++)
        if (p->users[i] == user) {
            p->users[i] = p->users[--p->n_users];
            break;
        }
    p->idle[p->n_idle++] = c;
    serve(p);
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
    struct ch *c = take(p, asker, &number);
    if (!c) {
        counter_add_shared(p->counters, is_gone(asker) ? POOL_GONE : POOL_BUSY, 1);
        err_set(e, "too many questions at once: all connections to the store are in use (max-open-conns, "
                   "query-limits)");
        return is_gone(asker) ? QUERY_GONE : QUERY_BUSY;
    }
    char id[64];
    snprintf(id, sizeof id, "weir-console-%016llx-%llu", (unsigned long long)p->salt,
             (unsigned long long)number);
    struct ch_cost cost = {0};
    struct ch_query q = {.sql = sql,
                         .cost = &cost,
                         .query_id = id,
                         .settings = p->settings,
                         .timeout_ns = timeout_ns ? timeout_ns : p->limits.time_ns + 5 * SECOND_NS,
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
    counter_add_shared(p->counters, POOL_ROWS, cost.rows);
    if (r != QUERY_OK)
        counter_add_shared(p->counters, r == QUERY_GONE ? POOL_GONE : POOL_FAILED, 1);
    if (asker && asker->cost) {
        asker->cost->statements++;
        asker->cost->rows += cost.rows;
        asker->cost->bytes += cost.bytes;
    }
    give(p, c, number_of(asker), r, e);
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
