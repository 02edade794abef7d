/* Option tables of enrichment: core, remote data, routing, GeoIP, networks. Metadata has a file of its own. */
#include "enrich/enrich_conf.h"
#include "conf/value.h"
#include "enrich/classify/classify.h"
#include "enrich/remote/transform.h"
#include "enrich/remote_conf.h"
#include "enrich/route/rd.h"
#include "net/http_listen.h"
#include "net/url.h"
#include <ctype.h>

#define MINUTE_NS 60000000000ull
#define SECOND_NS 1000000000ull
#define DAY_NS (86400 * SECOND_NS)

/* ---- core ---- */

static const struct opt_choice asn_providers[] = {
    {"flow", ASN_FLOW, ""},
    {"flow-except-private", ASN_FLOW_EXCEPT_PRIVATE, ""},
    {"flow-except-default-route", ASN_FLOW_EXCEPT_DEFAULT_ROUTE, ""},
    {"routing", ASN_ROUTING, ""},
    {"routing-except-private", ASN_ROUTING_EXCEPT_PRIVATE, ""},
    {"networks", ASN_NETWORKS, ""},
    {"bmp", ASN_ROUTING, ""},
    {"bmp-except-private", ASN_ROUTING_EXCEPT_PRIVATE, ""},
    {"geo-ip", ASN_NETWORKS, ""},
    {NULL}};
static const struct opt_choice net_providers[] = {
    {"flow", NET_FLOW, ""}, {"routing", NET_ROUTING, ""}, {"bmp", NET_ROUTING, ""}, {NULL}};

#define CORE(field) OPT_AT(struct enrich_core_conf, field)
static const struct opt core_rows[] = {
    {"exporter-classifiers", OPT_LIST, CORE(exporter_classifiers), NULL,
     "Rules that classify exporters (page classification).", .item = OPT_STRING, .flags = OPT_RELOAD},
    {"interface-classifiers", OPT_LIST, CORE(interface_classifiers), NULL, "Rules that classify interfaces.",
     .item = OPT_STRING, .flags = OPT_RELOAD},
    {"default-sampling-rate", OPT_SUBNETMAP, CORE(default_sampling_rate), NULL,
     "Sampling rate of exporters that do not say theirs.", 1, UINT32_MAX, .item = OPT_UINT,
     .flags = OPT_RELOAD},
    {"override-sampling-rate", OPT_SUBNETMAP, CORE(override_sampling_rate), NULL,
     "Sampling rate of exporters whatever they say.", 1, UINT32_MAX, .item = OPT_UINT, .flags = OPT_RELOAD},
    {"asn-providers", OPT_LIST, CORE(asn_providers), "[flow, routing, networks]",
     "Where AS numbers come from; the first that knows one counts.", .item = OPT_ENUM,
     .choices = asn_providers, .flags = OPT_RELOAD},
    {"net-providers", OPT_LIST, CORE(net_providers), "[flow, routing]",
     "Where prefix lengths and next hops come from.", .item = OPT_ENUM, .choices = net_providers,
     .flags = OPT_RELOAD},
    {"startup-delay", OPT_DURATION, CORE(startup_delay_ns), "0",
     "Wait before the first flow, for routes to arrive.", .max = 3600 * SECOND_NS},
    {"workers", OPT_UINT, 0, .help = "workers of outlet.kafka-input", .flags = OPT_OLD},
    {"classifier-cache-size", OPT_UINT, 0, .help = "results of rules are kept until rules or names change",
     .flags = OPT_OLD},
    {"classifier-cache-duration", OPT_DURATION, 0,
     .help = "results of rules are kept until rules or names change", .flags = OPT_OLD},
};

static bool core_check(const void *conf, const char **bad_key, struct err *e)
{
    return classify_check(conf, bad_key, e);
}

const struct opt_table enrich_core_table =
    OPT_TABLE("core", struct enrich_core_conf, core_rows, .check = core_check);

/* ---- remote data ---- */

static const struct opt_choice parsers[] = {
    {"json", PARSER_JSON, ""},
    {"csv-comma", PARSER_CSV_COMMA, "a list of rows, whose columns are `f1`, `f2`...; a header is a row"},
    {"csv-semicolon", PARSER_CSV_SEMICOLON, ""},
    {"csv-colon", PARSER_CSV_COLON, ""},
    {"plain", PARSER_PLAIN, "a list of lines"},
    {NULL}};
static const struct opt_choice paginations[] = {
    {"auto", PAGES_AUTO, "whichever of the next two works"},
    {"none", PAGES_NONE, "there is one page"},
    {"link-next", PAGES_LINK_NEXT, "`next` of the JSON object, null on the last page"},
    {"rel-next", PAGES_REL_NEXT, "header `Link` with `rel=\"next\"`"},
    {NULL}};

