/*
 * The plan follows from the configuration alone. Children get the same command line as by hand; what only this machine's
 * supervisor knows (sockets, secrets, where the other roles are) goes through the environment.
 */
#include "main/datadir.h"
#include "main/role.h"
#include "main/run/run.h"
#include "net/http_listen.h"
#include "rx/udp_socket.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Order of starting; they are stopped the other way round. */
static const enum config_role order[] = {ROLE_ORCHESTRATOR, ROLE_INLET,   ROLE_STORE,
                                         ROLE_OUTLET,       ROLE_CONSOLE, ROLE_DEMO};

static const char *listen_of(const struct run *r, enum config_role role, size_t index)
{
    return config_common(&r->config, role, index)->http.listen;
}

/* Sections of one role that leave http.listen at its default cannot all have it: the later ones get any free port. */
static bool listen_taken(const struct run *r, enum config_role role, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(listen_of(r, role, i), listen_of(r, role, index)) == 0)
            return true;
    return false;
}

static void child_add(struct run *r, enum config_role role, size_t index)
{
    struct run_child *c = &r->children[r->n++];
    *c = (struct run_child){.role = role, .index = index, .wanted = true};
    if (config_count(&r->config, role) > 1)
        snprintf(c->name, sizeof c->name, "%s %zu", config_roles[role].name, index + 1);
    else
        snprintf(c->name, sizeof c->name, "%s", config_roles[role].name);
    if (!listen_taken(r, role, index))
        c->http = config_reach(&r->arena, listen_of(r, role, index));
}

/* ---- command line and environment ---- */

static void child_argv(struct run *r, struct run_child *c)
{
    char **a = c->argv = arena_array(&r->arena, 8, sizeof *a);
    const char *orchestrator = config_reach(&r->arena, listen_of(r, ROLE_ORCHESTRATOR, 0));
    size_t n = 0;
    a[n++] = arena_strdup(&r->arena, "weir");
    a[n++] = arena_strdup(&r->arena, config_roles[c->role].name);
    if (c->role == ROLE_ORCHESTRATOR)
        a[n++] = arena_strdup(&r->arena, r->config_path);
    else if (c->index > 0)
        a[n++] = arena_printf(&r->arena, "http://%s#%zu", orchestrator, c->index);
    else
        a[n++] = arena_printf(&r->arena, "http://%s", orchestrator);
    a[n++] = arena_strdup(&r->arena, "--data-dir");
    a[n++] = arena_strdup(&r->arena, r->data_dir);
}

static const char *roles_env(struct run *r)
{
    struct buf b;
    buf_init(&b, 0);
    buf_z(&b, "WEIR_ROLES=");
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].index == 0 && r->children[i].http && r->children[i].role != ROLE_CONSOLE)
            buf_printf(&b, "%s=%s ", config_roles[r->children[i].role].name, r->children[i].http);
    const char *z = arena_z(&r->arena, buf_str(&b));
    buf_fini(&b);
    return z;
}

static const char *listen_env(struct run *r, const struct run_child *c)
{
    struct buf b;
    buf_init(&b, 0);
    buf_z(&b, "WEIR_CFG_");
    for (const char *z = config_roles[c->role].name; *z; z++)
        if (*z != '-')
            buf_u8(&b, (uint8_t)(*z & ~32));
    buf_z(&b, "_HTTP_LISTEN=127.0.0.1:0");
    const char *z = arena_z(&r->arena, buf_str(&b));
    buf_fini(&b);
    return z;
}

