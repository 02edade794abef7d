/*
 * The keeper: one thread that reads what workers miss, asks agents when it is due, and publishes what is new, at most
 * twice a second. It waits without its lock, so that a reload and a look at its state are never held up.
 *
 * An agent that fails is asked again after a pause that doubles; after BREAKER_FAILURES in a row it is left alone for
 * minutes. What it said before stays: old names are better than numbers.
 */
#include "enrich/meta/metadata.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "enrich/meta/persist.h"
#include "enrich/meta/snmp.h"
#include "enrich/meta/snmp_session.h"
#include "enrich/meta/sources.h"
#include "enrich/meta/told.h"
#include "enrich/meta/view.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#define SECOND_NS 1000000000ull
#define MINUTE_NS (60 * SECOND_NS)

enum {
#define X(id, kind, name, help) id,
#include "enrich/meta/counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, kind, name, help) {name, help, kind},
#include "enrich/meta/counters.def"
#undef X
};

enum {
    FDS = 512,
    TICK_MS = 100,
    PUBLISH_MS = 500,
    PERSIST_S = 10,
    PERSIST_MOST = 1 << 30,
    BREAKER_FAILURES = 3,
    PAUSE_S = 2,            /* after the first failure */
    PAUSE_MOST_S = 15 * 60, /* when the breaker has opened again and again */
    MISSING_S = 10,         /* at the least between two walks for an interface that is not there */
    ASKS = 4096,
    TOLD = 1024,
    KEEP_LEAST_S = 150, /* workers say what they use once a minute */
    RESTART_SPREAD_S = 60,
};

struct target {
    bool busy, silent_told;
    uint64_t due_ns;                /* 0: nothing to ask */
    uint64_t refresh_ns, check_ns;  /* when, if there is an answer */
    uint64_t walked_ns, missing_ns; /* last walk; pause until another because an interface was missing */
    unsigned failures;
    uint32_t wanted[SNMP_WANTED];
    unsigned n_wanted;
    struct snmp_memory memory;
    char why[160];
};

struct exporter {
    struct ip ip;
    uint32_t stamp;
    struct meta_answer *answers[META_PROVIDERS];
    struct target *targets[META_PROVIDERS];
    struct meta_draft
        *told; /* what was told since it was published last, and all from before; NULL: nothing */
    UT_hash_handle hh;
};

struct asking { /* a conversation's argument */
    struct metadata *m;
    struct ip exporter;
    int type;
    unsigned ordinal;
};

struct metadata {
    struct learnt_sink sink;
    pthread_mutex_t lock;
    struct snapshot *out;
    const struct enrich_metadata_conf *conf;
    struct meta_chain *chain;
    struct meta_wishes *wishes; /* NULL until started */
    struct exporter *exporters;
    uint32_t *free_stamps, n_free, n_exporters, max_exporters;
    struct snmp_poller *poller;
    struct meta_sources *sources; /* NULL until started */
    struct counters *counters;
    char *path;
    bool dirty, unsaved, started, stop;
    uint64_t published_ns, saved_ns, shown_ns, looked_ns, started_ns;
    pthread_t thread;
};

/* ---- publishing */

static void publish(struct metadata *m)
{
    struct meta_view *v = meta_view_new(m->chain, m->wishes, m->n_exporters);
    for (struct exporter *x = m->exporters; x; x = x->hh.next)
        meta_view_add(v, x->ip, x->stamp, x->answers);
    snapshot_publish(m->out, v, meta_view_free);
    m->dirty = false;
    m->published_ns = clock_mono_ns();
    if (m->counters)
        counter_add(m->counters, META_PUBLISHED, 1);
}

static int provider_of(const struct meta_chain *c, int type, unsigned ordinal)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->providers[i].type == type && c->providers[i].ordinal == ordinal)
            return (int)i;
    return -1;
}

/* ---- exporters */

