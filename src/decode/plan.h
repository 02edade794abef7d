/*
 * plan: a template turned into copy operations, run column by column over the records of a set.
 *
 * Each operation reads one field of many records and writes one column of the batch. For each column the candidates run
 * from the worst to the best, the later ones only where they are not zero, so the best value that is there wins. What
 * needs more than a copy (rates, address families, labels, packet headers) is an operation with a function of its own.
 * Columns that are disabled have no operation: they cost nothing.
 *
 * Immutable once made.
 */
#pragma once
#include "decode/decode.h"
#include "decode/registry.h"
#include "decode/packet.h"
#include "decode/session.h"
#include "schema/batch.h"
#include "schema/dgram.h"

enum { PLAN_POINTERS = 4096, PLAN_CHUNK = 64, PLAN_LABELS = 10 };

struct plan_run;
struct plan_op;
typedef void plan_fn(const struct plan_op *op, struct plan_run *r);

struct plan_op {
    plan_fn *fn;
    uint16_t seg, off; /* where the field is: bytes behind the start of a segment */
    uint16_t len;      /* FIELD_VARIABLE: the segment is the field */
    uint16_t col;
};

struct plan_place {
    uint16_t seg, off, len; /* len 0: not there */
};

/* What options records may tell (options.c). */
enum plan_fact {
    FACT_RATE,
    FACT_SAMPLER,
    FACT_INTERVAL,
    FACT_SPACE,
    FACT_SIZE,
    FACT_POPULATION,
    FACT_PROBABILITY,
    FACT_INIT_TIME,
    FACT_INTERFACE,
    FACT_INTERFACE_NAME,
    FACT_INTERFACE_DESCRIPTION,
    FACT_APPLICATION,
    FACT_APPLICATION_NAME,
    FACT_APPLICATION_CATEGORY,
    FACT_APPLICATION_SUBCATEGORY,
    FACT_APPLICATION_GROUP,
    FACT_VRF,
    FACT_VRF_NAME,
    FACT_ELEMENT,
    FACT_ELEMENT_ENTERPRISE,
    FACT_ELEMENT_TYPE,
    FACT_ELEMENT_NAME,
    FACT_COUNT
};

/* When the flows of a run began and ended, milliseconds since 1970 by the exporter's clock; 0: not told. */
struct plan_times {
    uint64_t start_ms[PLAN_CHUNK], end_ms[PLAN_CHUNK], duration_us[PLAN_CHUNK];
};

/* How a packet section (elements 315, 313, 104) begins. */
enum plan_frame { FRAME_NONE, FRAME_ETHERNET, FRAME_IP };

/* What became of a template's field; for `weir decode --explain`. */
struct plan_fate {
    uint16_t cols[8], reverse_cols[4]; /* the latter of a biflow's reverse flow */
    uint8_t n, n_reverse;
    bool time;       /* tells when the flow began or ended */
    const char *why; /* why no column, or what else it is used for; NULL: nothing to say */
};

/* A field of structured data (RFC 6313). */
struct plan_list {
    struct plan_place at;
    uint16_t id;
    uint8_t type; /* enum element_type */
};

struct plan {
    struct plan_op *ops; /* forward, forward start time, reverse, reverse start time */
    uint16_t n_ops, n_forward, n_time, n_reverse, n_reverse_time;
    struct plan_list *lists;
    uint16_t n_lists;
    uint16_t n_variable; /* variable fields */
    uint16_t *fixed;     /* bytes before each variable field, and behind the last one */
    uint16_t chunk;      /* records run at once */
    uint64_t live[(COL_COUNT + 63) / 64];
    struct plan_place labels[PLAN_LABELS];
    unsigned n_labels;
    struct plan_place reverse_packets, reverse_bytes, frame, frame_len;
    struct plan_place facts[FACT_COUNT];
    bool useful; /* some field is known */
    bool has_facts, has_sampler, has_reverse;
    enum plan_frame frames;
    size_t bytes;
};

/* One run of a plan over up to `chunk` records. */
struct plan_run {
    struct batch *b;
    const struct plan *plan;
    const uint8_t **base; /* segment s of record i: base[s * plan->chunk + i] */
    uint32_t row, n;
    bool reverse; /* the other direction of a biflow */
    const struct session *session;
    struct intern *strings; /* NULL: columns of text are left empty */
    struct plan_times *times;
    const struct session_table *sessions;
    const struct registry *registry;
    uint32_t spread_s;    /* grid on which flows are spread over their time, 0: not at all */
    uint16_t template_id; /* 0: not one of the exporter's */
    const struct dgram *d;
    struct decode_stats *stats;
    const struct schema *schema;
    struct ip exporter;
    uint32_t time_s;              /* for TimeReceived */
    uint32_t export_s, uptime_ms; /* of the message's header */
    uint64_t export_ms, fixed_rate;
    struct packet packet;
};

/* `fates`: NULL, or one for each field of the template, zeroed. */
struct plan *plan_new(const struct schema *schema, const struct registry *registry,
                      const struct template_def *def, struct plan_fate *fates);
void plan_free(struct plan *p);
/* Flows of r->n records whose segments are in r->base; what r->base holds is lost. */
void plan_run(struct plan_run *r, struct batch_sink *sink);

/*
 * The rate of records that tell none and whose sampler is not known; 0: there is none. A record that names a sampler has
 * not that of another one, but what was told for the exporter as a whole holds for it too.
 */
uint64_t plan_session_rate(const struct plan_run *r);

static inline const uint8_t *plan_at(const struct plan_run *r, unsigned seg, unsigned off, uint32_t i)
{
    return r->base[seg * r->plan->chunk + i] + off;
}

/* Length of a field in record i: a variable one ends where the next segment begins. */
static inline size_t plan_len(const struct plan_run *r, unsigned seg, size_t len, uint32_t i)
{
    const uint8_t *const *base = r->base + seg * r->plan->chunk + i;
    return len == FIELD_VARIABLE ? (size_t)(base[r->plan->chunk] - base[0]) : len;
}

/* An unsigned integer of any length (RFC 7011 6.2: leading zeros may be left out); of more than 8 bytes the last 8. */
uint64_t plan_uint(const uint8_t *p, size_t len);
uint64_t plan_value(const struct plan_run *r, const struct plan_place *at, uint32_t i);
/* The text's id; 0 (empty), and counted, once there are too many of them. */
uint32_t plan_text(struct intern *strings, struct decode_stats *stats, struct str text);
/* Its bytes, as they are. */
struct str plan_bytes(const struct plan_run *r, const struct plan_place *at, uint32_t i);
