/*
 * A thin skin over libchdb's C interface. Its header is in no package, so the few functions used are declared here, as
 * pointers filled by dlsym.
 */
#include "store/embedded/engine_chdb.h"
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct analysis { /* chdb_query_analysis_v1 */
    uint32_t size, statements, flags, class;
};

/* name, result, arguments; `void *` stands for the library's handles */
#define FUNCTIONS(X)                                                                                         \
    X(connect, void **, (int argc, char **argv))                                                             \
    X(close_conn, void, (void **conn))                                                                       \
    X(query_with_params_n, void *,                                                                           \
      (void *conn, const char *sql, size_t len, const char *format, size_t format_len,                       \
       const char *const *names, const size_t *name_lens, const char *const *values,                         \
       const size_t *value_lens, size_t n))                                                                  \
    X(stream_query_with_params_n, void *,                                                                    \
      (void *conn, const char *sql, size_t len, const char *format, size_t format_len,                       \
       const char *const *names, const size_t *name_lens, const char *const *values,                         \
       const size_t *value_lens, size_t n))                                                                  \
    X(stream_fetch_result, void *, (void *conn, void *stream))                                               \
    X(stream_cancel_query, void, (void *conn, void *stream))                                                 \
    X(destroy_query_result, void, (void *result))                                                            \
    X(stream_insert_with_params_n, void *,                                                                   \
      (void *conn, const char *sql, size_t len, const char *format, size_t format_len,                       \
       const char *const *names, const size_t *name_lens, const char *const *values,                         \
       const size_t *value_lens, size_t n))                                                                  \
    X(stream_append, int, (void *stream, const void *data, size_t len))                                      \
    X(stream_done, void *, (void *stream))                                                                   \
    X(stream_cancel_insert, void, (void *stream))                                                            \
    X(stream_insert_error, const char *, (void *stream))                                                     \
    X(destroy_insert_stream, void, (void *stream))                                                           \
    X(result_buffer, char *, (void *result))                                                                 \
    X(result_length, size_t, (void *result))                                                                 \
    X(result_error, const char *, (void *result))                                                            \
    X(result_elapsed, double, (void *result))                                                                \
    X(result_storage_rows_read, uint64_t, (void *result))                                                    \
    X(result_storage_bytes_read, uint64_t, (void *result))                                                   \
    X(result_rows_written, uint64_t, (void *result))                                                         \
    X(result_bytes_written, uint64_t, (void *result))                                                        \
    X(classify_query_n, int,                                                                                 \
      (void *conn, const char *sql, size_t len, const char *db, size_t db_len, struct analysis *out))        \
    X(set_signal_handlers_enabled, void, (int on))                                                           \
    X(shutdown, int, (void))

static struct {
#define X(name, result, args) result(*name) args;
    FUNCTIONS(X)
#undef X
} chdb;

struct chdb_impl {
    char path_arg[PATH_MAX + 16];
    char args[6][64];
    int n_args;
    void **boot; /* the first connection keeps the engine alive between others */
};

struct engine_session {
    void **conn;
};

int engine_code(const char *error)
{
    return error && strncmp(error, "Code: ", 6) == 0 ? atoi(error + 6) : 0;
}

/* ---- finding and loading the library */

static const char *readable(const char *path)
{
    return access(path, R_OK) == 0 ? path : NULL;
}

static const char *in_cache(struct arena *a)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *found = NULL;
    const char *dir = cache && cache[0] ? cache : arena_printf(a, "%s/.cache", home ? home : "/root");
    glob_t g;
    if (glob(arena_printf(a, "%s/weir/chdb-*/libchdb.so", dir), 0, NULL, &g) == 0) {
        found = arena_strdup(a, g.gl_pathv[g.gl_pathc - 1]); /* sorted: the newest */
        globfree(&g);
    }
    return found;
}

const char *engine_chdb_find(struct arena *a)
{
    char self[PATH_MAX];
    const char *env = getenv("WEIR_LIBCHDB"), *found;
    if (env && env[0])
        return env;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        *slash = '\0';
        if ((found = readable(arena_printf(a, "%s/libchdb.so", self))) ||
            (found = readable(arena_printf(a, "%s/../lib/weir/libchdb.so", self))))
            return found;
    }
    return in_cache(a);
}

