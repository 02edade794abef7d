/* Statements are the same for every kind of database; ids come in as text and are checked to be numbers first. */
#include "api/saved.h"
#include "api/api.h"
#include "api/db.h"
#include "base/arena.h"
#include "lang/filter.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_PER_USER = 1000,
    MAX_CONTENT = 65536,
    MAX_DESCRIPTION = 1024,
    MAX_SETTINGS = 100,
    MAX_OWNER = 255,
    MAX_NAME = 64
};
#define SYSTEM_USER "__system"

struct saved {
    struct db *db;
};

static bool insert_configured(struct db *d, void *arg, struct err *e)
{
    const struct console_conf *conf = arg;
    const char *const owner[] = {SYSTEM_USER};
    if (!db_run_inside(d, "DELETE FROM saved_filters WHERE owner = ?", owner, 1, NULL, NULL, NULL, e))
        return false;
    for (size_t i = 0; i < conf->database.saved_filters.n; i++) {
        const struct console_saved_filter *f =
            OPT_ITEM(conf->database.saved_filters, struct console_saved_filter, i);
        const char *const row[] = {SYSTEM_USER, f->description, f->content};
        if (!db_run_inside(
                d, "INSERT INTO saved_filters (owner, shared, description, content) VALUES (?, 1, ?, ?)", row,
                3, NULL, NULL, NULL, e))
            return false;
    }
    return true;
}

struct saved *saved_new(const char *path, const struct console_conf *conf, struct err *e)
{
    const char *dsn = conf->database.dsn;
    bool is_file = conf->database.driver == DB_SQLITE && (!dsn || !dsn[0]);
    struct db *db = db_open((enum db_driver)conf->database.driver, is_file ? path : dsn, insert_configured,
                            (void *)(uintptr_t)conf, e);
    if (!db)
        return NULL;
    struct saved *s = xcalloc(1, sizeof *s);
    s->db = db;
    return s;
}

void saved_free(struct saved *s)
{
    if (!s)
        return;
    db_close(s->db);
    free(s);
}

bool saved_answers(struct saved *s, const char **driver, struct err *e)
{
    *driver = db_name(s->db);
    return db_answers(s->db, e);
}

/* False when answered already: nobody asks, or with a name that no table has room for. */
static bool owner_of(struct http_call *c, const char **login)
{
    struct user u;
    if (!user_get(c, api_of(c)->conf, &u))
        return false;
    *login = u.login;
    if (strlen(u.login) <= MAX_OWNER)
        return true;
    http_reply_error(c, 400, "The login is longer than %d bytes.", MAX_OWNER);
    return false;
}

/* 503: the server is away and is tried again. 500: it answers, or is a file, and did not do what it was told. */
static void failed(struct http_call *c)
{
    const struct db *db = api_of(c)->saved->db;
    if (db_is_away(db))
        http_reply_error(
            c, 503,
            "The database of saved filters and settings (%s) does not answer; all else works without it.",
            db_name(db));
    else
        http_reply_error(c, 500, "The database of saved filters and settings (%s) refused this.",
                         db_name(db));
}

/* ---- filters */

static void list_row(void *arg, const char *const *v, size_t n)
{
    json_t *o = json_pack("{s:I, s:s, s:b, s:s, s:s}", "id", (json_int_t)atoll(v[0]), "user", v[1], "shared",
                          atoi(v[2]), "description", v[3], "content", v[4]);
    if (o)
        json_array_append_new(arg, o);
}

void saved_list(struct http_call *c)
{
    const char *login;
    struct err e;
    if (!owner_of(c, &login))
        return;
    json_t *list = json_array();
    if (db_run(api_of(c)->saved->db,
               "SELECT id, owner, shared, description, content FROM saved_filters WHERE owner = ? OR shared "
               "= 1 ORDER BY description, id",
               &login, 1, list_row, list, NULL, &e))
        http_reply_json(c, 200, json_pack("{s:O}", "filters", list));
    else
        failed(c);
    json_decref(list);
}

static void read_count(void *arg, const char *const *v, size_t n)
{
    *(long *)arg = v[0] ? atol(v[0]) : 0;
}

static bool insert_filter(struct http_call *c, const char *login, const char *description,
                          const char *content, bool shared)
{
    struct db *db = api_of(c)->saved->db;
    const char *const row[] = {login, shared ? "1" : "0", description, content};
    long have = 0;
    struct err e;
    if (!db_run(db, "SELECT count(*) FROM saved_filters WHERE owner = ?", &login, 1, read_count, &have, NULL,
                &e)) {
        failed(c);
        return false;
    }
    if (have >= MAX_PER_USER) {
        http_reply_error(c, 400, "You have %d saved filters already; delete some first.", MAX_PER_USER);
        return false;
    }
    if (db_run(db, "INSERT INTO saved_filters (owner, shared, description, content) VALUES (?, ?, ?, ?)", row,
               4, NULL, NULL, NULL, &e))
        return true;
    failed(c);
    return false;
}

