/* Names come from whoever registered them: what is the law's of a name is not what people call the network. */
#include "orch/asns.h"
#include "base/embed.h"
#include <ctype.h>
#include <stdlib.h>

extern const struct embed asns_files[]; /* the folder data, of it what ends in .csv */
extern const size_t asns_files_n;

static const struct known {
    uint32_t number;
    const char *name;
} known[] = {
#define ASN(number, name) {number, name},
#include "orch/data/asns.def"
#undef ASN
};

/* ---- the table */

void asns_init(struct asns *t)
{
    *t = (struct asns){.mask = 4095};
    arena_init(&t->text);
    t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
}

void asns_fini(struct asns *t)
{
    arena_fini(&t->text);
    free(t->rows);
    free(t->slots);
    *t = (struct asns){0};
}

static uint32_t *slot_of(const struct asns *t, uint32_t number)
{
    uint32_t i = number * 0x9e3779b1u;
    i = (i ^ i >> 15) & t->mask;
    while (t->slots[i] && t->rows[t->slots[i] - 1].number != number)
        i = (i + 1) & t->mask;
    return &t->slots[i];
}

static void widen(struct asns *t)
{
    free(t->slots);
    t->mask = t->mask * 2 + 1;
    t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++)
        *slot_of(t, t->rows[i].number) = i + 1;
}

bool asns_add(struct asns *t, uint32_t number, struct str name)
{
    uint32_t *slot = slot_of(t, number);
    if (*slot || name.len == 0 || t->n == ASNS_MOST)
        return false;
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 4096;
        t->rows = xrealloc(t->rows, t->room * sizeof *t->rows);
    }
    t->rows[t->n] = (struct asns_row){number, arena_str(&t->text, name)};
    *slot = ++t->n;
    if (t->n > t->mask / 2)
        widen(t);
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct asns_row *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

void asns_write(struct asns *t, bool header, struct buf *out)
{
    if (header)
        buf_z(out, "asn,name\n");
    qsort(t->rows, t->n, sizeof *t->rows, by_number);
    memset(t->slots, 0, ((size_t)t->mask + 1) * sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++)
        *slot_of(t, t->rows[i].number) = i + 1;
    for (uint32_t i = 0; i < t->n; i++) {
        struct str name = t->rows[i].name;
        buf_printf(out, "%u,\"", t->rows[i].number);
        for (size_t k = 0; k < name.len; k++) {
            if (name.p[k] == '"')
                buf_u8(out, '"');
            buf_u8(out, (uint8_t)name.p[k]);
        }
        buf_z(out, "\"\n");
    }
}

/* ---- reading */

/* The next field of a row, unquoted into `to`; false when the row has ended. */
static bool next_field(struct str *s, struct buf *to, bool *last)
{
    bool quoted = s->len && s->p[0] == '"';
    size_t i = quoted;
    buf_reset(to);
    for (; i < s->len; i++) {
        char c = s->p[i];
        if (quoted && c == '"') {
            if (i + 1 < s->len && s->p[i + 1] == '"')
                i++;
            else {
                i++;
                break;
            }
        } else if (!quoted && (c == ',' || c == '\n'))
            break;
        buf_u8(to, (uint8_t)c);
    }
    while (i < s->len && s->p[i] == '\r')
        i++;
    if (!quoted && to->len && to->p[to->len - 1] == '\r')
        to->len--;
    *last = i >= s->len || s->p[i] == '\n';
    bool ok = *last || s->p[i] == ',';
    i += i < s->len;
    *s = (struct str){s->p + i, s->len - i};
    return ok;
}

struct row_reader {
    struct buf field;
    struct str f[4]; /* in `line` */
    char line[1024];
    unsigned n;
};

static bool next_row(struct str *s, struct row_reader *r)
{
    size_t used = 0;
    bool last = false;
    for (r->n = 0; !last; r->n++) {
        if (r->n == 4 || !next_field(s, &r->field, &last) || used + r->field.len > sizeof r->line)
            return false;
        r->f[r->n] = (struct str){r->line + used, r->field.len};
        if (r->field.len)
            memcpy(r->line + used, r->field.p, r->field.len);
        used += r->field.len;
    }
    return true;
}

static bool take_row(struct asns *t, struct row_reader *r, bool clean)
{
    uint64_t number;
    if (r->n == 1 && r->f[0].len == 0)
        return true; /* an empty line */
    if ((r->n != 2 && r->n != 4) || !str_u64(r->f[r->n - 2], &number) || number > UINT32_MAX)
        return false;
    struct str name = r->f[r->n - 1];
    if (str_utf8(name) != name.len || memchr(name.p, 0, name.len))
        return false;
    if (clean)
        name.len = asns_clean(r->line + (name.p - r->line), name.len);
    if (name.len > ASNS_NAME_MOST) {
        name.len = ASNS_NAME_MOST;
        name.len = str_utf8(name);
    }
    asns_add(t, (uint32_t)number, name);
    return true;
}

