/* Walks table and struct together; a value is written so that load.c reads the same one. */
#include "conf/show.h"
#include "conf/load.h"
#include "conf/value.h"
#include "net/url.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool value_eq(const struct opt *o, enum opt_type type, const void *a, const void *b);
static void show_struct(const struct opt_table *t, const void *conf, unsigned flags, unsigned indent,
                        struct buf *out);

/* ---- scalars ---- */

static bool plain(const char *z)
{
    size_t len = strlen(z);
    if (len == 0 || !(isalnum((unsigned char)*z) || *z == '/' || *z == '_') || z[len - 1] == ':' ||
        strcasecmp(z, "null") == 0)
        return false;
    for (const char *c = z; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_./:@%+-", *c))
            return false;
    return true;
}

static void show_text(const char *z, struct buf *out)
{
    if (plain(z)) {
        buf_z(out, z);
        return;
    }
    buf_u8(out, '"');
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_z(out, "\\n");
        else if (c < ' ' || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_u8(out, c);
    }
    buf_u8(out, '"');
}

static void show_float(double d, struct buf *out)
{
    char z[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(z, sizeof z, "%.*g", digits, d);
        if (strtod(z, NULL) == d)
            break;
    }
    buf_z(out, z);
}

static const char *choice_name(const struct opt *o, int v)
{
    for (const struct opt_choice *c = o->choices; c->name; c++)
        if (c->value == v)
            return c->name;
    return "";
}

static void show_url(const char *url, struct buf *out)
{
    struct str user = url_user(url);
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%.*s%s%s", (int)(user.p - url), url, user.len ? "***@" : "", user.p + user.len);
    buf_u8(&text, 0);
    show_text((const char *)text.p, out);
    buf_fini(&text);
}

static void show_scalar(const struct opt *o, enum opt_type type, const void *v, unsigned flags,
                        struct buf *out)
{
    switch (type) {
    case OPT_BOOL:
        buf_z(out, *(const bool *)v ? "true" : "false");
        break;
    case OPT_INT:
        buf_printf(out, "%lld", *(const long long *)v);
        break;
    case OPT_UINT:
        buf_printf(out, "%llu", *(const unsigned long long *)v);
        break;
    case OPT_DURATION:
        value_duration_add(out, *(const uint64_t *)v);
        break;
    case OPT_SIZE:
        value_size_add(out, *(const uint64_t *)v);
        break;
    case OPT_FLOAT:
        show_float(*(const double *)v, out);
        break;
    case OPT_ENUM:
        show_text(choice_name(o, *(const int *)v), out);
        break;
    case OPT_SECRET:
        if (!(flags & SHOW_SECRETS) && **(const char *const *)v) {
            buf_z(out, "\"***\"");
            break;
        } /* fall through */
    default:
        if (o->flags & OPT_URL && !(flags & SHOW_SECRETS))
            show_url(*(const char *const *)v, out);
        else
            show_text(*(const char *const *)v, out);
    }
}

/* ---- containers ---- */

static void spaces(struct buf *out, unsigned n)
{
    buf_printf(out, "%*s", (int)n, "");
}

/* " value\n", or "\n" and the lines of a struct. */
static void show_item(const struct opt *o, const void *item, unsigned flags, unsigned indent, struct buf *out)
{
    if (o->item == OPT_STRUCT) {
        size_t before = out->len;
        buf_u8(out, '\n');
        show_struct(o->sub, item, flags, indent, out);
        if (out->len == before + 1) {
            out->len = before;
            buf_z(out, " {}\n");
        }
    } else {
        buf_u8(out, ' ');
        show_scalar(o, o->item, item, flags, out);
        buf_u8(out, '\n');
    }
}

static void show_list(const struct opt *o, const struct opt_list *list, unsigned flags, unsigned indent,
                      struct buf *out)
{
    size_t size = opt_size(o->item, o->sub);
    if (list->n == 0)
        buf_z(out, " []");
    buf_u8(out, '\n');
    for (size_t i = 0; i < list->n; i++) {
        const void *item = (const char *)list->items + i * size;
        size_t before = out->len;
        if (o->item != OPT_STRUCT) {
            spaces(out, indent);
            buf_u8(out, '-');
            show_item(o, item, flags, indent, out);
            continue;
        }
        show_struct(o->sub, item, flags & ~(unsigned)SHOW_CHANGED, indent + 2, out);
        if (out->len > before) {
            out->p[before + indent] = '-'; /* the first key stands behind the dash */
        } else {
            spaces(out, indent);
            buf_z(out, "- {}\n");
        }
    }
}

static void show_map(const struct opt *o, const struct opt_map *m, unsigned flags, unsigned indent,
                     struct buf *out)
{
    if (m->n == 0)
        buf_z(out, " {}");
    buf_u8(out, '\n');
    for (size_t i = 0; i < m->n; i++) {
        spaces(out, indent);
        show_text(m->keys[i], out);
        buf_u8(out, ':');
        show_item(o, (const char *)m->items + i * opt_size(o->item, o->sub), flags | SHOW_CHANGED, indent + 2,
                  out);
    }
}

static void show_subnets(const struct opt *o, const struct opt_subnetmap *m, unsigned flags, unsigned indent,
                         struct buf *out)
{
    char text[IP_TEXT_MAX];
    if (m->n == 0)
        buf_z(out, " {}");
    buf_u8(out, '\n');
    for (size_t i = 0; i < m->n; i++) {
        spaces(out, indent);
        buf_printf(out, "\"%s\":", prefix_format(m->prefixes[i], text));
        show_item(o, (const char *)m->items + i * opt_size(o->item, o->sub), flags | SHOW_CHANGED, indent + 2,
                  out);
    }
}

static void show_row(const struct opt *o, const void *v, unsigned flags, unsigned indent, struct buf *out)
{
    size_t before = out->len;
    spaces(out, indent);
    buf_printf(out, "%s:", o->key);
    size_t after = out->len;
    switch (o->type) {
    case OPT_STRUCT:
        buf_u8(out, '\n');
        show_struct(o->sub, v, flags, indent + 2, out);
        if (out->len == after + 1) /* nothing in it that differs */
            out->len = before;
        break;
    case OPT_LIST:
        show_list(o, v, flags, indent + 2, out);
        break;
    case OPT_MAP:
        show_map(o, v, flags, indent + 2, out);
        break;
    case OPT_SUBNETMAP:
        show_subnets(o, v, flags, indent + 2, out);
        break;
    default:
        buf_u8(out, ' ');
        show_scalar(o, o->type, v, flags, out);
        buf_u8(out, '\n');
    }
}

static void show_struct(const struct opt_table *t, const void *conf, unsigned flags, unsigned indent,
                        struct buf *out)
{
    struct str type = opt_type_text(t, conf);
    struct arena a;
    void *defaults = NULL;
    if (flags & SHOW_CHANGED && type.len == 0) { /* with types, what is default depends */
        arena_init(&a);
        defaults = arena_alloc(&a, t->size);
        opt_defaults(t, defaults, &a);
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct opt *o = &t->rows[i];
        if (o->flags & OPT_OLD || !opt_row_applies(o, type))
            continue;
        const void *v = (const char *)conf + o->off;
        if (!defaults || !value_eq(o, o->type, v, (const char *)defaults + o->off))
            show_row(o, v, flags, indent, out);
    }
    if (defaults)
        arena_fini(&a);
}

void opt_show(const struct opt_table *t, const void *conf, unsigned flags, struct buf *out)
{
    size_t before = out->len;
    show_struct(t, conf, flags, 0, out);
    if (out->len == before)
        buf_z(out, "{}\n");
}

/* ---- comparing ---- */

static bool struct_eq(const struct opt_table *t, const void *a, const void *b)
{
    struct str type = opt_type_text(t, a);
    if (!str_eq(type, opt_type_text(t, b)))
        return false;
    for (size_t i = 0; i < t->n; i++) {
        const struct opt *o = &t->rows[i];
        if (!(o->flags & OPT_OLD) && opt_row_applies(o, type) &&
            !value_eq(o, o->type, (const char *)a + o->off, (const char *)b + o->off))
            return false;
    }
    return true;
}

static bool items_eq(const struct opt *o, const void *a, const void *b, size_t n)
{
    size_t size = opt_size(o->item, o->sub);
    for (size_t i = 0; i < n; i++)
        if (!value_eq(o, o->item, (const char *)a + i * size, (const char *)b + i * size))
            return false;
    return true;
}

static bool map_eq(const struct opt *o, const struct opt_map *a, const struct opt_map *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->keys[i], b->keys[i]) != 0)
            return false;
    return items_eq(o, a->items, b->items, a->n);
}