static bool drop_from_env(const char *var)
{
    return strncmp(var, "LISTEN_PID=", 11) == 0 || strncmp(var, "LISTEN_FDS=", 11) == 0 ||
           strncmp(var, "LISTEN_FDNAMES=", 15) == 0 || strncmp(var, "WEIR_ROLES=", 11) == 0 ||
           strncmp(var, "WEIR_CONFIG_TOKEN=", 18) == 0 || strncmp(var, "WEIR_PARENT=", 12) == 0 ||
           strncmp(var, ROLE_LAST_WORDS_ENV "=", sizeof ROLE_LAST_WORDS_ENV) == 0 ||
           strncmp(var, UDP_SOCKET_ENV "=", sizeof UDP_SOCKET_ENV) == 0 ||
           strncmp(var, "NOTIFY_SOCKET=", 14) == 0;
}

static void child_env(struct run *r, struct run_child *c, const char *token, const char *sockets)
{
    extern char **environ;
    size_t n = 0, have = 0;
    while (environ[have])
        have++;
    c->env = arena_array(&r->arena, have + 9, sizeof *c->env);
    for (size_t i = 0; i < have; i++)
        if (!drop_from_env(environ[i]))
            c->env[n++] = environ[i];
    c->env[n++] = arena_printf(&r->arena, "WEIR_CONFIG_TOKEN=%s", token);
    c->env[n++] = arena_printf(&r->arena, "WEIR_PARENT=%d", (int)getpid());
    c->words = memfd_create("last words", MFD_CLOEXEC);
    if (c->words >= 0)
        c->env[n++] = arena_printf(&r->arena, ROLE_LAST_WORDS_ENV "=%d", c->words);
    if (sockets)
        c->env[n++] = arena_printf(&r->arena, "%s=%s", UDP_SOCKET_ENV, sockets);
    if (c->role == ROLE_CONSOLE)
        c->env[n++] = arena_strdup(&r->arena, roles_env(r));
    if (!c->http)
        c->env[n++] = arena_strdup(&r->arena, listen_env(r, c));
    if (r->quiet_children)
        c->env[n++] = arena_strdup(&r->arena, "WEIR_LOG=warn");
}

static bool token_make(char token[33], struct err *e)
{
    uint8_t random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_errno(e, "cannot get random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    return true;
}

/* ---- sockets ---- */

/* Those of an inlet's UDP inputs: systemd's, or opened here. They stay open as long as we live. */
static bool sockets_open(struct run *r, struct run_child *c, struct buf *env, struct err *e)
{
    const struct config_inlet *in = config_own(&r->config, ROLE_INLET, c->index);
    c->fds = arena_array(&r->arena, RUN_SOCKETS_MAX, sizeof *c->fds);
    for (size_t i = 0; i < in->flow.inputs.n; i++) {
        const struct rx_input_conf *input = OPT_ITEM(in->flow.inputs, struct rx_input_conf, i);
        int *fds = c->fds + c->n_fds;
        if (input->type != RX_UDP)
            continue;
        if (c->n_fds + input->workers > RUN_SOCKETS_MAX)
            return err_set(e, "inlet.flow.inputs: too many workers together");
        bool inherited = true;
        for (unsigned w = 0; w < input->workers && inherited; w++)
            inherited = (fds[w] = udp_socket_inherited(input, w)) >= 0;
        if (!inherited && !udp_socket_open(input, fds, e))
            return err_wrap(e, "inlet.flow.inputs[%zu]", i);
        udp_socket_env_add(env, input, fds);
        c->n_fds += input->workers;
    }
    return true;
}

/* ---- ports ---- */

/* As the role itself will listen; what else is wrong with an address it will say. */
static bool port_free(const char *address)
{
    uint16_t port;
    struct err e;
    int fd = http_listen("", address, &port, &e);
    if (fd < 0)
        return errno != EADDRINUSE;
    close(fd);
    return true;
}

/* What a child listens on over TCP. */
struct port {
    const char *at, *reach, *key; /* as configured; to compare; of the configuration */
    const char *protocol;         /* " for BMP", or "" of HTTP */
};

static size_t ports_of(struct run *r, const struct run_child *c, struct port out[2])
{
    size_t n = 0;
    if (c->http)
        out[n++] =
            (struct port){.at = listen_of(r, c->role, c->index),
                          .reach = c->http,
                          .key = c->role == ROLE_ORCHESTRATOR
                                     ? "http.listen"
                                     : arena_printf(&r->arena, "%s.http.listen", config_roles[c->role].name),
                          .protocol = ""};
    if (c->role != ROLE_OUTLET)
        return n;
    const struct config_outlet *out_conf = config_own(&r->config, ROLE_OUTLET, c->index);
    const struct enrich_routing_provider *routing = &out_conf->routing.provider;
    if (routing->type == ROUTING_BMP)
        out[n++] = (struct port){.at = routing->listen,
                                 .reach = config_reach(&r->arena, routing->listen),
                                 .key = "outlet.routing.provider.listen",
                                 .protocol = " for BMP"};
    return n;
}

/* Any free port is never the same one. */
static bool same_port(const struct port *a, const struct port *b)
{
    size_t n = strlen(a->reach);
    return strcmp(a->reach, b->reach) == 0 && !(n > 2 && strcmp(a->reach + n - 2, ":0") == 0);
}

bool run_ports_free(struct run *r, struct err *e)
{
    struct port seen[2 * RUN_CHILDREN_MAX];
    const struct run_child *owner[2 * RUN_CHILDREN_MAX];
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t more = ports_of(r, &r->children[i], seen + n); more; more--, n++) {
            const struct port *p = &seen[n];
            owner[n] = &r->children[i];
            for (size_t k = 0; k < n; k++)
                if (same_port(&seen[k], p))
                    return err_set(e, "%s and %s both want to listen on %s: change %s in %s", owner[k]->name,
                                   owner[n]->name, p->at, p->key, r->config_path);
            if (!port_free(p->at))
                return err_set(
                    e,
                    "%s cannot listen on %s%s: another program has that port (ss -tlpn shows which).\n"
                    "Stop it, or let this role listen elsewhere: %s in %s",
                    owner[n]->name, p->at, p->protocol, p->key, r->config_path);
        }
    return true;
}

