/* One queue, in order of arrival; a thread keeps its job, and the sealed bytes of it, until it is settled. */
#include "store/insert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS_NS 1000000u

enum { FIRST_PAUSE_MS = 20, LAST_PAUSE_MS = 5000, REJECTED_FILES = 1000, THREADS_MAX = 32 };

static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "store/insert_counters.def"
#undef X
};

struct inserter {
    struct insert_conf conf;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct insert_job *first, **last;
    unsigned busy, started;
    bool stop, cut; /* no new jobs; not even another try */
    pthread_t threads[THREADS_MAX];
    struct counters *counters;
    unsigned rejected;
    unsigned under_way;    /* tries */
    uint64_t wanted_since; /* an insert, and none has succeeded; 0: none is wanted */
    char why[256];         /* the last try since then failed */
    /* of inserter_do */
    void *way;
    struct block_sealer sealer;
    struct buf out;
};

/* ---- over HTTP */

struct http_way {
    struct ch *ch;
    bool ready;
};

static void *http_open(void *arg, bool (*abandon)(void *), void *abandon_arg)
{
    struct http_way *w = xcalloc(1, sizeof *w);
    w->ch = ch_new(arg);
    ch_abandon(w->ch, abandon, abandon_arg);
    return w;
}

static void http_close(void *way)
{
    struct http_way *w = way;
    ch_free(w->ch);
    free(w);
}

/*
 * The orchestrator makes `ledger` last (orch/migrate.c). Before it is there, a table may lack the view that carries its
 * rows on into coarser ones, and a block inserted then would be missing in them for good. Whoever may only insert goes on.
 */
static enum ch_failure tables_are_made(struct http_way *w, struct err *e)
{
    struct buf none;
    buf_init(&none, 0);
    enum ch_failure f =
        w->ready ? CH_OK
                 : ch_query(w->ch, &(struct ch_query){.sql = "SELECT 1 FROM ledger LIMIT 0"}, &none, e);
    buf_fini(&none);
    w->ready = f == CH_OK || f == CH_PERMANENT;
    return w->ready ? CH_OK : f;
}

static enum ch_failure http_insert(void *way, const char *table, const char *token, struct str data,
                                   const char **server, struct err *e)
{
    struct http_way *w = way;
    enum ch_failure f = tables_are_made(w, e);
    if (f == CH_OK)
        f = ch_insert(w->ch, table, token, data, e);
    *server = ch_server(w->ch);
    return f;
}

struct insert_way insert_way_ch(const struct ch_conf *conf)
{
    return (struct insert_way){http_open, http_close, http_insert, (void *)(uintptr_t)conf};
}

/* ---- what is refused */

static bool write_file(const char *path, struct str data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = true;
    for (size_t at = 0; ok && at < data.len;) {
        ssize_t n = write(fd, data.p + at, data.len - at);
        ok = n > 0 || (n < 0 && errno == EINTR);
        at += n > 0 ? (size_t)n : 0;
    }
    return close(fd) == 0 && ok;
}

/* TABLE-TOKEN.native, and beside it .txt with the reason. The token names topic, partition and offsets. */
static void keep_refused(struct inserter *n, const struct insert_job *j, struct str data,
                         const struct err *why)
{
    char path[4096], name[192];
    snprintf(name, sizeof name, "%s-%s", j->table, j->token);
    for (char *p = name; *p; p++)
        if (*p == '/' || *p == ' ')
            *p = '_';
    mkdir(n->conf.rejected_dir, 0700);
    snprintf(path, sizeof path, "%s/%s.native", n->conf.rejected_dir, name);
    bool ok = write_file(path, data);
    path[strlen(path) - strlen("native")] = '\0';
    strcat(path, "txt");
    ok = write_file(path, str_from(why->msg)) && ok;
    if (!ok)
        log_error("insert", "cannot keep a refused block", "path", path, "error", strerror(errno), NULL);
}

