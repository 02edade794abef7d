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

static const struct opt_choice auths[] = {
    {"none", 0, ""},   {"MD5", 1, ""},    {"SHA", 2, ""},    {"SHA224", 3, ""},
    {"SHA256", 4, ""}, {"SHA384", 5, ""}, {"SHA512", 6, ""}, {NULL}};
static const struct opt_choice privs[] = {
    {"none", 0, ""},   {"DES", 1, ""},      {"AES", 2, ""},      {"AES192", 3, ""},
    {"AES256", 4, ""}, {"AES192-C", 5, ""}, {"AES256-C", 6, ""}, {NULL}};

#define CREDENTIAL(field) OPT_AT(struct enrich_snmp_credentials, field)
static const struct opt credential_rows[] = {
    {"communities", OPT_LIST, CREDENTIAL(communities), "[public]", "Communities to try (v2c).",
     .item = OPT_SECRET, .aka = "community"},
    {"user-name", OPT_STRING, CREDENTIAL(user_name), "", "User (v3)."},
    {"authentication-protocol", OPT_ENUM, CREDENTIAL(auth), "none", "Authentication (v3).", .choices = auths},
    {"authentication-passphrase", OPT_SECRET, CREDENTIAL(auth_passphrase), "", "Its passphrase."},
    {"privacy-protocol", OPT_ENUM, CREDENTIAL(priv), "none", "Encryption (v3).", .choices = privs},
    {"privacy-passphrase", OPT_SECRET, CREDENTIAL(priv_passphrase), "", "Its passphrase."},
    {"context-name", OPT_STRING, CREDENTIAL(context_name), "", "Context (v3)."},
};

static bool credential_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_snmp_credentials *c = conf;
    *bad_key = "privacy-protocol";
    return c->priv == 0 || c->auth != 0 || err_set(e, "encryption needs authentication-protocol as well");
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

static const struct opt_choice types[] = {{"snmp", METADATA_SNMP, "routers are asked over SNMP", OPT_LATER},
                                          {"gnmi", METADATA_GNMI, "routers are asked over gNMI", OPT_LATER},
                                          {"static", METADATA_STATIC, "it is written here"},
                                          {NULL}};

#define PROVIDER(field) OPT_AT(struct enrich_metadata_provider, field)
static const struct opt provider_rows[] = {
    {"type", OPT_ENUM, PROVIDER(type), "snmp", "Where names come from.", .choices = types},
    {"exporters", OPT_SUBNETMAP, PROVIDER(exporters), NULL, "Exporters by address or prefix.",
     .item = OPT_STRUCT, .sub = &exporter_table, .only = "static", .flags = OPT_RELOAD},
    {"exporter-sources", OPT_MAP, PROVIDER(exporter_sources), NULL, "Exporters from remote sources.",
     .item = OPT_STRUCT, .sub = &enrich_remote_table, .only = "static", .flags = OPT_LATER},
    {"exporter-sources-timeout", OPT_DURATION, PROVIDER(exporter_sources_timeout_ns), "10s",
     "How long to wait for them at start.", .only = "static", .flags = OPT_LATER},
    {"poller-retries", OPT_UINT, PROVIDER(poller_retries), "1", "How often a question is repeated.",
     .max = 100, .only = "snmp", .flags = OPT_LATER},
    {"poller-timeout", OPT_DURATION, PROVIDER(poller_timeout_ns), "1s", "How long an answer is waited for.",
     .only = "snmp", .flags = OPT_LATER},
    {"credentials", OPT_SUBNETMAP, PROVIDER(credentials), "{'::/0': {communities: [public]}}",
     "Credentials by exporter.", .item = OPT_STRUCT, .sub = &credential_table, .only = "snmp",
     .flags = OPT_LATER},
    {"agents", OPT_MAP, PROVIDER(agents), NULL, "Address of the agent, by exporter.", .item = OPT_STRING,
     .only = "snmp", .flags = OPT_LATER},
    {"ports", OPT_SUBNETMAP, PROVIDER(ports), "161", "Port of the agent, by exporter.", 1, 65535,
     .item = OPT_UINT, .only = "snmp", .flags = OPT_LATER},
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
static const struct opt_table provider_table =
    OPT_TABLE("metadata provider", struct enrich_metadata_provider, provider_rows);

static bool metadata_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct enrich_metadata_conf *m = conf;
    *bad_key = "cache-refresh";
    return m->cache_refresh_ns == 0 || m->cache_refresh_ns >= m->cache_duration_ns ||
           err_set(e, "must be 0 or at least cache-duration");
}

#define METADATA(field) OPT_AT(struct enrich_metadata_conf, field)
static const struct opt metadata_rows[] = {
    {"cache-duration", OPT_DURATION, METADATA(cache_duration_ns), "30m", "How long unused names are kept.",
     SECOND_NS, 365ull * 86400 * SECOND_NS, .flags = OPT_LATER},
    {"cache-refresh", OPT_DURATION, METADATA(cache_refresh_ns), "1h",
     "How often names are asked for again; 0: never.", .flags = OPT_LATER},
    {"cache-check-interval", OPT_DURATION, METADATA(cache_check_ns), "2m", "How often both are looked at.",
     .flags = OPT_LATER},
    {"cache-persist-file", OPT_STRING, METADATA(cache_persist_file), "",
     "File that keeps names over a restart.", .flags = OPT_LATER},
    {"query-timeout", OPT_DURATION, METADATA(query_timeout_ns), "5s", "Longest time of one question.",
     100 * SECOND_NS / 1000, 60 * SECOND_NS, .flags = OPT_LATER},
    {"initial-delay", OPT_DURATION, METADATA(initial_delay_ns), "1m",
     "Time at start in which errors are not said.", .flags = OPT_LATER},
    {"providers", OPT_LIST, METADATA(providers), "[{type: static}]",
     "Who is asked for names of exporters and interfaces; the first that answers wins.", .item = OPT_STRUCT,
     .sub = &provider_table, .aka = "provider", .flags = OPT_RELOAD},
    {"workers", OPT_UINT, 0, .help = "questions are asked at once", .flags = OPT_OLD},
    {"max-batch-requests", OPT_UINT, 0, .help = "questions are put together as they come", .flags = OPT_OLD},
};
const struct opt_table enrich_metadata_table =
    OPT_TABLE("metadata", struct enrich_metadata_conf, metadata_rows, .check = metadata_check);
