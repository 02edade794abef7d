/*
 * The present: each second's flows are spread over the second. The past: whole seconds, the newest first, as fast as the
 * outlet reads them, from observation domains of its own, since its sampling rates are others. What is still missing is
 * remembered as gaps in a file, so that a later start sends no second twice and leaves none out.
 */
#include "demo/exporter.h"
#include "demo/agent.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "demo/bmp.h"
#include "demo/encode.h"
#include "net/http_client.h"
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    HOUR_S = 3600,
    RECENT_S = 6 * HOUR_S, /* what people look at first: thinned less, so that it is less noisy */
    RECENT_TIMES = 6,
    STATE_EVERY_NS = 500000000,
    DOMAIN_PRESENT = 1,
    DOMAIN_PAST = 2,
    DOMAIN_RECENT = 3,
    SLICES = 10,
    GAPS = 8,
    BEHIND_MAX_S = 3,
    OUTLET_WAIT_S = 30,
    NAMES_WAIT_MS = 5000
};

enum {
#define X(id, name, help) id,
#include "demo/counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, help) {name, help, COUNTER},
#include "demo/counters.def"
#undef X
};

/* Seconds not sent yet: from, up to but without to. */
struct gap {
    uint64_t from, to;
};

struct demo_exporter {
    const struct demo_conf *conf;
    char state_path[4096];
    int fd;
    struct ip address;
    struct agent *agent; /* NULL: none */
    uint64_t start_s;    /* the past ends where the present began */
    bool stop;
    pthread_t present, past;
    bool has_past;
    struct demo_bmp *bmp; /* NULL: no station was named */
    struct counters *counters;
    pthread_mutex_t lock;  /* of what follows */
    uint64_t until_s;      /* the present is sent up to here */
    struct gap gaps[GAPS]; /* newest first */
    unsigned n_gaps;
    uint64_t saved_ns;
};

static bool stopped(const struct demo_exporter *x)
{
    return __atomic_load_n(&x->stop, __ATOMIC_RELAXED);
}

static void sleep_ns(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&t, NULL);
}

/* One thread's sending. */
struct sender {
    struct demo_exporter *x;
    uint64_t datagrams;
};

static bool send_dgram(void *arg, const uint8_t *data, size_t len)
{
    struct sender *s = arg;
    struct demo_exporter *x = s->x;
    s->datagrams++;
    while (!stopped(x)) {
        if (send(x->fd, data, len, 0) >= 0) {
            counter_add_shared(x->counters, DATAGRAMS, 1);
            return true;
        }
        if (errno == EINTR || errno == ENOBUFS || errno == EAGAIN) {
            sleep_ns(1000000);
            continue;
        }
        /* nobody listens (yet): a router would not care either */
        counter_add_shared(x->counters, ERRORS, 1);
        return true;
    }
    return false;
}

