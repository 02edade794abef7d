/* One table; its version is SQLite's user_version, and each step from one version to the next is a row of `steps`. */
#include "api/saved.h"
#include "api/api.h"
#include "base/arena.h"
#include "base/log.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PER_USER = 1000, MAX_CONTENT = 65536, MAX_DESCRIPTION = 1024 };
#define SYSTEM_USER "__system"

struct saved {
    sqlite3 *db;
    pthread_mutex_t lock;
};

static const char *const steps[] = {
    "CREATE TABLE filters (id INTEGER PRIMARY KEY, user TEXT NOT NULL, shared INTEGER NOT NULL, description "
    "TEXT NOT NULL,"
    " content TEXT NOT NULL); CREATE INDEX filters_user ON filters (user)",
};

static bool run(struct saved *s, const char *sql, struct err *e)
{
    char *why = NULL;
    if (sqlite3_exec(s->db, sql, NULL, NULL, &why) == SQLITE_OK)
        return true;
    err_set(e, "saved filters: %s", why ? why : sqlite3_errmsg(s->db));
    sqlite3_free(why);
    return false;
}

/* Binds texts in order; the caller steps and finalizes. NULL when the statement is wrong or the database broken. */
static sqlite3_stmt *prepare(struct saved *s, const char *sql, const char *const *texts, int n)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK) {
        log_error("saved", "cannot prepare", "error", sqlite3_errmsg(s->db), NULL);
        return NULL;
    }
    for (int i = 0; i < n; i++)
        sqlite3_bind_text(st, i + 1, texts[i], -1, SQLITE_TRANSIENT);
    return st;
}

static bool change(struct saved *s, const char *sql, const char *const *texts, int n)
{
    sqlite3_stmt *st = prepare(s, sql, texts, n);
    bool ok = st && sqlite3_step(st) == SQLITE_DONE;
    sqlite3_finalize(st);
    return ok;
}

static int64_t number(struct saved *s, const char *sql, const char *const *texts, int n)
{
    sqlite3_stmt *st = prepare(s, sql, texts, n);
    int64_t v = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    sqlite3_finalize(st);
    return v;
}

static bool migrate(struct saved *s, struct err *e)
{
    enum { VERSION = sizeof steps / sizeof *steps };
    int64_t have = number(s, "PRAGMA user_version", NULL, 0);
    if (have > VERSION)
        return err_set(e, "saved filters: the database is of a newer version of weir");
    for (int64_t v = have < 0 ? 0 : have; v < VERSION; v++) {
        char sql[512];
        snprintf(sql, sizeof sql, "BEGIN; %s; PRAGMA user_version = %lld; COMMIT", steps[v],
                 (long long)(v + 1));
        if (!run(s, sql, e))
            return false;
    }
    return true;
}

static bool sync_configured(struct saved *s, const struct console_conf *conf, struct err *e)
{
    if (!run(s, "BEGIN; DELETE FROM filters WHERE user = '" SYSTEM_USER "'", e))
        return false;
    for (size_t i = 0; i < conf->database.saved_filters.n; i++) {
        const struct console_saved_filter *f =
            OPT_ITEM(conf->database.saved_filters, struct console_saved_filter, i);
        const char *texts[] = {SYSTEM_USER, f->description, f->content};
        change(s, "INSERT INTO filters (user, shared, description, content) VALUES (?1, 1, ?2, ?3)", texts,
               3);
    }
    return run(s, "COMMIT", e);
}

struct saved *saved_new(const char *path, const struct console_conf *conf, struct err *e)
{
    struct saved *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    bool ok = sqlite3_open(path, &s->db) == SQLITE_OK ||
              err_set(e, "saved filters: cannot open %s: %s", path, sqlite3_errmsg(s->db));
    if (ok)
        sqlite3_busy_timeout(s->db, 2000);
    ok = ok && run(s, "PRAGMA journal_mode = WAL", e) && migrate(s, e) && sync_configured(s, conf, e);
    if (ok)
        return s;
    saved_free(s);
    return NULL;
}

void saved_free(struct saved *s)
{
    if (!s)
        return;
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void saved_list(struct http_call *c)
{
    struct saved *s = api_of(c)->saved;
    struct user u;
    if (!user_get(c, api_of(c)->conf, &u))
        return;
    json_t *list = json_array();
    pthread_mutex_lock(&s->lock);
    sqlite3_stmt *st =
        prepare(s,
                "SELECT id, user, shared, description, content FROM filters WHERE user = ?1 OR shared "
                "ORDER BY description, id",
                &u.login, 1);
    while (st && sqlite3_step(st) == SQLITE_ROW)
        json_array_append_new(list, json_pack("{s:I, s:s, s:b, s:s, s:s}", "id",
                                              (json_int_t)sqlite3_column_int64(st, 0), "user",
                                              sqlite3_column_text(st, 1), "shared", sqlite3_column_int(st, 2),
                                              "description", sqlite3_column_text(st, 3), "content",
                                              sqlite3_column_text(st, 4)));
    sqlite3_finalize(st);
    pthread_mutex_unlock(&s->lock);
    http_reply_json(c, 200, json_pack("{s:o}", "filters", list));
}

void saved_add(struct http_call *c)
{
    struct saved *s = api_of(c)->saved;
    struct user u;
    const char *description = NULL, *content = NULL;
    int shared = 0;
    if (!user_get(c, api_of(c)->conf, &u))
        return;
    json_error_t why;
    json_t *in = json_loadb(c->body.p, c->body.len, 0, &why);
    if (!in || json_unpack_ex(in, &why, 0, "{s:s, s:s, s?b}", "description", &description, "content",
                              &content, "shared", &shared) != 0) {
        http_reply_error(c, 400, "Not a filter to save: %s.", why.text);
    } else if (!description[0] || !content[0] || strlen(description) > MAX_DESCRIPTION ||
               strlen(content) > MAX_CONTENT) {
        http_reply_error(c, 400,
                         "A saved filter wants a description (at most %d bytes) and content (at most %d).",
                         MAX_DESCRIPTION, MAX_CONTENT);
    } else {
        const char *texts[] = {u.login, shared ? "1" : "0", description, content};
        pthread_mutex_lock(&s->lock);
        bool full = number(s, "SELECT count(*) FROM filters WHERE user = ?1", &u.login, 1) >= MAX_PER_USER;
        bool ok = !full && change(s,
                                  "INSERT INTO filters (user, shared, description, content) VALUES (?1, "
                                  "CAST(?2 AS INTEGER), ?3, ?4)",
                                  texts, 4);
        pthread_mutex_unlock(&s->lock);
        if (ok)
            http_reply(c, 204, "", STR(""));
        else if (full)
            http_reply_error(c, 400, "You have %d saved filters already; delete some first.", MAX_PER_USER);
        else
            http_reply_error(c, 500, "Unable to save the filter: the database does not take it.");
    }
    json_decref(in);
}

void saved_delete(struct http_call *c)
{
    struct saved *s = api_of(c)->saved;
    struct user u;
    if (!user_get(c, api_of(c)->conf, &u))
        return;
    const char *texts[] = {u.login, http_param(c, "id")};
    pthread_mutex_lock(&s->lock);
    bool ok = change(s, "DELETE FROM filters WHERE user = ?1 AND id = CAST(?2 AS INTEGER)", texts, 2) &&
              sqlite3_changes(s->db) > 0;
    pthread_mutex_unlock(&s->lock);
    if (ok)
        http_reply(c, 204, "", STR(""));
    else
        http_reply_error(c, 404, "You have no such saved filter.");
}
