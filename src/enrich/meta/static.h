/*
 * static: names and attributes of exporters and interfaces that stand in the configuration: one provider of the chain.
 *
 * A table is immutable. The exporter is the longest prefix that has its address. An interface that is not listed is the
 * exporter's `default`, or not known when there is none or it says skip-missing-interfaces.
 */
#pragma once
#include "enrich/enrich_conf.h"

struct static_iface {
    uint32_t index, speed;
    struct str name, description, connectivity, provider;
    uint8_t boundary;
};

struct static_exporter {
    struct prefix prefix;
    size_t rank; /* of the same prefix the lowest counts */
    struct str name, group, role, site, region, tenant;
    struct static_iface fallback;
    struct static_iface *ifaces; /* by index */
    size_t n_ifaces;
    bool skip_missing;
};

struct static_table;

/* Of several maps; of the same prefix in two the earlier one counts. Copies what it needs. */
struct static_table *static_table_new(const struct opt_subnetmap *const *maps, size_t n);
void static_table_free(struct static_table *t);
/* NULL: not listed. */
const struct static_exporter *static_table_find(const struct static_table *t, struct ip exporter);
const struct static_iface *static_iface_find(const struct static_exporter *x, uint32_t index);
