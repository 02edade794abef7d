/* Option tables of section metadata: static, SNMP and gNMI providers. */
#include "enrich/remote_conf.h"
#include <stdio.h>

#define SECOND_NS 1000000000ull

/* ---- static ---- */

static const struct opt_choice boundaries[] = {{"undefined", BOUNDARY_UNDEFINED, ""},
                                               {"external", BOUNDARY_EXTERNAL, ""},
                                               {"internal", BOUNDARY_INTERNAL, ""},
                                               {NULL}};

#define INTERFACE(field) OPT_AT(struct enrich_interface_conf, field)
static const struct opt interface_rows[] = {
    {"name", OPT_STRING, INTERFACE(name), "", "Name of the interface.", .flags = OPT_RELOAD},
    {"description", OPT_STRING, INTERFACE(description), "", "Its description.", .flags = OPT_RELOAD},
    {"speed", OPT_UINT, INTERFACE(speed), "0", "Its speed.", .unit = "Mbit/s", .flags = OPT_RELOAD},
    {"provider", OPT_STRING, INTERFACE(provider), "", "Who is behind it.", .flags = OPT_RELOAD},
    {"connectivity", OPT_STRING, INTERFACE(connectivity), "", "Kind of connection: transit, ix, pni...",
     .flags = OPT_RELOAD},
    {"boundary", OPT_ENUM, INTERFACE(boundary), "undefined", "Which side of the network it is on.",
     .choices = boundaries, .flags = OPT_RELOAD},
};
static const struct opt_table interface_table =
    OPT_TABLE("interface", struct enrich_interface_conf, interface_rows);

static bool exporter_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_exporter_conf *x = conf;
    uint64_t index;
    *bad_key = "ifindexes";
    for (size_t i = 0; i < x->ifindexes.n; i++)
        if (!str_u64(str_from(x->ifindexes.keys[i]), &index) || index > UINT32_MAX)
            return err_set(e, "\"%s\" is no interface index", x->ifindexes.keys[i]);
    return true;
}

#define EXPORTER(field) OPT_AT(struct enrich_exporter_conf, field)
static const struct opt exporter_rows[] = {
    {"name", OPT_STRING, EXPORTER(name), "", "Name of the exporter.", .flags = OPT_RELOAD},
    {"group", OPT_STRING, EXPORTER(group), "", "Group.", .flags = OPT_RELOAD},
    {"role", OPT_STRING, EXPORTER(role), "", "Role.", .flags = OPT_RELOAD},
    {"site", OPT_STRING, EXPORTER(site), "", "Site.", .flags = OPT_RELOAD},
    {"region", OPT_STRING, EXPORTER(region), "", "Region.", .flags = OPT_RELOAD},
    {"tenant", OPT_STRING, EXPORTER(tenant), "", "Tenant.", .flags = OPT_RELOAD},
    {"default", OPT_STRUCT, EXPORTER(fallback), NULL, "Interfaces that are not listed.",
     .sub = &interface_table, .flags = OPT_RELOAD},
    {"ifindexes", OPT_MAP, EXPORTER(ifindexes), NULL, "Interfaces by index.", .item = OPT_STRUCT,
     .sub = &interface_table, .flags = OPT_RELOAD},
    {"skip-missing-interfaces", OPT_BOOL, EXPORTER(skip_missing_interfaces), "false",
     "Leave interfaces that are not listed to the next provider.", .flags = OPT_RELOAD},
};
static const struct opt_table exporter_table =
    OPT_TABLE("exporter", struct enrich_exporter_conf, exporter_rows, .check = exporter_check);

/* ---- snmp ---- */

static const struct opt_choice auths[] = {{"none", AUTH_NONE, ""},     {"MD5", AUTH_MD5, ""},
                                          {"SHA", AUTH_SHA, ""},       {"SHA224", AUTH_SHA224, ""},
                                          {"SHA256", AUTH_SHA256, ""}, {"SHA384", AUTH_SHA384, ""},
                                          {"SHA512", AUTH_SHA512, ""}, {NULL}};
static const struct opt_choice privs[] = {
    {"none", PRIV_NONE, ""},
    {"DES", PRIV_DES, ""},
    {"AES", PRIV_AES, ""},
    {"AES192", PRIV_AES192, "keys made longer as the Blumenthal draft says"},
    {"AES256", PRIV_AES256, "keys made longer as the Blumenthal draft says"},
    {"AES192-C", PRIV_AES192_C, "keys made longer as Cisco does (Reeder draft)"},
    {"AES256-C", PRIV_AES256_C, "keys made longer as Cisco does (Reeder draft)"},
    {NULL}};
