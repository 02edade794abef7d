/* A thread per source: there are few, and one that hangs for its whole timeout holds up no other. */
#include "enrich/remote/remote.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "enrich/remote/fetch.h"
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

enum { KEPT_VERSION = 1, KEPT_MOST = 512 << 20 };

enum {
#define X(id, name, kind, help) id,
#include "enrich/remote/counters.def"
#undef X
    REMOTE_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "enrich/remote/counters.def"
#undef X
};
static const struct counter_def error_def[] = {
    {"common_remotedatasource_errors_total", "Fetches that gave no rows, by reason.", COUNTER}};
static const char *const failures[] = {
#define X(id, text) text,
#include "enrich/remote/failures.def"
#undef X
};

struct remote {
    struct remotes *set;
    struct remote *next;
    char *name, *file; /* file: NULL when nothing is kept */
    const struct enrich_remote_conf *conf;
    uint64_t hash, data_hash; /* of all of the configuration; of what decides about the rows */
    pthread_t thread;
    bool stop;
    struct counters *counters, *errors[FETCH_FAILURES];
    /* under the set's lock */
    bool ready, failing;
    char why[256];
};

struct remotes {
    struct remotes_how how;
    struct arena arena;
    struct remote *first;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
};

/* ---- what a source is */

static void hash_z(XXH3_state_t *h, const char *z)
{
    XXH3_64bits_update(h, z, strlen(z) + 1);
}

static void hash_number(XXH3_state_t *h, uint64_t v)
{
    XXH3_64bits_update(h, &v, sizeof v);
}

static uint64_t hash_of(const struct enrich_remote_conf *c, bool all)
{
    XXH3_state_t *h = XXH3_createState();
    XXH3_64bits_reset(h);
    hash_z(h, c->url);
    hash_z(h, c->method);
    hash_z(h, c->transform);
    hash_number(h, (uint64_t)c->parser);
    if (all) {
        hash_z(h, c->proxy);
        hash_number(h, (uint64_t)c->pagination);
        hash_number(h, c->timeout_ns);
        hash_number(h, c->interval_ns);
        hash_number(h, c->tls.enable * 2u + c->tls.skip_verify);
        hash_z(h, c->tls.ca_file);
        hash_z(h, c->tls.cert_file);
        hash_z(h, c->tls.key_file);
        for (size_t i = 0; i < c->headers.n; i++) {
            hash_z(h, c->headers.keys[i]);
            hash_z(h, ((const char **)c->headers.items)[i]);
        }
    }
    uint64_t v = XXH3_64bits_digest(h);
    XXH3_freeState(h);
    return v;
}

/* ---- on disk */

/* The name is the operator's and may hold anything: what is no letter is left to the hash. */
static char *file_of(const struct remotes *r, const char *name)
{
    char safe[41], path[4096];
    size_t n = 0;
    if (!r->how.dir)
        return NULL;
    for (const char *p = name; *p && n < sizeof safe - 1; p++)
        if (isalnum((unsigned char)*p) || *p == '-' || *p == '_')
            safe[n++] = *p;
    safe[n] = 0;
    snprintf(path, sizeof path, "%s/remote/%s-%s-%08x.json", r->how.dir, r->how.kind, safe,
             (unsigned)XXH3_64bits(name, strlen(name)));
    return xstrdup(path);
}

static void keep(const struct remote *s, json_t *rows)
{
    struct err e;
    if (!s->file)
        return;
    json_t *whole =
        json_pack("{s:i, s:s, s:I, s:O}", "version", KEPT_VERSION, "source", log_u64(s->data_hash), "fetched",
                  (json_int_t)(clock_wall_ns() / 1000000000u), "rows", rows);
    char *text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    if (!text)
        log_warn("remote", "rows cannot be kept", "source", s->name, NULL);
    else if (!file_replace(s->file, str_from(text), &e))
        log_warn("remote", "rows cannot be kept", "source", s->name, "error", e.msg, NULL);
    free(text);
    json_decref(whole);
}

static void mark(struct remote *s, size_t rows, uint64_t when_s)
{
    counter_set(s->counters, REMOTE_DATA, rows);
    counter_set(s->counters, REMOTE_WHEN, when_s);
    pthread_mutex_lock(&s->set->lock);
    s->ready = true;
    s->failing = false;
    pthread_cond_broadcast(&s->set->changed);
    pthread_mutex_unlock(&s->set->lock);
}