void saved_add(struct http_call *c)
{
    const char *login, *description = NULL, *content = NULL;
    int shared = 0;
    if (!owner_of(c, &login))
        return;
    json_error_t why;
    json_t *in = json_loadb(c->body.p ? c->body.p : "", c->body.len, 0, &why);
    if (!in || json_unpack_ex(in, &why, 0, "{s:s, s:s, s?b}", "description", &description, "content",
                              &content, "shared", &shared) != 0)
        http_reply_error(c, 400, "Not a filter to save: %s.", why.text);
    else if (!description[0] || !content[0] || strlen(description) > MAX_DESCRIPTION ||
             strlen(content) > FILTER_MAX_LEN)
        http_reply_error(c, 400,
                         "A saved filter wants a description (at most %d bytes) and content (at most %d).",
                         MAX_DESCRIPTION, FILTER_MAX_LEN);
    else if (insert_filter(c, login, description, content, shared))
        http_reply(c, 204, "", STR(""));
    json_decref(in);
}

void saved_delete(struct http_call *c)
{
    const char *login, *id = http_param(c, "id");
    uint64_t number, changed = 0;
    struct err e;
    if (!owner_of(c, &login))
        return;
    const char *const params[] = {login, id};
    bool is_id = str_u64(str_from(id), &number) && number <= INT64_MAX;
    if (is_id && !db_run(api_of(c)->saved->db, "DELETE FROM saved_filters WHERE owner = ? AND id = ?", params,
                         2, NULL, NULL, &changed, &e))
        failed(c);
    else if (changed)
        http_reply(c, 204, "", STR(""));
    else
        http_reply_error(c, 404, "You have no such saved filter.");
}

/* ---- settings: JSON values of the page's choosing, by name */

static void setting_row(void *arg, const char *const *v, size_t n)
{
    json_t *value = json_loads(v[1], JSON_DECODE_ANY, NULL);
    if (value)
        json_object_set_new(arg, v[0], value);
}

void saved_settings_list(struct http_call *c)
{
    const char *login;
    struct err e;
    if (!owner_of(c, &login))
        return;
    json_t *all = json_object();
    if (db_run(api_of(c)->saved->db, "SELECT name, value FROM user_settings WHERE owner = ? ORDER BY name",
               &login, 1, setting_row, all, NULL, &e))
        http_reply_json(c, 200, json_pack("{s:O}", "settings", all));
    else
        failed(c);
    json_decref(all);
}

struct setting {
    const char *row[3]; /* owner, name, value; no value: it goes */
    uint64_t had;
    bool full;
};

static bool replace_setting(struct db *d, void *arg, struct err *e)
{
    struct setting *s = arg;
    long have = 0;
    if (!db_run_inside(d, "DELETE FROM user_settings WHERE owner = ? AND name = ?", s->row, 2, NULL, NULL,
                       &s->had, e))
        return false;
    if (!s->row[2])
        return true;
    if (!db_run_inside(d, "SELECT count(*) FROM user_settings WHERE owner = ?", s->row, 1, read_count, &have,
                       NULL, e))
        return false;
    s->full = have >= MAX_SETTINGS;
    return s->full || db_run_inside(d, "INSERT INTO user_settings (owner, name, value) VALUES (?, ?, ?)",
                                    s->row, 3, NULL, NULL, NULL, e);
}

/* Any other name could be kept, but never listed. */
static bool is_utf8(const char *text)
{
    json_t *v = json_string(text);
    json_decref(v);
    return v;
}

void saved_settings_put(struct http_call *c)
{
    struct setting s = {.row = {NULL, http_param(c, "name"), NULL}};
    struct err e;
    json_error_t why;
    if (!owner_of(c, &s.row[0]))
        return;
    json_t *value = json_loadb(c->body.p ? c->body.p : "", c->body.len, JSON_DECODE_ANY, &why);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    s.row[2] = text;
    if (!text || strlen(text) > MAX_CONTENT || strlen(s.row[1]) > MAX_NAME || !is_utf8(s.row[1]))
        http_reply_error(c, 400, "A setting is JSON of at most %d bytes, its name UTF-8 of at most %d.",
                         MAX_CONTENT, MAX_NAME);
    else if (!db_transaction(api_of(c)->saved->db, replace_setting, &s, &e))
        failed(c);
    else if (s.full)
        http_reply_error(c, 400, "You have %d settings already; delete some first.", MAX_SETTINGS);
    else
        http_reply(c, 204, "", STR(""));
    free(text);
    json_decref(value);
}

void saved_settings_delete(struct http_call *c)
{
    struct setting s = {.row = {NULL, http_param(c, "name"), NULL}};
    struct err e;
    if (!owner_of(c, &s.row[0]))
        return;
    if (!db_transaction(api_of(c)->saved->db, replace_setting, &s, &e))
        failed(c);
    else if (s.had)
        http_reply(c, 204, "", STR(""));
    else
        http_reply_error(c, 404, "You have no such setting.");
}
