/*
 * A Unix socket in the data directory; a line in, lines out, one caller at a time. `demo stop` ends the demo exporters and
 * leaves a marker, so that they stay away; `purge` then deletes their rows once the outlet has stored what was still on
 * its way, and twice more, since the aggregates of a minute come when it is over.
 */
#include "base/clock.h"
#include "base/log.h"
#include "main/datadir.h"
#include "main/run/run.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
enum { DRAIN_S = 12, PURGES = 3, PURGE_EVERY_S = 75 };

struct run_control {
    int fd;     /* listening */
    int caller; /* -1: none */
    uint64_t deadline_ns;
    /* purge */
    unsigned purges_left;
    uint64_t purge_at_ns;
    bool busy;
    uv_work_t work;
    struct ch *ch;
    bool ok;
    struct err err;
    uint64_t rows;
};

/* Through the descriptor of the directory: the address of a Unix socket is short, a data directory's path need not be. */
static bool address(const char *dir, struct sockaddr_un *sa, int *dirfd, struct err *e)
{
    *dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dirfd < 0)
        return err_errno(e, "cannot open %s", dir);
    *sa = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/control.sock", *dirfd);
    return true;
}

/* There while rows are still to be deleted. */
static const char *purge_path(const struct run *r, char *path, size_t len)
{
    snprintf(path, len, "%s/demo.purge", r->data_dir);
    return path;
}

bool run_control_open(struct run *r, struct err *e)
{
    char path[4096];
    struct sockaddr_un sa;
    int dirfd;
    if (!address(r->data_dir, &sa, &dirfd, e))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(sa.sun_path); /* of one that was killed; the lock says that none runs */
    mode_t mask = umask(0177);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(fd, 8) == 0;
    umask(mask);
    if (!ok)
        err_errno(e, "cannot make %s/control.sock", r->data_dir);
    close(dirfd);
    if (!ok) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    r->control = xcalloc(1, sizeof *r->control);
    r->control->fd = fd;
    r->control->caller = -1;
    /* We were stopped before the last of them; the outlet reads the uncommitted minute again and may list the exporters anew. */
    if (access(purge_path(r, path, sizeof path), F_OK) == 0) {
        r->control->purges_left = PURGES;
        r->control->purge_at_ns = clock_mono_ns() + DRAIN_S * SECOND_NS;
    }
    return true;
}

void run_control_close(struct run *r)
{
    struct run_control *k = r->control;
    char path[4096];
    snprintf(path, sizeof path, "%s/control.sock", r->data_dir);
    unlink(path);
    if (k->caller >= 0)
        close(k->caller);
    close(k->fd);
    ch_free(k->ch);
    free(k);
}

/* ---- purge ---- */

/* ('::ffff:127.0.1.1', ...): the addresses that the demo exporters send from. */
static bool demo_addresses(const struct run *r, struct buf *out)
{
    struct ip ip;
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < config_count(&r->config, ROLE_DEMO); i++) {
        const struct demo_conf *d = config_own(&r->config, ROLE_DEMO, i);
        if (!ip_parse(str_from(*d->flows.source ? d->flows.source : "127.0.0.1"), &ip))
            continue;
        inet_ntop(AF_INET6, ip.b, text, sizeof text);
        buf_printf(out, "%stoIPv6('%s')", out->len ? ", " : "", text);
    }
    return out->len > 0;
}

static bool ask_store(struct run_control *k, const char *sql, struct buf *out)
{
    struct ch_query q = {.sql = sql, .timeout_ns = 300 * SECOND_NS};
    buf_reset(out);
    return ch_query(k->ch, &q, out, &k->err) == CH_OK;
}

/* Does `each` for every name that `sql` answers with, until one fails. */
static bool for_each_name(struct run_control *k, const char *sql, const char *addresses,
                          bool (*each)(struct run_control *k, struct arena *a, const char *name,
                                       const char *addresses))
{
    struct arena a;
    struct buf out;
    struct str names, name;
    arena_init(&a);
    buf_init(&out, 0);
    bool ok = ask_store(k, sql, &out);
    names = buf_str(&out);
    while (ok && str_split(&names, '\n', &name))
        ok = each(k, &a, arena_z(&a, name), addresses);
    buf_fini(&out);
    arena_fini(&a);
    return ok;
}