static bool remote_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_remote_conf *c = conf;
    bool on;
    *bad_key = "url";
    if (!url_check(c->url, e))
        return false;
    *bad_key = "method";
    if (strcmp(c->method, "GET") != 0 && strcmp(c->method, "POST") != 0)
        return err_set(e, "GET or POST");
    *bad_key = "proxy";
    if (!value_bool(str_from(c->proxy), &on) && !strstr(c->proxy, "://"))
        return err_set(e, "true, false, or a URL");
    *bad_key = "headers";
    for (size_t i = 0; i < c->headers.n; i++)
        if (strpbrk(c->headers.keys[i], "\r\n: ") || strpbrk(((const char **)c->headers.items)[i], "\r\n"))
            return err_set(e, "%s is no header", c->headers.keys[i]);
    *bad_key = "transform";
    struct transform *t = transform_new(c->transform, e);
    transform_free(t);
    return t != NULL;
}

#define REMOTE(field) OPT_AT(struct enrich_remote_conf, field)
static const struct opt remote_rows[] = {
    {"url", OPT_STRING, REMOTE(url), NULL, "Where the data is.", .flags = OPT_REQUIRED | OPT_URL},
    {"method", OPT_STRING, REMOTE(method), "GET", "GET or POST."},
    {"headers", OPT_MAP, REMOTE(headers), NULL, "Headers to send.", .item = OPT_SECRET},
    {"proxy", OPT_STRING, REMOTE(proxy), "true",
     "Use the proxy of the environment (`http_proxy`, `https_proxy`, `no_proxy`): true or false; or the URL "
     "of one.",
     .flags = OPT_URL},
    {"timeout", OPT_DURATION, REMOTE(timeout_ns), "1m", "Longest time of one fetch with all its pages.",
     SECOND_NS, 3600 * SECOND_NS},
    {"interval", OPT_DURATION, REMOTE(interval_ns), NULL, "Time between two fetches.", MINUTE_NS,
     365 * DAY_NS, .flags = OPT_REQUIRED},
    {"parser", OPT_ENUM, REMOTE(parser), "json", "Format of the data.", .choices = parsers},
    {"pagination", OPT_ENUM, REMOTE(pagination), "auto", "How the next page is found.",
     .choices = paginations},
    {"transform", OPT_STRING, REMOTE(transform), ".", "jq program that gives one object per result."},
    {"tls", OPT_STRUCT, REMOTE(tls), NULL, "TLS to the server.", .sub = &tls_table},
};
const struct opt_table enrich_remote_table =
    OPT_TABLE("remote data source", struct enrich_remote_conf, remote_rows, .check = remote_check,
              .help = "Data fetched from a URL.");

/* ---- routing ---- */

static const struct opt_choice routing_types[] = {
    {"none", ROUTING_NONE, "no routes"},
    {"bmp", ROUTING_BMP, "routers send their routes over BMP"},
    {"bioris", ROUTING_BIORIS, "a bio-rd RIS is asked", OPT_LATER},
    {NULL}};

struct ris_instance {
    const char *grpc_addr, *vrf;
    bool grpc_secure;
    uint64_t vrf_id;
};
#define RIS(field) OPT_AT(struct ris_instance, field)
static const struct opt ris_rows[] = {
    {"grpc-addr", OPT_STRING, RIS(grpc_addr), NULL, "Address of the instance.", .flags = OPT_REQUIRED},
    {"grpc-secure", OPT_BOOL, RIS(grpc_secure), "false", "Use TLS."},
    {"vrf", OPT_STRING, RIS(vrf), "", "Name of the VRF."},
    {"vrf-id", OPT_UINT, RIS(vrf_id), "0", "Number of the VRF."},
};
static const struct opt_table ris_table = OPT_TABLE("RIS instance", struct ris_instance, ris_rows);

#define VRF(field) OPT_AT(struct enrich_vrf_conf, field)
static const struct opt vrf_rows[] = {
    {"id", OPT_UINT, VRF(id), NULL, "Number that flows have (information elements 234 and 235).", 1,
     UINT32_MAX, .flags = OPT_REQUIRED},
    {"rd", OPT_STRING, VRF(rd), NULL, "Its route distinguisher: \"65000:10\"; \"0\" for routes without one.",
     .flags = OPT_REQUIRED},
    {"exporters", OPT_STRING, VRF(exporters), "::/0", "Exporters that use this number so."},
};

static bool vrf_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_vrf_conf *c = conf;
    struct prefix exporters;
    uint64_t rd;
    *bad_key = "rd";
    if (!rd_parse(str_from(c->rd), &rd))
        return err_set(e, "\"%s\" is no route distinguisher, such as 65000:10", c->rd);
    *bad_key = "exporters";
    return prefix_parse(str_from(c->exporters), &exporters) ||
           err_set(e, "\"%s\" is no prefix", c->exporters);
}

