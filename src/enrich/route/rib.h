/*
 * rib: the routes of all routers: prefix -> routes of many sources, with shared attributes.
 *
 * A source is one RIB of one peer of one router (Adj-RIB-In before or after policy, Adj-RIB-Out, Loc-RIB). A table is a
 * VRF, by its route distinguisher; table 0 has none. One thread writes (rib_put ... rib_sweep) and is a registered reader
 * of base/snapshot.h; look-ups are any such thread's at any time and take no lock. What they return is valid until the
 * thread's next quiet state.
 *
 * Memory: pools with a bound; at the bound new routes are refused and counted. A route with three sources costs some 50
 * bytes for each, its share of tree, prefix and attributes included.
 */
#pragma once
#include "base/lpm.h"

enum {
    RIB_SOURCES = 1 << 16, /* number 0 is none */
    RIB_TABLES = 1 << 16,
    RIB_PATH_MAX = 512,  /* AS numbers kept of a path */
    RIB_LIST_MAX = 1024, /* communities kept of a route */
    RIB_NO_ROUTER = 0,
    RIB_SLICE_NS = 250000, /* of removing, between two rounds of all sessions */
    RIB_REGIONS = 4096,
};

/* RIBs by how well they tell what the router does with a packet. */
enum rib_kind { RIB_OUT, RIB_IN_PRE, RIB_IN_POST, RIB_LOC };

/* Interned; never changes. Followed by the AS path, the communities, and the large communities (three words each). */
struct rib_attr {
    uint32_t refs; /* the writer's */
    uint32_t hash;
    struct ip next_hop;
    uint32_t local_pref, med;
    uint32_t origin_as;   /* of the route; 0: not known */
    uint32_t neighbor_as; /* first of the path */
    uint16_t n_path, n_communities, n_large;
    uint8_t path_len; /* as BGP compares it: sets count once (RFC 4271 9.1.2.2) */
    uint8_t origin;   /* 0 IGP, 1 EGP, 2 INCOMPLETE */
    uint32_t words[];
};

static inline const uint32_t *rib_path(const struct rib_attr *a)
{
    return a->words;
}
static inline const uint32_t *rib_communities(const struct rib_attr *a)
{
    return a->words + a->n_path;
}
static inline const uint32_t *rib_large(const struct rib_attr *a)
{
    return a->words + a->n_path + a->n_communities;
}

/* What of a source look-ups need. */
struct rib_mark {
    uint32_t router;
    uint8_t session; /* routes of another one are former ones: seen until they are replaced or purged */
    uint8_t purge;   /* bit 0: former IPv4 routes are gone; bit 1: former IPv6 routes */
};

/* What the writer knows of it. */
struct rib_source {
    bool used;
    enum rib_kind kind;
    bool external;            /* the peer is of another AS */
    uint32_t bgp_id;          /* of the peer */
    struct ip address;        /* of the peer */
    uint64_t routes, current; /* all; of this session */
};

struct rib {
    struct pool pool;     /* tree, blocks of routes, attributes */
    struct pool prefixes; /* struct rib_prefix */
    struct lpm lpm;
    struct rib_mark *marks;     /* by source */
    struct rib_source *sources; /* by source */
    uint32_t n_sources;         /* numbers below this were used */
    struct rib_tables {
        uint64_t *rd;     /* by number */
        uint32_t *routes; /* by number; one without routes may be given to another RD */
        uint32_t n;
        uint16_t *slots; /* open addressing by RD */
    } tables;
    struct rib_attrs {
        uint32_t *slots, n, mask; /* open addressing by hash */
    } attrs;
    uint64_t
        epoch; /* changes of what may answer for any address; starts elsewhere for each RIB of the process */
    uint64_t *regions; /* changes of what may answer for addresses of a region */
    uint64_t routes;
    uint64_t sweep_left; /* prefixes to look at until all were looked at once more; 0: nothing is to go */
    uint32_t sweep_at;   /* the next of them */
    uint32_t purging;    /* sources some of whose routes are to go */
};

struct rib_stats {
    uint64_t routes, prefixes, attributes, bytes;
};

bool rib_init(struct rib *r, uint64_t max_bytes, struct err *e);
/* When no reader is left. */
void rib_fini(struct rib *r);
struct rib_stats rib_stats(const struct rib *r);
/* New routes are refused. */
bool rib_is_full(const struct rib *r);

/* ---- writing */

struct rib_attr_conf {
    struct ip next_hop;
    uint32_t local_pref, med, origin_as;
    uint8_t origin, path_len;
    const uint32_t *path, *communities, *large;
    unsigned n_path, n_communities, n_large; /* beyond their bounds they are cut */
};

/* Holds a reference until rib_attr_drop; 0: no room. */
uint32_t rib_attr_take(struct rib *r, const struct rib_attr_conf *c);
void rib_attr_drop(struct rib *r, uint32_t attr);

