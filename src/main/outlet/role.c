/* Role outlet. */
#include "base/clock.h"
#include "main/commands.h"
#include "main/outlet/outlet.h"
#include "main/role.h"
#include <stdio.h>
#include <string.h>

enum { STORE_AWAY_S = 10, LAG_WARN_S = 30 };

static bool start(struct role_ctx *c, struct err *e)
{
    c->state = outlet_new(c->conf, c->data_dir, NULL, NULL, e);
    return c->state != NULL;
}

static bool reload(struct role_ctx *c, const void *conf, struct err *e)
{
    outlet_reload(c->state, conf);
    return true;
}

static void store_health(struct outlet *o, struct role_health *h)
{
    char why[256];
    uint64_t since = outlet_stuck_since(o, why), now = clock_mono_ns();
    *h = (struct role_health){.component = "store", .status = "ok"};
    if (!since || now < since + STORE_AWAY_S * 1000000000ull)
        return;
    h->status = "warning";
    snprintf(h->reason, sizeof h->reason, "no insert for %llu s: %.200s",
             (unsigned long long)((now - since) / 1000000000u), why[0] ? why : "the store does not answer");
}

static void bus_health(struct outlet *o, struct role_health *h)
{
    *h = (struct role_health){.component = "bus", .status = "ok"};
    outlet_waiting_for(o, h->reason);
    struct outlet_lag lag = outlet_lag(o);
    if (!h->reason[0] && lag.records && lag.seconds > LAG_WARN_S)
        snprintf(h->reason, sizeof h->reason, "%llu s and %llu datagrams behind",
                 (unsigned long long)lag.seconds, (unsigned long long)lag.records);
    if (h->reason[0])
        h->status = "warning";
}

static void routing_health(struct outlet *o, struct role_health *h)
{
    *h = (struct role_health){.component = "routing", .status = "ok"};
    station_trouble(outlet_station(o), h->reason);
    if (h->reason[0])
        h->status = "warning";
}

/* The reason is that of the first of `bad`. */
static void warn_of(struct role_health *h, size_t bad)
{
    size_t len = strlen(h->reason);
    if (bad)
        h->status = "warning";
    if (bad > 1)
        snprintf(h->reason + len, sizeof h->reason - len, " (and %zu more)", bad - 1);
}

/* Agents that do not answer are no trouble of ours: flows are stored without them. It is said, not warned of. */
static void metadata_health(struct outlet *o, struct role_health *h)
{
    struct metadata_status s;
    outlet_metadata(o, &s);
    *h = (struct role_health){.component = "metadata", .status = "ok"};
    if (s.exporters)
        snprintf(h->reason, sizeof h->reason, "%u exporters asked over SNMP: names from %u, %u silent now",
                 s.exporters, s.answered, s.silent);
    warn_of(h, outlet_metadata_failing(o, h->reason, sizeof h->reason));
}

static void networks_health(struct outlet *o, struct role_health *h)
{
    *h = (struct role_health){.component = "networks", .status = "ok"};
    warn_of(h, outlet_networks_failing(o, h->reason, sizeof h->reason));
}

static size_t health(struct role_ctx *c, struct role_health *out, size_t room)
{
    if (room < 4)
        return 0;
    bus_health(c->state, &out[0]);
    store_health(c->state, &out[1]);
    metadata_health(c->state, &out[2]);
    networks_health(c->state, &out[3]);
    if (!outlet_station(c->state) || room < 5)
        return 4;
    routing_health(c->state, &out[4]);
    return 5;
}

static void stop(struct role_ctx *c)
{
    outlet_free(c->state);
    c->state = NULL;
}

static void flows(struct http_call *call)
{
    struct role_ctx *c = call->arg;
    tap_flows(call, c->state ? outlet_tap_of(c->state) : NULL);
}

static void routing(struct http_call *call)
{
    struct role_ctx *c = call->arg;
    struct station *s = c->state ? outlet_station(c->state) : NULL;
    struct buf b;
    buf_init(&b, 0);
    if (s)
        station_status(s, &b);
    else
        buf_z(&b, "{\"routes\":0,\"routers\":[]}\n");
    http_reply(call, 200, "application/json", buf_str(&b));
    buf_fini(&b);
}

static const struct http_route routes[] = {
    {"GET", "/api/v0/outlet/routing", routing,
     "Routers, their peers and how many routes they sent, as JSON."},
    {"GET", "/api/v0/outlet/flows", flows, "The next flows as JSON, one a line (limit=N)."},
};

static const struct role role = {.name = "outlet",
                                 .summary = "decode, complete and store flows",
                                 .conf = &config_outlet_table,
                                 .routes = routes,
                                 .n_routes = sizeof routes / sizeof *routes,
                                 .start = start,
                                 .reload = reload,
                                 .health = health,
                                 .stop = stop};

int cmd_outlet(int argc, char **argv)
{
    return role_main(&role, argc, argv);
}
