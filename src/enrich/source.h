/*
 * source: something that knows more about a flow than its exporter said; fills columns of a batch.
 *
 * A source publishes immutable snapshots; fill reads the one pinned in the view and never blocks, locks or allocates on
 * the heap. What it does not know it asks for (a bounded queue to its own thread) and leaves empty: a flow is never
 * dropped or delayed for missing metadata.
 */
#pragma once
#include "base/intern.h"
#include "schema/batch.h"
#include "schema/edge.h"
#include "schema/schema.h"

enum { VIEW_SOURCES = 16 };

/* What a worker holds on to while it fills one batch: pinned snapshots (by source number), and its own scratch. */
struct view {
    const struct schema *schema;
    struct intern *strings;    /* the worker's; ids go into string columns */
    const struct edges *edges; /* the worker's: what column Edge means */
    const void *snapshot[VIEW_SOURCES];
    void *scratch[VIEW_SOURCES];    /* per partition and source: caches of interned ids and the like */
    void *cache[VIEW_SOURCES];      /* per worker and source: answers that all its partitions share */
    uint64_t missing[VIEW_SOURCES]; /* rows for which the source knew nothing, counted by fill */
};

/* What the values depend on: the exporter and its two interfaces alone (filled once for each, see schema/edge.h), or the
 * whole flow. For the former the batch has ExporterAddress, InIfIndex and OutIfIndex live and nothing else. */
enum source_scope { SCOPE_EDGE, SCOPE_FLOW };

struct source {
    const char *name;
    enum source_scope scope;
    void *(*scratch_new)(void);
    void (*scratch_free)(void *scratch);
    void *(*cache_new)(void); /* NULL: it has none */
    void (*cache_free)(void *cache);
    void (*fill)(struct batch *b, struct view *v, unsigned self);
};
