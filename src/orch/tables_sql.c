/* A plan's objects as SQL text, on one server or on a cluster. */
#include "orch/tables.h"
#include "store/ch.h"
#include <stdio.h>
#include <xxhash.h>

static bool on_cluster(const struct tables_plan *p)
{
    return p->conf.cluster && p->conf.cluster[0];
}

void tables_on_cluster(const struct tables_plan *p, struct buf *sql)
{
    if (!on_cluster(p))
        return;
    buf_z(sql, " ON CLUSTER ");
    ch_quote(sql, str_from(p->conf.cluster));
}

const char *tables_local_name(const struct tables_plan *p, struct arena *a, const char *name)
{
    return on_cluster(p) && p->conf.shards > 1 ? arena_printf(a, "%s_local", name) : name;
}

void tables_column_text(const struct tables_column *c, struct buf *sql)
{
    buf_printf(sql, "`%s` %s", c->name, c->type);
    if (c->kind[0])
        buf_printf(sql, " %s %s", c->kind, c->expr);
    if (c->codec[0])
        buf_printf(sql, " CODEC(%s)", c->codec);
}

void tables_index_text(const struct tables_index *i, struct buf *sql)
{
    buf_printf(sql, "INDEX %s %s TYPE %s GRANULARITY %d", i->name, i->expr, i->type,
               TABLES_INDEX_GRANULARITY);
}

static void engine_text(const struct tables_plan *p, const struct tables_table *t, const char *local,
                        struct buf *sql)
{
    if (!on_cluster(p)) {
        buf_printf(sql, "%s%s%s%s", t->engine, t->engine_args[0] ? "(" : "", t->engine_args,
                   t->engine_args[0] ? ")" : "");
        return;
    }
    buf_printf(sql, "Replicated%s('/clickhouse/tables/shard-{shard}/%s/%s', 'replica-{replica}'%s%s)",
               t->engine, p->conf.database, local, t->engine_args[0] ? ", " : "", t->engine_args);
}

static void columns_text(const struct tables_table *t, bool indexes, struct buf *sql)
{
    buf_z(sql, " (\n");
    for (size_t i = 0; i < t->n_cols; i++) {
        buf_z(sql, i ? ",\n    " : "    ");
        tables_column_text(&t->cols[i], sql);
    }
    for (size_t i = 0; indexes && i < t->n_indexes; i++) {
        buf_z(sql, ",\n    ");
        tables_index_text(&t->indexes[i], sql);
    }
    buf_z(sql, "\n)\n");
}

void tables_create(const struct tables_plan *p, const struct tables_table *t, struct buf *sql)
{
    struct arena a;
    arena_init(&a);
    const char *name = tables_local_name(p, &a, t->name);
    buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s.%s", p->conf.database, name);
    tables_on_cluster(p, sql);
    columns_text(t, true, sql);
    buf_z(sql, "ENGINE = ");
    engine_text(p, t, name, sql);
    if (t->partition[0])
        buf_printf(sql, "\nPARTITION BY %s", t->partition);
    /* ClickHouse takes "((a))" for another key than "(a)" */
    bool several = strchr(t->primary_key, ',') != NULL;
    buf_printf(sql, "\nPRIMARY KEY %s%s%s\nORDER BY (%s)", several ? "(" : "", t->primary_key,
               several ? ")" : "", t->order_by);
    if (t->ttl[0])
        buf_printf(sql, "\nTTL %s", t->ttl);
    for (size_t i = 0; i < t->n_settings; i++)
        buf_printf(sql, "%s%s = %s", i ? ", " : "\nSETTINGS ", t->settings[i].name, t->settings[i].value);
    buf_z(sql, "\nCOMMENT ");
    ch_quote(sql, str_from(t->doc));
    arena_fini(&a);
}

/*
 * A block that is sent again must be cut into the same parts, or the token would drop rows on one shard that were never there, and
 * leave others twice. So the key is made of what a replay gives the same value.
 */
const char *tables_shard_key(const struct tables_table *t)
{
    for (size_t i = 0; i < t->n_cols; i++)
        if (strcmp(t->cols[i].name, "ExporterAddress") == 0)
            return "cityHash64(TimeReceived, ExporterAddress)";
    return "cityHash64(TimeReceived)";
}

bool tables_create_distributed(const struct tables_plan *p, const struct tables_table *t, struct buf *sql)
{
    if (!on_cluster(p) || p->conf.shards < 2)
        return false;
    buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s.%s", p->conf.database, t->name);
    tables_on_cluster(p, sql);
    columns_text(t, false, sql);
    buf_z(sql, "ENGINE = Distributed(");
    ch_quote(sql, str_from(p->conf.cluster));
    buf_printf(sql, ", %s, %s_local, %s)", p->conf.database, t->name, tables_shard_key(t));
    return true;
}

void tables_create_view(const struct tables_plan *p, const struct tables_view *v, const char *comment,
                        bool replace, struct buf *sql)
{
    buf_printf(sql, "CREATE %sMATERIALIZED VIEW %s%s.%s", replace ? "OR REPLACE " : "",
               replace ? "" : "IF NOT EXISTS ", p->conf.database, v->name);
    tables_on_cluster(p, sql);
    buf_printf(sql, " TO %s.%s\nAS %s%s\nCOMMENT ", p->conf.database, v->to, v->select, v->group);
    ch_quote(sql, str_from(comment));
}

void tables_create_dictionary(const struct tables_plan *p, const struct tables_dictionary *d,
                              const char *comment, struct buf *sql)
{
    const char *user = p->conf.clickhouse->auth.username, *password = p->conf.clickhouse->auth.password;
    buf_printf(sql, "CREATE OR REPLACE DICTIONARY %s.%s", p->conf.database, d->name);
    tables_on_cluster(p, sql);
    buf_printf(sql,
               " (%s)\nPRIMARY KEY %s\nSOURCE(HTTP(URL '%s/api/v0/orchestrator/clickhouse/%s.csv' FORMAT "
               "'CSVWithNames'",
               d->columns, d->key, p->conf.url, d->name);
    if (user && user[0]) {
        buf_z(sql, " CREDENTIALS(USER ");
        ch_quote(sql, str_from(user));
        buf_z(sql, " PASSWORD ");
        ch_quote(sql, str_from(password));
        buf_z(sql, ")");
    }
    buf_printf(sql, "))\nLIFETIME(MIN 0 MAX %d)\nLAYOUT(%s)\nCOMMENT ", d->custom ? 300 : 3600, d->layout);
    ch_quote(sql, str_from(comment));
}

const char *tables_mark(struct arena *a, struct str sql)
{
    return arena_printf(a, "weir %016llx", (unsigned long long)XXH3_64bits(sql.p, sql.len));
}