static void exporter_free(struct metadata *m, struct exporter *x)
{
    HASH_DEL(m->exporters, x);
    m->n_exporters--;
    m->free_stamps[m->n_free++] = x->stamp;
    for (unsigned i = 0; i < META_PROVIDERS; i++) {
        meta_answer_unref(x->answers[i]);
        free(x->targets[i]);
    }
    if (x->told)
        meta_draft_fini(x->told);
    free(x->told);
    free(x);
}

static struct exporter *exporter_get(struct metadata *m, struct ip ip, bool make)
{
    struct exporter *x;
    HASH_FIND(hh, m->exporters, &ip, sizeof ip, x);
    if (x || !make)
        return x;
    if (!m->n_free) {
        counter_add(m->counters, META_TOO_MANY, 1);
        return NULL;
    }
    x = xcalloc(1, sizeof *x);
    x->ip = ip;
    x->stamp = m->free_stamps[--m->n_free];
    m->wishes->stamps[x->stamp] = m->wishes->now_s;
    HASH_ADD(hh, m->exporters, ip, sizeof x->ip, x);
    m->n_exporters++;
    m->dirty = true;
    return x;
}

static struct target *target_get(struct exporter *x, unsigned provider)
{
    if (!x->targets[provider])
        x->targets[provider] = xcalloc(1, sizeof(struct target));
    return x->targets[provider];
}

/* Another chain: who is of the same type and ordinal keeps its answers; all are asked anew soon. */
static void remap(struct exporter *x, const struct meta_chain *old, const struct meta_chain *now,
                  uint64_t now_ns)
{
    struct meta_answer *answers[META_PROVIDERS] = {NULL};
    struct target *targets[META_PROVIDERS] = {NULL};
    for (unsigned i = 0; i < old->n; i++) {
        int to = provider_of(now, old->providers[i].type, old->providers[i].ordinal);
        struct target *t = x->targets[i];
        if (to < 0) {
            meta_answer_unref(x->answers[i]);
            free(t);
            continue;
        }
        answers[to] = x->answers[i];
        targets[to] = t;
        if (t) {
            t->failures = 0;
            t->memory = (struct snmp_memory){0};
            t->due_ns = t->busy ? 0 : now_ns;
        }
    }
    memcpy(x->answers, answers, sizeof answers);
    memcpy(x->targets, targets, sizeof targets);
}

/* Anew from the configuration and what remote sources handed over; under the lock. */
static void rebuild(struct metadata *m)
{
    struct static_table *tables[META_PROVIDERS] = {NULL};
    unsigned n = 0;
    for (size_t i = 0; i < m->conf->providers.n && i < META_PROVIDERS; i++) {
        const struct enrich_metadata_provider *p =
            OPT_ITEM(m->conf->providers, struct enrich_metadata_provider, i);
        if (p->type == METADATA_STATIC) {
            tables[n] = meta_sources_table(m->sources, n, &p->exporters);
            n++;
        }
    }
    m->chain = meta_chain_new(m->conf, tables);
}

static void on_sources(void *arg)
{
    struct metadata *m = arg;
    pthread_mutex_lock(&m->lock);
    struct meta_chain *old = m->chain;
    rebuild(m);
    publish(m);
    meta_chain_unref(old);
    pthread_mutex_unlock(&m->lock);
}

void metadata_configure(struct metadata *m, const struct enrich_metadata_conf *conf)
{
    pthread_mutex_lock(&m->lock);
    struct meta_chain *old = m->chain;
    m->conf = conf;
    rebuild(m);
    if (!m->max_exporters)
        m->max_exporters = conf->max_exporters ? (uint32_t)conf->max_exporters : 1;
    for (struct exporter *x = m->exporters; x; x = x->hh.next)
        remap(x, old, m->chain, clock_mono_ns());
    if (m->poller)
        for (unsigned i = 0; i < m->chain->n; i++)
            if (m->chain->providers[i].type == METADATA_SNMP)
                snmp_poller_rate(m->poller, m->chain->providers[i].conf->poller_rate);
    publish(m);
    meta_chain_unref(old);
    pthread_mutex_unlock(&m->lock);
    if (m->sources)
        meta_sources_configure(m->sources, conf); /* whose threads come here */
}

