/*
 * counters: named numbers of a module, one instance per thread that counts, summed or labelled when shown.
 *
 * A module writes its rows once, in a counters.def of rows X(id, kind, "name", "help"), and makes enum and table of it:
 *
 *   enum { #define X(id, kind, name, help) id, ... RX_COUNTERS };
 *   static const struct counter_def defs[] = { #define X(id, kind, name, help) {name, help, kind}, ... };
 *
 * counters_new registers an instance for good (its owner may free it only at exit). counter_add is for the one owning
 * thread: a relaxed load and store, no lock prefix. Several writers use counter_add_shared. Reading is any thread's.
 * Numbers may restart at zero with the process: the ledger in the store is the truth, this is the view for Prometheus.
 */
#pragma once
#include "base/buf.h"

enum counter_kind {
    COUNTER,
    GAUGE,
    COUNTER_US, /* counted in microseconds, shown in seconds as Prometheus wants */
    COUNTER_NS, /* the same in nanoseconds */
    GAUGE_NS,
};

struct counter_def {
    const char *name; /* without prefix: "inlet_flow_input_udp_packets_total"; weir_ is put in front */
    const char *help;
    enum counter_kind kind;
};

struct counters {
    const struct counter_def *defs;
    unsigned n;
    char labels[256]; /* inside the braces: worker="0",listener="[::]:2055"; may be empty */
    struct counters *next;
    uint64_t v[];
};

struct counters *counters_new(const struct counter_def *defs, unsigned n, const char *labels);
/* Takes it out of what is shown and frees it; for things that come and go, such as exporters. */
void counters_free(struct counters *c);

static inline void counter_add(struct counters *c, unsigned id, uint64_t n)
{
    __atomic_store_n(&c->v[id], c->v[id] + n, __ATOMIC_RELAXED);
}

static inline void counter_add_shared(struct counters *c, unsigned id, uint64_t n)
{
    __atomic_fetch_add(&c->v[id], n, __ATOMIC_RELAXED);
}

static inline void counter_set(struct counters *c, unsigned id, uint64_t v)
{
    __atomic_store_n(&c->v[id], v, __ATOMIC_RELAXED);
}

static inline uint64_t counter_get(const struct counters *c, unsigned id)
{
    return __atomic_load_n(&c->v[id], __ATOMIC_RELAXED);
}

/* Called while metrics are shown, for numbers that live elsewhere; it may set gauges or append text of its own. */
typedef void counters_collect_fn(struct buf *out, void *arg);
void counters_collect(counters_collect_fn *fn, void *arg);

/* All of the process in Prometheus text format 0.0.4, samples of one name together under their HELP and TYPE. */
void counters_render(struct buf *out);
