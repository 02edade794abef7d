/* libcurl's own parser, so that what is checked here is what is connected to there. */
#include "net/url.h"
#include "base/arena.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { URL_MOST = 8192 };

static CURLUcode part(CURLU *u, CURLUPart which, unsigned flags, char **out)
{
    *out = NULL;
    return curl_url_get(u, which, out, flags);
}

static bool is_http(CURLU *u, bool *tls)
{
    char *scheme;
    bool ok = part(u, CURLUPART_SCHEME, 0, &scheme) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    *tls = ok && scheme[4] == 's';
    curl_free(scheme);
    return ok;
}

/* Without who asks, also where it is no URL. */
static const char *told(const char *url)
{
    const char *at = strrchr(url, '@');
    return at ? at + 1 : url;
}

static bool set(CURLU *u, const char *url, struct err *e)
{
    bool tls;
    if (strlen(url) > URL_MOST)
        return err_set(e, "the URL is longer than %d bytes", URL_MOST);
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, url, 0);
    if (rc != CURLUE_OK && rc != CURLUE_UNSUPPORTED_SCHEME)
        return err_set(e, "%s is no URL: %s", told(url), curl_url_strerror(rc));
    if (rc != CURLUE_OK || !is_http(u, &tls))
        return err_set(e, "%s: only http and https", told(url));
    return true;
}

bool url_check(const char *url, struct err *e)
{
    CURLU *u = curl_url();
    bool ok = set(u, url, e);
    curl_url_cleanup(u);
    return ok;
}

char *url_resolve(const char *base, struct str to, struct err *e)
{
    char *text = strndup(to.p, to.len), *full = NULL, *out = NULL;
    CURLU *u = curl_url();
    bool before = false, after = false;
    if (set(u, base, e) && is_http(u, &before) && set(u, text, e) && is_http(u, &after)) {
        if (before && !after)
            err_set(e, "%s leads from https to http", text);
        else if (part(u, CURLUPART_URL, 0, &full) == CURLUE_OK)
            out = xstrdup(full);
    }
    curl_free(full);
    curl_url_cleanup(u);
    free(text);
    return out;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart which)
{
    char *x = NULL, *y = NULL;
    bool same = part(a, which, CURLU_DEFAULT_PORT, &x) == CURLUE_OK &&
                part(b, which, CURLU_DEFAULT_PORT, &y) == CURLUE_OK && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

bool url_same_origin(const char *a, const char *b)
{
    CURLU *x = curl_url(), *y = curl_url();
    bool same = curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK && same_part(x, y, CURLUPART_SCHEME) &&
                same_part(x, y, CURLUPART_HOST) && same_part(x, y, CURLUPART_PORT);
    curl_url_cleanup(x);
    curl_url_cleanup(y);
    return same;
}

struct str url_user(const char *url)
{
    const char *colon = memmem(url, strcspn(url, "?#"), "://", 3), *from = colon ? colon + 3 : url;
    const char *at = memrchr(from, '@', strcspn(from, "/?#"));
    return (struct str){from, at ? (size_t)(at + 1 - from) : 0};
}

const char *url_bare(const char *url, char out[URL_BARE])
{
    struct str user = url_user(url);
    const char *host = user.p + user.len;
    snprintf(out, URL_BARE, "%.*s%.*s", (int)(user.p - url), url, (int)strcspn(host, "?#"), host);
    return out;
}
