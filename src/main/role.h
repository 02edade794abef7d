/*
 * role: what all roles have in common: arguments, configuration (file or URL), logging, HTTP, signals, reload.
 *
 *   weir ROLE CONFIG [--check] [--dump] [--data-dir DIR]
 *
 * role_main runs on the process's first thread, which is also the control thread with the libuv loop; start, reload and
 * stop are called there. health and the routes run on the HTTP server's threads; the routes' argument is the role_ctx.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "conf/opt.h"
#include "net/http_server.h"
#include <uv.h>

struct role_ctx {
    uv_loop_t *loop;
    const char *data_dir; /* of this installation; see --data-dir */
    const void
        *conf; /* the role's own struct of main/config.h; all loaded ones live as long as the process */
    struct arena *arena; /* lives as long as the role */
    size_t index;        /* which of several sections of this role */
    void *state;         /* the role's own */
    /* what role_main would serve: metrics, version, healthcheck, then the role's own; for a role with own_http */
    const char *http_listen;
    struct http_routes tables[2];
};

/* health: "ok", "warning" or "error" with a reason, by component name */
struct role_health {
    const char *component, *status;
    char reason[256];
};

struct role {
    const char *name; /* "inlet" */
    const char *summary;
    const struct opt_table *conf;    /* as in config_roles (main/config.h) */
    const struct http_route *routes; /* besides metrics, version, healthcheck */
    size_t n_routes;
    unsigned connections;   /* HTTP connections at once; 0: the server's default */
    bool routes_take_state; /* their argument is ctx->state instead of the role_ctx */
    /* start() itself runs the HTTP server, from ctx->http_listen and ctx->tables (the store, whose threads are confined) */
    bool own_http;
    bool (*start)(struct role_ctx *c, struct err *e);
    /*
     * New configuration, already valid; only what is marked OPT_RELOAD may be taken from it, and something of that did
     * change. False with a reason: cannot be adopted live; the old one stays in use.
     */
    bool (*reload)(struct role_ctx *c, const void *conf, struct err *e);
    /* Components of the role's own, at most `room`; any thread, at any time between start and stop. */
    size_t (*health)(struct role_ctx *c, struct role_health *out, size_t room);
    /* Within 10 s; nothing acknowledged may be lost. */
    void (*stop)(struct role_ctx *c);
};

int role_main(const struct role *role, int argc, char **argv);

/* Environment: the descriptor of a file in which `weir run` wants to read why a role could not start. */
#define ROLE_LAST_WORDS_ENV "WEIR_LAST_WORDS"
enum { ROLE_LAST_WORDS_MAX = 500 };
