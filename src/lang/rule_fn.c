/*
 * What the functions of rules do: do_x for function x. Their arguments have been checked against the letters of
 * rule_functions.def when they are called.
 */
#include "lang/rule_vm.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

static bool give_text(struct rule_value *out, struct str s)
{
    *out = (struct rule_value){.type = TYPE_TEXT, .s = s};
    return true;
}

static bool give_int(struct rule_value *out, int64_t i)
{
    *out = (struct rule_value){.type = TYPE_INT, .i = i};
    return true;
}

static bool give_float(struct rule_value *out, double f)
{
    *out = (struct rule_value){.type = TYPE_FLOAT, .f = f};
    return true;
}

static bool give_bool(struct rule_value *out, bool b)
{
    *out = (struct rule_value){.type = TYPE_BOOL, .b = b};
    return true;
}

static bool give_array(struct rule_value *out, struct rule_items *a)
{
    *out = (struct rule_value){.type = TYPE_ARRAY, .a = a};
    return a != NULL;
}

static bool give_scratch(struct rule_vm *vm, struct rule_value *out)
{
    if (vm->scratch.full)
        return rule_vm_fail(vm, "too much memory: more than %d KiB", RULE_MAX_MEMORY >> 10);
    return rule_vm_text(vm, vm->scratch.p, vm->scratch.len, out);
}

static size_t find(struct str s, struct str what, size_t from)
{
    if (from > s.len)
        return SIZE_MAX;
    if (what.len == 0)
        return from;
    const char *at = memmem(s.p + from, s.len - from, what.p, what.len);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

/* ---- classification */

void rule_normalize(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        struct str rest = {text.p + i, text.len - i};
        if (c >= 'A' && c <= 'Z')
            buf_u8(out, c | 0x20);
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-')
            buf_u8(out, c);
        else if (str_starts(rest, STR("\xe2\x84\xaa"))) /* the kelvin sign's lower case is a plain k, */
            buf_u8(out, 'k');
        else if (str_starts(rest, STR("\xc4\xb0"))) /* and of a dotted capital I, i remains */
            buf_u8(out, 'i');
    }
}

static bool set_text(struct rule_vm *vm, enum rule_attribute a, struct str s)
{
    struct rule_value v;
    if (!rule_vm_text(vm, s.p, s.len, &v))
        return false;
    vm->outcome->text[a] = v.s;
    if (s.len)
        vm->outcome->by[a] = vm->number;
    return true;
}

static bool classify(struct rule_vm *vm, enum rule_attribute a, const struct rule_value *v,
                     struct rule_value *out)
{
    give_bool(out, true);
    if (vm->outcome->text[a].len)
        return true;
    buf_reset(&vm->scratch);
    rule_normalize(v->s, &vm->scratch);
    return set_text(vm, a, buf_str(&vm->scratch));
}

static bool classify_regexp(struct rule_vm *vm, enum rule_attribute a, const struct rule_value *v,
                            struct rule_value *out)
{
    give_bool(out, true);
    if (vm->outcome->text[a].len)
        return true;
    const struct regexp *re = rule_vm_regexp(vm, &v[1]);
    struct rule_value expanded;
    if (!re || !rule_vm_work(vm, v[0].s.len / 16))
        return false;
    buf_reset(&vm->scratch);
    if (!regexp_expand(re, v[0].s, v[2].s, &vm->scratch))
        return give_bool(out, false);
    if (!give_scratch(vm, &expanded))
        return false;
    buf_reset(&vm->scratch);
    rule_normalize(expanded.s, &vm->scratch);
    return set_text(vm, a, buf_str(&vm->scratch));
}

static bool bound(struct rule_vm *vm, enum rule_boundary b, struct rule_value *out)
{
    if (vm->outcome->boundary == RULE_UNDEFINED) {
        vm->outcome->boundary = (uint8_t)b;
        vm->outcome->by[RULE_BOUNDARY] = vm->number;
    }
    return give_bool(out, true);
}