void metadata_wait(struct metadata *m, const bool *stop)
{
    if (m->sources)
        meta_sources_wait(m->sources, m->conf, stop);
}

/* ---- what workers miss */

static void want(struct target *t, uint32_t index)
{
    for (unsigned i = 0; i < t->n_wanted; i++)
        if (t->wanted[i] == index)
            return;
    if (t->n_wanted < SNMP_WANTED)
        t->wanted[t->n_wanted++] = index;
}

bool metadata_ask(struct metadata *m, struct ip exporter, uint32_t index)
{
    pthread_mutex_lock(&m->lock); /* so that the view is not replaced meanwhile */
    bool ok = meta_view_ask(snapshot_get(m->out).data, exporter, index);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static void take_ask(struct metadata *m, const struct meta_ask *ask, uint64_t now)
{
    struct exporter *x = exporter_get(m, ask->exporter, true);
    for (unsigned i = 0; x && i < m->chain->n; i++) {
        if (!(ask->providers >> i & 1) || m->chain->providers[i].type != METADATA_SNMP)
            continue;
        struct target *t = target_get(x, i);
        for (int k = 0; k < 2; k++)
            if (ask->index[k] && !(x->answers[i] && meta_answer_iface(x->answers[i], ask->index[k])))
                want(t, ask->index[k]);
        if (t->busy || t->failures)
            continue; /* it has its time */
        if (!x->answers[i]) {
            t->due_ns = t->due_ns ? t->due_ns : now;
        } else if (t->n_wanted) {
            uint64_t then = t->walked_ns + t->missing_ns;
            then = then < now ? now : then;
            t->due_ns = t->due_ns && t->due_ns < then ? t->due_ns : then;
        }
    }
}

static void take_asks(struct metadata *m)
{
    struct meta_ask ask;
    uint64_t now = clock_mono_ns();
    for (unsigned n = 0; n < ASKS && meta_queue_get(&m->wishes->asks, &ask); n++)
        take_ask(m, &ask, now);
}

/* ---- what exporters tell */

static void on_learnt(struct learnt_sink *sink, const struct learnt *l)
{
    struct metadata *m = (struct metadata *)sink; /* its first member */
    told_put(snapshot_get(m->out).data, l);
}

struct learnt_sink *metadata_learnt(struct metadata *m)
{
    return &m->sink;
}

static void keep(struct metadata *m, struct exporter *x, unsigned provider, struct meta_answer *a)
{
    if (meta_answer_same(x->answers[provider], a)) {
        meta_answer_unref(a);
        return;
    }
    meta_answer_unref(x->answers[provider]);
    x->answers[provider] = a;
    m->dirty = m->unsaved = true;
}

static void take_told(struct metadata *m)
{
    struct meta_told told;
    bool any = false;
    int provider = m->chain->flow;
    for (unsigned n = 0; n < TOLD && meta_queue_get(&m->wishes->told, &told); n++) {
        struct exporter *x = provider >= 0 ? exporter_get(m, told.exporter, true) : NULL;
        if (!x)
            continue;
        if (!x->told) {
            x->told = xcalloc(1, sizeof *x->told);
            told_begin(x->told, x->answers[provider], (uint32_t)m->conf->max_interfaces);
        }
        told_take(x->told, &told);
        any = true;
    }
    for (struct exporter *x = any ? m->exporters : NULL; x; x = x->hh.next) {
        if (!x->told)
            continue;
        keep(m, x, (unsigned)provider, meta_draft_done(x->told, clock_wall_ns() / SECOND_NS));
        counter_add(m->counters, META_CUT, x->told->cut);
        meta_draft_fini(x->told);
        free(x->told);
        x->told = NULL;
    }
}

/* ---- asking */

static uint64_t seconds_doubled(uint64_t first_s, unsigned times, uint64_t most_s)
{
    while (times-- && first_s < most_s)
        first_s *= 2;
    return (first_s < most_s ? first_s : most_s) * SECOND_NS;
}

static void tell_silent(struct metadata *m, const struct exporter *x, struct target *t, uint64_t now)
{
    char ip[IP_TEXT_MAX];
    counter_add(m->counters, META_BREAKER, 1);
    if (t->silent_told || now < m->started_ns + m->conf->initial_delay_ns)
        return;
    t->silent_told = true;
    log_warn("metadata", "SNMP agent does not answer; its interfaces keep their numbers or last names",
             "exporter", ip_format(x->ip, ip), "why", t->why, NULL);
}

static void failed(struct metadata *m, struct exporter *x, struct target *t, const struct snmp_result *r,
                   uint64_t now)
{
    counter_add(m->counters, META_ERRORS, 1);
    memcpy(t->why, r->why, sizeof t->why);
    t->failures++;
    t->memory.engine_len = 0;
    if (t->failures >= BREAKER_FAILURES) {
        t->due_ns = now + seconds_doubled(60, t->failures - BREAKER_FAILURES, PAUSE_MOST_S);
        tell_silent(m, x, t, now);
    } else {
        t->due_ns = now + seconds_doubled(PAUSE_S, t->failures - 1, PAUSE_MOST_S);
    }
}

/* Interfaces that were read one by one join those that are known. */
static struct meta_answer *joined(struct metadata *m, struct meta_answer *old, struct meta_answer *some)
{
    if (!old)
        return some;
    struct meta_draft d;
    meta_draft_init(&d, (uint32_t)m->conf->max_interfaces);
    d.name = some->name.len ? some->name : old->name;
    const struct meta_answer *both[2] = {old, some};
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < both[k]->n; i++) {
            struct meta_iface *to = meta_draft_iface(&d, both[k]->ifaces[i].index);
            if (to)
                *to = both[k]->ifaces[i];
        }
    struct meta_answer *out = meta_draft_done(&d, some->learnt_s);
    meta_draft_fini(&d);
    meta_answer_unref(some);
    return out;
}