static const struct opt_table vrf_table =
    OPT_TABLE("VRF", struct enrich_vrf_conf, vrf_rows, .check = vrf_check);

#define ROUTING(field) OPT_AT(struct enrich_routing_provider, field)
static const struct opt routing_provider_rows[] = {
    {"type", OPT_ENUM, ROUTING(type), "none", "Where routes come from.", .choices = routing_types},
    {"listen", OPT_STRING, ROUTING(listen), ":10179", "Address to listen on.", .only = "bmp"},
    {"rds", OPT_LIST, ROUTING(rds), NULL, "Route distinguishers to take; none: all.", .item = OPT_STRING,
     .only = "bmp"},
    {"rts", OPT_LIST, ROUTING(rts), NULL, "Route targets to take; none: all.", .item = OPT_STRING,
     .only = "bmp"},
    {"collect-asns", OPT_BOOL, ROUTING(collect_asns), "true", "Keep origin AS numbers.", .only = "bmp"},
    {"collect-aspaths", OPT_BOOL, ROUTING(collect_aspaths), "true", "Keep AS paths.", .only = "bmp"},
    {"collect-communities", OPT_BOOL, ROUTING(collect_communities), "true", "Keep communities.",
     .only = "bmp"},
    {"vrfs", OPT_LIST, ROUTING(vrfs), NULL, "VRFs of flows, so that their own routes are looked up.",
     .item = OPT_STRUCT, .sub = &vrf_table, .only = "bmp"},
    {"keep", OPT_DURATION, ROUTING(keep_ns), "5m",
     "How long routes of a lost router are kept, and those of the session before that a new one does not "
     "repeat.",
     .only = "bmp"},
    {"receive-buffer", OPT_SIZE, ROUTING(receive_buffer), "0",
     "Receive buffer of a session; 0: as the system has it.", .only = "bmp"},
    {"message-timeout", OPT_DURATION, ROUTING(message_timeout_ns), "1m",
     "A session is ended when a message that it began is not whole after this time, or it has not said by "
     "then who it is. "
     "Between messages a router may be silent for ever.",
     100000000, 60 * MINUTE_NS, .only = "bmp"},
    {"max-memory", OPT_SIZE, ROUTING(max_memory), "4GiB", "Most memory for routes; further ones are refused.",
     4 << 20, 32ull << 30, .only = "bmp"},
    {"max-sessions", OPT_UINT, ROUTING(max_sessions), "1000", "Most sessions at a time.", 1, 4000,
     .only = "bmp"},
    {"message-buffer", OPT_UINT, 0, .help = "messages wait in the receive buffer", .flags = OPT_OLD},
    {"rib-shards", OPT_UINT, 0, .help = "look-ups need no parts of the table", .flags = OPT_OLD},
    {"ris-instances", OPT_LIST, ROUTING(ris_instances), NULL, "Instances to ask.", .item = OPT_STRUCT,
     .sub = &ris_table, .only = "bioris"},
    {"timeout", OPT_DURATION, ROUTING(timeout_ns), "200ms", "Longest wait for an answer.", .only = "bioris"},
    {"refresh", OPT_DURATION, ROUTING(refresh_ns), "30m", "Time between two refreshes.", .only = "bioris"},
    {"refresh-timeout", OPT_DURATION, ROUTING(refresh_timeout_ns), "10s", "Longest refresh.",
     .only = "bioris"},
};

static bool routing_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_routing_provider *c = conf;
    uint64_t v;
    if (c->type != ROUTING_BMP)
        return true;
    *bad_key = "listen";
    if (!http_listen_check(c->listen, e))
        return false;
    *bad_key = "rds";
    for (size_t i = 0; i < c->rds.n; i++)
        if (!rd_parse(str_from(*OPT_ITEM(c->rds, const char *, i)), &v))
            return err_set(e, "\"%s\" is no route distinguisher, such as 65000:10",
                           *OPT_ITEM(c->rds, const char *, i));
    *bad_key = "rts";
    for (size_t i = 0; i < c->rts.n; i++)
        if (!rd_parse_target(str_from(*OPT_ITEM(c->rts, const char *, i)), &v))
            return err_set(e, "\"%s\" is no route target, such as 65000:10",
                           *OPT_ITEM(c->rts, const char *, i));
    return true;
}

static const struct opt_table routing_provider_table = OPT_TABLE(
    "routing provider", struct enrich_routing_provider, routing_provider_rows, .check = routing_check);

static const struct opt routing_rows[] = {
    {"provider", OPT_STRUCT, OPT_AT(struct enrich_routing_conf, provider), NULL, "Where routes come from.",
     .sub = &routing_provider_table},
};
const struct opt_table enrich_routing_table = OPT_TABLE("routing", struct enrich_routing_conf, routing_rows);

