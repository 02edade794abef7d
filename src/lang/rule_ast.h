/*
 * rule_ast: what the files of the rule language share: values, types, tokens and the typed tree. Not for others.
 *
 * A node knows its type when that follows from its parts; TYPE_ANY otherwise, and then the machine checks it.
 */
#pragma once
#include "lang/regexp.h"
#include "lang/rule.h"

enum rule_type {
    TYPE_ANY,
    TYPE_NIL,
    TYPE_BOOL,
    TYPE_INT,
    TYPE_FLOAT,
    TYPE_TEXT,
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_REGEXP, /* only as the value of a literal */
    TYPE_NUMBER, /* only as the type of a node: one of the two */
};

struct rule_items;

struct rule_value {
    enum rule_type type;
    union {
        bool b;
        int64_t i;
        double f;
        struct str s;
        const struct rule_items *a;
        const struct regexp *re;
    };
};

/* Items of an array; keys and values in turn of a map. */
struct rule_items {
    uint32_t n;
    struct rule_value v[];
};

enum rule_op {
#define X(text, id, power, right) OP_##id,
#define ALIAS(text, id, power, right)
#include "lang/rule_operators.def"
#undef X
#undef ALIAS
    OP_TABLE
};

enum rule_field {
    FIELD_EXPORTER_IP,
    FIELD_EXPORTER_NAME,
    FIELD_INDEX,
    FIELD_NAME,
    FIELD_DESCRIPTION,
    FIELD_SPEED,
    FIELD_VLAN
};

enum rule_function {
#define F(name, params, result, scope, doc) FN_##name,
#define C(name, attribute, scope) FN_##name, FN_##name##Regex,
#define P(name, result, doc) FN_##name,
#include "lang/rule_functions.def"
#undef F
#undef C
#undef P
    FN_COUNT
};

struct rule_function_def {
    const char *name, *params; /* params NULL: takes a predicate */
    enum rule_type result;
    enum rule_scope scope;
    enum rule_attribute attribute; /* of the Classify functions */
    const char *doc;
};
extern const struct rule_function_def rule_functions[FN_COUNT];

enum rule_node_kind {
    NODE_VALUE,
    NODE_REGEXP, /* a literal text that was compiled */
    NODE_FIELD,
    NODE_LOCAL,
    NODE_ITEM,
    NODE_ITEM_INDEX,
    NODE_NOT,
    NODE_MINUS,
    NODE_PLUS,
    NODE_BINARY,
    NODE_CHOICE, /* condition, then, otherwise */
    NODE_ARRAY,
    NODE_MAP, /* keys and values in turn */
    NODE_INDEX,
    NODE_INDEX_MAYBE, /* ?. */
    NODE_SLICE,       /* of, from, to; the latter may be NULL */
    NODE_CALL,
    NODE_LOOP, /* array, predicate; the latter may be NULL */
    NODE_LET,  /* value, body */
};

struct rule_node {
    enum rule_node_kind kind;
    enum rule_type type;
    size_t at;               /* byte offset in the rule */
    struct rule_value value; /* NODE_VALUE, NODE_REGEXP */
    unsigned op;             /* operator, function, field or variable */
    struct rule_node **child;
    unsigned n;
};

/* ---- rule_lexer.c */

enum rule_token_kind { RTOK_END, RTOK_NUMBER, RTOK_TEXT, RTOK_NAME, RTOK_SIGN, RTOK_BAD };

struct rule_token {
    enum rule_token_kind kind;
    struct str text;         /* as written */
    struct rule_value value; /* of a number or a text */
    size_t at;
};

struct rule_token rule_lexer_next(struct lexer *l);

/* ---- rule_parse.c: the tree, and how many variables it needs. The regular expressions made go into the list. */

struct rule_regexps {
    struct regexp *re;
    struct rule_regexps *next;
};

struct rule_parsed {
    struct rule_node *root;
    unsigned locals;
    bool vlan, reject;
    struct rule_regexps *regexps;
    size_t regexps_size;
};

bool rule_parse(struct rule_parsed *out, struct str text, enum rule_scope scope, struct arena *a,
                struct lang_error *e);

/* ---- rule_type.c: types of operations; false with the error when there is no such one. */

const char *rule_type_name(enum rule_type t);
bool rule_type_fits(enum rule_type is, enum rule_type wanted);
bool rule_type_binary(struct lexer *l, size_t at, enum rule_op op, const struct rule_node *a,
                      const struct rule_node *b, enum rule_type *out);
bool rule_type_call(struct lexer *l, size_t at, enum rule_function f, struct rule_node *const *args,
                    unsigned n, enum rule_type *out);
/* Operator's text for messages, its power and side. */
struct rule_operator {
    const char *text;
    enum rule_op op;
    unsigned power;
    bool right;
};
const struct rule_operator *rule_operator_find(struct str text);
const char *rule_operator_text(enum rule_op op);

/* ---- rule_code.c */

enum rule_instruction {
#define X(name, doc) I_##name,
#include "lang/rule_ops.def"
#undef X
    I_COUNT
};

struct rule_code {
    enum rule_instruction what;
    uint32_t n;
};

struct rule {
    const struct rule_code *code;
    unsigned n;
    const struct rule_value *constants;
    bool vlan, reject;
    struct rule_regexps *regexps;
    size_t regexps_size;
};

enum { RULE_STACK = 256, RULE_LOCALS = 16, RULE_LOOPS = 8, RULE_CODE = 8192, RULE_ARGUMENTS = 255 };
