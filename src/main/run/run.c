/* weir run: arguments, the loop, and the end. */
#include "main/run/run.h"
#include "base/embed.h"
#include "base/clock.h"
#include "base/log.h"
#include "main/commands.h"
#include "main/datadir.h"
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { STEP_MS = 100 };

static void usage(FILE *f)
{
    fprintf(
        f,
        "usage: weir run [CONFIG] [--data-dir DIR] [--listen [ADDRESS]] [--verbose]\n\n"
        "Runs all roles on this machine. Without CONFIG: with a demonstration, four exporters that do not "
        "exist.\n\n"
        "      --config FILE        the same as CONFIG\n"
        "      --data-dir DIR       where data is kept (default: var)\n"
        "      --listen [ADDRESS]   open the console to other machines: on all addresses, or ADDRESS[:PORT]\n"
        "  -v, --verbose            let the roles log what happens, not only what should not\n\n"
        "Ctrl-C or SIGTERM stops everything in order; SIGHUP reads the configuration again.\n");
}

/* --listen may stand alone; what follows is its address only when it looks like one, and like no file. */
static bool looks_like_address(const char *z)
{
    return z && *z &&
           (strspn(z, "0123456789abcdefABCDEF.:[]*") == strlen(z) ||
            (strchr(z, ':') && access(z, F_OK) != 0));
}

static bool has_port(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    uint64_t port;
    return colon && str_u64(str_from(colon + 1), &port) && port <= 65535;
}

static const char *console_listen(struct arena *a, const char *given)
{
    struct ip ip;
    if (!given || strcmp(given, "*") == 0)
        return ":8081";
    if (ip_parse(str_from(given), &ip)) /* no port; an IPv6 address needs its brackets */
        return arena_printf(a, strchr(given, ':') ? "[%s]:8081" : "%s:8081", given);
    return given;
}

static int arguments_read(struct run *r, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"data-dir", required_argument, NULL, 'd'},
        {"listen", optional_argument, NULL, 'l'}, {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    bool verbose = false;
    r->data_dir = "var";
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "hv", options, NULL)) != -1;)
        switch (c) {
        case 'c':
            r->config_path = optarg;
            break;
        case 'd':
            r->data_dir = optarg;
            break;
        case 'l':
            if (!optarg && optind < argc && looks_like_address(argv[optind]))
                optarg = argv[optind++];
            r->console_listen = console_listen(&r->arena, optarg);
            if (!has_port(r->console_listen)) {
                fprintf(stderr, "weir run: --listen takes ADDRESS or ADDRESS:PORT, not \"%s\"\n\n", optarg);
                usage(stderr);
                return 2;
            }
            break;
        case 'v':
            verbose = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    if (optind < argc && !r->config_path)
        r->config_path = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "weir run: unexpected argument \"%s\"\n\n", argv[optind]);
        usage(stderr);
        return 2;
    }
    r->quiet_children = !verbose && isatty(STDERR_FILENO);
    return -1;
}

/* ---- configuration ---- */

/* The database of countries that script/setup fetched, or one that is installed beside the program; NULL: none. */
static const char *countries(struct arena *a)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *found = NULL;
    const char *dir = cache && cache[0] ? cache : arena_printf(a, "%s/.cache", home ? home : "/root");
    const char *patterns[] = {"/usr/share/weir/countries.mmdb",
                              arena_printf(a, "%s/weir/countries-*/geo-whois-asn-country.mmdb", dir)};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns && !found; i++) {
        glob_t g;
        if (glob(patterns[i], 0, NULL, &g) == 0)
            found = arena_strdup(a, g.gl_pathv[g.gl_pathc - 1]);
        globfree(&g);
    }
    return found;
}

/*
 * The file of the demonstration is written out, so that it can be read and copied; with the place of the database of
 * countries in it, where there is one.
 */
static bool demo_config(struct run *r, struct err *e)
{
    extern const struct embed run_sample_files[];
    extern const size_t run_sample_files_n;
    const struct embed *demo = embed_find(run_sample_files, run_sample_files_n, "demo.yaml");
    r->demo = true;
    r->config_path = arena_printf(&r->arena, "%s/demo.yaml", r->data_dir);
    static const char place[] = "[countries.mmdb]";
    const char *at = memmem(demo->data.p, demo->data.len, place, sizeof place - 1),
               *file = countries(&r->arena);
    if (!at || !file || strpbrk(file, "\"\\\n"))
        return datadir_write(r->data_dir, "demo.yaml", demo->data, e);
    struct buf text;
    size_t head = (size_t)(at - demo->data.p), tail = head + sizeof place - 1;
    buf_init(&text, 0);
    buf_add(&text, demo->data.p, head);
    buf_printf(&text, "[\"%s\"]", file);
    buf_add(&text, demo->data.p + tail, demo->data.len - tail);
    bool ok = datadir_write(r->data_dir, "demo.yaml", buf_str(&text), e);
    buf_fini(&text);
    return ok;
}