static bool do_ClassifyExternal(struct rule_vm *vm, const struct rule_value *v, unsigned n,
                                struct rule_value *out)
{
    return bound(vm, RULE_EXTERNAL, out);
}

static bool do_ClassifyInternal(struct rule_vm *vm, const struct rule_value *v, unsigned n,
                                struct rule_value *out)
{
    return bound(vm, RULE_INTERNAL, out);
}

static bool set(struct rule_vm *vm, enum rule_attribute a, const struct rule_value *v, struct rule_value *out)
{
    give_bool(out, true);
    return vm->outcome->text[a].len || set_text(vm, a, v->s);
}

static bool do_SetName(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return set(vm, RULE_NAME, v, out);
}

static bool do_SetDescription(struct rule_vm *vm, const struct rule_value *v, unsigned n,
                              struct rule_value *out)
{
    return set(vm, RULE_DESCRIPTION, v, out);
}

static bool do_Reject(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    vm->outcome->reject = true;
    vm->outcome->by[RULE_REJECT] = vm->number;
    return give_bool(out, false);
}

static bool do_Format(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return rule_format(vm, v, n, out);
}

/* ---- letters */

static locale_t utf8;

static void make_utf8(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The character at the text's start, its bytes in *len; -1: none, a stray byte of length 1. */
static long rune(struct str s, size_t *len)
{
    unsigned char c = (unsigned char)s.p[0];
    *len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (*len > s.len || str_utf8((struct str){s.p, *len}) != *len) {
        *len = 1;
        return c < 0x80 ? c : -1;
    }
    long r = *len == 1 ? c : c & (0x7f >> *len);
    for (size_t i = 1; i < *len; i++)
        r = r << 6 | ((unsigned char)s.p[i] & 0x3f);
    return r;
}

static void put_rune(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_u8(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        buf_u8(out, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_u8(out, (uint8_t)(0xe0 | c >> 12));
        } else {
            buf_u8(out, (uint8_t)(0xf0 | c >> 18));
            buf_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

static bool convert(struct rule_vm *vm, struct str s, bool up, struct rule_value *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_utf8);
    buf_reset(&vm->scratch);
    for (size_t n; s.len; s = (struct str){s.p + n, s.len - n}) {
        long r = rune(s, &n);
        if (r < 0)
            put_rune(&vm->scratch, 0xfffd);
        else if (utf8)
            put_rune(&vm->scratch,
                     (uint32_t)(up ? towupper_l((wint_t)r, utf8) : towlower_l((wint_t)r, utf8)));
        else
            put_rune(&vm->scratch, (uint32_t)(up ? towupper((wint_t)r) : towlower((wint_t)r)));
    }
    return give_scratch(vm, out);
}

static bool do_lower(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return convert(vm, v->s, false, out);
}

static bool do_upper(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return convert(vm, v->s, true, out);
}

/* ---- parts of texts */

static bool among(struct str set, struct str s, size_t *len)
{
    rune(s, len);
    return memmem(set.p, set.len, s.p, *len) != NULL;
}

static bool do_trim(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct str s = v[0].s, set = n > 1 ? v[1].s : STR(" \t\n\v\f\r\xc2\x85\xc2\xa0");
    size_t len, last;
    while (s.len && among(set, s, &len))
        s = (struct str){s.p + len, s.len - len};
    while (s.len) {
        for (last = 1; last < 4 && last < s.len && ((unsigned char)s.p[s.len - last] & 0xc0) == 0x80; last++)
            ;
        if (!among(set, (struct str){s.p + s.len - last, last}, &len) || len != last)
            break;
        s.len -= last;
    }
    return give_text(out, s) && rule_vm_work(vm, v[0].s.len / 16);
}

static bool do_trimPrefix(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct str s = v[0].s, what = n > 1 ? v[1].s : STR(" ");
    return give_text(out, str_starts(s, what) ? (struct str){s.p + what.len, s.len - what.len} : s);
}

static bool do_trimSuffix(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct str s = v[0].s, what = n > 1 ? v[1].s : STR(" ");
    return give_text(out, str_ends(s, what) ? (struct str){s.p, s.len - what.len} : s);
}

static bool do_hasPrefix(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_bool(out, str_starts(v[0].s, v[1].s));
}

static bool do_hasSuffix(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_bool(out, str_ends(v[0].s, v[1].s));
}

/* Where the next part ends; an empty separator parts characters. */
static size_t part_end(struct str s, struct str sep)
{
    size_t len;
    if (sep.len)
        return find(s, sep, 0);
    rune(s, &len);
    return len < s.len ? len : SIZE_MAX;
}

static bool parts(struct rule_vm *vm, const struct rule_value *v, unsigned n, bool keep,
                  struct rule_value *out)
{
    int64_t most = n > 2 ? v[2].i : -1;
    struct str s = v[0].s, sep = v[1].s, rest = s;
    size_t count = most == 0 || (!s.len && !sep.len) ? 0 : 1, end;
    while (count && (most < 0 || count < (size_t)most) && rest.len &&
           (end = part_end(rest, sep)) != SIZE_MAX) {
        count++;
        rest = (struct str){rest.p + end + sep.len, rest.len - end - sep.len};
    }
    struct rule_items *a = rule_vm_work(vm, s.len / 16) ? rule_vm_items(vm, count) : NULL;
    if (!a)
        return false;
    for (size_t i = 0; i < count; i++) {
        end = i + 1 < count ? part_end(s, sep) : s.len;
        give_text(&a->v[i], (struct str){s.p, end + (keep && i + 1 < count ? sep.len : 0)});
        if (i + 1 < count)
            s = (struct str){s.p + end + sep.len, s.len - end - sep.len};
    }
    return give_array(out, a);
}

static bool do_split(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return parts(vm, v, n, false, out);
}

static bool do_splitAfter(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return parts(vm, v, n, true, out);
}

static bool do_replace(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct str s = v[0].s, from = v[1].s, to = v[2].s;
    int64_t left = n > 3 ? v[3].i : -1;
    buf_reset(&vm->scratch);
    for (size_t at = 0, next; left != 0; left--) {
        if (from.len == 0) { /* before each character, and at the end */
            buf_str_add(&vm->scratch, to);
            if (at == s.len)
                return give_scratch(vm, out);
            rune((struct str){s.p + at, s.len - at}, &next);
            buf_add(&vm->scratch, s.p + at, next);
            at += next;
            if (left == 1)
                buf_add(&vm->scratch, s.p + at, s.len - at);
            continue;
        }
        next = find(s, from, at);
        if (next == SIZE_MAX || vm->scratch.full) {
            buf_add(&vm->scratch, s.p + at, s.len - at);
            return give_scratch(vm, out);
        }
        buf_add(&vm->scratch, s.p + at, next - at);
        buf_str_add(&vm->scratch, to);
        at = next + from.len;
        if (left == 1)
            buf_add(&vm->scratch, s.p + at, s.len - at);
    }
    return n > 3 && v[3].i == 0 ? give_text(out, s) : give_scratch(vm, out);
}

static bool do_repeat(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    if (v[1].i < 0)
        return rule_vm_fail(vm, "repeat: a negative number of times");
    buf_reset(&vm->scratch);
    for (int64_t i = 0; i < v[1].i && v[0].s.len && !vm->scratch.full; i++)
        buf_str_add(&vm->scratch, v[0].s);
    return give_scratch(vm, out);
}

static bool do_indexOf(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    size_t at = find(v[0].s, v[1].s, 0);
    return give_int(out, at == SIZE_MAX ? -1 : (int64_t)at) && rule_vm_work(vm, v[0].s.len / 16);
}

static bool do_lastIndexOf(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct str s = v[0].s, what = v[1].s;
    int64_t found = -1;
    for (size_t at = s.len >= what.len ? s.len - what.len + 1 : 0; found < 0 && at-- > 0;)
        if (what.len == 0 || memcmp(s.p + at, what.p, what.len) == 0)
            found = (int64_t)at;
    return give_int(out, found) && rule_vm_work(vm, s.len);
}

static bool do_join(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    const struct rule_items *a = v[0].a;
    buf_reset(&vm->scratch);
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->v[i].type != TYPE_TEXT)
            return rule_vm_fail(vm, "join: expected texts, not %s", rule_type_name(a->v[i].type));
        if (i && n > 1)
            buf_str_add(&vm->scratch, v[1].s);
        buf_str_add(&vm->scratch, a->v[i].s);
    }
    return give_scratch(vm, out);
}

/* ---- kinds of values */

static bool do_len(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    if (v->type != TYPE_TEXT)
        return give_int(out, v->type == TYPE_MAP ? v->a->n / 2 : v->a->n);
    int64_t count = 0;
    struct str s = v->s;
    for (size_t len; s.len; s = (struct str){s.p + len, s.len - len}, count++)
        rune(s, &len);
    return give_int(out, count) && rule_vm_work(vm, v->s.len / 16);
}

static bool do_string(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    if (v->type == TYPE_TEXT)
        return give_text(out, v->s);
    buf_reset(&vm->scratch);
    rule_show(&vm->scratch, v);
    return give_scratch(vm, out);
}

/* The text as a number; false: it is none. */
static bool read_number(struct str s, bool whole, struct rule_value *out)
{
    char z[64], *end = z;
    if (s.len == 0 || s.len >= sizeof z || strchr(" \t\n\v\f\r", s.p[0]))
        return false;
    memcpy(z, s.p, s.len);
    z[s.len] = '\0';
    if (whole)
        give_int(out, strtoll(z, &end, 10));
    else
        give_float(out, strtod(z, &end));
    return end == z + s.len;
}

static bool do_int(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    if (v->type == TYPE_INT)
        return give_int(out, v->i);
    if (v->type == TYPE_FLOAT && v->f > -9e18 && v->f < 9e18)
        return give_int(out, (int64_t)v->f);
    if (v->type == TYPE_TEXT && read_number(v->s, true, out))
        return true;
    return rule_vm_fail(vm, "int: this is no integer");
}

static bool do_float(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    if (v->type == TYPE_INT || v->type == TYPE_FLOAT)
        return give_float(out, rule_number(v));
    if (v->type == TYPE_TEXT && read_number(v->s, false, out))
        return true;
    return rule_vm_fail(vm, "float: this is no number");
}

static bool do_type(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    static const char *const names[] = {
        [TYPE_NIL] = "nil",     [TYPE_BOOL] = "bool",     [TYPE_INT] = "int",
        [TYPE_FLOAT] = "float", [TYPE_TEXT] = "string",   [TYPE_ARRAY] = "array",
        [TYPE_MAP] = "map",     [TYPE_REGEXP] = "string", [TYPE_ANY] = ""};
    return give_text(out, str_from(names[v->type]));
}

/* ---- numbers */

static bool do_abs(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return v->type == TYPE_INT ? give_int(out, v->i < 0 ? (int64_t) - (uint64_t)v->i : v->i)
                               : give_float(out, fabs(v->f));
}

static bool do_ceil(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_float(out, ceil(rule_number(v)));
}

static bool do_floor(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_float(out, floor(rule_number(v)));
}

static bool do_round(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_float(out, round(rule_number(v)));
}

static bool numbers(struct rule_vm *vm, const char *name, const struct rule_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].type != TYPE_INT && v[i].type != TYPE_FLOAT)
            return rule_vm_fail(vm, "%s: expected numbers, not %s", name, rule_type_name(v[i].type));
    return rule_vm_work(vm, n);
}

