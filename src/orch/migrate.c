/*
 * Order of a run: database; dictionaries, as computed columns use them; tables made, columns added and changed; views;
 * the ledger; columns dropped, then dictionaries. So no view ever names a column that is not there, and no column a
 * dictionary; and who sees the ledger knows that every block finds its way into all tables (store/insert.c waits for it).
 */
#include "orch/migrate.h"
#include "base/counters.h"
#include "base/log.h"
#include "orch/migrate_table.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Types that ClickHouse calls suspicious are right here; views may change their columns; TTLs need no rewriting of parts. */
static const char ddl_settings[] = "allow_suspicious_low_cardinality_types=1&materialize_ttl_after_modify=0"
                                   "&alter_sync=2&distributed_ddl_task_timeout=60";

enum { APPLIED, SKIPPED, COUNTERS };
static const struct counter_def counter_defs[COUNTERS] = {
    {"orchestrator_clickhouse_migrations_applied_steps_total", "Steps that changed something.", COUNTER},
    {"orchestrator_clickhouse_migrations_notapplied_steps_total",
     "Steps that found everything as it should be.", COUNTER},
};

static struct counters *counters(void)
{
    static struct counters *c;
    if (!c)
        c = counters_new(counter_defs, COUNTERS, NULL);
    return c;
}

/* ---- asking and acting */

json_t *migrate_ask(struct migration *m, const char *fmt, ...)
{
    struct buf sql, out;
    va_list ap;
    char *text = NULL;
    json_error_t je;
    if (m->r->failure != CH_OK)
        return json_array();
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    buf_init(&sql, 0);
    buf_init(&out, 0);
    buf_printf(&sql, "%s FORMAT JSONCompactStrings", text);
    buf_u8(&sql, 0);
    free(text);
    m->r->failure = ch_query(m->ch, &(struct ch_query){.sql = (const char *)sql.p}, &out, &m->r->why);
    json_t *rows = NULL;
    if (m->r->failure == CH_OK) {
        json_t *doc = json_loadb((const char *)out.p, out.len, 0, &je);
        rows = json_incref(json_object_get(doc, "data"));
        json_decref(doc);
        if (!rows) {
            m->r->failure = CH_BUSY;
            err_set(&m->r->why, "%s answered something that is no table: %s", ch_server(m->ch), je.text);
        }
    }
    buf_fini(&sql);
    buf_fini(&out);
    return rows ? rows : json_array();
}

const char *migrate_cell(const json_t *row, size_t i)
{
    const char *z = json_string_value(json_array_get(row, i));
    return z ? z : "";
}

void migrate_step(struct migration *m, bool needed, const char *what, struct str sql)
{
    if (m->r->failure != CH_OK)
        return;
    if (!needed) {
        m->r->skipped++;
        counter_add_shared(counters(), SKIPPED, 1);
        return;
    }
    char *z = arena_z(&m->plan.arena, sql);
    m->r->failure =
        ch_query(m->ch, &(struct ch_query){.sql = z, .settings = ddl_settings, .timeout_ns = 300000000000u},
                 NULL, &m->r->why);
    if (m->r->failure != CH_OK) {
        err_wrap(&m->r->why, "%s", what);
        return;
    }
    m->r->applied++;
    counter_add_shared(counters(), APPLIED, 1);
    log_info("migrate", what, "database", m->plan.conf.database, NULL);
}

void migrate_note(struct migration *m, const char *fmt, ...)
{
    va_list ap;
    size_t at = strlen(m->r->notes.msg);
    if (at)
        at += (size_t)snprintf(m->r->notes.msg + at, sizeof m->r->notes.msg - at, "; ");
    if (at >= sizeof m->r->notes.msg)
        return;
    va_start(ap, fmt);
    vsnprintf(m->r->notes.msg + at, sizeof m->r->notes.msg - at, fmt, ap);
    va_end(ap);
}

/* ---- the server */

/* Releases with faults that lose or garble what is asked of them. */
static bool is_refused(unsigned major, unsigned minor)
{
    return major < 22 || (major == 22 && minor < 4) || (major == 24 && minor >= 3 && minor <= 5);
}

static void check_version(struct migration *m)
{
    json_t *rows = migrate_ask(m, "SELECT version()");
    unsigned major, minor;
    const char *version = migrate_cell(json_array_get(rows, 0), 0);
    if (m->r->failure == CH_OK && sscanf(version, "%u.%u", &major, &minor) == 2 && is_refused(major, minor)) {
        m->r->failure = CH_PERMANENT;
        err_set(&m->r->why, "ClickHouse %s cannot be used: at least 22.4 is needed, and not 24.3 to 24.5",
                version);
    }
    json_decref(rows);
}

