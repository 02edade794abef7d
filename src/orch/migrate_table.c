/* Columns, keys, TTL, settings and indexes of one table, compared piece by piece with what system tables say. */
#include "orch/migrate_table.h"
#include <stdio.h>
#include <stdlib.h>

/* What exists. */
struct found {
    const char *table; /* local name */
    json_t *columns;   /* name, type, default_kind, codec, expression */
    json_t *indexes;   /* name, type, expression */
    char *sorting_key, *primary_key, *engine_full;
};

static json_t *find_row(json_t *rows, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (strcmp(migrate_cell(row, 0), name) == 0) return row;
    return NULL;
}

static bool look(struct migration *m, const struct tables_table *t, struct found *f)
{
    const char *db = m->plan.conf.database;
    *f = (struct found){.table = tables_local_name(&m->plan, &m->plan.arena, t->name)};
    json_t *rows = migrate_ask(m,
                               "SELECT sorting_key, primary_key, engine_full FROM system.tables WHERE "
                               "database = '%s' AND name = '%s'",
                               db, f->table);
    bool exists = json_array_size(rows) > 0;
    json_t *row = json_array_get(rows, 0);
    f->sorting_key = arena_strdup(&m->plan.arena, migrate_cell(row, 0));
    f->primary_key = arena_strdup(&m->plan.arena, migrate_cell(row, 1));
    f->engine_full = arena_strdup(&m->plan.arena, migrate_cell(row, 2));
    json_decref(rows);
    if (!exists)
        return false;
    f->columns = migrate_ask(
        m,
        "SELECT name, type, default_kind, compression_codec, default_expression FROM system.columns"
        " WHERE database = '%s' AND table = '%s' ORDER BY position",
        db, f->table);
    f->indexes = migrate_ask(m,
                             "SELECT name, type_full, expr FROM system.data_skipping_indices WHERE database "
                             "= '%s' AND table = '%s'",
                             db, f->table);
    return true;
}

static void found_fini(struct found *f)
{
    json_decref(f->columns);
    json_decref(f->indexes);
}

static void alter(struct migration *m, const struct found *f, const char *change, const char *name,
                  struct str rest)
{
    char what[300];
    struct buf sql;
    buf_init(&sql, 0);
    snprintf(what, sizeof what, "%s: %s %s", f->table, change, name);
    buf_printf(&sql, "ALTER TABLE %s.%s", m->plan.conf.database, f->table);
    tables_on_cluster(&m->plan, &sql);
    buf_printf(&sql, " %.*s", STR_ARG(rest));
    migrate_step(m, true, what, buf_str(&sql));
    buf_fini(&sql);
}

/* ---- columns */

/* True when the list "a, f(b), c" has `name` as an item. */
static bool in_list(const char *list, const char *name)
{
    struct str rest = str_from(list), item;
    while (str_split(&rest, ',', &item))
        if (str_eq(str_trim(item), str_from(name)))
            return true;
    return false;
}

/* ClickHouse writes dictionaries with their database, which is ours. */
static bool same_expression(struct migration *m, const char *is, const char *b)
{
    const char *in_ours = arena_printf(&m->plan.arena, "('%s.", m->plan.conf.database);
    struct buf text;
    buf_init(&text, 0);
    for (const char *at = is; *at;) {
        bool qualified = strncmp(at, in_ours, strlen(in_ours)) == 0;
        buf_z(&text, qualified ? "('" : "");
        at += qualified ? strlen(in_ours) : 0;
        buf_u8(&text, (uint8_t)*at);
        at += *at != 0;
    }
    const char *a = arena_z(&m->plan.arena, buf_str(&text));
    buf_fini(&text);
    struct buf x, y;
    buf_init(&x, 0);
    buf_init(&y, 0);
    ch_quote(&x, str_from(a));
    ch_quote(&y, str_from(b));
    json_t *rows = migrate_ask(
        m, "SELECT formatQuerySingleLine('SELECT ' || %.*s) = formatQuerySingleLine('SELECT ' || %.*s)",
        STR_ARG(buf_str(&x)), STR_ARG(buf_str(&y)));
    bool same = migrate_cell(json_array_get(rows, 0), 0)[0] == '1';
    json_decref(rows);
    buf_fini(&x);
    buf_fini(&y);
    return same;
}

