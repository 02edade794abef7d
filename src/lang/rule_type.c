/* Which operations there are on what; the tables of operators and functions. */
#include "lang/rule_ast.h"

const struct rule_function_def rule_functions[FN_COUNT] = {
#define F(name, params, result, scope, doc)                                                                  \
    {#name, params, TYPE_##result, RULE_##scope, RULE_ATTRIBUTES, doc},
#define C(name, attribute, scope)                                                                            \
    {#name, "s", TYPE_BOOL, RULE_##scope, RULE_##attribute, NULL},                                           \
        {#name "Regex", "srt", TYPE_BOOL, RULE_##scope, RULE_##attribute, NULL},
#define P(name, result, doc) {#name, NULL, TYPE_##result, RULE_BOTH, RULE_ATTRIBUTES, doc},
#include "lang/rule_functions.def"
#undef F
#undef C
#undef P
};

const char *const rule_attribute_names[RULE_ATTRIBUTES] = {
    [RULE_GROUP] = "group",       [RULE_ROLE] = "role",     [RULE_SITE] = "site",
    [RULE_REGION] = "region",     [RULE_TENANT] = "tenant", [RULE_CONNECTIVITY] = "connectivity",
    [RULE_PROVIDER] = "provider", [RULE_NAME] = "name",     [RULE_DESCRIPTION] = "description",
    [RULE_BOUNDARY] = "boundary", [RULE_REJECT] = "reject",
};

static const struct rule_operator operators[] = {
#define X(text, id, power, right) {text, OP_##id, power, right},
#define ALIAS X
#include "lang/rule_operators.def"
#undef X
#undef ALIAS
};

enum { OPERATORS = sizeof operators / sizeof *operators };

const struct rule_operator *rule_operator_find(struct str text)
{
    for (size_t i = 0; i < OPERATORS; i++)
        if (str_eq(text, str_from(operators[i].text)))
            return &operators[i];
    return NULL;
}

const char *rule_operator_text(enum rule_op op)
{
    for (size_t i = 0; i < OPERATORS; i++)
        if (operators[i].op == op)
            return operators[i].text;
    return "";
}

const char *rule_type_name(enum rule_type t)
{
    static const char *const names[] = {
        [TYPE_ANY] = "anything",   [TYPE_NIL] = "nil",        [TYPE_BOOL] = "a boolean",
        [TYPE_INT] = "an integer", [TYPE_FLOAT] = "a number", [TYPE_TEXT] = "a text",
        [TYPE_ARRAY] = "an array", [TYPE_MAP] = "a map",      [TYPE_REGEXP] = "a regular expression",
        [TYPE_NUMBER] = "a number"};
    return names[t];
}

static bool numeric(enum rule_type t)
{
    return t == TYPE_INT || t == TYPE_FLOAT || t == TYPE_NUMBER || t == TYPE_ANY;
}

bool rule_type_fits(enum rule_type is, enum rule_type wanted)
{
    if (is == TYPE_ANY || wanted == TYPE_ANY || is == wanted)
        return true;
    if (wanted == TYPE_NUMBER)
        return numeric(is);
    if (is == TYPE_NUMBER)
        return numeric(wanted);
    return is == TYPE_REGEXP && wanted == TYPE_TEXT;
}

static bool comparable(enum rule_type a, enum rule_type b)
{
    return a == TYPE_NIL || b == TYPE_NIL || rule_type_fits(a, b) || (numeric(a) && numeric(b));
}

static bool both(enum rule_type a, enum rule_type b, enum rule_type wanted)
{
    return rule_type_fits(a, wanted) && rule_type_fits(b, wanted);
}

static enum rule_type sum(enum rule_type a, enum rule_type b)
{
    if (a == TYPE_TEXT || b == TYPE_TEXT)
        return TYPE_TEXT;
    if (a == TYPE_ANY || b == TYPE_ANY)
        return TYPE_ANY;
    return a == TYPE_INT && b == TYPE_INT       ? TYPE_INT
           : a == TYPE_FLOAT || b == TYPE_FLOAT ? TYPE_FLOAT
                                                : TYPE_NUMBER;
}

static bool sides(enum rule_op op, enum rule_type a, enum rule_type b, enum rule_type *out)
{
    *out = TYPE_BOOL;
    switch (op) {
    case OP_OR:
    case OP_AND:
        return both(a, b, TYPE_BOOL);
    case OP_EQ:
    case OP_NE:
        return comparable(a, b);
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return (numeric(a) && numeric(b)) || both(a, b, TYPE_TEXT);
    case OP_IN:
        return rule_type_fits(b, TYPE_ARRAY) || (rule_type_fits(b, TYPE_MAP) && rule_type_fits(a, TYPE_TEXT));
    case OP_MATCHES:
    case OP_CONTAINS:
    case OP_STARTS:
    case OP_ENDS:
        return both(a, b, TYPE_TEXT);
    case OP_RANGE:
        *out = TYPE_ARRAY;
        return both(a, b, TYPE_INT);
    case OP_ADD:
        *out = sum(a, b);
        return (numeric(a) && numeric(b)) || both(a, b, TYPE_TEXT);
    case OP_SUB:
    case OP_MUL:
        *out = sum(a, b);
        return numeric(a) && numeric(b);
    case OP_MOD:
        *out = TYPE_INT;
        return both(a, b, TYPE_INT);
    case OP_DIV:
    case OP_POWER:
        *out = TYPE_FLOAT;
        return numeric(a) && numeric(b);
    case OP_OTHERWISE:
        *out = a == TYPE_NIL ? b : a == b ? a : TYPE_ANY;
        return true;
    default:
        return false;
    }
}

bool rule_type_binary(struct lexer *l, size_t at, enum rule_op op, const struct rule_node *a,
                      const struct rule_node *b, enum rule_type *out)
{
    if (sides(op, a->type, b->type, out))
        return true;
    return lexer_error(l, at, "%s cannot stand between %s and %s", rule_operator_text(op),
                       rule_type_name(a->type), rule_type_name(b->type));
}

static bool letter_fits(char letter, enum rule_type is)
{
    switch (letter) {
    case 's':
    case 'r':
    case 't':
        return rule_type_fits(is, TYPE_TEXT);
    case 'i':
        return rule_type_fits(is, TYPE_INT);
    case 'n':
        return rule_type_fits(is, TYPE_NUMBER);
    case 'a':
        return rule_type_fits(is, TYPE_ARRAY);
    case 'm':
        return rule_type_fits(is, TYPE_ARRAY) || is == TYPE_MAP;
    case 'c':
        return rule_type_fits(is, TYPE_TEXT) || is == TYPE_ARRAY || is == TYPE_MAP;
    default:
        return true;
    }
}

static const char *letter_name(char letter)
{
    return letter == 's'   ? "a text"
           : letter == 't' ? "a template"
           : letter == 'r' ? "a regular expression"
           : letter == 'i' ? "an integer"
           : letter == 'n' ? "a number"
           : letter == 'a' ? "an array"
           : letter == 'm' ? "an array or a map"
                           : "a text, an array or a map";
}

bool rule_type_call(struct lexer *l, size_t at, enum rule_function f, struct rule_node *const *args,
                    unsigned n, enum rule_type *out)
{
    const struct rule_function_def *d = &rule_functions[f];
    const char *p = d->params;
    unsigned least = 0, most = 0;
    bool optional = false, endless = false;
    *out = d->result;
    for (; *p; p++) {
        if (*p == '?') {
            optional = true;
        } else if (*p == '*') {
            endless = true;
            least--; /* of what is repeated, none is needed... */
        } else {
            unsigned i = most++;
            least += !optional;
            if (i < n && !letter_fits(*p, args[i]->type))
                return lexer_error(l, args[i]->at, "expected %s as argument %u of %s, not %s",
                                   letter_name(*p), i + 1, d->name, rule_type_name(args[i]->type));
        }
    }
    if (f == FN_max || f == FN_min || f == FN_concat)
        least = 1; /* ...but by these */
    if (n > RULE_ARGUMENTS)
        return lexer_error(l, at, "too many arguments: at most %d", RULE_ARGUMENTS);
    if (n >= least && (n <= most || endless))
        return true;
    return lexer_error(l, at, "%s takes %s%u argument%s, not %u", d->name,
                       endless || (least < most && n < least) ? "at least "
                       : least < most                         ? "at most "
                                                              : "",
                       n < least ? least : most, (n < least ? least : most) == 1 ? "" : "s", n);
}

/* ---- manual */

static const char *type_word(char letter)
{
    return letter == 's'   ? "text"
           : letter == 't' ? "template"
           : letter == 'r' ? "regex"
           : letter == 'i' ? "integer"
           : letter == 'n' ? "number"
           : letter == 'a' ? "array"
           : letter == 'm' ? "array or map"
           : letter == 'c' ? "text or array or map"
                           : "value";
}

static void signature(const struct rule_function_def *d, struct buf *out)
{
    buf_printf(out, "| `%s(", d->name);
    bool optional = false;
    unsigned n = 0;
    for (const char *p = d->params ? d->params : "a"; *p; p++) {
        if (*p == '?') {
            optional = true;
            continue;
        }
        if (*p == '*') {
            buf_z(out, "...");
            continue;
        }
        buf_printf(out, optional ? "[%s%s]" : "%s%s", n ? ", " : "", type_word(*p));
        n++;
    }
    buf_printf(out, "%s)` | %s |", d->params ? "" : ", predicate",
               d->scope == RULE_BOTH       ? "both"
               : d->scope == RULE_EXPORTER ? "exporter"
                                           : "interface");
}

void rule_manual(struct buf *out)
{
    buf_z(out, "| function | rules | what it does |\n|---|---|---|\n");
    for (unsigned i = 0; i < FN_COUNT; i++) {
        const struct rule_function_def *d = &rule_functions[i];
        signature(d, out);
        if (d->doc)
            buf_printf(out, " %s |\n", d->doc);
        else if (d->params[1])
            buf_printf(out,
                       " If the text matches, the %s becomes what the template (`$1`, `${name}`) makes of "
                       "it. Does it "
                       "match? True without looking when an earlier rule set it. |\n",
                       rule_attribute_names[d->attribute]);
        else
            buf_printf(out, " Sets the %s, unless an earlier rule did. True. |\n",
                       rule_attribute_names[d->attribute]);
    }
}
