/* weir rewind: arguments, what may be repaired now, and the order of things. */
#include "main/rewind/rewind.h"
#include "base/clock.h"
#include "base/log.h"
#include "bus/open.h"
#include "bus/spool.h"
#include "main/commands.h"
#include "main/datadir.h"
#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LATE_S = 3600, /* flows with a time of their own come so much later */
    LEDGER_S = 60
};

struct options {
    const char *config, *from, *to, *exporter;
    bool dry_run, yes, force, json;
};

static int usage(FILE *f, int status)
{
    fputs(
        "usage: weir rewind --from TIME --to TIME [--exporter PREFIX] [--config FILE]\n"
        "                   [--data-dir DIR] [--dry-run] [--json] [--yes] [--force]\n\n"
        "Repairs history: what was received between two times is decoded and completed again from the\n"
        "spool, with today's configuration, names, networks and routes, compared with what is stored, and\n"
        "put in its place. Live flows go on being stored meanwhile. Run it where the outlet runs.\n\n"
        "  --from TIME, --to TIME  \"2026-11-29 14:00\" (local time; UTC with a Z behind it), seconds since\n"
        "                          1970, or 2h for two hours ago; widened to whole steps of the coarsest\n"
        "                          table\n"
        "  --exporter PREFIX       only exporters with these addresses\n"
        "  --dry-run               show the difference and end\n"
        "  --json                  show it as JSON\n"
        "  --yes                   do not ask before stored flows are replaced\n"
        "  --force                 replace them even when bytes, packets or datagrams are fewer than before\n"
        "  --config FILE           what weir runs with (default: the demonstration's in the data directory)\n"
        "  --data-dir DIR          where its data is (default: var)\n\n"
        "When it was interrupted while flows were being replaced, the next run finishes that, and only "
        "that.\n",
        f);
    return status;
}

/* ---- what may be repaired */

/* Flows that exporters give a time, or that are spread over theirs, are stored for times before their receipt. */
static uint64_t late_s(const struct rewind *r)
{
    uint64_t late = r->outlet->flow.spread_ns ? LATE_S : 0;
    for (size_t i = 0; i < config_count(&r->reach.loaded, ROLE_INLET); i++) {
        const struct config_inlet *in = config_own(&r->reach.loaded, ROLE_INLET, i);
        for (size_t k = 0; k < in->flow.inputs.n; k++)
            if (OPT_ITEM(in->flow.inputs, struct rx_input_conf, k)->time != TIME_INPUT)
                late = LATE_S;
    }
    return late;
}

/* Wall second of what the partition's next commit begins with: all before is stored. */
static bool settled(struct rewind *r, unsigned i, uint64_t *second, struct err *e)
{
    struct buf checkpoint;
    struct bus_record rec;
    struct bus_lag lag = {0};
    uint64_t offset = 0;
    buf_init(&checkpoint, 0);
    bool ok = r->log->committed(r->log, i, &offset, &checkpoint, e);
    buf_fini(&checkpoint);
    if (!ok)
        return false;
    r->log->lag(r->log, i, &lag);
    *second = r->log->read(r->log, i, offset, &rec, 1, 0) ? rec.second : lag.newest_s;
    r->log->release(r->log, i, UINT64_MAX);
    return true;
}

static bool find_bounds(struct rewind *r, struct rewind_bounds *b, struct err *e)
{
    const struct opt_list *list = &r->plan.conf.clickhouse->resolutions;
    *b = (struct rewind_bounds){.step_s = LEDGER_S, .settled_s = UINT64_MAX};
    for (size_t i = 0; i < list->n; i++) {
        uint64_t s = OPT_ITEM(*list, struct orch_resolution, i)->interval_ns / 1000000000u;
        b->step_s = s ? rewind_step(b->step_s, s) : b->step_s;
    }
    for (unsigned i = 0; i < r->log->partitions; i++) {
        uint64_t offset, oldest = 0, done;
        if (!settled(r, i, &done, e))
            return err_wrap(e, "partition %u of the spool", i);
        b->settled_s = done < b->settled_s ? done : b->settled_s;
        if (spool_seek(r->log, i, 0, &offset, &oldest))
            b->oldest_s = oldest > b->oldest_s ? oldest : b->oldest_s;
    }
    uint64_t behind = REWIND_MARGIN_S + r->late_s;
    b->settled_s = b->settled_s > behind ? b->settled_s - behind : 0;
    if (!b->oldest_s)
        return err_set(e, "the spool is empty");
    uint64_t rows;
    r->span = (struct rewind_span){b->oldest_s - b->oldest_s % b->step_s, b->oldest_s};
    rewind_where(r);
    if (!rewind_number(r, &rows, e, "SELECT count() FROM flows WHERE %s", r->where))
        return false;
    b->begins_there = rows == 0;
    return true;
}

