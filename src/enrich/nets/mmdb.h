/*
 * mmdb: the networks of a MaxMind DB file (format 2.0), in the order of their addresses, and what it says of them.
 *
 * Read by libmaxminddb, which maps the file: it must not be changed meanwhile. One thread. The layouts of MaxMind (nested),
 * IPinfo and ip-location-db (flat) are understood by their keys, wherever they occur.
 */
#pragma once
#include "base/err.h"
#include "base/ip.h"
#include <maxminddb.h>

enum { MMDB_STRING_MAX = 200 }; /* longer names are cut */

struct mmdb {
    MMDB_s file;
    uint32_t v4_node; /* root of IPv4 addresses in a tree of IPv6; 0: none, or the tree is of IPv4 */
};

/* Borrowed from the file; empty or 0 where it says nothing. */
struct mmdb_fields {
    struct str country, city, state;
    uint32_t asn;
};

bool mmdb_open(struct mmdb *m, const char *path, struct err *e);
void mmdb_close(struct mmdb *m);

/* One family of addresses. */
struct mmdb_walk {
    const struct mmdb *mmdb;
    bool v4, bad;  /* bad: the tree is damaged; nothing more comes */
    unsigned base; /* bits above the tree: 96 for IPv4 */
    struct mmdb_step {
        uint32_t node;
        uint8_t side; /* next to look at; 2: done */
    } steps[129];
    unsigned depth; /* steps in use */
    struct ip at;
    uint64_t visited;
};

void mmdb_walk_init(struct mmdb_walk *w, const struct mmdb *m, bool v4);
/* The next network and where its data is; false at the end. */
bool mmdb_walk_next(struct mmdb_walk *w, struct prefix *p, uint32_t *data);
/* False when there is no such data. */
bool mmdb_read(const struct mmdb *m, uint32_t data, struct mmdb_fields *out);
