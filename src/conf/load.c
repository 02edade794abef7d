/* Recursion over table and tree side by side; the path of keys hangs together on the stack and is written out on error. */
#include "conf/load.h"
#include "conf/value.h"
#include <stdio.h>
#include <stdlib.h>

struct path {
    const struct path *up;
    struct str key;
    long index; /* >= 0: a list's item */
};

struct loading {
    const struct opt_how *how;
    struct arena *a;
    struct conf_report *r;
    const char *top;
};

static bool load_value(struct loading *l, const struct opt *o, enum opt_type type, const struct yaml *y,
                       void *to, const struct path *path);
static bool load_struct(struct loading *l, const struct opt_table *t, const struct yaml *y, void *conf,
                        bool fresh, const struct path *path);

static void path_add(struct buf *b, const struct path *p)
{
    if (!p)
        return;
    path_add(b, p->up);
    if (p->index >= 0)
        buf_printf(b, "[%ld]", p->index);
    else
        buf_printf(b, "%s%.*s", b->len > 0 ? "." : "", STR_ARG(p->key));
}

static const char *path_text(struct loading *l, const struct path *p)
{
    struct buf b;
    buf_init(&b, 1024);
    buf_z(&b, l->top);
    path_add(&b, p);
    const char *z = arena_z(l->a, buf_str(&b));
    buf_fini(&b);
    return z;
}

#define FAIL(l, pos, path, ...) conf_error((l)->r, pos, path_text(l, path), __VA_ARGS__)

/* ---- rows ---- */

bool opt_row_applies(const struct opt *o, struct str type)
{
    struct str only = str_from(o->only), one;
    if (!o->only)
        return true;
    while (str_split(&only, ',', &one))
        if (str_eq_nocase(str_trim(one), type))
            return true;
    return false;
}

static bool named(const struct opt *o, struct str key)
{
    struct str aka = str_from(o->aka), one;
    if (yaml_key_eq(str_from(o->key), key))
        return true;
    while (o->aka && str_split(&aka, ',', &one))
        if (yaml_key_eq(str_trim(one), key))
            return true;
    return false;
}

const struct opt *opt_row(const struct opt_table *t, struct str key, struct str type)
{
    for (size_t i = 0; i < t->n; i++)
        if (named(&t->rows[i], key) && opt_row_applies(&t->rows[i], type))
            return &t->rows[i];
    return NULL;
}

static const struct opt *type_row(const struct opt_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].key, "type") == 0)
            return &t->rows[i];
    return NULL;
}

struct str opt_type_text(const struct opt_table *t, const void *conf)
{
    const struct opt *o = type_row(t);
    const void *at = o ? (const char *)conf + o->off : NULL;
    if (o && o->type == OPT_STRING)
        return str_from(*(const char *const *)at);
    if (o && o->type == OPT_ENUM)
        for (const struct opt_choice *c = o->choices; c->name; c++)
            if (c->value == *(const int *)at)
                return str_from(c->name);
    return (struct str){"", 0};
}

static struct str type_wanted(const struct opt_table *t, const struct yaml *y)
{
    const struct opt *o = type_row(t);
    const struct yaml *given = o && y ? yaml_get(y, "type") : NULL;
    if (given && given->kind == YAML_SCALAR && !yaml_is_null(given))
        return given->text;
    if (o && o->def)
        return str_from(o->def);
    return o && o->type == OPT_ENUM && o->choices ? str_from(o->choices[0].name) : (struct str){"", 0};
}

static const char *nearest(const struct opt_table *t, struct str key)
{
    const char *best = NULL;
    unsigned limit = key.len < 4 ? 1 : key.len < 9 ? 2 : 3;
    for (size_t i = 0; i < t->n; i++) {
        if (t->rows[i].flags & OPT_OLD)
            continue;
        unsigned d = str_distance(key, str_from(t->rows[i].key), limit);
        if (d <= limit) {
            best = t->rows[i].key;
            limit = d > 0 ? d - 1 : 0;
        }
    }
    return best;
}

/* ---- scalars ---- */