/* ---- GeoIP ---- */

#define UPDATE(field) OPT_AT(struct enrich_geoip_update, field)
static const struct opt update_rows[] = {
    {"account-id", OPT_STRING, UPDATE(account_id), "",
     "Number of your account at MaxMind; else MAXMIND_ACCOUNT_ID.", .flags = OPT_RELOAD},
    {"license-key", OPT_SECRET, UPDATE(license_key), "",
     "License key of that account; else MAXMIND_LICENSE_KEY.", .flags = OPT_RELOAD},
    {"token", OPT_SECRET, UPDATE(token), "", "Your token at IPinfo; else IPINFO_TOKEN.", .flags = OPT_RELOAD},
    {"maxmind-url", OPT_STRING, UPDATE(maxmind_url), ENRICH_MAXMIND_URL,
     "MaxMind's server, or your mirror of it.", .flags = OPT_RELOAD | OPT_URL},
    {"ipinfo-url", OPT_STRING, UPDATE(ipinfo_url), ENRICH_IPINFO_URL,
     "IPinfo's server, or your mirror of it.", .flags = OPT_RELOAD | OPT_URL},
};
static const struct opt_table update_table =
    OPT_TABLE("GeoIP update", struct enrich_geoip_update, update_rows, .help = "For `weir geoip update`.");

#define GEOIP(field) OPT_AT(struct enrich_geoip_conf, field)
static const struct opt geoip_rows[] = {
    {"asn-database", OPT_LIST, GEOIP(asn_database), NULL, "MMDB files with AS numbers.", .item = OPT_STRING,
     .flags = OPT_RELOAD},
    {"geo-database", OPT_LIST, GEOIP(geo_database), NULL, "MMDB files with countries and cities.",
     .item = OPT_STRING, .aka = "country-database", .flags = OPT_RELOAD},
    {"optional", OPT_BOOL, GEOIP(optional), "false",
     "A missing file is no error; it is used once it is there.", .flags = OPT_RELOAD},
    {"update", OPT_STRUCT, GEOIP(update), NULL,
     "Account with which `weir geoip update` fetches the databases.", .sub = &update_table},
};
const struct opt_table enrich_geoip_table = OPT_TABLE("geoip", struct enrich_geoip_conf, geoip_rows);

/* ---- networks ---- */

static bool network_from_scalar(void *conf, struct str value, struct arena *a, struct err *e)
{
    ((struct enrich_network_conf *)conf)->name = arena_z(a, value);
    return true;
}

#define NETWORK(field) OPT_AT(struct enrich_network_conf, field)
static const struct opt network_rows[] = {
    {"name", OPT_STRING, NETWORK(name), "", "Name of the network."},
    {"role", OPT_STRING, NETWORK(role), "", "Role."},
    {"site", OPT_STRING, NETWORK(site), "", "Site."},
    {"region", OPT_STRING, NETWORK(region), "", "Region."},
    {"tenant", OPT_STRING, NETWORK(tenant), "", "Tenant."},
    {"city", OPT_STRING, NETWORK(city), "", "City."},
    {"state", OPT_STRING, NETWORK(state), "", "State."},
    {"country", OPT_STRING, NETWORK(country), "", "Country, two letters."},
    {"asn", OPT_UINT, NETWORK(asn), "0", "AS number.", .max = UINT32_MAX},
};

static bool network_check(const void *conf, const char **bad_key, struct err *e)
{
    const char *country = ((const struct enrich_network_conf *)conf)->country;
    *bad_key = "country";
    return !*country ||
           (isalpha((unsigned char)country[0]) && isalpha((unsigned char)country[1]) && !country[2]) ||
           err_set(e, "\"%s\" is no code of two letters, such as FR", country);
}

static const struct opt_table network_table =
    OPT_TABLE("network", struct enrich_network_conf, network_rows, .check = network_check,
              .from_scalar = network_from_scalar);

#define NETWORKS(field) OPT_AT(struct enrich_networks_conf, field)
static const struct opt networks_rows[] = {
    {"networks", OPT_SUBNETMAP, NETWORKS(networks), NULL,
     "Attributes of networks; a single text is the name.", .item = OPT_STRUCT, .sub = &network_table,
     .flags = OPT_RELOAD},
    {"network-sources", OPT_MAP, NETWORKS(network_sources), NULL, "Networks from remote sources.",
     .item = OPT_STRUCT, .sub = &enrich_remote_table, .flags = OPT_RELOAD},
    {"network-sources-timeout", OPT_DURATION, NETWORKS(network_sources_timeout_ns), "10s",
     "How long to wait for them at start."},
};
const struct opt_table enrich_networks_table =
    OPT_TABLE("networks", struct enrich_networks_conf, networks_rows);
