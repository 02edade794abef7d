/*
 * registry: what is known about information elements: IANA's registry (elements.def), enterprises' (vendors.def), and what
 * the configuration adds; and which columns they fill.
 *
 * A struct registry is made once from columns.def and the configuration, then constant; any thread.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "conf/opt.h"
#include "schema/column.h"

/* Abstract data types, with the numbers of RFC 5610 3.1. */
enum element_type {
#define X(name) ELEMENT_##name,
#include "decode/element_types.def"
#undef X
    ELEMENT_TYPES
};
/* RFC 5610 3.6, RFC 7011 6.1 */
enum element_semantics {
    SEMANTICS_default,
    SEMANTICS_quantity,
    SEMANTICS_totalCounter,
    SEMANTICS_deltaCounter,
    SEMANTICS_identifier,
    SEMANTICS_flags,
    SEMANTICS_list,
    SEMANTICS_snmpCounter,
    SEMANTICS_snmpGauge,
};

struct element {
    uint32_t pen;
    uint16_t id;
    uint8_t type, semantics;
    const char *name, *units;
};

/* A row of outlet.flow.elements: an element the user describes. */
struct element_conf {
    uint64_t pen, id;
    const char *name;
    int type; /* enum element_type */
    const char *column;
};
extern const struct opt_table registry_conf_table;

enum { REGISTRY_OWN = 1 /* the rank of what the configuration says */ };

/* An element fills a column; rank 1 is best. */
struct element_use {
    uint32_t pen;
    uint16_t id, col;
    uint8_t rank, type; /* type: enum element_type */
};

struct registry {
    struct arena arena;
    struct element_use *uses; /* by enterprise, element, rank */
    uint32_t n_uses;
    struct element *own; /* the configuration's */
    uint32_t n_own;
    uint16_t *slots; /* open addressing: first use + 1 */
    uint32_t mask;
};

/* False with the offending element's name: column unknown or of another kind than the type. NULL: nothing configured. */
bool registry_init(struct registry *r, const struct opt_list *conf, struct err *e);
void registry_fini(struct registry *r);
/* Made from columns.def alone. */
const struct registry *registry_default(void);

/* The element's uses, one behind the other; NULL: fills no column by copy. */
const struct element_use *registry_uses(const struct registry *r, uint32_t pen, uint16_t id, unsigned *n);
/* NULL: unknown. */
const struct element *registry_element(const struct registry *r, uint32_t pen, uint16_t id);

const char *registry_type_name(enum element_type t);
const char *registry_semantics_name(enum element_semantics s);