static const struct opt_choice versions[] = {
    {"2c", SNMP_V2C, ""}, {"1", SNMP_V1, "for very old agents"}, {NULL}};

#define CREDENTIAL(field) OPT_AT(struct enrich_snmp_credentials, field)
static const struct opt credential_rows[] = {
    {"communities", OPT_LIST, CREDENTIAL(communities), "[public]",
     "Communities to try, one after the other; the one that worked is remembered.", .item = OPT_SECRET,
     .aka = "community", .flags = OPT_RELOAD},
    {"version", OPT_ENUM, CREDENTIAL(version), "2c", "Version of SNMP that communities are used with.",
     .choices = versions, .flags = OPT_RELOAD},
    {"user-name", OPT_STRING, CREDENTIAL(user_name), "", "User; SNMPv3 is spoken when there is one.",
     .flags = OPT_RELOAD},
    {"authentication-protocol", OPT_ENUM, CREDENTIAL(auth), "none", "Authentication (v3).", .choices = auths,
     .flags = OPT_RELOAD},
    {"authentication-passphrase", OPT_SECRET, CREDENTIAL(auth_passphrase), "",
     "Its passphrase, at least 8 characters (RFC 3414).", .flags = OPT_RELOAD},
    {"privacy-protocol", OPT_ENUM, CREDENTIAL(priv), "none", "Encryption (v3).", .choices = privs,
     .flags = OPT_RELOAD},
    {"privacy-passphrase", OPT_SECRET, CREDENTIAL(priv_passphrase), "",
     "Its passphrase, at least 8 characters.", .flags = OPT_RELOAD},
    {"context-name", OPT_STRING, CREDENTIAL(context_name), "", "Context (v3).", .flags = OPT_RELOAD},
};

enum { PASSPHRASE_MIN = 8 }; /* RFC 3414 11.2 */

static bool credential_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_snmp_credentials *c = conf;
    *bad_key = "privacy-protocol";
    if (c->priv != PRIV_NONE && c->auth == AUTH_NONE)
        return err_set(e, "encryption needs authentication-protocol as well");
    *bad_key = "authentication-protocol";
    if ((c->auth != AUTH_NONE || c->priv != PRIV_NONE) && !c->user_name[0])
        return err_set(e, "needs a user-name");
    *bad_key = "authentication-passphrase";
    if (c->auth != AUTH_NONE && strlen(c->auth_passphrase) < PASSPHRASE_MIN)
        return err_set(e, "must have at least %d characters", PASSPHRASE_MIN);
    *bad_key = "privacy-passphrase";
    return c->priv == PRIV_NONE || strlen(c->priv_passphrase) >= PASSPHRASE_MIN ||
           err_set(e, "must have at least %d characters", PASSPHRASE_MIN);
}
static const struct opt_table credential_table =
    OPT_TABLE("SNMP credentials", struct enrich_snmp_credentials, credential_rows, .check = credential_check);

/* ---- gnmi ---- */

#define GNMI_AUTH(field) OPT_AT(struct enrich_gnmi_auth, field)
static const struct opt gnmi_auth_rows[] = {
    {"username", OPT_STRING, GNMI_AUTH(username), "", "User."},
    {"password", OPT_SECRET, GNMI_AUTH(password), "", "Password."},
    {"tls", OPT_STRUCT, GNMI_AUTH(tls), NULL, "TLS to the target.", .sub = &tls_table},
};
static const struct opt_table gnmi_auth_table =
    OPT_TABLE("gNMI authentication", struct enrich_gnmi_auth, gnmi_auth_rows);

struct speed_path {
    const char *path;
    int unit;
};
static const struct opt_choice speed_units[] = {
    {"bps", 0, ""}, {"mbps", 1, ""}, {"ethernet", 2, ""}, {"human", 3, ""}, {NULL}};
static const struct opt speed_rows[] = {
    {"path", OPT_STRING, OPT_AT(struct speed_path, path), NULL, "Path of the speed.", .flags = OPT_REQUIRED},
    {"unit", OPT_ENUM, OPT_AT(struct speed_path, unit), "bps", "Its unit.", .choices = speed_units},
};
static const struct opt_table speed_table = OPT_TABLE("gNMI speed path", struct speed_path, speed_rows);

struct gnmi_model {
    const char *name;
    struct opt_list name_paths, index_paths, keys, if_name_paths, description_paths, speed_paths;
};
#define MODEL(field) OPT_AT(struct gnmi_model, field)
#define PATHS(key_, field, help_)                                                                            \
    {                                                                                                        \
        key_, OPT_LIST, MODEL(field), NULL, help_, .item = OPT_STRING                                        \
    }
