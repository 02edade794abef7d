/*
 * Format: Go's Sprintf for the values rules have. Flags + - # 0 and blank, width and precision (also *), argument indexes
 * [n], and the verbs v s q d b o x X c U t e E f F g G T; what does not fit is shown the way Go shows it: %!d(string=x).
 */
#include "lang/rule_vm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH_MAX = 1000 };

struct verb {
    bool plus, minus, sharp, zero, blank;
    int width, precision; /* -1: none */
    char letter;
};

/* The shortest digits that read back as the same number. */
static void shortest(struct buf *out, double f, char style)
{
    char text[64];
    for (int p = 0; p < 18; p++) {
        snprintf(text, sizeof text, style == 'e' ? "%.*e" : "%.*g", p, f);
        if (strtod(text, NULL) == f)
            break;
    }
    buf_z(out, text);
}

/* Go writes exponents from 1e21 on where %v is concerned. */
static void show_float(struct buf *out, double f)
{
    if (isnan(f)) {
        buf_z(out, "NaN");
    } else if (isinf(f)) {
        buf_z(out, f > 0 ? "+Inf" : "-Inf");
    } else if (f != 0 && (fabs(f) < 1e-4 || fabs(f) >= 1e21)) {
        shortest(out, f, 'e');
    } else {
        char text[64];
        for (int p = 0; p < 25; p++) {
            snprintf(text, sizeof text, "%.*f", p, f);
            if (strtod(text, NULL) == f)
                break;
        }
        buf_z(out, text);
    }
}

void rule_show(struct buf *out, const struct rule_value *v)
{
    if (out->full) /* arrays of arrays may be far larger than the memory they take */
        return;
    switch (v->type) {
    case TYPE_BOOL:
        buf_z(out, v->b ? "true" : "false");
        break;
    case TYPE_INT:
        buf_printf(out, "%lld", (long long)v->i);
        break;
    case TYPE_FLOAT:
        show_float(out, v->f);
        break;
    case TYPE_TEXT:
        buf_str_add(out, v->s);
        break;
    case TYPE_ARRAY:
        buf_u8(out, '[');
        for (uint32_t i = 0; i < v->a->n && !out->full; i++) {
            buf_z(out, i ? " " : "");
            rule_show(out, &v->a->v[i]);
        }
        buf_u8(out, ']');
        break;
    case TYPE_MAP:
        buf_z(out, "map[");
        for (uint32_t i = 0; i < v->a->n && !out->full; i++) {
            buf_z(out, i == 0 ? "" : i % 2 ? ":" : " ");
            rule_show(out, &v->a->v[i]);
        }
        buf_u8(out, ']');
        break;
    default:
        buf_z(out, "<nil>");
    }
}

static const char *go_type(const struct rule_value *v)
{
    return v->type == TYPE_BOOL    ? "bool"
           : v->type == TYPE_INT   ? "int"
           : v->type == TYPE_FLOAT ? "float64"
           : v->type == TYPE_TEXT  ? "string"
           : v->type == TYPE_ARRAY ? "[]interface {}"
           : v->type == TYPE_MAP   ? "map[string]interface {}"
                                   : "<nil>";
}

/* ---- one value by one verb, without its width */

static void quoted(struct buf *out, struct str s)
{
    buf_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char *short_form = c == '"'    ? "\\\""
                                 : c == '\\' ? "\\\\"
                                 : c == '\n' ? "\\n"
                                 : c == '\t' ? "\\t"
                                 : c == '\r' ? "\\r"
                                             : NULL;
        if (short_form)
            buf_z(out, short_form);
        else if (c < ' ' || c == 127)
            buf_printf(out, "\\x%02x", c);
        else
            buf_u8(out, c);
    }
    buf_u8(out, '"');
}

static void digits(struct buf *out, int64_t i, unsigned base, bool upper, const struct verb *f)
{
    char text[80];
    size_t n = sizeof text;
    uint64_t left = i < 0 ? -(uint64_t)i : (uint64_t)i;
    int least = f->precision >= 0                      ? f->precision
                : f->zero && !f->minus && f->width > 0 ? f->width - (i < 0 || f->plus || f->blank)
                                                       : 1;
    do {
        text[--n] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[left % base];
        left /= base;
    } while (left);
    buf_z(out, i < 0 ? "-" : f->plus ? "+" : f->blank ? " " : "");
    if (f->sharp)
        buf_z(out, base == 16 ? (upper ? "0X" : "0x") : base == 8 ? "0" : base == 2 ? "0b" : "");
    for (int have = (int)(sizeof text - n); have < least; have++)
        buf_u8(out, '0');
    buf_add(out, text + n, sizeof text - n);
}

