/*
 * Two reasons to drop: the tables take more than the budget, or the disk has less than 2 % left whoever took it. One
 * partition at a time, looking again after each.
 */
#include "store/embedded/budget.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
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
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stop;
    uint64_t last_drop_s;
    char what[200]; /* dropped last, or why nothing more can be */
    bool stuck;
};

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
        log_warn("store", "the disk budget cannot be kept", "reason", r.error ? r.error : e.msg, NULL);
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
    free(text);
    counter_set(b->counters, SIZE, size);
    counter_set(b->counters, LIMIT, limit);
    return size > limit || left < disk / 50;
}

/* Raw flows first, then rollups by their interval; the oldest partition of the first table that has two or more. */
static const char oldest[] =
    "SELECT database, table, partition_id, sum(bytes_on_disk) FROM system.parts"
    " WHERE active AND (table = 'flows' OR match(table, "
    "'^flows_\\\\d+h\\\\d+m\\\\d+s$|^flows_\\\\d+m\\\\d+s$|^flows_\\\\d+s$'))"
    " GROUP BY database, table, partition_id"
    " QUALIFY count() OVER (PARTITION BY database, table) > 1"
    " ORDER BY table != 'flows', length(splitByChar('_', table)[-1]), table, partition_id LIMIT 1";

static void note(struct budget *b, const char *what, bool stuck)
{
    pthread_mutex_lock(&b->lock);
    snprintf(b->what, sizeof b->what, "%s", what);
    b->stuck = stuck;
    if (!stuck)
        b->last_drop_s = clock_mono_ns() / 1000000000;
    pthread_mutex_unlock(&b->lock);
}

static bool drop_oldest(struct budget *b)
{
    char *row = ask(b, oldest), sql[600], what[200];
    char database[128], table[128], partition[128];
    unsigned long long bytes;
    bool ok = row && sscanf(row, "%127s %127s %127s %llu", database, table, partition, &bytes) == 4;
    free(row);
    if (!ok) {
        note(b, "the disk budget is exceeded, and there is no partition left to drop", true);
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
    snprintf(what, sizeof what, "the disk budget is used up; partition %.60s of %.60s was dropped", partition,
             table);
    note(b, what, false);
    return true;
}

unsigned budget_look(struct budget *b)
{
    unsigned n = 0;
    while (n < AT_ONCE && over(b) && drop_oldest(b))
        n++;
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
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    if (pthread_create(&b->thread, NULL, keeper, b) == 0)
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
    bool warn = recent || b->stuck;
    if (warn)
        snprintf(why, room, "%s", b->what);
    pthread_mutex_unlock(&b->lock);
    return warn;
}
