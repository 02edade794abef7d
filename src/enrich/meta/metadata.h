/*
 * metadata: names of exporters and interfaces from a chain of providers; the first that answers wins, each for the
 * exporter and for each interface. While a provider has not answered yet, what the later ones say is used.
 *
 * The configuration and the answers of providers that are asked (SNMP) or told (flow) are one snapshot. It is published
 * under a lock by metadata_configure (control thread) and by the keeper's thread, which asks, refreshes and forgets, and
 * keeps answers in a file. Workers only read, and put what they miss into a bounded queue.
 */
#pragma once
#include "base/err.h"
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "enrich/source.h"
#include "schema/learnt.h"

extern const struct source enrich_metadata;

struct metadata;

/* Publishes into `out`, which outlives it. */
struct metadata *metadata_new(struct snapshot *out);
/* Without a thread, what is written in the configuration is used all the same. `conf` must live as long as `m` when there is one. */
void metadata_configure(struct metadata *m, const struct enrich_metadata_conf *conf);
/* Begins to ask; reads and keeps the file of answers, in data_dir unless the configuration names one. Once. */
bool metadata_start(struct metadata *m, const char *data_dir, struct err *e);
/* Waits for exporters from remote sources as long as the configuration says, or until *stop. Not the control thread. */
void metadata_wait(struct metadata *m, const bool *stop);
/* Who is to be told what decoders learn of exporters; by threads that are readers of snapshots. */
struct learnt_sink *metadata_learnt(struct metadata *m);
/*
 * As if a worker had met the exporter and that interface (0: the exporter alone): whoever has to be asked for what is missing
 * is asked soon. False: too much is to be asked just now. Any thread.
 */
bool metadata_ask(struct metadata *m, struct ip exporter, uint32_t index);
void metadata_free(struct metadata *m); /* NULL is nothing */

/* How it stands, for people; any thread. */
struct metadata_status {
    unsigned exporters, answered, silent; /* asked; with an answer; not answering now */
    unsigned open;                        /* neither */
};
void metadata_status(struct metadata *m, struct metadata_status *s);
/* How many `exporter-sources` fail now, and why the first of them does. */
size_t metadata_failing(struct metadata *m, char *why, size_t room);