static bool config_read(struct run *r, struct err *e)
{
    extern char **environ;
    if (!config_load(&r->config, r->config_path, environ, e))
        return false;
    const struct store_conf *store =
        config_count(&r->config, ROLE_STORE) ? config_own(&r->config, ROLE_STORE, 0) : NULL;
    if (!r->config.embedded_store || !store || *store->password)
        return true;
    /* the store makes one up as well when it runs alone; it is the same file */
    const char *secret = datadir_secret(r->data_dir, "store.password", &r->arena, e);
    if (!secret || setenv("WEIR_CFG_STORE_PASSWORD", secret, 1) != 0)
        return false;
    config_fini(&r->config);
    return config_load(&r->config, r->config_path, environ, e);
}

static void print_lines(FILE *f, const char *head, struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line))
        fprintf(f, "%s%.*s\n", head, STR_ARG(line));
}

static bool disk_check(const struct run *r, struct err *e)
{
    struct statvfs fs;
    if (statvfs(r->data_dir, &fs) != 0)
        return true;
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left < 64u << 20)
        return err_set(e, "the disk of %s is full: %llu MiB left. Make room, or choose another --data-dir",
                       r->data_dir, (unsigned long long)(left >> 20));
    if (left < 1u << 30)
        run_say("warning: only %llu MiB left on the disk of %s", (unsigned long long)(left >> 20),
                r->data_dir);
    return true;
}

static bool prepare(struct run *r, struct err *e)
{
    if (r->config_path && access(r->config_path, R_OK) != 0)
        return err_errno(e, "cannot read the configuration %s", r->config_path);
    if (r->console_listen && setenv("WEIR_CFG_CONSOLE_HTTP_LISTEN", r->console_listen, 1) != 0)
        return err_errno(e, "setenv");
    char real[PATH_MAX];
    if (!datadir_open(r->data_dir, e) || !datadir_lock(r->data_dir, "run", e))
        return false;
    if (realpath(r->data_dir, real)) /* roles shall mean the same place */
        r->data_dir = arena_strdup(&r->arena, real);
    /* absolute, but links stay: !include is relative to the link's folder */
    if (r->config_path && *r->config_path != '/' && getcwd(real, sizeof real))
        r->config_path = arena_printf(&r->arena, "%s/%s", real, r->config_path);
    return disk_check(r, e) && (r->config_path || demo_config(r, e)) && config_read(r, e) && run_plan(r, e);
}

/* ---- loop ---- */

static void step(uv_timer_t *t)
{
    struct run *r = t->data;
    run_children_reap(r);
    run_control_step(r);
    run_children_step(r);
    run_ready_step(r);
    if (r->stopping && run_children_alive(r) == 0)
        uv_stop(&r->loop);
}

static void on_signal(uv_signal_t *s, int signum)
{
    struct run *r = s->data;
    if (signum == SIGCHLD) {
        run_children_reap(r);
    } else if (signum == SIGHUP) {
        for (size_t i = 0; i < r->n; i++)
            if (r->children[i].role == ROLE_ORCHESTRATOR && r->children[i].pid)
                kill(r->children[i].pid, SIGHUP); /* the others hear of it from the orchestrator */
    } else if (r->stopping) {
        run_say("killing what is left");
        run_children_kill(r);
    } else {
        run_say("stopping");
        r->stopping = true;
    }
}

static void close_handle(uv_handle_t *h, void *arg)
{
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static int supervise(struct run *r)
{
    static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 4; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&r->loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, step, 0, STEP_MS);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_walk(&r->loop, close_handle, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT); /* a probe that is under way */
    run_control_close(r);
    run_ready_free(r);
    run_say("stopped");
    return r->status;
}

static void greet(struct run *r)
{
    print_lines(stdout, "notice: ", buf_str(&r->config.report.notices));
    run_say("weir %s: %s, data in %s", WEIR_VERSION, r->demo ? "demonstration" : r->config_path, r->data_dir);
    char left[PATH_MAX];
    snprintf(left, sizeof left, "%s/" RUN_REWIND_LEFT, r->data_dir);
    if (access(left, F_OK) == 0)
        run_say("warning: a repair of history was interrupted, and flows are missing until `weir rewind` "
                "finishes it");
    if (r->console_listen)
        run_say("warning: the console listens on %s for everybody who can reach it, without a password. Put "
                "a reverse "
                "proxy with authentication in front of it.",
                r->console_listen);
}

/* Many sockets, segments and parts are open at once. */
static void raise_limits(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max > 65536 ? 65536 : l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

int cmd_run(int argc, char **argv)
{
    struct err e = {""};
    struct run *r = xcalloc(1, sizeof *r);
    arena_init(&r->arena);
    int status = arguments_read(r, argc, argv);
    if (status >= 0) {
        arena_fini(&r->arena);
        free(r);
        return status;
    }
    log_setup("run", LOG_INFO, false);
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    uv_loop_init(&r->loop);
    r->began_ns = clock_mono_ns();
    r->began_s = clock_wall_ns() / 1000000000u;
    if (!prepare(r, &e) || !run_control_open(r, &e)) {
        if (r->config.report.n_errors)
            print_lines(stderr, "", buf_str(&r->config.report.errors));
        else
            fprintf(stderr, "weir run: %s\n", e.msg);
        status = 1;
    } else {
        greet(r);
        status = supervise(r);
    }
    uv_loop_close(&r->loop);
    if (r->config.root)
        config_fini(&r->config);
    arena_fini(&r->arena);
    free(r);
    return status;
}
