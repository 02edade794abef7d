/*
 * A table that is used once is written where it is used, its keys with dots; one used in several places (a "block") gets
 * a section of its own that the others point at.
 */
#include "conf/manual.h"
#include "conf/value.h"
#include <ctype.h>
#include <stdlib.h>

enum { TABLES_MAX = 256 };

struct tables {
    const struct opt_table *t[TABLES_MAX];
    unsigned uses[TABLES_MAX];
    size_t n;
};

static void count(struct tables *ts, const struct opt_table *t)
{
    for (size_t i = 0; i < ts->n; i++)
        if (ts->t[i] == t) {
            ts->uses[i]++;
            return;
        }
    if (ts->n == TABLES_MAX)
        return;
    ts->t[ts->n] = t;
    ts->uses[ts->n++] = 1;
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].sub)
            count(ts, t->rows[i].sub);
}

static bool is_block(const struct tables *ts, const struct opt_table *t)
{
    for (size_t i = 0; i < ts->n; i++)
        if (ts->t[i] == t)
            return ts->uses[i] > 1 && t->n > 1;
    return false;
}

static const char *type_name(enum opt_type type)
{
    static const char *const names[] = {
        [OPT_BOOL] = "true or false",
        [OPT_INT] = "number",
        [OPT_UINT] = "number",
        [OPT_DURATION] = "duration",
        [OPT_SIZE] = "size",
        [OPT_FLOAT] = "number",
        [OPT_STRING] = "text",
        [OPT_SECRET] = "text, secret",
        [OPT_ENUM] = "one of",
        [OPT_STRUCT] = "section",
        [OPT_LIST] = "list",
        [OPT_MAP] = "map",
        [OPT_SUBNETMAP] = "value or map by subnet",
    };
    return names[type];
}

/* Text inside a Markdown table cell. */
static void cell(struct buf *out, const char *z)
{
    for (; z && *z; z++)
        if (*z == '|')
            buf_z(out, "\\|");
        else
            buf_u8(out, *z == '\n' ? ' ' : (uint8_t)*z);
}

static void anchor(struct buf *out, const char *title)
{
    for (; *title; title++)
        if (isalnum((unsigned char)*title))
            buf_u8(out, (uint8_t)tolower((unsigned char)*title));
        else if (*title == ' ' || *title == '-')
            buf_u8(out, '-');
}

static void choices_add(const struct opt *o, struct buf *out)
{
    for (const struct opt_choice *c = o->choices; c && c->name; c++)
        buf_printf(out, "%s`%s`", c == o->choices ? " " : ", ", c->name);
}

static void type_cell(const struct opt *o, const struct tables *ts, struct buf *out)
{
    buf_z(out, type_name(o->type));
    if (o->type == OPT_ENUM)
        choices_add(o, out);
    if (o->type == OPT_LIST || o->type == OPT_MAP || o->type == OPT_SUBNETMAP) {
        buf_z(out, o->item == OPT_STRUCT ? " of sections" : o->type == OPT_SUBNETMAP ? ": " : " of ");
        if (o->item != OPT_STRUCT)
            buf_z(out, type_name(o->item));
        if (o->item == OPT_ENUM)
            choices_add(o, out);
    }
    if (o->sub && is_block(ts, o->sub)) {
        buf_printf(out, ", see [%s](#", o->sub->name);
        anchor(out, o->sub->name);
        buf_u8(out, ')');
    }
}

static void bound_add(struct buf *out, const struct opt *o, uint64_t v)
{
    enum opt_type type = o->type >= OPT_LIST ? o->item : o->type;
    if (type == OPT_DURATION)
        value_duration_add(out, v);
    else if (type == OPT_SIZE)
        value_size_add(out, v);
    else
        buf_printf(out, "%lld", (long long)v);
}

