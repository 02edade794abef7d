/*
 * enrich_conf: sections outlet.core, metadata, routing, geoip and networks. Constant once loaded.
 */
#pragma once
#include "conf/shared.h"

/* ---- core ---- */

enum enrich_asn_provider {
    ASN_FLOW,
    ASN_FLOW_EXCEPT_PRIVATE,
    ASN_FLOW_EXCEPT_DEFAULT_ROUTE,
    ASN_ROUTING,
    ASN_ROUTING_EXCEPT_PRIVATE,
    ASN_NETWORKS
};
enum enrich_net_provider { NET_FLOW, NET_ROUTING };

struct enrich_core_conf {
    struct opt_list exporter_classifiers, interface_classifiers;        /* text of rules */
    struct opt_subnetmap default_sampling_rate, override_sampling_rate; /* uint64_t */
    struct opt_list asn_providers, net_providers;                       /* int */
    uint64_t startup_delay_ns;
};
extern const struct opt_table enrich_core_table;

/* ---- remote data: networks and exporters from URLs ---- */

enum enrich_parser { PARSER_JSON, PARSER_CSV_COMMA, PARSER_CSV_SEMICOLON, PARSER_CSV_COLON, PARSER_PLAIN };
enum enrich_pagination { PAGES_AUTO, PAGES_NONE, PAGES_LINK_NEXT, PAGES_REL_NEXT };

struct enrich_remote_conf {
    const char *url, *method, *transform;
    struct opt_map headers;
    const char *proxy; /* "true", "false" or a URL */
    uint64_t timeout_ns, interval_ns;
    int parser, pagination;
    struct tls_conf tls;
};

/* ---- metadata ---- */

enum enrich_boundary { BOUNDARY_UNDEFINED, BOUNDARY_EXTERNAL, BOUNDARY_INTERNAL }; /* as in the columns */

struct enrich_interface_conf {
    const char *name, *description, *provider, *connectivity;
    uint64_t speed; /* Mbit/s */
    int boundary;   /* enum enrich_boundary */
};

struct enrich_exporter_conf {
    const char *name, *group, *role, *site, *region, *tenant;
    struct enrich_interface_conf fallback; /* key "default" */
    struct opt_map ifindexes;              /* decimal index -> struct enrich_interface_conf */
    bool skip_missing_interfaces;
};

enum enrich_snmp_version { SNMP_V2C, SNMP_V1 };
enum enrich_snmp_auth { AUTH_NONE, AUTH_MD5, AUTH_SHA, AUTH_SHA224, AUTH_SHA256, AUTH_SHA384, AUTH_SHA512 };
enum enrich_snmp_priv {
    PRIV_NONE,
    PRIV_DES,
    PRIV_AES,
    PRIV_AES192,
    PRIV_AES256,
    PRIV_AES192_C,
    PRIV_AES256_C
};

struct enrich_snmp_credentials {
    struct opt_list communities;
    int version; /* of what communities are used with: enum enrich_snmp_version */
    const char *user_name, *context_name, *auth_passphrase, *priv_passphrase;
    int auth, priv; /* enum enrich_snmp_auth, enrich_snmp_priv */
};

struct enrich_gnmi_auth {
    const char *username, *password;
    struct tls_conf tls;
};

enum enrich_metadata_type { METADATA_SNMP, METADATA_GNMI, METADATA_STATIC, METADATA_FLOW, METADATA_TYPES };

struct enrich_metadata_provider {
    int type; /* enum enrich_metadata_type */
    /* static */
    struct opt_subnetmap exporters; /* struct enrich_exporter_conf */
    struct opt_map exporter_sources;
    uint64_t exporter_sources_timeout_ns;
    /* snmp */
    uint64_t poller_retries, poller_timeout_ns, poller_concurrency, poller_rate;
    bool check_source;
    struct opt_subnetmap credentials; /* struct enrich_snmp_credentials */
    struct opt_map agents;
    struct opt_subnetmap ports; /* uint64_t; gnmi too */
    /* gnmi */
    uint64_t timeout_ns, minimal_refresh_ns;
    struct opt_subnetmap targets, set_target, authentication; /* string; bool; struct enrich_gnmi_auth */
    struct opt_list models;
};

struct enrich_metadata_conf {
    uint64_t cache_duration_ns, cache_refresh_ns, cache_check_ns, query_timeout_ns, initial_delay_ns;
    const char *cache_persist_file;
    uint64_t max_exporters, max_interfaces;
    struct opt_list providers; /* struct enrich_metadata_provider */
};
extern const struct opt_table enrich_metadata_table;

/* ---- routing, geoip, networks ---- */

enum enrich_routing_type { ROUTING_NONE, ROUTING_BMP, ROUTING_BIORIS };

struct enrich_vrf_conf {
    uint64_t id;
    const char *rd, *exporters; /* prefix */
};

struct enrich_routing_provider {
    int type;
    const char *listen;             /* bmp */
    struct opt_list rds, rts, vrfs; /* string, string, struct enrich_vrf_conf */
    bool collect_asns, collect_aspaths, collect_communities;
    uint64_t keep_ns, message_timeout_ns, receive_buffer, max_memory, max_sessions;
    struct opt_list ris_instances; /* bioris */
    uint64_t timeout_ns, refresh_ns, refresh_timeout_ns;
};

struct enrich_routing_conf {
    struct enrich_routing_provider provider;
};
extern const struct opt_table enrich_routing_table;

#define ENRICH_MAXMIND_URL "https://download.maxmind.com"
#define ENRICH_IPINFO_URL "https://ipinfo.io"

struct enrich_geoip_update {
    const char *account_id, *license_key, *token, *maxmind_url, *ipinfo_url;
};

struct enrich_geoip_conf {
    struct opt_list asn_database, geo_database;
    bool optional;
    struct enrich_geoip_update update;
};
extern const struct opt_table enrich_geoip_table;

struct enrich_network_conf {
    const char *name, *role, *site, *region, *tenant, *city, *state, *country;
    uint64_t asn;
};

struct enrich_networks_conf {
    struct opt_subnetmap networks; /* struct enrich_network_conf */
    struct opt_map network_sources;
    uint64_t network_sources_timeout_ns;
};
extern const struct opt_table enrich_networks_table;
