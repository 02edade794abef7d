/* Every field has a default, as in the page's own state; what is there must be right. */
#include "query/request.h"
#include "base/moment.h"
#include <stdio.h>
#include <stdlib.h>

#define LATEST_S 4102444800u
enum { LONGEST_S = 20 * 366 * 86400 };

bool request_time(struct str text, uint32_t *seconds)
{
    uint64_t v;
    bool ok = str_u64(text, &v);
    if (!ok && (ok = moment_parse(text, false, &v)))
        v /= 1000;
    *seconds = (uint32_t)v;
    return ok && v <= UINT32_MAX;
}

static bool get_time(json_t *json, const char *key, uint32_t *out, struct err *e)
{
    json_t *v = json_object_get(json, key);
    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX) {
        *out = (uint32_t)json_integer_value(v);
        return true;
    }
    if (!v || json_is_null(v))
        return err_set(e, "\"%s\" is missing: expected a time such as 2026-11-21T10:00:00Z", key);
    struct str text = {json_string_value(v), json_string_length(v)};
    if (!json_is_string(v) || !request_time(text, out))
        return err_set(e, "\"%s\" is no time: expected 2026-11-21T10:00:00Z", key);
    return true;
}

static bool get_number(json_t *json, const char *key, unsigned otherwise, unsigned min, unsigned max,
                       unsigned *out, struct err *e)
{
    json_t *v = json_object_get(json, key);
    *out = otherwise;
    if (!v || json_is_null(v))
        return true;
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        return err_set(e, "\"%s\": expected a number from %u to %u", key, min, max);
    *out = (unsigned)json_integer_value(v);
    return true;
}

static bool get_bool(json_t *json, const char *key, bool *out, struct err *e)
{
    json_t *v = json_object_get(json, key);
    *out = json_is_true(v);
    return !v || json_is_boolean(v) || json_is_null(v) || err_set(e, "\"%s\": expected true or false", key);
}

/* One of the words; the first when absent. */
static bool get_word(json_t *json, const char *key, const char *const *words, int *out, struct err *e)
{
    json_t *v = json_object_get(json, key);
    *out = 0;
    if (!v || json_is_null(v))
        return true;
    for (int i = 0; json_is_string(v) && words[i]; i++)
        if (strcmp(json_string_value(v), words[i]) == 0) {
            *out = i;
            return true;
        }
    char all[128] = "";
    for (int i = 0; words[i]; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", words[i]);
    return err_set(e, "\"%s\": expected one of %s", key, all);
}

bool request_dimension(const struct schema *s, enum column c)
{
    return s->enabled[c] && !(column_defs[c].flags & (COLF_NODIM | COLF_HIDDEN));
}

static bool get_dimensions(struct query_request *q, json_t *json, const struct schema *s, struct err *e)
{
    json_t *list = json_object_get(json, "dimensions"), *v;
    size_t i;
    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return err_set(e, "\"dimensions\": expected a list of columns");
    if (json_array_size(list) > REQUEST_DIMENSIONS_MAX)
        return err_set(e, "\"dimensions\": at most %d", REQUEST_DIMENSIONS_MAX);
    json_array_foreach(list, i, v)
    {
        struct str name = {json_string_value(v), json_string_length(v)};
        enum column c = json_is_string(v) ? column_find_nocase(name) : COL_COUNT;
        if (c == COL_COUNT || !request_dimension(s, c))
            return err_set(e, "\"dimensions\": %.*s is no dimension here", name.p ? (int)name.len : 4,
                           name.p ? name.p : "this");
        for (size_t j = 0; j < q->n_dims; j++)
            if (q->dims[j] == c)
                return err_set(e, "\"dimensions\": %s is there twice", column_defs[c].name);
        q->dims[q->n_dims++] = c;
    }
    return true;
}

static bool get_filter(struct query_request *q, json_t *json, const struct schema *s, struct arena *a,
                       struct err *e)
{
    json_t *v = json_object_get(json, "filter");
    struct lang_error le;
    if (v && !json_is_string(v) && !json_is_null(v))
        return err_set(e, "\"filter\": expected a text");
    struct str text =
        v && json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR("");
    text = arena_str(a, text);
    if (!filter_parse(&q->filter, text, s, a, &le))
        return err_set(e, "Cannot parse the filter: at line %u, position %u: %s", le.line, le.column,
                       le.message);
    return true;
}

bool request_parse(struct query_request *q, json_t *json, const struct schema *s,
                   const struct request_limits *limits, uint32_t now, struct arena *a, struct err *e)
{
    static const char *const units[] = {"l3bps", "l2bps", "pps", "fps", "inl2%", "outl2%", NULL};
    static const char *const limit_types[] = {"avg", "max", "last", NULL};
    int unit, limit_type;
    *q = (struct query_request){.now = now};
    if (!json_is_object(json))
        return err_set(e, "expected a JSON object");
    if (!get_time(json, "start", &q->start, e) || !get_time(json, "end", &q->end, e) ||
        !get_number(json, "points", limits->points, 5, REQUEST_POINTS_MAX, &q->points, e) ||
        !get_number(json, "limit", limits->usual_rows ? limits->usual_rows : 10, 1, limits->rows, &q->limit,
                    e) ||
        !get_number(json, "truncate-v4", 32, 0, 32, &q->truncate_v4, e) ||
        !get_number(json, "truncate-v6", 128, 0, 128, &q->truncate_v6, e) ||
        !get_word(json, "units", units, &unit, e) ||
        !get_word(json, "limitType", limit_types, &limit_type, e) ||
        !get_bool(json, "bidirectional", &q->bidirectional, e) ||
        !get_bool(json, "previous-period", &q->previous, e) ||
        !get_bool(json, "error-band", &q->error_band, e) || !get_dimensions(q, json, s, e) ||
        !get_filter(q, json, s, a, e))
        return false;
    q->units = (enum query_units)unit;
    q->limit_type = (enum query_limit)limit_type;
    /* 0 bits is what a page sends that knows nothing of truncation */
    q->truncate_v4 = q->truncate_v4 ? q->truncate_v4 : 32;
    q->truncate_v6 = q->truncate_v6 ? q->truncate_v6 : 128;
    if (q->end <= q->start)
        return err_set(e, "\"end\" must be after \"start\"");
    /* Whole buckets must fit the seconds of a DateTime. */
    if (q->end > LATEST_S || q->end - q->start > LONGEST_S)
        return err_set(e, "\"end\": expected a time before the year 2100, at most 20 years after \"start\"");
    if (q->n_dims < limits->min_dimensions)
        return err_set(e, "\"dimensions\": expected at least %u", limits->min_dimensions);
    return true;
}

/* True when the SQL names a column that only `flows` has. */
static bool raw_main_only(const struct schema *s, const char *raw)
{
    for (unsigned c = 0; raw && c < COL_COUNT; c++)
        if (s->main_only[c] && strstr(raw, column_defs[c].name))
            return true;
    return false;
}

enum request_detail request_detail(const struct query_request *q)
{
    const struct schema *s = q->filter.schema;
    if (q->units == UNITS_FPS || raw_main_only(s, q->raw) || filter_main_only(&q->filter, false) ||
        (q->bidirectional && filter_main_only(&q->filter, true)))
        return DETAIL_NEEDED;
    for (size_t i = 0; i < q->n_dims; i++)
        if (s->main_only[q->dims[i]] || (q->bidirectional && s->main_only[filter_reverse(s, q->dims[i])]))
            return DETAIL_SHOWN;
    return DETAIL_NONE;
}
