/* A probe asks all children and the store on a thread of the pool; what it found is looked at on the loop. */
#include "base/clock.h"
#include "base/log.h"
#include "main/run/run.h"
#include "schema/dgram.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
enum { PROBE_FAST_MS = 300, PROBE_SLOW_MS = 5000, HINT_AFTER_S = 20, STEADY_S = 5 };

void run_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

static bool ask(struct run *r, const char *http, const char *role, const char *what, struct buf *out)
{
    struct err e;
    char url[300];
    struct http_answer a = {0};
    snprintf(url, sizeof url, "http://%s/api/v0/%s/%s", http, role, what);
    struct http_request req = {.url = url, .timeout_ns = 2 * SECOND_NS, .connect_timeout_ns = SECOND_NS};
    bool ok = http_client_do(r->http, &req, &a, &e);
    if (ok && out)
        buf_str_add(out, buf_str(&a.body));
    buf_fini(&a.body);
    return ok && (a.status == 200 || a.status == 503);
}

/* Sum of all samples of a metric. */
static uint64_t metric(struct str text, const char *name)
{
    uint64_t sum = 0;
    struct str line;
    size_t len = strlen(name);
    while (str_split(&text, '\n', &line)) {
        if (line.len <= len || memcmp(line.p, name, len) != 0 || (line.p[len] != ' ' && line.p[len] != '{'))
            continue;
        size_t at = line.len;
        while (at > 0 && line.p[at - 1] != ' ')
            at--;
        uint64_t v;
        if (str_u64((struct str){line.p + at, line.len - at}, &v))
            sum += v;
    }
    return sum;
}

/* Two numbers, each 0 or 1: is there a row, is there one received since the start. */
static bool flows_read(struct str text, uint64_t *any, uint64_t *fresh)
{
    struct str first;
    text = str_trim(text);
    return str_split(&text, '\t', &first) && str_u64(first, any) && str_u64(text, fresh);
}

static void probe_flows(struct run *r)
{
    struct err e;
    struct buf out;
    char sql[256];
    struct run_probe *p = &r->probe;
    buf_init(&out, 4096);
    snprintf(
        sql, sizeof sql,
        "SELECT (SELECT count() FROM (SELECT 1 FROM flows LIMIT 1)), (SELECT count() FROM (SELECT 1 FROM "
        "flows WHERE toUnixTimestamp(TimeReceived) > %llu LIMIT 1)) FORMAT TSV",
        (unsigned long long)r->began_s);
    struct ch_query q = {.sql = sql, .timeout_ns = 3 * SECOND_NS};
    enum ch_failure how = ch_query(r->ch, &q, &out, &e);
    bool known = how == CH_OK && flows_read(buf_str(&out), &p->flows, &p->fresh);
    /* asked before the outlet starts, so all of it is of earlier runs */
    if (!p->store_known && (known || (how != CH_AWAY && strstr(e.msg, "UNKNOWN_")))) {
        p->store_known = true;
        p->earlier = known && p->flows > 0;
    }
    buf_fini(&out);
}

static void probe_metrics(struct run *r, const struct run_child *c)
{
    struct buf out;
    struct run_probe *p = &r->probe;
    buf_init(&out, 1 << 20);
    if (ask(r, c->http, config_roles[c->role].name, "metrics", &out)) {
        p->datagrams += metric(buf_str(&out), "weir_inlet_bus_datagrams_total");
        p->decoded += metric(buf_str(&out), "weir_outlet_core_received_flows_total");
        p->rejected += metric(buf_str(&out), "weir_outlet_core_rejected_records_total");
        p->waiting += metric(buf_str(&out), "weir_outlet_flow_kept_sets_total");
        p->waiting -= metric(buf_str(&out), "weir_outlet_flow_kept_sets_decoded_total");
    }
    buf_fini(&out);
}

static void probe_work(uv_work_t *w)
{
    struct run *r = w->data;
    struct run_probe *p = &r->probe;
    p->datagrams = p->decoded = p->rejected = p->waiting = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct run_child *c = &r->children[i];
        p->answered[i] = c->http && ask(r, c->http, config_roles[c->role].name, "healthcheck", NULL);
        if (p->answered[i] && !r->said_stored && (c->role == ROLE_INLET || c->role == ROLE_OUTLET))
            probe_metrics(r, c);
    }
    if (!r->said_stored)
        probe_flows(r);
}

static const char *console_url(struct run *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].role == ROLE_CONSOLE && r->children[i].http) {
            const struct config_console *con = config_own(&r->config, ROLE_CONSOLE, 0);
            const char *prefix = con->console.url_prefix;
            return arena_printf(&r->arena, "http://%s%s", r->children[i].http, *prefix ? prefix : "/");
        }
    return "(there is no console)";
}

