/* SQLite: a file in the data directory. */
#include "api/db_driver.h"
#include <sqlite3.h>

static const char *const first[] = {"CREATE TABLE saved_filters (id INTEGER PRIMARY KEY AUTOINCREMENT, owner "
                                    "TEXT NOT NULL, shared INTEGER NOT NULL, "
                                    "description TEXT NOT NULL, content TEXT NOT NULL)",
                                    "CREATE INDEX saved_filters_owner ON saved_filters (owner)",
                                    /* what the first versions of weir had */
                                    "CREATE TABLE IF NOT EXISTS filters (id INTEGER PRIMARY KEY, user TEXT, "
                                    "shared INTEGER, description TEXT, content TEXT)",
                                    "INSERT INTO saved_filters (id, owner, shared, description, content) "
                                    "SELECT id, user, shared, description, content FROM filters",
                                    "DROP TABLE filters",
                                    "CREATE TABLE user_settings (owner TEXT NOT NULL, name TEXT NOT NULL, "
                                    "value TEXT NOT NULL, PRIMARY KEY (owner, name))",
                                    NULL};
static const char *const *const steps[] = {first};

static void say_why(sqlite3 *db, const char *dsn, struct err *e)
{
    int code = sqlite3_errcode(db);
    bool access = code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
    err_set(e, "cannot use %s: %s%s", dsn, sqlite3_errmsg(db),
            access ? " (its folder must be there, and be writable like the file)" : "");
}

static void *open_file(const char *dsn, struct err *e)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(dsn, &db) != SQLITE_OK) {
        say_why(db, dsn, e);
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) != SQLITE_OK) {
        say_why(db, dsn, e);
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

static void close_file(void *conn)
{
    sqlite3_close(conn);
}

static bool lost(void *conn)
{
    return false;
}

enum { COLUMNS_MAX = 16 };

static bool run(void *conn, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                uint64_t *changed, struct err *e)
{
    sqlite3 *db = conn;
    sqlite3_stmt *st = NULL;
    const char *values[COLUMNS_MAX];
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++)
        sqlite3_bind_text(st, (int)i + 1, params[i], -1, SQLITE_TRANSIENT);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        size_t columns = rc == SQLITE_ROW && row ? (size_t)sqlite3_column_count(st) : 0;
        columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
        for (size_t i = 0; i < columns; i++)
            values[i] = (const char *)sqlite3_column_text(st, (int)i);
        if (columns)
            row(arg, values, columns);
    }
    if (rc != SQLITE_DONE)
        err_set(e, "%s", sqlite3_errmsg(db));
    if (changed)
        *changed = (uint64_t)sqlite3_changes64(db);
    sqlite3_finalize(st);
    return rc == SQLITE_DONE;
}

const struct db_ops db_sqlite = {.name = "sqlite",
                                 .open = open_file,
                                 .close = close_file,
                                 .run = run,
                                 .lost = lost,
                                 .begin = "BEGIN IMMEDIATE",
                                 .lock = "",
                                 .unlock = "",
                                 .steps = steps,
                                 .n_steps = 1};