static const struct opt model_rows[] = {
    {"name", OPT_STRING, MODEL(name), "", "Name of the model."},
    PATHS("system-name-paths", name_paths, "Paths of the system's name."),
    PATHS("if-index-paths", index_paths, "Paths of interface indexes."),
    PATHS("if-name-keys", keys, "Keys that hold an interface's name."),
    PATHS("if-name-paths", if_name_paths, "Paths of interface names."),
    PATHS("if-description-paths", description_paths, "Paths of descriptions."),
    {"if-speed-paths", OPT_LIST, MODEL(speed_paths), NULL, "Paths of speeds.", .item = OPT_STRUCT,
     .sub = &speed_table},
};
static bool model_from_scalar(void *conf, struct str value, struct arena *a, struct err *e)
{
    if (!str_eq_nocase(value, STR("defaults")))
        return err_set(e, "wants a model, or \"defaults\"");
    ((struct gnmi_model *)conf)->name = "defaults";
    return true;
}
static const struct opt_table model_table =
    OPT_TABLE("gNMI model", struct gnmi_model, model_rows, .from_scalar = model_from_scalar);

/* ---- providers ---- */

static const struct opt_choice types[] = {{"snmp", METADATA_SNMP, "exporters are asked over SNMP"},
                                          {"gnmi", METADATA_GNMI, "exporters are asked over gNMI", OPT_LATER},
                                          {"static", METADATA_STATIC, "it is written here"},
                                          {"flow", METADATA_FLOW, "exporters tell it with their flows"},
                                          {NULL}};

#define PROVIDER(field) OPT_AT(struct enrich_metadata_provider, field)
static const struct opt provider_rows[] = {
    {"type", OPT_ENUM, PROVIDER(type), "snmp", "Where names come from.", .choices = types},
    {"exporters", OPT_SUBNETMAP, PROVIDER(exporters), NULL, "Exporters by address or prefix.",
     .item = OPT_STRUCT, .sub = &exporter_table, .only = "static", .flags = OPT_RELOAD},
    {"exporter-sources", OPT_MAP, PROVIDER(exporter_sources), NULL, "Exporters from remote sources.",
     .item = OPT_STRUCT, .sub = &enrich_remote_table, .only = "static", .flags = OPT_RELOAD},
    {"exporter-sources-timeout", OPT_DURATION, PROVIDER(exporter_sources_timeout_ns), "10s",
     "How long to wait for them at start.", .max = 600 * SECOND_NS, .only = "static"},
    {"poller-retries", OPT_UINT, PROVIDER(poller_retries), "1", "How often a question is repeated.",
     .max = 100, .only = "snmp", .flags = OPT_RELOAD},
    {"poller-timeout", OPT_DURATION, PROVIDER(poller_timeout_ns), "1s", "How long an answer is waited for.",
     SECOND_NS / 100, 60 * SECOND_NS, .only = "snmp", .flags = OPT_RELOAD},
    {"poller-concurrency", OPT_UINT, PROVIDER(poller_concurrency), "64", "Exporters asked at the same time.",
     1, 512, .only = "snmp", .flags = OPT_RELOAD},
    {"poller-rate", OPT_UINT, PROVIDER(poller_rate), "500",
     "Most questions sent in a second, to all together.", 1, 100000, .only = "snmp", .flags = OPT_RELOAD},
    {"poller-coalesce", OPT_UINT, 0, .help = "all interfaces are asked for together", .flags = OPT_OLD},
    {"check-source", OPT_BOOL, PROVIDER(check_source), "true",
     "Take answers only from the address that was asked. False for hosts that answer from another address of "
     "theirs, as happens with several IPv6 addresses.",
     .only = "snmp", .flags = OPT_RELOAD},
    {"credentials", OPT_SUBNETMAP, PROVIDER(credentials), "{'::/0': {communities: [public]}}",
     "Credentials by exporter.", .item = OPT_STRUCT, .sub = &credential_table, .only = "snmp",
     .flags = OPT_RELOAD},
    {"agents", OPT_MAP, PROVIDER(agents), NULL, "Address of the agent, by address of the exporter.",
     .item = OPT_STRING, .only = "snmp", .flags = OPT_RELOAD},
    {"ports", OPT_SUBNETMAP, PROVIDER(ports), "161", "Port of the agent, by exporter.", 1, 65535,
     .item = OPT_UINT, .only = "snmp", .flags = OPT_RELOAD},
    {"ports", OPT_SUBNETMAP, PROVIDER(ports), "9339", "Port of the target, by exporter.", 1, 65535,
     .item = OPT_UINT, .only = "gnmi", .flags = OPT_LATER},
    {"timeout", OPT_DURATION, PROVIDER(timeout_ns), "1s", "How long an answer is waited for.", .only = "gnmi",
     .flags = OPT_LATER},
    {"minimal-refresh-interval", OPT_DURATION, PROVIDER(minimal_refresh_ns), "1m",
     "Shortest time between refreshes.", .only = "gnmi", .flags = OPT_LATER},
    {"targets", OPT_SUBNETMAP, PROVIDER(targets), NULL, "Address of the target, by exporter.",
     .item = OPT_STRING, .only = "gnmi", .flags = OPT_LATER},
    {"set-target", OPT_SUBNETMAP, PROVIDER(set_target), "false", "Set the target field.", .item = OPT_BOOL,
     .only = "gnmi", .flags = OPT_LATER},
    {"authentication-parameters", OPT_SUBNETMAP, PROVIDER(authentication), NULL, "Credentials by exporter.",
     .item = OPT_STRUCT, .sub = &gnmi_auth_table, .only = "gnmi", .flags = OPT_LATER},
    {"models", OPT_LIST, PROVIDER(models), "[defaults]", "What to ask for.", .item = OPT_STRUCT,
     .sub = &model_table, .only = "gnmi", .flags = OPT_LATER},
};

