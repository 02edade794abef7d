/* The life of a role: arguments, configuration, lock, start, loop until a signal, stop. */
#include "main/role.h"
#include "base/clock.h"
#include "base/log.h"
#include "main/datadir.h"
#include "main/role_run.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { STOP_WITHIN_S = 10, FETCH_PATIENCE_S = 3, FETCH_PAUSE_MS = 100 };

struct arguments {
    const char *config, *data_dir;
    bool check, dump, debug;
};

static void usage(FILE *f, const struct role *role)
{
    fprintf(
        f,
        "usage: weir %s CONFIG [--check] [--dump] [--data-dir DIR]\n\n"
        "%s.\n\n"
        "CONFIG is a YAML file, or the http(s) URL of an orchestrator; #N behind it selects one of several\n"
        "%s sections.\n\n"
        "  -C, --check          say whether the configuration is valid, and end\n"
        "  -D, --dump           print the effective configuration without secrets\n"
        "      --data-dir DIR   where data is kept (default: var)\n"
        "  -d, --debug          log all there is to say\n",
        role->name, role->summary ? role->summary : "", role->name);
}

/* Exit status to end with, or -1 to go on. */
static int arguments_read(struct arguments *a, const struct role *role, int argc, char **argv)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'C'}, {"dump", no_argument, NULL, 'D'},
        {"debug", no_argument, NULL, 'd'}, {"data-dir", required_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},  {0}};
    *a = (struct arguments){.data_dir = "var"};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "CDdh", options, NULL)) != -1;)
        switch (c) {
        case 'C':
            a->check = true;
            break;
        case 'D':
            a->dump = true;
            break;
        case 'd':
            a->debug = true;
            break;
        case 'v':
            a->data_dir = optarg;
            break;
        case 'h':
            usage(stdout, role);
            return 0;
        default:
            usage(stderr, role);
            return 2;
        }
    if (optind + 1 != argc) {
        if (optind == argc)
            fprintf(stderr, "weir %s: CONFIG is missing\n\n", role->name);
        else
            fprintf(stderr, "weir %s: unexpected argument \"%s\"\n\n", role->name, argv[optind + 1]);
        usage(stderr, role);
        return 2;
    }
    a->config = argv[optind];
    return -1;
}

/* ---- why it does not start ---- */

/* For `weir run`, which repeats it: the first line. */
static void last_words(struct str why)
{
    const char *fd = getenv(ROLE_LAST_WORDS_ENV);
    struct str line = why;
    if (!fd || !str_split(&why, '\n', &line))
        return;
    size_t n = line.len < ROLE_LAST_WORDS_MAX ? line.len : ROLE_LAST_WORDS_MAX;
    ssize_t written = pwrite(atoi(fd), line.p, n, 0);
    (void)written; /* stderr has it too */
}

static int failed(const struct role *role, int status, const struct err *e)
{
    fprintf(stderr, "weir %s: %s\n", role->name, e->msg);
    last_words(str_from(e->msg));
    return status;
}

static int not_started(const struct err *e)
{
    log_error("role", "cannot start", "reason", e->msg, NULL);
    last_words(str_from(e->msg));
    return 1;
}

/* ---- configuration at the start ---- */

static void print_lines(const char *head, struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line))
        fprintf(stderr, "%s%.*s\n", head, STR_ARG(line));
}

/* The service may come up a moment later than we; then the copy of last time is better than nothing. */
static bool fetch_first(struct role_run *r, bool once, struct buf *text, struct err *e)
{
    struct err why = {""};
    for (unsigned tries = 0;; tries++) {
        enum source_result result = source_fetch(&r->source, text, &why);
        bool absent = result == SOURCE_ABSENT; /* waiting would not make it appear */
        if (result == SOURCE_NEW)
            return true;
        if (once)
            return err_set(e, "%s", why.msg);
        if ((absent || tries == FETCH_PATIENCE_S * 1000 / FETCH_PAUSE_MS) && role_read_copy(r, text)) {
            log_warn("config", "starting with the configuration of last time", "reason", why.msg, NULL);
            snprintf(r->away, sizeof r->away, "%.250s", why.msg);
            return true;
        }
        if (absent)
            return err_set(e, "%s", why.msg);
        if (tries % 300 == 30)
            log_warn("config", "still waiting for the configuration", "reason", why.msg, NULL);
        nanosleep(&(struct timespec){.tv_nsec = FETCH_PAUSE_MS * 1000000}, NULL);
    }
}