static void meaning_cell(const struct opt *o, struct buf *out)
{
    cell(out, o->help ? o->help : o->sub && o->sub->help ? o->sub->help : "");
    if (o->only)
        buf_printf(out, " Only for type `%s`.", o->only);
    if (o->max) {
        buf_z(out, " Between ");
        bound_add(out, o, o->min);
        buf_z(out, " and ");
        bound_add(out, o, o->max);
        buf_z(out, ".");
    } else if (o->min) {
        buf_z(out, " At least ");
        bound_add(out, o, o->min);
        buf_z(out, ".");
    }
    if (o->unit)
        buf_printf(out, " In %s.", o->unit);
    if (o->flags & OPT_REQUIRED)
        buf_z(out, " Required.");
    if (o->flags & OPT_LATER)
        buf_z(out, " Accepted, not in use yet.");
    if (o->flags & OPT_RELOAD)
        buf_z(out, " Changes without a restart.");
    if (o->aka)
        buf_printf(out, " Former name: `%s`.", o->aka);
}

static void rows(const struct opt_table *t, const char *prefix, const struct tables *ts, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct opt *o = &t->rows[i];
        if (o->flags & OPT_OLD)
            continue;
        const char *mark = o->type == OPT_LIST && o->item == OPT_STRUCT ? "[]"
                           : o->type == OPT_MAP || o->type == OPT_SUBNETMAP
                               ? (o->item == OPT_STRUCT ? ".*" : "")
                               : "";
        buf_printf(out, "| `%s%s%s` | ", prefix, o->key, mark);
        type_cell(o, ts, out);
        buf_z(out, " | ");
        if (o->def) {
            buf_u8(out, '`');
            cell(out, *o->def ? o->def : "\"\"");
            buf_u8(out, '`');
        }
        buf_z(out, " | ");
        meaning_cell(o, out);
        buf_z(out, " |\n");
        if (o->sub && !is_block(ts, o->sub)) {
            struct buf sub;
            buf_init(&sub, 0);
            buf_printf(&sub, "%s%s%s.", prefix, o->key, mark);
            buf_u8(&sub, 0);
            rows(o->sub, (const char *)sub.p, ts, out);
            buf_fini(&sub);
        }
    }
}

