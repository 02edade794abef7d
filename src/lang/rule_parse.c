/*
 * A Pratt parser: expression() reads a prefix form and then as many infix forms as bind tighter than its caller. Types are
 * put on on the way up, so that what cannot work is refused where it stands.
 */
#include "lang/rule_ast.h"
#include <stdio.h>

enum { POWER_NOT = 50, POWER_SIGN = 90, ITEMS_MAX = 512, REGEXP_COST = 100 };

struct parser {
    struct lexer lexer;
    struct rule_token tok; /* the one to be looked at */
    struct arena *arena;
    struct rule_parsed *out;
    enum rule_scope scope;
    struct str locals[RULE_LOCALS];
    enum rule_type local_types[RULE_LOCALS];
    unsigned n_locals, depth, loops;
};

static struct rule_node *expression(struct parser *p, unsigned above);
static struct rule_node *sequence(struct parser *p);

static void advance(struct parser *p)
{
    p->tok = rule_lexer_next(&p->lexer);
}

static bool is(const struct parser *p, const char *text)
{
    return (p->tok.kind == RTOK_SIGN || p->tok.kind == RTOK_NAME) && str_eq(p->tok.text, str_from(text));
}

static int shown(struct str s)
{
    return (int)(s.len > 60 ? str_utf8((struct str){s.p, 60}) : s.len);
}

/* The error and NULL; a token that could not be read has its own error already. */
static struct rule_node *fail(struct parser *p, const char *what)
{
    if (p->tok.kind == RTOK_END)
        lexer_error(&p->lexer, p->tok.at, "expected %s, but the rule ends here", what);
    else
        lexer_error(&p->lexer, p->tok.at, "expected %s, not %.*s", what, shown(p->tok.text), p->tok.text.p);
    return NULL;
}

static bool skip(struct parser *p, const char *text, const char *what)
{
    if (!is(p, text)) {
        fail(p, what);
        return false;
    }
    advance(p);
    return true;
}

static struct rule_node *node(struct parser *p, enum rule_node_kind kind, enum rule_type type, size_t at,
                              unsigned op, struct rule_node **child, unsigned n)
{
    struct rule_node *x = ARENA_NEW(p->arena, struct rule_node);
    *x = (struct rule_node){.kind = kind, .type = type, .at = at, .op = op, .n = n};
    x->child = arena_array(p->arena, n, sizeof *x->child);
    for (unsigned i = 0; i < n; i++)
        x->child[i] = child[i];
    return x;
}

static struct rule_node *value(struct parser *p, size_t at, struct rule_value v)
{
    struct rule_node *x = node(p, NODE_VALUE, v.type, at, 0, NULL, 0);
    x->value = v;
    return x;
}

/* ---- lists of expressions, up to a closing sign */

struct list {
    struct rule_node *items[ITEMS_MAX];
    unsigned n;
};

static bool list_add(struct parser *p, struct list *l, struct rule_node *x)
{
    if (!x)
        return false;
    if (l->n == ITEMS_MAX)
        return lexer_error(&p->lexer, x->at, "too many: at most %d", ITEMS_MAX);
    l->items[l->n++] = x;
    return true;
}

static bool list_rest(struct parser *p, struct list *l, const char *close, const char *what)
{
    while (!is(p, close)) {
        if (!list_add(p, l, expression(p, 0)))
            return false;
        if (!is(p, close) && !skip(p, ",", what))
            return false;
    }
    advance(p);
    return true;
}

/* ---- calls */

