/*
 * view: what workers read of metadata: the chain of providers and, by exporter, the answers of those that are asked.
 *
 * Immutable; made by metadata.c under its lock, freed when no worker sees it any more. Chains and answers are counted
 * and shared with the keeper.
 */
#pragma once
#include "base/ip.h"
#include "enrich/meta/answer.h"
#include "enrich/meta/queue.h"
#include "enrich/meta/static.h"

enum { META_PROVIDERS = 8 };

struct meta_provider {
    int type;         /* enum enrich_metadata_type */
    unsigned ordinal; /* among those of its type: who it is after a reload */
    const struct enrich_metadata_provider *conf;
    struct static_table *table; /* static */
};

struct meta_chain {
    uint32_t refs;
    unsigned n;
    int flow; /* the provider of that type; -1: none */
    struct meta_provider providers[META_PROVIDERS];
};

/* `tables`: of the providers of type static, by ordinal; the chain's from now on. */
struct meta_chain *meta_chain_new(const struct enrich_metadata_conf *conf,
                                  struct static_table *const tables[META_PROVIDERS]);
struct meta_chain *meta_chain_ref(struct meta_chain *c);
void meta_chain_unref(struct meta_chain *c);

struct meta_known {
    struct ip exporter;
    uint32_t stamp;                              /* index in stamps */
    struct meta_answer *answers[META_PROVIDERS]; /* by provider; NULL: none */
};

/* Where workers say what they miss and what they use. Outlives all views. */
struct meta_wishes {
    struct meta_queue asks, told; /* struct meta_ask, struct meta_told */
    uint32_t now_s;               /* monotonic, coarse; the keeper moves it */
    uint32_t *stamps;             /* when an exporter's answer was used last */
    uint64_t hits, misses;        /* shared counts of look-ups of edges */
};

struct meta_view {
    struct meta_chain *chain;
    struct meta_wishes *wishes; /* NULL: nobody listens */
    struct meta_known *known;
    uint32_t *slots; /* open addressing: index + 1 */
    uint32_t n, mask;
};

/* Room for n exporters; view_add for each; takes references. */
struct meta_view *meta_view_new(struct meta_chain *chain, struct meta_wishes *wishes, uint32_t n);
void meta_view_add(struct meta_view *v, struct ip exporter, uint32_t stamp,
                   struct meta_answer *const *answers);
void meta_view_free(void *view);
const struct meta_known *meta_view_find(const struct meta_view *v, struct ip exporter);
/* Puts what is missing of an exporter and an interface (0: none) into the queue; false: it is full. */
bool meta_view_ask(const struct meta_view *v, struct ip exporter, uint32_t index);
