/*
 * A Pratt parser: expression() reads a prefix form (a condition, NOT, parentheses) and then as many infix forms (AND, OR)
 * as bind tighter than its caller. What a condition may look like is not here but in the operators' table.
 */
#include "lang/filter.h"
#include "lang/value.h"
#include <stdio.h>

enum power { POWER_NONE, POWER_OR, POWER_AND, POWER_NOT };

struct parser {
    struct lexer lexer;
    struct token tok; /* the one to be looked at */
    const struct schema *schema;
    struct arena *arena;
    unsigned depth;
};

static const struct filter_node *expression(struct parser *p, enum power above);

static void advance(struct parser *p)
{
    p->tok = lexer_next(&p->lexer);
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->tok.kind == TOKEN_WORD && str_eq_nocase(p->tok.text, str_from(word));
}

/* The error and a NULL node; a token that could not be read has its own error already. */
static const struct filter_node *fail(struct parser *p, const char *what)
{
    lexer_expected(&p->lexer, what);
    if (p->tok.kind == TOKEN_END)
        lexer_error(&p->lexer, p->tok.at, "expected %s, but the filter ends here", what);
    else
        lexer_error(&p->lexer, p->tok.at, "expected %s, not %.*s", what,
                    (int)(p->tok.text.len > 60 ? 60 : p->tok.text.len), p->tok.text.p);
    return NULL;
}

/* ---- conditions */

bool filter_column(const struct schema *s, enum column c)
{
    const struct column_def *d = &column_defs[c];
    return s->enabled[c] && !(d->flags & COLF_HIDDEN) && d->kind != KIND_NONE &&
           c != COL_TimeReceived; /* what is asked for has its range of time beside the filter */
}

/* The nearest name, for "did you mean". */
static const char *nearest(const struct schema *s, struct str name)
{
    const char *best = NULL;
    unsigned distance = name.len < 4 ? 1 : 3;
    for (unsigned c = 0; c < COL_COUNT; c++) {
        unsigned d = filter_column(s, c) ? str_distance(name, str_from(column_defs[c].name), distance) : 99;
        if (d <= distance && (!best || d < distance)) {
            best = column_defs[c].name;
            distance = d;
        }
    }
    return best;
}

