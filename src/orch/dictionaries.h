/* dictionaries: what ClickHouse's dictionaries are filled with, as CSV: public registries, and names of AS. Any thread. */
#pragma once
#include "base/buf.h"
#include "conf/opt.h"

/* name: "asns", "protocols", "icmp", "tcp" or "udp"; asns: number -> name, instead of the built-in ones. False: no such. */
bool dictionaries_csv(struct str name, const struct opt_map *asns, struct buf *out);
