/*
 * Versions of the tables stand in a table of their own; each step is taken in a transaction, under a lock that others wait for.
 * Statements are of one thread at a time, so none may hang: the drivers give a server DB_PATIENCE_S to answer.
 */
#include "api/db_driver.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct db {
    const struct db_ops *ops;
    void *conn;
    char *dsn;
    pthread_mutex_t lock;
    uint64_t asked_ns;      /* by db_answers; 0: never */
    struct err trouble;     /* what it found; empty: none */
    uint64_t away_until_ns; /* until then nobody waits for it again */
    struct err away;        /* why */
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

static bool connect(struct db *d, struct err *e)
{
    if (d->conn)
        d->ops->close(d->conn);
    d->conn = d->ops->open(d->dsn, e);
    return d->conn;
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
    for (; version < (long)d->ops->n_steps; version++)
        if (!take_step(d, version, e))
            return false;
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

/* ---- statements */

struct db *db_open(enum db_driver driver, const char *dsn, struct err *e)
{
    static const struct db_ops *const all[] = {
        [DB_SQLITE] = &db_sqlite, [DB_MYSQL] = &db_mysql, [DB_POSTGRESQL] = &db_postgresql};
    struct db *d = xcalloc(1, sizeof *d);
    d->ops = all[driver];
    d->dsn = xstrdup(dsn);
    pthread_mutex_init(&d->lock, NULL);
    if (connect(d, e) && migrate(d, e))
        return d;
    err_wrap(e, "console.database (%s)", d->ops->name);
    db_close(d);
    return NULL;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    if (d->conn)
        d->ops->close(d->conn);
    pthread_mutex_destroy(&d->lock);
    free(d->dsn);
    free(d);
}

/* A server that is gone takes seconds to be missed: whoever asks within the next two hears at once what was found out. */
static bool is_away(const struct db *d, struct err *e)
{
    if (clock_mono_ns() >= d->away_until_ns)
        return false;
    *e = d->away;
    return true;
}

static void remember(struct db *d, bool ok, const struct err *e)
{
    const uint64_t pause_ns = UINT64_C(2000000000);
    if (!ok && !d->conn)
        d->away = *e;
    d->away_until_ns = !ok && !d->conn ? clock_mono_ns() + pause_ns : 0;
}

/* True when the statement may be tried (again) on a connection that works. */
static bool revive(struct db *d, struct err *e)
{
    return (d->conn && !d->ops->lost(d->conn)) || connect(d, e);
}

static bool finish(struct db *d, const char *what, bool ok, const struct err *e)
{
    remember(d, ok, e);
    pthread_mutex_unlock(&d->lock);
    if (!ok)
        log_error("database", what, "driver", d->ops->name, "error", e->msg, NULL);
    return ok;
}

/* False, unlocked and with the reason when nobody should try now. */
static bool start(struct db *d, struct err *e)
{
    pthread_mutex_lock(&d->lock);
    if (!is_away(d, e))
        return true;
    pthread_mutex_unlock(&d->lock);
    return false;
}

bool db_run(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
            uint64_t *changed, struct err *e)
{
    if (!start(d, e))
        return false;
    bool ok = revive(d, e) && db_run_inside(d, sql, params, n, row, arg, changed, e);
    if (!ok && d->conn && d->ops->lost(d->conn))
        ok = connect(d, e) && db_run_inside(d, sql, params, n, row, arg, changed, e);
    return finish(d, "a statement failed", ok, e);
}

bool db_transaction(struct db *d, bool (*fn)(struct db *d, void *arg, struct err *e), void *arg,
                    struct err *e)
{
    if (!start(d, e))
        return false;
    bool ok = revive(d, e);
    if (ok && !plain(d, d->ops->begin, e))
        ok = connect(d, e) && plain(d, d->ops->begin, e);
    ok = ok && end(d, fn(d, arg, e), e);
    return finish(d, "a transaction failed", ok, e);
}

bool db_answers(struct db *d, const char **driver, struct err *e)
{
    *driver = d->ops->name;
    if (pthread_mutex_trylock(&d->lock) != 0) /* a statement is under way, and will tell if it fails */
        return true;
    uint64_t now = clock_mono_ns();
    if (!d->asked_ns || now - d->asked_ns > UINT64_C(10000000000)) {
        bool ok = revive(d, &d->trouble) && plain(d, "SELECT 1", &d->trouble);
        if (!ok && d->conn && d->ops->lost(d->conn)) /* it was away, and may be back */
            ok = connect(d, &d->trouble) && plain(d, "SELECT 1", &d->trouble);
        remember(d, ok, &d->trouble);
        if (ok)
            d->trouble.msg[0] = '\0';
        d->asked_ns = clock_mono_ns();
    }
    *e = d->trouble;
    pthread_mutex_unlock(&d->lock);
    return !e->msg[0];
}
