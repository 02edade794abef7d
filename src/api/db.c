/*
 * Versions of the tables stand in a table of their own; each step is taken in a transaction, under a lock that others wait for.
 * Statements are of one thread at a time, so none may hang: the drivers give a server DB_PATIENCE_S to answer.
 *
 * A connection belongs to whoever holds the lock, and to the keeper's thread while the server is away.
 */
#include "api/db_driver.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_FIRST_S = 1, PAUSE_MAX_S = 16 };

struct db {
    const struct db_ops *ops;
    void *conn;
    char *dsn;
    db_work *prepare;
    void *prepare_arg;
    bool prepared;
    pthread_mutex_t lock;
    uint64_t asked_ns;  /* by db_answers; 0: never */
    struct err trouble; /* what it found, or why the server is away; empty: none */
    atomic_bool away;   /* nobody waits for it but the keeper */
    pthread_t keeper;
    pthread_cond_t news; /* away, stop */
    bool kept, stop;
};

const char *db_next_mark(const char *at)
{
    bool quoted = false;
    for (; *at; at++) {
        if (*at == '\'')
            quoted = !quoted;
        if (*at == '?' && !quoted)
            return at;
    }
    return NULL;
}

static void disconnect(struct db *d)
{
    if (d->conn)
        d->ops->close(d->conn);
    d->conn = NULL;
}

static bool is_lost(const struct db *d)
{
    return !d->conn || d->ops->lost(d->conn);
}

bool db_run_inside(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                   uint64_t *changed, struct err *e)
{
    return d->ops->run(d->conn, sql, params, n, row, arg, changed, e);
}

static bool plain(struct db *d, const char *sql, struct err *e)
{
    return !sql[0] || db_run_inside(d, sql, NULL, 0, NULL, NULL, NULL, e);
}

/* ---- versions */

static void read_number(void *arg, const char *const *values, size_t n)
{
    *(long *)arg = n && values[0] ? atol(values[0]) : 0;
}

static bool take_step(struct db *d, long version, struct err *e)
{
    char number[24], was[24];
    const char *params[] = {number, was};
    snprintf(number, sizeof number, "%ld", version + 1);
    snprintf(was, sizeof was, "%ld", version);
    for (const char *const *sql = d->ops->steps[version]; *sql; sql++)
        if (!plain(d, *sql, e))
            return err_wrap(e, "version %ld", version + 1);
    return db_run_inside(d, "UPDATE weir_schema SET version = ? WHERE version = ?", params, 2, NULL, NULL,
                         NULL, e);
}

static bool steps(struct db *d, struct err *e)
{
    long version = -1;
    if (!plain(d, "CREATE TABLE IF NOT EXISTS weir_schema (version INTEGER NOT NULL)", e) ||
        !db_run_inside(d, "SELECT max(version) FROM weir_schema", NULL, 0, read_number, &version, NULL, e))
        return false;
    uint64_t rows = 0;
    long count = 0;
    if (!db_run_inside(d, "SELECT count(*) FROM weir_schema", NULL, 0, read_number, &count, NULL, e) ||
        (count == 0 &&
         !db_run_inside(d, "INSERT INTO weir_schema (version) VALUES (0)", NULL, 0, NULL, NULL, &rows, e)))
        return false;
    if (version > (long)d->ops->n_steps)
        return err_set(e, "the database is of a newer version of weir (%ld; this one knows %zu)", version,
                       d->ops->n_steps);
    for (; version < (long)d->ops->n_steps; version++) {
        d->prepared = false;
        if (!take_step(d, version, e))
            return false;
    }
    return true;
}

static bool end(struct db *d, bool ok, struct err *e)
{
    struct err ignored;
    if (ok && plain(d, "COMMIT", e))
        return true;
    plain(d, "ROLLBACK", &ignored);
    return false;
}

static bool migrate(struct db *d, struct err *e)
{
    struct err ignored;
    if (!plain(d, d->ops->lock, e))
        return false;
    bool ok = plain(d, d->ops->begin, e) && end(d, steps(d, e), e);
    plain(d, d->ops->unlock, &ignored);
    return ok;
}

/* ---- connections */

static const struct db_ops *const all[] = {
    [DB_SQLITE] = &db_sqlite, [DB_MYSQL] = &db_mysql, [DB_POSTGRESQL] = &db_postgresql};

bool db_dsn_check(enum db_driver driver, const char *dsn, struct err *e)
{
    return !all[driver]->dsn_check || all[driver]->dsn_check(dsn, e);
}

static bool be_prepared(struct db *d, struct err *e)
{
    if (!d->prepared)
        d->prepared = plain(d, d->ops->begin, e) && end(d, d->prepare(d, d->prepare_arg, e), e);
    return d->prepared;
}

/* A new connection, with all that statements expect to find. */
static bool connect(struct db *d, struct err *e)
{
    disconnect(d);
    d->conn = d->ops->open(d->dsn, e);
    return d->conn && migrate(d, e) && be_prepared(d, e);
}

/* The same; a server that answers, but has no tables for us, counts as away. */
static bool reconnect(struct db *d, struct err *e)
{
    if (connect(d, e))
        return true;
    disconnect(d);
    return false;
}

static void go_away(struct db *d, const struct err *why)
{
    disconnect(d);
    d->away = true;
    d->trouble = *why;
    log_warn("database", "it is away; what users keep cannot be had until it is back", "driver", d->ops->name,
             "reason", why->msg, NULL);
    pthread_cond_signal(&d->news);
}

