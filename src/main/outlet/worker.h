/*
 * outlet_worker: from the bus to blocks, exactly once. A worker is one thread that owns whole partitions.
 *
 *   read -> decode -> enrich -> open slot's block and open minute's aggregate -> jobs of the inserter -> settled -> commit
 *
 * Everything of a partition between two commits follows from the bus and the last commit alone (cut.h says where
 * it is cut), so that after any death the same blocks with the same tokens come again and the store drops what it has. A
 * minute is committed when all its blocks, its aggregate and then its ledger are settled; the commit says where the next
 * minute begins, by which rule it is cut, and what the decoder knew there.
 */
#pragma once
#include "bus/bus.h"
#include "decode/decode.h"
#include "decode/registry.h"
#include "enrich/enrich.h"
#include "main/outlet/cut.h"
#include "main/outlet/ledger.h"
#include "main/outlet/tap.h"
#include "store/insert.h"
#include "store/rollup.h"

/* decode.h as a table, so that tests may put their own in. */
struct outlet_decoder {
    void *(*make)(const struct schema *schema, const struct decoder_limits *limits);
    void (*tell)(void *state, struct learnt_sink *learnt);
    void (*wire)(void *state, const struct registry *registry, struct intern *strings);
    void (*spread)(void *state, uint32_t step_s);
    void (*free)(void *state);
    void (*decode)(void *state, const struct dgram *d, struct batch_sink *sink, struct decode_stats *stats);
    void (*save)(const void *state, struct buf *out);
    bool (*load)(void *state, struct str in, struct err *e);
};

extern const struct outlet_decoder outlet_decoder_real; /* src/decode */

enum {
#define X(id, name, kind, help) id,
#include "main/outlet/counters.def"
#undef X
    N_OUTLET_COUNTERS
};

/* What all workers share; constant but for `rule`. */
struct outlet_env {
    const struct schema *schema;
    const struct schema
        *decoded; /* columns that decoders fill: those of schema, and what enrichment needs besides */
    struct block_layout flows, rolled;
    const char *rollup_table; /* finest rollup; NULL: rollups are made by views */
    struct bus_reader *bus;
    struct inserter *inserter;
    struct enrich *enrich;
    struct outlet_decoder decoder;
    struct decoder_limits limits;
    const struct registry *registry;
    struct learnt_sink *learnt;  /* who is told what exporters say about themselves; NULL: nobody */
    struct outlet_tap *tap;      /* NULL: none */
    const struct cut_rule *rule; /* wanted; swapped as a whole (outlet_rule_set) */
    bool without_tokens;         /* only to show in tests that tokens are what keeps rows from coming twice */
};

/* Another rule: each partition takes it at a minute's start, after all before it is settled and committed. */
void outlet_rule_set(struct outlet_env *env, const struct cut_rule *rule);

struct part;

struct worker {
    struct outlet_env *env;
    struct part **parts;
    unsigned n_parts;
    struct batch *batch;
    struct enrich_desk desk;
    struct block **spare; /* empty blocks */
    unsigned n_spare;
    uint64_t pending_rows; /* in blocks that are not settled */
    unsigned pending_jobs;
    struct counters *counters;
    bool stop;
    uint64_t newest_s; /* receive second of the record read last; for lag */
};

/* The partitions first, first + step, ... of the bus. False with a reason: a commit cannot be read or written. */
bool worker_init(struct worker *w, struct outlet_env *env, unsigned first, unsigned step, struct err *e);
/* After the inserter was stopped. Commits nothing: what is open is read again. */
void worker_fini(struct worker *w);
/* One round over all partitions; true when there was something to do. */
bool worker_step(struct worker *w);
/* Commits what the inserter has settled, without reading; at the end, when its thread is gone. */
void worker_settle(struct worker *w);
/* worker_step until `stop`; a thread's main function, argument struct worker *. */
void *worker_run(void *w);

/* ---- blocks, for part.c */

struct block *worker_block(struct worker *w, const struct block_layout *layout);
void worker_block_back(struct worker *w, struct block *b);
