/*
 * station: where routers send their routes to: the thread that owns the RIB, its sessions, and its file.
 *
 * The thread reads all sessions in turn, some of each, and between them removes routes that are to go and writes nothing
 * else: workers look into the RIB meanwhile, through the view that it publishes. Another thread, for the time it takes, writes
 * the RIB to a file as a reader of it, and that file is what the next start begins with.
 */
#pragma once
#include "base/buf.h"
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "enrich/route/rib.h"

struct station;

/* What look-ups need besides the RIB; published whenever routers come, go or tell of an address. */
struct route_vrf {
    struct prefix exporters;
    uint32_t id;
    uint16_t table;
};

struct route_router {
    struct ip address;
    uint32_t router;
};

struct route_view {
    const struct rib *rib;
    uint64_t generation;               /* another one each time */
    const struct route_router *router; /* open addressing by address; n is a power of two */
    uint32_t n_slots;
    const struct route_name {
        struct str name;
        uint32_t router;
    } * names; /* by name */
    uint32_t n_names;
    const uint32_t
        *vrfs_from; /* by router: its VRFs are named[vrfs_from[router]] up to that of the next router */
    const struct route_named_vrf {
        struct str name;
        uint16_t table;
    } * named; /* by name within a router */
    uint32_t n_named;
    const struct route_vrf *vrfs; /* in the configuration's order */
    size_t n_vrfs;
    struct counters *lookups;
};

enum {
#define X(id, name, kind, help) id,
#include "enrich/route/lookup_counters.def"
#undef X
    N_LOOKUP_COUNTERS
};

/* By an address of the exporter, or its name; RIB_NO_ROUTER: it sends no routes. */
uint32_t route_router_by_address(const struct route_view *v, struct ip address);
uint32_t route_router_by_name(const struct route_view *v, struct str name);
/* The table of a VRF by its router's name for it; 0: none is told, or it is the global table. */
uint16_t route_table_by_name(const struct route_view *v, uint32_t router, struct str name);

static inline uint32_t route_hash(struct ip a)
{
    return (uint32_t)((a.q[0] ^ a.q[1]) * 0x9e3779b97f4a7c15u >> 32);
}

/*
 * Listens, and reads the file at `path` ("": none is kept) on its own thread. The view is published into `view`, which the
 * caller finishes after station_stop. `conf` must outlive it.
 */
struct station *station_start(const struct enrich_routing_provider *conf, const char *path,
                              struct snapshot *view, struct err *e);
/* When no worker looks any more; writes the file. */
void station_stop(struct station *s);
/* The file was read, or there is none. */
bool station_ready(const struct station *s);
/* Routers, peers, routes and memory as JSON; any thread. */
void station_status(struct station *s, struct buf *out);
/* "" or what is wrong; any thread. */
void station_trouble(struct station *s, char why[256]);
/* Where it listens. */
uint16_t station_port(const struct station *s);