static bool bounded(const struct opt *o)
{
    return o->min != 0 || o->max != 0;
}

static void bound_add(struct buf *b, const struct opt *o, enum opt_type type, uint64_t v)
{
    if (type == OPT_DURATION)
        value_duration_add(b, v);
    else if (type == OPT_SIZE)
        value_size_add(b, v);
    else
        buf_printf(b, "%lld", (long long)v);
    if (o->unit && type != OPT_DURATION && type != OPT_SIZE)
        buf_printf(b, " %s", o->unit);
}

static bool out_of_range(struct loading *l, const struct opt *o, enum opt_type type, const struct yaml *y,
                         const struct path *path)
{
    struct buf b;
    buf_init(&b, 256);
    if (o->max == 0) {
        buf_z(&b, "at least ");
        bound_add(&b, o, type, o->min);
    } else {
        buf_z(&b, "between ");
        bound_add(&b, o, type, o->min);
        buf_z(&b, " and ");
        bound_add(&b, o, type, o->max);
    }
    FAIL(l, y->pos, path, "must be %.*s, not %.*s", STR_ARG(buf_str(&b)), STR_ARG(y->text));
    buf_fini(&b);
    return false;
}

static bool in_range(const struct opt *o, enum opt_type type, const void *v)
{
    if (!bounded(o))
        return true;
    if (type == OPT_INT) {
        int64_t i = *(const int64_t *)v;
        return i >= (int64_t)o->min && i <= (int64_t)o->max;
    }
    if (type == OPT_FLOAT) {
        double d = *(const double *)v;
        return d >= (double)(int64_t)o->min && (o->max == 0 || d <= (double)(int64_t)o->max);
    }
    uint64_t u = *(const uint64_t *)v;
    if (type == OPT_SIZE && u & OPT_PERCENT)
        return true;
    return u >= o->min && (o->max == 0 || u <= o->max);
}

static const char *wanted(const struct opt *o, enum opt_type type)
{
    switch (type) {
    case OPT_BOOL:
        return "true or false";
    case OPT_INT:
        return "a whole number";
    case OPT_UINT:
        return "a whole number, 0 or more";
    case OPT_DURATION:
        return "a duration with its unit, such as 15d, 1h30m or 500ms";
    case OPT_SIZE:
        return o->flags & OPT_ALLOW_PERCENT ? "a size such as 10MiB or 4GB, or a share such as 80%"
                                            : "a size in bytes, such as 65536, 10MiB or 4GB";
    case OPT_FLOAT:
        return "a number";
    case OPT_LIST:
        return "a list";
    case OPT_STRUCT:
    case OPT_MAP:
    case OPT_SUBNETMAP:
        return "a map of keys and values";
    default:
        return "text";
    }
}

static const char *kind_text(const struct yaml *y)
{
    return y->kind == YAML_LIST ? "a list" : y->kind == YAML_MAP ? "a map" : "a single value";
}