static enum column column(struct parser *p)
{
    enum column c = p->tok.kind == TOKEN_WORD ? column_find_nocase(p->tok.text) : COL_COUNT;
    if (p->tok.kind != TOKEN_WORD) {
        fail(p, "a column");
        return COL_COUNT;
    }
    if (c == COL_COUNT || column_defs[c].flags & COLF_HIDDEN) {
        const char *near = nearest(p->schema, p->tok.text);
        lexer_error(&p->lexer, p->tok.at, "there is no column %.*s%s%s%s",
                    (int)(p->tok.text.len > 60 ? 60 : p->tok.text.len), p->tok.text.p,
                    near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        return COL_COUNT;
    }
    if (!p->schema->enabled[c]) {
        lexer_error(&p->lexer, p->tok.at, "column %s is disabled here (schema.enabled)", column_defs[c].name);
        return COL_COUNT;
    }
    if (!filter_column(p->schema, c)) {
        lexer_error(&p->lexer, p->tok.at, "column %s cannot be filtered on", column_defs[c].name);
        return COL_COUNT;
    }
    return c;
}

static void operators_of(enum column_kind kind, struct buf *out)
{
    for (size_t i = 0; i < operator_count; i++)
        if (operator_first(i, kind))
            buf_printf(out, "%s%s", out->len ? ", " : "", operator_defs[i].text);
    buf_u8(out, 0);
}

/* The operator's text, with NOT IN for NOTIN; empty and an error when the column has no such operator. */
static struct str operator_text(struct parser *p, enum column c)
{
    struct token t = p->tok;
    if (is_word(p, "NOT")) {
        advance(p);
        if (is_word(p, "IN"))
            t.text = STR("NOTIN");
    }
    bool operator_like = t.kind == TOKEN_SIGN || t.kind == TOKEN_WORD;
    if (operator_like && operator_known(t.text, column_defs[c].kind)) {
        advance(p);
        return t.text;
    }
    struct buf all;
    buf_init(&all, 0);
    operators_of(column_defs[c].kind, &all);
    lexer_expected(&p->lexer, (char *)all.p);
    if (operator_like && operator_known(t.text, KIND_NONE))
        lexer_error(&p->lexer, t.at, "%.*s is no operator for %s; expected one of %s", STR_ARG(t.text),
                    column_defs[c].name, (char *)all.p);
    else
        lexer_error(&p->lexer, t.at, "expected an operator after %s: %s", column_defs[c].name, (char *)all.p);
    buf_fini(&all);
    return (struct str){0};
}

static const struct operator_def *operator_for(struct str text, enum column c, enum operand operand)
{
    return operator_find(text, column_defs[c].kind, operand);
}

static struct filter_value *one_value(struct parser *p, struct filter_node *n, size_t *room)
{
    if (n->n_values == *room) {
        size_t more = *room ? *room * 2 : 1;
        struct filter_value *values = arena_array(p->arena, more, sizeof *values);
        if (n->n_values)
            memcpy(values, n->values, n->n_values * sizeof *values);
        n->values = values;
        *room = more;
    }
    struct filter_value *v = &n->values[n->n_values];
    if (n->op->operand == OPERAND_NAME || n->op->operand == OPERAND_NAMES) {
        if (p->tok.kind != TOKEN_STRING) {
            fail(p, "the quoted name of a protocol (numbers and names do not mix in a list)");
            return NULL;
        }
        *v = (struct filter_value){.kind = VALUE_TEXT, .text = p->tok.value};
    } else if (!value_parse(&p->lexer, &p->tok, n->column, n->op->operand == OPERAND_NET, v)) {
        return NULL;
    }
    n->n_values++;
    return v;
}

static bool fixed_text_fits(struct parser *p, enum column c, const struct filter_value *v)
{
    if (column_defs[c].store != STORE_CC || v->text.len == 2 || v->text.len == 0)
        return true;
    return lexer_error(&p->lexer, p->tok.at, "expected a country of two letters for %s", column_defs[c].name);
}

static bool pattern_ends_well(struct parser *p, const struct filter_value *v)
{
    size_t n = 0;
    while (n < v->text.len && v->text.p[v->text.len - 1 - n] == '\\')
        n++;
    return n % 2 == 0 || lexer_error(&p->lexer, p->tok.at, "a pattern cannot end with a single \\");
}

static bool check_text(struct parser *p, const struct filter_node *n, const struct filter_value *v)
{
    if (v->kind != VALUE_TEXT || column_defs[n->column].kind != KIND_STRING)
        return true;
    return strstr(n->op->sql, "LIKE") ? pattern_ends_well(p, v) : fixed_text_fits(p, n->column, v);
}

static bool single(struct parser *p, struct filter_node *n)
{
    size_t room = 0;
    const struct filter_value *v = one_value(p, n, &room);
    if (!v || !check_text(p, n, v))
        return false;
    advance(p);
    return true;
}

static bool list(struct parser *p, struct filter_node *n)
{
    size_t room = 0;
    for (;;) {
        const struct filter_value *v = one_value(p, n, &room);
        if (!v || !check_text(p, n, v))
            return false;
        advance(p);
        if (p->tok.kind == TOKEN_CLOSE)
            break;
        if (p->tok.kind != TOKEN_COMMA)
            return fail(p, "a comma or )");
        advance(p);
    }
    advance(p);
    return true;
}

static bool other_column(struct parser *p, struct filter_node *n)
{
    n->other = column(p);
    if (n->other == COL_COUNT)
        return false;
    if (column_defs[n->other].kind != column_defs[n->column].kind)
        return lexer_error(&p->lexer, p->tok.at,
                           "%s and %s cannot be compared: expected %s or a column of its kind",
                           column_defs[n->column].name, column_defs[n->other].name,
                           value_expected(column_defs[n->column].kind));
    advance(p);
    return true;
}

static bool is_column_here(const struct parser *p, const struct filter_node *n)
{
    enum column_kind kind = column_defs[n->column].kind;
    struct token t = p->tok;
    if (t.kind != TOKEN_WORD || column_find_nocase(t.text) == COL_COUNT)
        return false;
    return kind == KIND_STRING || kind == KIND_UINT || kind == KIND_ASN || kind == KIND_TIME;
}

/* What stands on the right decides among the operator's rows. */
static bool operand(struct parser *p, struct filter_node *n, struct str text)
{
    enum column c = n->column;
    n->other = COL_COUNT;
    if ((n->op = operator_for(text, c, OPERAND_LIST))) {
        if (p->tok.kind != TOKEN_OPEN)
            return fail(p, "( and a list");
        advance(p);
        if (p->tok.kind == TOKEN_STRING && operator_for(text, c, OPERAND_NAMES))
            n->op = operator_for(text, c, OPERAND_NAMES);
        return list(p, n);
    }
    if (is_column_here(p, n) && (n->op = operator_for(text, c, OPERAND_COLUMN)))
        return other_column(p, n);
    if (p->tok.kind == TOKEN_STRING && (n->op = operator_for(text, c, OPERAND_NAME)))
        return single(p, n);
    n->op = operator_for(text, c, OPERAND_ONE);
    if (!n->op)
        n->op = operator_for(text, c, OPERAND_NET);
    return single(p, n);
}

/* Large communities are in a column of their own. */
static enum column large(enum column c)
{
    return c == COL_SrcCommunities ? COL_SrcLargeCommunities : COL_DstLargeCommunities;
}

static const struct filter_node *condition(struct parser *p)
{
    struct filter_node *n = ARENA_NEW(p->arena, struct filter_node);
    n->kind = FILTER_CONDITION;
    n->column = column(p);
    if (n->column == COL_COUNT)
        return NULL;
    size_t at = p->tok.at;
    advance(p);
    struct str text = operator_text(p, n->column);
    if (!text.len || !operand(p, n, text))
        return NULL;
    if (n->n_values && n->values[0].kind == VALUE_LARGE) {
        n->column = large(n->column);
        if (!p->schema->enabled[n->column]) {
            lexer_error(&p->lexer, at, "column %s is disabled here (schema.enabled)",
                        column_defs[n->column].name);
            return NULL;
        }
    }
    return n;
}

/* ---- expressions */

static const struct filter_node *node(struct parser *p, enum filter_node_kind kind,
                                      const struct filter_node *left, const struct filter_node *right)
{
    struct filter_node *n = ARENA_NEW(p->arena, struct filter_node);
    *n = (struct filter_node){.kind = kind, .left = left, .right = right};
    return n;
}

static const struct filter_node *prefix(struct parser *p)
{
    if (p->tok.kind == TOKEN_OPEN) {
        advance(p);
        const struct filter_node *n = expression(p, POWER_NONE);
        if (n && p->tok.kind != TOKEN_CLOSE)
            return fail(p, "AND, OR or )");
        advance(p);
        return n;
    }
    if (is_word(p, "NOT")) {
        advance(p);
        const struct filter_node *n = expression(p, POWER_NOT);
        return n ? node(p, FILTER_NOT, n, NULL) : NULL;
    }
    return condition(p);
}

static enum power infix(const struct parser *p)
{
    return is_word(p, "AND") ? POWER_AND : is_word(p, "OR") ? POWER_OR : POWER_NONE;
}

static const struct filter_node *expression(struct parser *p, enum power above)
{
    if (++p->depth > FILTER_MAX_DEPTH) {
        lexer_error(&p->lexer, p->tok.at, "nested too deeply: at most %d levels", FILTER_MAX_DEPTH);
        return NULL;
    }
    const struct filter_node *left = prefix(p);
    for (enum power power; left && (power = infix(p)) > above;) {
        advance(p);
        const struct filter_node *right = expression(p, power);
        left = right ? node(p, power == POWER_AND ? FILTER_AND : FILTER_OR, left, right) : NULL;
    }
    p->depth--;
    return left;
}

bool filter_parse(struct filter *f, struct str text, const struct schema *s, struct arena *a,
                  struct lang_error *e)
{
    struct parser p = {.schema = s, .arena = a};
    *f = (struct filter){.schema = s};
    lexer_init(&p.lexer, text, a, e);
    if (text.len > FILTER_MAX_LEN)
        return lexer_error(&p.lexer, 0, "the filter is longer than %d bytes", FILTER_MAX_LEN);
    advance(&p);
    if (p.tok.kind == TOKEN_END)
        return true;
    f->root = expression(&p, POWER_NONE);
    if (f->root && p.tok.kind != TOKEN_END)
        fail(&p, "AND or OR");
    if (e->message[0])
        f->root = NULL;
    return !e->message[0];
}
