/* Option tables of the demo exporter: Akvorado's keys, and source, format, pace-url and backfill of our own. */
#include "demo/demo_conf.h"
#include "base/ip.h"
#include "demo/bmp.h"
#include "net/http_listen.h"
#include <string.h>

#define KIND(field) OPT_AT(struct demo_kind, field)
static const struct opt kind_rows[] = {
    {"per-second", OPT_FLOAT, KIND(per_second), "1", "Flows per second at the quietest hour.", .max = 100000},
    {"multiplier", OPT_FLOAT, KIND(multiplier), "1", "How many times more there are at the peak hour.",
     .max = 1000},
    {"peak-hour", OPT_DURATION, KIND(peak_hour), "20h", "Time of day, UTC, with the most traffic."},
    {"in-if-index", OPT_UINT, KIND(in_if), "0", "ifIndex of the input interface.", .max = UINT32_MAX},
    {"out-if-index", OPT_UINT, KIND(out_if), "0", "ifIndex of the output interface.", .max = UINT32_MAX},
    {"src-net", OPT_STRING, KIND(src_net), NULL, "Prefix that source addresses are drawn from.",
     .flags = OPT_REQUIRED},
    {"dst-net", OPT_STRING, KIND(dst_net), NULL, "Prefix that destination addresses are drawn from.",
     .flags = OPT_REQUIRED},
    {"src-as", OPT_UINT, KIND(src_as), "0", "Source AS number.", .max = UINT32_MAX},
    {"dst-as", OPT_UINT, KIND(dst_as), "0", "Destination AS number.", .max = UINT32_MAX},
    {"src-port", OPT_LIST, KIND(src_port), NULL, "Source ports to choose from; none: ephemeral ones.",
     .max = 65535, .item = OPT_UINT},
    {"dst-port", OPT_LIST, KIND(dst_port), NULL, "Destination ports to choose from; none: ephemeral ones.",
     .max = 65535, .item = OPT_UINT},
    {"protocol", OPT_LIST, KIND(protocol), NULL, "Protocols to choose from: tcp, udp, icmp; none: tcp.",
     .item = OPT_STRING},
    {"size", OPT_UINT, KIND(size), "1000", "Mean size of a packet.", 40, 9000, "bytes"},
    {"reverse-direction-ratio", OPT_FLOAT, KIND(reverse_direction_ratio), "0",
     "Share of flows that go the other way, 0 to 1.", .max = 1},
};

static bool check_kind(const void *conf, const char **bad_key, struct err *e)
{
    const struct demo_kind *k = conf;
    struct prefix src, dst;
    *bad_key = "src-net";
    if (!prefix_parse(str_from(k->src_net), &src))
        return err_set(e, "\"%s\" is no prefix", k->src_net);
    *bad_key = "dst-net";
    if (!prefix_parse(str_from(k->dst_net), &dst))
        return err_set(e, "\"%s\" is no prefix", k->dst_net);
    if (ip_is_v4(src.ip) != ip_is_v4(dst.ip))
        return err_set(e, "%s and %s are of different families", k->src_net, k->dst_net);
    *bad_key = "protocol";
    for (size_t i = 0; i < k->protocol.n; i++) {
        const char *p = *OPT_ITEM(k->protocol, const char *, i);
        if (strcmp(p, "tcp") != 0 && strcmp(p, "udp") != 0 && strcmp(p, "icmp") != 0)
            return err_set(e, "\"%s\" is none of tcp, udp, icmp", p);
    }
    return true;
}

static const struct opt_table kind_table =
    OPT_TABLE("flows of the demo exporter", struct demo_kind, kind_rows, .check = check_kind);

static const struct opt_choice formats[] = {{"netflow9", DEMO_NETFLOW9, "NetFlow v9"},
                                            {"ipfix", DEMO_IPFIX, "IPFIX"},
                                            {"sflow", DEMO_SFLOW, "sFlow v5"},
                                            {0}};

#define FLOWS(field) OPT_AT(struct demo_flows_conf, field)
static const struct opt flows_rows[] = {
    {"sampling-rate", OPT_UINT, FLOWS(sampling_rate), "1000", "Sampling rate to announce.", 1, UINT32_MAX},
    {"target", OPT_STRING, FLOWS(target), "127.0.0.1:2055", "Where to send flows."},
    {"source", OPT_STRING, FLOWS(source), "", "Address to send from, so that exporters differ; empty: any."},
    {"seed", OPT_UINT, FLOWS(seed), "1", "The same seed gives the same traffic."},
    {"format", OPT_ENUM, FLOWS(format), "netflow9", "Protocol to speak.", .choices = formats},
    {"backfill", OPT_DURATION, FLOWS(backfill_ns), "0s",
     "At start, send what was not sent in so much time before now (NetFlow v9 and IPFIX, to an input with "
     "timestamp-source netflow-packet)."},
    {"backfill-thinning", OPT_UINT, FLOWS(backfill_thinning), "60",
     "Send one in so many of the older flows (of the last six hours six times as many), with a sampling rate "
     "as many times larger.",
     1, 10000},
    {"backfill-rate", OPT_UINT, FLOWS(backfill_per_second), "8000",
     "Most datagrams per second while doing so.", 100, 10000000},
    {"pace-url", OPT_STRING, FLOWS(pace_url), "",
     "Metrics of the outlet: the older flows wait while what it reads (weir_outlet_core_read_seconds) is "
     "more "
     "than a few seconds old. Empty: only backfill-rate holds them back."},
    {"flows", OPT_LIST, FLOWS(flows), NULL, "Kinds of flows to send.", .item = OPT_STRUCT,
     .sub = &kind_table},
};
static const struct opt_table flows_table = OPT_TABLE("flows", struct demo_flows_conf, flows_rows);

