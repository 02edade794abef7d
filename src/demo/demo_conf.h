/* demo_conf: section demo-exporter, one exporter. Constant once loaded. */
#pragma once
#include "conf/opt.h"

enum demo_format { DEMO_NETFLOW9, DEMO_IPFIX, DEMO_SFLOW };

/* Flows of one kind: who talks to whom, through which interfaces, how much and when. */
struct demo_kind {
    double per_second;  /* flows at the quietest hour */
    double multiplier;  /* as many times more at the peak hour */
    uint64_t peak_hour; /* ns since midnight UTC */
    uint64_t in_if, out_if;
    const char *src_net, *dst_net;
    uint64_t src_as, dst_as;
    struct opt_list src_port, dst_port; /* uint64_t; empty: an ephemeral port */
    struct opt_list protocol;           /* "tcp", "udp", "icmp" */
    uint64_t size;                      /* mean bytes of a packet */
    double reverse_direction_ratio;     /* as many of the flows go the other way */
};

struct demo_flows_conf {
    uint64_t sampling_rate;
    const char *target, *source, *pace_url;
    uint64_t seed;
    int format; /* enum demo_format */
    uint64_t backfill_ns, backfill_thinning, backfill_per_second;
    struct opt_list flows; /* struct demo_kind */
};

struct demo_snmp_conf {
    const char *name, *listen;
    struct opt_map interfaces;
};

struct demo_route_conf {
    struct opt_list prefixes, aspath, communities, large_communities;
};

struct demo_bmp_conf {
    const char *target, *local_ip, *peer_ip;
    uint64_t local_asn, peer_asn, retry_after_ns, stats_delay_ns;
    struct opt_list routes;
};

struct demo_conf {
    struct demo_snmp_conf snmp;
    struct demo_bmp_conf bmp;
    struct demo_flows_conf flows;
};

extern const struct opt_table demo_table;
