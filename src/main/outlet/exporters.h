/* outlet_exporters: rows of table `exporters` for interfaces met since the last time. Any thread that owns the enricher. */
#pragma once
#include "base/buf.h"
#include "enrich/enrich.h"

/* Edges from `from` on, one row for each exporter and interface, as a Native block; returns how many rows. */
uint32_t exporters_native(const struct enricher *r, uint32_t from, uint32_t second, struct buf *out);
