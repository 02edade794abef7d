#include "api/answer.h"
#include "api/cache.h"
#include "base/log.h"
#include <stdlib.h>

enum { SQL_HEADER_MAX = 7000 }; /* proxies and browsers stop at 8 KiB */

json_t *answer_body(struct http_call *c)
{
    json_error_t je;
    json_t *v = json_loadb(c->body.p ? c->body.p : "", c->body.len, 0, &je);
    if (!v)
        http_reply_error(c, 400, "The request is no JSON: %s (line %d).", je.text, je.line);
    return v;
}

bool answer_user(struct http_call *c)
{
    struct user u;
    return user_get(c, api_of(c)->conf, &u);
}

static bool gone(void *arg)
{
    return http_gone(arg);
}

struct query_asker answer_asker(struct http_call *c)
{
    return (struct query_asker){.gone = gone, .arg = c};
}

static struct str key_of(struct http_call *c)
{
    return str_from(arena_printf(&c->arena, "%s %s %.*s", c->method, c->path, STR_ARG(c->body)));
}

/* A header holds one line; a longer statement is cut, with a word that says so. */
static void put_sql(struct http_call *c, struct str sql)
{
    if (!sql.len)
        return;
    bool cut = sql.len > SQL_HEADER_MAX;
    char *text = arena_printf(&c->arena, "%.*s%s", (int)(cut ? SQL_HEADER_MAX : sql.len), sql.p,
                              cut ? " /* shortened */" : "");
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
            *at = *at == '\n' || *at == '\t' ? ' ' : '?';
    http_reply_header(c, "X-SQL-Query", text);
}

bool answer_cached(struct http_call *c)
{
    struct buf body, sql;
    buf_init(&body, 0);
    buf_init(&sql, 0);
    bool hit = cache_get(api_of(c)->cache, key_of(c), &body, &sql);
    if (hit) {
        put_sql(c, buf_str(&sql));
        http_reply_header(c, "Cache-Control", "no-store");
        http_reply(c, 200, "application/json; charset=utf-8", buf_str(&body));
    }
    buf_fini(&body);
    buf_fini(&sql);
    return hit;
}

void answer_send(struct http_call *c, struct query_answer *out, uint64_t ttl_ns)
{
    char *text = json_dumps(out->json, JSON_COMPACT | JSON_REAL_PRECISION(12));
    struct str sql = {(const char *)out->sql.p, out->sql.len};
    json_decref(out->json);
    if (ttl_ns)
        cache_put(api_of(c)->cache, key_of(c), str_from(text), sql, ttl_ns);
    put_sql(c, sql);
    http_reply_header(c, "Cache-Control", "no-store");
    http_reply(c, 200, "application/json; charset=utf-8", str_from(text));
    free(text);
    buf_fini(&out->sql);
}

void answer_failed(struct http_call *c, enum query_result r, const struct err *e, struct query_answer *out)
{
    if (r != QUERY_GONE)
        log_warn("api", "a question was not answered", "path", c->path, "error", e->msg, NULL);
    put_sql(c, buf_str(&out->sql));
    switch (r) {
    case QUERY_AWAY:
        http_reply_error(c, 500, "The store does not answer: %s", e->msg);
        break;
    case QUERY_BUSY:
        http_reply_error(c, 500, "The store cannot answer now: %s", e->msg);
        break;
    default:
        http_reply_error(c, 500, "Unable to query the store: %s", e->msg);
    }
    buf_fini(&out->sql);
}