/* A new source, 0 when there are too many; it may be given up once it has no routes. */
uint32_t rib_source_new(struct rib *r, uint32_t router, enum rib_kind kind);
void rib_source_free(struct rib *r, uint32_t source);
/* Routes so far are those of a former session. */
void rib_source_begin(struct rib *r, uint32_t source);
/* Former routes of these families (bits of rib_mark.purge) are not seen any more, and removed by rib_sweep. */
void rib_source_purge(struct rib *r, uint32_t source, unsigned families);

/* Number of the table of a route distinguisher, made if need be; `keep` until rib_table_drop, else while it has routes. False: too many. */
bool rib_table(struct rib *r, uint64_t rd, bool keep, uint16_t *table);
/* Takes one `keep` back. */
void rib_table_drop(struct rib *r, uint16_t table);

enum rib_did { RIB_ADDED, RIB_UPDATED, RIB_REFUSED };
enum rib_did rib_put(struct rib *r, uint32_t source, uint16_t table, struct prefix p, uint32_t path_id,
                     uint32_t attr);
/* False when there is no such route. */
bool rib_del(struct rib *r, uint32_t source, uint16_t table, struct prefix p, uint32_t path_id);
/* Looks at up to `n` prefixes for routes that are to go; returns how many routes went. Some 100 ns for each prefix. */
uint64_t rib_sweep(struct rib *r, uint32_t n);
/* The same for so long, whatever prefixes cost: what else the thread has to do waits no longer than that. */
uint64_t rib_sweep_for(struct rib *r, uint64_t ns);

static inline bool rib_sweeping(const struct rib *r)
{
    return r->sweep_left > 0;
}

/* ---- looking up */

struct rib_ask {
    struct ip address;
    struct ip next_hop; /* of the flow; zero: not known */
    uint32_t router;    /* that sent the flow; RIB_NO_ROUTER: not known */
    uint16_t table;
};

struct rib_answer {
    const struct rib_attr *attr; /* NULL: no route */
    uint8_t len;                 /* of the prefix, 0-32 or 0-128 */
};

/*
 * The routes of the router that sent the flow come before those of others, its table before others; a default route
 * counts only when there is nothing better. Of those the longest prefix; there the route with the flow's next hop, else the
 * best by BGP's decision process (RFC 4271 9.1.2).
 */
void rib_find(const struct rib *r, const struct rib_ask *ask, size_t n, struct rib_answer *out);

/* The 2^16 networks of IPv4 of that size, and those of 32 bits of IPv6, share so many counters of changes. */
static inline uint32_t rib_region(struct ip a)
{
    uint32_t top = 0;
    if (ip_is_v4(a))
        memcpy(&top, a.b + 12, 2);
    else
        memcpy(&top, a.b, 4);
    return top * 0x9e3779b1u >> 20;
}

/*
 * As long as it is the same, so are the answers for this address: an answer found after the version was read, and before
 * or after the thread's last quiet state, is what rib_find would say now, its attributes included.
 */
static inline uint64_t rib_version(const struct rib *r, struct ip a)
{
    return __atomic_load_n(&r->epoch, __ATOMIC_ACQUIRE) +
           __atomic_load_n(&r->regions[rib_region(a)], __ATOMIC_ACQUIRE);
}

/* ---- going through all, for the writer and for readers that report quiet states between calls */

struct rib_route {
    uint32_t source; /* number; session in the upper 8 bits */
    uint32_t attr;
    uint32_t path_id; /* RFC 7911; 0 without ADD-PATH */
    uint16_t table;
    uint16_t hop; /* of the next hop: spares most comparisons */
};

enum { RIB_SOURCE_BITS = 24, RIB_SOURCE_MASK = (1 << RIB_SOURCE_BITS) - 1 };

struct rib_routes {
    uint32_t n;
    uint32_t prefix;          /* struct rib_prefix, in its pool */
    struct rib_route route[]; /* by table, best first */
};

struct rib_prefix {
    struct ip ip;
    uint32_t routes; /* struct rib_routes; 0: none (any more) */
    uint8_t len;
};

enum { RIB_PREFIX_UNITS = 3 };

/* for (at = rib_prefix_first(); at < rib_prefix_end(r); at = rib_prefix_after(at)): records, and places for some. */
static inline uint32_t rib_prefix_first(void)
{
    return pool_first();
}

static inline uint32_t rib_prefix_after(uint32_t at)
{
    return pool_after(at, RIB_PREFIX_UNITS);
}

static inline uint32_t rib_prefix_end(const struct rib *r)
{
    return __atomic_load_n(&r->prefixes.next, __ATOMIC_ACQUIRE);
}

static inline const struct rib_prefix *rib_prefix_at(const struct rib *r, uint32_t at)
{
    return pool_at(&r->prefixes, at);
}

static inline const struct rib_routes *rib_routes_of(const struct rib *r, const struct rib_prefix *p)
{
    uint32_t at = __atomic_load_n(&p->routes, __ATOMIC_ACQUIRE);
    return at ? pool_at(&r->pool, at) : NULL;
}

static inline const struct rib_attr *rib_attr_at(const struct rib *r, uint32_t attr)
{
    return pool_at(&r->pool, attr);
}