static bool subnets_eq(const struct opt *o, const struct opt_subnetmap *a, const struct opt_subnetmap *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->prefixes[i].len != b->prefixes[i].len || !ip_eq(a->prefixes[i].ip, b->prefixes[i].ip))
            return false;
    return items_eq(o, a->items, b->items, a->n);
}

static bool value_eq(const struct opt *o, enum opt_type type, const void *a, const void *b)
{
    switch (type) {
    case OPT_STRING:
    case OPT_SECRET:
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    case OPT_STRUCT:
        return struct_eq(o->sub, a, b);
    case OPT_LIST: {
        const struct opt_list *x = a, *y = b;
        return x->n == y->n && items_eq(o, x->items, y->items, x->n);
    }
    case OPT_MAP:
        return map_eq(o, a, b);
    case OPT_SUBNETMAP:
        return subnets_eq(o, a, b);
    default:
        return memcmp(a, b, opt_size(type, NULL)) == 0;
    }
}

void opt_change_init(struct opt_change *c)
{
    *c = (struct opt_change){0};
    buf_init(&c->restart, 0);
}

void opt_change_fini(struct opt_change *c)
{
    buf_fini(&c->restart);
}

void opt_diff(const struct opt_table *t, const void *a, const void *b, const char *path, struct opt_change *c)
{
    struct str type = opt_type_text(t, b);
    for (size_t i = 0; i < t->n; i++) {
        const struct opt *o = &t->rows[i];
        const void *x = (const char *)a + o->off, *y = (const char *)b + o->off;
        if (o->flags & (OPT_OLD | OPT_LATER) || !opt_row_applies(o, type) || value_eq(o, o->type, x, y))
            continue;
        if (o->flags & OPT_RELOAD) {
            c->n_live++;
            continue;
        }
        struct buf full;
        buf_init(&full, 0);
        buf_printf(&full, "%s%s%s", path, *path ? "." : "", o->key);
        buf_u8(&full, 0);
        if (o->type == OPT_STRUCT)
            opt_diff(o->sub, x, y, (const char *)full.p, c);
        else if (++c->n_restart)
            buf_printf(&c->restart, "%s%s", c->restart.len ? ", " : "", (const char *)full.p);
        buf_fini(&full);
    }
}
