/* db_driver: what a kind of database has to offer to db.c. One thread at a time. */
#pragma once
#include "api/db.h"

/* How long a connection may take to be made, and a statement to be answered; the connection is lost then. */
enum { DB_PATIENCE_S = 5 };

struct db_ops {
    const char *name;
    bool (*dsn_check)(const char *dsn, struct err *e); /* NULL: a file, which is never away */
    /* Connection, or NULL with a reason. */
    void *(*open)(const char *dsn, struct err *e);
    void (*close)(void *conn);
    bool (*run)(void *conn, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                uint64_t *changed, struct err *e);
    bool (*lost)(void *conn);          /* the connection is of no use any more */
    const char *begin, *lock, *unlock; /* lock: others who migrate wait; "" where begin does that */
    /* Steps from one version of the tables to the next; statements of one step stand behind one another, NULL-terminated. */
    const char *const *const *steps;
    size_t n_steps;
};

extern const struct db_ops db_sqlite, db_mysql, db_postgresql;

/* The n-th ? of a statement outside of quotes, for those that want other marks; NULL when there is none. */
const char *db_next_mark(const char *at);
