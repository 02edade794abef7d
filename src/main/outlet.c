/*
 * Role outlet: bus -> flows in the store. Workers own partitions (outlet_worker.h), store threads insert (store/insert.h),
 * this thread starts them when the bus is there, publishes new configuration, and stops them.
 */
#include "base/clock.h"
#include "base/log.h"
#include "bus/open.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/outlet_worker.h"
#include "main/role.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, BUS_WAIT_MS = 500, STOP_GRACE_S = 5, STORE_AWAY_S = 10, LAG_WARN_S = 30 };

struct outlet {
    struct schema schema;
    struct enrich enrich;
    struct outlet_env env;
    struct outlet_tap *tap;
    const struct config_outlet *conf;
    const char *data_dir;
    pthread_t starter;
    bool starting, stop;
    struct worker workers[WORKERS_MAX];
    pthread_t threads[WORKERS_MAX];
    unsigned n_workers;   /* running */
    pthread_mutex_t lock; /* of what health looks at */
    char waiting_for[256];
};

/* ---- the decoder as the workers want it */

static void *decoder_make(const struct schema *schema)
{
    return decoder_state_new(schema, NULL);
}

static void decoder_drop(void *state)
{
    decoder_state_free(state);
}

static void decoder_decode(void *state, const struct dgram *d, struct batch_sink *sink,
                           struct decode_stats *stats)
{
    decode_dgram(state, d, sink, stats);
}

static void decoder_save(const void *state, struct buf *out)
{
    decoder_state_save(state, out);
}

static bool decoder_load(void *state, struct str in, struct err *e)
{
    return decoder_state_load(state, in, e);
}

const struct outlet_decoder outlet_decoder_real = {decoder_make, decoder_drop, decoder_decode, decoder_save,
                                                   decoder_load};

/* ---- start */

/* Few bytes for each reload, kept, since workers may look at any of them. */
static void set_rule(struct outlet *o, struct arena *a, const struct store_insert_conf *conf)
{
    struct cut_rule *next = ARENA_NEW(a, struct cut_rule);
    *next = cut_rule_for(conf->maximum_batch_size, conf->maximum_wait_ns / 1000000000u);
    outlet_rule_set(&o->env, next);
}

static void waiting(struct outlet *o, const char *why)
{
    pthread_mutex_lock(&o->lock);
    snprintf(o->waiting_for, sizeof o->waiting_for, "%.255s", why);
    pthread_mutex_unlock(&o->lock);
}

static bool stopping(const struct outlet *o)
{
    return __atomic_load_n(&o->stop, __ATOMIC_RELAXED);
}

static void delay(struct outlet *o, uint64_t ns)
{
    uint64_t until = clock_mono_ns() + ns;
    while (!stopping(o) && clock_mono_ns() < until)
        nanosleep(&(struct timespec){0, 100000000}, NULL);
}

