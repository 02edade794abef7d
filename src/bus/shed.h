/* shed: counts by exporter and minute that wait to be told by a tick. One lock's holder at a time. */
#pragma once
#include "bus/bus.h"

enum { SHED_ROWS = 1024 }; /* what a tick can tell at once; past it, counts go to exporter :: of the minute */

struct shed {
    struct bus_note *rows;
    size_t n;
};

void shed_fini(struct shed *s);
void shed_add(struct shed *s, const struct bus_note *n);
/* All rows as a tick's data. */
void shed_put(const struct shed *s, struct buf *out);