static void refuse(struct inserter *n, const struct insert_job *j, struct str data, const struct err *why)
{
    log_error("insert", "the store refused a block for good", "table", j->table, "token", j->token, "rows",
              LOG_U64(j->rows), "error", why->msg, NULL);
    counter_add_shared(n->counters, INSERT_BLOCKS_REFUSED, 1);
    counter_add_shared(n->counters, INSERT_ROWS_REFUSED, j->rows);
    if (n->conf.rejected_dir && __atomic_fetch_add(&n->rejected, 1, __ATOMIC_RELAXED) < REJECTED_FILES)
        keep_refused(n, j, data, why);
}

/* ---- one job */

static bool is_cut(void *arg)
{
    return __atomic_load_n(&((struct inserter *)arg)->cut, __ATOMIC_RELAXED);
}

static struct str sealed(struct inserter *n, const struct insert_job *j, struct block_sealer *s,
                         struct buf *out)
{
    if (!j->block)
        return buf_str(&j->data);
    uint64_t begin = clock_mono_ns();
    buf_reset(out);
    block_seal(j->block, s, out);
    counter_add_shared(n->counters, INSERT_SEAL_NS, clock_mono_ns() - begin);
    return buf_str(out);
}

static void begin_try(struct inserter *n, uint64_t now)
{
    pthread_mutex_lock(&n->lock);
    n->under_way++;
    if (!n->wanted_since)
        n->wanted_since = now;
    pthread_mutex_unlock(&n->lock);
}

/* A store that hangs lets no try fail for a minute: what counts is when one succeeded. */
static void end_try(struct inserter *n, enum ch_failure f, const struct err *e)
{
    pthread_mutex_lock(&n->lock);
    n->under_way--;
    if (f == CH_OK || f == CH_PERMANENT) {
        n->wanted_since = n->under_way ? clock_mono_ns() : 0;
        n->why[0] = '\0';
    } else {
        snprintf(n->why, sizeof n->why, "%.255s", e->msg);
    }
    pthread_mutex_unlock(&n->lock);
}

static enum ch_failure try_once(struct inserter *n, void *way, const struct insert_job *j, struct str data,
                                struct err *e)
{
    const char *server = "";
    uint64_t begin = clock_mono_ns();
    begin_try(n, begin);
    enum ch_failure f = n->conf.way.insert(way, j->table, j->token, data, &server, e);
    end_try(n, f, e);
    if (f == CH_OK) {
        counter_add_shared(n->counters, INSERT_BLOCKS, 1);
        counter_add_shared(n->counters, INSERT_ROWS, j->rows);
        counter_add_shared(n->counters, INSERT_BYTES, data.len);
        counter_add_shared(n->counters, INSERT_NS, clock_mono_ns() - begin);
    } else if (f == CH_PERMANENT) {
        refuse(n, j, data, e);
    } else {
        counter_add_shared(n->counters, INSERT_RETRIES, 1);
        log_warn("insert", "the store does not take a block now; trying on", "server", server, "table",
                 j->table, "error", e->msg, NULL);
    }
    return f;
}

static void settle(struct insert_job *j, enum ch_failure f)
{
    __atomic_store_n(&j->state, f == CH_OK ? INSERT_STORED : INSERT_REFUSED, __ATOMIC_RELEASE);
}

/* Pauses before the next try; false when there is to be none. */
static bool pause_ms(struct inserter *n, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&n->lock);
    while (!n->stop && pthread_cond_timedwait(&n->idle, &n->lock, &until) == 0)
        ;
    bool go_on = !n->stop;
    pthread_mutex_unlock(&n->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct inserter *n = arg;
    struct block_sealer sealer = {0};
    struct buf out;
    buf_init(&out, 0);
    void *way = n->conf.way.open(n->conf.way.arg, is_cut, n);
    for (;;) {
        pthread_mutex_lock(&n->lock);
        while (!n->first && !n->stop)
            pthread_cond_wait(&n->work, &n->lock);
        struct insert_job *j = n->cut ? NULL : n->first;
        if (j && !(n->first = j->next))
            n->last = &n->first;
        n->busy += j != NULL;
        pthread_mutex_unlock(&n->lock);
        if (!j)
            break;
        struct err e;
        struct str data = sealed(n, j, &sealer, &out);
        enum ch_failure f;
        for (unsigned ms = FIRST_PAUSE_MS; (f = try_once(n, way, j, data, &e)) == CH_AWAY || f == CH_BUSY;
             ms = ms * 2 < LAST_PAUSE_MS ? ms * 2 : LAST_PAUSE_MS)
            if (!pause_ms(n, ms))
                break;
        if (f == CH_OK || f == CH_PERMANENT)
            settle(j, f);
        pthread_mutex_lock(&n->lock);
        n->busy--;
        if (n->stop && f != CH_OK && f != CH_PERMANENT) /* nobody is there: no use in trying the others */
            __atomic_store_n(&n->cut, true, __ATOMIC_RELAXED);
        pthread_cond_broadcast(&n->idle);
        pthread_mutex_unlock(&n->lock);
    }
    n->conf.way.close(way);
    block_sealer_fini(&sealer);
    buf_fini(&out);
    return NULL;
}

