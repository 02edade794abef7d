/*
 * From tree to instructions. Each node leaves one value on the stack; jumps are written when their target is known.
 * Arrays and maps of nothing but values become constants.
 */
#include "lang/rule_ast.h"

struct coder {
    struct lexer lexer; /* for errors */
    struct arena *arena;
    struct rule_code *code;
    struct rule_value *constants;
    unsigned n, n_constants, depth, deepest;
    bool full;
};

enum { CONSTANTS = 4096 };

static unsigned emit(struct coder *c, enum rule_instruction what, size_t n)
{
    if (c->n == RULE_CODE) {
        c->full = true;
        return 0;
    }
    c->code[c->n] = (struct rule_code){what, (uint32_t)n};
    return c->n++;
}

static void land(struct coder *c, unsigned jump)
{
    c->code[jump].n = c->n;
}

/* How the stack stands after what was emitted; its height is known everywhere, so the machine need not look. */
static void grow(struct coder *c, int by)
{
    c->depth = (unsigned)((int)c->depth + by);
    c->deepest = c->depth > c->deepest ? c->depth : c->deepest;
}

static void constant(struct coder *c, struct rule_value v)
{
    if (c->n_constants == CONSTANTS) {
        c->full = true;
        return;
    }
    c->constants[c->n_constants] = v;
    emit(c, I_CONST, c->n_constants++);
    grow(c, 1);
}

static void code(struct coder *c, const struct rule_node *x);

static bool all_values(const struct rule_node *x)
{
    for (unsigned i = 0; i < x->n; i++)
        if (x->child[i]->kind != NODE_VALUE)
            return false;
    return true;
}

static void collection(struct coder *c, const struct rule_node *x)
{
    enum rule_type type = x->kind == NODE_ARRAY ? TYPE_ARRAY : TYPE_MAP;
    if (all_values(x)) {
        struct rule_items *items = arena_alloc(c->arena, sizeof *items + x->n * sizeof items->v[0]);
        items->n = x->n;
        for (unsigned i = 0; i < x->n; i++)
            items->v[i] = x->child[i]->value;
        constant(c, (struct rule_value){.type = type, .a = items});
        return;
    }
    for (unsigned i = 0; i < x->n; i++)
        code(c, x->child[i]);
    emit(c, type == TYPE_ARRAY ? I_ARRAY : I_MAP, x->n);
    grow(c, 1 - (int)x->n);
}

/* The left side decides whether the right one is looked at. */
static void shortcut(struct coder *c, const struct rule_node *x)
{
    code(c, x->child[0]);
    unsigned jump = emit(c, x->op == OP_AND ? I_JUMP_FALSE : x->op == OP_OR ? I_JUMP_TRUE : I_JUMP_SOME, 0);
    emit(c, I_POP, 0);
    grow(c, -1);
    code(c, x->child[1]);
    if (x->op != OP_OTHERWISE)
        emit(c, I_BOOL, 0);
    land(c, jump);
}

static void binary(struct coder *c, const struct rule_node *x)
{
    const struct rule_node *b = x->child[1];
    if (x->op == OP_AND || x->op == OP_OR || x->op == OP_OTHERWISE) {
        shortcut(c, x);
        return;
    }
    code(c, x->child[0]);
    if (x->op == OP_IN && b->kind == NODE_BINARY && b->op == OP_RANGE) { /* no array of a million numbers */
        code(c, b->child[0]);
        code(c, b->child[1]);
        emit(c, I_IN_RANGE, 0);
        grow(c, -2);
        return;
    }
    code(c, b);
    emit(c, I_BINARY, x->op);
    grow(c, -1);
}

static void choice(struct coder *c, const struct rule_node *x)
{
    code(c, x->child[0]);
    bool itself = x->child[0] == x->child[1]; /* a ?: b */
    unsigned jump = emit(c, itself ? I_JUMP_TRUE : I_JUMP_FALSE, 0);
    emit(c, I_POP, 0);
    grow(c, -1);
    if (itself) {
        code(c, x->child[2]);
        land(c, jump);
        return;
    }
    code(c, x->child[1]);
    unsigned end = emit(c, I_JUMP, 0);
    land(c, jump);
    emit(c, I_POP, 0);
    grow(c, -1);
    code(c, x->child[2]);
    land(c, end);
}

static void indexed(struct coder *c, const struct rule_node *x)
{
    unsigned jump = 0;
    code(c, x->child[0]);
    if (x->kind == NODE_INDEX_MAYBE)
        jump = emit(c, I_JUMP_NIL, 0);
    code(c, x->child[1]);
    emit(c, I_INDEX, 0);
    grow(c, -1);
    if (x->kind == NODE_INDEX_MAYBE)
        land(c, jump);
}