/* New columns of the sorting key can only be added together with it, at its end. */
static void add_columns(struct migration *m, const struct tables_table *t, const struct found *f)
{
    struct buf sql, key, names;
    buf_init(&sql, 0);
    buf_init(&key, 0);
    buf_init(&names, 0);
    const char *after = NULL;
    for (size_t i = 0; i < t->n_cols; i++) {
        const struct tables_column *c = &t->cols[i];
        if (!find_row(f->columns, c->name)) {
            buf_printf(&names, "%s%s", names.len ? ", " : "", c->name);
            buf_z(&sql, sql.len ? ", ADD COLUMN " : "ADD COLUMN ");
            tables_column_text(c, &sql);
            if (after)
                buf_printf(&sql, " AFTER `%s`", after);
            else
                buf_z(&sql, " FIRST");
            if (c->key)
                buf_printf(&key, ", %s", c->name);
        } else if (c->key && !in_list(f->sorting_key, c->name) && !strstr(f->sorting_key, c->name)) {
            migrate_note(m, "%s: column %s cannot join the sorting key of a table that exists", f->table,
                         c->name);
        }
        after = c->name;
    }
    if (key.len)
        buf_printf(&sql, ", MODIFY ORDER BY (%s%.*s)", f->sorting_key, STR_ARG(buf_str(&key)));
    if (sql.len)
        alter(m, f, "columns added:", arena_z(&m->plan.arena, buf_str(&names)), buf_str(&sql));
    else
        migrate_step(m, false, "", STR(""));
    buf_fini(&sql);
    buf_fini(&key);
    buf_fini(&names);
}

static void change_column(struct migration *m, const struct tables_column *c, const struct found *f)
{
    const json_t *row = find_row(f->columns, c->name);
    char codec[100] = "";
    struct buf sql;
    if (!row)
        return; /* just added */
    if (c->codec[0])
        snprintf(codec, sizeof codec, "CODEC(%s)", c->codec);
    bool same_codec = strcmp(migrate_cell(row, 3), codec) == 0;
    bool same = strcmp(migrate_cell(row, 1), c->type) == 0 && strcmp(migrate_cell(row, 2), c->kind) == 0 &&
                (!c->expr[0] || same_expression(m, migrate_cell(row, 4), c->expr));
    buf_init(&sql, 0);
    if (!same || (!same_codec && codec[0])) {
        buf_z(&sql, "MODIFY COLUMN ");
        tables_column_text(c, &sql);
        alter(m, f, "column changed:", c->name, buf_str(&sql));
    } else if (!same_codec) {
        buf_printf(&sql, "MODIFY COLUMN `%s` REMOVE CODEC", c->name);
        alter(m, f, "column changed:", c->name, buf_str(&sql));
    } else {
        migrate_step(m, false, "", STR(""));
    }
    buf_fini(&sql);
}

static void drop_columns(struct migration *m, const struct tables_table *t, const struct found *f)
{
    size_t i;
    json_t *row;
    json_array_foreach(f->columns, i, row)
    {
        const char *name = migrate_cell(row, 0);
        bool wanted = false;
        for (size_t k = 0; k < t->n_cols && !wanted; k++)
            wanted = strcmp(t->cols[k].name, name) == 0;
        if (wanted)
            continue;
        if (in_list(f->sorting_key,
                    name)) /* it stays, empty from now on; ClickHouse cannot take it out of the key */
            continue;
        alter(m, f, "column dropped:", name,
              str_from(arena_printf(&m->plan.arena, "DROP COLUMN `%s`", name)));
    }
}

/* ---- indexes */

static void add_indexes(struct migration *m, const struct tables_table *t, const struct found *f)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct tables_index *x = &t->indexes[i];
        json_t *row = find_row(f->indexes, x->name);
        bool same =
            row && strcmp(migrate_cell(row, 1), x->type) == 0 && strcmp(migrate_cell(row, 2), x->expr) == 0;
        struct buf sql;
        if (same) {
            migrate_step(m, false, "", STR(""));
            continue;
        }
        buf_init(&sql, 0);
        if (row)
            buf_printf(&sql, "DROP INDEX %s, ", x->name);
        buf_z(&sql, "ADD ");
        tables_index_text(x, &sql);
        alter(m, f, "index added:", x->name, buf_str(&sql));
        buf_fini(&sql);
    }
}

static void drop_indexes(struct migration *m, const struct tables_table *t, const struct found *f)
{
    size_t i;
    json_t *row;
    json_array_foreach(f->indexes, i, row)
    {
        const char *name = migrate_cell(row, 0);
        bool wanted = strncmp(name, "idx_", 4) != 0; /* somebody's own */
        for (size_t k = 0; k < t->n_indexes && !wanted; k++)
            wanted = strcmp(t->indexes[k].name, name) == 0;
        if (!wanted)
            alter(m, f, "index dropped:", name,
                  str_from(arena_printf(&m->plan.arena, "DROP INDEX %s", name)));
    }
}

/* ---- TTL and settings, from engine_full: "... TTL x SETTINGS a = 1, b = 'c'" */

static void check_ttl(struct migration *m, const struct tables_table *t, const struct found *f)
{
    struct arena *a = &m->plan.arena;
    const char *at = strstr(f->engine_full, " TTL "), *end = strstr(f->engine_full, " SETTINGS ");
    struct str is = {0};
    if (at) {
        at += 5;
        is = (struct str){at, end ? (size_t)(end - at) : strlen(at)};
    }
    if (str_eq(is, str_from(t->ttl)))
        migrate_step(m, false, "", STR(""));
    else if (t->ttl[0])
        alter(m, f, "TTL changed:", t->ttl, str_from(arena_printf(a, "MODIFY TTL %s", t->ttl)));
    else
        alter(m, f, "TTL removed", "", STR("REMOVE TTL"));
}