/* ---- */

struct inserter *inserter_new(const struct insert_conf *conf)
{
    struct inserter *n = xcalloc(1, sizeof *n);
    n->conf = *conf;
    n->last = &n->first;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->work, NULL);
    pthread_cond_init(&n->idle, NULL);
    n->counters = counters_new(counter_defs, N_INSERT_COUNTERS, "");
    if (n->conf.threads > THREADS_MAX)
        n->conf.threads = THREADS_MAX;
    for (; n->started < n->conf.threads; n->started++)
        if (!thread_start(&n->threads[n->started], run, n, "insert %u", n->started))
            break;
    return n;
}

void inserter_stop(struct inserter *n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(n->conf.grace_ns / 1000000000u);
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_cond_broadcast(&n->work);
    pthread_cond_broadcast(&n->idle);
    while ((n->busy || (n->first && !n->cut)) && n->started &&
           pthread_cond_timedwait(&n->idle, &n->lock, &until) == 0)
        ;
    __atomic_store_n(&n->cut, true, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&n->work);
    pthread_mutex_unlock(&n->lock);
    for (unsigned i = 0; i < n->started; i++)
        pthread_join(n->threads[i], NULL);
    n->started = 0;
}

void inserter_free(struct inserter *n)
{
    if (!n)
        return;
    inserter_stop(n);
    if (n->way)
        n->conf.way.close(n->way);
    block_sealer_fini(&n->sealer);
    buf_fini(&n->out);
    counters_free(n->counters);
    pthread_cond_destroy(&n->work);
    pthread_cond_destroy(&n->idle);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

void inserter_push(struct inserter *n, struct insert_job *job)
{
    job->next = NULL;
    job->state = INSERT_WAITING;
    pthread_mutex_lock(&n->lock);
    *n->last = job;
    n->last = &job->next;
    pthread_cond_signal(&n->work);
    pthread_mutex_unlock(&n->lock);
}

size_t inserter_waiting(struct inserter *n)
{
    size_t k = 0;
    pthread_mutex_lock(&n->lock);
    for (struct insert_job *j = n->first; j; j = j->next)
        k++;
    pthread_mutex_unlock(&n->lock);
    return k;
}

bool inserter_do(struct inserter *n, size_t k)
{
    struct insert_job **at = &n->first;
    while (*at && k--)
        at = &(*at)->next;
    struct insert_job *j = *at;
    if (!j)
        return false;
    if (!n->way)
        n->way = n->conf.way.open(n->conf.way.arg, is_cut, n);
    struct err e;
    enum ch_failure f = try_once(n, n->way, j, sealed(n, j, &n->sealer, &n->out), &e);
    if (f != CH_OK && f != CH_PERMANENT)
        return true;
    *at = j->next;
    if (n->last == &j->next)
        n->last = at;
    settle(j, f);
    return true;
}

struct counters *inserter_counters(struct inserter *n)
{
    return n->counters;
}

uint64_t inserter_stuck_since(struct inserter *n, char *why)
{
    pthread_mutex_lock(&n->lock);
    uint64_t since = n->wanted_since;
    snprintf(why, sizeof n->why, "%s", n->why);
    pthread_mutex_unlock(&n->lock);
    return since;
}
