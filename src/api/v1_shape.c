/*
 * Shapes that stay: names in snake case, a series is an object, time that is missing is null. CSV and JSON lines have a line for
 * each value, with the dimensions' names as columns.
 */
#include "api/v1.h"
#include <stdio.h>
#include <stdlib.h>

static const char *axis_name(json_int_t axis)
{
    static const char *const names[] = {"direct", "reverse", "previous", "previous_reverse"};
    return axis >= 1 && axis <= 4 ? names[axis - 1] : "";
}

static void dump(struct buf *out, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    buf_z(out, text ? text : "null");
    free(text);
}

/* RFC 4180; a text that a spreadsheet would take for a formula gets a quote in front. */
static void csv_text(struct buf *out, const char *text)
{
    bool formula = strchr("=+-@\t\r", text[0]) && text[0];
    if (!formula && !text[strcspn(text, ",\"\r\n")]) {
        buf_z(out, text);
        return;
    }
    buf_z(out, formula ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buf_u8(out, '"');
        buf_u8(out, (uint8_t)*text);
    }
    buf_u8(out, '"');
}

static void csv_value(struct buf *out, json_t *v)
{
    if (json_is_string(v))
        csv_text(out, json_string_value(v));
    else if (!json_is_null(v))
        dump(out, v);
}

/* One line of named values. */
static void line_of(struct buf *out, enum v1_format f, json_t *names, json_t *values)
{
    if (f == V1_LINES) {
        json_t *o = json_object(), *v;
        size_t i;
        json_array_foreach(values, i, v) json_object_set(o, json_string_value(json_array_get(names, i)), v);
        dump(out, o);
        json_decref(o);
        buf_u8(out, '\n');
        return;
    }
    for (size_t i = 0; i < json_array_size(values); i++) {
        buf_z(out, i ? "," : "");
        csv_value(out, json_array_get(values, i));
    }
    buf_z(out, "\r\n");
}

static void head(struct buf *out, enum v1_format f, json_t *names)
{
    if (f == V1_CSV)
        line_of(out, f, names, names);
}

static void add_dimensions(json_t *names, const struct query_request *q)
{
    for (size_t i = 0; i < q->n_dims; i++)
        json_array_append_new(names, json_string(column_defs[q->dims[i]].name));
}

/* "rows-read" -> "rows_read", and what a chart says of itself besides its numbers. */
static json_t *meta(json_t *answer)
{
    static const char *const keys[] = {"table",        "resolution", "interval",  "incomplete-from",
                                       "completeness", "missing",    "losses",    "missing-previous",
                                       "kept-since",   "more",       "rows-read", "bytes-read",
                                       "time-ms",      "sql"};
    json_t *o = json_object(), *v;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char name[32];
        if (!(v = json_object_get(answer, keys[i])))
            continue;
        snprintf(name, sizeof name, "%s", keys[i]);
        for (char *c = name; *c; c++)
            *c = *c == '-' ? '_' : *c;
        json_object_set(o, name, v);
    }
    json_object_set(o, "notes", json_object_get(answer, "note"));
    return o;
}

/* ---- line */

static bool in_spans(json_t *spans, const char *t)
{
    json_t *span;
    size_t i;
    /* times of one form compare as texts */
    json_array_foreach(spans, i,
                       span) if (strcmp(json_string_value(json_object_get(span, "start")), t) <= 0 &&
                                 strcmp(t, json_string_value(json_object_get(span, "end"))) < 0) return true;
    return false;
}

/* The bucket's value, null where nothing is known of that time. */
static json_t *point(json_t *answer, size_t row, size_t bucket)
{
    bool now = json_integer_value(json_array_get(json_object_get(answer, "axis"), row)) <= 2;
    const char *t = json_string_value(json_array_get(json_object_get(answer, "t"), bucket));
    if (now && in_spans(json_object_get(answer, "missing"), t))
        return json_null();
    return json_array_get(json_array_get(json_object_get(answer, "points"), row), bucket);
}

static bool is_other(json_t *row)
{
    json_t *v;
    size_t i;
    json_array_foreach(row, i, v) if (strcmp(json_string_value(v), "Other") != 0) return false;
    return json_array_size(row) > 0;
}