static bool extreme(struct rule_vm *vm, const struct rule_value *v, unsigned n, bool most,
                    struct rule_value *out)
{
    const char *name = most ? "max" : "min";
    size_t count = n;
    if (n == 1 && v->type == TYPE_ARRAY) {
        count = v->a->n;
        v = v->a->v;
    }
    if (count == 0 || !numbers(vm, name, v, count))
        return count != 0 ? false : rule_vm_fail(vm, "%s: of nothing", name);
    struct rule_value best = v[0];
    for (size_t i = 1; i < count; i++)
        if (most ? rule_number(&v[i]) > rule_number(&best) : rule_number(&v[i]) < rule_number(&best))
            best = v[i];
    *out = best;
    return true;
}

static bool do_max(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return extreme(vm, v, n, true, out);
}

static bool do_min(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return extreme(vm, v, n, false, out);
}

static bool do_sum(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    const struct rule_items *a = v->a;
    uint64_t whole = 0;
    double all = 0;
    bool integers = true;
    if (!numbers(vm, "sum", a->v, a->n))
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        integers &= a->v[i].type == TYPE_INT;
        whole += integers ? (uint64_t)a->v[i].i : 0;
        all += rule_number(&a->v[i]);
    }
    return integers ? give_int(out, (int64_t)whole) : give_float(out, all);
}