static bool config_first(struct role_run *r, bool once, struct err *e)
{
    struct config *c = r->started = r->current = role_config_new(r);
    if (!r->source.is_url) {
        if (access(r->source.path, R_OK) != 0)
            return err_errno(e, "cannot read %s", r->source.path);
        if (!config_load(c, r->source.path, r->environment, e))
            return false;
        size_t n = config_count(c, r->id);
        r->section = r->source.index;
        if (n == 0)
            return err_set(e, "%s has no section %s", r->source.path, r->role->name);
        return r->section < n ||
               err_set(e, "%s has %zu section%s %s, there is no #%zu: they are counted from 0",
                       r->source.path, n, n == 1 ? "" : "s", r->role->name, r->section);
    }
    struct buf text, copy;
    buf_init(&text, 0);
    buf_init(&copy, 0);
    bool ok = fetch_first(r, once, &text, e) &&
              config_load_section(c, r->id, buf_str(&text), r->source.path, r->environment, e);
    if (ok && !once && !*r->away)
        role_keep_copy(r, buf_str(&text));
    if (!ok && !once && text.len > 0 && role_read_copy(r, &copy)) {
        struct err why = *e;
        c = r->started = r->current = role_config_new(r);
        ok = config_load_section(c, r->id, buf_str(&copy), "last good copy", r->environment, e);
        if (ok) {
            log_error("config", "the configuration is not valid; starting with that of last time", "reason",
                      why.msg, NULL);
            snprintf(r->bad_config, sizeof r->bad_config, "%.500s", why.msg);
        }
    }
    buf_fini(&text);
    buf_fini(&copy);
    return ok;
}

static int config_failed(const struct role_run *r, const struct err *e)
{
    if (!r->current || r->current->report.n_errors == 0)
        return failed(r->role, 1, e);
    print_lines("", buf_str(&r->current->report.errors));
    last_words(buf_str(&r->current->report.errors));
    return 1;
}

static int check_and_dump(struct role_run *r, const struct arguments *a)
{
    struct err e = {""};
    if (!config_first(r, true, &e))
        return config_failed(r, &e);
    print_lines("notice: ", buf_str(&r->current->report.notices));
    if (a->dump) {
        struct buf b;
        buf_init(&b, 0);
        config_show(r->current, r->id, r->section, 0, &b);
        fwrite(b.p, 1, b.len, stdout);
        buf_fini(&b);
    } else {
        printf("%s is valid for the %s\n", a->config, r->role->name);
    }
    return 0;
}

/* ---- signals ---- */

static void on_stop(uv_signal_t *s, int signum)
{
    log_info("role", "stopping", "signal", signum == SIGINT ? "SIGINT" : "SIGTERM", NULL);
    uv_stop(s->loop);
}

static void on_hangup(uv_signal_t *s, int signum)
{
    log_info("role", "reading the configuration again", NULL);
    role_reload_now(s->data);
}

/* Something hangs while stopping: whoever waits for us must not. What was acknowledged is safe by design. */
static char last_line[512];
static size_t last_line_len;

static void on_alarm(int signum)
{
    if (write(STDERR_FILENO, last_line, last_line_len) < 0)
        _exit(2);
    _exit(1);
}

static void alarm_set(void)
{
    uint64_t due_ns = clock_wall_ns() + STOP_WITHIN_S * UINT64_C(1000000000);
    last_line_len = log_prepare(last_line, sizeof last_line, due_ns, LOG_ERROR, "role",
                                "stopping takes too long; ending now");
    signal(SIGALRM, on_alarm);
    alarm(STOP_WITHIN_S);
}

