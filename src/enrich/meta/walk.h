/*
 * walk: from the variables of SNMP responses to an exporter's interfaces: columns of ifTable (RFC 2863) and ifXTable,
 * read together, each to its end. Knows no session and no packet, so that it can be fed anything.
 *
 * An agent is not trusted: a column ends where its indexes do not grow, and the draft bounds interfaces and texts.
 */
#pragma once
#include "enrich/meta/answer.h"

enum walk_column { WALK_NAME, WALK_DESCR, WALK_ALIAS, WALK_HIGH_SPEED, WALK_SPEED, WALK_COLUMNS };
enum { WALK_OID_MAX = 12 };

typedef unsigned long walk_oid; /* as net-snmp has them */

enum walk_kind {
    WALK_NOTHING,
    WALK_NUMBER,
    WALK_TEXT
}; /* nothing: noSuchObject, endOfMibView, another type */

struct walk_var {
    const walk_oid *oid;
    size_t oid_len;
    enum walk_kind kind;
    uint64_t number;
    struct str text;
};

struct walk {
    struct meta_draft draft;
    struct walk_row *rows; /* by index */
    uint32_t n, room;
    struct {
        uint32_t last; /* index */
        bool begun, ended;
    } columns[WALK_COLUMNS];
    enum walk_column asked[WALK_COLUMNS]; /* in the order of the last question */
    unsigned n_asked;
    uint64_t taken; /* objects of tables */
    uint64_t lies;  /* variables that were not asked for */
};

void walk_init(struct walk *w, uint32_t max_ifaces);
void walk_fini(struct walk *w);
/* The next question: an object for each column that has not ended. False: all have. */
bool walk_next(struct walk *w, walk_oid oids[WALK_COLUMNS][WALK_OID_MAX], size_t lens[WALK_COLUMNS],
               unsigned *n);
/* The response to that, of GETNEXT or of GETBULK with any number of repetitions. */
void walk_take(struct walk *w, const struct walk_var *vars, size_t n);
/* Nothing follows the k-th object of the question: noSuchName of SNMPv1. */
void walk_end(struct walk *w, unsigned k);
/* Instead: the objects of one interface, and the response to a GET of these. */
void walk_one(uint32_t index, walk_oid oids[WALK_COLUMNS][WALK_OID_MAX], size_t lens[WALK_COLUMNS]);
void walk_take_one(struct walk *w, uint32_t index, const struct walk_var *vars, size_t n);
/* One reference; what walk_init began can only be ended after that. `name`: sysName as it came. */
struct meta_answer *walk_answer(struct walk *w, struct str name, uint64_t learnt_s);