static void make_database(struct migration *m)
{
    const char *db = m->plan.conf.database;
    json_t *rows = migrate_ask(m, "SELECT name FROM system.databases WHERE name = '%s'", db);
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "CREATE DATABASE IF NOT EXISTS %s", db);
    tables_on_cluster(&m->plan, &sql);
    migrate_step(m, json_array_size(rows) == 0, "database made", buf_str(&sql));
    buf_fini(&sql);
    json_decref(rows);
}

static unsigned count_shards(struct migration *m, const char *cluster)
{
    json_t *rows =
        migrate_ask(m, "SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = '%s'", cluster);
    unsigned n = (unsigned)atoi(migrate_cell(json_array_get(rows, 0), 0));
    json_decref(rows);
    if (n == 0 && m->r->failure == CH_OK) {
        m->r->failure = CH_BUSY;
        err_set(&m->r->why, "%s knows no cluster \"%s\"", ch_server(m->ch), cluster);
    }
    return n;
}

/* ---- views and dictionaries */

/* The comment of a table, view or dictionary; false when it does not exist. */
static bool comment_of(struct migration *m, const char *name, char *to, size_t room)
{
    json_t *rows = migrate_ask(m, "SELECT comment FROM system.tables WHERE database = '%s' AND name = '%s'",
                               m->plan.conf.database, name);
    bool found = json_array_size(rows) > 0;
    snprintf(to, room, "%s", migrate_cell(json_array_get(rows, 0), 0));
    json_decref(rows);
    return found;
}

static void drop_stale_views(struct migration *m)
{
    char comment[200], what[200];
    for (size_t i = 0; i < m->plan.n_stale; i++) {
        const char *name = m->plan.stale_views[i];
        struct buf sql;
        buf_init(&sql, 0);
        buf_printf(&sql, "DROP VIEW IF EXISTS %s.%s", m->plan.conf.database, name);
        tables_on_cluster(&m->plan, &sql);
        snprintf(what, sizeof what, "view %s dropped", name);
        migrate_step(m, comment_of(m, name, comment, sizeof comment), what, buf_str(&sql));
        buf_fini(&sql);
    }
}

static const char *view_mark(struct migration *m, const struct tables_view *v)
{
    struct arena *a = &m->plan.arena;
    return tables_mark(a, str_from(arena_printf(a, "%s%s", v->select, v->group)));
}

/*
 * Replaced as a whole, in one step: tried under load, no row is lost or doubled, and the tokens of blocks still hold for the
 * table behind it (they do not after an ALTER of a view). Servers that cannot replace a materialized view get it anew.
 */
static void make_view(struct migration *m, const struct tables_view *v)
{
    char comment[200], what[200];
    const char *mark = view_mark(m, v);
    bool exists = comment_of(m, v->name, comment, sizeof comment);
    bool differs = exists && strcmp(comment, mark) != 0;
    struct buf sql;
    buf_init(&sql, 0);
    snprintf(what, sizeof what, "view %s %s", v->name, exists ? "replaced" : "made");
    tables_create_view(&m->plan, v, mark, exists, &sql);
    migrate_step(m, !exists || differs, what, buf_str(&sql));
    if (differs && m->r->failure == CH_PERMANENT && (ch_code(m->ch) == 62 || ch_code(m->ch) == 48)) {
        m->r->failure = CH_OK;
        buf_reset(&sql);
        buf_printf(&sql, "DROP VIEW IF EXISTS %s.%s", m->plan.conf.database, v->name);
        tables_on_cluster(&m->plan, &sql);
        migrate_step(m, true, "view dropped to be made anew", buf_str(&sql));
        buf_reset(&sql);
        tables_create_view(&m->plan, v, mark, false, &sql);
        migrate_step(m, true, what, buf_str(&sql));
    }
    buf_fini(&sql);
}

static void make_dictionary(struct migration *m, const struct tables_dictionary *d)
{
    char comment[200], what[200];
    struct buf sql;
    buf_init(&sql, 0);
    tables_create_dictionary(&m->plan, d, "", &sql);
    const char *mark = tables_mark(&m->plan.arena, buf_str(&sql));
    bool exists = comment_of(m, d->name, comment, sizeof comment);
    buf_reset(&sql);
    tables_create_dictionary(&m->plan, d, mark, &sql);
    snprintf(what, sizeof what, "dictionary %s made", d->name);
    migrate_step(m, !exists || strcmp(comment, mark) != 0, what, buf_str(&sql));
    buf_fini(&sql);
}

