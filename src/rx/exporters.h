/*
 * exporters: what each exporter sent to one receive thread, for Prometheus. A fixed table: beyond it, exporters are
 * counted together as "other".
 *
 * The receive thread counts; any thread may render.
 */
#pragma once
#include "base/ip.h"

struct exporters;

/* labels: those of the thread, as in counters.h */
struct exporters *exporters_new(const char *labels);
void exporters_free(struct exporters *x);
void exporters_count(struct exporters *x, struct ip src, uint32_t bytes);