static bool take(const struct remote *s, json_t *rows, struct err *e)
{
    return s->set->how.take(s->set->how.arg, s->name, rows, e);
}

/* Rows of an earlier life, if they are of this very source. */
static void recall(struct remote *s)
{
    struct err e;
    struct buf text;
    buf_init(&text, 0);
    json_t *whole = NULL, *rows = NULL;
    json_int_t version = 0, when = 0;
    const char *source = "";
    if (s->file && file_read(s->file, KEPT_MOST, &text, &e))
        whole = json_loadb((const char *)text.p, text.len, 0, NULL);
    buf_fini(&text);
    if (whole &&
        json_unpack(whole, "{s:I, s:s, s:I, s:o}", "version", &version, "source", &source, "fetched", &when,
                    "rows", &rows) == 0 &&
        version == KEPT_VERSION && strcmp(source, log_u64(s->data_hash)) == 0 && json_is_array(rows)) {
        if (take(s, rows, &e)) {
            mark(s, json_array_size(rows), (uint64_t)when);
            log_info("remote", "rows of the last run are used", "type", s->set->how.kind, "source", s->name,
                     "rows", LOG_U64(json_array_size(rows)), NULL);
        } else
            log_warn("remote", "kept rows are of no use", "source", s->name, "error", e.msg, NULL);
    }
    json_decref(whole);
}

/* ---- fetching */

static bool fetch(struct remote *s)
{
    struct err e = {0};
    enum fetch_failure why = FETCH_CONNECTION;
    json_t *rows = fetch_rows(__atomic_load_n(&s->conf, __ATOMIC_ACQUIRE), &s->stop, &why, &e);
    bool ok = rows && (take(s, rows, &e) || (why = FETCH_REFUSED, false));
    if (ok) {
        mark(s, json_array_size(rows), clock_wall_ns() / 1000000000u);
        counter_add(s->counters, REMOTE_UPDATES, 1);
        keep(s, rows);
        log_debug("remote", "fetched", "type", s->set->how.kind, "source", s->name, "rows",
                  LOG_U64(json_array_size(rows)), NULL);
    } else if (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
        counter_add(s->errors[why], 0, 1);
        log_warn("remote", "cannot update; what there is stays in use", "type", s->set->how.kind, "source",
                 s->name, "error", e.msg, NULL);
        pthread_mutex_lock(&s->set->lock);
        s->failing = true;
        snprintf(s->why, sizeof s->why, "%.255s", e.msg);
        pthread_mutex_unlock(&s->set->lock);
    }
    json_decref(rows);
    return ok;
}