/* Those of an earlier configuration, when no column uses them any more. */
static void drop_dictionaries(struct migration *m)
{
    size_t i;
    json_t *row, *rows = migrate_ask(m,
                                     "SELECT name FROM system.tables WHERE database = '%s' AND engine = "
                                     "'Dictionary' AND startsWith(name, 'custom_dict_') ORDER BY name",
                                     m->plan.conf.database);
    json_array_foreach(rows, i, row)
    {
        const char *name = migrate_cell(row, 0);
        bool wanted = false;
        char what[200];
        struct buf sql;
        for (size_t k = 0; k < m->plan.n_dictionaries; k++)
            wanted |= strcmp(m->plan.dictionaries[k].name, name) == 0;
        if (wanted)
            continue;
        buf_init(&sql, 0);
        snprintf(what, sizeof what, "dictionary %s dropped", name);
        buf_printf(&sql, "DROP DICTIONARY IF EXISTS %s.`%s`", m->plan.conf.database, name);
        tables_on_cluster(&m->plan, &sql);
        migrate_step(m, true, what, buf_str(&sql));
        buf_fini(&sql);
    }
    json_decref(rows);
}

/* ---- narrow rollups: a table and its view, made together and never changed */

/* Behind "weir MARK ". */
static const char since[] = "since ";

static void drop_object(struct migration *m, const char *kind, const char *name)
{
    char what[200];
    struct buf sql;
    buf_init(&sql, 0);
    snprintf(what, sizeof what, "narrow rollup: %s dropped", name);
    buf_printf(&sql, "DROP %s IF EXISTS %s.%s", kind, m->plan.conf.database, name);
    tables_on_cluster(&m->plan, &sql);
    buf_z(&sql, strcmp(kind, "TABLE") == 0 ? " SYNC" : ""); /* replicas' paths are free at once */
    migrate_step(m, true, what, buf_str(&sql));
    buf_fini(&sql);
}

/* `name`: of the table that all ask for; what is not there is left alone. */
static void drop_narrow(struct migration *m, const char *name)
{
    char ignored[200];
    const char *objects[] = {arena_printf(&m->plan.arena, "%s_consumer", name),
                             tables_local_name(&m->plan, &m->plan.arena, name), name};
    for (size_t i = 0; i < 3; i++)
        if ((i < 2 || strcmp(objects[1], name) != 0) && comment_of(m, objects[i], ignored, sizeof ignored))
            drop_object(m, i ? "TABLE" : "VIEW", objects[i]);
}

/*
 * From when on it has every row, seconds: 0 when no block can have been inserted yet (who inserts waits for the ledger).
 * Else what is inserted before now is not later than an hour ahead (outlet), and clocks may differ by as much.
 */
static unsigned long long narrow_since(struct migration *m, const struct tables_view *v)
{
    enum { AHEAD_S = 7200 };
    char ignored[200];
    if (!comment_of(m, "ledger", ignored, sizeof ignored))
        return 0;
    json_t *rows = migrate_ask(m, "SELECT toUInt32(now())");
    unsigned long long now = strtoull(migrate_cell(json_array_get(rows, 0), 0), NULL, 10);
    json_decref(rows);
    return (now + AHEAD_S + v->step_s - 1) / v->step_s * v->step_s;
}

/* The table is there with its view, and both were made from what the plan says. */
static bool narrow_is_right(struct migration *m, const struct tables_table *t, const char *begins,
                            const char *mark)
{
    char of_table[1000], of_view[200];
    return comment_of(m, tables_local_name(&m->plan, &m->plan.arena, t->name), of_table, sizeof of_table) &&
           comment_of(m, t->view->name, of_view, sizeof of_view) &&
           strncmp(of_table, begins, strlen(begins)) == 0 && strcmp(of_view, mark) == 0;
}

/* What differs, has lost its other half, or hangs on one that has, lacks rows, and is made anew; `t->doc` is of the new one. */
static void renew_narrow(struct migration *m, struct tables_table *t)
{
    struct arena *a = &m->plan.arena;
    const char *mark = view_mark(m, t->view), *begins = arena_printf(a, "%s %s", mark, since);
    bool right = narrow_is_right(m, t, begins, mark);
    for (size_t i = 0; i < m->plan.n_tables; i++)
        if (m->plan.tables[i].renewed && strcmp(m->plan.tables[i].name, t->view->from) == 0)
            right = false;
    if (right || m->r->failure != CH_OK)
        return;
    drop_narrow(m, t->name);
    t->doc = arena_printf(a, "%s%llu by %s", begins, narrow_since(m, t->view), t->by);
    t->renewed = true;
}

