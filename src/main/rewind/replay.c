/*
 * An outlet like the role's, but for three things: its bus is a stretch of the spool (bus.h), its blocks go into the
 * staged tables, and its files (names, routes, remote sources) are copies of the installation's, so that it begins with what
 * the outlet knows now and changes nothing of it.
 */
#include "base/clock.h"
#include "base/file.h"
#include "main/outlet/outlet.h"
#include "main/outlet/part.h"
#include "main/rewind/rewind.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define ASKED_NS (SECOND_NS / 2) /* until who is to be asked has been asked */

enum {
    LEAD_S = 1800,       /* templates and rates come again within it */
    BLOCK_ROWS = 200000, /* nobody waits to see them: few large blocks */
    SLOT_S = 60,
    NICE = 10,
    STEP_MS = 200,
    NAMES_WAIT_S = 15 /* for one more answer over SNMP */
};

struct replay {
    struct rewind *r;
    struct rewind_bus bus;
    struct insert_way http;
    bool failed; /* `why` says how */
    struct err why;
};

/* ---- where blocks go, on the one thread that inserts */

static bool failed(const struct replay *p)
{
    return __atomic_load_n(&p->failed, __ATOMIC_ACQUIRE);
}

struct way {
    struct replay *p;
    void *http;
};

static void *way_open(void *arg, bool (*abandon)(void *), void *abandon_arg)
{
    struct way *w = xcalloc(1, sizeof *w);
    w->p = arg;
    w->http = w->p->http.open(w->p->http.arg, abandon, abandon_arg);
    return w;
}

static void way_close(void *way)
{
    struct way *w = way;
    w->p->http.close(w->http);
    free(w);
}

static enum ch_failure way_insert(void *way, const char *table, const char *token, struct str data,
                                  const char **server, struct err *e)
{
    struct way *w = way;
    unsigned partition;
    uint64_t first, last;
    char name[128];
    if (strcmp(table, "exporters") == 0 || (part_token_read(token, &partition, &first, &last) &&
                                            rewind_bus_is_early(&w->p->bus, partition, last)))
        return CH_OK;
    bool ledger = strcmp(table, "ledger") == 0;
    snprintf(name, sizeof name, "%s%s", ledger ? "" : REWIND_PREFIX, ledger ? REWIND_NEW_LEDGER : table);
    enum ch_failure f = w->p->http.insert(w->http, name, token, data, server, e);
    if (f == CH_PERMANENT && !failed(w->p)) {
        w->p->why = *e;
        __atomic_store_n(&w->p->failed, true, __ATOMIC_RELEASE);
    }
    return f;
}

/* ---- files */

static bool copy_file(const char *from, const char *to, struct err *e)
{
    struct stat st;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT || err_errno(e, "%s", from);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = out >= 0 && fstat(in, &st) == 0;
    for (off_t at = 0; ok && at < st.st_size;) {
        ssize_t n = sendfile(out, in, &at, (size_t)(st.st_size - at));
        ok = n > 0 || (n < 0 && errno == EINTR);
    }
    if (!ok)
        err_errno(e, "cannot copy %s to %s", from, to);
    if (out >= 0)
        close(out);
    close(in);
    return ok;
}

/* The regular files of a folder of the data directory. */
static bool copy_folder(const struct rewind *r, const char *name, struct err *e)
{
    char from[PATH_MAX], to[PATH_MAX];
    bool ok = true;
    snprintf(from, sizeof from, "%s/%s", r->data_dir, name);
    snprintf(to, sizeof to, "%s/%s", r->dir, name);
    DIR *d = opendir(from);
    if (!d)
        return true;
    ok = file_make_dirs(to, true, e);
    for (const struct dirent *x; ok && (x = readdir(d));)
        if (x->d_type == DT_REG) {
            snprintf(from, sizeof from, "%s/%s/%s", r->data_dir, name, x->d_name);
            snprintf(to, sizeof to, "%s/%s/%s", r->dir, name, x->d_name);
            ok = copy_file(from, to, e);
        }
    closedir(d);
    return ok;
}

static bool copy_state(const struct rewind *r, struct err *e)
{
    char from[PATH_MAX], to[PATH_MAX];
    const char *names = r->outlet->metadata.cache_persist_file;
    if (!file_make_dirs(r->dir, true, e))
        return false;
    snprintf(from, sizeof from, "%s/metadata.cache", r->data_dir);
    snprintf(to, sizeof to, "%s/metadata.cache", r->dir);
    if (!copy_file(names && names[0] ? names : from, to, e))
        return false;
    snprintf(from, sizeof from, "%s/routes.rib", r->data_dir);
    snprintf(to, sizeof to, "%s/routes.rib", r->dir);
    return copy_file(from, to, e) && copy_folder(r, "remote", e) && copy_folder(r, "geoip", e);
}

/* ---- */

static void progress(const struct replay *p, struct outlet *o, uint64_t began_ns, const char *what)
{
    struct outlet_totals t = {0};
    if (p->r->quiet || !isatty(STDERR_FILENO))
        return;
    outlet_totals(o, &t);
    double s = (double)(clock_mono_ns() - began_ns) / 1e9;
    fprintf(stderr, "\r%3.0f %%  %llu flows, %.0f a second  %-48.48s", rewind_bus_progress(&p->bus) * 100,
            (unsigned long long)t.flows, (double)t.flows / (s > 0.1 ? s : 0.1), what);
}

