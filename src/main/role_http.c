/*
 * Routes that every role has: metrics, version, healthcheck, each under the common and the role's own path. The console
 * of `weir run` also answers these for the other roles, by asking them.
 */
#include "base/counters.h"
#include "main/role_run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* "inlet=127.0.0.1:8082 outlet=..." from `weir run` to the console */
#define ROLES_ENV "WEIR_ROLES"

/* What Prometheus' own clients say of their process. */
static void process_metrics(struct buf *b)
{
    struct rusage u;
    long pages = 0, whole;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%ld %ld", &whole, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    getrusage(RUSAGE_SELF, &u);
    buf_printf(b,
               "# HELP process_cpu_seconds_total CPU time, user and system.\n# TYPE "
               "process_cpu_seconds_total counter\n"
               "process_cpu_seconds_total %.6f\n",
               (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                   (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    buf_printf(
        b,
        "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
        "process_resident_memory_bytes %ld\n",
        pages * sysconf(_SC_PAGESIZE));
    buf_printf(
        b, "# HELP weir_info Version of the program.\n# TYPE weir_info gauge\nweir_info{version=\"%s\"} 1\n",
        WEIR_VERSION);
}

static void metrics(struct http_call *c)
{
    struct buf b;
    buf_init(&b, 0);
    counters_render(&b);
    process_metrics(&b);
    http_reply(c, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&b));
    buf_fini(&b);
}

static void version(struct http_call *c)
{
    http_reply_json(c, 200, json_pack("{s:s, s:s}", "version", WEIR_VERSION, "compiler", __VERSION__));
}

/* ---- health ---- */

static int worse(const char *status)
{
    return strcmp(status, "error") == 0 ? 2 : strcmp(status, "warning") == 0 ? 1 : 0;
}

static size_t config_health(struct role_run *r, struct role_health *out)
{
    *out = (struct role_health){"configuration", "ok", ""};
    pthread_mutex_lock(&r->lock);
    snprintf(out->reason, sizeof out->reason, "%.120s%s%s%.60s%s%.40s", r->bad_config,
             *r->bad_config && *r->restart_for ? "; " : "", *r->restart_for ? "restart needed for: " : "",
             r->restart_for, (*r->bad_config || *r->restart_for) && *r->away ? "; " : "", r->away);
    if (*out->reason)
        out->status = "warning";
    pthread_mutex_unlock(&r->lock);
    return 1;
}

static void healthcheck(struct http_call *c)
{
    static const char *const names[] = {"ok", "warning", "error"};
    enum { ROOM = 32 };
    struct role_run *r = c->arg;
    struct role_health h[ROOM];
    int worst = 0;
    size_t n = config_health(r, h);
    if (r->role->health)
        n += r->role->health(&r->ctx, h + n, ROOM - n);
    json_t *details = json_object();
    for (size_t i = 0; i < n; i++) {
        int w = worse(h[i].status);
        worst = w > worst ? w : worst;
        json_object_set_new(details, h[i].component,
                            json_pack("{s:s, s:s}", "status", h[i].status, "reason", h[i].reason));
    }
    http_reply_json(c, worst == 2 ? 503 : 200,
                    json_pack("{s:s, s:o}", "status", names[worst], "details", details));
}

/* ---- other roles, for the console of `weir run` ---- */

static const char *address_of(struct arena *a, const char *role)
{
    struct str all = str_from(getenv(ROLES_ENV)), one, name;
    while (all.p && str_split(&all, ' ', &one))
        if (str_split(&one, '=', &name) && str_eq(name, str_from(role)))
            return arena_z(a, one);
    return NULL;
}

static void other_role(struct http_call *c)
{
    const char *role = http_param(c, "role"), *what = strrchr(c->path, '/') + 1;
    const char *address = address_of(&c->arena, role);
    if (!address) {
        http_reply_error(c, 404, "There is no role \"%s\" here.", role);
        return;
    }
    struct err e;
    struct http_answer a = {0};
    struct http_request req = {.url = arena_printf(&c->arena, "http://%s/api/v0/%s/%s", address, role, what),
                               .timeout_ns = 5000000000u};
    struct http_client *client = http_client_new(NULL);
    if (http_client_do(client, &req, &a, &e))
        http_reply(c, a.status, a.content_type, buf_str(&a.body));
    else
        http_reply_error(c, 502, "%s does not answer: %s", role, e.msg);
    buf_fini(&a.body);
    http_client_free(client);
}

static const struct http_route other_routes[] = {
    {"GET", "/api/v0/{role}/metrics", other_role, "Metrics of another role."},
    {"GET", "/api/v0/{role}/healthcheck", other_role, "Health of another role."},
    {"GET", "/api/v0/{role}/version", other_role, "Version of another role."},
};
enum { N_OTHER = sizeof other_routes / sizeof *other_routes };

/* ---- server ---- */

void role_http_tables(struct role_run *r)
{
    static const struct {
        const char *what;
        http_handler *handler;
    } common[] = {{"metrics", metrics}, {"version", version}, {"healthcheck", healthcheck}};
    for (size_t i = 0; i < 3; i++) {
        const char *path = arena_printf(&r->arena, "/api/v0/%s", common[i].what);
        const char *own = arena_printf(&r->arena, "/api/v0/%s/%s", r->role->name, common[i].what);
        r->common[2 * i] = (struct http_route){"GET", path, common[i].handler, common[i].what};
        r->common[2 * i + 1] = (struct http_route){"GET", own, common[i].handler, common[i].what};
    }
    r->tables[r->n_tables++] = (struct http_routes){r->common, 6, r};
    if (r->service)
        r->tables[r->n_tables++] = (struct http_routes){config_service_routes, 2, r->service};
    if (r->id == ROLE_CONSOLE &&
        getenv(ROLES_ENV)) /* before the role's own, which may end in one for all paths */
        r->tables[r->n_tables++] = (struct http_routes){other_routes, N_OTHER, r};
    r->tables[r->n_tables++] = (struct http_routes){r->role->routes, r->role->n_routes, &r->ctx};
    r->ctx.tables[0] = r->tables[0];
    r->ctx.tables[1] = r->tables[r->n_tables - 1];
}

bool role_http_start(struct role_run *r, struct err *e)
{
    if (r->role->own_http)
        return true;
    if (r->role->routes_take_state)
        r->tables[r->n_tables - 1].arg = r->ctx.state;
    const struct conf_http *conf = &config_common(r->current, r->id, r->section)->http;
    const struct http_limits limits = {.connections = r->role->connections,
                                       .check_host = true,
                                       .hosts = conf->hosts.items,
                                       .n_hosts = conf->hosts.n};
    r->http = http_server_new_limited(r->ctx.http_listen, r->tables, r->n_tables, &limits, e);
    return r->http ||
           err_wrap(e, "%s.http.listen", r->id == ROLE_ORCHESTRATOR ? "orchestrator" : r->role->name);
}

const char *role_http_address(const struct role_run *r, char *out, size_t room)
{
    const char *listen = r->ctx.http_listen, *colon = strrchr(listen, ':');
    if (!r->http || !colon)
        return listen;
    snprintf(out, room, "%.*s:%u", (int)(colon - listen), listen, http_server_port(r->http));
    return out;
}

void role_http_stop(struct role_run *r)
{
    if (r->http)
        http_server_free(r->http);
    r->http = NULL;
}
