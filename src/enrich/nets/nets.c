/* The thread that builds owns the files; what it shares with the control thread and the sources is under the lock. */
#include "enrich/nets/nets.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "enrich/nets/geofiles.h"
#include "enrich/nets/netrows.h"
#include "enrich/remote/remote.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 1000, GATHER_MS = 100, DATABASES = 64 };

enum {
#define X(id, name, kind, help) id,
#include "enrich/nets/counters.def"
#undef X
    NETS_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "enrich/nets/counters.def"
#undef X
};

/* What a remote source gave last. */
struct given {
    struct given *next;
    char *name;
    json_t *rows;
};

struct nets {
    struct snapshot *out;
    struct remotes *remotes;
    struct counters *counters;
    pthread_t thread;
    bool started, stop;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
    /* under the lock */
    const struct enrich_networks_conf *networks;
    struct given *given;
    uint64_t wanted, built; /* a table is made for each number that is wanted */
    size_t bad_files;
    char bad_file[256];
    struct geofiles
        *files; /* whoever holds `files_lock`: the thread, or the control thread that configures */
    pthread_mutex_t files_lock;
};

/* ---- building */

struct database {
    struct mmdb mmdb;
    struct netrows_mmdb rows[2];
};

struct gathering {
    struct nettable *t;
    struct nettable_stream *streams;
    size_t n_streams;
    struct netrows *rows;
    size_t n_rows;
    struct database *databases;
    size_t n_databases;
};

static void add_databases(struct gathering *g, const struct geofiles *files)
{
    bool is_asn;
    const char *path;
    for (size_t i = 0; (path = geofiles_copy(files, i, &is_asn)) && g->n_databases < DATABASES; i++) {
        struct err e;
        struct database *d = &g->databases[g->n_databases];
        if (!mmdb_open(&d->mmdb, path, &e)) {
            log_error("networks", "the copy of a database cannot be read", "error", e.msg, NULL);
            continue;
        }
        g->n_databases++;
        for (int v4 = 0; v4 < 2; v4++) {
            netrows_mmdb_init(&d->rows[v4], g->t, &d->mmdb, path, v4, is_asn);
            g->streams[g->n_streams++] = netrows_mmdb_stream(&d->rows[v4]);
        }
    }
}

/* Called with the lock held: rows are read while nobody can replace them. */
static void add_lists(struct gathering *g, const struct nets *n)
{
    size_t many = 1;
    for (const struct given *s = n->given; s; s = s->next)
        many++;
    g->rows = xcalloc(many, sizeof *g->rows);
    for (const struct given *s = n->given; s; s = s->next) {
        struct err e;
        if (netrows_json(&g->rows[g->n_rows], g->t, s->rows, &e))
            g->streams[g->n_streams++] = netrows_stream(&g->rows[g->n_rows++]);
    }
    netrows_static(&g->rows[g->n_rows], g->t, &n->networks->networks);
    g->streams[g->n_streams++] = netrows_stream(&g->rows[g->n_rows++]);
}

static size_t count_given(struct nets *n)
{
    size_t many = 0;
    for (const struct given *s = n->given; s; s = s->next)
        many++;
    return many;
}

/* The table of all there is; NULL with a reason. *number: what it was wanted as. */
static struct nettable *build(struct nets *n, uint64_t *number, struct err *e)
{
    struct gathering g = {.t = nettable_new(e)};
    if (!g.t) {
        pthread_mutex_lock(&n->lock);
        *number = n->wanted;
        pthread_mutex_unlock(&n->lock);
        return NULL;
    }
    g.databases = xcalloc(DATABASES, sizeof *g.databases);
    pthread_mutex_lock(&n->files_lock);
    pthread_mutex_lock(&n->lock);
    *number = n->wanted;
    g.streams = xcalloc(2 * DATABASES + count_given(n) + 1, sizeof *g.streams);
    add_databases(&g, n->files);
    add_lists(&g, n);
    pthread_mutex_unlock(&n->lock);
    pthread_mutex_unlock(&n->files_lock);
    bool ok = nettable_build(g.t, g.streams, g.n_streams, &n->stop, e);
    for (size_t i = 0; i < g.n_databases; i++) {
        netrows_mmdb_fini(&g.databases[i].rows[0]);
        netrows_mmdb_fini(&g.databases[i].rows[1]);
        mmdb_close(&g.databases[i].mmdb);
    }
    for (size_t i = 0; i < g.n_rows; i++)
        netrows_fini(&g.rows[i]);
    free(g.databases);
    free(g.streams);
    free(g.rows);
    if (ok)
        return g.t;
    nettable_free(g.t);
    return NULL;
}

static void free_table(void *t)
{
    nettable_free(t);
}