static bool setting_is(const char *engine_full, const struct tables_setting *s)
{
    const char *at = strstr(engine_full, " SETTINGS ");
    struct str rest = str_from(at ? at + 10 : ""), item, name;
    while (str_split(&rest, ',', &item)) {
        item = str_trim(item);
        if (str_split(&item, '=', &name) && str_eq(str_trim(name), str_from(s->name)))
            return str_eq(str_trim(item), str_from(s->value));
    }
    return false;
}

static void check_settings(struct migration *m, const struct tables_table *t, const struct found *f)
{
    for (size_t i = 0; i < t->n_settings; i++) {
        const struct tables_setting *s = &t->settings[i];
        if (setting_is(f->engine_full, s))
            migrate_step(m, false, "", STR(""));
        else if (strcmp(s->name, "index_granularity") == 0)
            migrate_note(m, "%s: index_granularity of a table that exists cannot be changed", f->table);
        else
            alter(m, f, "setting changed:", s->name,
                  str_from(arena_printf(&m->plan.arena, "MODIFY SETTING %s = %s", s->name, s->value)));
    }
}

static void check_partitions(struct migration *m, const struct tables_table *t, const struct found *f)
{
    char wanted[300];
    snprintf(wanted, sizeof wanted, "PARTITION BY %s ", t->partition);
    if (t->partition[0] && !strstr(f->engine_full, wanted))
        migrate_note(m, "%s: its partitions stay as they are; a table made anew would have them by %s",
                     f->table, t->partition);
    if (strcmp(f->primary_key, t->primary_key) != 0)
        migrate_note(m, "%s: its primary key is (%s) and cannot be changed to (%s)", f->table, f->primary_key,
                     t->primary_key);
}

/* ---- a table */

static void create(struct migration *m, const struct tables_table *t)
{
    char what[200];
    struct buf sql;
    buf_init(&sql, 0);
    snprintf(what, sizeof what, "table %s made", t->name);
    tables_create(&m->plan, t, &sql);
    migrate_step(m, true, what, buf_str(&sql));
    buf_fini(&sql);
}

/* What it still has to send goes first: it would be dropped with it. */
static void drop_distributed(struct migration *m, const struct tables_table *t)
{
    static const char *const steps[][2] = {{"SYSTEM FLUSH DISTRIBUTED", "distributed table emptied"},
                                           {"DROP TABLE", "distributed table dropped to be made anew"}};
    struct buf sql;
    buf_init(&sql, 0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        buf_reset(&sql);
        buf_printf(&sql, "%s %s.%s", steps[i][0], m->plan.conf.database, t->name);
        tables_on_cluster(&m->plan, &sql);
        migrate_step(m, true, steps[i][1], buf_str(&sql));
    }
    buf_fini(&sql);
}

/* A Distributed table has nothing of its own: when it differs it is made anew. */
static void distribute(struct migration *m, const struct tables_table *t)
{
    const char *db = m->plan.conf.database;
    struct buf sql;
    buf_init(&sql, 0);
    if (!tables_create_distributed(&m->plan, t, &sql)) {
        buf_fini(&sql);
        return;
    }
    json_t *rows = migrate_ask(m,
                               "SELECT count(), countIf((name, type) NOT IN (SELECT name, type FROM "
                               "system.columns WHERE database = '%s' AND table ="
                               " '%s_local')) + (SELECT countIf(position(engine_full, '%s') = 0) FROM "
                               "system.tables WHERE database = '%s' AND name = '%s') FROM system.columns "
                               "WHERE database = '%s' AND table = '%s'",
                               db, t->name, tables_shard_key(t), db, t->name, db, t->name);
    const json_t *row = json_array_get(rows, 0);
    unsigned there = (unsigned)atoi(migrate_cell(row, 0)), strange = (unsigned)atoi(migrate_cell(row, 1));
    json_decref(rows);
    if (there && (there != t->n_cols || strange)) {
        drop_distributed(m, t);
        there = 0;
    }
    migrate_step(m, there == 0, "distributed table made", buf_str(&sql));
    buf_fini(&sql);
}

void migrate_table(struct migration *m, const struct tables_table *t)
{
    struct found f;
    if (m->r->failure != CH_OK)
        return;
    if (!look(m, t, &f)) {
        create(m, t);
    } else {
        check_partitions(m, t, &f);
        add_columns(m, t, &f);
        for (size_t i = 0; i < t->n_cols; i++)
            change_column(m, &t->cols[i], &f);
        add_indexes(m, t, &f);
        check_ttl(m, t, &f);
        check_settings(m, t, &f);
    }
    found_fini(&f);
}

void migrate_table_drops(struct migration *m, const struct tables_table *t)
{
    struct found f;
    if (m->r->failure != CH_OK)
        return;
    if (look(m, t, &f)) {
        drop_indexes(m, t, &f);
        drop_columns(m, t, &f);
    }
    found_fini(&f);
    distribute(m, t);
}
