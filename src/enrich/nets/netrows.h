/* netrows: networks as streams for the table: of the configuration, of a remote source, of a GeoIP file. One thread. */
#pragma once
#include "enrich/enrich_conf.h"
#include "enrich/nets/mmdb.h"
#include "enrich/nets/nettable.h"
#include <jansson.h>

/* Networks in memory, sorted. */
struct netrows {
    struct nettable_entry *items;
    size_t n, at;
};

void netrows_static(struct netrows *r, struct nettable *t, const struct opt_subnetmap *networks);
/*
 * Objects with `prefix` and any of name, role, site, region, tenant, city, state, country, asn (a number, or text with or
 * without AS). With `t` NULL they are only checked. False with the first thing that is wrong.
 */
bool netrows_json(struct netrows *r, struct nettable *t, json_t *array, struct err *e);
void netrows_fini(struct netrows *r);
struct nettable_stream netrows_stream(struct netrows *r);

/* The networks of one family of a database. */
struct netrows_mmdb {
    struct nettable *t;
    struct mmdb_walk walk;
    bool is_asn;
    uint32_t *offsets, *attrs; /* open addressing: offset + 1 -> index of `known` */
    uint32_t mask, n;
    struct net_attrs *known;
    uint32_t room;
    const char *name;
};

void netrows_mmdb_init(struct netrows_mmdb *r, struct nettable *t, const struct mmdb *m, const char *name,
                       bool v4, bool is_asn);
void netrows_mmdb_fini(struct netrows_mmdb *r);
struct nettable_stream netrows_mmdb_stream(struct netrows_mmdb *r);
