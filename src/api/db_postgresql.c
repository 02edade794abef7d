/* PostgreSQL by libpq; parameters and values in text form. */
#include "api/db_driver.h"
#include "base/buf.h"
#include "base/clock.h"

#if __has_include(<postgresql/libpq-fe.h>)
#include <errno.h>
#include <poll.h>
#include <postgresql/libpq-fe.h>
#include <stdlib.h>
#include <sys/socket.h>

static const char *const first[] = {"CREATE TABLE saved_filters (id BIGSERIAL PRIMARY KEY, owner "
                                    "VARCHAR(255) NOT NULL, shared SMALLINT NOT NULL, "
                                    "description TEXT NOT NULL, content TEXT NOT NULL)",
                                    "CREATE INDEX saved_filters_owner ON saved_filters (owner)",
                                    "CREATE TABLE user_settings (owner VARCHAR(255) NOT NULL, name "
                                    "VARCHAR(64) NOT NULL, value TEXT NOT NULL, "
                                    "PRIMARY KEY (owner, name))",
                                    NULL};
static const char *const *const steps[] = {first};

static void be_silent(void *arg, const char *message)
{
}

static bool check(const char *dsn, struct err *e)
{
    char *why = NULL; /* it quotes words of the text, and one may be of the password */
    PQconninfoOption *parts = PQconninfoParse(dsn, &why);
    bool ok = parts;
    PQconninfoFree(parts);
    PQfreemem(why);
    return ok ||
           err_set(e, "dsn: expected \"host=... user=... password=... dbname=...\" or \"postgresql://...\"");
}

static void *open_connection(const char *dsn, struct err *e)
{
    const char *keys[] = {"connect_timeout", "application_name", "dbname", NULL};
    const char *values[] = {"5", "weir", dsn, NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(conn) != CONNECTION_OK) {
        struct str why = str_trim(str_from(PQerrorMessage(conn)));
        err_set(e, "%.*s", STR_ARG(why));
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeProcessor(conn, be_silent, NULL);
    return conn;
}

static void close_connection(void *conn)
{
    PQfinish(conn);
}

static bool lost(void *conn)
{
    return PQstatus(conn) != CONNECTION_OK;
}

/* ? becomes $1, $2... */
static void number_marks(struct buf *out, const char *sql)
{
    unsigned n = 0;
    for (const char *mark; (mark = db_next_mark(sql)); sql = mark + 1) {
        buf_add(out, sql, (size_t)(mark - sql));
        buf_printf(out, "$%u", ++n);
    }
    buf_z(out, sql);
    buf_u8(out, 0);
}

/* Until the next result can be had without waiting; false when the server takes too long. */
static bool wait_result(PGconn *conn, uint64_t until_ns)
{
    while (PQisBusy(conn)) {
        uint64_t now = clock_mono_ns();
        struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
        if (now >= until_ns || (poll(&p, 1, (int)((until_ns - now) / 1000000) + 1) < 0 && errno != EINTR))
            return false;
        if (p.revents && !PQconsumeInput(conn))
            return true; /* lost: the result says so */
    }
    return true;
}

/* PQexecParams(), but for a server that is silent: its connection is cut, and so known to be lost. NULL then. */
static PGresult *exec_params(PGconn *conn, const char *sql, size_t n, const char *const *params)
{
    uint64_t until = clock_mono_ns() + DB_PATIENCE_S * UINT64_C(1000000000);
    PGresult *result = NULL;
    if (!PQsendQueryParams(conn, sql, (int)n, NULL, params, NULL, NULL, 0))
        return NULL;
    while (wait_result(conn, until)) {
        PGresult *next = PQgetResult(conn);
        if (!next)
            return result;
        PQclear(result);
        result = next;
    }
    shutdown(PQsocket(conn), SHUT_RDWR);
    PQconsumeInput(conn);
    PQclear(result);
    return NULL;
}

enum { COLUMNS_MAX = 16 };

static bool run(void *conn, const char *sql, const char *const *params, size_t n, db_row *row, void *arg,
                uint64_t *changed, struct err *e)
{
    struct buf text;
    const char *values[COLUMNS_MAX];
    buf_init(&text, 0);
    number_marks(&text, sql);
    PGresult *r = exec_params(conn, (char *)text.p, n, params);
    ExecStatusType status = PQresultStatus(r);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    int columns = PQnfields(r) < COLUMNS_MAX ? PQnfields(r) : COLUMNS_MAX;
    for (int i = 0; ok && row && i < PQntuples(r); i++) {
        for (int k = 0; k < columns; k++)
            values[k] = PQgetisnull(r, i, k) ? NULL : PQgetvalue(r, i, k);
        row(arg, values, (size_t)columns);
    }
    if (changed)
        *changed = strtoull(PQcmdTuples(r), NULL, 10);
    struct str why = str_trim(str_from(PQerrorMessage(conn)));
    if (!ok)
        err_set(e, "%.*s", STR_ARG(why));
    PQclear(r);
    buf_fini(&text);
    return ok;
}

const struct db_ops db_postgresql = {.name = "postgresql",
                                     .dsn_check = check,
                                     .open = open_connection,
                                     .close = close_connection,
                                     .run = run,
                                     .lost = lost,
                                     .begin = "BEGIN",
                                     .lock = "SELECT pg_advisory_lock(82719346)",
                                     .unlock = "SELECT pg_advisory_unlock(82719346)",
                                     .steps = steps,
                                     .n_steps = 1};

#else

static bool check(const char *dsn, struct err *e)
{
    return err_set(e, "driver: this program was built without libpq");
}

const struct db_ops db_postgresql = {.name = "postgresql", .dsn_check = check};
#endif
