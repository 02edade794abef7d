/* Data directory, sources, and roles as processes: start, service, reload, copy of last time, stop. */
#include "main/config.h"
#include "main/datadir.h"
#include "main/role.h"
#include "main/source.h"
#include "net/http_client.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/weir-role-XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int teardown(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char path[8][256];
    static unsigned next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

/* ---- data directory ---- */

static void a_data_directory_is_private_and_knows_its_format(void **state)
{
    struct err e = {""};
    struct stat st;
    const char *d = in_dir("a/b");
    assert_true(datadir_open(d, &e));
    assert_true(stat(d, &st) == 0 && (st.st_mode & 0777) == 0700);
    assert_true(datadir_open(d, &e));
    assert_true(datadir_write(d, "format", STR("99\n"), &e));
    assert_false(datadir_open(d, &e));
    assert_non_null(strstr(e.msg, "written by a newer weir"));
    assert_false(datadir_open("/proc/nowhere", &e));
}

static void files_are_replaced_as_a_whole(void **state)
{
    struct err e = {""};
    struct buf b;
    struct stat st;
    buf_init(&b, 0);
    assert_true(datadir_write(dir, "x/y", STR("first, and longer"), &e));
    assert_true(datadir_write(dir, "x/y", STR("second"), &e));
    assert_true(datadir_read(dir, "x/y", &b, &e) && str_eq(buf_str(&b), STR("second")));
    assert_true(stat(in_dir("x/y"), &st) == 0 && (st.st_mode & 0777) == 0600);
    assert_false(datadir_read(dir, "none", &b, &e));
    assert_string_equal(e.msg, "");
    buf_fini(&b);
}

static void a_secret_is_made_once(void **state)
{
    struct err e = {""};
    struct arena a;
    arena_init(&a);
    const char *one = datadir_secret(dir, "s", &a, &e), *two = datadir_secret(dir, "s", &a, &e);
    const char *other = datadir_secret(dir, "t", &a, &e);
    assert_int_equal(strlen(one), 32);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
    assert_true(datadir_write(dir, "s", STR("short"), &e));
    assert_null(datadir_secret(dir, "s", &a, &e));
    arena_fini(&a);
}

static void a_lock_names_its_holder(void **state)
{
    struct err e = {""};
    int ready[2];
    char c, want[32];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = datadir_lock(dir, "role", &e);
        if (write(ready[1], ok ? "y" : "n", 1) == 1)
            pause();
        _exit(0);
    }
    assert_true(read(ready[0], &c, 1) == 1 && c == 'y');
    assert_false(datadir_lock(dir, "role", &e));
    snprintf(want, sizeof want, "with pid %d", (int)pid);
    assert_non_null(strstr(e.msg, want));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(datadir_lock(dir, "role", &e));
    close(ready[0]);
    close(ready[1]);
}

/* ---- sources ---- */

static void sources_are_files_or_urls(void **state)
{
    static const struct {
        const char *text, *path;
        size_t index;
        bool url;
    } good[] = {
        {"/etc/weir.yaml", "/etc/weir.yaml", 0, false},
        {"weir.yaml#2", "weir.yaml", 2, false},
        {"http://h:8080", "http://h:8080/api/v0/orchestrator/configuration/inlet", 0, true},
        {"http://h:8080/#3", "http://h:8080/api/v0/orchestrator/configuration/inlet/3", 3, true},
        {"https://h/my/own", "https://h/my/own", 0, true},
    };
    struct err e;
    struct arena a;
    struct source s;
    arena_init(&a);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(source_init(&s, good[i].text, "inlet", &a, &e));
        assert_string_equal(s.path, good[i].path);
        assert_int_equal(s.index, good[i].index);
        assert_int_equal(s.is_url, good[i].url);
        source_fini(&s);
    }
    assert_false(source_init(&s, "http://h#x", "inlet", &a, &e));
    arena_fini(&a);
}

/* ---- roles ---- */

/* What the test's roles do is seen in a file: a letter for each call. */
static char trace[256]; /* the file in which a role of this test leaves its marks */

static void trace_to(const char *name)
{
    snprintf(trace, sizeof trace, "%s/%s", dir, name);
}

static void mark(char c)
{
    int fd = open(trace, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || write(fd, &c, 1) != 1)
        abort();
    close(fd);
}

static bool role_start(struct role_ctx *c, struct err *e)
{
    mark('S');
    return true;
}

static bool role_reload(struct role_ctx *c, const void *conf, struct err *e)
{
    const struct config_outlet *o = conf;
    if (OPT_ITEM(o->core.default_sampling_rate, uint64_t, 0)[0] == 666)
        return err_set(e, "not this number");
    mark('R');
    return true;
}

static size_t role_health(struct role_ctx *c, struct role_health *out, size_t room)
{
    out[0] = (struct role_health){"engine", "ok", ""};
    return 1;
}

static void role_stop(struct role_ctx *c)
{
    mark('E');
}

static const struct role server = {.name = "orchestrator", .start = role_start, .stop = role_stop};
static const struct role client = {
    .name = "outlet", .start = role_start, .reload = role_reload, .health = role_health, .stop = role_stop};

