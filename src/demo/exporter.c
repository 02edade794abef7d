/*
 * The present: each second's flows are spread over the second. The past: whole seconds as fast as the outlet stores
 * them, from observation domains of its own, since its sampling rates are others.
 */
#include "demo/exporter.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
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
    STATE_EVERY_S = 5,
    DOMAIN_PRESENT = 1,
    DOMAIN_PAST = 2,
    DOMAIN_RECENT = 3,
    SLICES = 10,
    LAG_MAX = 20000
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

struct demo_exporter {
    const struct demo_conf *conf;
    char state_path[4096];
    int fd;
    struct ip agent;
    uint64_t start_s, sent_until_s; /* the past ends where the present began */
    bool stop;
    pthread_t present, past;
    bool has_past;
    struct counters *counters;
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
        x->agent = ip_from_sockaddr((struct sockaddr *)&self, &port);
        ok = true;
    }
    freeaddrinfo(to);
    if (from)
        freeaddrinfo(from);
    return ok;
}

static void save_state(const struct demo_exporter *x, uint64_t second)
{
    if (!x->state_path[0])
        return;
    char tmp[sizeof x->state_path + 8];
    snprintf(tmp, sizeof tmp, "%s.tmp", x->state_path);
    FILE *f = fopen(tmp, "w");
    bool ok = f && fprintf(f, "%llu\n", (unsigned long long)second) > 0;
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok || rename(tmp, x->state_path) != 0)
        log_warn("demo", "cannot remember what was sent", "path", x->state_path, "error", strerror(errno),
                 NULL);
}

static uint64_t load_state(const struct demo_exporter *x)
{
    unsigned long long second = 0;
    FILE *f = x->state_path[0] ? fopen(x->state_path, "r") : NULL;
    if (f && fscanf(f, "%llu", &second) != 1)
        second = 0;
    if (f)
        fclose(f);
    return second;
}

static struct encoder *encoder_for(struct sender *s, uint32_t domain, uint64_t rate)
{
    const struct demo_exporter *x = s->x;
    struct encoder_conf c = {.format = (enum demo_format)x->conf->flows.format,
                             .domain = domain,
                             .sampling_rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate,
                             .agent = x->agent};
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
        if (second % STATE_EVERY_S == 0 && !__atomic_load_n(&x->has_past, __ATOMIC_RELAXED))
            save_state(x, second);
    }
    encoder_free(e);
    traffic_free(t);
    return NULL;
}

/* Records the outlet has still to read, from its metrics; 0 when it cannot be asked. */
static uint64_t outlet_lag(struct http_client *http, const char *url)
{
    static const char name[] = "\nweir_outlet_bus_lag_records";
    struct http_request req = {.url = url, .timeout_ns = 2000000000u};
    struct http_answer ans = {0};
    struct err e;
    uint64_t lag = 0;
    if (http_client_do(http, &req, &ans, &e) && ans.status == 200) {
        buf_u8(&ans.body, 0);
        for (const char *at = (const char *)ans.body.p; (at = strstr(at, name));) {
            at += sizeof name - 1;
            const char *value = strchr(at, ' ');
            lag += value ? strtoull(value, NULL, 10) : 0;
        }
    }
    buf_fini(&ans.body);
    return lag;
}

struct pace {
    struct http_client *http;
    const char *url;
    uint64_t per_second, since_ns, asked_ns;
    uint64_t base; /* datagrams sent before since_ns */
};

static void pace(struct demo_exporter *x, struct pace *p, uint64_t datagrams)
{
    uint64_t due = p->since_ns + (datagrams - p->base) * 1000000000u / p->per_second, now = clock_mono_ns();
    if (due > now)
        sleep_ns(due - now);
    if (!p->url[0] || now - p->asked_ns < 200000000u)
        return;
    while (!stopped(x) && outlet_lag(p->http, p->url) > LAG_MAX) {
        sleep_ns(200000000u);
        p->since_ns = clock_mono_ns(); /* time spent waiting is not made up for in a burst */
        p->base = datagrams;
    }
    p->asked_ns = clock_mono_ns();
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
    uint64_t began = clock_mono_ns(), total = 0;
    for (uint64_t to = x->start_s; to > x->sent_until_s && !stopped(x);) {
        uint64_t from = to - x->sent_until_s > HOUR_S ? to - HOUR_S : x->sent_until_s;
        for (uint64_t second = from; second < to && !stopped(x); second++) {
            size_t n;
            bool is_recent = x->start_s - second <= RECENT_S;
            const struct demo_flow *f =
                traffic_second(t, second, is_recent ? fine : c->backfill_thinning, &n);
            encoder_flows(is_recent ? recent : past, second, f, n);
            pace(x, &p, sender.datagrams);
            total += n;
        }
        to = from;
    }
    if (!stopped(x)) {
        counter_add_shared(x->counters, BACKFILLED, total);
        log_info("demo", "the past is filled in", "flows", LOG_U64(total), "seconds",
                 LOG_U64((clock_mono_ns() - began) / 1000000000u), NULL);
        __atomic_store_n(&x->has_past, false, __ATOMIC_RELAXED);
    }
    if (p.http)
        http_client_free(p.http);
    encoder_free(past);
    encoder_free(recent);
    traffic_free(t);
    return NULL;
}

/* What of the past is to be sent: from where the last run ended, or as far back as configured. */
static void plan_past(struct demo_exporter *x)
{
    uint64_t far = x->conf->flows.backfill_ns / 1000000000u;
    uint64_t oldest = x->start_s > far ? x->start_s - far : 0, sent = load_state(x);
    x->sent_until_s = sent > oldest ? sent : oldest;
    x->has_past = far > 0 && x->conf->flows.format != DEMO_SFLOW && x->sent_until_s < x->start_s;
    if (x->has_past)
        log_info("demo", "filling in the past", "seconds", LOG_U64(x->start_s - x->sent_until_s), NULL);
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
    x->start_s = clock_wall_ns() / 1000000000u;
    plan_past(x);
    bool past = x->has_past;
    pthread_create(&x->present, NULL, present_thread, x);
    if (past)
        pthread_create(&x->past, NULL, past_thread, x);
    else
        x->past = x->present;
    return x;
}

void demo_exporter_stop(struct demo_exporter *x)
{
    if (!x)
        return;
    __atomic_store_n(&x->stop, true, __ATOMIC_RELAXED);
    if (!pthread_equal(x->past, x->present))
        pthread_join(x->past, NULL);
    pthread_join(x->present, NULL);
    /* a past that was not finished is sent again from its beginning: nothing says which hours arrived */
    if (!x->has_past)
        save_state(x, clock_wall_ns() / 1000000000u);
    close(x->fd);
    counters_free(x->counters);
    free(x);
}
