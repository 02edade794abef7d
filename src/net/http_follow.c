/* By hand rather than by libcurl, which would send an operator's own headers to whoever a redirect names. */
#include "net/http_follow.h"
#include "base/arena.h"
#include "net/url.h"
#include <stdlib.h>

enum { REDIRECTS = 5 };

struct hop {
    const struct http_request *req; /* the caller's */
    char *location;
};

static void on_header(void *arg, struct str name, struct str value)
{
    struct hop *h = arg;
    if (str_eq_nocase(name, STR("Location")) && !h->location)
        h->location = strndup(value.p, value.len);
    if (h->req->header)
        h->req->header(h->req->header_arg, name, value);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

enum http_follow http_follow(struct http_client *c, const struct http_request *req, const char *home,
                             struct http_answer *ans, char **url, struct err *e)
{
    struct http_request one = *req;
    struct hop hop = {.req = req};
    one.header = on_header;
    one.header_arg = &hop;
    *url = xstrdup(req->url);
    for (unsigned hops = 0;; hops++) {
        one.url = *url;
        if (!url_same_origin(home ? home : req->url, *url)) {
            one.headers = NULL;
            one.user = one.password = NULL;
        }
        if (!http_client_do(c, &one, ans, e)) {
            free(hop.location);
            return ans->body.full ? FOLLOW_TOO_LARGE : FOLLOW_FAILED;
        }
        if (!is_redirect(ans->status) || !hop.location) {
            free(hop.location);
            return FOLLOW_OK;
        }
        char *to = NULL, bare[URL_BARE];
        if (hops == REDIRECTS)
            err_set(e, "%s: more than %d redirects", url_bare(req->url, bare), REDIRECTS);
        else if (!(to = url_resolve(*url, str_from(hop.location), e)))
            err_wrap(e, "redirect by %s", url_bare(*url, bare));
        free(hop.location);
        hop.location = NULL;
        if (!to)
            return FOLLOW_LEADS_AWAY;
        if (ans->status < 304) /* RFC 9110 15.4.2-4: a POST becomes a GET */
            one.method = one.method ? "GET" : NULL;
        free(*url);
        *url = to;
        buf_fini(&ans->body);
    }
}
