/* One switch over the instructions; what takes more than a line has a function. */
#include "lang/rule_vm.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- help for functions */

bool rule_vm_fail(struct rule_vm *vm, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(vm->why, sizeof vm->why, fmt, ap);
    va_end(ap);
    return false;
}

bool rule_vm_work(struct rule_vm *vm, size_t n)
{
    bool enough = vm->steps < RULE_MAX_STEPS && n < RULE_MAX_STEPS - vm->steps;
    vm->steps = enough ? vm->steps + (unsigned)n : RULE_MAX_STEPS;
    return vm->steps < RULE_MAX_STEPS ||
           rule_vm_fail(vm, "too much work: more than %d steps", RULE_MAX_STEPS);
}

void *rule_vm_alloc(struct rule_vm *vm, size_t len)
{
    if (len > RULE_MAX_MEMORY - vm->memory) {
        rule_vm_fail(vm, "too much memory: more than %d KiB", RULE_MAX_MEMORY >> 10);
        return NULL;
    }
    vm->memory += len;
    return arena_alloc(&vm->arena, len + 1);
}

bool rule_vm_text(struct rule_vm *vm, const void *p, size_t len, struct rule_value *out)
{
    char *copy = rule_vm_alloc(vm, len);
    if (!copy)
        return false;
    if (len)
        memcpy(copy, p, len);
    *out = (struct rule_value){.type = TYPE_TEXT, .s = {copy, len}};
    return rule_vm_work(vm, len / 16);
}

struct rule_items *rule_vm_items(struct rule_vm *vm, size_t n)
{
    struct rule_items *a = NULL;
    if (n <= RULE_MAX_MEMORY / sizeof a->v[0] && rule_vm_work(vm, n))
        a = rule_vm_alloc(vm, sizeof *a + n * sizeof a->v[0]);
    else if (!vm->why[0])
        rule_vm_fail(vm, "too much memory: more than %d KiB", RULE_MAX_MEMORY >> 10);
    if (a)
        a->n = (uint32_t)n;
    return a;
}

const struct regexp *rule_vm_regexp(struct rule_vm *vm, const struct rule_value *v)
{
    if (v->type == TYPE_REGEXP)
        return v->re;
    for (unsigned i = 0; i < RULE_CACHE; i++)
        if (vm->cache[i].re && str_eq(v->s, (struct str){vm->cache[i].pattern, vm->cache[i].len}))
            return vm->cache[i].re;
    char why[160];
    struct regexp *re = rule_vm_work(vm, 1000) ? regexp_new(v->s, why, sizeof why) : NULL;
    if (re && !rule_vm_work(vm, regexp_size(re))) { /* as long as so many steps take */
        regexp_free(re);
        return NULL;
    }
    if (!re) {
        if (!vm->why[0])
            rule_vm_fail(vm, "\"%.*s\" is no regular expression: %s", v->s.len > 60 ? 60 : (int)v->s.len,
                         v->s.p, why);
        return NULL;
    }
    unsigned i = vm->oldest++ % RULE_CACHE;
    regexp_free(vm->cache[i].re);
    free(vm->cache[i].pattern);
    vm->cache[i].pattern = xmalloc(v->s.len + 1);
    memcpy(vm->cache[i].pattern, v->s.p, v->s.len);
    vm->cache[i].len = v->s.len;
    return vm->cache[i].re = re;
}

static bool number(enum rule_type t)
{
    return t == TYPE_INT || t == TYPE_FLOAT;
}

bool rule_equal(struct rule_vm *vm, const struct rule_value *a, const struct rule_value *b)
{
    if (vm->steps++ >= RULE_MAX_STEPS) /* arrays of arrays may be far larger than the memory they take */
        return false;
    if (number(a->type) && number(b->type))
        return a->type == TYPE_INT && b->type == TYPE_INT ? a->i == b->i : rule_number(a) == rule_number(b);
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case TYPE_BOOL:
        return a->b == b->b;
    case TYPE_TEXT:
        return str_eq(a->s, b->s);
    case TYPE_ARRAY:
    case TYPE_MAP:
        if (a->a->n != b->a->n)
            return false;
        for (uint32_t i = 0; i < a->a->n; i++)
            if (!rule_equal(vm, &a->a->v[i], &b->a->v[i]))
                return false;
        return true;
    default:
        return true;
    }
}

/* ---- operators */

static struct rule_value truth(bool b)
{
    return (struct rule_value){.type = TYPE_BOOL, .b = b};
}

static bool wrong(struct rule_vm *vm, enum rule_op op, const struct rule_value *a, const struct rule_value *b)
{
    return rule_vm_fail(vm, "%s cannot stand between %s and %s", rule_operator_text(op),
                        rule_type_name(a->type), rule_type_name(b->type));
}