static void succeeded(struct metadata *m, struct exporter *x, unsigned provider, struct snmp_result *r,
                      uint64_t now)
{
    struct target *t = x->targets[provider];
    char ip[IP_TEXT_MAX];
    if (t->silent_told)
        log_info("metadata", "SNMP agent answers again", "exporter", ip_format(x->ip, ip), NULL);
    t->silent_told = false;
    t->failures = 0;
    t->check_ns = now + m->conf->cache_check_ns;
    if (r->outcome == SNMP_UNCHANGED)
        return;
    const struct meta_answer *before = x->answers[provider];
    keep(m, x, provider, r->partial ? joined(m, x->answers[provider], r->answer) : r->answer);
    t->walked_ns = now;
    t->refresh_ns = m->conf->cache_refresh_ns ? now + m->conf->cache_refresh_ns : 0;
    t->missing_ns = x->answers[provider] != before                 ? MISSING_S * SECOND_NS
                    : t->missing_ns < PAUSE_MOST_S * SECOND_NS / 2 ? t->missing_ns * 2
                                                                   : PAUSE_MOST_S * SECOND_NS;
    t->n_wanted = 0; /* who still misses one says so again */
}

static void on_done(void *arg, struct snmp_result *r)
{
    struct asking *a = arg;
    struct metadata *m = a->m;
    uint64_t now = clock_mono_ns();
    struct exporter *x = exporter_get(m, a->exporter, false);
    int provider = provider_of(m->chain, a->type, a->ordinal);
    struct target *t = x && provider >= 0 ? x->targets[provider] : NULL;
    if (!t) { /* forgotten meanwhile, or no provider any more */
        meta_answer_unref(r->answer);
        return;
    }
    t->busy = false;
    t->due_ns = 0;
    t->memory = r->memory;
    if (r->outcome == SNMP_FAILED)
        failed(m, x, t, r, now);
    else
        succeeded(m, x, (unsigned)provider, r, now);
}

