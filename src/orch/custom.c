/* A row is taken apart into one buffer, and written field by field by what the configuration says of it. */
#include "orch/custom.h"
#include "base/file.h"
#include "base/ip.h"
#include "net/http_follow.h"
#include <stdlib.h>

/* ---- where it is from */

static bool fetch_url(const char *url, struct buf *out, struct err *e)
{
    const struct http_request req = {
        .url = url, .timeout_ns = UINT64_C(10000000000), .max_reply = CUSTOM_BYTES, .packed = true};
    struct http_client *c = http_client_new(NULL);
    struct http_answer ans = {0};
    char *from = NULL;
    enum http_follow f = http_follow(c, &req, NULL, &ans, &from, e);
    bool ok = f == FOLLOW_OK && ans.status == 200;
    if (ok)
        buf_str_add(out, buf_str(&ans.body));
    else if (f == FOLLOW_OK)
        err_set(e, "it answers with status %d", ans.status);
    buf_fini(&ans.body);
    free(from);
    http_client_free(c);
    return ok;
}

bool custom_fetch(const char *source, struct buf *out, struct err *e)
{
    struct str s = str_from(source);
    bool url = str_starts(s, STR("http://")) || str_starts(s, STR("https://"));
    return url ? fetch_url(source, out, e) : file_read(source, CUSTOM_BYTES, out, e);
}

/* ---- rows */

struct row {
    struct str rest; /* of the text */
    struct buf text; /* of the fields, one behind the other */
    size_t end[CUSTOM_FIELDS];
    unsigned n, line, next_line;
};

static struct str field(const struct row *r, unsigned i)
{
    size_t from = i ? r->end[i - 1] : 0;
    return (struct str){(const char *)r->text.p + from, r->end[i] - from};
}

/* One field, up to the comma or line end behind it. */
static bool read_field(struct row *r, struct err *e)
{
    struct str s = r->rest;
    size_t i = 0, from = r->text.len;
    bool quoted = s.len && s.p[0] == '"', closed = !quoted;
    for (i = quoted; i < s.len && r->text.len - from <= CUSTOM_FIELD_BYTES; i++) {
        if (closed && (s.p[i] == ',' || s.p[i] == '\n' || s.p[i] == '\r'))
            break;
        if (quoted && closed)
            return err_set(e, "line %u: text behind a closing quote", r->line);
        if (quoted && s.p[i] == '"' && !(i + 1 < s.len && s.p[i + 1] == '"')) {
            closed = true;
            continue;
        }
        i += quoted && s.p[i] == '"';
        r->next_line += s.p[i] == '\n';
        buf_u8(&r->text, (uint8_t)s.p[i]);
    }
    if (r->text.len - from > CUSTOM_FIELD_BYTES)
        return err_set(e, "line %u: a field of more than %d bytes", r->line, CUSTOM_FIELD_BYTES);
    if (!closed)
        return err_set(e, "line %u: a quote without its end", r->line);
    r->rest = (struct str){s.p + i, s.len - i};
    r->end[r->n++] = r->text.len;
    return true;
}

/* False at the end, or when it is wrong (*e set). Empty lines are passed over. */
static bool read_row(struct row *r, struct err *e)
{
    while (r->rest.len && (r->rest.p[0] == '\n' || r->rest.p[0] == '\r')) {
        r->next_line += r->rest.p[0] == '\n';
        r->rest = (struct str){r->rest.p + 1, r->rest.len - 1};
    }
    r->n = 0;
    r->line = r->next_line;
    buf_reset(&r->text);
    if (!r->rest.len)
        return false;
    for (;;) {
        if (r->n == CUSTOM_FIELDS)
            return err_set(e, "line %u: more than %d fields", r->line, CUSTOM_FIELDS);
        if (!read_field(r, e))
            return false;
        if (!r->rest.len || r->rest.p[0] != ',')
            return true;
        r->rest = (struct str){r->rest.p + 1, r->rest.len - 1};
    }
}

/* ---- what is written */

struct wish {
    const char *name;
    enum dictionary_type type;
    unsigned bits; /* of a number */
    bool key;
    const char *fallback;
    unsigned at; /* field */
};

static unsigned wishes(const struct schema_dictionary_conf *d, struct wish *w)
{
    unsigned n = 0;
    for (size_t i = 0; i < d->keys.n && n < CUSTOM_FIELDS; i++) {
        const struct schema_dictionary_key *k = OPT_ITEM(d->keys, const struct schema_dictionary_key, i);
        w[n++] = (struct wish){k->name, dictionary_key_type(d, i), 64, true, "", 0};
    }
    for (size_t i = 0; i < d->attributes.n && n < CUSTOM_FIELDS; i++) {
        const struct schema_dictionary_attribute *a =
            OPT_ITEM(d->attributes, const struct schema_dictionary_attribute, i);
        w[n] = (struct wish){a->name, DICTIONARY_TEXT, 0, false, a->fallback, 0};
        w[n].type = dictionary_attribute_type(a->type, &w[n].bits);
        n++;
    }
    return n;
}