static bool integers(struct rule_vm *vm, enum rule_op op, int64_t a, int64_t b, struct rule_value *out)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b; /* wraps, as Go's do */
    out->type = TYPE_INT;
    switch (op) {
    case OP_ADD:
        out->i = (int64_t)(x + y);
        return true;
    case OP_SUB:
        out->i = (int64_t)(x - y);
        return true;
    case OP_MUL:
        out->i = (int64_t)(x * y);
        return true;
    default: /* OP_MOD */
        if (b == 0)
            return rule_vm_fail(vm, "division by zero");
        out->i = b == -1 ? 0 : a % b;
        return true;
    }
}

static bool arithmetic(struct rule_vm *vm, enum rule_op op, const struct rule_value *a,
                       const struct rule_value *b, struct rule_value *out)
{
    if (!number(a->type) || !number(b->type))
        return wrong(vm, op, a, b);
    if (a->type == TYPE_INT && b->type == TYPE_INT && op != OP_DIV && op != OP_POWER)
        return integers(vm, op, a->i, b->i, out);
    double x = rule_number(a), y = rule_number(b);
    if (op == OP_MOD)
        return wrong(vm, op, a, b);
    out->type = TYPE_FLOAT;
    out->f = op == OP_ADD   ? x + y
             : op == OP_SUB ? x - y
             : op == OP_MUL ? x * y
             : op == OP_DIV ? x / y
                            : pow(x, y);
    return true;
}

static int compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static bool ordered(struct rule_vm *vm, enum rule_op op, const struct rule_value *a,
                    const struct rule_value *b, struct rule_value *out)
{
    int c;
    if (a->type == TYPE_TEXT && b->type == TYPE_TEXT)
        c = compare(a->s, b->s);
    else if (a->type == TYPE_INT && b->type == TYPE_INT)
        c = (a->i > b->i) - (a->i < b->i);
    else if (number(a->type) && number(b->type))
        c = (rule_number(a) > rule_number(b)) - (rule_number(a) < rule_number(b));
    else
        return wrong(vm, op, a, b);
    *out = truth(op == OP_LT ? c < 0 : op == OP_LE ? c <= 0 : op == OP_GT ? c > 0 : c >= 0);
    return true;
}

static bool in(struct rule_vm *vm, const struct rule_value *a, const struct rule_value *b,
               struct rule_value *out)
{
    if (b->type != TYPE_ARRAY && b->type != TYPE_MAP && b->type != TYPE_NIL)
        return wrong(vm, OP_IN, a, b);
    uint32_t step = b->type == TYPE_MAP ? 2 : 1, n = b->type == TYPE_NIL ? 0 : b->a->n;
    bool found = false;
    for (uint32_t i = 0; i < n && !found; i += step)
        found = rule_equal(vm, a, &b->a->v[i]);
    *out = truth(found);
    return true;
}

static bool texts(struct rule_vm *vm, enum rule_op op, const struct rule_value *a, const struct rule_value *b,
                  struct rule_value *out)
{
    if (a->type != TYPE_TEXT || (b->type != TYPE_TEXT && b->type != TYPE_REGEXP))
        return wrong(vm, op, a, b);
    struct str s = a->s;
    if (op == OP_MATCHES) {
        const struct regexp *re = rule_vm_regexp(vm, b);
        if (!re)
            return false;
        *out = truth(regexp_match(re, s));
    } else {
        *out = truth(op == OP_STARTS ? str_starts(s, b->s)
                     : op == OP_ENDS ? str_ends(s, b->s)
                                     : memmem(s.p, s.len, b->s.p, b->s.len) != NULL || b->s.len == 0);
    }
    return rule_vm_work(vm, s.len / 16);
}

static bool range(struct rule_vm *vm, const struct rule_value *a, const struct rule_value *b,
                  struct rule_value *out)
{
    if (a->type != TYPE_INT || b->type != TYPE_INT)
        return wrong(vm, OP_RANGE, a, b);
    uint64_t n = b->i < a->i ? 0 : (uint64_t)b->i - (uint64_t)a->i + 1;
    struct rule_items *items = rule_vm_items(vm, n || b->i < a->i ? n : SIZE_MAX);
    if (!items)
        return false;
    for (uint32_t i = 0; i < items->n; i++)
        items->v[i] = (struct rule_value){.type = TYPE_INT, .i = a->i + i};
    *out = (struct rule_value){.type = TYPE_ARRAY, .a = items};
    return true;
}