static bool load_enum(struct loading *l, const struct opt *o, const struct yaml *y, int *to,
                      const struct path *path)
{
    struct buf b;
    const char *guess = NULL;
    for (const struct opt_choice *c = o->choices; c->name; c++)
        if (yaml_key_eq(str_from(c->name), y->text)) {
            *to = c->value;
            if (c->flags & OPT_LATER && !l->how->lenient && conf_report_once(l->r, c))
                conf_notice(l->r, y->pos, path_text(l, path), "%s is not in use yet", c->name);
            return true;
        }
    buf_init(&b, 800);
    for (const struct opt_choice *c = o->choices; c->name; c++) {
        buf_printf(&b, "%s%s", c == o->choices ? "" : ", ", c->name);
        if (!guess && str_distance(y->text, str_from(c->name), 2) <= 2)
            guess = c->name;
    }
    FAIL(l, y->pos, path, "must be one of %.*s, not \"%.*s\"%s%s%s", STR_ARG(buf_str(&b)), STR_ARG(y->text),
         guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
    buf_fini(&b);
    return false;
}

static bool load_scalar(struct loading *l, const struct opt *o, enum opt_type type, const struct yaml *y,
                        void *to, const struct path *path)
{
    bool ok = true;
    if (y->kind != YAML_SCALAR)
        return FAIL(l, y->pos, path, "wants %s, not %s", wanted(o, type), kind_text(y));
    switch (type) {
    case OPT_BOOL:
        ok = value_bool(y->text, to);
        break;
    case OPT_INT:
        ok = value_int(y->text, to);
        break;
    case OPT_UINT:
        ok = value_uint(y->text, to);
        break;
    case OPT_DURATION:
        ok = value_duration(y->text, to);
        break;
    case OPT_SIZE:
        ok = value_size(y->text, o->flags & OPT_ALLOW_PERCENT, to);
        break;
    case OPT_FLOAT:
        ok = value_float(y->text, to);
        break;
    case OPT_ENUM:
        return load_enum(l, o, y, to, path);
    default:
        if (o->flags & OPT_ADDRESS && memchr(y->text.p, '@', y->text.len))
            return FAIL(l, y->pos, path,
                        "an address has no user and no password in it: give them as username and password");
        *(const char **)to = arena_z(l->a, y->text);
        return true;
    }
    if (!ok)
        return FAIL(l, y->pos, path, "wants %s, not \"%.*s\"", wanted(o, type), STR_ARG(y->text));
    if (type != OPT_BOOL && !in_range(o, type, to))
        return out_of_range(l, o, type, y, path);
    return true;
}

/* ---- containers ---- */

static bool load_item(struct loading *l, const struct opt *o, const struct yaml *y, void *to,
                      const struct path *path)
{
    if (o->item == OPT_STRUCT)
        return load_struct(l, o->sub, y, to, true, path);
    if (o->item == OPT_STRING || o->item == OPT_SECRET)
        *(const char **)to = "";
    return yaml_is_null(y) ? true : load_value(l, o, o->item, y, to, path);
}

/* "80,443" where numbers and the like are wanted; text may have commas of its own. */
static const struct yaml *comma_list(struct loading *l, const struct opt *o, const struct yaml *y)
{
    if (y->kind != YAML_SCALAR || o->item == OPT_STRING || o->item == OPT_SECRET || o->item == OPT_STRUCT ||
        !memchr(y->text.p, ',', y->text.len))
        return y;
    struct str rest = y->text, one;
    struct yaml *list = yaml_list(l->a, y->pos);
    while (str_split(&rest, ',', &one))
        yaml_append(l->a, list, yaml_scalar(l->a, arena_z(l->a, str_trim(one)), y->pos));
    return list;
}

static bool load_list(struct loading *l, const struct opt *o, const struct yaml *y, struct opt_list *to,
                      const struct path *path)
{
    size_t size = opt_size(o->item, o->sub);
    y = comma_list(l, o, y);
    size_t n = y->kind == YAML_LIST ? y->n : 1;
    struct opt_list list = {.n = n, .items = arena_array(l->a, n, size)};
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        struct path at = {.up = path, .index = (long)i};
        const struct yaml *item = y->kind == YAML_LIST ? y->items[i] : y;
        ok &= load_item(l, o, item, (char *)list.items + i * size, y->kind == YAML_LIST ? &at : path);
    }
    *to = list;
    return ok;
}

static bool load_map(struct loading *l, const struct opt *o, const struct yaml *y, struct opt_map *to,
                     const struct path *path)
{
    if (y->kind == YAML_LIST && y->n == 0) /* "[]", as some write it */
        return true;
    if (y->kind != YAML_MAP)
        return FAIL(l, y->pos, path, "wants %s, not %s", wanted(o, OPT_MAP), kind_text(y));
    size_t size = opt_size(o->item, o->sub), before = to->n;
    struct opt_map m = {.keys = arena_array(l->a, before + y->n, sizeof *m.keys),
                        .items = arena_array(l->a, before + y->n, size)};
    bool ok = true;
    if (before > 0) {
        memcpy(m.keys, to->keys, before * sizeof *m.keys);
        memcpy(m.items, to->items, before * size);
    }
    m.n = before;
    for (size_t i = 0; i < y->n; i++) {
        struct path at = {.up = path, .key = y->keys[i], .index = -1};
        size_t slot = 0;
        while (slot < before && !str_eq(str_from(m.keys[slot]), y->keys[i]))
            slot++;
        if (slot == before)
            slot = m.n++;
        m.keys[slot] = arena_z(l->a, y->keys[i]);
        memset((char *)m.items + slot * size, 0, size);
        ok &= load_item(l, o, y->items[i], (char *)m.items + slot * size, &at);
    }
    *to = m;
    return ok;
}