/* False when it is to stop. */
static bool pause_for(struct remote *s, uint64_t ns)
{
    uint64_t until = clock_mono_ns() + ns;
    struct timespec t = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    pthread_mutex_lock(&s->set->lock);
    while (!s->stop && clock_mono_ns() < until)
        pthread_cond_timedwait(&s->set->changed, &s->set->lock, &t);
    bool go_on = !s->stop;
    pthread_mutex_unlock(&s->set->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct remote *s = arg;
    const uint64_t interval = s->conf->interval_ns;
    uint64_t wait = interval / 10;
    recall(s);
    for (;;) {
        bool ok = fetch(s);
        if (!pause_for(s, ok ? interval : wait))
            return NULL;
        wait = ok ? interval / 10 : wait * 2 > interval ? interval : wait * 2;
    }
}

/* ---- the set */

static void label(char *to, size_t room, const struct remote *s, const char *error)
{
    char name[64];
    size_t n = 0;
    for (const char *p = s->name; *p && n < sizeof name - 1; p++)
        name[n++] = *p == '"' || *p == '\\' || (unsigned char)*p < ' ' ? '_' : *p;
    name[n] = 0;
    n = (size_t)snprintf(to, room, "type=\"%s\",source=\"%s\"", s->set->how.kind, name);
    if (error)
        snprintf(to + n, room - n, ",error=\"%s\"", error);
}

static void begin(struct remotes *r, const char *name, const struct enrich_remote_conf *conf)
{
    char labels[256];
    struct remote *s = xcalloc(1, sizeof *s);
    s->set = r;
    s->name = xstrdup(name);
    s->file = file_of(r, name);
    s->conf = conf;
    s->hash = hash_of(conf, true);
    s->data_hash = hash_of(conf, false);
    label(labels, sizeof labels, s, NULL);
    s->counters = counters_new(counter_defs, REMOTE_COUNTERS, labels);
    for (unsigned i = 0; i < FETCH_FAILURES; i++) {
        label(labels, sizeof labels, s, failures[i]);
        s->errors[i] = counters_new(error_def, 1, labels);
    }
    pthread_mutex_lock(&r->lock);
    s->next = r->first;
    r->first = s;
    pthread_mutex_unlock(&r->lock);
    if (!thread_start(&s->thread, run, s, "remote source"))
        abort();
}

/* Takes it out of the set, waits for its thread and frees it. */
static void end(struct remotes *r, struct remote *s)
{
    pthread_mutex_lock(&r->lock);
    __atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
    struct remote **at = &r->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(s->thread, NULL);
    counters_free(s->counters);
    for (unsigned i = 0; i < FETCH_FAILURES; i++)
        counters_free(s->errors[i]);
    free(s->name);
    free(s->file);
    free(s);
}

struct remotes *remotes_new(const struct remotes_how *how)
{
    struct remotes *r = xcalloc(1, sizeof *r);
    pthread_condattr_t monotonic;
    arena_init(&r->arena);
    r->how = *how;
    r->how.kind = arena_strdup(&r->arena, how->kind);
    r->how.dir = how->dir ? arena_strdup(&r->arena, how->dir) : NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return r;
}

void remotes_free(struct remotes *r)
{
    if (!r)
        return;
    while (r->first)
        end(r, r->first);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    arena_fini(&r->arena);
    free(r);
}

static const struct enrich_remote_conf *wanted(const struct opt_map *sources, const char *name)
{
    for (size_t i = 0; sources && i < sources->n; i++)
        if (strcmp(sources->keys[i], name) == 0)
            return &((const struct enrich_remote_conf *)sources->items)[i];
    return NULL;
}

static struct remote *find(struct remotes *r, const char *name)
{
    struct remote *s = r->first;
    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    return s;
}

void remotes_configure(struct remotes *r, const struct opt_map *sources)
{
    for (struct remote *s = r->first, *next; s; s = next) {
        next = s->next;
        const struct enrich_remote_conf *conf = wanted(sources, s->name);
        if (conf && hash_of(conf, true) == s->hash) {
            /* the same, but a configuration is not kept for ever */
            __atomic_store_n(&s->conf, conf, __ATOMIC_RELEASE);
            continue;
        }
        char *name = xstrdup(s->name), *file = s->file ? xstrdup(s->file) : NULL;
        end(r, s);
        if (!conf && file)
            unlink(file);
        if (!conf && r->how.gone)
            r->how.gone(r->how.arg, name);
        free(name);
        free(file);
    }
    for (size_t i = 0; sources && i < sources->n; i++)
        if (!find(r, sources->keys[i]))
            begin(r, sources->keys[i], &((const struct enrich_remote_conf *)sources->items)[i]);
}

static bool all_ready(const struct remotes *r)
{
    const struct remote *s = r->first;
    while (s && s->ready)
        s = s->next;
    return s == NULL;
}

bool remotes_wait(struct remotes *r, uint64_t timeout_ns, const bool *stop)
{
    const uint64_t step = 100000000u, until = clock_mono_ns() + timeout_ns;
    pthread_mutex_lock(&r->lock);
    while (!all_ready(r) && clock_mono_ns() < until && !(stop && __atomic_load_n(stop, __ATOMIC_RELAXED))) {
        uint64_t next = clock_mono_ns() + step;
        struct timespec t = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
        pthread_cond_timedwait(&r->changed, &r->lock, &t);
    }
    bool ok = all_ready(r);
    pthread_mutex_unlock(&r->lock);
    return ok;
}

size_t remotes_failing(struct remotes *r, char *why, size_t room)
{
    size_t n = 0;
    pthread_mutex_lock(&r->lock);
    for (const struct remote *s = r->first; s; s = s->next)
        if (s->failing && n++ == 0)
            snprintf(why, room, "%s source %s: %s", r->how.kind, s->name, s->why);
    pthread_mutex_unlock(&r->lock);
    return n;
}