/* A literal text becomes a regular expression now; of others only the type is known. */
static struct rule_node *as_regexp(struct parser *p, struct rule_node *x)
{
    char why[200];
    if (x->kind != NODE_VALUE || x->type != TYPE_TEXT)
        return x;
    struct rule_regexps *keep = ARENA_NEW(p->arena, struct rule_regexps);
    keep->re = regexp_new(x->value.s, why, sizeof why);
    if (!keep->re) {
        lexer_error(&p->lexer, x->at, "this is no regular expression: %s", why);
        return NULL;
    }
    keep->next = p->out->regexps;
    p->out->regexps = keep;
    p->out->regexps_size += regexp_size(keep->re) + REGEXP_COST;
    if (p->out->regexps_size > RULE_MAX_REGEXPS) {
        lexer_error(&p->lexer, x->at, "the regular expressions of this rule are too large");
        return NULL;
    }
    struct rule_node *re = node(p, NODE_REGEXP, TYPE_REGEXP, x->at, 0, NULL, 0);
    re->value = (struct rule_value){.type = TYPE_REGEXP, .re = keep->re};
    return re;
}

static enum rule_function function_find(struct str name)
{
    unsigned f = 0;
    while (f < FN_COUNT && !str_eq(name, str_from(rule_functions[f].name)))
        f++;
    return (enum rule_function)f;
}