struct subnet {
    struct prefix prefix;
    void *item;
    struct conf_pos pos;
};

/* Longest first; equal lengths by address, so that what is shown does not depend on the order in the file. */
static int subnet_order(const void *a, const void *b)
{
    const struct subnet *x = a, *y = b;
    if (x->prefix.len != y->prefix.len)
        return x->prefix.len > y->prefix.len ? -1 : 1;
    return memcmp(x->prefix.ip.b, y->prefix.ip.b, 16);
}

/* Also one that is wrong: no key of a section has these in it. */
static bool is_like_a_prefix(struct str key)
{
    return memchr(key.p, '.', key.len) || memchr(key.p, ':', key.len) || memchr(key.p, '/', key.len);
}

static bool keyed_by_prefix(const struct opt *o, const struct yaml *y)
{
    if (y->kind != YAML_MAP)
        return false;
    if (o->item != OPT_STRUCT && o->item != OPT_MAP)
        return true;
    for (size_t i = 0; i < y->n; i++)
        if (is_like_a_prefix(y->keys[i]))
            return true;
    return y->n == 0;
}

static bool subnets_store(struct loading *l, const struct opt *o, struct subnet *rows, size_t n,
                          struct opt_subnetmap *to, const struct path *path)
{
    size_t size = opt_size(o->item, o->sub);
    bool ok = true;
    qsort(rows, n, sizeof *rows, subnet_order);
    *to = (struct opt_subnetmap){
        .n = n, .prefixes = arena_array(l->a, n, sizeof *to->prefixes), .items = arena_array(l->a, n, size)};
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && subnet_order(&rows[i - 1], &rows[i]) == 0) {
            char text[IP_TEXT_MAX];
            ok = FAIL(l, rows[i].pos, path, "%s is here twice", prefix_format(rows[i].prefix, text));
        }
        to->prefixes[i] = rows[i].prefix;
        memcpy((char *)to->items + i * size, rows[i].item, size);
    }
    return ok;
}

static bool load_subnets(struct loading *l, const struct opt *o, const struct yaml *y,
                         struct opt_subnetmap *to, const struct path *path)
{
    size_t size = opt_size(o->item, o->sub);
    if (!keyed_by_prefix(o, y)) {
        struct subnet *one = ARENA_NEW(l->a, struct subnet);
        *one = (struct subnet){.item = arena_alloc(l->a, size), .pos = y->pos};
        return load_item(l, o, y, one->item, path) && subnets_store(l, o, one, 1, to, path);
    }
    struct subnet *rows = arena_array(l->a, to->n + y->n + 1, sizeof *rows);
    size_t n = 0;
    bool ok = true;
    for (size_t i = 0; i < y->n; i++) {
        struct path at = {.up = path, .key = y->keys[i], .index = -1};
        struct subnet *s = &rows[n];
        if (!prefix_parse(y->keys[i], &s->prefix)) {
            ok = FAIL(l, y->key_pos[i], path, "\"%.*s\" is no address or prefix", STR_ARG(y->keys[i]));
            continue;
        }
        s->item = arena_alloc(l->a, size);
        s->pos = y->key_pos[i];
        ok &= load_item(l, o, y->items[i], s->item, &at);
        n++;
    }
    size_t own = n;
    for (size_t i = 0; i < to->n; i++) { /* defaults that were not replaced */
        bool replaced = false;
        for (size_t j = 0; j < own && !replaced; j++)
            replaced =
                rows[j].prefix.len == to->prefixes[i].len && ip_eq(rows[j].prefix.ip, to->prefixes[i].ip);
        if (!replaced)
            rows[n++] = (struct subnet){to->prefixes[i], (char *)to->items + i * size, y->pos};
    }
    return subnets_store(l, o, rows, n, to, path) && ok;
}