/* ---- arrays and maps */

static bool give_item(struct rule_value *out, const struct rule_items *a, int64_t i)
{
    *out = i >= 0 && i < a->n ? a->v[i] : (struct rule_value){.type = TYPE_NIL};
    return true;
}

static bool do_first(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_item(out, v->a, 0);
}

static bool do_last(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return give_item(out, v->a, (int64_t)v->a->n - 1);
}

static struct rule_items *copy(struct rule_vm *vm, const struct rule_items *from, size_t n)
{
    struct rule_items *a = rule_vm_items(vm, n);
    if (a && n)
        memcpy(a->v, from->v, n * sizeof a->v[0]);
    return a;
}

static bool do_take(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    if (v[1].i < 0)
        return rule_vm_fail(vm, "take: a negative number of items");
    return give_array(out, copy(vm, v->a, v[1].i < v->a->n ? (size_t)v[1].i : v->a->n));
}

static bool do_reverse(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct rule_items *a = rule_vm_items(vm, v->a->n);
    for (uint32_t i = 0; a && i < a->n; i++)
        a->v[i] = v->a->v[a->n - 1 - i];
    return give_array(out, a);
}

static int by_value(const void *a, const void *b)
{
    const struct rule_value *x = a, *y = b;
    if (x->type != TYPE_TEXT) {
        double d = rule_number(x) - rule_number(y);
        return (d > 0) - (d < 0);
    }
    size_t n = x->s.len < y->s.len ? x->s.len : y->s.len;
    int c = n ? memcmp(x->s.p, y->s.p, n) : 0;
    return c ? c : (x->s.len > y->s.len) - (x->s.len < y->s.len);
}

