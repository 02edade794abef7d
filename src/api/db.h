/*
 * db: a small relational database for what users keep: SQLite, PostgreSQL (libpq) or MySQL and MariaDB (libmariadb).
 *
 * Statements have ? for parameters, which are texts; values of rows are texts too (NULL: NULL). Any thread; a lock inside, so a
 * statement waits for the one before. A connection that was lost is made anew, once for each statement outside a transaction.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum db_driver { DB_SQLITE, DB_MYSQL, DB_POSTGRESQL };

struct db;

/*
 * dsn: a file for SQLite; "host=... user=... password=... dbname=..." or postgresql://...; and
 * "user:password@tcp(127.0.0.1:3306)/name" or "user:password@unix(/socket)/name". The tables are made or brought up to date.
 */
struct db *db_open(enum db_driver driver, const char *dsn, struct err *e);
void db_close(struct db *d);

/* Whether it answers; asked when that was ten seconds ago, and not while a statement runs. "sqlite" and so on in *driver. */
bool db_answers(struct db *d, const char **driver, struct err *e);

typedef void db_row(void *arg, const char *const *values, size_t n);
/* row and changed (rows changed by the statement) may be NULL. */
bool db_run(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
            uint64_t *changed, struct err *e);
/* fn's statements as one transaction, undone when it returns false. fn uses db_run_inside. */
bool db_transaction(struct db *d, bool (*fn)(struct db *d, void *arg, struct err *e), void *arg,
                    struct err *e);
bool db_run_inside(struct db *d, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                   uint64_t *changed, struct err *e);