/* Before the role answers anything: who sees it answer may stop it at once. What comes before the loop runs waits for it. */
static void signals_start(struct role_run *r)
{
    static const int numbers[ROLE_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < ROLE_SIGNALS; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], numbers[i] == SIGHUP ? on_hangup : on_stop, numbers[i]);
    }
}

static void loop_run(struct role_run *r)
{
    role_reload_start(r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    alarm_set();
    role_reload_stop(r);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static int role_live(struct role_run *r)
{
    struct err e = {""};
    r->ctx.conf = config_own(r->current, r->id, r->section);
    r->ctx.index = r->source.index;
    r->ctx.http_listen = config_common(r->current, r->id, r->section)->http.listen;
    if (r->id == ROLE_ORCHESTRATOR) {
        r->service = config_service_new(getenv("WEIR_CONFIG_TOKEN"));
        role_publish(r);
    }
    role_http_tables(r);
    signals_start(r);
    if (!r->role->start(&r->ctx, &e))
        return not_started(&e);
    int status = 0;
    if (role_http_start(r, &e)) {
        char http[300];
        log_info("role", "started", "http", role_http_address(r, http, sizeof http), "pid", LOG_U64(getpid()),
                 NULL);
        loop_run(r);
    } else {
        status = not_started(&e);
    }
    role_http_stop(r);
    r->role->stop(&r->ctx);
    log_info("role", "stopped", NULL);
    return status;
}

static void role_free(struct role_run *r)
{
    uv_walk(&r->loop, close_handle, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
    config_service_free(r->service);
    source_fini(&r->source);
    for (size_t i = 0; i < r->n_kept; i++) {
        config_fini(r->kept[i]);
        free(r->kept[i]);
    }
    buf_fini(&r->fetched);
    free(r->watch);
    arena_fini(&r->arena);
    free(r);
}

static bool lock_take(const struct role_run *r, struct err *e)
{
    char name[64];
    if (r->source.index > 0)
        snprintf(name, sizeof name, "%s-%zu", r->role->name, r->source.index);
    else
        snprintf(name, sizeof name, "%s", r->role->name);
    return datadir_open(r->ctx.data_dir, e) && datadir_lock(r->ctx.data_dir, name, e);
}

/* Die with `weir run`. It asked for that before exec, which forgets it when the program file has capabilities. */
static void tie_to_parent(void)
{
    const char *parent = getenv("WEIR_PARENT");
    if (!parent)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != atoi(parent))
        _exit(1);
}

int role_main(const struct role *role, int argc, char **argv)
{
    extern char **environ;
    struct arguments a;
    struct err e = {""};
    char title[16];
    int status = arguments_read(&a, role, argc, argv);
    if (status >= 0)
        return status;
    struct role_run *r = xcalloc(1, sizeof *r);
    r->role = role;
    r->id = config_role_find(role->name);
    r->environment = environ;
    arena_init(&r->arena);
    buf_init(&r->fetched, 0);
    pthread_mutex_init(&r->lock, NULL);
    uv_loop_init(&r->loop);
    r->ctx = (struct role_ctx){.loop = &r->loop, .data_dir = a.data_dir, .arena = &r->arena};
    signal(SIGHUP, SIG_IGN); /* until the loop listens */
    snprintf(title, sizeof title, "weir-%s", role->name);
    prctl(PR_SET_NAME, title);
    log_setup(role->name, a.debug ? LOG_DEBUG : LOG_INFO, false);
    signal(SIGPIPE, SIG_IGN);
    tie_to_parent();
    if (!source_init(&r->source, a.config, role->name, &r->arena, &e)) {
        status = failed(role, 2, &e);
    } else if (a.check || a.dump) {
        status = check_and_dump(r, &a);
    } else if (!lock_take(r, &e)) {
        status = failed(role, 1, &e);
    } else if (!config_first(r, false, &e)) {
        status = config_failed(r, &e);
    } else {
        role_log_setup(r, r->current);
        if (a.debug)
            log_level_set(LOG_DEBUG);
        role_notices_log(r->current);
        status = role_live(r);
    }
    role_free(r);
    return status;
}
