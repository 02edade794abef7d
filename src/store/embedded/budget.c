/*
 * Two reasons to drop: the tables take more than the budget, or the disk has less than 2 % left whoever took it. One
 * partition at a time, looking again after each.
 */
#include "store/embedded/budget.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "conf/opt.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum { LOOK_S = 30, AT_ONCE = 200, HOUR_S = 3600 };

enum { SIZE, LIMIT, DROPPED, DROPPED_BYTES, COUNTERS };
static const struct counter_def counter_defs[COUNTERS] = {
    {"store_size_bytes", "Bytes of all tables on disk.", GAUGE},
    {"store_size_limit_bytes", "Bytes the tables may take.", GAUGE},
    {"store_dropped_partitions_total", "Partitions dropped to keep within the disk budget.", COUNTER},
    {"store_dropped_bytes_total", "Bytes of them.", COUNTER},
};

struct budget {
    const struct engine *en;
    char *path;
    uint64_t max_size; /* atomic */
    struct counters *counters;
    pthread_t thread;
    pthread_mutex_t looking;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stop;
    uint64_t last_drop_s;
    char dropped[200]; /* what was dropped last */
    char stuck[400];   /* why the budget cannot be kept; empty: it can */
};

static void stuck(struct budget *b, const char *why)
{
    pthread_mutex_lock(&b->lock);
    snprintf(b->stuck, sizeof b->stuck, "%s", why);
    pthread_mutex_unlock(&b->lock);
}

static void cannot_keep(struct budget *b, const char *reason)
{
    char why[sizeof b->stuck];
    log_warn("store", "the disk budget cannot be kept", "reason", reason, NULL);
    snprintf(why, sizeof why, "the disk budget cannot be kept: %.300s", reason);
    stuck(b, why);
}

/* An answer of tab-separated text; heap, NULL on failure. */
static char *ask(struct budget *b, const char *sql)
{
    struct err e = {{0}};
    struct engine_result r = {0};
    struct engine_session *s = b->en->open(b->en, &e);
    char *z = NULL;
    if (s) {
        struct engine_statement st = {.sql = str_from(sql), .format = "TSVRaw"};
        b->en->run(b->en, s, &st, &r);
    }
    if (r.ok) {
        z = xmalloc(r.data.len + 1);
        memcpy(z, r.data.p, r.data.len);
        z[r.data.len] = '\0';
    } else {
        cannot_keep(b, r.error ? r.error : e.msg);
    }
    b->en->result_fini(b->en, &r);
    b->en->close(b->en, s);
    return z;
}

static bool over(struct budget *b)
{
    struct statvfs fs;
    uint64_t max = __atomic_load_n(&b->max_size, __ATOMIC_RELAXED), disk = UINT64_MAX, left = UINT64_MAX;
    if (statvfs(b->path, &fs) == 0) {
        disk = (uint64_t)fs.f_blocks * fs.f_frsize;
        left = (uint64_t)fs.f_bavail * fs.f_frsize;
    }
    uint64_t limit = max & OPT_PERCENT ? disk / 100 * (max & ~OPT_PERCENT) : max;
    char *text = ask(b, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active");
    uint64_t size = text ? strtoull(text, NULL, 10) : 0;
    counter_set(b->counters, SIZE, size);
    counter_set(b->counters, LIMIT, limit);
    bool is = size > limit || left < disk / 50;
    if (text && !is)
        stuck(b, "");
    free(text);
    return is;
}

/* Raw flows first, then rollups by their interval; the oldest partition of the first table that has two or more. */
static const char oldest[] =
    "SELECT database, table, partition_id, sum(bytes_on_disk) FROM system.parts"
    " WHERE active AND (table = 'flows' OR match(table, "
    "'^flows_\\\\d+h\\\\d+m\\\\d+s$|^flows_\\\\d+m\\\\d+s$|^flows_\\\\d+s$'))"
    " GROUP BY database, table, partition_id"
    " QUALIFY count() OVER (PARTITION BY database, table) > 1"
    " ORDER BY table != 'flows', length(splitByChar('_', table)[-1]), table, partition_id LIMIT 1";

static void note_drop(struct budget *b, const char *table, const char *partition)
{
    pthread_mutex_lock(&b->lock);
    snprintf(b->dropped, sizeof b->dropped,
             "the disk budget is used up; partition %.60s of %.60s was dropped", partition, table);
    b->stuck[0] = '\0';
    b->last_drop_s = clock_mono_ns() / 1000000000;
    pthread_mutex_unlock(&b->lock);
}

static bool drop_oldest(struct budget *b)
{
    char *row = ask(b, oldest), sql[600];
    char database[128], table[128], partition[128];
    unsigned long long bytes;
    if (!row)
        return false;
    bool ok = sscanf(row, "%127s %127s %127s %llu", database, table, partition, &bytes) == 4;
    free(row);
    if (!ok) {
        stuck(b, "the disk budget is exceeded, and there is no partition left to drop");
        return false;
    }
    snprintf(sql, sizeof sql, "ALTER TABLE `%s`.`%s` DROP PARTITION ID '%s'", database, table, partition);
    char *done = ask(b, sql);
    if (!done)
        return false;
    free(done);
    counter_add(b->counters, DROPPED, 1);
    counter_add(b->counters, DROPPED_BYTES, bytes);
    log_warn("store", "oldest data dropped to keep within the disk budget", "table", table, "partition",
             partition, "bytes", LOG_U64(bytes), NULL);
    note_drop(b, table, partition);
    return true;
}

unsigned budget_look(struct budget *b)
{
    unsigned n = 0;
    pthread_mutex_lock(&b->looking);
    while (n < AT_ONCE && over(b) && drop_oldest(b))
        n++;
    pthread_mutex_unlock(&b->looking);
    return n;
}

static void *keeper(void *arg)
{
    struct budget *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += LOOK_S;
        pthread_mutex_unlock(&b->lock);
        budget_look(b);
        pthread_mutex_lock(&b->lock);
        while (!b->stop && pthread_cond_timedwait(&b->wake, &b->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

struct budget *budget_new(const struct engine *en, const char *path, uint64_t max_size, struct err *e)
{
    struct budget *b = xcalloc(1, sizeof *b);
    b->en = en;
    b->path = xstrdup(path);
    b->max_size = max_size;
    b->counters = counters_new(counter_defs, COUNTERS, NULL);
    pthread_mutex_init(&b->looking, NULL);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    if (thread_start(&b->thread, keeper, b, "disk budget"))
        return b;
    err_errno(e, "a thread for the disk budget");
    b->thread = 0;
    budget_free(b);
    return NULL;
}

void budget_free(struct budget *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    if (b->thread)
        pthread_join(b->thread, NULL);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->looking);
    pthread_cond_destroy(&b->wake);
    counters_free(b->counters);
    free(b->path);
    free(b);
}

void budget_set(struct budget *b, uint64_t max_size)
{
    __atomic_store_n(&b->max_size, max_size, __ATOMIC_RELAXED);
}

bool budget_warning(struct budget *b, char *why, size_t room)
{
    pthread_mutex_lock(&b->lock);
    bool recent = b->last_drop_s && clock_mono_ns() / 1000000000 - b->last_drop_s < HOUR_S;
    bool warn = recent || b->stuck[0];
    if (warn)
        snprintf(why, room, "%s", b->stuck[0] ? b->stuck : b->dropped);
    pthread_mutex_unlock(&b->lock);
    return warn;
}
