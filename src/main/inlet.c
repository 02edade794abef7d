/*
 * Role inlet: inputs -> bus, and a tick a second. It never looks into a datagram.
 *
 *   rx threads --take--> append to the partition of the exporter        tick thread --> ticks, sync, retention
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "bus/open.h"
#include "main/commands.h"
#include "main/inlet.h"
#include "main/role.h"
#include "rx/file.h"
#include "rx/udp.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
#define X(id, name, kind, help) id,
#include "main/inlet_counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "main/inlet_counters.def"
#undef X
};

struct input {
    struct input *next;
    struct rx_input_conf conf[2]; /* in turn: a receive thread may still look at the one before */
    unsigned now;
    struct rx_udp *udp;
    struct rx_file *file;
};

struct inlet {
    struct bus_writer *bus;
    struct input *inputs;
    struct rx_sink sink;
    struct counters *counters;
    pthread_t ticker;
    bool ticking, stop;
    struct inlet_totals seen; /* when health was last asked */
};

/* Up to RX_BATCH datagrams go out partition by partition, in their order. */
static void take(void *arg, struct dgram *d, size_t n, bool more)
{
    struct inlet *in = arg;
    struct dgram sorted[RX_BATCH];
    unsigned part[RX_BATCH];
    struct err e;
    uint64_t bytes = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        part[i] = bus_partition(d[i].src, in->bus->partitions);
        bytes += d[i].len;
    }
    for (size_t done = 0, first = 0; done < n; first++) {
        if (part[first] == UINT32_MAX)
            continue;
        size_t m = 0;
        unsigned p = part[first];
        for (size_t i = first; i < n; i++)
            if (part[i] == p) {
                sorted[m++] = d[i];
                part[i] = UINT32_MAX;
            }
        lost += in->bus->append(in->bus, p, sorted, m, &e);
        done += m;
    }
    counter_add_shared(in->counters, INLET_DATAGRAMS, n);
    counter_add_shared(in->counters, INLET_BYTES, bytes);
    if (!more)
        lost += in->bus->flush(in->bus, &e);
    if (lost) {
        counter_add_shared(in->counters, INLET_SHED, lost);
        log_error("inlet", "datagrams are shed: the bus does not take them", "datagrams", LOG_U64(lost),
                  "error", e.msg, NULL);
    }
}

static void dropped(void *arg, uint64_t n)
{
    struct inlet *in = arg;
    struct bus_note note = {
        .minute = clock_wall_ns() / 60000000000u, .datagrams = n, .kind = BUS_NOTE_KERNEL};
    counter_add_shared(in->counters, INLET_DROPPED, n);
    in->bus->note(in->bus, 0, &note);
    log_warn("inlet", "the kernel dropped datagrams: the socket's buffer was full", "datagrams", LOG_U64(n),
             "hint", "raise receive-buffer or workers of the input", NULL);
}

static void *tick_thread(void *arg)
{
    struct inlet *in = arg;
    for (uint64_t last = 0; !__atomic_load_n(&in->stop, __ATOMIC_RELAXED);) {
        uint64_t now = clock_wall_ns(), second = now / 1000000000u;
        if (second != last) {
            in->bus->tick(in->bus, second);
            counter_add(in->counters, INLET_TICKS, 1);
            last = second;
        }
        uint64_t rest = 1000000000u - now % 1000000000u;
        nanosleep(&(struct timespec){0, (long)(rest < 200000000u ? rest : 200000000u)}, NULL);
    }
    return NULL;
}

static bool same_place(const struct rx_input_conf *a, const struct rx_input_conf *b)
{
    return a->type == RX_UDP && b->type == RX_UDP && strcmp(a->listen, b->listen) == 0;
}

static struct input *input_new(struct inlet *in, const struct rx_input_conf *conf, struct err *e)
{
    struct input *i = xcalloc(1, sizeof *i);
    i->conf[0] = *conf;
    if (conf->type == RX_UDP)
        i->udp = rx_udp_start(&i->conf[0], &in->sink, e);
    else
        i->file = rx_file_start(&i->conf[0], &in->sink, e);
    if (i->udp || i->file)
        return i;
    free(i);
    return NULL;
}

static void free_inputs(struct input *i)
{
    while (i) {
        struct input *next = i->next;
        rx_udp_stop(i->udp);
        rx_file_stop(i->file);
        free(i);
        i = next;
    }
}

struct inlet *inlet_new(const struct config_inlet *conf, const char *data_dir, struct err *e)
{
    struct inlet *in = xcalloc(1, sizeof *in);
    in->sink = (struct rx_sink){take, dropped, in};
    in->counters = counters_new(counter_defs, N_COUNTERS, "");
    in->bus = bus_open_writer(&conf->bus, &conf->kafka, data_dir, e);
    if (in->bus) {
        thread_start(&in->ticker, tick_thread, in, "tick");
        in->ticking = true;
    }
    bool ok = in->bus;
    for (size_t i = 0; ok && i < conf->flow.inputs.n; i++) {
        struct input *fresh = input_new(in, OPT_ITEM(conf->flow.inputs, struct rx_input_conf, i), e);
        if (!fresh) {
            ok = err_wrap(e, "flow.inputs[%zu]", i);
            break;
        }
        fresh->next = in->inputs;
        in->inputs = fresh;
    }
    if (ok)
        return in;
    inlet_free(in);
    return NULL;
}