static struct addrinfo *resolve(const char *host_port, const char *default_port, struct err *e)
{
    char host[256];
    snprintf(host, sizeof host, "%s", host_port);
    char *port = strrchr(host, ':');
    if (port && (host[0] == '[' ? port[-1] == ']' : strchr(host, ':') == port))
        *port++ = 0;
    else
        port = NULL;
    char *name = host;
    if (name[0] == '[') {
        name++;
        name[strcspn(name, "]")] = 0;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    int rc = getaddrinfo(name, port ? port : default_port, &hints, &found);
    if (rc != 0)
        err_set(e, "%s: %s", host_port, gai_strerror(rc));
    return found;
}

static bool open_socket(struct demo_exporter *x, struct err *e)
{
    const struct demo_flows_conf *c = &x->conf->flows;
    struct addrinfo *to = resolve(c->target, "2055", e), *from = NULL;
    if (!to)
        return err_wrap(e, "demo-exporter.flows.target");
    bool ok = false;
    x->fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (x->fd < 0) {
        err_errno(e, "socket");
    } else if (c->source[0] && !(from = resolve(c->source, "0", e))) {
        err_wrap(e, "demo-exporter.flows.source");
    } else if (from && bind(x->fd, from->ai_addr, from->ai_addrlen) != 0) {
        err_errno(e, "demo-exporter.flows.source: cannot send from %s", c->source);
    } else if (connect(x->fd, to->ai_addr, to->ai_addrlen) != 0) {
        err_errno(e, "demo-exporter.flows.target: cannot reach %s", c->target);
    } else {
        struct sockaddr_storage self;
        socklen_t len = sizeof self;
        uint16_t port;
        getsockname(x->fd, (struct sockaddr *)&self, &len);
        x->address = ip_from_sockaddr((struct sockaddr *)&self, &port);
        ok = true;
    }
    freeaddrinfo(to);
    if (from)
        freeaddrinfo(from);
    return ok;
}

/* The first line: up to where; then one gap a line. Locked by the caller. */
static bool write_state(const struct demo_exporter *x, FILE *f)
{
    bool ok = fprintf(f, "%llu\n", (unsigned long long)x->until_s) > 0;
    for (unsigned i = 0; i < x->n_gaps; i++)
        ok &= fprintf(f, "%llu %llu\n", (unsigned long long)x->gaps[i].from,
                      (unsigned long long)x->gaps[i].to) > 0;
    return ok;
}

static void save_state(struct demo_exporter *x)
{
    if (!x->state_path[0])
        return;
    char tmp[sizeof x->state_path + 8];
    snprintf(tmp, sizeof tmp, "%s.tmp", x->state_path);
    FILE *f = fopen(tmp, "w");
    bool ok = f && write_state(x, f);
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok || rename(tmp, x->state_path) != 0)
        log_warn("demo", "cannot remember what was sent", "path", x->state_path, "error", strerror(errno),
                 NULL);
    x->saved_ns = clock_mono_ns();
}

static void add_gap(struct demo_exporter *x, uint64_t from, uint64_t to, uint64_t oldest)
{
    from = from > oldest ? from : oldest;
    if (from < to && to <= x->start_s && x->n_gaps < GAPS)
        x->gaps[x->n_gaps++] = (struct gap){from, to};
}

/* What was never sent since `oldest`: all of it, or what the last run left and the time since. */
static void load_state(struct demo_exporter *x, uint64_t oldest)
{
    unsigned long long until = 0, from, to;
    FILE *f = x->state_path[0] ? fopen(x->state_path, "r") : NULL;
    if (f && fscanf(f, "%llu", &until) != 1)
        until = 0;
    add_gap(x, until, x->start_s, oldest);
    while (f && fscanf(f, "%llu %llu", &from, &to) == 2)
        add_gap(x, from, to, oldest);
    if (f)
        fclose(f);
}

/* The present was sent up to `until_s`, or the newest missing second of the past was; written down every now and then. */
static void advance(struct demo_exporter *x, uint64_t until_s, bool past)
{
    pthread_mutex_lock(&x->lock);
    if (past && --x->gaps[0].to <= x->gaps[0].from)
        memmove(x->gaps, x->gaps + 1, --x->n_gaps * sizeof *x->gaps);
    else if (!past)
        x->until_s = until_s;
    if (clock_mono_ns() - x->saved_ns >= STATE_EVERY_NS)
        save_state(x);
    pthread_mutex_unlock(&x->lock);
}

static struct encoder *encoder_for(struct sender *s, uint32_t domain, uint64_t rate)
{
    const struct demo_exporter *x = s->x;
    struct encoder_conf c = {.format = (enum demo_format)x->conf->flows.format,
                             .domain = domain,
                             .sampling_rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate,
                             .agent = x->address};
    return encoder_new(&c, send_dgram, s);
}

static void present_second(struct demo_exporter *x, struct traffic *t, struct encoder *e, uint64_t second)
{
    size_t n;
    const struct demo_flow *f = traffic_second(t, second, 1, &n);
    for (unsigned slice = 0; slice < SLICES && !stopped(x); slice++) {
        size_t from = n * slice / SLICES, to = n * (slice + 1) / SLICES;
        uint64_t due = second * 1000000000u + slice * (1000000000u / SLICES), now = clock_wall_ns();
        if (due > now && due - now < 2000000000u)
            sleep_ns(due - now);
        if (to > from)
            encoder_flows(e, second, f + from, to - from);
    }
    counter_add_shared(x->counters, FLOWS, n);
}

