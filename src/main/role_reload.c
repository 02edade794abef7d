/*
 * A changed configuration: a role with a file watches the folders of all its files, waits for quiet and reads it whole; a
 * role with a URL asks the configuration service each two seconds, which costs nothing while the ETag stays. What does
 * not load changes nothing. What may change live is given to the role; for the rest it says that a restart is needed.
 */
#include "base/log.h"
#include "main/datadir.h"
#include "main/role_run.h"
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUIET_MS = 500, POLL_MS = 2000, WATCHES_MAX = 64 };

struct role_watch {
    uv_fs_event_t events[WATCHES_MAX];
    const char *dirs[WATCHES_MAX];
    size_t n;
};

/* ---- shared with the start ---- */

struct config *role_config_new(struct role_run *r)
{
    struct config *c = xcalloc(1, sizeof *c);
    if (r->n_kept ==
        sizeof r->kept / sizeof *r->kept) { /* thousands of reloads: those long gone are not pointed into */
        config_fini(r->kept[1]);
        free(r->kept[1]);
        memmove(&r->kept[1], &r->kept[2], (--r->n_kept - 1) * sizeof *r->kept);
    }
    r->kept[r->n_kept++] = c;
    return c;
}

static void config_drop(struct role_run *r)
{
    struct config *c = r->kept[--r->n_kept];
    config_fini(c);
    free(c);
}

static void lines_log(struct str text, enum log_level level, const char *msg)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        char z[1024];
        snprintf(z, sizeof z, "%.*s", STR_ARG(line));
        if (level == LOG_ERROR)
            log_error("config", msg, "what", z, NULL);
        else
            log_info("config", msg, "what", z, NULL);
    }
}

void role_notices_log(const struct config *c)
{
    lines_log(buf_str(&c->report.notices), LOG_INFO, "notice");
}

void role_log_setup(const struct role_run *r, const struct config *c)
{
    const struct config_common *common = config_common(c, r->id, r->section);
    /* `weir run` on a terminal wants to be readable */
    const char *least = getenv("WEIR_LOG");
    enum log_level level = common->reporting.logging.level;
    if (least && strcmp(least, "warn") == 0 && level == LOG_INFO)
        level = LOG_WARN;
    log_setup(r->role->name, level, common->reporting.logging.format == LOG_FORMAT_JSON);
}

static void copy_name(const struct role_run *r, char *name, size_t len)
{
    snprintf(name, len, "config/%s-%zu.yaml", r->role->name, r->source.index);
}

void role_keep_copy(struct role_run *r, struct str text)
{
    struct err e;
    char name[64];
    copy_name(r, name, sizeof name);
    if (!datadir_write(r->ctx.data_dir, name, text, &e))
        log_warn("config", "cannot keep a copy of the configuration", "reason", e.msg, NULL);
}

bool role_read_copy(struct role_run *r, struct buf *out)
{
    struct err e;
    char name[64];
    copy_name(r, name, sizeof name);
    return datadir_read(r->ctx.data_dir, name, out, &e);
}

void role_publish(struct role_run *r)
{
    if (!r->service)
        return;
    struct config_service_entry entries[256];
    struct buf texts[512];
    size_t n = 0;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        for (size_t i = 0; i < config_count(r->current, role) && n < 256; i++, n++) {
            buf_init(&texts[2 * n], 0);
            buf_init(&texts[2 * n + 1], 0);
            config_show(r->current, role, i, SHOW_SECRETS, &texts[2 * n]);
            config_show(r->current, role, i, 0, &texts[2 * n + 1]);
            entries[n] = (struct config_service_entry){config_roles[role].name, i, buf_str(&texts[2 * n]),
                                                       buf_str(&texts[2 * n + 1])};
        }
    config_service_publish(r->service, entries, n);
    for (size_t i = 0; i < 2 * n; i++)
        buf_fini(&texts[i]);
}

/* ---- adopting ---- */

static void said_set(struct role_run *r, char *what, size_t len, struct str text)
{
    pthread_mutex_lock(&r->lock);
    snprintf(what, len, "%.*s", STR_ARG(text));
    pthread_mutex_unlock(&r->lock);
}

static void config_is_bad(struct role_run *r, const struct config *c, const struct err *e)
{
    if (c)
        lines_log(buf_str(&c->report.errors), LOG_ERROR,
                  "error in the configuration; the former one stays in use");
    else
        log_error("config", "cannot take the new configuration; the former one stays in use", "reason",
                  e->msg, NULL);
    said_set(r, r->bad_config, sizeof r->bad_config, str_from(e->msg));
}

/* A loaded, valid configuration takes effect as far as it can. False: the role refused it. */
static bool adopt(struct role_run *r, struct config *c)
{
    struct err e = {""};
    struct opt_change since_start, now;
    opt_change_init(&since_start);
    opt_change_init(&now);
    config_diff(r->started, c, r->id, r->section, &since_start);
    config_diff(r->current, c, r->id, r->section, &now);
    for (unsigned role = 0; r->id == ROLE_ORCHESTRATOR && role < ROLE_COUNT; role++)
        if (config_count(r->started, role) !=
            config_count(c, role)) { /* `weir run` started so many of them */
            buf_printf(&since_start.restart, "%snumber of sections %s", since_start.restart.len ? ", " : "",
                       config_roles[role].name);
            since_start.n_restart++;
            now.n_restart += config_count(r->current, role) != config_count(c, role);
        }
    const void *own = config_own(c, r->id, r->section);
    bool ok = now.n_live == 0 || !r->role->reload || r->role->reload(&r->ctx, own, &e);
    if (!ok) {
        config_is_bad(r, NULL, &e);
    } else {
        if (now.n_live + now.n_restart > 0)
            log_info("config", "new configuration", "taken", LOG_U64(r->role->reload ? now.n_live : 0), NULL);
        if (now.n_restart > 0 && since_start.n_restart > 0) {
            char z[1024];
            snprintf(z, sizeof z, "%.*s", STR_ARG(buf_str(&since_start.restart)));
            log_warn("config", "some changes need a restart", "keys", z, NULL);
        }
        said_set(r, r->restart_for, sizeof r->restart_for, buf_str(&since_start.restart));
        said_set(r, r->bad_config, sizeof r->bad_config, (struct str){"", 0});
        r->current = c;
        r->ctx.conf = own;
        role_log_setup(r, c);
        role_publish(r);
    }
    opt_change_fini(&since_start);
    opt_change_fini(&now);
    return ok;
}