void inlet_free(struct inlet *in)
{
    if (!in)
        return;
    free_inputs(in->inputs);
    __atomic_store_n(&in->stop, true, __ATOMIC_RELAXED);
    if (in->ticking)
        pthread_join(in->ticker, NULL);
    if (in->bus) {
        in->bus->tick(in->bus, clock_wall_ns() / 1000000000u);
        in->bus->free(in->bus);
    }
    counters_free(in->counters);
    free(in);
}

void inlet_totals(const struct inlet *in, struct inlet_totals *t)
{
    *t = (struct inlet_totals){counter_get(in->counters, INLET_DATAGRAMS),
                               counter_get(in->counters, INLET_BYTES), counter_get(in->counters, INLET_SHED),
                               counter_get(in->counters, INLET_DROPPED)};
}

uint16_t inlet_port(const struct inlet *in)
{
    return in->inputs && in->inputs->udp ? rx_udp_port(in->inputs->udp) : 0;
}

/* The input that already listens there, taken out of the list. */
static struct input *adopt(struct input **list, const struct rx_input_conf *conf)
{
    for (struct input **at = list; *at; at = &(*at)->next)
        if (same_place(&(*at)->conf[(*at)->now], conf)) {
            struct input *i = *at;
            *at = i->next;
            return i;
        }
    return NULL;
}

static bool can_reload(const struct inlet *in, const struct config_inlet *conf, struct err *e)
{
    for (size_t i = 0; i < conf->flow.inputs.n; i++) {
        const struct rx_input_conf *want = OPT_ITEM(conf->flow.inputs, struct rx_input_conf, i);
        for (const struct input *had = in->inputs; had; had = had->next)
            if (same_place(&had->conf[had->now], want) && had->conf[had->now].workers != want->workers)
                return err_set(e, "flow.inputs[%zu].workers: takes effect when the inlet is started again",
                               i);
    }
    return true;
}

static void chain(struct input **list, struct input *more)
{
    while (*list)
        list = &(*list)->next;
    *list = more;
}

/*
 * An input that stays where it listens keeps its sockets, so that nothing is lost. Inputs that are new are started
 * first: when one of them cannot be, all stays as it was.
 */
bool inlet_reload(struct inlet *in, const struct config_inlet *conf, struct err *e)
{
    struct input *kept = NULL, *fresh = NULL;
    if (!can_reload(in, conf, e))
        return false;
    for (size_t i = 0; i < conf->flow.inputs.n; i++) {
        const struct rx_input_conf *want = OPT_ITEM(conf->flow.inputs, struct rx_input_conf, i);
        struct input *had = adopt(&in->inputs, want), **list = had ? &kept : &fresh;
        if (had) {
            had->conf[!had->now] = *want;
        } else if (!(had = input_new(in, want, e))) {
            free_inputs(fresh);
            chain(&in->inputs, kept);
            return err_wrap(e, "flow.inputs[%zu]", i);
        }
        had->next = *list;
        *list = had;
    }
    free_inputs(in->inputs);
    for (struct input *i = kept; i; i = i->next) {
        i->now = !i->now;
        rx_udp_change(i->udp, &i->conf[i->now]);
    }
    in->inputs = fresh;
    chain(&in->inputs, kept);
    return true;
}

static bool start(struct role_ctx *c, struct err *e)
{
    return (c->state = inlet_new(c->conf, c->data_dir, e));
}

static bool reload(struct role_ctx *c, const void *conf, struct err *e)
{
    return inlet_reload(c->state, conf, e);
}

/* A component is well when nothing was lost there since health was last asked. */
static struct role_health lost(const char *component, const char *status, uint64_t n, const char *why)
{
    struct role_health h = {.component = component, .status = n ? status : "ok"};
    if (n)
        snprintf(h.reason, sizeof h.reason, "%llu datagrams since last asked: %s", (unsigned long long)n,
                 why);
    return h;
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    struct inlet *in = c->state;
    struct inlet_totals t;
    if (room < 2)
        return 0;
    inlet_totals(in, &t);
    out[0] = lost("bus", "error", t.shed - in->seen.shed, "shed, the bus does not take them");
    out[1] = lost("udp", "warning", t.dropped - in->seen.dropped,
                  "dropped by the kernel, a socket's buffer was full");
    in->seen = t;
    return 2;
}

static void stop(struct role_ctx *c)
{
    inlet_free(c->state);
    c->state = NULL;
}

static const struct role role = {.name = "inlet",
                                 .summary = "receive datagrams and put them on the bus",
                                 .conf = &config_inlet_table,
                                 .start = start,
                                 .reload = reload,
                                 .health = health,
                                 .stop = stop};

int cmd_inlet(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
