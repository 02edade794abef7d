/*
 * rule: one rule of a classifier, such as `Exporter.Name endsWith ".fr" && ClassifyRegion("france")`.
 *
 * The language is Expr's, as far as rules need it, with Akvorado's functions; rule_functions.def and rule_operators.def are
 * its vocabulary. A rule is compiled once to bytecode with all its literal regular expressions, and is constant then: any
 * thread may run it, each with a struct rule_vm of its own. Running is bounded in steps and in memory.
 */
#pragma once
#include "lang/lexer.h"

enum rule_scope { RULE_EXPORTER = 1, RULE_INTERFACE = 2, RULE_BOTH = 3 };

enum { RULE_MAX_LEN = 16384, RULE_MAX_DEPTH = 64, RULE_MAX_STEPS = 100000, RULE_MAX_MEMORY = 256 << 10 };
enum { RULE_MAX_REGEXPS = 256 << 10 }; /* of one rule, as rule_regexps_size counts; 0.1 s to compile */

/* What rules may look at. The text is borrowed. */
struct rule_subject {
    struct str exporter_ip, exporter_name;
    struct str name, description; /* of the interface, as are the rest */
    uint32_t index, speed;        /* Mbit/s */
    uint16_t vlan;
};

/* What rules may set. */
enum rule_attribute {
    RULE_GROUP,
    RULE_ROLE,
    RULE_SITE,
    RULE_REGION,
    RULE_TENANT,
    RULE_CONNECTIVITY,
    RULE_PROVIDER,
    RULE_NAME,
    RULE_DESCRIPTION,
    RULE_TEXTS, /* the above are texts */
    RULE_BOUNDARY = RULE_TEXTS,
    RULE_REJECT,
    RULE_ATTRIBUTES
};

enum rule_boundary { RULE_UNDEFINED, RULE_EXTERNAL, RULE_INTERNAL }; /* as in the columns */

/* "group", "connectivity", ... */
extern const char *const rule_attribute_names[RULE_ATTRIBUTES];

struct rule_outcome {
    struct str text[RULE_TEXTS]; /* "": not set; memory of the struct rule_vm */
    uint8_t boundary;            /* enum rule_boundary */
    bool reject;
    int by[RULE_ATTRIBUTES]; /* number of the rule that set it (rule_vm.rule), -1: none */
};

struct rule;

/* NULL with the error's place. The rule's memory is the arena's; its regular expressions are freed by rule_fini. */
struct rule *rule_compile(struct str text, enum rule_scope scope, struct arena *a, struct lang_error *e);
void rule_fini(struct rule *r);
/* Instructions of all its regular expressions' programs, and a hundred for each of them. */
size_t rule_regexps_size(const struct rule *r);
/* Interface.VLAN is looked at. */
bool rule_uses_vlan(const struct rule *r);
/* Reject() is called. */
bool rule_may_reject(const struct rule *r);

struct rule_vm *rule_vm_new(void);
void rule_vm_free(struct rule_vm *vm);
/* Begins another object: nothing is set, and the text of the outcome before this is gone. */
void rule_begin(struct rule_vm *vm, const struct rule_subject *s, struct rule_outcome *o);
/* Runs a rule, of which `number` is kept in outcome.by. False with a reason, valid until the next call. */
bool rule_run(struct rule_vm *vm, const struct rule *r, int number, const char **why);

/* Lower case and nothing but [a-z0-9.+-]: what a Classify function keeps of a text. */
void rule_normalize(struct str text, struct buf *out);
/* The functions as rows of a Markdown table. */
void rule_manual(struct buf *out);