/* ---- files ---- */

static void file_changed(uv_fs_event_t *ev, const char *name, int events, int status);

static void unwatch(struct role_run *r)
{
    for (size_t i = 0; i < r->watch->n; i++)
        uv_fs_event_stop(&r->watch->events[i]);
}

/* Folders of the files that the current configuration was read from; editors replace files, so these are not enough. */
static void watch(struct role_run *r, const struct config *c)
{
    struct role_watch *w = r->watch;
    unwatch(r);
    size_t n = 0;
    for (size_t i = 0; i < c->files.n && n < WATCHES_MAX; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s", c->files.paths[i]);
        const char *dir = arena_strdup(&r->arena, dirname(path));
        bool seen = false;
        for (size_t k = 0; k < n && !seen; k++)
            seen = strcmp(w->dirs[k], dir) == 0;
        if (seen)
            continue;
        if (n == w->n) {
            uv_fs_event_init(&r->loop, &w->events[n]);
            w->events[n].data = r;
            w->n++;
        }
        int rc = uv_fs_event_start(&w->events[n], file_changed, dir, 0);
        if (rc != 0)
            log_warn("config", "cannot watch a folder; changes there need SIGHUP", "folder", dir, "reason",
                     uv_strerror(rc), NULL);
        w->dirs[n++] = dir;
    }
}

static void reload_file(struct role_run *r)
{
    struct err e = {""};
    struct config *c = role_config_new(r);
    bool ok = config_load(c, r->source.path, r->environment, &e);
    if (ok && r->section >= config_count(c, r->id))
        ok = err_set(&e, "section %s has gone from the configuration", r->role->name);
    if (!ok)
        config_is_bad(r, c->report.n_errors ? c : NULL, &e);
    if (ok && r->watch)
        watch(r, c);
    if (!ok || !adopt(r, c))
        config_drop(r);
}

static void quiet_now(uv_timer_t *t)
{
    reload_file(t->data);
}

/* Any change in a folder; reading the file again is cheap and finds out whether it matters. */
static void file_changed(uv_fs_event_t *ev, const char *name, int events, int status)
{
    struct role_run *r = ev->data;
    bool ours = !name;
    for (size_t i = 0; !ours && i < r->current->files.n; i++) {
        const char *slash = strrchr(r->current->files.paths[i], '/');
        ours = strcmp(slash ? slash + 1 : r->current->files.paths[i], name) == 0;
    }
    if (ours ||
        (name && name[0] == '.' && name[1] == '.')) /* ..data: how Kubernetes swaps a folder of files */
        uv_timer_start(&r->timer, quiet_now, QUIET_MS, 0);
}

/* ---- URL ---- */

static void fetch_work(uv_work_t *w)
{
    struct role_run *r = w->data;
    r->fetch_result = source_fetch(&r->source, &r->fetched, &r->fetch_err);
}

static void fetch_done(uv_work_t *w, int status)
{
    struct role_run *r = w->data;
    struct err e = {""};
    r->is_fetching = false;
    if (r->stopping)
        return;
    bool away = r->fetch_result == SOURCE_FAILED || r->fetch_result == SOURCE_ABSENT;
    said_set(r, r->away, sizeof r->away, away ? str_from(r->fetch_err.msg) : (struct str){"", 0});
    if (r->fetch_result == SOURCE_NEW) {
        struct config *c = role_config_new(r);
        if (!config_load_section(c, r->id, buf_str(&r->fetched), r->source.path, r->environment, &e)) {
            config_is_bad(r, c, &e);
            config_drop(r);
        } else if (adopt(r, c)) {
            role_keep_copy(r, buf_str(&r->fetched));
        } else {
            config_drop(r);
        }
    }
    buf_reset(&r->fetched);
}

static void fetch_begin(struct role_run *r)
{
    if (r->is_fetching)
        return;
    r->is_fetching = true;
    r->fetching.data = r;
    if (uv_queue_work(&r->loop, &r->fetching, fetch_work, fetch_done) != 0)
        r->is_fetching = false;
}

static void poll_now(uv_timer_t *t)
{
    fetch_begin(t->data);
}

/* ---- begin, end ---- */

void role_reload_now(struct role_run *r)
{
    if (r->source.is_url)
        fetch_begin(r);
    else
        reload_file(r);
}

void role_reload_start(struct role_run *r)
{
    const struct config_orchestrator *o = config_own(r->current, ROLE_ORCHESTRATOR, 0);
    uv_timer_init(&r->loop, &r->timer);
    r->timer.data = r;
    if (r->source.is_url) {
        uv_timer_start(&r->timer, poll_now, POLL_MS, POLL_MS);
    } else if (o->automatic_restart) {
        r->watch = xcalloc(1, sizeof *r->watch);
        watch(r, r->current);
    }
}

void role_reload_stop(struct role_run *r)
{
    r->stopping = true;
    uv_timer_stop(&r->timer);
    if (r->watch)
        unwatch(r);
}
