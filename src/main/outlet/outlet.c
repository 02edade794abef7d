/*
 * Workers own partitions (worker.h), store threads insert (store/insert.h); the control thread starts them when the
 * bus is there, publishes new configuration, and stops them.
 */
#include "main/outlet/outlet.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "bus/open.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, BUS_WAIT_MS = 500, STOP_GRACE_S = 5 };

struct outlet {
    struct schema schema;
    struct registry registry;
    struct enrich enrich;
    struct station *station; /* NULL: no routes */
    struct outlet_env env;
    struct outlet_tap *tap;
    const struct config_outlet *conf;
    struct arena arena;
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

static void *decoder_make(const struct schema *schema, const struct decoder_limits *limits)
{
    return decoder_state_new(schema, limits);
}

static void decoder_tell(void *state, struct learnt_sink *learnt)
{
    decoder_state_tell(state, learnt);
}

static void decoder_wire(void *state, const struct registry *registry, struct intern *strings)
{
    decoder_state_registry(state, registry);
    decoder_state_strings(state, strings);
}

static void decoder_spread(void *state, uint32_t step_s)
{
    decoder_state_spread(state, step_s);
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

const struct outlet_decoder outlet_decoder_real = {.make = decoder_make,
                                                   .tell = decoder_tell,
                                                   .wire = decoder_wire,
                                                   .spread = decoder_spread,
                                                   .free = decoder_drop,
                                                   .decode = decoder_decode,
                                                   .save = decoder_save,
                                                   .load = decoder_load};

/* ---- start */

/* Few bytes for each reload, kept, since workers may look at any of them. */
static void set_rule(struct outlet *o, const struct config_outlet *conf)
{
    struct cut_rule *next = ARENA_NEW(&o->arena, struct cut_rule);
    const struct store_insert_conf *in = &conf->clickhouse;
    *next =
        cut_rule_for(in->maximum_batch_size, in->maximum_wait_ns / 1000000000u, in->oldest_ns / 1000000000u);
    next->spread_s = (uint32_t)(conf->flow.spread_ns / 1000000000u);
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
        if (!thread_start(&o->threads[i], worker_run, &o->workers[i], "worker %u", i)) {
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
    if (o->station)
        waiting(o, "routes of last time are being read");
    while (o->station && !stopping(o) && !station_ready(o->station))
        delay(o, 20000000);
    waiting(o, "starting");
    delay(o, o->conf->core.startup_delay_ns);
    enrich_wait(&o->enrich, &o->stop);
    nets_wait(o->enrich.nets, &o->stop);
    while (
        !stopping(o) && !o->env.bus &&
        !(o->env.bus = bus_open_reader(&o->conf->bus, &o->conf->kafka_input, o->data_dir, BUS_WAIT_MS, &e))) {
        waiting(o, e.msg);
        delay(o, 500000000);
    }
    if (stopping(o))
        return NULL;
    snapshot_reader_on(); /* what checkpoints hold is told while they are loaded */
    bool started = start_workers(o, &e);
    snapshot_reader_off();
    if (!started) {
        log_error("outlet", "cannot begin", "error", e.msg, NULL);
        waiting(o, e.msg);
        return NULL;
    }
    waiting(o, "");
    log_info("outlet", "reading the bus", "partitions", LOG_U64(o->env.bus->partitions), "workers",
             LOG_U64(o->n_workers), NULL);
    return NULL;
}

static struct inserter *make_inserter(struct outlet *o, const struct insert_way *way)
{
    uint64_t threads = o->conf->clickhousedb.max_open_conns;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    threads = threads > (uint64_t)cores ? (uint64_t)cores : threads;
    uint64_t grace = o->conf->clickhouse.grace_period_ns, most = STOP_GRACE_S * 1000000000ull;
    struct insert_conf conf = {.way = way ? *way : insert_way_ch(&o->conf->clickhousedb),
                               .threads = (unsigned)threads,
                               .rejected_dir = arena_printf(&o->arena, "%s/rejected", o->data_dir),
                               .grace_ns = grace < most ? grace : most};
    return inserter_new(&conf);
}

/* Routes, and what of flows their look-ups want. */
static bool start_routing(struct outlet *o, struct err *e)
{
    static const enum column asked[] = {COL_NextHop, COL_IngressVRFName, COL_EgressVRFName, COL_IngressVRFID,
                                        COL_EgressVRFID};
    const struct enrich_routing_provider *c = &o->conf->routing.provider;
    if (c->type != ROUTING_BMP)
        return true;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        o->schema.asked[asked[i]] =
            c->vrfs.n || (asked[i] != COL_IngressVRFID && asked[i] != COL_EgressVRFID);
    o->station = station_start(c, arena_printf(&o->arena, "%s/routes.rib", o->data_dir),
                               &o->enrich.sources[ENRICH_route], e);
    return o->station != NULL;
}

/* An element that is configured for a column nobody sees is most likely a mistake. */
static void warn_of_elements(const struct outlet *o)
{
    const struct opt_list *elements = &o->conf->flow.elements;
    for (size_t i = 0; i < elements->n; i++) {
        const struct element_conf *c = OPT_ITEM(*elements, const struct element_conf, i);
        enum column col = column_find_nocase(str_from(c->column));
        if (!o->schema.enabled[col] && !(column_defs[col].flags & COLF_HIDDEN))
            log_warn("outlet", "an element fills a column that is disabled (schema.enabled)", "enterprise",
                     LOG_U64(c->pen), "id", LOG_U64(c->id), "column", column_defs[col].name, NULL);
    }
}

struct outlet *outlet_new(const struct config_outlet *conf, const char *data_dir,
                          const struct insert_way *way, struct bus_reader *bus, struct err *e)
{
    struct outlet *o = xcalloc(1, sizeof *o);
    arena_init(&o->arena);
    o->env.bus = bus;
    o->conf = conf;
    o->data_dir = arena_strdup(&o->arena, data_dir);
    pthread_mutex_init(&o->lock, NULL);
    o->enrich.schema = &o->schema;
    if (!schema_init(&o->schema, &conf->schema, e) || !registry_init(&o->registry, &conf->flow.elements, e) ||
        !start_routing(o, e)) {
        outlet_free(o);
        return NULL;
    }
    warn_of_elements(o);
    waiting(o, "starting");
    enrich_configure(&o->enrich, &conf->core, &conf->metadata);
    if (!enrich_start(&o->enrich, o->data_dir, e) ||
        !enrich_networks(&o->enrich, &conf->networks, &conf->geoip, o->data_dir, e)) {
        outlet_free(o);
        return NULL;
    }
    o->schema.asked[COL_SrcVlan] = o->schema.asked[COL_DstVlan] = enrich_by_vlan(&o->enrich);
    o->schema.asked[COL_SrcNetMask] = o->schema.asked[COL_DstNetMask] = enrich_by_mask(&o->enrich);
    o->tap = tap_new(&o->schema);
    o->env = (struct outlet_env){.schema = &o->schema,
                                 .bus = bus,
                                 .rollup_table = conf->clickhouse.rollups ? "flows_1m0s" : NULL,
                                 .enrich = &o->enrich,
                                 .learnt = enrich_learnt(&o->enrich),
                                 .decoder = outlet_decoder_real,
                                 .limits = decode_conf_limits(&conf->flow),
                                 .registry = &o->registry,
                                 .tap = o->tap};
    block_layout_init(&o->env.flows, &o->schema, false);
    block_layout_init(&o->env.rolled, &o->schema, true);
    set_rule(o, conf);
    o->env.inserter = make_inserter(o, way);
    o->starting = thread_start(&o->starter, starter, o, "outlet start");
    if (!o->starting) {
        err_set(e, "cannot make a thread");
        outlet_free(o);
        return NULL;
    }
    return o;
}

void outlet_reload(struct outlet *o, const struct config_outlet *conf)
{
    struct err e;
    enrich_configure(&o->enrich, &conf->core, &conf->metadata);
    if (!enrich_networks(&o->enrich, &conf->networks, &conf->geoip, o->data_dir, &e))
        log_warn("outlet", "a GeoIP database is missing", "error", e.msg, NULL);
    if (enrich_by_vlan(&o->enrich) && !o->schema.asked[COL_SrcVlan])
        log_warn("outlet", "Interface.VLAN is 0 until the next start: VLANs were not decoded so far", NULL);
    if (enrich_by_mask(&o->enrich) &&
        !(o->schema.enabled[COL_SrcNetMask] && o->schema.enabled[COL_DstNetMask]) &&
        !o->schema.asked[COL_SrcNetMask])
        log_warn(
            "outlet",
            "AS numbers of flows are unknown until the next start: prefix lengths were not decoded so far",
            NULL);
    set_rule(o, conf);
}

void outlet_free(struct outlet *o)
{
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
    inserter_free(o->env.inserter);
    if (o->env.bus)
        o->env.bus->free(o->env.bus);
    registry_fini(&o->registry);
    station_stop(o->station);
    enrich_fini(&o->enrich);
    tap_free(o->tap);
    pthread_mutex_destroy(&o->lock);
    arena_fini(&o->arena);
    free(o);
}

/* ---- looking on */

struct station *outlet_station(struct outlet *o)
{
    return o->station;
}

struct outlet_tap *outlet_tap_of(struct outlet *o)
{
    return o->tap;
}

void outlet_metadata(struct outlet *o, struct metadata_status *s)
{
    metadata_status(o->enrich.metadata, s);
}

bool outlet_ask(struct outlet *o, struct ip exporter, uint32_t index)
{
    return metadata_ask(o->enrich.metadata, exporter, index);
}

void outlet_waiting_for(struct outlet *o, char *why)
{
    pthread_mutex_lock(&o->lock);
    memcpy(why, o->waiting_for, sizeof o->waiting_for);
    pthread_mutex_unlock(&o->lock);
}

/* Workers are looked at once all of them were started. */
static unsigned running(struct outlet *o)
{
    char why[256];
    outlet_waiting_for(o, why);
    return why[0] ? 0 : o->n_workers;
}

struct outlet_lag outlet_lag(struct outlet *o)
{
    struct outlet_lag sum = {0};
    unsigned n = running(o);
    for (unsigned i = 0; n && i < o->env.bus->partitions; i++) {
        struct bus_lag lag = {0};
        o->env.bus->lag(o->env.bus, i, &lag);
        sum.records += lag.records;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t read = counter_get(o->workers[i].counters, OUTLET_READ_SECOND),
                 now = clock_wall_ns() / 1000000000u;
        sum.seconds = read && now > read && now - read > sum.seconds ? now - read : sum.seconds;
    }
    return sum;
}

size_t outlet_metadata_failing(struct outlet *o, char *why, size_t room)
{
    return metadata_failing(o->enrich.metadata, why, room);
}

size_t outlet_networks_failing(struct outlet *o, char *why, size_t room)
{
    return nets_failing(o->enrich.nets, why, room);
}

uint64_t outlet_stuck_since(struct outlet *o, char *why)
{
    return inserter_stuck_since(o->env.inserter, why);
}

void outlet_totals(struct outlet *o, struct outlet_totals *t)
{
    struct counters *c = inserter_counters(o->env.inserter);
    *t = (struct outlet_totals){.blocks = counter_get(c, INSERT_BLOCKS), .rows = counter_get(c, INSERT_ROWS)};
    for (unsigned i = 0, n = running(o); i < n; i++) {
        t->datagrams += counter_get(o->workers[i].counters, OUTLET_DATAGRAMS);
        t->flows += counter_get(o->workers[i].counters, OUTLET_FLOWS);
        t->rejected += counter_get(o->workers[i].counters, OUTLET_REJECTED);
        t->rolled += counter_get(o->workers[i].counters, OUTLET_ROLLED);
    }
}