static void *present_thread(void *arg)
{
    struct demo_exporter *x = arg;
    struct traffic *t = traffic_new(&x->conf->flows);
    struct sender sender = {x, 0};
    struct encoder *e = encoder_for(&sender, DOMAIN_PRESENT, x->conf->flows.sampling_rate);
    for (uint64_t second = x->start_s; !stopped(x); second++) {
        uint64_t now = clock_wall_ns() / 1000000000u;
        if (now > second + 5 || now + 5 < second)
            second = now; /* the clock was set, or the machine slept */
        present_second(x, t, e, second);
        advance(x, second + 1, false);
    }
    encoder_free(e);
    traffic_free(t);
    return NULL;
}

/* False when the outlet cannot be asked; otherwise *behind_s: how old what it reads now is. */
static bool outlet_behind(struct http_client *http, const char *url, uint64_t *behind_s)
{
    static const char name[] = "\nweir_outlet_core_read_seconds";
    struct http_request req = {.url = url, .timeout_ns = 2000000000u};
    struct http_answer ans = {0};
    struct err e;
    uint64_t now = clock_wall_ns() / 1000000000u;
    *behind_s = 0;
    bool ok = http_client_do(http, &req, &ans, &e) && ans.status == 200;
    if (ok) {
        buf_u8(&ans.body, 0);
        for (const char *at = (const char *)ans.body.p; (at = strstr(at, name));) {
            at += sizeof name - 1;
            const char *value = strchr(at, ' ');
            uint64_t read = value ? strtoull(value, NULL, 10) : 0;
            if (read && read < now && now - read > *behind_s)
                *behind_s = now - read;
        }
    }
    buf_fini(&ans.body);
    return ok;
}

struct pace {
    struct http_client *http;
    const char *url;
    uint64_t per_second, since_ns, asked_ns;
    uint64_t base; /* datagrams sent before since_ns */
};

/* Until the outlet reads what is new. One that does not answer is waited for, but not for ever: the bus keeps flows. */
static void wait_for_outlet(const struct demo_exporter *x, struct pace *p, uint64_t datagrams)
{
    uint64_t behind, began = clock_mono_ns();
    bool waited = false;
    while (!stopped(x)) {
        bool answers = outlet_behind(p->http, p->url, &behind);
        if (answers ? behind <= BEHIND_MAX_S : clock_mono_ns() - began > OUTLET_WAIT_S * 1000000000ull)
            break;
        sleep_ns(200000000u);
        waited = true;
    }
    p->asked_ns = clock_mono_ns();
    if (waited) { /* time spent waiting is not made up for in a burst */
        p->since_ns = p->asked_ns;
        p->base = datagrams;
    }
}

static void pace(const struct demo_exporter *x, struct pace *p, uint64_t datagrams)
{
    uint64_t due = p->since_ns + (datagrams - p->base) * 1000000000u / p->per_second, now = clock_mono_ns();
    if (due > now)
        sleep_ns(due - now);
    if (p->url[0] && now - p->asked_ns >= 200000000u)
        wait_for_outlet(x, p, datagrams);
}

/*
 * The first flows of the present make the outlet ask the agent for names; the past, which is sent in a rush, shall have
 * them from its beginning.
 */
static void let_names_arrive(const struct demo_exporter *x, struct pace *p)
{
    if (!x->agent)
        return;
    if (p->url[0])
        wait_for_outlet(x, p, 0);
    for (int i = 0; i < NAMES_WAIT_MS / 100 && !stopped(x); i++)
        sleep_ns(100000000);
    p->since_ns = clock_mono_ns();
}