static struct ip agent_of(const struct enrich_metadata_provider *p, struct ip exporter)
{
    struct ip ip, agent;
    for (size_t i = 0; i < p->agents.n; i++)
        if (ip_parse(str_from(p->agents.keys[i]), &ip) && ip_eq(ip, exporter) &&
            ip_parse(str_from(((const char *const *)p->agents.items)[i]), &agent))
            return agent;
    return exporter;
}

static void start(struct metadata *m, struct exporter *x, unsigned provider, bool check_only)
{
    const struct meta_provider *p = &m->chain->providers[provider];
    struct target *t = x->targets[provider];
    int who = opt_subnetmap_find(&p->conf->credentials, x->ip),
        port = opt_subnetmap_find(&p->conf->ports, x->ip);
    t->due_ns = 0;
    if (who < 0) {
        counter_add(m->counters, META_SKIPS, 1);
        t->failures = BREAKER_FAILURES; /* nothing to be told; looked at again after a reload */
        return;
    }
    struct asking *a = xcalloc(1, sizeof *a);
    *a = (struct asking){m, x->ip, p->type, p->ordinal};
    struct snmp_job job = {.agent = agent_of(p->conf, x->ip),
                           .port = port < 0 ? 161 : (uint16_t)((const uint64_t *)p->conf->ports.items)[port],
                           .conf = p->conf,
                           .credentials =
                               &((const struct enrich_snmp_credentials *)p->conf->credentials.items)[who],
                           .query_timeout_ns = m->conf->query_timeout_ns,
                           .max_ifaces = (uint32_t)m->conf->max_interfaces,
                           .n_wanted = t->n_wanted,
                           .check_only = check_only,
                           .memory = t->memory,
                           .done = on_done,
                           .arg = a};
    memcpy(job.wanted, t->wanted, sizeof job.wanted);
    t->busy = true;
    snmp_poller_start(m->poller, &job);
}

/* Whose time has come; as many as may be asked at once. */
static void start_due(struct metadata *m, uint64_t now)
{
    for (struct exporter *x = m->exporters; x; x = x->hh.next)
        for (unsigned i = 0; i < m->chain->n; i++) {
            struct target *t = x->targets[i];
            if (!t || t->busy)
                continue;
            bool due = t->due_ns && t->due_ns <= now,
                 refresh = !t->failures && t->refresh_ns && t->refresh_ns <= now,
                 check = !t->failures && t->check_ns && t->check_ns <= now && x->answers[i];
            if (!due && !refresh && !check)
                continue;
            if (snmp_poller_busy(m->poller) >= m->chain->providers[i].conf->poller_concurrency)
                return;
            if (refresh)
                counter_add(m->counters, META_REFRESHES, 1);
            start(m, x, i, !due && !refresh);
        }
}

/* ---- forgetting, saving */

static void expire(struct metadata *m, uint64_t now)
{
    if (now < m->looked_ns + m->conf->cache_check_ns && now < m->looked_ns + MINUTE_NS)
        return;
    m->looked_ns = now;
    counter_add(m->counters, META_REFRESH_RUNS, 1);
    uint64_t keep_s = m->conf->cache_duration_ns / SECOND_NS;
    keep_s = keep_s < KEEP_LEAST_S ? KEEP_LEAST_S : keep_s;
    struct exporter *x, *next;
    HASH_ITER(hh, m->exporters, x, next)
    {
        uint32_t used = __atomic_load_n(&m->wishes->stamps[x->stamp], __ATOMIC_RELAXED);
        if (now / SECOND_NS < used + keep_s)
            continue;
        exporter_free(m, x);
        counter_add(m->counters, META_EXPIRED, 1);
        m->dirty = m->unsaved = true;
    }
}