static void write_quoted(struct str s, struct buf *out)
{
    buf_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"')
            buf_u8(out, '"');
        buf_u8(out, (uint8_t)s.p[i]);
    }
    buf_u8(out, '"');
}

static void write_header(const struct wish *w, unsigned n, struct buf *out)
{
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? "," : "", w[i].name);
    buf_u8(out, '\n');
}

static void write_ip(struct ip ip, struct buf *out)
{
    char text[IP_TEXT_MAX];
    buf_printf(out, "%s%s", ip_is_v4(ip) ? "::ffff:" : "", ip_format(ip, text));
}

static bool write_value(const struct wish *w, struct str s, struct buf *out)
{
    uint64_t v;
    struct prefix p;
    switch (w->type) {
    case DICTIONARY_TEXT:
        write_quoted(s, out);
        return str_utf8(s) == s.len;
    case DICTIONARY_NUMBER:
        if (!str_u64(s, &v) || (w->bits < 64 && v >> w->bits))
            return false;
        buf_printf(out, "%llu", (unsigned long long)v);
        return true;
    case DICTIONARY_NETWORK:
        if (!prefix_parse(s, &p)) {
            p.len = 128;
            if (!ip_parse(s, &p.ip))
                return false;
        }
        write_ip(ip_mask(p.ip, p.len), out);
        buf_printf(out, "/%u", p.len);
        return true;
    default:
        if (!ip_parse(s, &p.ip))
            return false;
        write_ip(p.ip, out);
        return true;
    }
}

static const char *expected(const struct wish *w)
{
    static const char *const kinds[] = {"text in UTF-8", "number", "IP address", "network"};
    return kinds[w->type];
}

static bool write_row(const struct wish *w, unsigned n, const struct row *r, struct buf *out, struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        struct str s = w[i].at < r->n ? field(r, w[i].at) : (struct str){0};
        if (w[i].at >= r->n)
            return err_set(e, "line %u: %u fields, too few for %s", r->line, r->n, w[i].name);
        if (i)
            buf_u8(out, ',');
        if (s.len == 0 && !w[i].key)
            s = str_from(w[i].fallback);
        if (s.len == 0 && !w[i].key && w[i].type != DICTIONARY_TEXT)
            s = w[i].type == DICTIONARY_NUMBER ? STR("0") : STR("::");
        if (!write_value(&w[i], s, out))
            return err_set(e, "line %u: %s: \"%.*s\" is no %s", r->line, w[i].name,
                           (int)(s.len < 60 ? s.len : 60), s.p ? s.p : "", expected(&w[i]));
    }
    buf_u8(out, '\n');
    return true;
}

static bool find_fields(struct wish *w, unsigned n, const struct row *r, struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned at = 0;
        while (at < r->n && !str_eq(str_trim(field(r, at)), str_from(w[i].name)))
            at++;
        if (at == r->n)
            return err_set(e, "its header has no column \"%s\"", w[i].name);
        w[i].at = at;
    }
    return true;
}

bool custom_write(const struct schema_dictionary_conf *d, struct str csv, struct buf *out, struct err *e)
{
    struct wish w[CUSTOM_FIELDS];
    unsigned n = wishes(d, w), rows = 0;
    struct row r = {.rest = csv, .next_line = 1};
    if (str_starts(csv, STR("\xef\xbb\xbf")))
        r.rest = (struct str){csv.p + 3, csv.len - 3};
    buf_init(&r.text, 0);
    *e = (struct err){0};
    bool ok = read_row(&r, e) || (!e->msg[0] && err_set(e, "it is empty: a header is expected"));
    ok = ok && find_fields(w, n, &r, e);
    if (ok)
        write_header(w, n, out);
    while (ok && read_row(&r, e)) {
        ok = write_row(w, n, &r, out, e);
        if (ok && ++rows > CUSTOM_ROWS)
            ok = err_set(e, "more than %d rows", CUSTOM_ROWS);
    }
    buf_fini(&r.text);
    return ok && !e->msg[0];
}

void custom_write_empty(const struct schema_dictionary_conf *d, struct buf *out)
{
    struct wish w[CUSTOM_FIELDS];
    write_header(w, wishes(d, w), out);
}