/* A statement without rows to read. */
static bool obey(struct run_control *k, const char *sql)
{
    struct buf nothing;
    buf_init(&nothing, 0);
    bool ok = ask_store(k, sql, &nothing);
    buf_fini(&nothing);
    return ok;
}

static bool purge_table(struct run_control *k, struct arena *a, const char *name, const char *addresses)
{
    struct buf out;
    uint64_t n = 0;
    buf_init(&out, 0);
    bool ok = ask_store(
        k,
        arena_printf(a, "SELECT count() FROM `%s` WHERE ExporterAddress IN (%s) FORMAT TSV", name, addresses),
        &out);
    ok = ok && str_u64(str_trim(buf_str(&out)), &n);
    buf_fini(&out);
    k->rows += n;
    return ok && (n == 0 || obey(k, arena_printf(a,
                                                 "ALTER TABLE `%s` DELETE WHERE ExporterAddress IN (%s) "
                                                 "SETTINGS mutations_sync = 1",
                                                 name, addresses)));
}

/* All tables with the column, so that none is forgotten when there are more one day. */
static bool purge_tables(struct run_control *k, const char *addresses)
{
    static const char tables_sql[] = "SELECT c.table FROM system.columns c JOIN system.tables t ON "
                                     "t.database = c.database AND t.name = c.table "
                                     "WHERE c.database = currentDatabase() AND c.name = 'ExporterAddress' "
                                     "AND t.engine LIKE '%MergeTree' FORMAT TSV";
    return for_each_name(k, tables_sql, addresses, purge_table);
}

static bool drop_narrow(struct run_control *k, struct arena *a, const char *name, const char *addresses)
{
    return obey(k, arena_printf(a, "DROP VIEW IF EXISTS `%s_consumer` SYNC", name)) &&
           obey(k, arena_printf(a, "DROP TABLE IF EXISTS `%s` SYNC", name));
}

/*
 * Narrow rollups without exporters cannot tell whose traffic is whose. The orchestrator makes them anew, for the time to come; the
 * time before is then answered from the tables that can.
 */
static bool drop_without_exporters(struct run_control *k)
{
    static const char names_sql[] =
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND "
        "comment LIKE 'weir % since % by %' AND name NOT IN (SELECT table FROM system.columns WHERE database "
        "= "
        "currentDatabase() AND name = 'ExporterAddress') FORMAT TSV";
    return for_each_name(k, names_sql, NULL, drop_narrow);
}

static void purge_work(uv_work_t *w)
{
    struct run *r = w->data;
    struct run_control *k = r->control;
    struct buf addresses;
    buf_init(&addresses, 0);
    k->rows = 0;
    k->ok = true;
    if (!k->ch) {
        const struct config_outlet *out = config_own(&r->config, ROLE_OUTLET, 0);
        k->ch = ch_new(&out->clickhousedb);
    }
    if (demo_addresses(r, &addresses)) {
        buf_u8(&addresses, 0);
        k->ok = purge_tables(k, (const char *)addresses.p) && (k->rows == 0 || drop_without_exporters(k));
    }
    buf_fini(&addresses);
}

/* The demo exporters' memory of what they have sent: with their rows gone, a new start begins from nothing. */
static void forget_sent(const struct run *r)
{
    char path[4096];
    for (size_t i = 0; i < config_count(&r->config, ROLE_DEMO); i++) {
        const struct demo_conf *d = config_own(&r->config, ROLE_DEMO, i);
        snprintf(path, sizeof path, "%s/demo-%s.sent", r->data_dir,
                 *d->flows.source ? d->flows.source : "any");
        unlink(path);
    }
}

