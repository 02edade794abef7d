/*
 * rule_vm: the machine that runs rules, as its functions see it. Not for others than the rule language's own files.
 *
 * Values live in the machine's arena until the next object; what it takes is counted, and past RULE_MAX_MEMORY there is an
 * error. Work on long texts counts as steps too, so that a rule cannot take longer than RULE_MAX_STEPS allows.
 */
#pragma once
#include "lang/rule_ast.h"

enum { RULE_CACHE = 32 };

struct rule_loop {
    enum rule_function f;
    const struct rule_items *over;
    uint32_t at, hits; /* the item after the one at hand; for how many it was true */
    int64_t found;     /* index, -1: none */
    struct rule_items *taken;
    bool backwards;
};

struct rule_vm {
    struct arena arena;
    size_t memory;
    unsigned steps;
    const struct rule_subject *subject;
    struct rule_outcome *outcome;
    int number;
    struct rule_value stack[RULE_STACK + 1], locals[RULE_LOCALS];
    struct rule_loop loops[RULE_LOOPS];
    unsigned n_loops;
    struct {
        char *pattern;
        size_t len;
        struct regexp *re;
    } cache[RULE_CACHE]; /* regular expressions that are not literals, the oldest one goes */
    unsigned oldest;
    struct buf scratch;
    char why[256];
};

/* Sets the reason; false. */
bool rule_vm_fail(struct rule_vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counts work; false when there was too much. */
bool rule_vm_work(struct rule_vm *vm, size_t n);
/* Memory until the next object; NULL when there was too much. */
void *rule_vm_alloc(struct rule_vm *vm, size_t len);
bool rule_vm_text(struct rule_vm *vm, const void *p, size_t len, struct rule_value *out);
struct rule_items *rule_vm_items(struct rule_vm *vm, size_t n);
/* The expression of a literal, or one made of a text now and kept a while. NULL when it is none. */
const struct regexp *rule_vm_regexp(struct rule_vm *vm, const struct rule_value *v);

/* False, too, when there was too much work: the next instruction fails then. */
bool rule_equal(struct rule_vm *vm, const struct rule_value *a, const struct rule_value *b);
static inline double rule_number(const struct rule_value *v)
{
    return v->type == TYPE_INT ? (double)v->i : v->f;
}

typedef bool rule_fn(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out);
/* rule_fn.c: checks the arguments' types and calls. */
bool rule_call(struct rule_vm *vm, enum rule_function f, const struct rule_value *v, unsigned n,
               struct rule_value *out);
/* rule_format.c: what Go's Sprintf does. */
bool rule_format(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out);
/* The value as Go's %v shows it. */
void rule_show(struct buf *out, const struct rule_value *v);
