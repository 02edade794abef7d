/* Identity, and a small picture made of the login's hash: a mirrored 5 x 5 pattern. */
#include "api/user.h"
#include "api/api.h"
#include "api/origin.h"
#include <stdio.h>
#include <xxhash.h>

/* Bytes that are no UTF-8 are Latin-1, as headers once were (RFC 9110 5.5), and some directories still write names. */
static const char *utf8(struct http_call *c, const char *text)
{
    json_t *is_utf8 = json_string(text);
    json_decref(is_utf8);
    if (is_utf8)
        return text;
    char *out = arena_alloc(&c->arena, 2 * strlen(text) + 1), *at = out;
    for (; *text; text++) {
        unsigned char ch = (unsigned char)*text;
        if (ch >= 0x80)
            *at++ = (char)(0xc0 | ch >> 6);
        *at++ = (char)(ch >= 0x80 ? 0x80 | (ch & 0x3f) : ch);
    }
    *at = '\0';
    return out;
}

static const char *header(struct http_call *c, const char *name)
{
    const char *v = name[0] ? http_header(c, name) : NULL;
    return v ? utf8(c, v) : "";
}

/* "{{ .Login }}" and the like, as the configuration of others writes it. */
static const char *expand(struct http_call *c, const char *template, const struct user *u)
{
    const struct {
        const char *name, *value;
    } fields[] = {{"Login", u->login}, {"Name", u->name}, {"Email", u->email}};
    struct buf out;
    buf_init(&out, 4096);
    for (const char *at = template; *at;) {
        const char *end = at[0] == '{' && at[1] == '{' ? strstr(at, "}}") : NULL;
        if (!end) {
            buf_u8(&out, (uint8_t)*at++);
            continue;
        }
        struct str key = str_trim((struct str){at + 2, (size_t)(end - at - 2)});
        for (size_t i = 0; key.len && i < sizeof fields / sizeof *fields; i++)
            if (key.p[0] == '.' && str_eq((struct str){key.p + 1, key.len - 1}, str_from(fields[i].name)))
                buf_z(&out, fields[i].value);
        at = end + 2;
    }
    const char *z = arena_z(&c->arena, buf_str(&out));
    buf_fini(&out);
    return z;
}

bool user_get(struct http_call *c, const struct console_conf *conf, struct user *u)
{
    const struct console_user_conf *h = &conf->auth.headers, *d = &conf->auth.default_user;
    if (!origin_check(c))
        return false;
    if (h->login[0] && http_header_twice(c, h->login)) { /* one of them may be the visitor's own */
        http_reply_error(
            c, 400, "Two %s headers: the reverse proxy must replace the visitor's, not add to it.", h->login);
        return false;
    }
    *u = (struct user){.login = header(c, h->login)};
    if (u->login[0]) {
        u->name = header(c, h->name);
        u->email = header(c, h->email);
        u->logout_url = header(c, h->logout_url);
        u->avatar_url = header(c, h->avatar_url);
    } else {
        *u = (struct user){d->login, d->name, d->email, d->logout_url, d->avatar_url};
    }
    if (!u->login[0]) {
        http_reply_error(c, 401, "No user: the reverse proxy sent no %s header.", h->login);
        return false;
    }
    if (!u->logout_url[0])
        u->logout_url = expand(c, conf->auth.logout_url, u);
    if (!u->avatar_url[0])
        u->avatar_url = expand(c, conf->auth.avatar_url, u);
    return true;
}

void user_info(struct http_call *c)
{
    struct user u;
    if (!user_get(c, api_of(c)->conf, &u))
        return;
    json_t *o = json_pack("{s:s}", "login", u.login);
    const char *const rest[][2] = {
        {"name", u.name}, {"email", u.email}, {"logout-url", u.logout_url}, {"avatar-url", u.avatar_url}};
    for (size_t i = 0; i < 4; i++)
        if (rest[i][1][0])
            json_object_set_new(o, rest[i][0], json_string(rest[i][1]));
    http_reply_json(c, 200, o);
}

void user_avatar(struct http_call *c)
{
    struct user u;
    if (!user_get(c, api_of(c)->conf, &u))
        return;
    uint64_t h = XXH3_64bits(u.login, strlen(u.login));
    struct buf svg;
    buf_init(&svg, 0);
    unsigned hue = (unsigned)(h % 360);
    buf_printf(&svg,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 7 7\" shape-rendering=\"crispEdges\">"
               "<rect width=\"7\" height=\"7\" fill=\"hsl(%u 30%% 92%%)\"/><g fill=\"hsl(%u 55%% 42%%)\">",
               hue, hue);
    for (unsigned i = 0; i < 15; i++) {
        if (!(h >> (16 + i) & 1))
            continue;
        unsigned x = i / 5, y = i % 5;
        buf_printf(&svg, "<rect x=\"%u\" y=\"%u\" width=\"1\" height=\"1\"/>", x + 1, y + 1);
        if (x < 2)
            buf_printf(&svg, "<rect x=\"%u\" y=\"%u\" width=\"1\" height=\"1\"/>", 5 - x, y + 1);
    }
    buf_z(&svg, "</g></svg>");
    http_reply_header(c, "Cache-Control", "private, max-age=3600");
    http_reply(c, 200, "image/svg+xml", buf_str(&svg));
    buf_fini(&svg);
}
