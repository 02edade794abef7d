#include "api/answer.h"
#include "api/cache.h"
#include "base/clock.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SQL_HEADER_MAX = 7000 }; /* proxies and browsers stop at 8 KiB */

json_t *answer_body(struct http_call *c)
{
    json_error_t je;
    json_t *v = json_loadb(c->body.p ? c->body.p : "", c->body.len, 0, &je);
    if (!v)
        http_reply_error(c, 400, "The request is no JSON: %s (line %d).", je.text, je.line);
    return v;
}

static bool gone(void *arg)
{
    return http_gone(arg);
}

/* What a question has cost so far, kept with its call. */
struct meter {
    struct query_cost cost;
    uint64_t began_ns;
    bool awaited;           /* the cache knows that this call finds the answer */
    const char *user, *key; /* key: NULL, or instead of method, path and body */
};

static struct meter *meter_of(struct http_call *c)
{
    if (!c->user)
        c->user = ARENA_NEW(&c->arena, struct meter);
    return c->user;
}

/* Whose share of the store a question takes: a login, or for those without one of their own the address. */
static const char *share_of(struct http_call *c)
{
    struct user u;
    char ip[INET6_ADDRSTRLEN] = "";
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (!user_get(c, api_of(c)->conf, &u))
        return NULL;
    const char *own = api_of(c)->conf->auth.default_user.login;
    if (strcmp(u.login, own) != 0)
        return u.login;
    if (getpeername(c->fd, (struct sockaddr *)&ss, &len) == 0)
        inet_ntop(ss.ss_family,
                  ss.ss_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr
                                           : (void *)&((struct sockaddr_in *)&ss)->sin_addr,
                  ip, sizeof ip);
    return arena_printf(&c->arena, "%s@%s", u.login, ip);
}

bool answer_user(struct http_call *c)
{
    struct meter *m = meter_of(c);
    m->user = m->user ? m->user : share_of(c);
    return m->user;
}

struct query_asker answer_asker(struct http_call *c)
{
    struct meter *m = meter_of(c);
    m->began_ns = m->began_ns ? m->began_ns : clock_mono_ns();
    return (struct query_asker){.gone = gone, .arg = c, .user = m->user, .cost = &m->cost};
}

static void put_cost(struct http_call *c, json_t *answer, struct str sql)
{
    const struct meter *m = meter_of(c);
    uint64_t ns = m->began_ns ? clock_mono_ns() - m->began_ns : 0;
    json_object_set_new(answer, "rows-read", json_integer((json_int_t)m->cost.rows));
    json_object_set_new(answer, "bytes-read", json_integer((json_int_t)m->cost.bytes));
    json_object_set_new(answer, "time-ms", json_integer((json_int_t)(ns / 1000000)));
    json_object_set_new(answer, "sql", json_stringn(sql.p ? sql.p : "", sql.len));
}

static struct str key_of(struct http_call *c)
{
    const char *own = meter_of(c)->key;
    return str_from(own ? own : arena_printf(&c->arena, "%s %s %.*s", c->method, c->path, STR_ARG(c->body)));
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
    return answer_cached_as(c, NULL, "application/json; charset=utf-8");
}

bool answer_cached_as(struct http_call *c, const char *key, const char *type)
{
    struct buf body, sql;
    meter_of(c)->key = key;
    buf_init(&body, 0);
    buf_init(&sql, 0);
    bool hit = cache_get(api_of(c)->cache, key_of(c), gone, c, &body, &sql, &meter_of(c)->awaited);
    if (hit) {
        put_sql(c, buf_str(&sql));
        http_reply_header(c, "Cache-Control", "no-store");
        http_reply(c, 200, type, buf_str(&body));
    }
    buf_fini(&body);
    buf_fini(&sql);
    return hit;
}

uint64_t answer_life(const struct api *api, const json_t *answer, uint32_t end, uint32_t now)
{
    enum { SETTLED_S = 300 };
    const uint64_t fresh = UINT64_C(10000000000), all = api->conf->cache_ttl_ns;
    bool whole =
        !json_is_string(json_object_get(answer, "incomplete-from")); /* else more of it may be on the bus */
    return (whole && (uint64_t)end + SETTLED_S < now) || all < fresh ? all : fresh;
}

void answer_release(struct http_call *c)
{
    struct meter *m = meter_of(c);
    if (m->awaited)
        cache_release(api_of(c)->cache, key_of(c));
    m->awaited = false;
}

void answer_cost(struct http_call *c, struct query_answer *out)
{
    put_cost(c, out->json, buf_str(&out->sql));
}

char *answer_text(struct http_call *c, struct query_answer *out)
{
    struct str sql = {(const char *)out->sql.p, out->sql.len};
    if (sql.len && json_object_get(out->json, "table"))
        put_cost(c, out->json, sql);
    char *text = json_dumps(out->json, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(out->json);
    out->json = NULL;
    return text;
}

void answer_keep(struct http_call *c, const char *text, struct str sql, uint64_t ttl_ns)
{
    if (ttl_ns && meter_of(c)->awaited) {
        cache_put(api_of(c)->cache, key_of(c), str_from(text), sql, ttl_ns);
        meter_of(c)->awaited = false;
    }
    answer_release(c);
}

void answer_send(struct http_call *c, struct query_answer *out, uint64_t ttl_ns)
{
    char *text = answer_text(c, out);
    answer_keep(c, text, buf_str(&out->sql), ttl_ns);
    put_sql(c, buf_str(&out->sql));
    http_reply_header(c, "Cache-Control", "no-store");
    http_reply(c, 200, "application/json; charset=utf-8", str_from(text));
    free(text);
    buf_fini(&out->sql);
}

int answer_failure(struct http_call *c, enum query_result r, const struct err *e, struct buf *message)
{
    answer_release(c);
    if (r != QUERY_GONE)
        log_warn("api", "a question was not answered", "path", c->path, "error", e->msg, NULL);
    buf_printf(message, "%s: %s",
               r == QUERY_AWAY   ? "The store does not answer"
               : r == QUERY_BUSY ? "The store cannot answer now"
                                 : "Unable to query the store",
               e->msg);
    return r == QUERY_BUSY ? 503 : 500;
}

void answer_failed(struct http_call *c, enum query_result r, const struct err *e, struct query_answer *out)
{
    struct buf message;
    buf_init(&message, 0);
    int status = answer_failure(c, r, e, &message);
    if (status == 503)
        http_reply_header(c, "Retry-After", "5");
    put_sql(c, buf_str(&out->sql));
    http_reply_error(c, status, "%.*s", STR_ARG(buf_str(&message)));
    buf_fini(&message);
    buf_fini(&out->sql);
}

void answer_refused(struct http_call *c, const struct err *e)
{
    answer_release(c);
    http_reply_error(c, 400, "%s", e->msg);
}
