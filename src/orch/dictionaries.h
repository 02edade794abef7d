/* dictionaries: what ClickHouse's dictionaries are filled with, as CSV: public registries, and names of AS. Any thread. */
#pragma once
#include "base/buf.h"
#include "conf/opt.h"

/* Names of AS besides those that the program carries, which come last. */
struct dictionaries_asns {
    const struct opt_map *configured; /* number -> name; may be NULL */
    struct str updated;               /* CSV, as asns_read; may be empty */
};

/* name: "asns", "protocols", "icmp", "tcp" or "udp". `asns` may be NULL but for the first. False: no such dictionary. */
bool dictionaries_csv(struct str name, const struct dictionaries_asns *asns, struct buf *out);