static void slice(struct coder *c, const struct rule_node *x)
{
    code(c, x->child[0]);
    unsigned given = 0;
    for (unsigned i = 1; i < 3; i++)
        if (x->child[i]) {
            code(c, x->child[i]);
            given |= i;
        }
    emit(c, I_SLICE, given);
    grow(c, -(int)((given & 1) + (given >> 1)));
}

static void loop(struct coder *c, const struct rule_node *x)
{
    code(c, x->child[0]);
    emit(c, I_EACH, x->op);
    grow(c, -1);
    unsigned next = emit(c, I_NEXT, 0);
    if (x->child[1]) {
        code(c, x->child[1]);
    } else {
        emit(c, I_ITEM, 0);
        grow(c, 1);
    }
    unsigned took = emit(c, I_TOOK, 0);
    grow(c, -1);
    emit(c, I_JUMP, next);
    land(c, next);
    land(c, took);
    emit(c, I_END, 0);
    grow(c, 1);
}

static void parts(struct coder *c, const struct rule_node *x)
{
    for (unsigned i = 0; i < x->n; i++)
        code(c, x->child[i]);
}

static void let(struct coder *c, const struct rule_node *x)
{
    code(c, x->child[0]);
    emit(c, I_SET_LOCAL, x->op);
    grow(c, -1);
    code(c, x->child[1]);
}

static void push(struct coder *c, enum rule_instruction what, unsigned n)
{
    emit(c, what, n);
    grow(c, 1);
}

static void code(struct coder *c, const struct rule_node *x)
{
    if (c->full)
        return;
    switch (x->kind) {
    case NODE_VALUE:
    case NODE_REGEXP:
        constant(c, x->value);
        break;
    case NODE_FIELD:
        push(c, I_FIELD, x->op);
        break;
    case NODE_LOCAL:
        push(c, I_LOCAL, x->op);
        break;
    case NODE_ITEM:
    case NODE_ITEM_INDEX:
        push(c, I_ITEM, x->kind == NODE_ITEM_INDEX);
        break;
    case NODE_NOT:
    case NODE_MINUS:
    case NODE_PLUS:
        parts(c, x);
        emit(c, x->kind == NODE_NOT ? I_NOT : x->kind == NODE_MINUS ? I_MINUS : I_PLUS, 0);
        break;
    case NODE_BINARY:
        binary(c, x);
        break;
    case NODE_CHOICE:
        choice(c, x);
        break;
    case NODE_ARRAY:
    case NODE_MAP:
        collection(c, x);
        break;
    case NODE_INDEX:
    case NODE_INDEX_MAYBE:
        indexed(c, x);
        break;
    case NODE_SLICE:
        slice(c, x);
        break;
    case NODE_CALL:
        parts(c, x);
        emit(c, I_CALL, x->op << 8 | (x->n & 255));
        grow(c, 1 - (int)x->n);
        break;
    case NODE_LOOP:
        loop(c, x);
        break;
    case NODE_LET:
        let(c, x);
        break;
    }
}

static void free_regexps(struct rule_regexps *r)
{
    for (; r; r = r->next)
        regexp_free(r->re);
}

struct rule *rule_compile(struct str text, enum rule_scope scope, struct arena *a, struct lang_error *e)
{
    struct rule_parsed parsed;
    struct coder c = {.arena = a};
    struct rule *r = ARENA_NEW(a, struct rule);
    if (rule_parse(&parsed, text, scope, a, e)) {
        struct arena work; /* the code is copied out at its true size */
        arena_init(&work);
        c.code = arena_array(&work, RULE_CODE, sizeof *c.code);
        c.constants = arena_array(&work, CONSTANTS, sizeof *c.constants);
        lexer_init(&c.lexer, text, a, e);
        code(&c, parsed.root);
        emit(&c, I_BOOL, 0);
        if (c.full || c.deepest > RULE_STACK)
            lexer_error(&c.lexer, 0, "the rule is too large");
        struct rule_code *own = arena_array(a, c.n, sizeof *own);
        struct rule_value *values = arena_array(a, c.n_constants, sizeof *values);
        memcpy(own, c.code, c.n * sizeof *own);
        memcpy(values, c.constants, c.n_constants * sizeof *values);
        *r = (struct rule){own, c.n, values, parsed.vlan, parsed.reject, parsed.regexps, parsed.regexps_size};
        arena_fini(&work);
    }
    if (!e->message[0])
        return r;
    free_regexps(parsed.regexps);
    return NULL;
}

void rule_fini(struct rule *r)
{
    if (r)
        free_regexps(r->regexps);
}

size_t rule_regexps_size(const struct rule *r)
{
    return r->regexps_size;
}

bool rule_uses_vlan(const struct rule *r)
{
    return r->vlan;
}

bool rule_may_reject(const struct rule *r)
{
    return r->reject;
}