static bool sum(struct rule_vm *vm, const struct rule_value *a, const struct rule_value *b,
                struct rule_value *out)
{
    if (a->type != TYPE_TEXT || b->type != TYPE_TEXT)
        return arithmetic(vm, OP_ADD, a, b, out);
    size_t len = a->s.len + b->s.len;
    char *both = rule_vm_alloc(vm, len);
    if (!both)
        return false;
    if (a->s.len)
        memcpy(both, a->s.p, a->s.len);
    if (b->s.len)
        memcpy(both + a->s.len, b->s.p, b->s.len);
    *out = (struct rule_value){.type = TYPE_TEXT, .s = {both, len}};
    return rule_vm_work(vm, len / 16);
}

static bool binary(struct rule_vm *vm, enum rule_op op, const struct rule_value *a,
                   const struct rule_value *b, struct rule_value *out)
{
    switch (op) {
    case OP_EQ:
    case OP_NE:
        *out = truth(rule_equal(vm, a, b) == (op == OP_EQ));
        return true;
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return ordered(vm, op, a, b, out);
    case OP_IN:
        return in(vm, a, b, out);
    case OP_MATCHES:
    case OP_CONTAINS:
    case OP_STARTS:
    case OP_ENDS:
        return texts(vm, op, a, b, out);
    case OP_RANGE:
        return range(vm, a, b, out);
    case OP_ADD:
        return sum(vm, a, b, out);
    default:
        return arithmetic(vm, op, a, b, out);
    }
}

/* ---- items */

static bool from_end(struct rule_vm *vm, int64_t i, size_t n, size_t *out)
{
    int64_t at = i < 0 ? i + (int64_t)n : i;
    *out = (size_t)at;
    return (at >= 0 && (size_t)at < n) ||
           rule_vm_fail(vm, "index out of range: %lld (length is %zu)", (long long)i, n);
}

static bool indexed(struct rule_vm *vm, const struct rule_value *of, const struct rule_value *by,
                    struct rule_value *out)
{
    size_t at;
    if (of->type == TYPE_MAP && by->type == TYPE_TEXT) {
        struct rule_value found = {.type = TYPE_NIL};
        for (uint32_t i = 0; i < of->a->n; i += 2)
            if (rule_equal(vm, &of->a->v[i], by))
                found = of->a->v[i + 1]; /* of two with one key, the later one */
        *out = found;
        return true;
    }
    if (of->type == TYPE_ARRAY && by->type == TYPE_INT) {
        struct rule_value item;
        if (!from_end(vm, by->i, of->a->n, &at))
            return false;
        item = of->a->v[at];
        *out = item;
        return true;
    }
    if (of->type == TYPE_TEXT && by->type == TYPE_INT) {
        if (!from_end(vm, by->i, of->s.len, &at))
            return false;
        *out = (struct rule_value){.type = TYPE_INT, .i = (unsigned char)of->s.p[at]};
        return true;
    }
    return rule_vm_fail(vm, "%s has no item by %s", rule_type_name(of->type), rule_type_name(by->type));
}

static size_t within(int64_t i, size_t n)
{
    int64_t at = i < 0 ? i + (int64_t)n : i;
    return at < 0 ? 0 : (size_t)at > n ? n : (size_t)at;
}

static bool sliced(struct rule_vm *vm, unsigned given, struct rule_value *v)
{
    bool is_text = v[0].type == TYPE_TEXT;
    if (!is_text && v[0].type != TYPE_ARRAY)
        return rule_vm_fail(vm, "%s has no parts", rule_type_name(v[0].type));
    size_t n = is_text ? v[0].s.len : v[0].a->n, from = 0, to = n;
    const struct rule_value *next = &v[1];
    for (unsigned i = 1; i < 3; i++) {
        if (!(given & i))
            continue;
        if (next->type != TYPE_INT)
            return rule_vm_fail(vm, "expected an integer, not %s", rule_type_name(next->type));
        *(i == 1 ? &from : &to) = within(next++->i, n);
    }
    from = from > to ? to : from;
    if (is_text) {
        v[0].s = (struct str){v[0].s.p + from, to - from};
        return true;
    }
    struct rule_items *part = rule_vm_items(vm, to - from);
    if (part) {
        memcpy(part->v, v[0].a->v + from, (to - from) * sizeof part->v[0]);
        v[0].a = part;
    }
    return part != NULL;
}

static bool gather(struct rule_vm *vm, enum rule_type type, struct rule_value *v, uint32_t n)
{
    struct rule_items *a = rule_vm_items(vm, n);
    if (!a)
        return false;
    if (n)
        memcpy(a->v, v, n * sizeof *v);
    for (uint32_t i = 0; type == TYPE_MAP && i < n; i += 2)
        if (a->v[i].type != TYPE_TEXT)
            return rule_vm_fail(vm, "a key must be a text, not %s", rule_type_name(a->v[i].type));
    *v = (struct rule_value){.type = type, .a = a};
    return true;
}