static bool load_value(struct loading *l, const struct opt *o, enum opt_type type, const struct yaml *y,
                       void *to, const struct path *path)
{
    switch (type) {
    case OPT_STRUCT:
        return load_struct(l, o->sub, y, to, false, path);
    case OPT_LIST:
        return load_list(l, o, y, to, path);
    case OPT_MAP:
        return load_map(l, o, y, to, path);
    case OPT_SUBNETMAP:
        return load_subnets(l, o, y, to, path);
    default:
        return load_scalar(l, o, type, y, to, path);
    }
}

/* ---- structs ---- */

static void default_row(struct loading *l, const struct opt *o, void *conf)
{
    void *to = (char *)conf + o->off;
    if (o->type == OPT_STRING || o->type == OPT_SECRET)
        *(const char **)to = "";
    if (o->type == OPT_STRUCT)
        load_struct(l, o->sub, NULL, to, true, NULL);
    if (!o->def)
        return;
    struct conf_report own;
    conf_report_init(&own);
    struct opt_how how = {.arena = l->a, .report = &own};
    struct loading sub = {.how = &how, .a = l->a, .r = &own, .top = o->key};
    bool container = o->type >= OPT_STRUCT;
    struct yaml *y = container ? yaml_snippet(str_from(o->def), "default", l->a, &own)
                               : yaml_scalar(l->a, o->def, (struct conf_pos){.file = "default"});
    if (!y || !load_value(&sub, o, o->type, y, to, NULL)) {
        fprintf(stderr, "default of option \"%s\" is wrong: %.*s", o->key, STR_ARG(buf_str(&own.errors)));
        abort();
    }
    conf_report_fini(&own);
}

/* Rows of other types first: they may share memory with those that apply. */
static void default_struct(struct loading *l, const struct opt_table *t, struct str type, void *conf)
{
    memset(conf, 0, t->size);
    for (int applies = 0; applies <= 1; applies++)
        for (size_t i = 0; i < t->n; i++)
            if (opt_row_applies(&t->rows[i], type) == (bool)applies && !(t->rows[i].flags & OPT_OLD))
                default_row(l, &t->rows[i], conf);
}

static bool unknown_key(struct loading *l, const struct opt_table *t, const struct yaml *y, size_t i,
                        const struct path *path)
{
    struct path at = {.up = path, .key = y->keys[i], .index = -1};
    for (size_t k = 0; k < t->n; k++)
        if (named(&t->rows[k], y->keys[i]))
            return FAIL(l, y->key_pos[i], &at, "this key is only for type %s", t->rows[k].only);
    if (l->how->lenient) {
        conf_notice(l->r, y->key_pos[i], path_text(l, &at), "unknown key; it is left out");
        return true;
    }
    const char *near = nearest(t, y->keys[i]);
    if (near)
        return FAIL(l, y->key_pos[i], &at, "unknown key; did you mean \"%s\"?", near);
    return FAIL(l, y->key_pos[i], &at, "unknown key");
}

static void row_notices(struct loading *l, const struct opt *o, const struct yaml *y, size_t i,
                        const struct path *at)
{
    struct conf_pos pos = y->key_pos[i];
    if (l->how->lenient) /* said where the file was read */
        return;
    bool given = !yaml_is_null(y->items[i]) && !(y->items[i]->kind != YAML_SCALAR && y->items[i]->n == 0);
    if (o->flags & OPT_OLD && conf_report_once(l->r, o))
        conf_notice(l->r, pos, path_text(l, at), "old key, without effect%s%s", o->help ? ": " : "",
                    o->help ? o->help : "");
    else if (o->flags & OPT_LATER && given && conf_report_once(l->r, o))
        conf_notice(l->r, pos, path_text(l, at), "not in use yet");
    const struct path old = {.up = at->up, .key = y->keys[i], .index = -1};
    if (!yaml_key_eq(str_from(o->key), y->keys[i]) && conf_report_once(l->r, o))
        conf_notice(l->r, pos, path_text(l, &old), "old name of \"%s\"", o->key);
}