/* Finer ones first. All are dropped before any is made, so that one begun by a run that failed is known for what it is. */
static void renew_all_narrow(struct migration *m)
{
    for (size_t i = 0; i < m->plan.n_tables; i++)
        if (m->plan.tables[i].by)
            renew_narrow(m, &m->plan.tables[i]);
}

/* Those of an earlier configuration; what `weir rewind` has beside one has its comment, too, and another name. */
static void drop_stale_narrow(struct migration *m)
{
    size_t i;
    json_t *row, *rows = migrate_ask(m,
                                     "SELECT name FROM system.tables WHERE database = '%s' AND engine LIKE "
                                     "'%%SummingMergeTree' AND startsWith(name, 'flows_') AND "
                                     "match(comment, '^weir [0-9a-f]+ %s') ORDER BY name",
                                     m->plan.conf.database, since);
    json_array_foreach(rows, i, row)
    {
        const char *local = migrate_cell(row, 0), *end = strstr(local, "_local");
        const char *name = arena_printf(&m->plan.arena, "%.*s",
                                        (int)(end && !end[6] ? end - local : (long)strlen(local)), local);
        bool wanted = false;
        for (size_t k = 0; k < m->plan.n_tables; k++)
            wanted |= m->plan.tables[k].by && strcmp(m->plan.tables[k].name, name) == 0;
        if (!wanted)
            drop_narrow(m, name);
    }
    json_decref(rows);
}

/* ---- a run */

static bool is_plain(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!(*p == '_' || *p == '-' || (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
              (*p >= 'A' && *p <= 'Z')))
            return false;
    return name[0] != '\0';
}

static void run(struct migration *m)
{
    struct tables_plan *p = &m->plan;
    make_database(m);
    ch_use(m->ch, p->conf.database); /* computed columns name dictionaries without their database */
    for (size_t i = 0; i < p->n_dictionaries; i++)
        make_dictionary(m, &p->dictionaries[i]);
    drop_stale_views(m);
    drop_stale_narrow(m);
    renew_all_narrow(m);
    for (size_t i = 0; i + 1 < p->n_tables; i++)
        migrate_table(m, &p->tables[i]);
    for (size_t i = 0; i < p->n_views; i++)
        make_view(m, &p->views[i]);
    migrate_table(m, &p->tables[p->n_tables - 1]);
    for (size_t i = 0; i < p->n_tables; i++)
        migrate_table_drops(m, &p->tables[i]);
    drop_dictionaries(m);
}

void migrate_run(struct ch *ch, const struct tables_conf *conf, struct migrate_result *r)
{
    struct migration m = {.ch = ch, .r = r};
    struct tables_conf c = *conf;
    *r = (struct migrate_result){.failure = CH_OK};
    if (!is_plain(c.database) || (c.cluster && c.cluster[0] && !is_plain(c.cluster))) {
        r->failure = CH_PERMANENT;
        err_set(&r->why, "names of database and cluster may have letters, digits, - and _ only");
        return;
    }
    check_version(&m);
    if (c.cluster && c.cluster[0])
        c.shards = count_shards(&m, c.cluster);
    if (r->failure != CH_OK)
        return;
    tables_plan_init(&m.plan, &c);
    run(&m);
    tables_plan_fini(&m.plan);
}

static void note_missing(const json_t *rows, const char *name, struct buf *names)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (strcmp(migrate_cell(row, 0), name) == 0) return;
    buf_printf(names, "%s%s", names->len ? ", " : "", name);
}

bool migrate_missing(struct ch *ch, const struct tables_conf *conf, struct buf *names)
{
    struct migrate_result r = {.failure = CH_OK};
    struct migration m = {.ch = ch, .r = &r};
    if (!is_plain(conf->database))
        return false;
    tables_plan_init(&m.plan, conf);
    json_t *rows = migrate_ask(&m, "SELECT name FROM system.tables WHERE database = '%s'", conf->database);
    bool known = r.failure == CH_OK;
    for (size_t i = 0; known && i < m.plan.n_tables; i++)
        note_missing(rows, m.plan.tables[i].name, names);
    for (size_t i = 0; known && i < m.plan.n_views; i++)
        note_missing(rows, m.plan.views[i].name, names);
    for (size_t i = 0; known && i < m.plan.n_dictionaries; i++)
        note_missing(rows, m.plan.dictionaries[i].name, names);
    json_decref(rows);
    tables_plan_fini(&m.plan);
    return known;
}
