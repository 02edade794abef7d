/*
 * routers: who sends routes: routers, their RIBs as sources of the RIB, and how long routes of lost ones are kept.
 *
 * Owned by the station's thread. A router is an address and a name (BMP's sysName), so that it is the same one when it comes
 * back; a second session of both at the same time is another router. Sources live as long as they have routes or a session.
 */
#pragma once
#include "enrich/route/rib.h"

enum {
    ROUTERS_MAX = 4096,
    ROUTER_NAME_MAX = 128,
    ROUTER_OWN_MAX = 32, /* addresses of its own that it told of */
    ROUTER_VRFS_MAX = 1024,
    ROUTERS_VRFS_MAX = 1 << 14, /* of all routers */
    VRF_NAME_MAX = 256,         /* RFC 9736 3.3: up to 255 bytes */
};

/* Families that come apart in one RIB of a peer, since each may have a route for the same prefix. */
enum source_class { CLASS_UNICAST, CLASS_LABELS, CLASS_VPN, CLASS_EVPN, SOURCE_CLASSES };

struct source_key {
    struct ip peer;
    uint64_t distinguisher;
    uint32_t router;
    uint8_t peer_type, variant, class_, zero; /* RFC 7854 4.2; enum rib_variant; enum source_class */
};

/* A VRF by the name that its router has for it. Several names may mean the same route distinguisher. */
struct router_vrf {
    uint64_t rd;
    uint64_t deadline_ns; /* as source_info's; 0: told by this session */
    uint16_t table;       /* kept for as long as the name is */
    char name[VRF_NAME_MAX];
};

struct router {
    bool used, active; /* active: it has a session */
    struct ip address;
    char name[ROUTER_NAME_MAX];
    unsigned instance; /* of sessions that look the same */
    struct ip own[ROUTER_OWN_MAX];
    unsigned n_own;
    struct router_vrf *vrfs;
    unsigned n_vrfs;
    uint64_t since_ns; /* it came, or went (wall clock) */
    unsigned peers;    /* up */
};

struct source_info {
    struct source_key key;
    bool used, up;
    uint32_t as;
    uint64_t deadline_ns; /* former routes go then (monotonic); 0: none are waited for */
};

struct routers {
    struct rib *rib;
    struct router *router;    /* by number, from 1 */
    struct source_info *info; /* by source */
    uint32_t *slots;          /* sources by key */
    uint32_t n_routers;       /* numbers below this were used */
    uint32_t n_vrfs;          /* of all */
    uint64_t refused_sources, refused_routers;
    bool changed; /* addresses or names: the map for look-ups is to be made anew */
};

void routers_init(struct routers *r, struct rib *rib);
void routers_fini(struct routers *r);

/* For a new session; 0: too many. */
uint32_t routers_take(struct routers *r, struct ip address, const char *name);
/* The session is over: routes stay until `keep_ns` from now. */
void routers_lost(struct routers *r, uint32_t router, uint64_t keep_ns);
/* Another address that is the router's. */
void routers_own(struct routers *r, uint32_t router, struct ip address);

/*
 * One of its VRFs has this name: until the session is over and its time too, or (deadline_ns not 0: told by a former one)
 * until then. False: it is no name, or there are too many.
 */
bool routers_vrf(struct routers *r, uint32_t router, uint64_t rd, struct str name, uint64_t deadline_ns);

/* The source of this key, made if need be; 0: too many. */
uint32_t routers_source(struct routers *r, const struct source_key *key, enum rib_kind kind);
/* A session of this peer begins: former routes are kept until then, or the end of its RIB. */
void routers_peer_up(struct routers *r, const struct source_key *peer, uint64_t deadline_ns);
/* The peer is gone, and all its routes with it. */
void routers_peer_down(struct routers *r, const struct source_key *peer);
/* What is due at `now`; returns when it wants to be called again, UINT64_MAX: not. */
uint64_t routers_tick(struct routers *r, uint64_t now_ns);
