/*
 * run: `weir run`: all roles on this machine, as child processes of a supervisor.
 *
 * One thread (the libuv loop); probes of health run on libuv's pool and touch only struct run_probe.
 */
#pragma once
#include "main/config.h"
#include "store/ch.h"
#include <sys/types.h>
#include <uv.h>

enum { RUN_CHILDREN_MAX = 64, RUN_SOCKETS_MAX = 1024 };

struct run_child {
    enum config_role role;
    size_t index;
    char name[40];      /* "inlet", "demo-exporter 2" */
    const char *http;   /* where its health can be asked, "127.0.0.1:8082"; NULL: it cannot */
    char **argv, **env; /* made before fork */
    int *fds;           /* sockets it inherits */
    size_t n_fds;
    int words;         /* a file in memory, in which it says why it cannot start; -1: none */
    pid_t pid;         /* 0: not running */
    bool wanted;       /* shall run */
    bool up;           /* answered since it was started */
    bool once_up;      /* ever */
    unsigned failures; /* ends in a row, soon after the start */
    uint64_t started_ns, again_ns, told_ns; /* when it was started; not before; when it was told to stop */
};

/* What a probe found; written on the pool, read on the loop after it. */
struct run_probe {
    uv_work_t work;
    bool busy;
    bool answered[RUN_CHILDREN_MAX];
    uint64_t datagrams, decoded, rejected, waiting; /* of the roles' metrics, since they were started */
    uint64_t flows, fresh;                          /* in the store, and received since our start: 0 or 1 */
    bool store_known, earlier; /* what the store held when it first answered: flows of earlier runs */
};

struct run {
    uv_loop_t loop;
    struct arena arena;
    struct config config;
    const char *config_path, *data_dir, *console_listen; /* console_listen: NULL, or what --listen said */
    bool demo;                                           /* no CONFIG was given */
    bool quiet_children;
    struct run_child children[RUN_CHILDREN_MAX];
    size_t n;
    uv_signal_t signals[4];
    uv_timer_t timer;
    struct run_probe probe;
    struct ch *ch; /* the probe's */
    struct http_client *http;
    uint64_t began_ns, began_s, probed_ns; /* began_s: since 1970 */
    bool stopping, said_datagram, said_stored, said_ready, said_hint;
    int status;
    struct run_control *control;
};

/* plan.c: which children there are, with what arguments, environment and sockets. */
bool run_plan(struct run *r, struct err *e);
/* Free ports, before anything is started: says which key to change. */
bool run_ports_free(struct run *r, struct err *e);

/* child.c */
bool run_child_start(struct run *r, struct run_child *c, struct err *e);
/* Reaps what has ended; says why, and when it will be started again. */
void run_children_reap(struct run *r);
/* Starts what may start, ends what should not run; called several times a second. */
void run_children_step(struct run *r);
void run_children_kill(struct run *r);
size_t run_children_alive(const struct run *r);

/* ready.c: asks children for their health, the store for its flows, and tells a person how far it is. */
void run_ready_step(struct run *r);
void run_ready_free(struct run *r);
void run_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* control.c: the socket through which `weir demo` talks to a running `weir run`. */
bool run_control_open(struct run *r, struct err *e);
void run_control_step(struct run *r);
void run_control_close(struct run *r);
/* Marker in the data directory: the demo was stopped for good. */
#define RUN_DEMO_STOPPED "demo.stopped"
/* A repair of history that was begun and not finished (rewind/swap.c). */
#define RUN_REWIND_LEFT "rewind.swap"
/* Asks the running supervisor; the answer in the buffer. False: none runs there. */
bool run_control_ask(const char *data_dir, const char *command, struct buf *answer, struct err *e);
