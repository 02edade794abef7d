/*
 * Role inlet: inputs -> bus, and a tick a second. It never looks into a datagram.
 *
 *   rx threads --take--> append to the partition of the exporter        tick thread --> ticks, sync, retention
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "bus/open.h"
#include "main/commands.h"
#include "main/config.h"
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
    struct rx_input_conf conf; /* strings point into the configuration it came from, which lives on */
    struct rx_udp *udp;
    struct rx_file *file;
};

struct inlet {
    struct bus_writer *bus;
    struct input *inputs;
    struct rx_sink sink;
    struct counters *counters;
    pthread_t ticker;
    bool stop;
    uint64_t shed_seen; /* health looks at what came since it last looked */
};

/* Up to RX_BATCH datagrams go out partition by partition, in their order. */
static void take(void *arg, struct dgram *d, size_t n)
{
    struct inlet *in = arg;
    struct dgram sorted[RX_BATCH];
    unsigned part[RX_BATCH];
    struct err e;
    uint64_t bytes = 0, kept = 0;
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
        kept += in->bus->append(in->bus, p, sorted, m, &e);
        done += m;
    }
    counter_add_shared(in->counters, INLET_DATAGRAMS, n);
    counter_add_shared(in->counters, INLET_BYTES, bytes);
    if (kept < n) {
        counter_add_shared(in->counters, INLET_SHED, n - kept);
        log_error("inlet", "datagrams are shed: the bus does not take them", "datagrams", LOG_U64(n - kept),
                  "error", e.msg, NULL);
    }
}

static void dropped(void *arg, uint64_t n)
{
    struct inlet *in = arg;
    struct bus_note note = {
        .minute = clock_wall_ns() / 60000000000u, .datagrams = n, .kind = BUS_NOTE_KERNEL};
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

static bool same_sockets(const struct rx_input_conf *a, const struct rx_input_conf *b)
{
    return a->type == RX_UDP && b->type == RX_UDP && strcmp(a->listen, b->listen) == 0 &&
           a->workers == b->workers;
}

static bool start_input(struct inlet *in, const struct rx_input_conf *conf, struct err *e)
{
    struct input *i = xcalloc(1, sizeof *i);
    i->conf = *conf;
    if (conf->type == RX_UDP)
        i->udp = rx_udp_start(&i->conf, &in->sink, e);
    else
        i->file = rx_file_start(&i->conf, &in->sink, e);
    if (!i->udp && !i->file) {
        free(i);
        return false;
    }
    i->next = in->inputs;
    in->inputs = i;
    return true;
}

static void stop_input(struct input *i)
{
    rx_udp_stop(i->udp);
    rx_file_stop(i->file);
    free(i);
}

static bool start(struct role_ctx *c, struct err *e)
{
    const struct config_inlet *conf = c->conf;
    struct inlet *in = xcalloc(1, sizeof *in);
    c->state = in;
    in->sink = (struct rx_sink){take, dropped, in};
    in->counters = counters_new(counter_defs, N_COUNTERS, "");
    in->bus = bus_open_writer(&conf->bus, &conf->kafka, c->data_dir, e);
    if (!in->bus)
        return false;
    pthread_create(&in->ticker, NULL, tick_thread, in);
    for (size_t i = 0; i < conf->flow.inputs.n; i++)
        if (!start_input(in, OPT_ITEM(conf->flow.inputs, struct rx_input_conf, i), e))
            return err_wrap(e, "flow.inputs[%zu]", i);
    return true;
}

/* The input that already has these sockets, taken out of the list. */
static struct input *adopt(struct input **list, const struct rx_input_conf *conf)
{
    for (struct input **at = list; *at; at = &(*at)->next)
        if (same_sockets(&(*at)->conf, conf)) {
            struct input *i = *at;
            *at = i->next;
            return i;
        }
    return NULL;
}

/* Inputs come and go; one whose sockets stay keeps them, so that nothing is lost. */
static bool reload(struct role_ctx *c, const void *new_conf, struct err *e)
{
    struct inlet *in = c->state;
    const struct config_inlet *conf = new_conf;
    struct input *old = in->inputs;
    bool ok = true;
    in->inputs = NULL;
    for (size_t i = 0; i < conf->flow.inputs.n; i++) {
        const struct rx_input_conf *want = OPT_ITEM(conf->flow.inputs, struct rx_input_conf, i);
        struct input *kept = adopt(&old, want);
        if (!kept) {
            if (ok && !start_input(in, want, e))
                ok = err_wrap(e, "flow.inputs[%zu]", i);
            continue;
        }
        kept->conf = *want;
        rx_udp_change(kept->udp, &kept->conf);
        kept->next = in->inputs;
        in->inputs = kept;
    }
    while (old) {
        struct input *next = old->next;
        stop_input(old);
        old = next;
    }
    return ok;
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    struct inlet *in = c->state;
    uint64_t shed = counter_get(in->counters, INLET_SHED);
    if (room < 1)
        return 0;
    out[0] = (struct role_health){.component = "bus", .status = "ok"};
    if (shed > in->shed_seen) {
        out[0].status = "error";
        snprintf(out[0].reason, sizeof out[0].reason,
                 "%llu datagrams shed since last asked: the bus does not take them",
                 (unsigned long long)(shed - in->shed_seen));
    }
    in->shed_seen = shed;
    return 1;
}

static void stop(struct role_ctx *c)
{
    struct inlet *in = c->state;
    if (!in)
        return;
    while (in->inputs) {
        struct input *next = in->inputs->next;
        stop_input(in->inputs);
        in->inputs = next;
    }
    if (in->bus) {
        __atomic_store_n(&in->stop, true, __ATOMIC_RELAXED);
        if (in->ticker)
            pthread_join(in->ticker, NULL);
        in->bus->tick(in->bus, clock_wall_ns() / 1000000000u);
        in->bus->free(in->bus);
    }
    counters_free(in->counters);
    free(in);
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
