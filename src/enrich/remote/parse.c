/* The text is counted before anything is made of it, since a few bytes can ask for a lot of memory. */
#include "enrich/remote/parse.h"
#include <jansson.h>
#include <stdio.h>

enum { FIELDS = 1000, DEPTH = 256 };

struct count {
    size_t containers, values;
};

static bool within(const struct count *c, struct err *e)
{
    if (c->containers > PARSE_CONTAINERS)
        return err_set(e, "more than %d objects and arrays", PARSE_CONTAINERS);
    return c->values <= PARSE_VALUES || err_set(e, "more than %d values", PARSE_VALUES);
}

/* ---- JSON */

static bool json_bounded(struct str s, struct err *e)
{
    struct count c = {0};
    bool inside = false;
    for (size_t i = 0; i < s.len; i++) {
        if (inside && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            inside = !inside;
        else if (!inside) {
            c.containers += s.p[i] == '{' || s.p[i] == '[';
            c.values += s.p[i] == ',' || s.p[i] == ':';
        }
    }
    return within(&c, e);
}

/* libjq's own parser loses memory on texts that are no JSON; jansson's does not, and says where it stumbled. */
static jv from_json(const json_t *j, unsigned depth)
{
    const char *key;
    json_t *value;
    size_t i;
    jv out;
    if (depth > DEPTH)
        return jv_invalid();
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        out = jv_object();
        json_object_foreach((json_t *)(uintptr_t)j, key, value)
        {
            jv one = from_json(value, depth + 1);
            if (!jv_is_valid(one)) {
                jv_free(out);
                return one;
            }
            out = jv_object_set(out, jv_string(key), one);
        }
        return out;
    case JSON_ARRAY:
        out = jv_array_sized((int)json_array_size(j));
        json_array_foreach(j, i, value)
        {
            jv one = from_json(value, depth + 1);
            if (!jv_is_valid(one)) {
                jv_free(out);
                return one;
            }
            out = jv_array_append(out, one);
        }
        return out;
    case JSON_STRING:
        return jv_string_sized(json_string_value(j), (int)json_string_length(j));
    case JSON_TRUE:
    case JSON_FALSE:
        return jv_bool(json_is_true(j));
    case JSON_INTEGER:
    case JSON_REAL:
        return jv_number(json_number_value(j));
    case JSON_NULL:
        return jv_null();
    }
    return jv_invalid();
}

static jv parse_json(struct str s, struct err *e)
{
    if (s.len >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
        s = (struct str){s.p + 3, s.len - 3};
    if (!json_bounded(s, e))
        return jv_invalid();
    if (s.len == 0) {
        err_set(e, "the body is empty");
        return jv_invalid();
    }
    json_error_t why;
    json_t *j = json_loadb(s.p, s.len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
    if (!j) {
        err_set(e, "line %d column %d: %s", why.line, why.column, why.text);
        return jv_invalid();
    }
    jv out = from_json(j, 0);
    json_decref(j);
    if (!jv_is_valid(out))
        err_set(e, "nested more than %d deep", DEPTH);
    return out;
}

/* ---- records */

static bool next_line(struct str *s, struct str *line)
{
    if (!str_split(s, '\n', line))
        return false;
    if (line->len && line->p[line->len - 1] == '\r')
        line->len--;
    return true;
}

static jv parse_plain(struct str s, struct err *e)
{
    struct count c = {0};
    struct str line;
    jv out = jv_array();
    while (next_line(&s, &line)) {
        c.values++;
        if (!within(&c, e)) {
            jv_free(out);
            return jv_invalid();
        }
        out = jv_array_append(out, jv_string_sized(line.p, (int)line.len));
    }
    return out;
}

struct csv {
    struct str left;
    char separator;
    struct buf *field; /* of a quoted one, without what quotes */
};

/* A quoted field, whose first quote is the next byte; false when it never ends. */
static bool quoted(struct csv *in, struct str *out)
{
    const char *p = in->left.p + 1, *end = in->left.p + in->left.len;
    buf_reset(in->field);
    for (; p < end; p++) {
        if (*p == '"' && !(p + 1 < end && p[1] == '"')) {
            in->left = (struct str){p + 1, (size_t)(end - p - 1)};
            *out = buf_str(in->field);
            return true;
        }
        p += *p == '"';
        buf_u8(in->field, (uint8_t)*p);
    }
    return false;
}

static void unquoted(struct csv *in, struct str *out)
{
    size_t n = 0;
    while (n < in->left.len && in->left.p[n] != in->separator && in->left.p[n] != '\n')
        n++;
    *out = (struct str){in->left.p, n};
    in->left = (struct str){in->left.p + n, in->left.len - n};
    if (out->len && out->p[out->len - 1] == '\r' && (!in->left.len || in->left.p[0] == '\n'))
        out->len--;
}

static bool eat(struct csv *in, char c)
{
    if (!in->left.len || in->left.p[0] != c)
        return false;
    in->left = (struct str){in->left.p + 1, in->left.len - 1};
    return true;
}

/* The next record as an object; invalid with a reason. */
static jv record(struct csv *in, struct count *c, struct err *e)
{
    jv out = jv_object();
    for (unsigned n = 1;; n++) {
        struct str field;
        char name[16];
        bool quote = in->left.len && in->left.p[0] == '"';
        if (!quote)
            unquoted(in, &field);
        else if (!quoted(in, &field)) {
            err_set(e, "a quoted field does not end");
            break;
        }
        if (n > FIELDS) {
            err_set(e, "a record of more than %d fields", FIELDS);
            break;
        }
        c->values++;
        snprintf(name, sizeof name, "f%u", n);
        out = jv_object_set(out, jv_string(name), jv_string_sized(field.p, (int)field.len));
        if (eat(in, in->separator))
            continue;
        eat(in, '\r');
        if (eat(in, '\n') || !in->left.len)
            return out;
        err_set(e, "field %u has text behind its quotes", n);
        break;
    }
    jv_free(out);
    return jv_invalid();
}

static jv parse_csv(struct str s, char separator, struct err *e)
{
    struct buf field;
    struct count c = {0};
    buf_init(&field, 0);
    if (s.len >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
        s = (struct str){s.p + 3, s.len - 3};
    struct csv in = {s, separator, &field};
    jv out = jv_array();
    while (in.left.len) {
        if (eat(&in, '\n') ||
            (in.left.len > 1 && in.left.p[0] == '\r' && in.left.p[1] == '\n' && eat(&in, '\r')))
            continue; /* an empty line is no record */
        c.containers++;
        jv one = within(&c, e) ? record(&in, &c, e) : jv_invalid();
        if (!jv_is_valid(one)) {
            err_wrap(e, "record %zu", c.containers);
            jv_free(one);
            jv_free(out);
            out = jv_invalid();
            break;
        }
        out = jv_array_append(out, one);
    }
    buf_fini(&field);
    return out;
}

jv parse_body(enum enrich_parser parser, struct str body, struct err *e)
{
    switch (parser) {
    case PARSER_JSON:
        return parse_json(body, e);
    case PARSER_CSV_COMMA:
        return parse_csv(body, ',', e);
    case PARSER_CSV_SEMICOLON:
        return parse_csv(body, ';', e);
    case PARSER_CSV_COLON:
        return parse_csv(body, ':', e);
    case PARSER_PLAIN:
        return parse_plain(body, e);
    }
    err_set(e, "unknown parser");
    return jv_invalid();
}
