/*
 * Browsers say themselves where a request comes from (Sec-Fetch-Site). Older ones send Origin, which must name the host that
 * was asked, or the one that the reverse proxy in front was asked for. Programs send neither.
 */
#include "api/origin.h"

static bool names(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    return host && authority && strcasecmp(authority + 3, host) == 0;
}

bool origin_check(struct http_call *c)
{
    if (strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0)
        return true;
    const char *site = http_header(c, "Sec-Fetch-Site"), *origin = http_header(c, "Origin");
    bool ours;
    if (site)
        ours = strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    else
        ours = !origin || names(origin, http_header(c, "Host")) ||
               names(origin, http_header(c, "X-Forwarded-Host"));
    if (!ours)
        http_reply_error(c, 403, "This comes from a page of another site.");
    return ours;
}