static void field(const struct rule_subject *s, uint32_t n, struct rule_value *out)
{
    const struct str *text = n == FIELD_EXPORTER_IP     ? &s->exporter_ip
                             : n == FIELD_EXPORTER_NAME ? &s->exporter_name
                             : n == FIELD_NAME          ? &s->name
                             : n == FIELD_DESCRIPTION   ? &s->description
                                                        : NULL;
    if (text)
        *out = (struct rule_value){.type = TYPE_TEXT, .s = *text};
    else
        *out = (struct rule_value){.type = TYPE_INT,
                                   .i = n == FIELD_INDEX   ? s->index
                                        : n == FIELD_SPEED ? s->speed
                                                           : s->vlan};
}

/* ---- loops */

static bool each(struct rule_vm *vm, enum rule_function f, const struct rule_value *over)
{
    if (over->type != TYPE_ARRAY)
        return rule_vm_fail(vm, "expected an array for %s, not %s", rule_functions[f].name,
                            rule_type_name(over->type));
    struct rule_loop *l = &vm->loops[vm->n_loops++];
    *l = (struct rule_loop){.f = f, .over = over->a, .found = -1};
    l->backwards = f == FN_findLast || f == FN_findLastIndex;
    if (f != FN_map && f != FN_filter)
        return true;
    l->taken = rule_vm_items(vm, over->a->n);
    return l->taken != NULL;
}

static uint32_t loop_index(const struct rule_loop *l)
{
    return l->backwards ? l->over->n - l->at : l->at - 1;
}

/* True when that decides the loop. */
static bool took(struct rule_loop *l, const struct rule_value *v)
{
    if (l->f == FN_map) {
        l->taken->v[l->hits++] = *v;
        return false;
    }
    if (!v->b)
        return l->f == FN_all;
    l->found = loop_index(l);
    if (l->f == FN_filter)
        l->taken->v[l->hits] = l->over->v[l->found];
    l->hits++;
    return l->f == FN_any || l->f == FN_none || (l->f == FN_one && l->hits > 1) || l->f == FN_find ||
           l->f == FN_findIndex || l->f == FN_findLast || l->f == FN_findLastIndex;
}

static void loop_end(struct rule_loop *l, struct rule_value *out)
{
    switch (l->f) {
    case FN_map:
    case FN_filter:
        l->taken->n = l->hits;
        *out = (struct rule_value){.type = TYPE_ARRAY, .a = l->taken};
        return;
    case FN_count:
        *out = (struct rule_value){.type = TYPE_INT, .i = l->hits};
        return;
    case FN_find:
    case FN_findLast:
        *out = l->found < 0 ? (struct rule_value){.type = TYPE_NIL} : l->over->v[l->found];
        return;
    case FN_findIndex:
    case FN_findLastIndex:
        *out = (struct rule_value){.type = l->found < 0 ? TYPE_NIL : TYPE_INT, .i = l->found};
        return;
    default:
        *out = truth(l->f == FN_all    ? l->hits == l->over->n
                     : l->f == FN_any  ? l->hits > 0
                     : l->f == FN_none ? l->hits == 0
                                       : l->hits == 1);
    }
}

/* ---- */

static bool want_bool(struct rule_vm *vm, const struct rule_value *v)
{
    return v->type == TYPE_BOOL ||
           rule_vm_fail(vm, "expected true or false, not %s", rule_type_name(v->type));
}

static bool signed_number(struct rule_vm *vm, struct rule_value *v, bool minus)
{
    if (!number(v->type))
        return rule_vm_fail(vm, "%c cannot stand before %s", minus ? '-' : '+', rule_type_name(v->type));
    if (minus && v->type == TYPE_INT)
        v->i = (int64_t) - (uint64_t)v->i;
    else if (minus)
        v->f = -v->f;
    return true;
}

static bool in_range(struct rule_vm *vm, struct rule_value *v)
{
    if (v[1].type != TYPE_INT || v[2].type != TYPE_INT)
        return wrong(vm, OP_RANGE, &v[1], &v[2]);
    v[0] = truth(v[0].type == TYPE_INT && v[0].i >= v[1].i && v[0].i <= v[2].i);
    return true;
}