static void answer(struct run_control *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void answer(struct run_control *k, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    if (k->caller < 0)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (write(k->caller, text, (size_t)n) != n)
        log_debug("run", "the caller has gone", NULL);
    close(k->caller);
    k->caller = -1;
}

static void purge_done(uv_work_t *w, int status)
{
    struct run *r = w->data;
    struct run_control *k = r->control;
    char path[4096];
    k->busy = false;
    if (!k->ok) {
        run_say("cannot delete the rows of the demo exporters: %s", k->err.msg);
        answer(k, "error: %s\n", k->err.msg);
        k->purges_left++;
        k->purge_at_ns = clock_mono_ns() + PURGE_EVERY_S * SECOND_NS;
        return;
    }
    forget_sent(r);
    if (k->rows > 0)
        run_say("%llu rows of the demo exporters deleted", (unsigned long long)k->rows);
    answer(k, "ok: the demo exporters are stopped; %llu of their rows deleted\n",
           (unsigned long long)k->rows);
    if (k->purges_left > 0)
        k->purge_at_ns = clock_mono_ns() + PURGE_EVERY_S * SECOND_NS;
    else
        unlink(purge_path(r, path, sizeof path));
}

static void purge_step(struct run *r)
{
    struct run_control *k = r->control;
    if (k->busy || k->purges_left == 0 || clock_mono_ns() < k->purge_at_ns || r->stopping)
        return;
    k->purges_left--;
    k->busy = true;
    k->work.data = r;
    if (uv_queue_work(&r->loop, &k->work, purge_work, purge_done) != 0)
        k->busy = false;
}

/* ---- commands ---- */

static void demo_wanted(struct run *r, bool wanted)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].role == ROLE_DEMO) {
            r->children[i].wanted = wanted;
            r->children[i].again_ns = 0;
        }
}

static void command(struct run *r, struct str line)
{
    struct run_control *k = r->control;
    struct err e;
    char path[4096];
    if (str_eq(line, STR("demo stop")) || str_eq(line, STR("demo stop purge"))) {
        if (!datadir_write(r->data_dir, RUN_DEMO_STOPPED, STR("weir demo start brings them back\n"), &e)) {
            answer(k, "error: %s\n", e.msg);
            return;
        }
        demo_wanted(r, false);
        run_say("stopping the demo exporters for good");
        if (str_eq(line, STR("demo stop"))) {
            answer(k, "ok: the demo exporters are stopped\n");
        } else {
            if (!datadir_write(r->data_dir, "demo.purge",
                               STR("rows of the demo exporters are being deleted\n"), &e))
                run_say("%s", e.msg);
            k->purges_left = PURGES;
            k->purge_at_ns = clock_mono_ns() + DRAIN_S * SECOND_NS;
        }
    } else if (str_eq(line, STR("demo start"))) {
        snprintf(path, sizeof path, "%s/" RUN_DEMO_STOPPED, r->data_dir);
        unlink(path);
        unlink(purge_path(r, path, sizeof path));
        k->purges_left = 0;
        demo_wanted(r, true);
        answer(k, "ok: the demo exporters are started\n");
    } else if (str_eq(line, STR("status"))) {
        struct buf b;
        buf_init(&b, 1000);
        for (size_t i = 0; i < r->n; i++)
            buf_printf(&b, "%s %d %s\n", r->children[i].name, (int)r->children[i].pid,
                       r->children[i].up       ? "up"
                       : r->children[i].wanted ? "starting"
                                               : "stopped");
        answer(k, "%.*s", STR_ARG(buf_str(&b)));
        buf_fini(&b);
    } else {
        answer(k, "error: unknown command\n");
    }
}

void run_control_step(struct run *r)
{
    struct run_control *k = r->control;
    char line[256];
    purge_step(r);
    if (k->caller >= 0) /* waits for the purge */
        return;
    int fd = accept4(k->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct timeval patience = {.tv_usec = 500000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssize_t n = read(fd, line, sizeof line);
    k->caller = fd;
    if (n > 0)
        command(r, str_trim((struct str){line, (size_t)n}));
    else
        answer(k, "error: no command\n");
}

bool run_control_ask(const char *data_dir, const char *text, struct buf *out, struct err *e)
{
    struct sockaddr_un sa;
    int dirfd;
    if (!address(data_dir, &sa, &dirfd, e))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
    close(dirfd);
    if (!ok) {
        err_set(e, "no `weir run` is running with data directory %s", data_dir);
        if (fd >= 0)
            close(fd);
        return false;
    }
    ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text) || err_errno(e, "cannot ask");
    char part[1024];
    for (ssize_t n; ok && (n = read(fd, part, sizeof part)) > 0;)
        buf_add(out, part, (size_t)n);
    close(fd);
    return ok && (out->len > 0 || err_set(e, "`weir run` ended before it answered"));
}