static struct rule_node *no_function(struct parser *p, const struct rule_token *name)
{
    const char *best = NULL;
    unsigned distance = 3;
    for (unsigned f = 0; f < FN_COUNT; f++) {
        unsigned d = str_distance(name->text, str_from(rule_functions[f].name), distance);
        if (d <= distance && (rule_functions[f].scope & p->scope) && (!best || d < distance)) {
            best = rule_functions[f].name;
            distance = d;
        }
    }
    lexer_error(&p->lexer, name->at, "there is no function %.*s%s%s%s", shown(name->text), name->text.p,
                best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
    return NULL;
}

/* The predicate's ) was read. */
static struct rule_node *loop(struct parser *p, const struct rule_token *name, enum rule_function f,
                              struct list *args)
{
    struct rule_node *parts[2] = {args->n ? args->items[0] : NULL};
    if (!parts[0] && !list_add(p, args, parts[0] = expression(p, 0)))
        return NULL;
    if (!rule_type_fits(parts[0]->type, TYPE_ARRAY)) {
        lexer_error(&p->lexer, parts[0]->at, "expected an array for %s, not %s", rule_functions[f].name,
                    rule_type_name(parts[0]->type));
        return NULL;
    }
    bool without = f == FN_count && is(p, ")");
    if (!without) {
        if (args->n == 1 && is(p, ","))
            advance(p);
        bool braces = is(p, "{");
        if (braces)
            advance(p);
        if (++p->loops > RULE_LOOPS) {
            lexer_error(&p->lexer, name->at, "nested too deeply: at most %d predicates", RULE_LOOPS);
            return NULL;
        }
        parts[1] = expression(p, 0);
        p->loops--;
        if (!parts[1] || (braces && !skip(p, "}", "}")))
            return NULL;
        if (f != FN_map && !rule_type_fits(parts[1]->type, TYPE_BOOL)) {
            lexer_error(&p->lexer, parts[1]->at, "expected true or false of this predicate, not %s",
                        rule_type_name(parts[1]->type));
            return NULL;
        }
    }
    if (!skip(p, ")", ")"))
        return NULL;
    return node(p, NODE_LOOP, rule_functions[f].result, name->at, f, parts, 2);
}

/* name was read, ( is next; `first` is what came through a pipe, or NULL. */
static struct rule_node *call(struct parser *p, const struct rule_token *name, struct rule_node *first)
{
    enum rule_function f = function_find(name->text);
    if (f == FN_COUNT)
        return no_function(p, name);
    if (!(rule_functions[f].scope & p->scope)) {
        lexer_error(&p->lexer, name->at, "%s is for rules on %s only", rule_functions[f].name,
                    rule_functions[f].scope == RULE_EXPORTER ? "exporters" : "interfaces");
        return NULL;
    }
    struct list args = {.n = 0};
    if (!skip(p, "(", "( after the function's name") || (first && !list_add(p, &args, first)))
        return NULL;
    if (!rule_functions[f].params)
        return loop(p, name, f, &args);
    enum rule_type type;
    if (!list_rest(p, &args, ")", "a comma or )") ||
        !rule_type_call(&p->lexer, name->at, f, args.items, args.n, &type))
        return NULL;
    const char *re = strchr(rule_functions[f].params, 'r');
    if (re) {
        struct rule_node **at = &args.items[re - rule_functions[f].params];
        if (!(*at = as_regexp(p, *at)))
            return NULL;
    }
    p->out->reject |= f == FN_Reject;
    return node(p, NODE_CALL, type, name->at, f, args.items, args.n);
}

/* ---- names */

static const struct {
    const char *of, *name;
    enum rule_field field;
    enum rule_type type;
    enum rule_scope scope;
} fields[] = {
    {"Exporter", "IP", FIELD_EXPORTER_IP, TYPE_TEXT, RULE_BOTH},
    {"Exporter", "Name", FIELD_EXPORTER_NAME, TYPE_TEXT, RULE_BOTH},
    {"Interface", "Index", FIELD_INDEX, TYPE_INT, RULE_INTERFACE},
    {"Interface", "Name", FIELD_NAME, TYPE_TEXT, RULE_INTERFACE},
    {"Interface", "Description", FIELD_DESCRIPTION, TYPE_TEXT, RULE_INTERFACE},
    {"Interface", "Speed", FIELD_SPEED, TYPE_INT, RULE_INTERFACE},
    {"Interface", "VLAN", FIELD_VLAN, TYPE_INT, RULE_INTERFACE},
};

enum { FIELDS = sizeof fields / sizeof *fields };

/* Exporter or Interface was read. */
static struct rule_node *field(struct parser *p, const struct rule_token *of)
{
    bool bracket = is(p, "[");
    if (!bracket && !is(p, ".") && !is(p, "?."))
        return fail(p, str_eq(of->text, STR("Exporter")) ? "a field such as Exporter.Name"
                                                         : "a field such as Interface.Name");
    advance(p);
    struct rule_token name = p->tok;
    struct str text = bracket ? name.value.s : name.text;
    if (name.kind != (bracket ? RTOK_TEXT : RTOK_NAME))
        return fail(p, "the name of a field");
    advance(p);
    if (bracket && !skip(p, "]", "]"))
        return NULL;
    for (unsigned i = 0; i < FIELDS; i++)
        if (str_eq(of->text, str_from(fields[i].of)) && str_eq(text, str_from(fields[i].name))) {
            p->out->vlan |= fields[i].field == FIELD_VLAN;
            return node(p, NODE_FIELD, fields[i].type, of->at, fields[i].field, NULL, 0);
        }
    char all[128] = "";
    for (unsigned i = 0, n = 0; i < FIELDS; i++)
        if (str_eq(of->text, str_from(fields[i].of)))
            n += (unsigned)snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", fields[i].name);
    lexer_error(&p->lexer, name.at, "%.*s has no field %.*s: it has %s", STR_ARG(of->text), shown(text),
                text.p, all);
    return NULL;
}

static struct rule_node *name(struct parser *p)
{
    struct rule_token t = p->tok;
    advance(p);
    if (str_eq(t.text, STR("true")) || str_eq(t.text, STR("false")))
        return value(p, t.at, (struct rule_value){.type = TYPE_BOOL, .b = t.text.len == 4});
    if (str_eq(t.text, STR("nil")))
        return value(p, t.at, (struct rule_value){.type = TYPE_NIL});
    for (unsigned i = p->n_locals; i-- > 0;)
        if (str_eq(t.text, p->locals[i]))
            return node(p, NODE_LOCAL, p->local_types[i], t.at, i, NULL, 0);
    if (str_eq(t.text, STR("Exporter")))
        return field(p, &t);
    if (str_eq(t.text, STR("Interface"))) {
        if (p->scope & RULE_INTERFACE)
            return field(p, &t);
        lexer_error(&p->lexer, t.at, "Interface is known to rules on interfaces only");
        return NULL;
    }
    if (is(p, "("))
        return call(p, &t, NULL);
    if (function_find(t.text) != FN_COUNT)
        return fail(p, "( after the function's name");
    lexer_error(&p->lexer, t.at, "there is nothing called %.*s: expected Exporter, %sa function or a value",
                shown(t.text), t.text.p, p->scope & RULE_INTERFACE ? "Interface, " : "");
    return NULL;
}

/* ---- prefix forms */

static struct rule_node *array(struct parser *p)
{
    struct list l = {.n = 0};
    size_t at = p->tok.at;
    advance(p);
    if (!list_rest(p, &l, "]", "a comma or ]"))
        return NULL;
    return node(p, NODE_ARRAY, TYPE_ARRAY, at, 0, l.items, l.n);
}

static struct rule_node *map_key(struct parser *p)
{
    struct rule_token t = p->tok;
    if (t.kind == RTOK_NAME || t.kind == RTOK_NUMBER) {
        advance(p);
        return value(p, t.at, (struct rule_value){.type = TYPE_TEXT, .s = t.text});
    }
    if (t.kind == RTOK_TEXT) {
        advance(p);
        return value(p, t.at, t.value);
    }
    if (!is(p, "("))
        return fail(p, "a key or }");
    advance(p);
    struct rule_node *key = expression(p, 0);
    return key && skip(p, ")", ")") ? key : NULL;
}

static struct rule_node *map(struct parser *p)
{
    struct list l = {.n = 0};
    size_t at = p->tok.at;
    advance(p);
    while (!is(p, "}")) {
        if (!list_add(p, &l, map_key(p)) || !skip(p, ":", ": after the key") ||
            !list_add(p, &l, expression(p, 0)))
            return NULL;
        if (!is(p, "}") && !skip(p, ",", "a comma or }"))
            return NULL;
    }
    advance(p);
    return node(p, NODE_MAP, TYPE_MAP, at, 0, l.items, l.n);
}

static struct rule_node *item(struct parser *p)
{
    size_t at = p->tok.at;
    advance(p);
    if (!p->loops) {
        lexer_error(&p->lexer, at,
                    "# is known inside of a predicate only: any([\"a\", \"b\"], Exporter.Name contains #)");
        return NULL;
    }
    bool index = p->tok.kind == RTOK_NAME && str_eq(p->tok.text, STR("index")) && p->tok.at == at + 1;
    if (index)
        advance(p);
    return node(p, index ? NODE_ITEM_INDEX : NODE_ITEM, index ? TYPE_INT : TYPE_ANY, at, 0, NULL, 0);
}

static struct rule_node *unary(struct parser *p, enum rule_node_kind kind, unsigned power,
                               enum rule_type wanted)
{
    struct rule_token t = p->tok;
    advance(p);
    struct rule_node *x = expression(p, power);
    if (!x)
        return NULL;
    if (!rule_type_fits(x->type, wanted)) {
        lexer_error(&p->lexer, t.at, "%.*s cannot stand before %s", STR_ARG(t.text), rule_type_name(x->type));
        return NULL;
    }
    return node(p, kind, kind == NODE_NOT ? TYPE_BOOL : x->type, t.at, 0, &x, 1);
}

static struct rule_node *let(struct parser *p)
{
    size_t at = p->tok.at;
    advance(p);
    struct rule_token t = p->tok;
    if (t.kind != RTOK_NAME)
        return fail(p, "the variable's name");
    advance(p);
    if (p->n_locals == RULE_LOCALS) {
        lexer_error(&p->lexer, t.at, "at most %d variables", RULE_LOCALS);
        return NULL;
    }
    struct rule_node *parts[2];
    if (!skip(p, "=", "= after the variable's name") || !(parts[0] = expression(p, 0)) ||
        !skip(p, ";", "; after the variable's value"))
        return NULL;
    unsigned local = p->n_locals++;
    p->locals[local] = t.text;
    p->local_types[local] = parts[0]->type;
    p->out->locals = p->n_locals > p->out->locals ? p->n_locals : p->out->locals;
    if (!(parts[1] = sequence(p)))
        return NULL;
    p->n_locals--;
    return node(p, NODE_LET, parts[1]->type, at, local, parts, 2);
}

static struct rule_node *choose(struct parser *p, size_t at, struct rule_node *parts[3])
{
    enum rule_type type = parts[1]->type == parts[2]->type ? parts[1]->type : TYPE_ANY;
    return node(p, NODE_CHOICE, type, at, 0, parts, 3);
}

static bool is_condition(struct parser *p, const struct rule_node *x, size_t at, const char *where)
{
    return rule_type_fits(x->type, TYPE_BOOL) ||
           lexer_error(&p->lexer, at, "expected true or false %s, not %s", where, rule_type_name(x->type));
}

/* { was not read yet. */
static struct rule_node *braces(struct parser *p, const char *what)
{
    struct rule_node *x = skip(p, "{", what) ? sequence(p) : NULL;
    return x && skip(p, "}", "an operator or }") ? x : NULL;
}

/* if a { b } else if c { d } else { e } */
static struct rule_node *conditional(struct parser *p)
{
    struct rule_node *parts[3];
    size_t at = p->tok.at;
    advance(p);
    if (!(parts[0] = expression(p, 0)) || !is_condition(p, parts[0], parts[0]->at, "behind if") ||
        !(parts[1] = braces(p, "{ behind the condition")) || !skip(p, "else", "else"))
        return NULL;
    parts[2] = is(p, "if") ? expression(p, 0) : braces(p, "{ behind else");
    return parts[2] ? choose(p, at, parts) : NULL;
}

static struct rule_node *prefix(struct parser *p)
{
    struct rule_token t = p->tok;
    if (t.kind == RTOK_NUMBER || t.kind == RTOK_TEXT) {
        advance(p);
        return value(p, t.at, t.value);
    }
    if (is(p, "not") || is(p, "!"))
        return unary(p, NODE_NOT, POWER_NOT, TYPE_BOOL);
    if (is(p, "-"))
        return unary(p, NODE_MINUS, POWER_SIGN, TYPE_NUMBER);
    if (is(p, "+"))
        return unary(p, NODE_PLUS, POWER_SIGN, TYPE_NUMBER);
    if (is(p, "let"))
        return let(p);
    if (is(p, "if"))
        return conditional(p);
    if (t.kind == RTOK_NAME)
        return name(p);
    if (is(p, "["))
        return array(p);
    if (is(p, "{"))
        return map(p);
    if (is(p, "#"))
        return item(p);
    if (!is(p, "("))
        return fail(p, "a value");
    advance(p);
    struct rule_node *x = sequence(p);
    return x && skip(p, ")", "an operator or )") ? x : NULL;
}

/* ---- what follows a value */

static struct rule_node *indexed(struct parser *p, struct rule_node *of, size_t at, enum rule_node_kind kind,
                                 struct rule_node *by)
{
    bool list = rule_type_fits(of->type, TYPE_ARRAY) || of->type == TYPE_TEXT,
         map = rule_type_fits(of->type, TYPE_MAP);
    bool fits = (list && rule_type_fits(by->type, TYPE_INT)) ||
                (map && rule_type_fits(by->type, TYPE_TEXT)) ||
                (kind == NODE_INDEX_MAYBE && of->type == TYPE_NIL);
    if (!fits) {
        lexer_error(&p->lexer, at, "%s has no item by %s", rule_type_name(of->type),
                    rule_type_name(by->type));
        return NULL;
    }
    return node(p, kind, of->type == TYPE_TEXT ? TYPE_INT : TYPE_ANY, at, 0, (struct rule_node *[]){of, by},
                2);
}

/* [ was read: an index, or from and to with a colon between, each of which may be missing. */
static struct rule_node *bracket(struct parser *p, struct rule_node *of, size_t at, enum rule_node_kind kind)
{
    struct rule_node *parts[3] = {of, NULL, NULL};
    if (!is(p, ":") && !(parts[1] = expression(p, 0)))
        return NULL;
    if (!is(p, ":"))
        return skip(p, "]", "]") ? indexed(p, of, at, kind, parts[1]) : NULL;
    advance(p);
    if (!is(p, "]") && !(parts[2] = expression(p, 0)))
        return NULL;
    if (!skip(p, "]", "]"))
        return NULL;
    for (int i = 1; i < 3; i++)
        if (parts[i] && !rule_type_fits(parts[i]->type, TYPE_INT)) {
            lexer_error(&p->lexer, parts[i]->at, "expected an integer, not %s",
                        rule_type_name(parts[i]->type));
            return NULL;
        }
    if (!rule_type_fits(of->type, TYPE_ARRAY) && of->type != TYPE_TEXT) {
        lexer_error(&p->lexer, at, "%s has no parts", rule_type_name(of->type));
        return NULL;
    }
    return node(p, NODE_SLICE, of->type, at, 0, parts, 3);
}

static struct rule_node *postfix(struct parser *p, struct rule_node *x)
{
    while (x && (is(p, ".") || is(p, "?.") || is(p, "["))) {
        size_t at = p->tok.at;
        enum rule_node_kind kind = is(p, "?.") ? NODE_INDEX_MAYBE : NODE_INDEX;
        bool brackets = is(p, "[");
        advance(p);
        if (kind == NODE_INDEX_MAYBE && is(p, "[")) {
            brackets = true;
            advance(p);
        }
        if (brackets) {
            x = bracket(p, x, at, kind);
            continue;
        }
        struct rule_token t = p->tok;
        if (t.kind != RTOK_NAME)
            return fail(p, "a name");
        if (!rule_type_fits(x->type, TYPE_MAP)) {
            lexer_error(&p->lexer, t.at,
                        "%s has no field %.*s; functions are called as %.*s(...) or through a pipe",
                        rule_type_name(x->type), shown(t.text), t.text.p, shown(t.text), t.text.p);
            return NULL;
        }
        advance(p);
        x = indexed(p, x, at, kind, value(p, t.at, (struct rule_value){.type = TYPE_TEXT, .s = t.text}));
    }
    return x;
}

/* ---- infix forms */

static struct rule_node *piped(struct parser *p, struct rule_node *left)
{
    struct rule_token t = p->tok;
    if (t.kind != RTOK_NAME)
        return fail(p, "a function after |");
    advance(p);
    return postfix(p, call(p, &t, left));
}

static struct rule_node *binary(struct parser *p, struct rule_node *left, const struct rule_operator *o,
                                size_t at, bool negated)
{
    struct rule_node *right = expression(p, o->right ? o->power - 1 : o->power);
    enum rule_type type;
    if (!right || !rule_type_binary(&p->lexer, at, o->op, left, right, &type))
        return NULL;
    if (o->op == OP_MATCHES && !(right = as_regexp(p, right)))
        return NULL;
    struct rule_node *x = node(p, NODE_BINARY, type, at, o->op, (struct rule_node *[]){left, right}, 2);
    return negated ? node(p, NODE_NOT, TYPE_BOOL, at, 0, &x, 1) : x;
}

/* ? was not read yet. */
static struct rule_node *choice(struct parser *p, struct rule_node *condition)
{
    struct rule_node *parts[3] = {condition};
    size_t at = p->tok.at;
    if (!is_condition(p, condition, at, "before ?"))
        return NULL;
    advance(p);
    if (is(p, ":")) /* a ?: b */
        parts[1] = condition;
    else if (!(parts[1] = expression(p, 0)))
        return NULL;
    if (!skip(p, ":", ": and what to take otherwise") || !(parts[2] = expression(p, 0)))
        return NULL;
    return choose(p, at, parts);
}

/* The operator ahead; of `not in` and the like, that behind the not. */
static const struct rule_operator *ahead(struct parser *p, struct rule_token *t, bool *negated)
{
    struct lexer before = p->lexer;
    *t = p->tok;
    *negated = is(p, "not");
    if (*negated)
        *t = rule_lexer_next(&p->lexer);
    const struct rule_operator *o =
        t->kind == RTOK_SIGN || t->kind == RTOK_NAME ? rule_operator_find(t->text) : NULL;
    bool word = o && (o->op == OP_IN || o->op == OP_MATCHES || o->op == OP_CONTAINS || o->op == OP_STARTS ||
                      o->op == OP_ENDS);
    p->lexer = before;
    return *negated && !word ? NULL : o;
}

static struct rule_node *infix(struct parser *p, struct rule_node *left, unsigned above)
{
    struct rule_token t;
    bool negated;
    const struct rule_operator *o;
    while (left && (o = ahead(p, &t, &negated)) && o->power > above) {
        if (negated)
            advance(p);
        advance(p);
        left = o->op == OP_PIPE ? piped(p, left) : binary(p, left, o, t.at, negated);
    }
    return left;
}

static struct rule_node *expression(struct parser *p, unsigned above)
{
    if (++p->depth > RULE_MAX_DEPTH) {
        lexer_error(&p->lexer, p->tok.at, "nested too deeply: at most %d levels", RULE_MAX_DEPTH);
        return NULL;
    }
    struct rule_node *x = infix(p, postfix(p, prefix(p)), above);
    while (x && above == 0 && is(p, "?"))
        x = choice(p, x);
    p->depth--;
    return x;
}

/* a; b is what b is: a variable without a name, in a place that is free again while b is read. */
static struct rule_node *sequence(struct parser *p)
{
    struct rule_node *parts[2] = {expression(p, 0)};
    size_t at = p->tok.at;
    if (!parts[0] || !is(p, ";"))
        return parts[0];
    advance(p);
    if (p->tok.kind == RTOK_END || is(p, ")") || is(p, "}"))
        return parts[0];
    if (++p->depth > RULE_MAX_DEPTH || p->n_locals == RULE_LOCALS) {
        lexer_error(&p->lexer, at, "too many expressions or variables");
        return NULL;
    }
    p->out->locals = p->n_locals + 1 > p->out->locals ? p->n_locals + 1 : p->out->locals;
    parts[1] = sequence(p);
    p->depth--;
    return parts[1] ? node(p, NODE_LET, parts[1]->type, at, p->n_locals, parts, 2) : NULL;
}

bool rule_parse(struct rule_parsed *out, struct str text, enum rule_scope scope, struct arena *a,
                struct lang_error *e)
{
    struct parser p = {.arena = a, .scope = scope, .out = out};
    *out = (struct rule_parsed){0};
    lexer_init(&p.lexer, text, a, e);
    if (text.len > RULE_MAX_LEN)
        return lexer_error(&p.lexer, 0, "the rule is longer than %d bytes", RULE_MAX_LEN);
    advance(&p);
    struct rule_node *x = p.tok.kind == RTOK_END ? fail(&p, "a condition") : sequence(&p);
    if (x && p.tok.kind != RTOK_END)
        fail(&p, "an operator");
    if (x && !rule_type_fits(x->type, TYPE_BOOL))
        lexer_error(&p.lexer, x->at, "a rule must be true or false, and this is %s", rule_type_name(x->type));
    out->root = e->message[0] ? NULL : x;
    return out->root != NULL;
}