bool asns_read(struct asns *t, struct str csv, bool clean, struct err *e)
{
    struct row_reader r;
    bool ok = true;
    buf_init(&r.field, sizeof r.line);
    for (size_t n = 1; csv.len && ok; n++)
        if (!(ok = next_row(&csv, &r) && (take_row(t, &r, clean) || (n == 1 && r.n >= 2))))
            err_set(e, "row %zu has no AS number and name", n);
    buf_fini(&r.field);
    return ok;
}

void asns_add_built_in(struct asns *t)
{
    struct err e;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        asns_add(t, known[i].number, str_from(known[i].name));
    const struct embed *file = embed_find(asns_files, asns_files_n, "asns.csv");
    if (file)
        asns_read(t, file->data, false, &e);
}

/* ---- cleaning */

static const char *const tails[] = {
#define TAIL(form) form,
#define HEAD(form)
#include "orch/data/legal_forms.def"
#undef TAIL
#undef HEAD
};
static const char *const heads[] = {
#define TAIL(form)
#define HEAD(form) form,
#include "orch/data/legal_forms.def"
#undef TAIL
#undef HEAD
};

static bool is_form(struct str s, const char *const *forms, size_t n)
{
    char plain[32];
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '.' || s.p[i] == ',' || s.p[i] == '(' || s.p[i] == ')')
            continue;
        if (len == sizeof plain)
            return false;
        plain[len++] = (char)tolower((unsigned char)s.p[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (str_eq((struct str){plain, len}, str_from(forms[i])))
            return true;
    return false;
}

static bool is_edge(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == '-' || c == '&' || c == '(';
}

/* At least two letters or digits; each byte of a letter beyond ASCII counts. */
static bool enough(struct str s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += isalnum((unsigned char)s.p[i]) || (s.p[i] & 0x80);
    return n >= 2;
}

static size_t collapse(char *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"' || ((unsigned char)p[i] <= ' ' && (n == 0 || p[n - 1] == ' ')))
            continue;
        p[n++] = (unsigned char)p[i] <= ' ' ? ' ' : p[i];
    }
    while (n && is_edge(p[n - 1]))
        n--;
    return n;
}

/* Without the last one to four words if they are a legal form. */
static struct str without_tail(struct str s)
{
    size_t at = s.len;
    struct str best = s;
    for (int words = 0; words < 4 && at > 0; words++) {
        while (at > 0 && s.p[at - 1] != ' ' && s.p[at - 1] != ',')
            at--;
        struct str rest = {s.p, at};
        if (at > 0 && is_form((struct str){s.p + at, s.len - at}, tails, sizeof tails / sizeof *tails)) {
            while (rest.len && is_edge(rest.p[rest.len - 1]))
                rest.len--;
            best = enough(rest) ? rest : best;
        }
        while (at > 0 && (s.p[at - 1] == ' ' || s.p[at - 1] == ','))
            at--;
    }
    return best;
}

static struct str without_head(struct str s)
{
    struct str rest = s, word;
    if (!memchr(s.p, ' ', s.len) || !str_split(&rest, ' ', &word) ||
        !is_form(word, heads, sizeof heads / sizeof *heads))
        return s;
    return enough(rest) ? rest : s;
}

/* "AS273695 - Foo" */
static struct str without_number(struct str s)
{
    size_t i = 2;
    if (s.len < 4 || strncasecmp(s.p, "AS", 2) != 0 || !isdigit((unsigned char)s.p[2]))
        return s;
    while (i < s.len && isdigit((unsigned char)s.p[i]))
        i++;
    size_t digits = i;
    while (i < s.len && (s.p[i] == ' ' || s.p[i] == '-' || s.p[i] == ':'))
        i++;
    struct str rest = {s.p + i, s.len - i};
    return i > digits && enough(rest) ? rest : s;
}

static void lower_capitals(char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (islower((unsigned char)p[i]) || (p[i] & 0x80))
            return;
    if (!memchr(p, ' ', len))
        return;
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        while (at + n < len && p[at + n] != ' ')
            n++;
        for (size_t i = 1; n > 3 && i < n; i++)
            p[at + i] = (char)tolower((unsigned char)p[at + i]);
        at += n + 1;
    }
}

size_t asns_clean(char *name, size_t len)
{
    struct str s = {name, collapse(name, len)}, before;
    s = without_number(s);
    do {
        before = s;
        s = without_head(without_tail(s));
    } while (s.len != before.len);
    memmove(name, s.p, s.len);
    lower_capitals(name, s.len);
    return s.len;
}
