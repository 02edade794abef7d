/*
 * Landlock holds for a thread and the threads it starts. So one thread confines itself, then loads the engine and starts
 * the HTTP server: every thread of both descends from it. The process's first thread stays free to read configuration.
 */
#include "store/embedded/embedded.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/embedded/budget.h"
#include "store/embedded/confine.h"
#include "store/embedded/engine_chdb.h"
#include "store/embedded/server.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct embedded {
    struct arena arena;
    struct embedded_conf conf;
    struct store_conf store; /* with sizes in bytes */
    char *path, *password;
    const char *library;
    const struct engine *en;
    struct server *server;
    struct budget *budget;
    bool confined;
    bool ok;
    struct err why;
};

static uint64_t machine_memory(void)
{
    uint64_t v = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), limit;
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
    if (f && fscanf(f, "%lu", &limit) == 1 && limit < v)
        v = limit;
    if (f)
        fclose(f);
    return v;
}

static uint64_t resolve(uint64_t size, uint64_t whole)
{
    return size & OPT_PERCENT ? whole / 100 * (size & ~OPT_PERCENT) : size;
}

/* ---- password */

static char *read_line(const char *path)
{
    char line[256];
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    bool got = fgets(line, sizeof line, f);
    fclose(f);
    line[got ? strcspn(line, "\r\n") : 0] = '\0';
    return line[0] ? xstrdup(line) : NULL;
}

static bool make_password(const char *path, struct err *e)
{
    unsigned char raw[24];
    char text[sizeof raw * 2 + 2], tmp[PATH_MAX + 16];
    if (getrandom(raw, sizeof raw, 0) != sizeof raw)
        return err_errno(e, "random numbers");
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    strcat(text, "\n");
    snprintf(tmp, sizeof tmp, "%s.%d", path, (int)getpid());
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", tmp);
    bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    close(fd);
    /* link, not rename: of two that start together, the second takes the first one's */
    ok = ok && (link(tmp, path) == 0 || errno == EEXIST);
    unlink(tmp);
    return ok || err_errno(e, "%s", path);
}

char *embedded_password(const struct store_conf *conf, const char *data_dir, struct err *e)
{
    if (conf->password && conf->password[0])
        return xstrdup(conf->password);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/store.password", data_dir);
    char *password = read_line(path);
    if (!password && make_password(path, e)) {
        password = read_line(path);
        if (!password)
            err_set(e, "%s is empty; remove it, and a new password is made", path);
    }
    return password;
}

/* ---- opening */

static bool make_directory(struct embedded *em, struct err *e)
{
    const char *dir = em->store.dir;
    char *p = dir && dir[0] ? arena_strdup(&em->arena, dir)
                            : arena_printf(&em->arena, "%s/store", em->conf.data_dir);
    char whole[PATH_MAX];
    if (mkdir(p, 0700) != 0 && errno != EEXIST)
        return err_errno(e, "%s", p);
    if (!realpath(p, whole)) /* the engine wants an absolute path */
        return err_errno(e, "%s", p);
    em->path = arena_strdup(&em->arena, whole);
    return true;
}

static bool find_library(struct embedded *em, struct err *e)
{
    em->library =
        em->store.library && em->store.library[0] ? em->store.library : engine_chdb_find(&em->arena);
    if (!em->library)
        return err_set(e, "the embedded ClickHouse (libchdb.so) is not installed; run script/setup, or set "
                          "store.library, or "
                          "let clickhousedb.servers name a ClickHouse server");
    if (access(em->library, R_OK) != 0)
        return err_errno(e, "%s", em->library);
    return true;
}

static void confine(struct embedded *em)
{
    struct err e;
    const char *const readable[] = {em->library,
                                    "/usr/lib",
                                    "/usr/lib64",
                                    "/lib",
                                    "/lib64",
                                    "/usr/local/lib",
                                    "/usr/share/zoneinfo",
                                    "/etc/ld.so.cache",
                                    "/etc/localtime",
                                    "/etc/timezone",
                                    "/etc/hosts",
                                    "/etc/resolv.conf",
                                    "/etc/nsswitch.conf",
                                    "/etc/host.conf",
                                    "/etc/gai.conf",
                                    "/etc/services",
                                    "/etc/protocols",
                                    "/etc/ssl",
                                    "/usr/share/ca-certificates",
                                    "/proc",
                                    "/sys/fs/cgroup",
                                    "/sys/devices/system",
                                    "/sys/block",
                                    "/dev/urandom",
                                    "/dev/random",
                                    NULL};
    if (!em->store.confine)
        return;
    em->confined = confine_files(em->path, readable, &e);
    if (!em->confined)
        log_warn("store", "the engine is not confined to its directory", "reason", e.msg, NULL);
}

static void *opener(void *arg)
{
    struct embedded *em = arg;
    confine(em);
    const struct engine_chdb_conf engine = {.library = em->library,
                                            .path = em->path,
                                            .max_memory = em->store.max_memory,
                                            .mark_cache = em->store.mark_cache,
                                            .background = (unsigned)em->store.background_threads};
    em->en = engine_chdb_new(&engine, &em->why);
    if (em->en)
        em->budget = budget_new(em->en, em->path, em->store.max_size, &em->why);
    if (em->budget)
        em->server = server_new(em->en, &em->store, em->conf.listen, em->password, em->conf.more,
                                em->conf.n_more, &em->why);
    em->ok = em->server != NULL;
    return NULL;
}

struct embedded *embedded_open(const struct embedded_conf *conf, struct err *e)
{
    struct embedded *em = xcalloc(1, sizeof *em);
    pthread_t t;
    uint64_t start = clock_mono_ns();
    arena_init(&em->arena);
    em->conf = *conf;
    em->store = *conf->store;
    em->store.max_memory = resolve(em->store.max_memory, machine_memory());
    setenv("TZ", "UTC", 1); /* times are UTC in the store */
    bool ok = make_directory(em, e) && find_library(em, e) &&
              (em->password = embedded_password(&em->store, conf->data_dir, e)) != NULL;
    if (ok && thread_start(&t, opener, em, "store open")) {
        pthread_join(t, NULL);
        ok = em->ok;
        if (!ok)
            *e = em->why;
    }
    if (ok) {
        log_info("store", "open", "directory", em->path, "confined", em->confined ? "yes" : "no", "port",
                 LOG_U64(server_port(em->server)), "ms", LOG_U64((clock_mono_ns() - start) / 1000000), NULL);
        return em;
    }
    embedded_close(em);
    return NULL;
}

uint16_t embedded_port(const struct embedded *em)
{
    return server_port(em->server);
}

void embedded_close(struct embedded *em)
{
    if (!em)
        return;
    server_free(em->server);
    budget_free(em->budget);
    if (em->en)
        engine_chdb_free(em->en);
    free(em->password);
    arena_fini(&em->arena);
    free(em);
}

const char *embedded_health(struct embedded *em, char *why, size_t room)
{
    if (!em) {
        snprintf(why, room, "it is being opened");
        return "warning";
    }
    if (server_trouble(em->server, why, room))
        return "error";
    if (budget_warning(em->budget, why, room))
        return "warning";
    if (em->confined || !em->store.confine)
        return "ok";
    snprintf(why, room, "the engine is not confined to its directory (the kernel has no Landlock)");
    return "warning";
}

void embedded_budget(struct embedded *em, uint64_t max_size)
{
    budget_set(em->budget, max_size);
}
