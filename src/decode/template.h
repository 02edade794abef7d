/*
 * template: what a record looks like, and the plan to read it. Equal templates are kept once however many exporters sent
 * them, so the plans of ten thousand routers of one make stay in cache.
 *
 * Owned by a struct template_table and counted; session entries and callers of template_intern hold references. One
 * thread.
 */
#pragma once
#include "schema/schema.h"

enum template_proto {
    TEMPLATE_V1 = 1,
    TEMPLATE_V5 = 5,
    TEMPLATE_V7 = 7,
    TEMPLATE_V9 = 9,
    TEMPLATE_IPFIX = 10,
    TEMPLATE_SFLOW = 100
};
enum { FIELD_VARIABLE = 65535, PEN_REVERSE = 29305 /* RFC 5103 6.1 */ };

struct field {
    uint32_t pen;
    uint16_t id, len; /* FIELD_VARIABLE: RFC 7011 7 */
};

/* Is field i of a template a scope of NetFlow v9, which is no element but a kind of thing? (RFC 3954 6.1: 1 to 5.) */
static inline bool field_is_scope(const struct field *f, unsigned i, uint8_t proto, unsigned n_scope)
{
    enum { KINDS = 5 };
    return proto == TEMPLATE_V9 && i < n_scope && f->id <= KINDS;
}

struct plan;
struct registry;
struct template
{
    struct template *next; /* in its bucket */
    struct plan *plan;
    uint32_t hash, refs;
    uint32_t index;   /* in the checkpoint being written; 0: not yet */
    uint16_t min_len; /* bytes of the shortest record; variable fields count one */
    uint16_t n_fields, n_scope;
    uint8_t proto; /* enum template_proto */
    bool options, variable;
    struct field fields[];
};

enum { TEMPLATE_BUCKETS = 4096 };

struct template_table {
    struct template *buckets[TEMPLATE_BUCKETS];
    const struct schema *schema;
    const struct registry *registry;
    uint64_t seed, bytes;
};

/* How a template is asked for. */
struct template_def {
    const struct field *fields;
    uint16_t n_fields, n_scope;
    uint8_t proto;
    bool options;
};

/* A reference to the one template of that shape; NULL when no record could ever have it (no bytes, or too many). */
struct template *template_intern(struct template_table *tt, const struct template_def *def);
void template_release(struct template_table *tt, struct template *t);
