/*
 * decode: datagrams to flows. Templates become copy plans; data sets run through them into the batch's columns.
 *
 * A struct decoder_state belongs to one bus partition and to one worker thread; it holds all that decoding depends on:
 * templates, sampling rates, option tables, sequence expectations, by session (source address, port, domain). It can be
 * written as a checkpoint and read back, byte for byte meaning the same.
 *
 * The hot path neither locks, allocates (but for a new template or session, within caps), logs, nor blocks.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/intern.h"
#include "schema/batch.h"
#include "schema/dgram.h"
#include "schema/learnt.h"
#include <stdio.h>
#include "schema/schema.h"

/* Why a datagram, set or record was rejected; rows in decode/reasons.def: X(id, "name", "help"). */
enum decode_reason {
#define X(id, name, help) REASON_##id,
#include "decode/reasons.def"
#undef X
    REASON_COUNT
};
extern const char *const decode_reason_names[REASON_COUNT];

/* What became of one datagram; added up by the caller. */
struct decode_stats {
    uint64_t datagrams;
    uint64_t records; /* data records met (flow and options), counted as far as they can be */
    uint64_t flows;   /* rows put into the sink */
    uint64_t templates, options_records, counter_samples;
    uint64_t bytes, packets;         /* of the flows, not multiplied by sampling */
    uint64_t rejected[REASON_COUNT]; /* records where known, else 1 for a set or datagram */
    uint64_t lost;                   /* estimate by sequence gap, in the protocol's own unit */
    uint64_t late;   /* units out of order: what came after its successors, same units as lost */
    uint64_t spread; /* rows beside the first of each flow */
    uint64_t lists_cut, lists_deep,
        lists_without_template;  /* structured data that could not be read to its end */
    uint64_t texts;              /* texts of flow records left out, since there are too many different ones */
    uint64_t evicted;            /* sessions and templates given up for want of room */
    uint64_t kept, kept_decoded; /* sets put aside for want of their template; those it came for */
    uint64_t abandoned;          /* sets of `abandoned_src` that were rejected: REASON_NO_TEMPLATE */
    struct ip abandoned_src;
};

struct decoder_limits {
    uint32_t sessions, templates_per_session, fields_per_template; /* 0: defaults */
    uint64_t bytes;                                                /* of state per partition */
    uint64_t kept_bytes;                                           /* of sets that wait for a template */
    uint32_t kept_s, template_s; /* how long they wait; how long a template lives that is not sent again */
};

/* Values for the two times, where 0 stands for the default. */
enum { DECODER_NEVER = UINT32_MAX };

struct decoder_state;
struct registry;

struct decoder_state *decoder_state_new(const struct schema *schema, const struct decoder_limits *limits);
void decoder_state_free(struct decoder_state *st);
/* Which elements fill which columns (element.h), instead of what columns.def says; before anything is decoded or loaded. */
void decoder_state_registry(struct decoder_state *st, const struct registry *registry);
/* Where texts of flow records go, and ids of text columns come from; NULL (the default): such columns stay empty. */
void decoder_state_strings(struct decoder_state *st, struct intern *strings);
/* Who is told what exporters say about themselves; borrowed, NULL: nobody (the default). Before a checkpoint is loaded. */
void decoder_state_tell(struct decoder_state *st, struct learnt_sink *learnt);

/* Flows are spread over the time they lasted, on a grid of `step_s` seconds (spread.h); 0, the default: not. */
void decoder_state_spread(struct decoder_state *st, uint32_t step_s);
/* Each record is explained there, before it is decoded; NULL, the default: not. */
void decoder_state_explain(struct decoder_state *st, FILE *to);

/* Decodes one datagram; rows go to the sink. Never fails: what is wrong is counted in `stats`. */
void decode_dgram(struct decoder_state *st, const struct dgram *d, struct batch_sink *sink,
                  struct decode_stats *stats);

/* Rejects the sets that wait for a template: nothing more will be decoded. */
void decoder_give_up(struct decoder_state *st, struct decode_stats *stats);

/*
 * Checkpoint: all of the state as bytes. The same history of datagrams gives the same bytes; a state that was saved and
 * loaded decodes as the one that went on. Loading replaces what is there; false (and an empty state) on bytes that are no
 * checkpoint of this format.
 */
void decoder_state_save(const struct decoder_state *st, struct buf *out);
bool decoder_state_load(struct decoder_state *st, struct str in, struct err *e);