static void list_inputs(struct run *r, struct buf *b)
{
    for (size_t k = 0; k < config_count(&r->config, ROLE_INLET); k++) {
        const struct config_inlet *in = config_own(&r->config, ROLE_INLET, k);
        for (size_t i = 0; i < in->flow.inputs.n; i++) {
            const struct rx_input_conf *x = OPT_ITEM(in->flow.inputs, struct rx_input_conf, i);
            if (x->type == RX_UDP)
                buf_printf(b, "%s%s to %s", b->len ? ", " : "",
                           x->decoder == DECODER_SFLOW ? "sFlow" : "NetFlow and IPFIX", x->listen);
        }
    }
}

/* Nothing new is stored after a while: where it ends, and where to look. */
static void hint(struct run *r)
{
    const struct run_probe *p = &r->probe;
    struct buf b;
    buf_init(&b, 0);
    list_inputs(r, &b);
    if (!p->datagrams)
        run_say("No exporter has sent anything yet. Let your routers send UDP to this machine: %.*s.",
                STR_ARG(buf_str(&b)));
    else if (!p->decoded)
        run_say("Datagrams come in (%llu), no flow could be decoded yet: %llu sets of data are without their "
                "template, %llu records, sets or datagrams were rejected. See the troubleshooting page "
                "(doc/troubleshooting.md).",
                (unsigned long long)p->datagrams, (unsigned long long)p->waiting,
                (unsigned long long)p->rejected);
    else
        run_say("Datagrams come in (%llu) and are decoded (%llu flows), none is stored yet. See the "
                "troubleshooting page (doc/troubleshooting.md).",
                (unsigned long long)p->datagrams, (unsigned long long)p->decoded);
    if (!r->said_ready)
        run_say("The console is at %s", console_url(r));
    buf_fini(&b);
}

/* Whether all that shall run does, and those that ended before have stayed up for a moment. */
static bool all_steady(const struct run *r, uint64_t now)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct run_child *c = &r->children[i];
        if (c->wanted && (!c->up || (c->failures && now - c->started_ns < STEADY_S * SECOND_NS)))
            return false;
    }
    return true;
}

static void tell(struct run *r)
{
    bool console = true;
    uint64_t now = clock_mono_ns();
    const struct run_probe *p = &r->probe;
    double s = (double)(now - r->began_ns) / 1e9;
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].role == ROLE_CONSOLE)
            console = r->children[i].up;
    if (!r->said_datagram && p->datagrams > 0) {
        r->said_datagram = true;
        run_say("first datagram received (%.1f s)", s);
    }
    if (!console)
        return;
    if (!r->said_stored && (p->earlier ? p->fresh : p->flows) > 0) {
        r->said_stored = true;
        run_say("first flows stored (%.1f s)", s);
    }
    if (!r->said_ready && p->flows > 0 && all_steady(r, now)) {
        r->said_ready = true;
        if (!r->said_stored)
            run_say("flows of earlier runs are there (%.1f s)", s);
        run_say("weir is ready: %s", console_url(r));
    }
    if (!r->said_stored && !r->said_hint && s > HINT_AFTER_S) {
        r->said_hint = true;
        hint(r);
    }
}

static void probe_done(uv_work_t *w, int status)
{
    struct run *r = w->data;
    r->probe.busy = false;
    if (r->stopping)
        return;
    for (size_t i = 0; i < r->n; i++) {
        struct run_child *c = &r->children[i];
        bool answers =
            r->probe.answered[i] || !c->http; /* of those that cannot be asked, being there is enough */
        if (!c->pid || !answers || c->up)
            continue;
        c->up = true;
        if (!c->once_up)
            run_say("%s is up", c->name);
        else
            run_say("%s is up again", c->name);
        c->once_up = true;
    }
    tell(r);
}

void run_ready_step(struct run *r)
{
    uint64_t now = clock_mono_ns();
    bool all_up = r->said_ready;
    for (size_t i = 0; i < r->n; i++)
        all_up &= r->children[i].up || !r->children[i].wanted;
    uint64_t pause = all_up ? PROBE_SLOW_MS : PROBE_FAST_MS;
    if (r->probe.busy || r->stopping || now - r->probed_ns < pause * 1000000)
        return;
    if (!r->http) {
        const struct config_outlet *out = config_own(&r->config, ROLE_OUTLET, 0);
        r->http = http_client_new(NULL);
        r->ch = ch_new(&out->clickhousedb);
    }
    r->probed_ns = now;
    r->probe.busy = true;
    r->probe.work.data = r;
    if (uv_queue_work(&r->loop, &r->probe.work, probe_work, probe_done) != 0)
        r->probe.busy = false;
}

void run_ready_free(struct run *r)
{
    if (r->http) {
        http_client_free(r->http);
        ch_free(r->ch);
    }
}