static unsigned workers_wanted(const struct outlet *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n = cores > 1 ? (uint64_t)cores / 2 : 1;
    if (o->conf->bus.type == BUS_KAFKA) {
        n = n < o->conf->kafka_input.min_workers ? o->conf->kafka_input.min_workers : n;
        n = n > o->conf->kafka_input.max_workers ? o->conf->kafka_input.max_workers : n;
    }
    n = n > o->env.bus->partitions ? o->env.bus->partitions : n;
    return n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static bool start_workers(struct outlet *o, struct err *e)
{
    unsigned n = workers_wanted(o);
    for (unsigned i = 0; i < n; i++) {
        if (!worker_init(&o->workers[i], &o->env, i, n, e)) {
            worker_fini(&o->workers[i]);
            return false;
        }
        if (pthread_create(&o->threads[i], NULL, worker_run, &o->workers[i]) != 0) {
            worker_fini(&o->workers[i]);
            return err_set(e, "cannot make a thread");
        }
        o->n_workers++;
    }
    return true;
}

static void stop_workers(struct outlet *o)
{
    for (unsigned i = 0; i < o->n_workers; i++)
        __atomic_store_n(&o->workers[i].stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < o->n_workers; i++)
        pthread_join(o->threads[i], NULL);
}

/* The spool is the inlet's to make and a broker may be away: this waits for them without holding up the role. */
static void *starter(void *arg)
{
    struct outlet *o = arg;
    struct err e;
    delay(o, o->conf->core.startup_delay_ns);
    while (!stopping(o) && !(o->env.bus = bus_open_reader(&o->conf->bus, &o->conf->kafka_input, o->data_dir,
                                                          BUS_WAIT_MS, &e))) {
        waiting(o, e.msg);
        delay(o, 500000000);
    }
    if (stopping(o))
        return NULL;
    if (!start_workers(o, &e)) {
        log_error("outlet", "cannot begin", "error", e.msg, NULL);
        waiting(o, e.msg);
        return NULL;
    }
    waiting(o, "");
    log_info("outlet", "reading the bus", "partitions", LOG_U64(o->env.bus->partitions), "workers",
             LOG_U64(o->n_workers), NULL);
    return NULL;
}

static struct inserter *make_inserter(const struct outlet *o, struct arena *a)
{
    uint64_t threads = o->conf->clickhousedb.max_open_conns;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    threads = threads > (uint64_t)cores ? (uint64_t)cores : threads;
    uint64_t grace = o->conf->clickhouse.grace_period_ns, most = STOP_GRACE_S * 1000000000ull;
    struct insert_conf conf = {.way = insert_way_ch(&o->conf->clickhousedb),
                               .threads = (unsigned)threads,
                               .rejected_dir = arena_printf(a, "%s/rejected", o->data_dir),
                               .grace_ns = grace < most ? grace : most};
    return inserter_new(&conf);
}

static bool start(struct role_ctx *c, struct err *e)
{
    struct outlet *o = xcalloc(1, sizeof *o);
    c->state = o;
    o->conf = c->conf;
    o->data_dir = c->data_dir;
    pthread_mutex_init(&o->lock, NULL);
    if (!schema_init(&o->schema, &o->conf->schema, e))
        return false;
    waiting(o, "starting");
    o->enrich.schema = &o->schema;
    enrich_configure(&o->enrich, &o->conf->core, &o->conf->metadata);
    o->tap = tap_new(&o->schema);
    o->env = (struct outlet_env){.schema = &o->schema,
                                 .rollup_table = o->conf->clickhouse.rollups ? "flows_1m0s" : NULL,
                                 .enrich = &o->enrich,
                                 .decoder = outlet_decoder_real,
                                 .tap = o->tap};
    block_layout_init(&o->env.flows, &o->schema, false);
    block_layout_init(&o->env.rolled, &o->schema, true);
    set_rule(o, c->arena, &o->conf->clickhouse);
    o->env.inserter = make_inserter(o, c->arena);
    o->starting = pthread_create(&o->starter, NULL, starter, o) == 0;
    return o->starting || err_set(e, "cannot make a thread");
}

static bool reload(struct role_ctx *c, const void *new_conf, struct err *e)
{
    struct outlet *o = c->state;
    const struct config_outlet *conf = new_conf;
    enrich_configure(&o->enrich, &conf->core, &conf->metadata);
    set_rule(o, c->arena, &conf->clickhouse);
    return true;
}

/* ---- health, stop */

static void store_health(struct outlet *o, struct role_health *h)
{
    char why[256];
    uint64_t since = inserter_stuck_since(o->env.inserter, why), now = clock_mono_ns();
    *h = (struct role_health){.component = "store", .status = "ok"};
    if (!since || now < since + STORE_AWAY_S * 1000000000ull)
        return;
    h->status = "warning";
    snprintf(h->reason, sizeof h->reason, "no insert for %llu s: %.200s",
             (unsigned long long)((now - since) / 1000000000u), why);
}

static void bus_health(struct outlet *o, struct role_health *h)
{
    *h = (struct role_health){.component = "bus", .status = "ok"};
    pthread_mutex_lock(&o->lock);
    snprintf(h->reason, sizeof h->reason, "%s", o->waiting_for);
    pthread_mutex_unlock(&o->lock);
    if (h->reason[0]) {
        h->status = "warning";
        return;
    }
    uint64_t behind = 0, records = 0;
    for (unsigned i = 0; i < o->env.bus->partitions; i++) {
        struct bus_lag lag = {0};
        o->env.bus->lag(o->env.bus, i, &lag);
        records += lag.records;
    }
    for (unsigned i = 0; i < o->n_workers; i++) {
        uint64_t read = counter_get(o->workers[i].counters, OUTLET_READ_SECOND),
                 now = clock_wall_ns() / 1000000000u;
        behind = read && now > read && now - read > behind ? now - read : behind;
    }
    if (records && behind > LAG_WARN_S) {
        h->status = "warning";
        snprintf(h->reason, sizeof h->reason, "%llu s and %llu datagrams behind", (unsigned long long)behind,
                 (unsigned long long)records);
    }
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    struct outlet *o = c->state;
    if (room < 2)
        return 0;
    bus_health(o, &out[0]);
    store_health(o, &out[1]);
    return 2;
}

/* Nothing that is open is flushed: it is read again. */
static void stop(struct role_ctx *c)
{
    struct outlet *o = c->state;
    if (!o)
        return;
    __atomic_store_n(&o->stop, true, __ATOMIC_RELAXED);
    if (o->starting)
        pthread_join(o->starter, NULL);
    stop_workers(o);
    if (o->env.inserter)
        inserter_stop(o->env.inserter);
    for (unsigned i = 0; i < o->n_workers; i++) {
        worker_settle(&o->workers[i]);
        worker_fini(&o->workers[i]);
    }
    if (o->env.inserter)
        inserter_free(o->env.inserter);
    if (o->env.bus)
        o->env.bus->free(o->env.bus);
    enrich_fini(&o->enrich);
    tap_free(o->tap);
    pthread_mutex_destroy(&o->lock);
    free(o);
    c->state = NULL;
}

static void flows(struct http_call *call)
{
    struct role_ctx *c = call->arg;
    struct outlet *o = c->state;
    tap_flows(call, o ? o->tap : NULL);
}

static const struct http_route routes[] = {
    {"GET", "/api/v0/outlet/flows", flows, "The next flows as JSON, one a line (limit=N)."},
};

static const struct role role = {.name = "outlet",
                                 .summary = "decode, complete and store flows",
                                 .conf = &config_outlet_table,
                                 .routes = routes,
                                 .n_routes = sizeof routes / sizeof *routes,
                                 .start = start,
                                 .reload = reload,
                                 .health = health,
                                 .stop = stop};

int cmd_outlet(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
