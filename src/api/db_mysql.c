/* MySQL and MariaDB by libmariadb; prepared statements with all values as texts. */
#include "api/db_driver.h"
#include "api/mysql_dsn.h"

#if __has_include(<mariadb/mysql.h>)
#include <mariadb/mysql.h>

static const char *const first[] = {"CREATE TABLE saved_filters (id BIGINT PRIMARY KEY AUTO_INCREMENT, owner "
                                    "VARCHAR(255) NOT NULL, shared SMALLINT NOT NULL, "
                                    "description TEXT NOT NULL, content MEDIUMTEXT NOT NULL, INDEX "
                                    "saved_filters_owner (owner)) CHARACTER SET utf8mb4 "
                                    "COLLATE utf8mb4_bin",
                                    "CREATE TABLE user_settings (owner VARCHAR(255) NOT NULL, name "
                                    "VARCHAR(64) NOT NULL, value MEDIUMTEXT NOT NULL, "
                                    "PRIMARY KEY (owner, name)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                                    NULL};
static const char *const *const steps[] = {first};

static bool check(const char *dsn, struct err *e)
{
    struct arena a;
    struct mysql_dsn ignored;
    arena_init(&a);
    bool ok = mysql_dsn_parse(&a, dsn, &ignored, e) || err_wrap(e, "dsn");
    arena_fini(&a);
    return ok;
}

static void *open_connection(const char *dsn, struct err *e)
{
    struct arena a;
    struct mysql_dsn to;
    unsigned seconds = DB_PATIENCE_S;
    arena_init(&a);
    MYSQL *conn = NULL;
    if (mysql_dsn_parse(&a, dsn, &to, e) && (conn = mysql_init(NULL))) {
        mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
        mysql_options(conn, MYSQL_OPT_READ_TIMEOUT, &seconds);
        mysql_options(conn, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
        mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
        if (!mysql_real_connect(conn, to.host, to.user, to.password, to.database, to.port, to.socket, 0)) {
            err_set(e, "%s", mysql_error(conn));
            mysql_close(conn);
            conn = NULL;
        }
    }
    arena_fini(&a);
    return conn;
}

static void close_connection(void *conn)
{
    mysql_close(conn);
}

static bool lost(void *conn)
{
    return mysql_ping(conn) != 0;
}

enum { COLUMNS_MAX = 16, PARAMS_MAX = 16 };

static bool failed(MYSQL_STMT *st, struct err *e)
{
    err_set(e, "%s", mysql_stmt_error(st));
    mysql_stmt_close(st);
    return false;
}

/* Lengths first, then each value into a buffer that fits. */
static bool fetch(MYSQL_STMT *st, db_row *row, void *arg)
{
    MYSQL_BIND out[COLUMNS_MAX] = {0};
    unsigned long lengths[COLUMNS_MAX] = {0};
    my_bool nulls[COLUMNS_MAX] = {0};
    unsigned n = mysql_stmt_field_count(st);
    n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    for (unsigned i = 0; i < n; i++)
        out[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING, .length = &lengths[i], .is_null = &nulls[i]};
    if (mysql_stmt_bind_result(st, out) || mysql_stmt_store_result(st))
        return false;
    for (int rc; (rc = mysql_stmt_fetch(st)) == 0 || rc == MYSQL_DATA_TRUNCATED;) {
        struct arena a;
        const char *values[COLUMNS_MAX];
        arena_init(&a);
        for (unsigned i = 0; i < n; i++) {
            values[i] = NULL;
            if (nulls[i])
                continue;
            char *text = arena_alloc(&a, lengths[i] + 1);
            MYSQL_BIND one = {.buffer_type = MYSQL_TYPE_STRING,
                              .buffer = text,
                              .buffer_length = lengths[i],
                              .length = &lengths[i],
                              .is_null = &nulls[i]};
            if (lengths[i] == 0 || mysql_stmt_fetch_column(st, &one, i, 0) == 0)
                values[i] = text;
        }
        row(arg, values, n);
        arena_fini(&a);
    }
    return mysql_stmt_errno(st) == 0;
}

static bool run(void *conn, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                uint64_t *changed, struct err *e)
{
    MYSQL_BIND in[PARAMS_MAX] = {0};
    MYSQL_STMT *st = mysql_stmt_init(conn);
    if (!st)
        return err_set(e, "%s", mysql_error(conn));
    for (size_t i = 0; i < n && i < PARAMS_MAX; i++)
        in[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                             .buffer = (void *)(uintptr_t)params[i],
                             .buffer_length = strlen(params[i])};
    if (mysql_stmt_prepare(st, sql, strlen(sql)) || mysql_stmt_param_count(st) != n ||
        (n && mysql_stmt_bind_param(st, in)) || mysql_stmt_execute(st))
        return failed(st, e);
    if (row && mysql_stmt_field_count(st) && !fetch(st, row, arg))
        return failed(st, e);
    if (changed)
        *changed = mysql_stmt_affected_rows(st);
    mysql_stmt_close(st);
    return true;
}

const struct db_ops db_mysql = {.name = "mysql",
                                .dsn_check = check,
                                .open = open_connection,
                                .close = close_connection,
                                .run = run,
                                .lost = lost,
                                .begin = "START TRANSACTION",
                                .lock = "DO GET_LOCK('weir', 4)",
                                .unlock = "DO RELEASE_LOCK('weir')",
                                .steps = steps,
                                .n_steps = 1};

#else

static bool check(const char *dsn, struct err *e)
{
    return err_set(e, "driver: this program was built without libmariadb");
}

const struct db_ops db_mysql = {.name = "mysql", .dsn_check = check};
#endif
