/* Passes three fixed paths on, nothing else: it cannot be used to reach anything but the roles of this machine. */
#include "api/proxy.h"
#include "api/api.h"
#include "net/http_client.h"
#include <stdio.h>
#include <stdlib.h>

struct proxy {
    char *roles;
};

struct proxy *proxy_new(void)
{
    const char *env = getenv("WEIR_ROLES");
    if (!env || !env[0])
        return NULL;
    struct proxy *p = xcalloc(1, sizeof *p);
    p->roles = xstrdup(env);
    return p;
}

void proxy_free(struct proxy *p)
{
    if (p)
        free(p->roles);
    free(p);
}

static struct str address_of(const struct proxy *p, const char *role)
{
    struct str all = str_from(p ? p->roles : ""), one, name;
    while (str_split(&all, ' ', &one))
        if (str_split(&one, '=', &name) && str_eq(name, str_from(role)))
            return one;
    return (struct str){0};
}

static void pass(struct http_call *c, const char *what)
{
    const char *role = http_param(c, "role");
    struct str to = address_of(api_of(c)->proxy, role);
    if (to.len == 0) {
        http_reply_error(c, 404, "There is no role \"%s\" here.", role);
        return;
    }
    char url[512];
    snprintf(url, sizeof url, "http://%.*s/api/v0/%s/%s", STR_ARG(to), role, what);
    struct http_client *http = http_client_new(NULL);
    struct http_request req = {.url = url, .timeout_ns = 6000000000u};
    struct http_answer ans = {0};
    struct err e;
    if (http_client_do(http, &req, &ans, &e)) {
        http_reply(c, ans.status, ans.content_type, buf_str(&ans.body));
        buf_fini(&ans.body);
    } else {
        http_reply_error(c, 502, "Role %s does not answer: %s", role, e.msg);
    }
    http_client_free(http);
}

void proxy_metrics(struct http_call *c)
{
    pass(c, "metrics");
}

void proxy_version(struct http_call *c)
{
    pass(c, "version");
}

void proxy_health(struct http_call *c)
{
    pass(c, "healthcheck");
}
