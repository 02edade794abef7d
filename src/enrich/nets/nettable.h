/*
 * nettable: attributes of networks, by longest prefix; what static networks, remote sources and GeoIP files say as one.
 *
 * A builder takes streams of (prefix, attributes), each in the order of addresses, and makes one immutable table. For one
 * prefix the stream of the highest rank that has an attribute gives it; what none gives is inherited from the next less
 * specific prefix. Building is one thread's; the finished table is any thread's.
 */
#pragma once
#include "base/intern.h"
#include "base/lpm.h"

/* Attributes that are text, in the order of struct net_attrs. */
#define NET_TEXTS(X)                                                                                         \
    X(Name, name)                                                                                            \
    X(Role, role) X(Site, site) X(Region, region) X(Tenant, tenant) X(City, city) X(State, state)

enum net_text {
#define X(Name, key) NET_##Name,
    NET_TEXTS(X)
#undef X
        NET_TEXTS
};

struct net_attrs {
    uint32_t text[NET_TEXTS]; /* ids of the table's strings; 0: not given */
    uint32_t asn;
    char country[4]; /* two letters */
};

struct nettable {
    struct pool pool;
    struct lpm lpm; /* value: index of attrs + 1 */
    struct net_attrs *attrs;
    uint32_t n_attrs, room_attrs;
    struct intern strings;
    unsigned used;   /* bit t: some network has that text; NET_HAS_... */
    uint64_t memory; /* bytes */
    uint64_t serial; /* another one for each table of the process */
};

enum { NET_HAS_ASN = 1 << NET_TEXTS, NET_HAS_COUNTRY = 2 << NET_TEXTS };

/* One network of a stream. */
struct nettable_entry {
    struct prefix prefix;
    struct net_attrs attrs;
};

struct nettable_stream {
    /* The next, in the order of nettable_order; false at the end, or with a reason in *e when it failed. */
    bool (*next)(void *arg, struct nettable_entry *out, struct err *e);
    void *arg;
};

/* Bounds of a table; what is beyond is an error. */
enum { NETTABLE_PREFIXES = 32 << 20, NETTABLE_ATTRS = 8 << 20, NETTABLE_STRINGS = 4 << 20 };

/* Strings of attributes come from here, before and while the table is built. */
struct nettable *nettable_new(struct err *e);
void nettable_free(struct nettable *t);
static inline uint32_t nettable_text(struct nettable *t, struct str s)
{
    return intern(&t->strings, s);
}
/* Streams by rank, lowest first; they are read to their ends. False with a reason: the table is of no use. `stop` ends it. */
bool nettable_build(struct nettable *t, struct nettable_stream *streams, size_t n, const bool *stop,
                    struct err *e);

/* By address, then the shorter prefix first. */
int nettable_order(const void *a, const void *b); /* of struct nettable_entry */
