/* One walk per variable, down table and tree together, making what is missing on the way. */
#include "conf/env.h"
#include <ctype.h>
#include <stdlib.h>

struct setting {
    struct arena *a;
    struct conf_report *r;
    struct conf_pos pos;
    struct str parts; /* what is left of the name */
    struct str value;
};

static bool into_struct(struct setting *s, const struct opt_table *t, struct yaml **slot);

static struct str lower(struct arena *a, struct str s)
{
    char *z = arena_z(a, s);
    for (size_t i = 0; i < s.len; i++)
        z[i] = (char)tolower((unsigned char)z[i]);
    return (struct str){z, s.len};
}

static struct yaml *as_map(struct setting *s, struct yaml **slot)
{
    if (!*slot || (*slot)->kind != YAML_MAP)
        *slot = yaml_map(s->a, s->pos);
    return yaml_own(s->a, slot);
}

/* The slot of a key in a map, made when absent. */
static struct yaml **key_slot(struct setting *s, struct yaml **slot, struct str key)
{
    struct yaml *map = as_map(s, slot);
    if (yaml_index(map, key) < 0)
        yaml_set(s->a, map, lower(s->a, key), yaml_scalar(s->a, "", s->pos), s->pos);
    return &map->items[yaml_index(map, key)];
}

static bool whole_value(struct setting *s, bool list, struct yaml **slot)
{
    struct str v = str_trim(s->value), one;
    if (v.len > 0 && (*v.p == '[' || *v.p == '{')) {
        struct yaml *y = yaml_snippet(v, s->pos.file, s->a, s->r);
        if (!y)
            return false;
        *slot = y;
        return true;
    }
    if (!list) {
        *slot = yaml_scalar(s->a, arena_z(s->a, s->value), s->pos);
        (*slot)->quoted = s->value.len == 0;
        return true;
    }
    *slot = yaml_list(s->a, s->pos);
    while (str_split(&v, ',', &one))
        yaml_append(s->a, *slot, yaml_scalar(s->a, arena_z(s->a, str_trim(one)), s->pos));
    return true;
}

/* A value that is one item of a container, or the container of no more parts. */
static bool into_item(struct setting *s, const struct opt *o, struct yaml **slot)
{
    if (s->parts.len == 0)
        return whole_value(s, false, slot);
    if (o->item == OPT_STRUCT)
        return into_struct(s, o->sub, slot);
    return conf_error(s->r, s->pos, NULL, "\"%.*s\" leads nowhere: there is a plain value before it",
                      STR_ARG(s->parts));
}

static bool into_list(struct setting *s, const struct opt *o, struct yaml **slot)
{
    struct str rest = s->parts, part;
    uint64_t index = 0;
    str_split(&rest, '_', &part);
    if (str_u64(part, &index))
        s->parts = rest;
    else if (o->item != OPT_STRUCT)
        return conf_error(s->r, s->pos, NULL, "\"%.*s\" should be the number of a list's item",
                          STR_ARG(part));
    if (!*slot || yaml_is_null(*slot)) {
        *slot = yaml_list(s->a, s->pos);
    } else if ((*slot)->kind != YAML_LIST) { /* a single value stands for a list of one */
        struct yaml *only = *slot;
        *slot = yaml_list(s->a, only->pos);
        yaml_append(s->a, *slot, only);
    }
    struct yaml *list = yaml_own(s->a, slot);
    if (index > list->n)
        return conf_error(s->r, s->pos, NULL,
                          "there are only %zu items in this list, so there is no number %llu", list->n,
                          (unsigned long long)index);
    if (index == list->n)
        yaml_append(s->a, list, yaml_scalar(s->a, "", s->pos));
    return into_item(s, o, &list->items[index]);
}

static bool into_row(struct setting *s, const struct opt *o, struct yaml **slot)
{
    struct str part;
    if (s->parts.len == 0)
        return whole_value(s, o->type == OPT_LIST && o->item != OPT_STRUCT, slot);
    switch (o->type) {
    case OPT_STRUCT:
        return into_struct(s, o->sub, slot);
    case OPT_LIST:
        return into_list(s, o, slot);
    case OPT_MAP:
        str_split(&s->parts, '_', &part);
        return into_item(s, o, key_slot(s, slot, part));
    case OPT_SUBNETMAP:
        return into_item(s, o, slot);
    default:
        return conf_error(s->r, s->pos, NULL, "\"%.*s\" leads nowhere: \"%s\" is a plain value",
                          STR_ARG(s->parts), o->key);
    }
}

static bool into_struct(struct setting *s, const struct opt_table *t, struct yaml **slot)
{
    struct str part;
    str_split(&s->parts, '_', &part);
    const struct yaml *type = *slot ? yaml_get(*slot, "type") : NULL;
    const struct opt *o =
        opt_row(t, part, type && type->kind == YAML_SCALAR ? type->text : (struct str){"", 0});
    for (size_t i = 0; !o && i < t->n; i++)
        if (yaml_key_eq(str_from(t->rows[i].key), part))
            o = &t->rows[i];
    if (!o) { /* the loader will say that it does not know this key */
        struct yaml **unknown = key_slot(s, slot, part);
        return whole_value(s, false, unknown);
    }
    struct yaml *map = as_map(s, slot);
    if (yaml_index(map, part) < 0 && yaml_index(map, str_from(o->key)) < 0)
        yaml_set(s->a, map, str_from(o->key), yaml_scalar(s->a, "", s->pos), s->pos);
    long i = yaml_index(map, part);
    if (i < 0)
        i = yaml_index(map, str_from(o->key));
    map->key_pos[i] = s->pos;
    return into_row(s, o, &map->items[i]);
}

static bool apply_one(const struct opt_table *t, struct yaml **root, const char *section, const char *var,
                      struct str name, struct arena *a, struct conf_report *r)
{
    const char *eq = strchr(var, '=');
    struct str rest = name, first;
    struct setting s = {.a = a, .r = r, .parts = name, .value = str_from(eq + 1)};
    s.pos.file = arena_printf(a, "environment variable %.*s", (int)(eq - var), var);
    str_split(&rest, '_', &first);
    if (section && !yaml_key_eq(first, str_from(section)))
        return true;
    if (section || yaml_key_eq(first, STR("orchestrator")))
        s.parts = rest;
    /* "INLET_1_...": which of several inlets it is for was seen to by the orchestrator */
    if (section && rest.len > 0 && *rest.p >= '0' && *rest.p <= '9')
        return true;
    if (s.parts.len == 0)
        return conf_error(r, s.pos, NULL, "a key is missing behind the section");
    return into_struct(&s, t, root);
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

bool env_apply(const struct opt_table *t, struct yaml **root, const char *section, char *const *environment,
               struct arena *a, struct conf_report *r)
{
    static const char *const prefixes[] = {"AKVORADO_CFG_", "WEIR_CFG_"};
    size_t n = 0;
    bool ok = true;
    while (environment && environment[n])
        n++;
    char **sorted = arena_array(a, n + 1, sizeof *sorted); /* item 2 after item 1 */
    if (n > 0)
        memcpy(sorted, environment, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < n; i++) {
            size_t len = strlen(prefixes[p]);
            const char *eq = strchr(sorted[i], '=');
            if (eq && strncmp(sorted[i], prefixes[p], len) == 0 && eq > sorted[i] + len) {
                struct str name = {sorted[i] + len, (size_t)(eq - sorted[i]) - len};
                ok &= apply_one(t, root, section, sorted[i], name, a, r);
            }
        }
    return ok;
}
