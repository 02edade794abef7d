/* A copy has its original's time of change, so that after a restart it is known to be the same. */
#include "enrich/nets/geofiles.h"
#include "base/file.h"
#include "base/log.h"
#include "enrich/nets/mmdb.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct mark {
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct geo_file {
    struct geo_file *next;
    char *path, *copy;
    bool is_asn, optional, has_copy, known; /* known: `taken` says what was last looked into, good or bad */
    bool said_missing;
    struct mark seen, taken;
    char why[256]; /* "": all is well */
};

struct geofiles {
    char *dir;
    struct geo_file *first;
};

/* ---- the configured set */

static char *copy_name(const struct geofiles *f, const char *path, bool is_asn)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/geoip/%s-%016llx.mmdb", f->dir, is_asn ? "asn" : "geo",
             (unsigned long long)XXH3_64bits(path, strlen(path)));
    return xstrdup(name);
}

static void free_file(struct geo_file *g)
{
    free(g->path);
    free(g->copy);
    free(g);
}

/* Takes the file out of the list; NULL when it is not there. */
static struct geo_file *pick(struct geo_file **list, const char *path, bool is_asn)
{
    for (struct geo_file **at = list; *at; at = &(*at)->next)
        if ((*at)->is_asn == is_asn && strcmp((*at)->path, path) == 0) {
            struct geo_file *g = *at;
            *at = g->next;
            return g;
        }
    return NULL;
}

static struct geo_file *file_new(const struct geofiles *f, const char *path, bool is_asn)
{
    struct geo_file *g = xcalloc(1, sizeof *g);
    struct stat st;
    g->path = xstrdup(path);
    g->copy = copy_name(f, path, is_asn);
    g->is_asn = is_asn;
    g->has_copy = stat(g->copy, &st) == 0;
    if (g->has_copy)
        g->taken = (struct mark){.size = st.st_size, .changed = st.st_mtim};
    return g;
}

static void add(struct geofiles *f, struct geo_file ***end, struct geo_file **former,
                const struct opt_list *paths, bool is_asn, bool optional)
{
    for (size_t i = 0; i < paths->n; i++) {
        const char *path = *OPT_ITEM(*paths, const char *, i);
        struct geo_file *g = pick(former, path, is_asn);
        if (!g)
            g = file_new(f, path, is_asn);
        g->optional = optional;
        g->next = NULL;
        **end = g;
        *end = &g->next;
    }
}

bool geofiles_configure(struct geofiles *f, const struct enrich_geoip_conf *conf, struct err *e)
{
    struct geo_file *former = f->first, **end = &f->first;
    bool ok = true;
    f->first = NULL;
    add(f, &end, &former, &conf->asn_database, true, conf->optional);
    add(f, &end, &former, &conf->geo_database, false, conf->optional);
    while (former) {
        struct geo_file *g = former;
        former = g->next;
        unlink(g->copy);
        free_file(g);
    }
    for (const struct geo_file *g = f->first; g && ok; g = g->next)
        if (!g->optional && !g->has_copy && access(g->path, R_OK) != 0)
            ok = err_set(e, "geoip: %s: %s; with `optional: true` it would be waited for", g->path,
                         strerror(errno));
    return ok;
}

struct geofiles *geofiles_new(const char *dir)
{
    struct geofiles *f = xcalloc(1, sizeof *f);
    f->dir = xstrdup(dir);
    return f;
}

void geofiles_free(struct geofiles *f)
{
    while (f && f->first) {
        struct geo_file *g = f->first;
        f->first = g->next;
        free_file(g);
    }
    if (f)
        free(f->dir);
    free(f);
}

/* ---- taking a file */

static bool copy_bytes(int from, int to, const char *path, const bool *stop, struct err *e)
{
    off_t total = 0;
    for (;;) {
        ssize_t n = sendfile(to, from, NULL, 8 << 20);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "cannot copy %s", path);
        if (n == 0)
            return true;
        total += n;
        if (total > (off_t)GEOFILES_MOST << 20)
            return err_set(e, "%s is larger than %d MiB", path, GEOFILES_MOST);
        if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
            return err_set(e, "stopped");
    }
}

static bool copy_file(const char *path, const char *to, struct mark *m, const bool *stop, struct err *e)
{
    struct stat st;
    int in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would be waited for */
    if (in < 0)
        return err_errno(e, "%s", path);
    int out = file_make_dirs(to, false, e) ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    bool ok = out >= 0 || err_errno(e, "cannot write %s", to);
    ok = ok && (fstat(in, &st) == 0 || err_errno(e, "%s", path));
    ok = ok && (S_ISREG(st.st_mode) || err_set(e, "%s is no file", path)) &&
         copy_bytes(in, out, path, stop, e);
    if (ok) {
        *m = (struct mark){st.st_ino, st.st_size, st.st_mtim};
        futimens(out, (struct timespec[]){st.st_mtim, st.st_mtim});
    }
    close(in);
    if (out >= 0)
        close(out);
    return ok;
}