static bool provider_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_metadata_provider *p = conf;
    struct ip ip;
    *bad_key = "agents";
    for (size_t i = 0; i < p->agents.n; i++) {
        const char *agent = ((const char *const *)p->agents.items)[i];
        if (!ip_parse(str_from(p->agents.keys[i]), &ip))
            return err_set(e, "\"%s\" is no address", p->agents.keys[i]);
        if (!ip_parse(str_from(agent), &ip))
            return err_set(e, "\"%s\" is no address", agent);
    }
    return true;
}
static const struct opt_table provider_table =
    OPT_TABLE("metadata provider", struct enrich_metadata_provider, provider_rows, .check = provider_check);

enum { PROVIDERS_MOST = 8 };

static bool metadata_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_metadata_conf *m = conf;
    *bad_key = "providers";
    if (m->providers.n > PROVIDERS_MOST)
        return err_set(e, "at most %d providers", PROVIDERS_MOST);
    *bad_key = "cache-refresh";
    return m->cache_refresh_ns == 0 || m->cache_refresh_ns >= m->cache_duration_ns ||
           err_set(e, "must be 0 or at least cache-duration");
}

#define METADATA(field) OPT_AT(struct enrich_metadata_conf, field)
static const struct opt metadata_rows[] = {
    {"cache-duration", OPT_DURATION, METADATA(cache_duration_ns), "30m",
     "How long names are kept that no flow needs; at least two and a half minutes.", SECOND_NS,
     365ull * 86400 * SECOND_NS, .flags = OPT_RELOAD},
    {"cache-refresh", OPT_DURATION, METADATA(cache_refresh_ns), "1h",
     "How often names are asked for again; 0: never.", .flags = OPT_RELOAD},
    {"cache-check-interval", OPT_DURATION, METADATA(cache_check_ns), "2m",
     "How often both are looked at, and agents are asked whether they restarted.", SECOND_NS,
     86400 * SECOND_NS, .flags = OPT_RELOAD},
    {"cache-persist-file", OPT_STRING, METADATA(cache_persist_file), "",
     "File that keeps names over a restart; empty: metadata.cache in the data directory."},
    {"query-timeout", OPT_DURATION, METADATA(query_timeout_ns), "5s",
     "Longest time of one question with its repetitions.", SECOND_NS / 10, 60 * SECOND_NS,
     .flags = OPT_RELOAD},
    {"initial-delay", OPT_DURATION, METADATA(initial_delay_ns), "1m",
     "Time at start in which errors are not said.", .flags = OPT_RELOAD},
    {"max-exporters", OPT_UINT, METADATA(max_exporters), "10000", "Most exporters to ask and keep names of.",
     1, 1000000},
    {"max-interfaces", OPT_UINT, METADATA(max_interfaces), "10000",
     "Most interfaces to take from one exporter.", 1, 1000000, .flags = OPT_RELOAD},
    {"providers", OPT_LIST, METADATA(providers), "[{type: snmp}, {type: flow}]",
     "Who is asked for names of exporters and interfaces; the first that answers wins.", .item = OPT_STRUCT,
     .sub = &provider_table, .aka = "provider", .flags = OPT_RELOAD},
    {"workers", OPT_UINT, 0, .help = "questions are asked at once", .flags = OPT_OLD},
    {"max-batch-requests", OPT_UINT, 0, .help = "questions are put together as they come", .flags = OPT_OLD},
};
const struct opt_table enrich_metadata_table =
    OPT_TABLE("metadata", struct enrich_metadata_conf, metadata_rows, .check = metadata_check);