static void utf8(struct buf *out, int64_t c)
{
    uint32_t r = c < 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : (uint32_t)c;
    char text[4];
    size_t n = r < 0x80 ? 1 : r < 0x800 ? 2 : r < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; r >>= 6)
        text[i] = (char)(0x80 | (r & 0x3f));
    text[0] = (char)(n == 1 ? r : (0xf00 >> n & 0xff) | r);
    buf_add(out, text, n);
}

static bool integer(struct buf *out, int64_t i, const struct verb *f)
{
    switch (f->letter) {
    case 'v':
    case 'd':
        digits(out, i, 10, false, f);
        return true;
    case 'b':
        digits(out, i, 2, false, f);
        return true;
    case 'o':
        digits(out, i, 8, false, f);
        return true;
    case 'x':
    case 'X':
        digits(out, i, 16, f->letter == 'X', f);
        return true;
    case 'c':
        utf8(out, i);
        return true;
    case 'U':
        buf_printf(out, "U+%04llX", (unsigned long long)i);
        return true;
    default:
        return false;
    }
}

static bool floating(struct buf *out, double x, const struct verb *f)
{
    char how[16], text[512];
    if (!strchr("vgGeEfF", f->letter))
        return false;
    if (f->plus && x >= 0 && !isinf(x))
        buf_u8(out, '+');
    else if (f->blank && x >= 0)
        buf_u8(out, ' ');
    if (f->precision < 0 && strchr("vg", f->letter)) {
        show_float(out, x);
        return true;
    }
    snprintf(how, sizeof how, "%%.*%c", f->letter == 'v' ? 'g' : f->letter);
    snprintf(text, sizeof text, how, f->precision < 0 ? 6 : f->precision > 100 ? 100 : f->precision, x);
    buf_z(out, text);
    return true;
}

/* The first so many characters. */
static struct str cut(struct str s, int characters)
{
    size_t n = 0;
    for (int left = characters; n < s.len; n++)
        if (((unsigned char)s.p[n] & 0xc0) != 0x80 && left-- == 0)
            break;
    return characters < 0 ? s : (struct str){s.p, n};
}

static bool text(struct buf *out, struct str s, const struct verb *f)
{
    s = cut(s, f->precision);
    switch (f->letter) {
    case 'v':
    case 's':
        if (f->letter == 'v' && f->sharp)
            quoted(out, s);
        else
            buf_str_add(out, s);
        return true;
    case 'q':
        quoted(out, s);
        return true;
    case 'x':
    case 'X':
        for (size_t i = 0; i < s.len; i++)
            buf_printf(out, f->letter == 'x' ? "%02x" : "%02X", (unsigned char)s.p[i]);
        return true;
    default:
        return false;
    }
}

static void one(struct buf *out, const struct rule_value *v, const struct verb *f)
{
    bool known = false;
    if (f->letter == 'T') {
        buf_z(out, go_type(v));
        return;
    }
    if (v->type == TYPE_INT) {
        known = integer(out, v->i, f);
    } else if (v->type == TYPE_FLOAT) {
        known = floating(out, v->f, f);
    } else if (v->type == TYPE_TEXT) {
        known = text(out, v->s, f);
    } else if (v->type == TYPE_ARRAY || v->type == TYPE_MAP) {
        bool list = v->type == TYPE_ARRAY;
        buf_z(out, list ? "[" : "map[");
        for (uint32_t i = 0; i < v->a->n && !out->full; i++) {
            buf_z(out, i == 0 ? "" : !list && i % 2 ? ":" : " ");
            one(out, &v->a->v[i], f);
        }
        buf_u8(out, ']');
        return;
    } else if (f->letter == 'v' || (f->letter == 't' && v->type == TYPE_BOOL)) {
        rule_show(out, v);
        return;
    }
    if (known)
        return;
    buf_printf(out, "%%!%c(%s", f->letter, go_type(v));
    if (v->type != TYPE_NIL) {
        buf_u8(out, '=');
        rule_show(out, v);
    }
    buf_u8(out, ')');
}

/* ---- the format */

struct format {
    struct str s;
    size_t at;
    const struct rule_value *v;
    unsigned n, next;
    bool reordered;
};

static bool number(struct format *f, int *out)
{
    bool any = false;
    for (*out = 0; f->at < f->s.len && f->s.p[f->at] >= '0' && f->s.p[f->at] <= '9'; f->at++, any = true)
        *out = *out < WIDTH_MAX ? *out * 10 + (f->s.p[f->at] - '0') : *out;
    *out = *out > WIDTH_MAX ? WIDTH_MAX : *out;
    return any;
}

