/*
 * db: a small relational database for what users keep: SQLite, PostgreSQL (libpq) or MySQL and MariaDB (libmariadb).
 *
 * Statements have ? for parameters, which are texts; values of rows are texts too (NULL: NULL). Any thread; a lock inside, so a
 * statement waits for the one before. A connection that was lost is made anew, once for each statement outside a transaction.
 * A server that does not answer is away: a thread tries again, less and less often, and everybody else hears at once.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum db_driver { DB_SQLITE, DB_MYSQL, DB_POSTGRESQL };

struct db;

/* Statements of one transaction; false undoes it. Of db_run_inside only. */
typedef bool db_work(struct db *d, void *arg, struct err *e);

/* Whether dsn (see db_open) has the right form; nothing is asked. Reasons do not quote it: it has a password. */
bool db_dsn_check(enum db_driver driver, const char *dsn, struct err *e);

/*
 * dsn: a file for SQLite; "host=... user=... password=... dbname=..." or postgresql://...; and
 * "user:password@tcp(127.0.0.1:3306)/name" or "user:password@unix(/socket)/name".
 *
 * The tables are made or brought up to date, then prepare(arg) fills in what belongs in them; both happen later when a server is
 * away, and again when it comes back with none of our tables. Fails for a file that cannot be used, a dsn of no form, a server
 * that answers but refuses the tables.
 */
struct db *db_open(enum db_driver driver, const char *dsn, db_work *prepare, void *arg, struct err *e);
void db_close(struct db *d);

const char *db_name(const struct db *d); /* "sqlite" and so on */
/* Whether the last that was tried found a server that does not answer. */
bool db_is_away(const struct db *d);
/* Whether it answers; asked when that was ten seconds ago, and not while a statement runs. */
bool db_answers(struct db *d, struct err *e);

typedef void db_row(void *arg, const char *const *values, size_t n);
/* row and changed (rows changed by the statement) may be NULL. */
bool db_run(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
            uint64_t *changed, struct err *e);
bool db_transaction(struct db *d, db_work *fn, void *arg, struct err *e);
bool db_run_inside(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                   uint64_t *changed, struct err *e);