static void step(const struct replay *p, struct outlet *o, uint64_t began_ns)
{
    char why[256];
    outlet_waiting_for(o, why);
    if (!why[0])
        outlet_stuck_since(o, why);
    if (!why[0])
        snprintf(why, sizeof why, "%s", rewind_bus_progress(&p->bus) < 1 ? "" : "being stored");
    progress(p, o, began_ns, why);
    nanosleep(&(struct timespec){0, STEP_MS * 1000000L}, NULL);
}

/*
 * Who sent flows in the span is asked for names before the first of these is decoded. An interface without a name was stored
 * under its number; of the others the exporter tells with the rest.
 */
static bool ask_for_names(struct replay *p, struct outlet *o, uint64_t began_ns, struct err *e)
{
    const struct rewind *r = p->r;
    json_t *row,
        *rows = rewind_ask(p->r, e,
                           "SELECT DISTINCT replaceOne(toString(ExporterAddress), '::ffff:', ''), "
                           "arrayJoin([%s, %s]) FROM flows WHERE %s",
                           r->schema.enabled[COL_InIfName] ? "toUInt32OrZero(InIfName)" : "0",
                           r->schema.enabled[COL_OutIfName] ? "toUInt32OrZero(OutIfName)" : "0", r->where);
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct ip exporter;
        if (ip_parse(str_from(rewind_cell(row, 0)), &exporter))
            while (!outlet_ask(o, exporter, (uint32_t)rewind_u64(row, 1)))
                step(p, o, began_ns);
    }
    bool ok = rows != NULL;
    json_decref(rows);
    return ok || err_wrap(e, "exporters of that span");
}

/* Those that answer do so within a moment; of many, one after the other. */
static void wait_for_names(struct replay *p, struct outlet *o, uint64_t began_ns)
{
    uint64_t begin = clock_mono_ns(), moved = begin;
    struct metadata_status s;
    outlet_metadata(o, &s);
    while (clock_mono_ns() < begin + ASKED_NS ||
           (s.open && clock_mono_ns() < moved + NAMES_WAIT_S * SECOND_NS)) {
        unsigned before = s.open;
        step(p, o, began_ns);
        outlet_metadata(o, &s);
        moved = s.open < before ? clock_mono_ns() : moved;
    }
}

/* Does any provider ask exporters? The others know what they know. */
static bool asks(const struct enrich_metadata_conf *c)
{
    for (size_t i = 0; i < c->providers.n; i++)
        if (OPT_ITEM(c->providers, struct enrich_metadata_provider, i)->type == METADATA_SNMP)
            return true;
    return false;
}

static bool drive(struct replay *p, struct outlet *o, struct err *e)
{
    bool by_asking = asks(&p->r->outlet->metadata);
    uint64_t began = clock_mono_ns();
    if (by_asking && !ask_for_names(p, o, began, e))
        return false;
    while (!rewind_bus_held(&p->bus) && !failed(p))
        step(p, o, began);
    if (by_asking)
        wait_for_names(p, o, began);
    rewind_bus_go_on(&p->bus);
    while (!rewind_bus_done(&p->bus) && !failed(p))
        step(p, o, began);
    progress(p, o, began, "");
    if (!p->r->quiet && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    if (failed(p))
        return err_set(e, "the store refuses what was decoded: %.200s", p->why.msg);
    uint64_t lost = rewind_bus_lost(&p->bus);
    if (lost)
        fprintf(stderr, "weir rewind: %llu records of the bus are gone\n", (unsigned long long)lost);
    return true;
}

bool rewind_replay(struct rewind *r, struct err *e)
{
    struct replay p = {.r = r, .http = insert_way_ch(&r->reach.db)};
    struct config_outlet conf = *r->outlet;
    const struct insert_way way = {way_open, way_close, way_insert, &p};
    uint64_t span_s = r->span.from - r->late_s; /* clocks may be ahead as well */
    if (!copy_state(r, e))
        return false;
    conf.metadata.cache_persist_file = "";
    conf.core.startup_delay_ns = 0;
    conf.clickhouse.maximum_wait_ns = SLOT_S * SECOND_NS;
    if (conf.clickhouse.maximum_batch_size < BLOCK_ROWS)
        conf.clickhouse.maximum_batch_size = BLOCK_ROWS;
    conf.clickhousedb.max_open_conns =
        1; /* so that live flows are among the few that the store takes at once */
    setpriority(PRIO_PROCESS, 0, NICE);
    conf.routing.provider.listen = "127.0.0.1:0";
    conf.routing.provider.keep_ns = 365 * 86400 * SECOND_NS; /* their routers will not come here */
    bool ok =
        rewind_bus_init(&p.bus, r->log, span_s - LEAD_S, span_s, r->span.to + REWIND_MARGIN_S + r->late_s, e);
    struct outlet *o = ok ? outlet_new(&conf, r->dir, &way, &p.bus.r, e) : NULL;
    ok = o && drive(&p, o, e);
    outlet_free(o);
    rewind_bus_fini(&p.bus);
    return ok;
}