/* [n]: the argument to take next, counted from 1. */
static void argument_index(struct format *f)
{
    int n;
    size_t before = f->at;
    if (f->at >= f->s.len || f->s.p[f->at] != '[')
        return;
    f->at++;
    if (number(f, &n) && n > 0 && f->at < f->s.len && f->s.p[f->at] == ']') {
        f->at++;
        f->next = (unsigned)n - 1;
        f->reordered = true;
    } else {
        f->at = before;
    }
}

static bool star(struct format *f, int *out)
{
    argument_index(f);
    if (f->at >= f->s.len || f->s.p[f->at] != '*')
        return false;
    f->at++;
    if (f->next < f->n && f->v[f->next].type == TYPE_INT && f->v[f->next].i >= -WIDTH_MAX &&
        f->v[f->next].i <= WIDTH_MAX)
        *out = (int)f->v[f->next].i;
    f->next++;
    return true;
}

static void flags(struct format *f, struct verb *v)
{
    for (; f->at < f->s.len; f->at++)
        switch (f->s.p[f->at]) {
        case '+':
            v->plus = true;
            break;
        case '-':
            v->minus = true;
            break;
        case '#':
            v->sharp = true;
            break;
        case '0':
            v->zero = true;
            break;
        case ' ':
            v->blank = true;
            break;
        default:
            return;
        }
}

static void read_verb(struct format *f, struct verb *v)
{
    *v = (struct verb){.width = -1, .precision = -1};
    flags(f, v);
    if (!star(f, &v->width) && !number(f, &v->width))
        v->width = -1;
    if (v->width < -1) {
        v->minus = true;
        v->width = -v->width;
    }
    if (f->at < f->s.len && f->s.p[f->at] == '.') {
        f->at++;
        if (!star(f, &v->precision))
            number(f, &v->precision);
    }
    argument_index(f);
    v->letter = f->at < f->s.len ? f->s.p[f->at++] : 0;
}

static int characters(struct str s)
{
    int n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* What was added at `from` becomes as wide as the verb says. */
static void pad(struct buf *out, size_t from, const struct verb *f)
{
    if (out->full)
        return;
    int missing = f->width - characters((struct str){(char *)out->p + from, out->len - from});
    if (missing <= 0)
        return;
    size_t n = (size_t)missing, len = out->len - from;
    buf_reserve(out, n);
    for (size_t i = 0; i < n; i++)
        buf_u8(out, ' ');
    if (f->minus || out->full)
        return;
    memmove(out->p + from + n, out->p + from, len);
    memset(out->p + from, f->zero ? '0' : ' ', n);
}

static void extra(struct buf *out, const struct format *f)
{
    if (f->reordered || f->next >= f->n)
        return;
    buf_z(out, "%!(EXTRA ");
    for (unsigned i = f->next; i < f->n; i++) {
        buf_printf(out, "%s%s", i > f->next ? ", " : "", go_type(&f->v[i]));
        if (f->v[i].type != TYPE_NIL) {
            buf_u8(out, '=');
            rule_show(out, &f->v[i]);
        }
    }
    buf_u8(out, ')');
}

bool rule_format(struct rule_vm *vm, const struct rule_value *v, unsigned n, struct rule_value *out)
{
    struct format f = {.s = v[0].s, .v = v + 1, .n = n - 1};
    struct buf *b = &vm->scratch;
    buf_reset(b);
    while (f.at < f.s.len && !b->full) {
        struct verb verb;
        char c = f.s.p[f.at++];
        if (c != '%') {
            buf_u8(b, (uint8_t)c);
            continue;
        }
        read_verb(&f, &verb);
        size_t from = b->len;
        if (verb.letter == '%') {
            buf_u8(b, '%');
        } else if (verb.letter == 0) {
            buf_z(b, "%!(NOVERB)");
        } else if (f.next >= f.n) {
            buf_printf(b, "%%!%c(%s)", verb.letter, f.reordered ? "BADINDEX" : "MISSING");
            f.next++;
        } else {
            one(b, &f.v[f.next++], &verb);
            pad(b, from, &verb);
        }
    }
    extra(b, &f);
    if (b->full)
        return rule_vm_fail(vm, "too much memory: more than %d KiB", RULE_MAX_MEMORY >> 10);
    return rule_vm_work(vm, b->len / 16) && rule_vm_text(vm, b->p, b->len, out);
}