/* ---- plan ---- */

/* A role that was started by hand holds its part of the directory; of a former `weir run` nothing is left. */
static bool roles_free(struct run *r, struct err *e)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].index == 0 &&
            !datadir_unlocked(r->data_dir, config_roles[r->children[i].role].name, e))
            return false;
    return true;
}

/* Roles of a `weir run` that was killed die with it, but not in the same instant. */
static bool wait_free(struct run *r, struct err *e)
{
    enum { TRIES = 40, PAUSE_MS = 50 };
    static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    for (int i = 0; i < TRIES; i++) {
        if (roles_free(r, e) && run_ports_free(r, e)) {
            if (i > 0)
                nanosleep(&pause, NULL); /* their sockets close a moment after their locks */
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

bool run_plan(struct run *r, struct err *e)
{
    struct buf stopped, env;
    char token[33];
    if (!token_make(token, e))
        return false;
    buf_init(&stopped, 0);
    bool no_demo = datadir_read(r->data_dir, RUN_DEMO_STOPPED, &stopped, e);
    buf_fini(&stopped);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        if (order[k] == ROLE_STORE && !r->config.embedded_store)
            continue;
        for (size_t i = 0; i < config_count(&r->config, order[k]); i++) {
            if (r->n == RUN_CHILDREN_MAX)
                return err_set(e, "more than %d processes", RUN_CHILDREN_MAX);
            child_add(r, order[k], i);
            r->children[r->n - 1].wanted = order[k] != ROLE_DEMO || !no_demo;
        }
    }
    if (!wait_free(r, e))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        struct run_child *c = &r->children[i];
        buf_init(&env, 0);
        bool ok = c->role != ROLE_INLET || sockets_open(r, c, &env, e);
        child_argv(r, c);
        child_env(r, c, token, env.len ? arena_z(&r->arena, buf_str(&env)) : NULL);
        buf_fini(&env);
        if (!ok)
            return false;
    }
    return true;
}
