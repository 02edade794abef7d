/* Open addressing in an array that never moves; a slot's address is published by its packet count becoming non-zero. */
#include "rx/exporters.h"
#include "base/arena.h"
#include "base/counters.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 2048, MOST = 1024 };

struct exporter {
    struct ip src;
    uint64_t packets, bytes;
};

struct exporters {
    struct exporters *next;
    char labels[256];
    unsigned n;
    struct exporter *last; /* datagrams come in bursts */
    struct exporter other, slots[SLOTS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct exporters *all;

static void render_one(struct buf *out, const char *what, const struct exporters *x, const struct exporter *e,
                       bool bytes)
{
    char name[IP_TEXT_MAX];
    uint64_t packets = __atomic_load_n(&e->packets, __ATOMIC_ACQUIRE);
    if (packets == 0)
        return;
    uint64_t v = bytes ? __atomic_load_n(&e->bytes, __ATOMIC_RELAXED) : packets;
    buf_printf(out, "weir_inlet_flow_input_udp_exporter_%s_total{%s,exporter=\"%s\"} %llu\n", what, x->labels,
               e == &x->other ? "other" : ip_format(e->src, name), (unsigned long long)v);
}

static void render(struct buf *out, void *arg)
{
    static const char *const names[] = {"packets", "bytes"};
    pthread_mutex_lock(&lock);
    for (unsigned k = 0; all && k < 2; k++) {
        buf_printf(out,
                   "# HELP weir_inlet_flow_input_udp_exporter_%s_total %s received from one exporter.\n"
                   "# TYPE weir_inlet_flow_input_udp_exporter_%s_total counter\n",
                   names[k], k ? "Bytes" : "Datagrams", names[k]);
        for (const struct exporters *x = all; x; x = x->next) {
            for (unsigned i = 0; i < SLOTS; i++)
                render_one(out, names[k], x, &x->slots[i], k);
            render_one(out, names[k], x, &x->other, k);
        }
    }
    pthread_mutex_unlock(&lock);
}

static void register_once(void)
{
    counters_collect(render, NULL);
}

struct exporters *exporters_new(const char *labels)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct exporters *x = xcalloc(1, sizeof *x);
    snprintf(x->labels, sizeof x->labels, "%s", labels);
    x->last = &x->other;
    pthread_once(&once, register_once);
    pthread_mutex_lock(&lock);
    struct exporters **at = &all;
    while (*at)
        at = &(*at)->next;
    *at = x;
    pthread_mutex_unlock(&lock);
    return x;
}

void exporters_free(struct exporters *x)
{
    if (!x)
        return;
    pthread_mutex_lock(&lock);
    struct exporters **at = &all;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    pthread_mutex_unlock(&lock);
    free(x);
}

static struct exporter *find(struct exporters *x, struct ip src)
{
    uint64_t h = (src.q[0] ^ src.q[1] * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    for (unsigned i = h >> 32 & (SLOTS - 1);; i = (i + 1) & (SLOTS - 1)) {
        struct exporter *e = &x->slots[i];
        if (e->packets && ip_eq(e->src, src))
            return e;
        if (e->packets)
            continue;
        if (x->n == MOST)
            return &x->other;
        x->n++;
        e->src = src;
        return e;
    }
}

void exporters_count(struct exporters *x, struct ip src, uint32_t bytes)
{
    struct exporter *e = x->last;
    if (e == &x->other || !ip_eq(e->src, src))
        x->last = e = find(x, src);
    __atomic_store_n(&e->bytes, e->bytes + bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&e->packets, e->packets + 1, __ATOMIC_RELEASE);
}
