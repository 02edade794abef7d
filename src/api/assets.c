/*
 * Files under assets/ have their hash in their name and are kept for ever; all else is asked for again each time, cheaply.
 * A path that is no file may be a page of the console; its own router shows those, and says that others are not there.
 */
#include "api/assets.h"
#include "api/api.h"
#include "net/encoding.h"
#include <stdio.h>

/* No script, style or request from elsewhere; style attributes are what the editor and charts set. */
#define POLICY                                                                                               \
    "default-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; "           \
    "base-uri 'self'; form-action 'none'; object-src 'none'"

static bool accepts_gzip(struct http_call *c)
{
    struct str rest = str_from(http_header(c, "Accept-Encoding")), item;
    while (str_split(&rest, ',', &item))
        if (encoding_accepted(arena_z(&c->arena, item)) == ENCODING_GZIP)
            return true;
    return false;
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

static void reply_page(struct http_call *c, int status)
{
    const char *url_prefix = api_of(c)->conf->url_prefix;
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
    http_reply(c, status, "text/html; charset=utf-8", buf_str(&html));
    buf_fini(&html);
}

void assets_reply_page(struct http_call *c)
{
    reply_page(c, 200);
}

static bool below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || !path[n]);
}

/* Those of web/src/router.ts: "/" and all below these. */
static bool is_page(const char *path)
{
    static const char *const pages[] = {"visualize", "compare", "flows", "docs"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (below(path, pages[i]))
            return true;
    return !path[0];
}

/* People see the page say it; programs, and whoever wants a file, hear it in a line. */
static void not_there(struct http_call *c, const char *path)
{
    const char *accept = http_header(c, "Accept"), *slash = strrchr(path, '/');
    bool is_file = strchr(slash ? slash : path, '.') || below(path, "assets");
    if (below(path, "api"))
        http_reply_error(c, 404, "There is no such endpoint.");
    else if (is_file || !accept || !strstr(accept, "text/html"))
        http_reply_error(c, 404, "There is no such file or page.");
    else
        reply_page(c, 404);
}

static const struct embed *image_of_docs(const char *path)
{
    static const char docs[] = "assets/docs/";
    char image[256];
    if (strncmp(path, docs, sizeof docs - 1) != 0)
        return NULL;
    snprintf(image, sizeof image, "images/%s", path + sizeof docs - 1);
    return embed_find(doc_files, doc_files_n, image);
}

void assets_get(struct http_call *c)
{
    const char *path = c->path + strspn(c->path, "/");
    const char *file = strcmp(path, "favicon.ico") == 0 ? "favicon.svg" : path;
    const struct embed *f = embed_find(web_files, web_files_n, file), *image = f ? NULL : image_of_docs(path);
    if (image)
        assets_reply(c, image, "max-age=3600");
    else if (f && strcmp(f->path, "index.html") != 0)
        assets_reply(c, f, below(path, "assets") ? "public, max-age=31536000, immutable" : "no-cache");
    else if (strcmp(path, "robots.txt") == 0) /* a console is of its people */
        http_reply(c, 200, "text/plain; charset=utf-8", STR("User-agent: *\nDisallow: /\n"));
    else if (f || is_page(path))
        reply_page(c, 200);
    else
        not_there(c, path);
}