static bool find_span(struct rewind *r, const struct options *o, struct err *e)
{
    struct rewind_bounds b;
    struct rewind_span wanted;
    char from[REWIND_TIME_MAX], to[REWIND_TIME_MAX];
    uint64_t now = clock_wall_ns() / 1000000000u;
    if (!rewind_time(str_from(o->from), now, &wanted.from))
        return err_set(e, "--from: \"%s\" is no time", o->from);
    if (!rewind_time(str_from(o->to), now, &wanted.to))
        return err_set(e, "--to: \"%s\" is no time", o->to);
    if (!find_bounds(r, &b, e) || !rewind_fit(wanted, &b, &r->span, e))
        return false;
    rewind_where(r);
    fprintf(stderr, "from %s to %s, in whole steps of %llu s%s%s\n", rewind_time_text(r->span.from, from),
            rewind_time_text(r->span.to, to), (unsigned long long)b.step_s,
            r->span.from > wanted.from ? "; before that the bus has no records" : "",
            r->span.to < wanted.to ? "; after that flows are not settled yet" : "");
    return true;
}

/* ---- */

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *where)
{
    return remove(path);
}

static void remove_dir(const struct rewind *r)
{
    nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool agree(const struct options *o, struct err *e)
{
    char line[16];
    if (o->yes)
        return true;
    if (!isatty(STDIN_FILENO))
        return err_set(e, "nothing was replaced: say --yes for that, or --dry-run");
    fputs("\nReplace the stored flows by these? [y/N] ", stderr);
    bool yes = fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
    return yes || err_set(e, "nothing was replaced");
}

static bool replace(struct rewind *r, const struct options *o, const struct rewind_diff *d, struct err *e)
{
    struct rewind_sums now;
    if (d->less[0] && !o->force)
        return err_set(e, "there is less than before: %s. Nothing was replaced; --force does it all the same",
                       d->less);
    if (!agree(o, e) || !rewind_sums(r, "flows", &now, e))
        return false;
    if (memcmp(&now, &d->stored, sizeof now) != 0)
        return err_set(e, "flows of that span were stored meanwhile; nothing was replaced, run it again");
    if (!rewind_swap(r, e))
        return err_wrap(e, "interrupted, and to be finished by `weir rewind`");
    if (!o->json)
        puts("\nreplaced");
    return true;
}

static bool repair(struct rewind *r, const struct options *o, struct err *e)
{
    struct rewind_diff d = {0};
    remove_dir(r);
    bool ok = find_span(r, o, e) && rewind_stage_make(r, e);
    if (ok)
        ok = rewind_replay(r, e) && rewind_stage_complete(r, e);
    if (ok)
        ok = rewind_diff_make(r, &d, e);
    if (ok) {
        rewind_diff_print(r, &d, o->json);
        fflush(stdout);
        ok = o->dry_run || replace(r, o, &d, e);
    }
    rewind_diff_fini(&d);
    return ok;
}

static bool finish(struct rewind *r, const struct options *o, struct err *e)
{
    char from[REWIND_TIME_MAX], to[REWIND_TIME_MAX];
    rewind_time_text(r->span.from, from);
    rewind_time_text(r->span.to, to);
    if (o->dry_run)
        return err_set(e,
                       "the repair of %s to %s was interrupted; run it without --dry-run to finish it first",
                       from, to);
    if (!rewind_swap_finish(r, e))
        return false;
    printf("the repair of %s to %s, which was interrupted, is finished\n", from, to);
    return true;
}

static bool prepare(struct rewind *r, const struct options *o, struct err *e)
{
    const char *config = o->config ? o->config : arena_printf(&r->arena, "%s/demo.yaml", r->data_dir);
    if (access(config, R_OK) != 0)
        return err_errno(e, "cannot read %s; say with --config what weir runs with", config);
    if (!store_reach(&r->reach, config, r->data_dir, &r->arena, e))
        return false;
    const struct config_orchestrator *orch = config_own(&r->reach.loaded, ROLE_ORCHESTRATOR, 0);
    r->outlet = config_own(&r->reach.loaded, ROLE_OUTLET, 0);
    if ((r->reach.db.cluster && r->reach.db.cluster[0]) || r->reach.db.servers.n > 1)
        return err_set(e,
                       "%s: rows of one time lie on several servers, which cannot be exchanged at one "
                       "stroke, so history "
                       "can be repaired on a single server only; there new names and rules hold from now on",
                       r->reach.db.servers.n > 1 ? "clickhousedb.servers" : "clickhousedb.cluster");
    if (o->exporter && !prefix_parse(str_from(o->exporter), &r->exporter))
        return err_set(e, "--exporter: \"%s\" is no address or prefix", o->exporter);
    r->by_exporter = o->exporter != NULL;
    if (!schema_init(&r->schema, &orch->schema, e))
        return false;
    if (r->by_exporter && r->schema.main_only[COL_ExporterAddress])
        return err_set(e, "--exporter: consolidated tables have no ExporterAddress here");
    tables_plan_init(&r->plan, &(struct tables_conf){.schema = &r->schema,
                                                     .clickhouse = &orch->clickhouse,
                                                     .database = r->reach.db.database,
                                                     .url = ""});
    r->planned = true;
    r->late_s = late_s(r);
    r->ch = ch_new(&r->reach.db);
    r->log = bus_open_onlooker(&r->outlet->bus, r->data_dir, e);
    return r->log && datadir_lock(r->data_dir, "rewind", e);
}

static bool rewind_run(struct rewind *r, const struct options *o, struct err *e)
{
    struct err why;
    if (!prepare(r, o, e))
        return false;
    bool left = rewind_swap_left(r, e), ok = false;
    if (!left && e->msg[0])
        return false;
    if (left)
        ok = finish(r, o, e);
    else if (o->from)
        ok = repair(r, o, e);
    else
        err_set(e, "nothing was interrupted; say which time with --from and --to");
    remove_dir(r);
    /* a swap that was begun needs them */
    if (!rewind_swap_left(r, &why) && !why.msg[0] && !rewind_stage_drop(r, &why))
        fprintf(stderr, "weir rewind: staged tables stay until the next run: %s\n", why.msg);
    return ok;
}

static int arguments(struct rewind *r, struct options *o, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"data-dir", required_argument, NULL, 'd'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            {"exporter", required_argument, NULL, 'e'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"yes", no_argument, NULL, 'y'},
                                            {"force", no_argument, NULL, 'F'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'd':
            r->data_dir = optarg;
            break;
        case 'f':
            o->from = optarg;
            break;
        case 't':
            o->to = optarg;
            break;
        case 'e':
            o->exporter = optarg;
            break;
        case 'n':
            o->dry_run = true;
            break;
        case 'j':
            o->json = true;
            break;
        case 'y':
            o->yes = true;
            break;
        case 'F':
            o->force = true;
            break;
        default:
            return usage(c == 'h' ? stdout : stderr, c == 'h' ? 0 : 2);
        }
    if (optind < argc)
        fprintf(stderr, "weir rewind: unexpected argument \"%s\"\n\n", argv[optind]);
    else if (!o->from != !o->to)
        fputs("weir rewind: --from and --to go together\n\n", stderr);
    else
        return -1;
    return usage(stderr, 2);
}

int cmd_rewind(int argc, char **argv)
{
    struct rewind r = {.data_dir = "var"};
    struct options o = {0};
    struct err e = {""};
    int status = arguments(&r, &o, argc, argv);
    if (status >= 0)
        return status;
    log_setup("rewind", LOG_WARN, false);
    signal(SIGPIPE, SIG_IGN);
    arena_init(&r.arena);
    r.dir = arena_printf(&r.arena, "%s/rewind", r.data_dir);
    r.quiet = o.json;
    bool ok = rewind_run(&r, &o, &e);
    if (!ok)
        fprintf(stderr, "weir rewind: %s\n", e.msg);
    if (r.log)
        r.log->free(r.log);
    ch_free(r.ch);
    if (r.planned)
        tables_plan_fini(&r.plan);
    store_reach_fini(&r.reach);
    arena_fini(&r.arena);
    return ok ? 0 : 1;
}