static bool load(const char *library, struct err *e)
{
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return err_set(e, "the embedded ClickHouse cannot be loaded: %s", dlerror());
#define X(name, result, args)                                                                                \
    *(void **)&chdb.name = dlsym(lib, "chdb_" #name);                                                        \
    if (!chdb.name)                                                                                          \
        return err_set(e, "%s has no function chdb_%s; script/setup fetches the version that fits", library, \
                       #name);
    FUNCTIONS(X)
#undef X
    return true;
}

/* ---- sessions */

static void **connect_one(struct chdb_impl *im)
{
    /* on a terminal the library would log there by itself */
    char *argv[11] = {(char *)(uintptr_t) "weir", im->path_arg, (char *)(uintptr_t) "--logger.console=0"};
    int argc = 3;
    for (int i = 0; i < im->n_args; i++)
        argv[argc++] = im->args[i];
    return chdb.connect(argc, argv);
}

static struct engine_session *session_open(const struct engine *en, struct err *e)
{
    void **conn = connect_one(en->impl);
    if (!conn || !*conn) {
        err_set(e, "the embedded ClickHouse gave no session");
        return NULL;
    }
    struct engine_session *s = xmalloc(sizeof *s);
    s->conn = conn;
    return s;
}

static void session_close(const struct engine *en, struct engine_session *s)
{
    if (!s)
        return;
    chdb.close_conn(s->conn);
    free(s);
}

static bool analyse(const struct engine *en, struct engine_session *s, struct str sql,
                    struct engine_analysis *out)
{
    struct analysis a = {.size = sizeof a};
    if (chdb.classify_query_n(*s->conn, sql.p, sql.len, NULL, 0, &a) != 0)
        return false;
    *out = (struct engine_analysis){a.statements, a.class <= ENGINE_UNKNOWN ? a.class : ENGINE_UNKNOWN};
    return true;
}

/* ---- statements */

struct params {
    const char *names[64], *values[64];
    size_t name_lens[64], value_lens[64], n;
};

static void spread(const struct engine_statement *st, struct params *p)
{
    p->n = st->n_params < 64 ? st->n_params : 64;
    for (size_t i = 0; i < p->n; i++) {
        p->names[i] = st->params[i].name;
        p->name_lens[i] = strlen(st->params[i].name);
        p->values[i] = st->params[i].value.p;
        p->value_lens[i] = st->params[i].value.len;
    }
}

static void fail(struct engine_result *out, const char *error)
{
    *out = (struct engine_result){
        .error = xstrdup(error && error[0] ? error : "Code: 1002. DB::Exception: no reason given")};
}

/* Takes the library's result over into *out. */
static void take(void *r, struct engine_result *out)
{
    const char *error = r ? chdb.result_error(r) : "Code: 1002. DB::Exception: no result";
    if (error) {
        fail(out, error);
        if (r)
            chdb.destroy_query_result(r);
        return;
    }
    *out = (struct engine_result){
        .ok = true,
        .own = r,
        .data = {chdb.result_buffer(r), chdb.result_length(r)},
        .read_rows = chdb.result_storage_rows_read(r),
        .read_bytes = chdb.result_storage_bytes_read(r),
        .written_rows = chdb.result_rows_written(r),
        .written_bytes = chdb.result_bytes_written(r),
        .elapsed_ns = (uint64_t)(chdb.result_elapsed(r) * 1e9),
    };
}

static void run(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                struct engine_result *out)
{
    struct params p;
    spread(st, &p);
    take(chdb.query_with_params_n(*s->conn, st->sql.p, st->sql.len, st->format, strlen(st->format), p.names,
                                  p.name_lens, p.values, p.value_lens, p.n),
         out);
}

struct stream {
    void *handle;
    bool ended; /* by itself; cancelling then would crash the library */
};

static void *begin(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                   struct engine_result *out)
{
    struct params p;
    spread(st, &p);
    void *handle =
        chdb.stream_query_with_params_n(*s->conn, st->sql.p, st->sql.len, st->format, strlen(st->format),
                                        p.names, p.name_lens, p.values, p.value_lens, p.n);
    const char *error = handle ? chdb.result_error(handle) : "Code: 1002. DB::Exception: no result";
    *out = (struct engine_result){.ok = true};
    if (!error) {
        struct stream *stream = xmalloc(sizeof *stream);
        *stream = (struct stream){handle, false};
        return stream;
    }
    fail(out, error);
    if (handle)
        chdb.destroy_query_result(handle);
    return NULL;
}

static void next(const struct engine *en, struct engine_session *s, void *arg, struct engine_result *out)
{
    struct stream *stream = arg;
    take(chdb.stream_fetch_result(*s->conn, stream->handle), out);
    if (!out->ok || out->data.len == 0)
        stream->ended = true;
}

static void end(const struct engine *en, struct engine_session *s, void *arg)
{
    struct stream *stream = arg;
    if (!stream->ended)
        chdb.stream_cancel_query(*s->conn, stream->handle);
    chdb.destroy_query_result(stream->handle);
    free(stream);
}

static void insert(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                   struct str rows, struct engine_result *out)
{
    struct params p;
    spread(st, &p);
    void *stream =
        chdb.stream_insert_with_params_n(*s->conn, st->sql.p, st->sql.len, st->format, strlen(st->format),
                                         p.names, p.name_lens, p.values, p.value_lens, p.n);
    const char *error = chdb.stream_insert_error(stream);
    if (error) {
        fail(out, error);
    } else {
        /* a failed append leaves its reason for done() to tell */
        if (rows.len)
            (void)chdb.stream_append(stream, rows.p, rows.len);
        take(chdb.stream_done(stream), out);
    }
    chdb.destroy_insert_stream(stream);
}

static void result_fini(const struct engine *en, struct engine_result *r)
{
    if (r->own)
        chdb.destroy_query_result(r->own);
    free(r->error);
    *r = (struct engine_result){0};
}

/* ---- the engine */

static void add_arg(struct chdb_impl *im, const char *name, uint64_t v)
{
    if (v)
        snprintf(im->args[im->n_args++], sizeof im->args[0], "--%s=%llu", name, (unsigned long long)v);
}

/* Who has the lock, from what the engine leaves in the file `status`: "PID: 123". */
static long holder(const char *path)
{
    char file[PATH_MAX + 16], text[256] = "";
    snprintf(file, sizeof file, "%s/status", path);
    FILE *f = fopen(file, "re");
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *pid = strstr(text, "PID: ");
    return pid ? atol(pid + 5) : 0;
}

static bool obey(const struct engine *en, struct engine_session *s, const char *sql, struct err *e)
{
    struct engine_statement st = {.sql = str_from(sql), .format = "Null"};
    struct engine_result r;
    run(en, s, &st, &r);
    bool ok = r.ok || err_set(e, "%s: %s", sql, r.error);
    result_fini(en, &r);
    return ok;
}

/*
 * The library's `default` is an overlay in which any name that is a path is a table: SELECT * FROM "/etc/passwd". And
 * tables have no UUID in it, so that a block's token does not survive the change of a view. Behind it is an ordinary
 * database (after the first start), which takes its place.
 */
static bool make_ordinary(const struct engine *en, struct err *e)
{
    struct engine_session *s = session_open(en, e);
    struct err none_yet;
    bool ok = s && obey(en, s, "DETACH DATABASE default", e);
    if (ok && !obey(en, s, "ATTACH DATABASE default", &none_yet))
        ok = obey(en, s, "CREATE DATABASE default ENGINE = Atomic", e);
    session_close(en, s);
    return ok;
}

const struct engine *engine_chdb_new(const struct engine_chdb_conf *conf, struct err *e)
{
    if (!load(conf->library, e))
        return NULL;
    struct chdb_impl *im = xcalloc(1, sizeof *im);
    struct engine *en = xcalloc(1, sizeof *en);
    *en = (struct engine){.open = session_open,
                          .close = session_close,
                          .analyse = analyse,
                          .run = run,
                          .begin = begin,
                          .next = next,
                          .end = end,
                          .insert = insert,
                          .result_fini = result_fini,
                          .impl = im};
    snprintf(im->path_arg, sizeof im->path_arg, "--path=%s", conf->path);
    add_arg(im, "max_server_memory_usage", conf->max_memory);
    add_arg(im, "mark_cache_size", conf->mark_cache);
    add_arg(im, "background_pool_size", conf->background);
    chdb.set_signal_handlers_enabled(0);
    im->boot = connect_one(im);
    if (im->boot && *im->boot) {
        if (make_ordinary(en, e))
            return en;
        engine_chdb_free(en);
        return NULL;
    }
    long pid = holder(conf->path);
    if (pid > 0 && pid != getpid() && kill((pid_t)pid, 0) == 0)
        err_set(e,
                "the store's directory %s is in use by process %ld; stop that one, or use another --data-dir",
                conf->path, pid);
    else
        err_set(e, "the embedded ClickHouse could not open %s", conf->path);
    free(im);
    free(en);
    return NULL;
}

void engine_chdb_free(const struct engine *en)
{
    struct chdb_impl *im = en->impl;
    chdb.close_conn(im->boot);
    chdb.shutdown(); /* says no where a path was used, but ends its work before */
    free(im);
    free((void *)(uintptr_t)en);
}