static void *past_thread(void *arg)
{
    struct demo_exporter *x = arg;
    const struct demo_flows_conf *c = &x->conf->flows;
    struct traffic *t = traffic_new(c);
    struct sender sender = {x, 0};
    uint64_t fine = c->backfill_thinning > RECENT_TIMES ? c->backfill_thinning / RECENT_TIMES : 1;
    struct encoder *past = encoder_for(&sender, DOMAIN_PAST, c->sampling_rate * c->backfill_thinning);
    struct encoder *recent = encoder_for(&sender, DOMAIN_RECENT, c->sampling_rate * fine);
    struct pace p = {.url = c->pace_url, .per_second = c->backfill_per_second, .since_ns = clock_mono_ns()};
    p.http = p.url[0] ? http_client_new(NULL) : NULL;
    let_names_arrive(x, &p);
    uint64_t began = clock_mono_ns(), total = 0;
    while (x->n_gaps && !stopped(x)) { /* this thread alone shortens gaps */
        size_t n;
        uint64_t second = x->gaps[0].to - 1;
        bool is_recent = x->start_s - second <= RECENT_S;
        pace(x, &p, sender.datagrams);
        const struct demo_flow *f = traffic_second(t, second, is_recent ? fine : c->backfill_thinning, &n);
        if (!encoder_flows(is_recent ? recent : past, second, f, n))
            break;
        advance(x, 0, true);
        total += n;
    }
    counter_add_shared(x->counters, BACKFILLED, total);
    if (!stopped(x))
        log_info("demo", "the past is filled in", "flows", LOG_U64(total), "seconds",
                 LOG_U64((clock_mono_ns() - began) / 1000000000u), NULL);
    if (p.http)
        http_client_free(p.http);
    encoder_free(past);
    encoder_free(recent);
    traffic_free(t);
    return NULL;
}

/* What of the past is to be sent: as far back as configured, without what earlier runs sent. */
static void plan_past(struct demo_exporter *x)
{
    uint64_t far = x->conf->flows.backfill_ns / 1000000000u, missing = 0;
    x->until_s = x->start_s;
    if (far > 0 && x->conf->flows.format != DEMO_SFLOW)
        load_state(x, x->start_s > far ? x->start_s - far : 0);
    for (unsigned i = 0; i < x->n_gaps; i++)
        missing += x->gaps[i].to - x->gaps[i].from;
    x->has_past = missing > 0;
    if (x->has_past)
        log_info("demo", "filling in the past", "seconds", LOG_U64(missing), NULL);
}

struct demo_exporter *demo_exporter_start(const struct demo_conf *conf, const char *state_path, struct err *e)
{
    struct demo_exporter *x = xcalloc(1, sizeof *x);
    x->conf = conf;
    x->fd = -1;
    snprintf(x->state_path, sizeof x->state_path, "%s", state_path);
    if (!open_socket(x, e)) {
        if (x->fd >= 0)
            close(x->fd);
        free(x);
        return NULL;
    }
    x->counters = counters_new(counter_defs, N_COUNTERS, "");
    pthread_mutex_init(&x->lock, NULL);
    x->start_s = clock_wall_ns() / 1000000000u;
    plan_past(x);
    if (conf->snmp.name[0] && !(x->agent = agent_start(&conf->snmp, x->counters, e))) {
        close(x->fd);
        counters_free(x->counters);
        pthread_mutex_destroy(&x->lock);
        free(x);
        return NULL;
    }
    if (conf->bmp.target[0])
        x->bmp = demo_bmp_start(&conf->bmp, conf->snmp.name, conf->flows.source, x->counters, BMP_SESSIONS,
                                BMP_ERRORS);
    thread_start(&x->present, present_thread, x, "demo present");
    if (x->has_past)
        thread_start(&x->past, past_thread, x, "demo past");
    return x;
}

void demo_exporter_stop(struct demo_exporter *x)
{
    if (!x)
        return;
    __atomic_store_n(&x->stop, true, __ATOMIC_RELAXED);
    if (x->has_past)
        pthread_join(x->past, NULL);
    pthread_join(x->present, NULL);
    demo_bmp_stop(x->bmp);
    agent_stop(x->agent);
    save_state(x);
    pthread_mutex_destroy(&x->lock);
    close(x->fd);
    counters_free(x->counters);
    free(x);
}