#define SNMP(field) OPT_AT(struct demo_snmp_conf, field)
static const struct opt snmp_rows[] = {
    {"name", OPT_STRING, SNMP(name), "", "sysName of the exporter; empty: there is no agent."},
    {"interfaces", OPT_MAP, SNMP(interfaces), NULL, "ifIndex to description.", .item = OPT_STRING},
    {"listen", OPT_STRING, SNMP(listen), ":161", "Address of the agent."},
};

static bool check_snmp(const void *conf, const char **bad_key, struct err *e)
{
    const struct demo_snmp_conf *c = conf;
    uint64_t index;
    *bad_key = "listen";
    if (!http_listen_check(c->listen, e))
        return false;
    *bad_key = "interfaces";
    for (size_t i = 0; i < c->interfaces.n; i++)
        if (!str_u64(str_from(c->interfaces.keys[i]), &index) || index < 1 || index > INT32_MAX)
            return err_set(e, "\"%s\" is no ifIndex", c->interfaces.keys[i]);
    *bad_key = "name";
    return c->name[0] || !c->interfaces.n || err_set(e, "the agent needs a name");
}
static const struct opt_table snmp_table =
    OPT_TABLE("SNMP agent of the demo exporter", struct demo_snmp_conf, snmp_rows, .check = check_snmp);

#define ROUTE(field) OPT_AT(struct demo_route_conf, field)
static const struct opt route_rows[] = {
    {"prefixes", OPT_LIST, ROUTE(prefixes), NULL, "Prefixes to announce.", .item = OPT_STRING},
    {"aspath", OPT_LIST, ROUTE(aspath), NULL, "AS path, nearest first.", .max = UINT32_MAX, .item = OPT_UINT},
    {"communities", OPT_LIST, ROUTE(communities), NULL, "Communities.", .item = OPT_STRING},
    {"large-communities", OPT_LIST, ROUTE(large_communities), NULL, "Large communities.", .item = OPT_STRING},
};
static const struct opt_table route_table =
    OPT_TABLE("routes of the demo exporter", struct demo_route_conf, route_rows);

#define BMP(field) OPT_AT(struct demo_bmp_conf, field)
static const struct opt bmp_rows[] = {
    {"target", OPT_STRING, BMP(target), "", "BMP station to connect to; empty: none."},
    {"routes", OPT_LIST, BMP(routes), NULL, "Routes to announce.", .item = OPT_STRUCT, .sub = &route_table},
    {"local-asn", OPT_UINT, BMP(local_asn), "64496", "AS number of the exporter.", .max = UINT32_MAX},
    {"peer-asn", OPT_UINT, BMP(peer_asn), "64497", "AS number of its peer.", .max = UINT32_MAX},
    {"local-ip", OPT_STRING, BMP(local_ip), "", "Address of the exporter."},
    {"peer-ip", OPT_STRING, BMP(peer_ip), "", "Address of its peer."},
    {"retry-after", OPT_DURATION, BMP(retry_after_ns), "5s", "Time between two attempts to connect."},
    {"stats-delay", OPT_DURATION, BMP(stats_delay_ns), "1m", "Time between two statistics reports; 0: none."},
};
static bool check_bmp(const void *conf, const char **bad_key, struct err *e)
{
    const struct demo_bmp_conf *c = conf;
    const char *const addresses[][2] = {{"local-ip", c->local_ip}, {"peer-ip", c->peer_ip}};
    struct ip a;
    for (size_t i = 0; i < 2; i++) {
        *bad_key = addresses[i][0];
        if (addresses[i][1][0] && !ip_parse(str_from(addresses[i][1]), &a))
            return err_set(e, "\"%s\" is no address", addresses[i][1]);
    }
    struct buf b;
    *bad_key = "routes";
    buf_init(&b, 0);
    bool good = demo_bmp_opening(c, "", &b, e);
    buf_fini(&b);
    return good;
}

static const struct opt_table bmp_table =
    OPT_TABLE("BMP speaker of the demo exporter", struct demo_bmp_conf, bmp_rows, .check = check_bmp);

#define DEMO(field) OPT_AT(struct demo_conf, field)
static const struct opt demo_rows[] = {
    {"snmp", OPT_STRUCT, DEMO(snmp), NULL, "SNMP agent that tells its interfaces.", .sub = &snmp_table},
    {"bmp", OPT_STRUCT, DEMO(bmp), NULL, "BMP speaker.", .sub = &bmp_table},
    {"flows", OPT_STRUCT, DEMO(flows), NULL, "Flows to send.", .sub = &flows_table},
};
const struct opt_table demo_table = OPT_TABLE("demo exporter", struct demo_conf, demo_rows);
