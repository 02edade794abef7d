/*
 * Files under assets/ have their hash in their name and are kept for ever; all else is asked for again each time, cheaply.
 * A path that is no file is a page of the console: its own router knows which.
 */
#include "api/assets.h"
#include "api/api.h"
#include <stdio.h>

/* No script, style or request from elsewhere; style attributes are what the editor and charts set. */
#define POLICY                                                                                               \
    "default-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; "           \
    "base-uri 'self'; form-action 'none'; object-src 'none'"

static bool accepts_gzip(struct http_call *c)
{
    const char *v = http_header(c, "Accept-Encoding");
    return v && strstr(v, "gzip");
}

void assets_reply(struct http_call *c, const struct embed *f, const char *cache_control)
{
    char etag[40];
    const char *have = http_header(c, "If-None-Match");
    bool packed = f->gzip.len && accepts_gzip(c);
    snprintf(etag, sizeof etag, "\"%s%s\"", f->etag, packed ? "-gz" : "");
    http_reply_header(c, "ETag", etag);
    http_reply_header(c, "Cache-Control", cache_control);
    http_reply_header(c, "Vary", "Accept-Encoding");
    if (have && strstr(have, etag)) {
        http_reply(c, 304, f->type, STR(""));
        return;
    }
    if (packed)
        http_reply_header(c, "Content-Encoding", "gzip");
    http_reply(c, 200, f->type, packed ? f->gzip : f->data);
}

static void not_built(struct http_call *c)
{
    http_reply(c, 503, "text/plain; charset=utf-8",
               STR("This program was built without its page. Build it with script/build, which makes the "
                   "page first.\n"
                   "The API answers all the same, under /api/v0/console/.\n"));
}

void assets_reply_page(struct http_call *c, const char *url_prefix)
{
    static const struct str mark = {"<base href=\"/\"", 14};
    const struct embed *page = embed_find(web_files, web_files_n, "index.html");
    if (!page) {
        not_built(c);
        return;
    }
    struct buf html;
    buf_init(&html, 0);
    const char *at = memmem(page->data.p, page->data.len, mark.p, mark.len);
    size_t before = at ? (size_t)(at - page->data.p) : 0;
    buf_add(&html, page->data.p, before);
    if (at) {
        buf_z(&html, "<base href=\"");
        for (const char *z = url_prefix[0] ? url_prefix : "/"; *z; z++)
            if (*z != '"' && *z != '<' && *z != '>' && *z != '&')
                buf_u8(&html, (uint8_t)*z);
        buf_z(&html, html.p[html.len - 1] == '/' ? "\"" : "/\"");
        before += mark.len;
    }
    buf_add(&html, page->data.p + before, page->data.len - before);
    http_reply_header(c, "Content-Security-Policy", POLICY);
    http_reply_header(c, "Cache-Control", "no-cache");
    http_reply_header(c, "Referrer-Policy", "same-origin");
    http_reply_header(c, "X-Frame-Options", "DENY");
    http_reply(c, 200, "text/html; charset=utf-8", buf_str(&html));
    buf_fini(&html);
}

void assets_get(struct http_call *c)
{
    const char *path = c->path + strspn(c->path, "/");
    const struct embed *f = embed_find(web_files, web_files_n, path);
    static const char docs[] = "assets/docs/";
    if (!f && strncmp(path, docs, sizeof docs - 1) == 0) {
        char image[256];
        snprintf(image, sizeof image, "images/%s", path + sizeof docs - 1);
        f = embed_find(doc_files, doc_files_n, image);
        if (f) {
            assets_reply(c, f, "max-age=3600");
            return;
        }
    }
    if (f && strcmp(f->path, "index.html") != 0)
        assets_reply(c, f,
                     strncmp(path, "assets/", 7) == 0 ? "public, max-age=31536000, immutable" : "no-cache");
    else if (strncmp(path, "api/", 4) == 0)
        http_reply_error(c, 404, "There is no such endpoint.");
    else if (strncmp(path, "assets/", 7) == 0)
        http_reply_error(c, 404,
                         "There is no such file."); /* of an older version: the page must not come instead */
    else
        assets_reply_page(c, api_of(c)->conf->url_prefix);
}