/* `sp` is behind the top. Its bounds are those rule_code.c has counted. */
static bool run(struct rule_vm *vm, const struct rule *r)
{
    struct rule_value *sp = vm->stack;
    for (uint32_t pc = 0; pc < r->n; pc++) {
        uint32_t n = r->code[pc].n;
        bool ok = ++vm->steps < RULE_MAX_STEPS || rule_vm_work(vm, 1);
        if (!ok)
            return false;
        switch (r->code[pc].what) {
        case I_CONST:
            *sp++ = r->constants[n];
            break;
        case I_FIELD:
            field(vm->subject, n, sp++);
            break;
        case I_LOCAL:
            *sp++ = vm->locals[n];
            break;
        case I_SET_LOCAL:
            vm->locals[n] = *--sp;
            break;
        case I_POP:
            sp--;
            break;
        case I_JUMP:
            pc = n - 1;
            break;
        case I_JUMP_FALSE:
        case I_JUMP_TRUE:
            ok = want_bool(vm, sp - 1);
            if (ok && sp[-1].b == (r->code[pc].what == I_JUMP_TRUE))
                pc = n - 1;
            break;
        case I_JUMP_NIL:
        case I_JUMP_SOME:
            if ((sp[-1].type == TYPE_NIL) == (r->code[pc].what == I_JUMP_NIL))
                pc = n - 1;
            break;
        case I_BOOL:
            ok = want_bool(vm, sp - 1);
            break;
        case I_BINARY:
            sp--;
            ok = binary(vm, (enum rule_op)n, sp - 1, sp, sp - 1);
            break;
        case I_IN_RANGE:
            sp -= 2;
            ok = in_range(vm, sp - 1);
            break;
        case I_NOT:
            if ((ok = want_bool(vm, sp - 1)))
                sp[-1].b = !sp[-1].b;
            break;
        case I_MINUS:
        case I_PLUS:
            ok = signed_number(vm, sp - 1, r->code[pc].what == I_MINUS);
            break;
        case I_ARRAY:
        case I_MAP:
            sp -= n;
            ok = gather(vm, r->code[pc].what == I_ARRAY ? TYPE_ARRAY : TYPE_MAP, sp++, n);
            break;
        case I_INDEX:
            sp--;
            ok = indexed(vm, sp - 1, sp, sp - 1);
            break;
        case I_SLICE:
            sp -= (n & 1) + (n >> 1);
            ok = sliced(vm, n, sp - 1);
            break;
        case I_CALL:
            sp -= n & 255;
            ok = rule_call(vm, (enum rule_function)(n >> 8), sp, n & 255, sp);
            sp++;
            break;
        case I_EACH:
            ok = each(vm, (enum rule_function)n, --sp);
            break;
        case I_NEXT:
            if (vm->loops[vm->n_loops - 1].at++ == vm->loops[vm->n_loops - 1].over->n)
                pc = n - 1;
            break;
        case I_TOOK:
            sp--;
            ok = vm->loops[vm->n_loops - 1].f == FN_map || want_bool(vm, sp);
            if (ok && took(&vm->loops[vm->n_loops - 1], sp))
                pc = n - 1;
            break;
        case I_END:
            loop_end(&vm->loops[--vm->n_loops], sp++);
            break;
        case I_ITEM: {
            const struct rule_loop *l = &vm->loops[vm->n_loops - 1];
            *sp++ = n ? (struct rule_value){.type = TYPE_INT, .i = loop_index(l)} : l->over->v[loop_index(l)];
            break;
        }
        case I_COUNT:
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

struct rule_vm *rule_vm_new(void)
{
    struct rule_vm *vm = xcalloc(1, sizeof *vm);
    arena_init(&vm->arena);
    buf_init(&vm->scratch, RULE_MAX_MEMORY);
    return vm;
}

void rule_vm_free(struct rule_vm *vm)
{
    if (!vm)
        return;
    for (unsigned i = 0; i < RULE_CACHE; i++) {
        regexp_free(vm->cache[i].re);
        free(vm->cache[i].pattern);
    }
    buf_fini(&vm->scratch);
    arena_fini(&vm->arena);
    free(vm);
}

void rule_begin(struct rule_vm *vm, const struct rule_subject *s, struct rule_outcome *o)
{
    arena_reset(&vm->arena);
    vm->memory = 0;
    vm->subject = s;
    vm->outcome = o;
    *o = (struct rule_outcome){0};
    for (unsigned i = 0; i < RULE_ATTRIBUTES; i++)
        o->by[i] = -1;
}

bool rule_run(struct rule_vm *vm, const struct rule *r, int number_, const char **why)
{
    vm->steps = 0;
    vm->number = number_;
    vm->n_loops = 0;
    vm->why[0] = '\0';
    *why = vm->why;
    return run(vm, r);
}
