/* One client for all pages: they come over one connection. */
#include "enrich/remote/fetch.h"
#include "base/clock.h"
#include "conf/value.h"
#include "enrich/remote/parse.h"
#include "enrich/remote/transform.h"
#include "net/http_follow.h"
#include "net/url.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct fetch {
    const struct enrich_remote_conf *conf;
    const bool *stop;
    struct http_client *http;
    struct transform *transform;
    const char *const *headers; /* NULL-terminated */
    uint64_t deadline_ns;
    size_t bytes;
    json_t *rows;
    enum fetch_failure *why;
    struct err *e;
    enum enrich_pagination pages; /* AUTO becomes the one that worked */
};

static bool fail(struct fetch *f, enum fetch_failure why)
{
    *f->why = why;
    return false;
}

/* ---- Link headers */

static void skip_blanks(struct str *s)
{
    while (s->len && (s->p[0] == ' ' || s->p[0] == '\t'))
        *s = (struct str){s->p + 1, s->len - 1};
}

/* Bytes of the link-value's part up to an unquoted `,` or `;`. */
static size_t until_separator(struct str s)
{
    bool inside = false;
    for (size_t i = 0; i < s.len; i++) {
        if (inside && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            inside = !inside;
        else if (!inside && (s.p[i] == ',' || s.p[i] == ';'))
            return i;
    }
    return s.len;
}

/* RFC 8288 3.3: rel's value is one or more relation types, compared without case. */
static bool says_next(struct str param)
{
    struct str name, word;
    if (!str_split(&param, '=', &name) || !str_eq_nocase(str_trim(name), STR("rel")))
        return false;
    param = str_trim(param);
    if (param.len >= 2 && param.p[0] == '"' && param.p[param.len - 1] == '"')
        param = (struct str){param.p + 1, param.len - 2};
    while (str_split(&param, ' ', &word))
        if (str_eq_nocase(word, STR("next")))
            return true;
    return false;
}

bool fetch_link_next(struct str s, struct str *target)
{
    while (s.len) {
        struct str url;
        skip_blanks(&s);
        if (!s.len || s.p[0] != '<')
            return false;
        s = (struct str){s.p + 1, s.len - 1};
        if (!memchr(s.p, '>', s.len) || !str_split(&s, '>', &url))
            return false;
        skip_blanks(&s);
        bool next = false;
        while (s.len && s.p[0] == ';') {
            s = (struct str){s.p + 1, s.len - 1};
            size_t n = until_separator(s);
            next |= says_next((struct str){s.p, n});
            s = (struct str){s.p + n, s.len - n};
        }
        if (next) {
            *target = url;
            return true;
        }
        if (s.len) /* the comma */
            s = (struct str){s.p + 1, s.len - 1};
    }
    return false;
}

/* The first link to a next page in an answer's headers, whose the string is; NULL: none. */
struct leads {
    char *next;
};

static void on_header(void *arg, struct str name, struct str value)
{
    struct leads *l = arg;
    struct str target;
    if (str_eq_nocase(name, STR("Link")) && !l->next && fetch_link_next(value, &target))
        l->next = strndup(target.p, target.len);
}

/* ---- one page */

static bool stopped(void *arg)
{
    const struct fetch *f = arg;
    return f->stop && __atomic_load_n(f->stop, __ATOMIC_RELAXED);
}

/* *url: where the page is, then where it came from; the caller's to free. */
static bool page(struct fetch *f, char **url, struct http_answer *ans, struct leads *leads)
{
    uint64_t now = clock_mono_ns();
    char *asked = *url;
    bool on = false, is_bool = value_bool(str_from(f->conf->proxy), &on);
    struct http_request req = {.method = f->conf->method,
                               .url = asked,
                               .headers = f->headers,
                               .connect_timeout_ns = f->conf->timeout_ns,
                               .timeout_ns = f->deadline_ns > now ? f->deadline_ns - now : 1,
                               .max_reply = FETCH_PAGE_BYTES,
                               .packed = true,
                               .proxy = is_bool ? NULL : f->conf->proxy,
                               .environ_proxy = on,
                               .header = on_header,
                               .header_arg = leads,
                               .abandon = stopped,
                               .abandon_arg = f};
    enum http_follow how = http_follow(f->http, &req, f->conf->url, ans, url, f->e);
    free(asked);
    if (how != FOLLOW_OK)
        return fail(f, how == FOLLOW_FAILED      ? FETCH_CONNECTION
                       : how == FOLLOW_TOO_LARGE ? FETCH_TOO_MUCH
                                                 : FETCH_LEADS_AWAY);
    if (ans->status == 200)
        return true;
    char bare[URL_BARE];
    err_set(f->e, "%s: HTTP status %d", url_bare(*url, bare), ans->status);
    return fail(f, FETCH_STATUS);
}

/* The next page as the body says it: member "next" of an object, null or absent at the end. */
static char *next_of(jv body)
{
    char *out = NULL;
    if (jv_get_kind(body) == JV_KIND_OBJECT) {
        jv next = jv_object_get(jv_copy(body), jv_string("next"));
        if (jv_get_kind(next) == JV_KIND_STRING && jv_string_length_bytes(jv_copy(next)) > 0)
            out = strdup(jv_string_value(next));
        jv_free(next);
    }
    return out;
}

/* Where the next page is, NULL at the last; the way that works first is kept to. */
static char *following(struct fetch *f, struct leads *leads, jv body)
{
    char *to = NULL;
    if (f->pages == PAGES_REL_NEXT || f->pages == PAGES_AUTO) {
        to = leads->next;
        leads->next = NULL;
        if (to)
            f->pages = PAGES_REL_NEXT;
    }
    if (!to && (f->pages == PAGES_LINK_NEXT || f->pages == PAGES_AUTO)) {
        to = next_of(body);
        if (to)
            f->pages = PAGES_LINK_NEXT;
    }
    return to;
}

/* The rows of one page; *url becomes the next page's, or NULL. */
static bool take_page(struct fetch *f, char **url)
{
    struct http_answer ans = {0};
    struct leads leads = {0};
    bool ok = page(f, url, &ans, &leads);
    jv body = ok ? parse_body((enum enrich_parser)f->conf->parser, buf_str(&ans.body), f->e) : jv_invalid();
    f->bytes += ans.body.len;
    buf_fini(&ans.body);
    char *to = NULL, bare[URL_BARE];
    if (ok && !jv_is_valid(body)) {
        err_wrap(f->e, "%s", url_bare(*url, bare));
        ok = fail(f, FETCH_PARSE);
        jv_free(body);
    } else if (ok) {
        to = following(f, &leads, body);
        struct transform_limits limits = {f->deadline_ns, f->stop};
        if (!transform_run(f->transform, body, &limits, f->rows, f->e)) {
            err_wrap(f->e, "transform of %s", url_bare(*url, bare));
            ok = fail(f, FETCH_TRANSFORM);
        }
    }
    char *next = ok && to ? url_resolve(*url, str_from(to), f->e) : NULL;
    if (ok && to && !next) {
        err_wrap(f->e, "next page of %s", url_bare(*url, bare));
        ok = fail(f, FETCH_LEADS_AWAY);
    }
    free(leads.next);
    free(to);
    free(*url);
    *url = next;
    return ok;
}

static bool take_pages(struct fetch *f)
{
    char *url = strdup(f->conf->url), bare[URL_BARE];
    bool ok = true;
    for (unsigned n = 0; ok && url; n++) {
        if (n == FETCH_PAGES || f->bytes > FETCH_BYTES) {
            err_set(f->e, "%s: more than %d pages or %d MiB", url_bare(f->conf->url, bare), FETCH_PAGES,
                    FETCH_BYTES >> 20);
            ok = fail(f, FETCH_TOO_MUCH);
        } else
            ok = take_page(f, &url);
    }
    free(url);
    return ok;
}

/* "Name: value" for each, and what is accepted unless the operator says it. */
static const char *const *headers_of(const struct enrich_remote_conf *c, struct arena *a)
{
    const char **out = arena_array(a, c->headers.n + 2, sizeof *out);
    bool accept = false;
    for (size_t i = 0; i < c->headers.n; i++) {
        out[i] = arena_printf(a, "%s: %s", c->headers.keys[i], ((const char **)c->headers.items)[i]);
        accept |= strcasecmp(c->headers.keys[i], "Accept") == 0;
    }
    if (!accept)
        out[c->headers.n] =
            c->parser == PARSER_JSON ? "Accept: application/json" : "Accept: text/csv, text/plain, */*;q=0.5";
    return out;
}

json_t *fetch_rows(const struct enrich_remote_conf *conf, const bool *stop, enum fetch_failure *why,
                   struct err *e)
{
    struct arena a;
    arena_init(&a);
    struct fetch f = {.conf = conf,
                      .stop = stop,
                      .http = http_client_new(&conf->tls),
                      .transform = transform_new(conf->transform, e),
                      .headers = headers_of(conf, &a),
                      .deadline_ns = clock_mono_ns() + conf->timeout_ns,
                      .rows = json_array(),
                      .why = why,
                      .e = e,
                      .pages = (enum enrich_pagination)conf->pagination};
    bool ok = f.transform ? take_pages(&f) : fail(&f, FETCH_TRANSFORM);
    if (ok && json_array_size(f.rows) == 0) {
        char bare[URL_BARE];
        err_set(e, "%s: the result is empty", url_bare(conf->url, bare));
        ok = fail(&f, FETCH_EMPTY);
    }
    http_client_free(f.http);
    transform_free(f.transform);
    arena_fini(&a);
    if (ok)
        return f.rows;
    json_decref(f.rows);
    return NULL;
}