static bool do_sort(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct rule_items *a = copy(vm, v->a, v->a->n);
    if (!a)
        return false;
    bool is_text = a->n && a->v[0].type == TYPE_TEXT;
    for (uint32_t i = 0; is_text && i < a->n; i++)
        if (a->v[i].type != TYPE_TEXT)
            return rule_vm_fail(vm, "sort: expected texts, not %s", rule_type_name(a->v[i].type));
    if ((!is_text && !numbers(vm, "sort", a->v, a->n)) || !rule_vm_work(vm, (size_t)a->n * 16))
        return false;
    qsort(a->v, a->n, sizeof a->v[0], by_value);
    if (n > 1 && str_eq_nocase(v[1].s, STR("desc")))
        for (uint32_t i = 0; i < a->n / 2; i++) {
            struct rule_value swap = a->v[i];
            a->v[i] = a->v[a->n - 1 - i];
            a->v[a->n - 1 - i] = swap;
        }
    return give_array(out, a);
}

static bool do_uniq(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct rule_items *a = rule_vm_items(vm, v->a->n);
    if (!a)
        return false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < v->a->n; i++) {
        uint32_t k = 0;
        while (k < kept && !rule_equal(vm, &a->v[k], &v->a->v[i]))
            k++;
        if (k == kept)
            a->v[kept++] = v->a->v[i];
    }
    a->n = kept;
    return give_array(out, a);
}

