/*
 * The documentation: Markdown carried in the program, as it is for programs, as HTML with a table of contents for the
 * console. Headings get the ids that links point to; links between pages become links inside of the console.
 */
#include "api/api.h"
#include "api/assets.h"
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *section;
} pages[] = {
#define DOC(name_, section_) {name_, section_},
#include "api/docs.def"
#undef DOC
};

/* "operating", or "operating.md" as the links of the pages themselves are written. */
static const struct embed *page_find(const char *name)
{
    char path[128];
    size_t len = strlen(name);
    bool whole = len > 3 && strcmp(name + len - 3, ".md") == 0;
    snprintf(path, sizeof path, "%s%s", name, whole ? "" : ".md");
    return embed_find(doc_files, doc_files_n, path);
}

static void register_extensions(void)
{
    cmark_gfm_core_extensions_ensure_registered();
}

static cmark_node *parse(struct str markdown)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_extensions);
    cmark_parser *p = cmark_parser_new(CMARK_OPT_DEFAULT);
    const char *const wanted[] = {"table", "strikethrough", "autolink"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cmark_parser_attach_syntax_extension(p, cmark_find_syntax_extension(wanted[i]));
    cmark_parser_feed(p, markdown.p, markdown.len);
    cmark_node *root = cmark_parser_finish(p);
    cmark_parser_free(p);
    return root;
}

static void heading_text(cmark_node *heading, struct buf *out)
{
    cmark_iter *it = cmark_iter_new(heading);
    for (cmark_event_type ev; (ev = cmark_iter_next(it)) != CMARK_EVENT_DONE;) {
        cmark_node *n = cmark_iter_get_node(it);
        if (ev == CMARK_EVENT_ENTER &&
            (cmark_node_get_type(n) == CMARK_NODE_TEXT || cmark_node_get_type(n) == CMARK_NODE_CODE))
            buf_z(out, cmark_node_get_literal(n));
    }
    cmark_iter_free(it);
}

/* "How it works!" -> "how-it-works" */
static void slug(struct str title, struct buf *out)
{
    bool gap = false;
    for (size_t i = 0; i < title.len; i++) {
        unsigned char ch = (unsigned char)title.p[i];
        if (isalnum(ch) || ch >= 0x80) {
            if (gap && out->len)
                buf_u8(out, '-');
            buf_u8(out, (uint8_t)tolower(ch));
            gap = false;
        } else if (ch != '\'' && ch != '`') {
            gap = true;
        }
    }
}

/* The next heading at or below the top level: [{level, id, title}] */
static json_t *headings(cmark_node *root)
{
    json_t *list = json_array();
    for (cmark_node *n = cmark_node_first_child(root); n; n = cmark_node_next(n)) {
        if (cmark_node_get_type(n) != CMARK_NODE_HEADING)
            continue;
        struct buf title, id;
        buf_init(&title, 0);
        buf_init(&id, 0);
        heading_text(n, &title);
        slug(buf_str(&title), &id);
        json_array_append_new(list, json_pack("{s:i, s:s%, s:s%}", "level", cmark_node_get_heading_level(n),
                                              "id", id.p ? (char *)id.p : "", id.len, "title",
                                              title.p ? (char *)title.p : "", title.len));
        buf_fini(&title);
        buf_fini(&id);
    }
    return list;
}

/* "operating.md#backups" -> "docs/operating#backups"; "images/x.png" -> "assets/docs/x.png" */
static void rewrite_links(cmark_node *root)
{
    cmark_iter *it = cmark_iter_new(root);
    for (cmark_event_type ev; (ev = cmark_iter_next(it)) != CMARK_EVENT_DONE;) {
        cmark_node *n = cmark_iter_get_node(it);
        cmark_node_type type = cmark_node_get_type(n);
        if (ev != CMARK_EVENT_ENTER || (type != CMARK_NODE_LINK && type != CMARK_NODE_IMAGE))
            continue;
        const char *url = cmark_node_get_url(n), *md = strstr(url, ".md");
        char to[512];
        if (strstr(url, "://"))
            continue;
        if (type == CMARK_NODE_IMAGE && strncmp(url, "images/", 7) == 0)
            snprintf(to, sizeof to, "assets/docs/%s", url + 7);
        else if (type == CMARK_NODE_LINK && md && (md[3] == 0 || md[3] == '#'))
            snprintf(to, sizeof to, "docs/%.*s%s", (int)(md - url), url, md + 3);
        else
            continue;
        cmark_node_set_url(n, to);
    }
    cmark_iter_free(it);
}

/* Headings were rendered in order; raw HTML never passes, so "<h2>" can only be one of them. */
static void add_ids(struct buf *out, const char *html, json_t *heads)
{
    size_t next = 0;
    for (const char *at = html; *at;) {
        bool heading = at[0] == '<' && at[1] == 'h' && at[2] >= '1' && at[2] <= '6' && at[3] == '>';
        json_t *h = heading ? json_array_get(heads, next) : NULL;
        if (h) {
            buf_printf(out, "<h%c id=\"%s\">", at[2], json_string_value(json_object_get(h, "id")));
            at += 4;
            next++;
        } else {
            buf_u8(out, (uint8_t)*at++);
        }
    }
}

static json_t *contents(void)
{
    json_t *toc = json_array();
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        const struct embed *f = page_find(pages[i].name);
        if (!f)
            continue;
        cmark_node *root = parse(f->data);
        json_array_append_new(toc, json_pack("{s:s, s:s, s:o}", "name", pages[i].name, "section",
                                             pages[i].section, "headers", headings(root)));
        cmark_node_free(root);
    }
    return toc;
}

static bool wants(struct http_call *c, const char *type)
{
    const char *accept = http_header(c, "Accept");
    return accept && strstr(accept, type);
}

void docs_get(struct http_call *c)
{
    const struct embed *f = page_find(http_param(c, "name"));
    http_reply_header(c, "Vary", "Accept");
    if (!f) {
        http_reply_error(c, 404, "There is no such page in the documentation.");
        return;
    }
    if (wants(c, "text/markdown") && !wants(c, "application/json")) {
        assets_reply(c, f, "no-cache");
        return;
    }
    cmark_node *root = parse(f->data);
    json_t *heads = headings(root);
    rewrite_links(root);
    char *html = cmark_render_html(root, CMARK_OPT_DEFAULT, NULL);
    struct buf out;
    buf_init(&out, 0);
    add_ids(&out, html, heads);
    http_reply_json(c, 200, json_pack("{s:s%, s:o}", "markdown", (char *)out.p, out.len, "toc", contents()));
    buf_fini(&out);
    free(html);
    json_decref(heads);
    cmark_node_free(root);
}

/* The same address serves people and programs. */
void docs_page(struct http_call *c)
{
    const struct embed *f = page_find(http_param(c, "name"));
    http_reply_header(c, "Vary", "Accept");
    if (wants(c, "text/html"))
        assets_reply_page(c);
    else if (f)
        assets_reply(c, f, "no-cache");
    else
        http_reply_error(c, 404, "There is no such page in the documentation.");
}