static void section(const struct opt_table *t, const char *title, const struct tables *ts, struct buf *out)
{
    buf_printf(out, "\n## %s\n\n", title);
    if (t->help)
        buf_printf(out, "%s\n\n", t->help);
    buf_z(out, "| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
    rows(t, "", ts, out);
}

static void old_keys(const struct tables *ts, struct buf *out)
{
    bool any = false;
    for (size_t k = 0; k < ts->n; k++)
        for (size_t i = 0; i < ts->t[k]->n; i++) {
            const struct opt *o = &ts->t[k]->rows[i];
            if (!(o->flags & OPT_OLD))
                continue;
            if (!any)
                buf_z(out, "\n## Old keys\n\nAccepted with a notice, without effect.\n\n| In | Key | Instead "
                           "|\n|---|---|---|\n");
            any = true;
            buf_printf(out, "| %s | `%s` | ", ts->t[k]->name, o->key);
            cell(out, o->help);
            buf_z(out, " |\n");
        }
}

void opt_manual(const struct opt_table *root, struct buf *out)
{
    struct tables *ts = xcalloc(1, sizeof *ts);
    count(ts, root);
    /* keys of the file itself, then one section for each key that has one */
    buf_z(out, "\n## The file\n\n");
    if (root->help)
        buf_printf(out, "%s\n\n", root->help);
    buf_z(out, "| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < root->n; i++) {
        const struct opt *o = &root->rows[i];
        if (o->flags & OPT_OLD)
            continue;
        buf_printf(out, "| `%s` | ", o->key);
        type_cell(o, ts, out);
        buf_printf(out, " | %s%s%s | ", o->def ? "`" : "", o->def ? o->def : "", o->def ? "`" : "");
        meaning_cell(o, out);
        buf_z(out, " |\n");
    }
    for (size_t i = 0; i < root->n; i++)
        if (root->rows[i].sub && !is_block(ts, root->rows[i].sub) && !(root->rows[i].flags & OPT_OLD))
            section(root->rows[i].sub, root->rows[i].key, ts, out);
    for (size_t i = 0; i < ts->n; i++)
        if (is_block(ts, ts->t[i]))
            section(ts->t[i], ts->t[i]->name, ts, out);
    old_keys(ts, out);
    free(ts);
}

/* ---- JSON schema ---- */

static json_t *table_schema(const struct opt_table *t);

static json_t *text_pattern(const char *pattern)
{
    return json_pack("{s:[s,s], s:s}", "type", "string", "integer", "pattern", pattern);
}

static json_t *value_schema(const struct opt *o, enum opt_type type)
{
    json_t *s, *names;
    switch (type) {
    case OPT_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case OPT_INT:
    case OPT_UINT:
        s = json_pack("{s:s}", "type", "integer");
        if (type == OPT_UINT || o->max)
            json_object_set_new(s, "minimum", json_integer((json_int_t)o->min));
        if (o->max && o->max <= (uint64_t)INT64_MAX)
            json_object_set_new(s, "maximum", json_integer((json_int_t)o->max));
        return s;
    case OPT_DURATION:
        return text_pattern("^(0|([0-9.]+(w|d|h|m|s|ms|us|µs|ns))+)$");
    case OPT_SIZE:
        return text_pattern("^[0-9.]+ *([KMGTkmgt]?[iI]?[bB]?|%)$");
    case OPT_FLOAT:
        return json_pack("{s:s}", "type", "number");
    case OPT_ENUM:
        names = json_array();
        for (const struct opt_choice *c = o->choices; c->name; c++)
            json_array_append_new(names, json_string(c->name));
        return json_pack("{s:o}", "enum", names);
    case OPT_STRUCT:
        s = table_schema(o->sub);
        if (o->sub->from_scalar)
            s = json_pack("{s:[o,{s:[s,s]}]}", "anyOf", s, "type", "string", "number");
        return s;
    default:
        return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    }
}

static json_t *row_schema(const struct opt *o)
{
    json_t *s, *item = NULL;
    if (o->type == OPT_LIST || o->type == OPT_MAP || o->type == OPT_SUBNETMAP)
        item = value_schema(o, o->item);
    if (o->flags & OPT_OLD)
        s = json_pack("{s:b}", "deprecated", 1);
    else if (o->type == OPT_LIST)
        s = json_pack("{s:[{s:s,s:O},O]}", "anyOf", "type", "array", "items", item, item);
    else if (o->type == OPT_MAP)
        s = json_pack("{s:s,s:O}", "type", "object", "additionalProperties", item);
    else if (o->type == OPT_SUBNETMAP)
        s = json_pack("{s:[{s:s,s:O},O]}", "anyOf", "type", "object", "additionalProperties", item, item);
    else
        s = value_schema(o, o->type);
    json_decref(item);
    if (o->help)
        json_object_set_new(s, "description", json_string(o->help));
    return s;
}

static json_t *table_schema(const struct opt_table *t)
{
    json_t *props = json_object(), *required = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct opt *o = &t->rows[i];
        json_t *before = json_object_get(props, o->key);
        if (before) /* the same key for another type */
            json_object_set_new(props, o->key, json_pack("{s:[O,o]}", "anyOf", before, row_schema(o)));
        else
            json_object_set_new(props, o->key, row_schema(o));
        if (o->flags & OPT_REQUIRED && !o->only)
            json_array_append_new(required, json_string(o->key));
        struct str aka = str_from(o->aka), one;
        while (o->aka && str_split(&aka, ',', &one))
            json_object_setn_new(props, one.p, one.len, json_pack("{s:b}", "deprecated", 1));
    }
    json_t *s = json_pack("{s:s, s:o, s:b, s:{s:b}}", "type", "object", "properties", props,
                          "additionalProperties", 0, "patternProperties", "^\\.", 1);
    if (json_array_size(required) > 0)
        json_object_set(s, "required", required);
    json_decref(required);
    return s;
}

json_t *opt_schema(const struct opt_table *root, const char *title)
{
    json_t *s = table_schema(root);
    json_object_set_new(s, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(s, "title", json_string(title));
    return s;
}
