/*
 * decoder: what a protocol's file offers, and what all of them work with. A protocol is one file ending in a struct
 * decoder and one line in decoders.def. One thread per decoder_state.
 */
#pragma once
#include "decode/kept.h"
#include "decode/plan.h"
#include "base/cursor.h"

struct decoder_state {
    const struct schema *schema;
    struct session_table sessions;
    struct kept_sets kept;
    struct learnt_sink *learnt; /* NULL: nobody wants to know */
    struct intern *strings;     /* NULL: columns of text are left empty */
    struct plan_times *times;
    FILE *explain;     /* NULL: nobody wants to know */
    uint32_t spread_s; /* 0: flows are not spread */
    struct template *
        fixed[4]; /* the records of NetFlow v1, v5 and v7 are templates known beforehand; NULL: not yet met */
    const uint8_t **pointers; /* PLAN_POINTERS, for plan_run.base */
    struct field *fields;     /* of the template being read, max_fields */
};

/* One datagram on its way. */
struct decoding {
    struct decoder_state *st;
    const struct dgram *d;
    struct batch_sink *sink;
    struct decode_stats *stats;
    uint32_t rx_s;
};

struct decoder {
    const char *name;
    enum dgram_decoder input; /* the kind of input it belongs to */
    uint8_t version_len;      /* bytes of the version at the datagram's beginning */
    uint32_t version;
    void (*decode)(struct decoding *x);
};

/* Bytes behind the last thing that a header announced, at c: zeros fill up, others are odd. */
void decoder_rest(const struct decoding *x, const struct cursor *c);
/* TimeReceived of a message exported at `export_s`, but for what its records say. */
uint32_t decoder_time(const struct decoding *x, uint32_t export_s);
/* The session a datagram of this protocol and domain belongs to. */
struct session *decoder_session(struct decoding *x, enum template_proto proto, uint32_t domain);
/* Data records of a fixed or variable length through the template's plan. Returns how many there were. */
uint32_t decoder_records(struct decoding *x, struct plan_run *r, const struct template *t, struct cursor *c);
/* Options records: rates and the like into the session. */
uint32_t decoder_options(struct decoding *x, struct plan_run *r, struct session *s, const struct template *t,
                         struct cursor *c);

#define X(name) extern const struct decoder decoder_##name;
#include "decode/decoders.def"
#undef X