bool geofiles_check(const char *path, bool is_asn, const bool *stop, struct err *e)
{
    struct mmdb m;
    struct prefix p;
    struct mmdb_fields fields;
    uint32_t data, last = UINT32_MAX;
    uint64_t n = 0, useful = 0;
    if (!mmdb_open(&m, path, e))
        return err_set(e, "this is no MMDB file, or damaged");
    bool ok = true;
    for (int v4 = 1; v4 >= 0 && ok; v4--) {
        struct mmdb_walk w;
        mmdb_walk_init(&w, &m, v4);
        while (ok && mmdb_walk_next(&w, &p, &data)) {
            ok = data == last || mmdb_read(&m, data, &fields);
            last = data;
            useful +=
                ok && (is_asn ? fields.asn != 0 : fields.country.len || fields.city.len || fields.state.len);
            if (++n % 65536 == 0 && stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
                ok = false;
        }
        ok = ok && !w.bad;
    }
    mmdb_close(&m);
    if (!ok)
        return err_set(e, "the file is damaged");
    return useful > 0 ||
           err_set(e, "no network in it has %s", is_asn ? "an AS number" : "a country, state or city");
}

static bool take(struct geo_file *g, const bool *stop)
{
    struct err e;
    char fresh[PATH_MAX];
    snprintf(fresh, sizeof fresh, "%s.new", g->copy);
    bool ok = copy_file(g->path, fresh, &g->taken, stop, &e) &&
              (geofiles_check(fresh, g->is_asn, stop, &e) || err_wrap(&e, "%s", g->path)) &&
              (rename(fresh, g->copy) == 0 || err_errno(&e, "cannot rename %s", fresh));
    g->known = true;
    g->has_copy |= ok;
    g->why[0] = 0;
    if (ok) {
        log_info("geoip", "database taken", "file", g->path, NULL);
        return true;
    }
    unlink(fresh);
    if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
        return false;
    snprintf(g->why, sizeof g->why, "%.255s", e.msg);
    log_error("geoip",
              g->has_copy ? "a database cannot be used; the former one stays in use"
                          : "a database cannot be used",
              "error", e.msg, NULL);
    return false;
}

static void missing(struct geo_file *g)
{
    snprintf(g->why, sizeof g->why, "%.200s: %s", g->path, strerror(errno));
    if (!g->said_missing && (!g->optional || g->has_copy))
        log_warn("geoip", g->has_copy ? "a database is gone; its copy stays in use" : "a database is missing",
                 "file", g->path, "error", strerror(errno), NULL);
    g->said_missing = true;
    if (g->optional && !g->has_copy)
        g->why[0] = 0;
}

static bool same(const struct mark *a, const struct mark *b, bool ino_too)
{
    return a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec && (!ino_too || a->ino == b->ino);
}

static bool poll_one(struct geo_file *g, const bool *stop)
{
    struct stat st;
    if (stat(g->path, &st) != 0) {
        missing(g);
        return false;
    }
    struct mark now = {st.st_ino, st.st_size, st.st_mtim}, before = g->seen;
    if (g->said_missing)
        g->why[0] = 0;
    g->said_missing = false;
    g->seen = now;
    if (g->known ? same(&g->taken, &now, true) : g->has_copy && same(&g->taken, &now, false)) {
        g->taken = now;
        g->known = true;
        return false;
    }
    /* at the first look there is nothing better to work with */
    return (!g->known || same(&before, &now, true)) && take(g, stop);
}

bool geofiles_poll(struct geofiles *f, const bool *stop)
{
    bool any = false;
    for (struct geo_file *g = f->first; g; g = g->next)
        any |= poll_one(g, stop);
    return any;
}

const char *geofiles_copy(const struct geofiles *f, size_t i, bool *is_asn)
{
    for (const struct geo_file *g = f->first; g; g = g->next)
        if (g->has_copy && i-- == 0) {
            *is_asn = g->is_asn;
            return g->copy;
        }
    return NULL;
}

size_t geofiles_failing(const struct geofiles *f, char *why, size_t room)
{
    size_t n = 0;
    for (const struct geo_file *g = f->first; g; g = g->next)
        if (g->why[0] && n++ == 0)
            snprintf(why, room, "%s", g->why);
    return n;
}