static bool do_concat(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    size_t total = 0, at = 0;
    for (unsigned i = 0; i < n; i++)
        total += v[i].a->n;
    struct rule_items *a = rule_vm_items(vm, total);
    for (unsigned i = 0; a && i < n; at += v[i++].a->n)
        if (v[i].a->n)
            memcpy(a->v + at, v[i].a->v, v[i].a->n * sizeof a->v[0]);
    return give_array(out, a);
}

static bool do_get(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    const struct rule_items *a = v[0].a;
    if (v[0].type == TYPE_ARRAY)
        return give_item(out, a, v[1].type == TYPE_INT ? v[1].i : -1);
    struct rule_value found = {.type = TYPE_NIL};
    for (uint32_t i = 0; i < a->n; i += 2)
        if (rule_equal(vm, &a->v[i], &v[1]))
            found = a->v[i + 1];
    *out = found;
    return true;
}

static bool half(struct rule_vm *vm, const struct rule_value *v, uint32_t from, struct rule_value *out)
{
    if (v->type != TYPE_MAP)
        return rule_vm_fail(vm, "expected a map");
    struct rule_items *a = rule_vm_items(vm, v->a->n / 2);
    for (uint32_t i = 0; a && i < a->n; i++)
        a->v[i] = v->a->v[2 * i + from];
    return give_array(out, a);
}

static bool do_keys(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return half(vm, v, 0, out);
}

static bool do_values(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    return half(vm, v, 1, out);
}

/* ---- */

static rule_fn *const functions[FN_COUNT] = {
#define F(name, params, result, scope, doc) [FN_##name] = do_##name,
#define C(name, attribute, scope)
#define P(name, result, doc)
#include "lang/rule_functions.def"
#undef F
#undef C
#undef P
};

static bool fits(char letter, enum rule_type t)
{
    switch (letter) {
    case 's':
    case 't':
        return t == TYPE_TEXT;
    case 'r':
        return t == TYPE_TEXT || t == TYPE_REGEXP;
    case 'i':
        return t == TYPE_INT;
    case 'n':
        return t == TYPE_INT || t == TYPE_FLOAT;
    case 'a':
        return t == TYPE_ARRAY;
    case 'm':
        return t == TYPE_ARRAY || t == TYPE_MAP;
    case 'c':
        return t == TYPE_TEXT || t == TYPE_ARRAY || t == TYPE_MAP;
    default:
        return true;
    }
}

bool rule_call(struct rule_vm *vm, enum rule_function f, const struct rule_value *v, unsigned n,
               struct rule_value *out)
{
    const struct rule_function_def *d = &rule_functions[f];
    struct rule_value result = {0}; /* `out` is where the first argument lies */
    const char *letter = d->params;
    for (unsigned i = 0; i < n; i++) {
        letter += *letter == '?';
        if (*letter == '*') /* the one before, again */
            letter--;
        if (!fits(*letter, v[i].type))
            return rule_vm_fail(vm, "argument %u of %s cannot be %s", i + 1, d->name,
                                rule_type_name(v[i].type));
        letter++;
    }
    bool ok = d->attribute == RULE_ATTRIBUTES ? functions[f](vm, v, n, &result)
              : n == 1                        ? classify(vm, d->attribute, v, &result)
                                              : classify_regexp(vm, d->attribute, v, &result);
    *out = result;
    return ok;
}
