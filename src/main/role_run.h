/* role_run: a running role; shared by role.c (arguments, loop), role_http.c (routes of all) and role_reload.c. */
#pragma once
#include "main/config.h"
#include "main/role.h"
#include "main/source.h"
#include "orch/config_service.h"
#include <pthread.h>

struct role_watch;

enum { ROLE_SIGNALS = 3 }; /* SIGTERM, SIGINT, SIGHUP */

struct role_run {
    const struct role *role;
    enum config_role id;
    struct source source;
    struct role_ctx ctx;
    size_t section; /* index of ours in the loaded configuration */
    struct arena arena;
    uv_loop_t loop;
    uv_signal_t signals[ROLE_SIGNALS];
    char *const *environment;

    struct config *started,
        *current; /* what start() got; what is in use now. Old ones are kept: roles point into them */
    struct config *kept[4096];
    size_t n_kept;

    /* reload */
    uv_timer_t timer;
    struct role_watch *watch;
    uv_work_t fetching;
    bool is_fetching, stopping;
    struct buf fetched;
    enum source_result fetch_result;
    struct err fetch_err;

    /* health of the configuration; under the lock, since HTTP threads read it */
    pthread_mutex_t lock;
    char restart_for[512], bad_config[512], away[256];

    struct config_service *service; /* orchestrator */
    struct http_server *http;
    struct http_route common[6];
    struct http_routes tables[4];
    size_t n_tables;
};

/* role_http.c */
bool role_http_start(struct role_run *r, struct err *e);
void role_http_tables(struct role_run *r);
void role_http_stop(struct role_run *r);
/* Where it listens, with the port it got when it asked for any; in `out` if need be. */
const char *role_http_address(const struct role_run *r, char *out, size_t room);

/* role_reload.c */
struct config *role_config_new(struct role_run *r);
void role_notices_log(const struct config *c);
void role_log_setup(const struct role_run *r, const struct config *c);
void role_publish(struct role_run *r);
void role_keep_copy(struct role_run *r, struct str text);
bool role_read_copy(struct role_run *r, struct buf *out);
/* Begins to look for changes; SIGHUP calls role_reload_now. */
void role_reload_start(struct role_run *r);
void role_reload_now(struct role_run *r);
void role_reload_stop(struct role_run *r);