static bool load_keys(struct loading *l, const struct opt_table *t, const struct yaml *y, struct str type,
                      void *conf, struct conf_pos *seen, const struct path *path)
{
    bool ok = true;
    for (size_t i = 0; y && i < y->n; i++) {
        const struct opt *o = opt_row(t, y->keys[i], type);
        if (!o) {
            ok &= unknown_key(l, t, y, i, path);
            continue;
        }
        struct path at = {.up = path, .key = str_from(o->key), .index = -1};
        struct conf_pos *first = &seen[o - t->rows];
        if (first->file) {
            ok = FAIL(l, y->key_pos[i], &at, "this key is here twice; the first is on line %u", first->line);
            continue;
        }
        *first = y->key_pos[i];
        row_notices(l, o, y, i, &at);
        if (!(o->flags & OPT_OLD) && !yaml_is_null(y->items[i]))
            ok &= load_value(l, o, o->type, y->items[i], (char *)conf + o->off, &at);
    }
    return ok;
}

static bool check_struct(struct loading *l, const struct opt_table *t, const void *conf, struct conf_pos pos,
                         const struct conf_pos *seen, const struct path *path)
{
    struct err e = {""};
    const char *bad = NULL;
    bool ok = true;
    for (size_t j = 0, first = 0; j < 2 && t->joined[j]; first = t->joined[j++]->n)
        ok &= check_struct(l, t->joined[j], (const char *)conf + (j ? t->joined_off : 0), pos, seen + first,
                           path);
    if (!t->check || t->check(conf, &bad, &e))
        return ok;
    for (size_t i = 0; bad && i < t->n; i++)
        if (strcmp(t->rows[i].key, bad) == 0 && seen[i].file)
            pos = seen[i];
    struct path at = {.up = path, .key = str_from(bad), .index = -1};
    return FAIL(l, pos, bad ? &at : path, "%s", e.msg);
}

static bool load_struct(struct loading *l, const struct opt_table *t, const struct yaml *y, void *conf,
                        bool fresh, const struct path *path)
{
    struct err e = {""};
    struct str type = type_wanted(t, y);
    struct conf_pos pos = y ? y->pos : (struct conf_pos){.file = "default"};
    if (fresh || type_row(t))
        default_struct(l, t, type, conf);
    if (!y || yaml_is_null(y))
        return true;
    if (y->kind == YAML_SCALAR && t->from_scalar)
        return t->from_scalar(conf, y->text, l->a, &e) || FAIL(l, pos, path, "%s", e.msg);
    if (y->kind != YAML_MAP)
        return FAIL(l, pos, path, "wants %s, not %s", wanted(NULL, OPT_STRUCT), kind_text(y));
    struct conf_pos *seen = xcalloc(t->n + 1, sizeof *seen);
    bool ok = load_keys(l, t, y, type, conf, seen, path);
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].flags & OPT_REQUIRED && !seen[i].file && opt_row_applies(&t->rows[i], type)) {
            struct path at = {.up = path, .key = str_from(t->rows[i].key), .index = -1};
            ok = FAIL(l, pos, &at, "this key is required");
        }
    ok = ok && check_struct(l, t, conf, pos, seen, path);
    free(seen);
    return ok;
}

bool opt_load(const struct opt_table *t, const struct yaml *y, void *conf, const char *path,
              const struct opt_how *how)
{
    struct loading l = {.how = how, .a = how->arena, .r = how->report, .top = path};
    unsigned before = how->report->n_errors;
    return load_struct(&l, t, y, conf, true, NULL) && how->report->n_errors == before;
}

void opt_defaults(const struct opt_table *t, void *conf, struct arena *a)
{
    struct conf_report own;
    conf_report_init(&own);
    struct opt_how how = {.arena = a, .report = &own};
    opt_load(t, NULL, conf, "", &how);
    conf_report_fini(&own);
}
