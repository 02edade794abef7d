/* A registry of instances; rendering groups samples by name, as the text format demands. */
#include "base/counters.h"
#include "base/arena.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_COLLECTORS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counters *all;
static struct {
    counters_collect_fn *fn;
    void *arg;
} collectors[MAX_COLLECTORS];
static unsigned n_collectors;

struct counters *counters_new(const struct counter_def *defs, unsigned n, const char *labels)
{
    struct counters *c = xcalloc(1, sizeof *c + n * sizeof c->v[0]);
    c->defs = defs;
    c->n = n;
    snprintf(c->labels, sizeof c->labels, "%s", labels ? labels : "");
    pthread_mutex_lock(&lock);
    struct counters **at = &all; /* in order of creation: the text stays stable between two scrapes */
    while (*at)
        at = &(*at)->next;
    *at = c;
    pthread_mutex_unlock(&lock);
    return c;
}

void counters_free(struct counters *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&lock);
    for (struct counters **at = &all; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    free(c);
}

void counters_collect(counters_collect_fn *fn, void *arg)
{
    pthread_mutex_lock(&lock);
    if (n_collectors < MAX_COLLECTORS) {
        collectors[n_collectors].fn = fn;
        collectors[n_collectors++].arg = arg;
    }
    pthread_mutex_unlock(&lock);
}

static bool same_table_before(const struct counters *c)
{
    for (const struct counters *p = all; p != c; p = p->next)
        if (p->defs == c->defs)
            return true;
    return false;
}

static void render_name(struct buf *out, const struct counters *first, unsigned id)
{
    const struct counter_def *d = &first->defs[id];
    buf_printf(out, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", d->name, d->help, d->name,
               d->kind == GAUGE || d->kind == GAUGE_NS ? "gauge" : "counter");
    for (const struct counters *c = first; c; c = c->next) {
        if (c->defs != first->defs)
            continue;
        unsigned long long v = counter_get(c, id);
        buf_printf(out, "weir_%s%s%s%s ", d->name, c->labels[0] ? "{" : "", c->labels,
                   c->labels[0] ? "}" : "");
        if (d->kind == COUNTER_US)
            buf_printf(out, "%llu.%06llu\n", v / 1000000, v % 1000000);
        else if (d->kind == COUNTER_NS || d->kind == GAUGE_NS)
            buf_printf(out, "%llu.%09llu\n", v / 1000000000, v % 1000000000);
        else
            buf_printf(out, "%llu\n", v);
    }
}

void counters_render(struct buf *out)
{
    pthread_mutex_lock(&lock);
    unsigned n = n_collectors;
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < n; i++)
        collectors[i].fn(out, collectors[i].arg);
    pthread_mutex_lock(&lock);
    for (const struct counters *c = all; c; c = c->next)
        if (!same_table_before(c))
            for (unsigned id = 0; id < c->n; id++)
                render_name(out, c, id);
    pthread_mutex_unlock(&lock);
}