static void come_back(struct db *d)
{
    d->away = false;
    d->trouble.msg[0] = '\0';
    d->asked_ns = clock_mono_ns();
    log_info("database", "it answers again", "driver", d->ops->name, NULL);
}

/* Returns with the lock held, after seconds or when all ends. */
static void rest(struct db *d, unsigned seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    while (!d->stop && pthread_cond_timedwait(&d->news, &d->lock, &until) == 0)
        ;
}

/* Tries without the lock, so that those who ask hear at once that it is away. */
static bool try_again(struct db *d)
{
    struct err why;
    pthread_mutex_unlock(&d->lock);
    bool ok = reconnect(d, &why);
    pthread_mutex_lock(&d->lock);
    if (ok)
        come_back(d);
    else
        d->trouble = why;
    return ok;
}

static void *keeper(void *arg)
{
    struct db *d = arg;
    pthread_mutex_lock(&d->lock);
    for (unsigned pause = PAUSE_FIRST_S; !d->stop;) {
        if (!d->away) {
            pause = PAUSE_FIRST_S;
            pthread_cond_wait(&d->news, &d->lock);
            continue;
        }
        rest(d, pause);
        if (!d->stop && !try_again(d))
            pause = pause < PAUSE_MAX_S ? 2 * pause : pause;
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static struct db *db_new(enum db_driver driver, const char *dsn, db_work *prepare, void *arg)
{
    struct db *d = xcalloc(1, sizeof *d);
    pthread_condattr_t attr;
    d->ops = all[driver];
    d->dsn = xstrdup(dsn);
    d->prepare = prepare;
    d->prepare_arg = arg;
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->news, &attr);
    pthread_condattr_destroy(&attr);
    return d;
}

/* False: it cannot be used, now or later. */
static bool open_or_wait(struct db *d, struct err *e)
{
    bool is_server = d->ops->dsn_check;
    if (is_server && !d->ops->dsn_check(d->dsn, e))
        return false;
    if (!connect(d, e)) {
        if (!is_server || !is_lost(d))
            return false;
        go_away(d, e);
    }
    d->kept = is_server && thread_start(&d->keeper, keeper, d, "database");
    return d->kept || !is_server || err_set(e, "cannot make a thread");
}

struct db *db_open(enum db_driver driver, const char *dsn, db_work *prepare, void *arg, struct err *e)
{
    struct db *d = db_new(driver, dsn, prepare, arg);
    if (open_or_wait(d, e))
        return d;
    err_wrap(e, "console.database (%s)", d->ops->name);
    db_close(d);
    return NULL;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->news);
    pthread_mutex_unlock(&d->lock);
    if (d->kept)
        pthread_join(d->keeper, NULL);
    disconnect(d);
    pthread_cond_destroy(&d->news);
    pthread_mutex_destroy(&d->lock);
    free(d->dsn);
    free(d);
}

/* ---- statements */

/* False, unlocked and with the reason when the server is away. */
static bool start(struct db *d, struct err *e)
{
    pthread_mutex_lock(&d->lock);
    if (!d->away)
        return true;
    *e = d->trouble;
    pthread_mutex_unlock(&d->lock);
    return false;
}

static bool finish(struct db *d, const char *what, bool ok, const struct err *e)
{
    if (!ok && is_lost(d))
        go_away(d, e);
    else if (!ok)
        log_error("database", what, "driver", d->ops->name, "error", e->msg, NULL);
    pthread_mutex_unlock(&d->lock);
    return ok;
}

bool db_run(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
            uint64_t *changed, struct err *e)
{
    if (!start(d, e))
        return false;
    bool ok = db_run_inside(d, sql, params, n, row, arg, changed, e);
    if (!ok && is_lost(d))
        ok = reconnect(d, e) && db_run_inside(d, sql, params, n, row, arg, changed, e);
    return finish(d, "a statement failed", ok, e);
}

bool db_transaction(struct db *d, db_work *fn, void *arg, struct err *e)
{
    if (!start(d, e))
        return false;
    bool ok = plain(d, d->ops->begin, e);
    if (!ok && is_lost(d))
        ok = reconnect(d, e) && plain(d, d->ops->begin, e);
    ok = ok && end(d, fn(d, arg, e), e);
    return finish(d, "a transaction failed", ok, e);
}

const char *db_name(const struct db *d)
{
    return d->ops->name;
}

bool db_is_away(const struct db *d)
{
    return d->away;
}

static void ask(struct db *d)
{
    struct err why;
    bool ok = plain(d, "SELECT 1", &why);
    if (!ok && is_lost(d)) /* it was away, and may be back */
        ok = reconnect(d, &why);
    d->asked_ns = clock_mono_ns();
    if (ok)
        d->trouble.msg[0] = '\0';
    else if (is_lost(d))
        go_away(d, &why);
    else
        d->trouble = why;
}

bool db_answers(struct db *d, struct err *e)
{
    if (pthread_mutex_trylock(&d->lock) != 0) /* a statement is under way, and will tell if it fails */
        return true;
    if (!d->away && (!d->asked_ns || clock_mono_ns() - d->asked_ns > UINT64_C(10000000000)))
        ask(d);
    *e = d->trouble;
    pthread_mutex_unlock(&d->lock);
    return !e->msg[0];
}