static void rebuild(struct nets *n)
{
    struct err e;
    uint64_t number = 0, before = clock_mono_ns();
    struct nettable *t = build(n, &number, &e);
    uint64_t took = clock_mono_ns() - before;
    if (t) {
        counter_set(n->counters, NETS_PREFIXES, t->lpm.n);
        counter_set(n->counters, NETS_MEMORY, t->memory);
        counter_add(n->counters, NETS_REBUILDS, 1);
        counter_add(n->counters, NETS_NS, took);
        counter_set(n->counters, NETS_LAST_NS, took);
        log_debug("networks", "table made", "prefixes", LOG_U64(t->lpm.n), "ms", LOG_U64(took / 1000000),
                  NULL);
        bool empty = t->lpm.n == 0;
        if (empty)
            nettable_free(t);
        snapshot_publish(n->out, empty ? NULL : t, free_table);
    } else if (!__atomic_load_n(&n->stop, __ATOMIC_RELAXED)) {
        counter_add(n->counters, NETS_FAILED, 1);
        log_error("networks", "the table cannot be made; the former one stays in use", "error", e.msg, NULL);
    }
    pthread_mutex_lock(&n->lock);
    n->built = number;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

static void look_at_files(struct nets *n)
{
    char why[256];
    pthread_mutex_lock(&n->files_lock);
    bool any = geofiles_poll(n->files, &n->stop);
    size_t bad = geofiles_failing(n->files, why, sizeof why);
    pthread_mutex_unlock(&n->files_lock);
    pthread_mutex_lock(&n->lock);
    n->wanted += any;
    n->bad_files = bad;
    if (bad)
        memcpy(n->bad_file, why, sizeof why);
    pthread_mutex_unlock(&n->lock);
    counter_add(n->counters, NETS_REFRESH, any);
    counter_set(n->counters, NETS_BAD, bad);
}

/* Until something is wanted or `ms` have passed. With the lock held. */
static void rest(struct nets *n, unsigned ms, bool whatever)
{
    uint64_t until = clock_mono_ns() + ms * 1000000ull;
    struct timespec t = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    while (!n->stop && (whatever || n->wanted == n->built) && clock_mono_ns() < until)
        pthread_cond_timedwait(&n->changed, &n->lock, &t);
}

static void *run(void *arg)
{
    struct nets *n = arg;
    while (!__atomic_load_n(&n->stop, __ATOMIC_RELAXED)) {
        look_at_files(n);
        pthread_mutex_lock(&n->lock);
        rest(n, LOOK_MS, false);
        bool due = n->wanted != n->built && !n->stop;
        if (due && n->built) /* changes come in groups */
            rest(n, GATHER_MS, true);
        pthread_mutex_unlock(&n->lock);
        if (due)
            rebuild(n);
    }
    return NULL;
}

/* ---- what sources give */

static void want(struct nets *n)
{
    n->wanted++;
    pthread_cond_broadcast(&n->changed);
}

static bool take(void *arg, const char *name, json_t *array, struct err *e)
{
    struct nets *n = arg;
    struct netrows checked;
    if (!netrows_json(&checked, NULL, array, e))
        return false;
    netrows_fini(&checked);
    pthread_mutex_lock(&n->lock);
    struct given *s = n->given;
    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    bool same = s && json_equal(s->rows, array);
    if (!s) {
        s = xcalloc(1, sizeof *s);
        s->name = xstrdup(name);
        s->next = n->given;
        n->given = s;
    }
    if (!same) {
        json_decref(s->rows);
        s->rows = json_incref(array);
        want(n);
    }
    pthread_mutex_unlock(&n->lock);
    return true;
}

static void gone(void *arg, const char *name)
{
    struct nets *n = arg;
    pthread_mutex_lock(&n->lock);
    for (struct given **at = &n->given; *at; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0) {
            struct given *s = *at;
            *at = s->next;
            json_decref(s->rows);
            free(s->name);
            free(s);
            want(n);
            break;
        }
    pthread_mutex_unlock(&n->lock);
}

/* ---- control */

struct nets *nets_new(struct snapshot *out, const char *dir)
{
    struct nets *n = xcalloc(1, sizeof *n);
    struct remotes_how how = {"networks", dir, take, gone, n};
    pthread_condattr_t monotonic;
    n->out = out;
    n->files = geofiles_new(dir);
    n->remotes = remotes_new(&how);
    n->counters = counters_new(counter_defs, NETS_COUNTERS, "");
    pthread_mutex_init(&n->lock, NULL);
    pthread_mutex_init(&n->files_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&n->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return n;
}

bool nets_configure(struct nets *n, const struct enrich_networks_conf *networks,
                    const struct enrich_geoip_conf *geoip, struct err *e)
{
    pthread_mutex_lock(&n->files_lock);
    bool ok = geofiles_configure(n->files, geoip, e);
    pthread_mutex_unlock(&n->files_lock);
    if (!ok && !n->started)
        return false;
    pthread_mutex_lock(&n->lock);
    n->networks = networks;
    want(n);
    pthread_mutex_unlock(&n->lock);
    remotes_configure(n->remotes, &networks->network_sources);
    if (!n->started && !thread_start(&n->thread, run, n, "networks"))
        abort();
    n->started = true;
    return ok;
}

void nets_wait(struct nets *n, const bool *stop)
{
    remotes_wait(n->remotes, n->networks->network_sources_timeout_ns, stop);
    pthread_mutex_lock(&n->lock);
    uint64_t wanted = n->wanted;
    while (n->built < wanted && !(stop && __atomic_load_n(stop, __ATOMIC_RELAXED))) {
        uint64_t next = clock_mono_ns() + 100000000u;
        struct timespec t = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
        pthread_cond_timedwait(&n->changed, &n->lock, &t);
    }
    pthread_mutex_unlock(&n->lock);
}

size_t nets_failing(struct nets *n, char *why, size_t room)
{
    size_t bad = remotes_failing(n->remotes, why, room);
    pthread_mutex_lock(&n->lock);
    if (bad == 0 && n->bad_files)
        snprintf(why, room, "GeoIP: %s", n->bad_file);
    bad += n->bad_files;
    pthread_mutex_unlock(&n->lock);
    return bad;
}

void nets_free(struct nets *n)
{
    if (!n)
        return;
    remotes_free(n->remotes);
    pthread_mutex_lock(&n->lock);
    __atomic_store_n(&n->stop, true, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    if (n->started)
        pthread_join(n->thread, NULL);
    while (n->given)
        gone(n, n->given->name);
    geofiles_free(n->files);
    counters_free(n->counters);
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->lock);
    pthread_mutex_destroy(&n->files_lock);
    free(n);
}
