/* The service's address follows from its root; see orch/config_service.h for the other side. */
#include "main/source.h"
#include "orch/config_service.h"
#include <stdio.h>
#include <stdlib.h>

/* Environment variable with the token that lets a role see secrets; `weir run` sets it. */
#define TOKEN_ENV "WEIR_CONFIG_TOKEN"

static bool cut_index(struct str *s, size_t *index)
{
    for (size_t i = s->len; i-- > 0;)
        if (s->p[i] == '#') {
            uint64_t n;
            if (!str_u64((struct str){s->p + i + 1, s->len - i - 1}, &n) || n > 65535)
                return false;
            *index = (size_t)n;
            s->len = i;
            return true;
        }
    return true;
}

bool source_init(struct source *s, const char *text, const char *role, struct arena *a, struct err *e)
{
    *s = (struct source){0};
    struct str rest = str_from(text);
    s->is_url = str_starts(rest, STR("http://")) || str_starts(rest, STR("https://"));
    if (!cut_index(&rest, &s->index)) {
        if (s->is_url)
            return err_set(e, "%s: behind # must be a number", text);
        rest = str_from(text); /* a file may have any name */
    }
    if (!s->is_url) {
        s->path = arena_z(a, rest);
        return true;
    }
    const char *host = strstr(text, "://") + 3;
    const char *slash = memchr(host, '/', rest.len - (size_t)(host - text));
    bool bare = !slash || slash == rest.p + rest.len - 1;
    if (bare) {
        while (rest.len && rest.p[rest.len - 1] == '/')
            rest.len--;
        s->path = arena_printf(a, "%.*s/api/v0/orchestrator/configuration/%s", STR_ARG(rest), role);
        if (s->index > 0)
            s->path = arena_printf(a, "%s/%zu", s->path, s->index);
    } else {
        s->path = s->index > 0 ? arena_printf(a, "%.*s/%zu", STR_ARG(rest), s->index) : arena_z(a, rest);
    }
    const char *token = getenv(TOKEN_ENV);
    if (token && *token)
        s->authorization = arena_printf(a, "Authorization: Bearer %s", token);
    s->http = http_client_new(NULL);
    return true;
}

void source_fini(struct source *s)
{
    if (s->http)
        http_client_free(s->http);
    s->http = NULL;
}

static bool is_yaml(const char *content_type)
{
    return strstr(content_type, "yaml") || strncmp(content_type, "text/plain", 10) == 0 || !*content_type;
}

enum source_result source_fetch(struct source *s, struct buf *out, struct err *e)
{
    char known[64];
    const char *headers[4] = {"Accept: application/x-yaml"};
    size_t n = 1;
    if (s->authorization)
        headers[n++] = s->authorization;
    if (s->etag[0]) {
        snprintf(known, sizeof known, "If-None-Match: %s", s->etag);
        headers[n++] = known;
    }
    struct http_request req = {
        .url = s->path, .headers = headers, .timeout_ns = 5000000000u, .max_reply = 16 << 20};
    struct http_answer a = {0};
    enum source_result result = SOURCE_FAILED;
    if (!http_client_do(s->http, &req, &a, e)) {
        err_wrap(e, "cannot fetch the configuration");
    } else if (a.status == 304) {
        result = SOURCE_SAME;
    } else if (a.status == 404) {
        err_set(e, "%s answered that it has no such section (status 404)", s->path);
        result = SOURCE_ABSENT;
    } else if (a.status != 200) {
        err_set(e, "%s answered with status %d", s->path, a.status);
    } else if (!is_yaml(a.content_type)) {
        err_set(e, "%s answered with %s, not with YAML", s->path, a.content_type);
    } else {
        char etag[CONFIG_ETAG_LEN];
        config_service_etag(buf_str(&a.body), etag);
        result = strcmp(etag, s->etag) == 0 ? SOURCE_SAME : SOURCE_NEW;
        snprintf(s->etag, sizeof s->etag, "%s", etag);
        if (result == SOURCE_NEW)
            buf_str_add(out, buf_str(&a.body));
    }
    buf_fini(&a.body);
    return result;
}