/* The bytes of the file, under the lock; written without. */
static void collect(struct metadata *m, struct buf *out)
{
    persist_begin(out);
    for (struct exporter *x = m->exporters; x; x = x->hh.next)
        for (unsigned i = 0; i < m->chain->n; i++)
            if (x->answers[i])
                persist_add(out, &(struct persist_row){(uint8_t)m->chain->providers[i].type,
                                                       (uint8_t)m->chain->providers[i].ordinal, x->ip,
                                                       x->answers[i]});
    persist_end(out);
    m->unsaved = false;
}

static void save(struct metadata *m, const struct buf *file)
{
    struct err e;
    if (file_replace(m->path, buf_str(file), &e))
        return;
    counter_add(m->counters, META_PERSIST_ERRORS, 1);
    log_warn("metadata", "names cannot be saved", "error", e.msg, NULL);
}

static void loaded(void *arg, struct persist_row *r)
{
    struct metadata *m = arg;
    int provider = provider_of(m->chain, r->type, r->ordinal);
    struct exporter *x = provider >= 0 ? exporter_get(m, r->exporter, true) : NULL;
    if (!x || x->answers[provider]) {
        meta_answer_unref(r->answer);
        return;
    }
    x->answers[provider] = r->answer;
    if (r->type != METADATA_SNMP)
        return;
    struct target *t = target_get(x, (unsigned)provider);
    uint64_t spread = (uint64_t)x->stamp * 2654435761u % RESTART_SPREAD_S;
    t->refresh_ns = clock_mono_ns() + spread * SECOND_NS;
    t->walked_ns = clock_mono_ns();
    t->missing_ns = MISSING_S * SECOND_NS;
}

static void load(struct metadata *m)
{
    struct buf b;
    struct err e;
    buf_init(&b, 0);
    bool ok = file_read(m->path, PERSIST_MOST, &b, &e);
    if (ok && !persist_read(buf_str(&b), (uint32_t)m->conf->max_interfaces, loaded, m, &e))
        ok = err_wrap(&e, "%s", m->path);
    if (!ok && e.msg[0]) {
        counter_add(m->counters, META_PERSIST_ERRORS, 1);
        log_warn("metadata", "names of before are not there; they are asked for again", "error", e.msg, NULL);
    }
    buf_fini(&b);
}

/* ---- thread */

static void show(struct metadata *m)
{
    uint64_t entries = 0;
    for (struct exporter *x = m->exporters; x; x = x->hh.next)
        for (unsigned i = 0; i < m->chain->n; i++)
            entries += x->answers[i] ? x->answers[i]->n : 0;
    counter_set(m->counters, META_ENTRIES, entries);
    counter_set(m->counters, META_EXPORTERS, m->n_exporters);
    counter_set(m->counters, META_HITS, __atomic_load_n(&m->wishes->hits, __ATOMIC_RELAXED));
    counter_set(m->counters, META_MISSES, __atomic_load_n(&m->wishes->misses, __ATOMIC_RELAXED));
    counter_set(m->counters, META_TOLD_LOST, __atomic_load_n(&m->wishes->told.lost, __ATOMIC_RELAXED));
    counter_set(m->counters, META_ASKS_LOST, __atomic_load_n(&m->wishes->asks.lost, __ATOMIC_RELAXED));
}

static void round_of(struct metadata *m, struct buf *to_save)
{
    uint64_t now = clock_mono_ns();
    __atomic_store_n(&m->wishes->now_s, (uint32_t)(now / SECOND_NS), __ATOMIC_RELAXED);
    take_asks(m);
    take_told(m);
    snmp_poller_step(m->poller);
    start_due(m, now);
    snmp_poller_step(m->poller); /* the new ones' first questions */
    expire(m, now);
    if (m->dirty && now >= m->published_ns + PUBLISH_MS * 1000000ull)
        publish(m);
    if (m->unsaved && now >= m->saved_ns + PERSIST_S * SECOND_NS) {
        m->saved_ns = now;
        collect(m, to_save);
    }
    if (now >= m->shown_ns + SECOND_NS) {
        m->shown_ns = now;
        show(m);
    }
}

