/* Rounds over the partitions; between rounds nothing is held, so that is where the thread may sleep. */
#include "main/outlet/worker.h"
#include "base/arena.h"
#include "main/outlet/part.h"
#include <stdlib.h>
#include <time.h>

enum {
    READ = 256,            /* records at a time */
    PENDING_ROWS = 600000, /* in blocks that wait for the store: some 150 bytes each */
    SPARE = 4,             /* empty blocks kept, each with room for what it held last */
    PENDING_JOBS = 256,
    IDLE_NS = 5000000,
};

static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "main/outlet/counters.def"
#undef X
};

void outlet_rule_set(struct outlet_env *env, const struct cut_rule *rule)
{
    __atomic_store_n(&env->rule, rule, __ATOMIC_RELEASE);
}

/* ---- blocks */

struct block *worker_block(struct worker *w, const struct block_layout *layout)
{
    struct block *b = w->n_spare ? w->spare[--w->n_spare] : block_new(layout);
    b->layout = layout;
    return b;
}

void worker_block_back(struct worker *w, struct block *b)
{
    if (w->n_spare == SPARE) {
        block_free(b);
        return;
    }
    block_reset(b);
    w->spare[w->n_spare++] = b;
}

/* ---- */

bool worker_init(struct worker *w, struct outlet_env *env, unsigned first, unsigned step, struct err *e)
{
    unsigned n = first < env->bus->partitions ? (env->bus->partitions - first + step - 1) / step : 0;
    char labels[32];
    snprintf(labels, sizeof labels, "worker=\"%u\"", first);
    *w = (struct worker){.env = env, .batch = batch_new()};
    enrich_desk_init(&w->desk);
    w->counters = counters_new(counter_defs, N_OUTLET_COUNTERS, labels);
    w->spare = xcalloc(SPARE, sizeof(struct block *));
    w->parts = xcalloc(n, sizeof(struct part *));
    for (unsigned i = 0; i < n; i++, w->n_parts++)
        if (!(w->parts[i] = part_new(w, first + i * step, e)))
            return false;
    return true;
}

void worker_fini(struct worker *w)
{
    for (unsigned i = 0; i < w->n_parts; i++)
        part_free(w->parts[i]);
    for (unsigned i = 0; i < w->n_spare; i++)
        block_free(w->spare[i]);
    free(w->parts);
    free(w->spare);
    batch_free(w->batch);
    enrich_desk_fini(&w->desk);
    counters_free(w->counters);
    *w = (struct worker){0};
}

void worker_settle(struct worker *w)
{
    for (unsigned i = 0; i < w->n_parts; i++)
        part_settle(w->parts[i]);
}

static void show(struct worker *w)
{
    uint64_t rate = 0, exporter = 0, crowded = 0;
    for (unsigned i = 0; i < w->n_parts; i++) {
        const struct enricher *r = &w->parts[i]->enricher;
        rate += r->count.unknown_rate;
        exporter += r->count.unknown_exporter;
        crowded += r->edges.crowded;
    }
    counter_set(w->counters, OUTLET_UNKNOWN_RATE, rate);
    counter_set(w->counters, OUTLET_UNKNOWN_EXPORTER, exporter);
    counter_set(w->counters, OUTLET_CROWDED, crowded);
    counter_set(w->counters, OUTLET_READ_SECOND, w->newest_s);
    uint64_t behind = 0;
    for (unsigned i = 0; w->env->bus->lag && i < w->n_parts; i++) {
        struct bus_lag lag = {0};
        w->env->bus->lag(w->env->bus, w->parts[i]->index, &lag);
        behind += lag.records;
    }
    counter_set(w->counters, OUTLET_LAG, behind);
}

static bool read_part(struct worker *w, struct part *p)
{
    struct bus_reader *bus = w->env->bus;
    struct bus_record rec[READ];
    if (w->pending_rows > PENDING_ROWS || w->pending_jobs > PENDING_JOBS || !part_ready(p)) {
        counter_add(w->counters, OUTLET_PAUSED, 1);
        return false;
    }
    size_t n = bus->read(bus, p->index, p->offset, rec, READ, 0);
    if (n == 0) {
        p->caught_up = true;
        return false;
    }
    part_take(p, rec, n);
    bus->release(bus, p->index, p->offset);
    return true;
}

bool worker_step(struct worker *w)
{
    bool any = false;
    for (unsigned i = 0; i < w->n_parts; i++) {
        any |= part_settle(w->parts[i]);
        any |= read_part(w, w->parts[i]);
    }
    if (any)
        show(w);
    return any;
}

void *worker_run(void *arg)
{
    struct worker *w = arg;
    snapshot_reader_on();
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
        bool any = worker_step(w);
        snapshot_reader_quiet();
        if (any)
            continue;
        snapshot_reader_away();
        nanosleep(&(struct timespec){0, IDLE_NS}, NULL);
        snapshot_reader_back();
    }
    snapshot_reader_off();
    return NULL;
}
