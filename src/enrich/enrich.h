/*
 * enrich: completes decoded flows: edge (names of exporter and interfaces), sampling rate, and what flow sources know.
 *
 * struct enrich is the process's: the snapshots of all sources, replaced by the control thread. struct enricher belongs to
 * one bus partition and its worker: the tables of strings and edges, and the sources' scratch.
 */
#pragma once
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "enrich/meta/metadata.h"
#include "enrich/nets/nets.h"
#include "enrich/providers.h"
#include "enrich/source.h"
#include "schema/edge.h"

enum {
#define X(name) ENRICH_##name,
#include "enrich/sources.def"
#undef X
    ENRICH_SOURCES
};

struct enrich {
    struct snapshot sources[ENRICH_SOURCES];
    struct snapshot rates, providers;
    const struct schema *schema;
    struct metadata *metadata; /* asks agents for names; publishes the source of that name */
    struct nets *nets;         /* makes the tables of source nets */
};

/* Publishes snapshots of what the configuration says; again at each reload. */
void enrich_configure(struct enrich *e, const struct enrich_core_conf *core,
                      const struct enrich_metadata_conf *metadata);
/* After the first enrich_configure: starts the threads that ask others; state is kept in data_dir. */
bool enrich_start(struct enrich *e, const char *data_dir, struct err *err);
/* Waits for what the first flows shall have already (remote sources), as long as the configuration says. */
void enrich_wait(struct enrich *e, const bool *stop);
/* Who is to be told what decoders learn of exporters; by threads that are readers of snapshots. */
struct learnt_sink *enrich_learnt(struct enrich *e);
/* The same for networks and GeoIP, whose state is kept in data_dir; as nets_configure. */
bool enrich_networks(struct enrich *e, const struct enrich_networks_conf *networks,
                     const struct enrich_geoip_conf *geoip, const char *data_dir, struct err *err);
void enrich_fini(struct enrich *e);
/* Classifier rules look at VLANs, so these must be decoded. */
bool enrich_by_vlan(const struct enrich *e);
/* As providers_by_mask. */
bool enrich_by_mask(const struct enrich *e);

/* What all enrichers of one thread use in turn. */
struct enrich_desk {
    struct batch *fresh; /* edges met for the first time; free for others between two fills */
    void *cache[ENRICH_SOURCES];
};

void enrich_desk_init(struct enrich_desk *d);
void enrich_desk_fini(struct enrich_desk *d);

struct enricher {
    struct enrich *shared;
    struct intern strings;
    struct edges edges;
    struct view view;
    struct batch *fresh; /* the desk's */
    uint32_t fresh_id[BATCH_ROWS];
    uint64_t generation, minute;
    const void *rates;
    const struct providers *providers;
    bool by_vlan;       /* edges are told apart by VLAN as well */
    bool may_reject;    /* an edge has been rejected since enricher_init */
    uint32_t n_dropped; /* of the batch filled last: flows that are gone, and their rows */
    uint16_t dropped[BATCH_ROWS];
    uint32_t raised; /* flows whose rate was raised, see raise_rates */
    uint32_t listed; /* edges below this have been told to table exporters */
    struct {
        uint64_t unknown_rate, unknown_exporter; /* flows */
        uint64_t edges;                          /* edges made */
    } count;
};

/* The desk is borrowed. */
void enricher_init(struct enricher *r, struct enrich *shared, struct enrich_desk *desk);
void enricher_fini(struct enricher *r);
/*
 * Takes hold of the snapshots for the next batches; until the thread reports quiet. `second` is the receive time: each hour
 * begins with new edges, so that what is in use shows as new.
 */
void enricher_pin(struct enricher *r, uint64_t second);
/* Fills column Edge and the rest. Rows of rejected edges are taken out of the batch; n_dropped says how many. */
void enricher_fill(struct enricher *r, struct batch *b);
/* When nothing holds ids any more: gives memory back if there is much to give. */
void enricher_tidy(struct enricher *r);