static void *run(void *arg)
{
    struct metadata *m = arg;
    struct pollfd fds[FDS];
    struct buf to_save;
    buf_init(&to_save, 0);
    while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
        int timeout_ms = TICK_MS;
        pthread_mutex_lock(&m->lock);
        round_of(m, &to_save);
        unsigned n = snmp_poller_fds(m->poller, fds, FDS, &timeout_ms);
        pthread_mutex_unlock(&m->lock);
        if (to_save.len) {
            save(m, &to_save);
            buf_fini(&to_save);
            buf_init(&to_save, 0);
        }
        poll(fds, n, timeout_ms);
    }
    buf_fini(&to_save);
    return NULL;
}

struct metadata *metadata_new(struct snapshot *out)
{
    struct metadata *m = xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    m->out = out;
    m->sink.tell = on_learnt;
    return m;
}

bool metadata_start(struct metadata *m, const char *data_dir, struct err *e)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/metadata.cache", data_dir);
    m->path = xstrdup(m->conf->cache_persist_file[0] ? m->conf->cache_persist_file : path);
    m->counters = counters_new(counter_defs, N_COUNTERS, "");
    m->wishes = xcalloc(1, sizeof *m->wishes);
    meta_queue_init(&m->wishes->asks, sizeof(struct meta_ask), ASKS);
    meta_queue_init(&m->wishes->told, sizeof(struct meta_told), TOLD);
    m->wishes->stamps = xcalloc(m->max_exporters, sizeof(uint32_t));
    m->wishes->now_s = (uint32_t)(clock_mono_ns() / SECOND_NS);
    m->free_stamps = xcalloc(m->max_exporters, sizeof(uint32_t));
    for (uint32_t i = 0; i < m->max_exporters; i++)
        m->free_stamps[m->n_free++] = m->max_exporters - 1 - i;
    snmp_session_setup();
    m->poller = snmp_poller_new(m->counters);
    m->started_ns = m->looked_ns = clock_mono_ns();
    load(m);
    m->sources = meta_sources_new(data_dir, on_sources, m);
    metadata_configure(m, m->conf); /* publishes what was loaded, and that somebody listens now */
    m->started = thread_start(&m->thread, run, m, "metadata");
    return m->started || err_set(e, "cannot make a thread");
}

void metadata_free(struct metadata *m)
{
    if (!m)
        return;
    struct buf b;
    meta_sources_free(m->sources);
    m->sources = NULL;
    __atomic_store_n(&m->stop, true, __ATOMIC_RELAXED);
    if (m->started)
        pthread_join(m->thread, NULL);
    buf_init(&b, 0);
    if (m->started && m->unsaved) {
        collect(m, &b);
        save(m, &b);
    }
    buf_fini(&b);
    if (m->poller)
        snmp_poller_free(m->poller);
    struct exporter *x, *next;
    HASH_ITER(hh, m->exporters, x, next)
    exporter_free(m, x);
    meta_chain_unref(m->chain);
    if (m->counters)
        counters_free(m->counters);
    if (m->wishes) {
        meta_queue_fini(&m->wishes->asks);
        meta_queue_fini(&m->wishes->told);
        free(m->wishes->stamps);
    }
    free(m->wishes);
    free(m->free_stamps);
    free(m->path);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

size_t metadata_failing(struct metadata *m, char *why, size_t room)
{
    return meta_sources_failing(m->sources, why, room);
}

void metadata_status(struct metadata *m, struct metadata_status *s)
{
    *s = (struct metadata_status){0};
    pthread_mutex_lock(&m->lock);
    for (struct exporter *x = m->exporters; x; x = x->hh.next)
        for (unsigned i = 0; i < m->chain->n; i++)
            if (m->chain->providers[i].type == METADATA_SNMP && x->targets[i]) {
                s->exporters++;
                s->answered += x->answers[i] != NULL;
                s->silent += x->targets[i]->failures > 0;
                s->open += !x->answers[i] && !x->targets[i]->failures;
            }
    pthread_mutex_unlock(&m->lock);
}