static pid_t spawn(const struct role *role, const char *config, const char *data)
{
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {"x", (char *)(uintptr_t)config, "--data-dir", (char *)(uintptr_t)data, NULL};
        int log = open(in_dir("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        _exit(role_main(role, 4, argv));
    }
    return pid;
}

static int ended(pid_t pid, int signum)
{
    int status;
    if (signum)
        kill(pid, signum);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static unsigned free_port(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(bind(fd, (struct sockaddr *)&sa, len) == 0 &&
                getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
    close(fd);
    return ntohs(sa.sin_port);
}

/* The answer's body once it contains `want`; fails after a minute. */
static void until(unsigned port, const char *path, const char *want)
{
    struct err e = {""};
    char url[200], last[2000] = "";
    struct http_client *http = http_client_new(NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/api/v0/%s", port, path);
    for (int i = 0; i < 1200; i++) {
        struct http_request req = {.url = url};
        struct http_answer a = {0};
        bool ok = http_client_do(http, &req, &a, &e);
        snprintf(last, sizeof last, "%.*s", ok ? (int)a.body.len : 0, ok ? (const char *)a.body.p : "");
        buf_fini(&a.body);
        if (ok && strstr(last, want)) {
            http_client_free(http);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    fail_msg("%s never said %s; last: %s%s", url, want, last, e.msg);
}

static void until_traced(const char *want)
{
    char got[64];
    for (int i = 0; i < 1200; i++) {
        int fd = open(trace, O_RDONLY);
        ssize_t n = fd >= 0 ? read(fd, got, sizeof got - 1) : 0;
        got[n > 0 ? n : 0] = 0;
        if (fd >= 0)
            close(fd);
        if (strcmp(got, want) == 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    fail_msg("the role was called as %s, not %s", got, want);
}

static unsigned port_server, port_client;

static void configure(const char *outlet_rest)
{
    struct err e;
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b,
               "http: {listen: 127.0.0.1:%u}\nclickhousedb: {servers: [x:1], password: hush}\n"
               "outlet:\n  http: {listen: 127.0.0.1:%u}\n  %s\n",
               port_server, port_client, outlet_rest);
    assert_true(datadir_write(dir, "weir.yaml", buf_str(&b), &e));
    buf_fini(&b);
}

static void a_changed_file_reaches_the_roles(void **state)
{
    char url[64];
    port_server = free_port();
    port_client = free_port();
    snprintf(url, sizeof url, "http://127.0.0.1:%u", port_server);
    configure("core: {default-sampling-rate: 1}");
    trace_to("server-trace");
    pid_t s = spawn(&server, in_dir("weir.yaml"), in_dir("server"));
    until(port_server, "orchestrator/configuration/outlet", "password: hush");
    trace_to("client-trace");
    pid_t c = spawn(&client, url, in_dir("client"));
    until(port_client, "outlet/healthcheck", "\"engine\"");
    until(port_client, "version", WEIR_VERSION);
    until_traced("S");

    configure("core: {default-sampling-rate: 2}");
    until_traced("SR");
    until(port_client, "healthcheck", "\"status\":\"ok\"");
    configure("core: {default-sampling-rate: 2, startup-delay: 5s}");
    until(port_client, "healthcheck", "restart needed for: outlet.core.startup-delay");
    configure("core: {default-sampling-rate: 2}"); /* as it was started: nothing to say any more */
    until(port_client, "healthcheck", "\"status\":\"ok\"");
    configure("core: {default-sampling-rate: 666}");
    until(port_client, "healthcheck", "not this number");
    configure("cor: {}");
    until(port_server, "healthcheck", "outlet.cor: unknown key");
    until(port_server, "orchestrator/configuration/outlet", "666");
    configure("core: {default-sampling-rate: 3}");
    until_traced("SRR");

    /* the orchestrator goes; the role goes on, and starts again from its copy */
    assert_int_equal(ended(s, SIGTERM), 0);
    until(port_client, "healthcheck", "cannot fetch the configuration");
    assert_int_equal(ended(c, SIGTERM), 0);
    until_traced("SRRE");
    c = spawn(&client, url, in_dir("client"));
    until(port_client, "healthcheck", "cannot fetch the configuration");
    until_traced("SRRES");
    assert_int_equal(ended(c, SIGTERM), 0);
}

static void a_role_ends_when_it_cannot_start(void **state)
{
    port_server = free_port();
    port_client = free_port();
    trace_to("trace");
    configure("cor: {}");
    assert_int_equal(ended(spawn(&server, in_dir("weir.yaml"), in_dir("d")), 0), 1);
    configure("core: {}");
    pid_t first = spawn(&server, in_dir("weir.yaml"), in_dir("d"));
    until(port_server, "version", WEIR_VERSION);
    assert_int_equal(ended(spawn(&server, in_dir("weir.yaml"), in_dir("d")), 0), 1);  /* locked */
    assert_int_equal(ended(spawn(&server, in_dir("weir.yaml"), in_dir("d2")), 0), 1); /* port taken */
    assert_int_equal(ended(first, SIGINT), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_data_directory_is_private_and_knows_its_format),
        TEST(files_are_replaced_as_a_whole),
        TEST(a_secret_is_made_once),
        TEST(a_lock_names_its_holder),
        cmocka_unit_test(sources_are_files_or_urls),
        TEST(a_changed_file_reaches_the_roles),
        TEST(a_role_ends_when_it_cannot_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