static json_t *one_series(json_t *answer, size_t i, size_t buckets)
{
    static const char *const sums[][2] = {{"average", "average"}, {"min", "min"},  {"max", "max"},
                                          {"last", "last"},       {"95th", "p95"}, {"total", "total"}};
    json_t *key = json_array_get(json_object_get(answer, "rows"), i), *points = json_array(), *list;
    json_t *s = json_pack("{s:s, s:O, s:b}", "axis",
                          axis_name(json_integer_value(json_array_get(json_object_get(answer, "axis"), i))),
                          "key", key, "other", is_other(key));
    for (size_t b = 0; b < buckets; b++)
        json_array_append(points, point(answer, i, b));
    json_object_set_new(s, "points", points);
    if ((list = json_object_get(answer, "error")))
        json_object_set(s, "error", json_array_get(list, i));
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++)
        if ((list = json_object_get(answer, sums[k][0])))
            json_object_set(s, sums[k][1], json_array_get(list, i));
    return s;
}

static void line_json(struct buf *out, json_t *answer, const struct query_request *q)
{
    json_t *series = json_array(), *names = json_array();
    size_t buckets = json_array_size(json_object_get(answer, "t"));
    add_dimensions(names, q);
    for (size_t i = 0; i < json_array_size(json_object_get(answer, "rows")); i++)
        json_array_append_new(series, one_series(answer, i, buckets));
    json_t *o = json_pack("{s:o, s:o, s:O, s:o}", "meta", meta(answer), "dimensions", names, "time",
                          json_object_get(answer, "t"), "series", series);
    dump(out, o);
    json_decref(o);
}

void v1_line(struct buf *out, enum v1_format f, json_t *answer, const struct query_request *q)
{
    if (f == V1_JSON) {
        line_json(out, answer, q);
        return;
    }
    json_t *names = json_pack("[s, s]", "time", "axis"), *rows = json_object_get(answer, "rows"), *row;
    json_t *times = json_object_get(answer, "t"), *axis = json_object_get(answer, "axis");
    size_t i;
    add_dimensions(names, q);
    json_array_append_new(names, json_string("value"));
    head(out, f, names);
    json_array_foreach(rows, i, row)
    {
        for (size_t b = 0; b < json_array_size(times); b++) {
            json_t *values = json_pack("[O, s]", json_array_get(times, b),
                                       axis_name(json_integer_value(json_array_get(axis, i))));
            if (json_array_size(row) == q->n_dims) /* the previous period has none */
                json_array_extend(values, row);
            while (json_array_size(values) < 2 + q->n_dims)
                json_array_append_new(values, json_string(""));
            json_array_append(values, point(answer, i, b));
            line_of(out, f, names, values);
            json_decref(values);
        }
    }
    json_decref(names);
}

/* ---- sankey and flows */

void v1_sankey(struct buf *out, enum v1_format f, json_t *answer, const struct query_request *q)
{
    json_t *names = json_pack("[s]", "axis"), *all = json_array(), *row;
    json_t *rows = json_object_get(answer, "rows"), *axis = json_object_get(answer, "axis");
    size_t i;
    add_dimensions(names, q);
    json_array_append_new(names, json_string("value"));
    if (f != V1_JSON)
        head(out, f, names);
    json_array_foreach(rows, i, row)
    {
        json_t *x = json_array_get(json_object_get(answer, "xps"), i);
        const char *way = axis_name(json_integer_value(json_array_get(axis, i)));
        json_t *values = json_pack("[s]", way);
        json_array_extend(values, row);
        json_array_append(values, x);
        if (f == V1_JSON)
            json_array_append_new(all, json_pack("{s:s, s:O, s:O}", "axis", way, "key", row, "value", x));
        else
            line_of(out, f, names, values);
        json_decref(values);
    }
    if (f == V1_JSON) {
        json_t *dims = json_array();
        add_dimensions(dims, q);
        json_t *o = json_pack("{s:o, s:o, s:O}", "meta", meta(answer), "dimensions", dims, "rows", all);
        dump(out, o);
        json_decref(o);
    }
    json_decref(all);
    json_decref(names);
}

void v1_flows(struct buf *out, enum v1_format f, json_t *answer)
{
    json_t *columns = json_object_get(answer, "columns"), *names = json_array(), *v;
    json_t *rows = json_object_get(answer, "rows");
    size_t i;
    json_array_foreach(columns, i, v) json_array_append(names, json_object_get(v, "name"));
    if (f == V1_JSON) {
        json_t *o = json_pack("{s:o, s:O, s:O}", "meta", meta(answer), "columns", columns, "rows", rows);
        dump(out, o);
        json_decref(o);
    } else {
        head(out, f, names);
        json_array_foreach(rows, i, v) line_of(out, f, names, v);
    }
    json_decref(names);
}
