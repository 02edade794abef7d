/* From columns.def, tables.def and the resolutions to a plan. */
#include "orch/tables.h"
#include "schema/dictionary.h"
#include "schema/tables.def"
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define SECOND_NS 1000000000ull
/* Blocks remembered per table, so that one that is sent again is dropped: all partitions' blocks of about two hours. */
#define DEDUPLICATION_WINDOW "10000"

/* ---- names */

const char *tables_flows_name(struct arena *a, uint64_t interval_ns)
{
    unsigned long long s = interval_ns / SECOND_NS, h = s / 3600, m = s / 60 % 60;
    if (s == 0)
        return "flows";
    if (h)
        return arena_printf(a, "flows_%lluh%llum%llus", h, m, s % 60);
    return m ? arena_printf(a, "flows_%llum%llus", m, s % 60) : arena_printf(a, "flows_%llus", s);
}

/* ---- columns */

static const char *column_type(const struct schema *s, enum column c)
{
    /* a stored network text repeats itself enough to be worth a dictionary */
    bool materialized = s->materialized[c] && strcmp(column_defs[c].type, "String") == 0;
    return materialized ? "LowCardinality(String)" : column_defs[c].type;
}

static bool is_wanted(const struct schema *s, enum column c, bool rolled)
{
    unsigned flags = column_defs[c].flags;
    if (!s->enabled[c] || flags & COLF_HIDDEN)
        return false;
    return !rolled || !s->main_only[c];
}

static bool is_alias(const struct schema *s, enum column c)
{
    return column_defs[c].flags & COLF_ALIAS && !s->materialized[c];
}

static struct tables_column column_of(const struct schema *s, enum column c)
{
    const struct column_def *d = &column_defs[c];
    struct tables_column col = {
        .name = d->name, .type = column_type(s, c), .codec = d->codec, .kind = "", .expr = ""};
    if (is_alias(s, c)) {
        col.kind = "ALIAS";
        col.expr = d->expr;
        col.codec = "";
    } else if (d->flags & (COLF_ALIAS | COLF_GEN)) { /* by whatever way rows come in */
        col.kind = "DEFAULT";
        col.expr = d->expr;
    }
    return col;
}

static void fill_columns(struct arena *a, struct tables_table *t, const struct schema *s, bool rolled)
{
    t->cols = arena_array(a, COL_COUNT, sizeof *t->cols);
    for (unsigned c = 0; c < COL_COUNT; c++) {
        if (!is_wanted(s, (enum column)c, rolled))
            continue;
        struct tables_column col = column_of(s, (enum column)c);
        col.key = rolled ? schema_rollup_key(s, (enum column)c)
                         : c == COL_TimeReceived || c == COL_ExporterAddress || c == COL_InIfName ||
                               c == COL_OutIfName;
        t->cols[t->n_cols++] = col;
    }
}

static void add_name(struct buf *b, const char *name)
{
    buf_printf(b, "%s%s", b->len ? ", " : "", name);
}

static const char *keep(struct arena *a, struct buf *b)
{
    const char *z = arena_z(a, buf_str(b));
    buf_fini(b);
    return z;
}

/* Key columns by their position, then, for the sorting key, all others that tell rows apart. */
static const char *rollup_key(struct arena *a, const struct schema *s, bool whole)
{
    struct buf b;
    buf_init(&b, 0);
    for (unsigned pos = 1; pos <= COL_COUNT; pos++)
        for (unsigned c = 0; c < COL_COUNT; c++)
            if (column_defs[c].pk == pos && schema_rolled(s, (enum column)c))
                add_name(&b, column_defs[c].name);
    for (unsigned c = 0; whole && c < COL_COUNT; c++)
        if (column_defs[c].pk == 0 && schema_rollup_key(s, (enum column)c))
            add_name(&b, column_defs[c].name);
    return keep(a, &b);
}

static void fill_indexes(struct arena *a, struct tables_table *t, const struct schema *s, bool rolled)
{
    t->indexes = arena_array(a, COL_COUNT, sizeof *t->indexes);
    for (unsigned c = 0; c < COL_COUNT; c++) {
        if (!s->indexed[c] || !is_wanted(s, (enum column)c, rolled) || is_alias(s, (enum column)c))
            continue;
        const char *type = "bloom_filter(0.001)";
        if (c == COL_ExporterName)
            type = "minmax";
        else if (column_defs[c].flags & COLF_NOKEY)
            type = "set(0)";
        t->indexes[t->n_indexes++] =
            (struct tables_index){arena_printf(a, "idx_%s", column_defs[c].name), column_defs[c].name, type};
    }
}

/* ---- settings, partitions, TTL */

static void set(struct tables_table *t, const char *name, const char *value)
{
    for (size_t i = 0; i < t->n_settings; i++)
        if (strcmp(t->settings[i].name, name) == 0) {
            t->settings[i].value = value;
            return;
        }
    t->settings[t->n_settings++] = (struct tables_setting){name, value};
}

static const char *setting_value(struct arena *a, const char *v)
{
    return v[0] && v[strspn(v, "0123456789.")] == '\0' ? v : arena_printf(a, "'%s'", v);
}

static void fill_settings(struct tables_plan *p, struct tables_table *t, const struct opt_map *more)
{
    struct arena *a = &p->arena;
    bool replicated = p->conf.cluster && p->conf.cluster[0];
    t->settings = arena_array(a, 7 + (more ? more->n : 0), sizeof *t->settings);
    set(t, "index_granularity", "8192");
    /* Most of the store's work is merging. Parts of one file up to some million rows, merged in larger blocks, take two
     * thirds of the CPU (doc/performance.md); larger parts, which are merged rarely, have a file for each column. */
    set(t, "min_bytes_for_wide_part", "536870912");
    set(t, "merge_max_block_size", "32768");
    set(t, "merge_max_block_size_bytes", "104857600");
    if (t->ttl[0])
        set(t, "ttl_only_drop_parts", "1");
    set(t, replicated ? "replicated_deduplication_window" : "non_replicated_deduplication_window",
        DEDUPLICATION_WINDOW);
    for (size_t i = 0; more && i < more->n; i++)
        set(t, more->keys[i], setting_value(a, ((const char **)more->items)[i]));
}

static const char *partition_of(struct arena *a, uint64_t ttl_ns, uint64_t max_partitions)
{
    unsigned long long s = ttl_ns / SECOND_NS / (max_partitions ? max_partitions : 1);
    if (ttl_ns == 0)
        return "toYYYYMM(TimeReceived)";
    return arena_printf(a, "toYYYYMMDDhhmmss(toStartOfInterval(TimeReceived, toIntervalSecond(%llu)))",
                        s ? s : 1);
}

static const char *ttl_of(struct arena *a, uint64_t ttl_ns)
{
    return ttl_ns ? arena_printf(a, "TimeReceived + toIntervalSecond(%llu)",
                                 (unsigned long long)(ttl_ns / SECOND_NS))
                  : "";
}

/* ---- the tables */

static void plan_flows(struct tables_plan *p, const struct orch_resolution *r)
{
    struct arena *a = &p->arena;
    struct tables_table *t = &p->tables[p->n_tables++];
    bool rolled = r->interval_ns > 0;
    t->name = tables_flows_name(a, r->interval_ns);
    t->engine = rolled ? "SummingMergeTree" : "MergeTree";
    t->engine_args = rolled ? "(Bytes, Packets)" : "";
    t->doc = rolled ? "Flows added up" : "Flows in full detail";
    fill_columns(a, t, p->conf.schema, rolled);
    t->partition = partition_of(a, r->ttl_ns, p->conf.clickhouse->max_partitions);
    if (rolled) {
        t->primary_key = rollup_key(a, p->conf.schema, false);
        t->order_by = rollup_key(a, p->conf.schema, true);
    } else {
        t->primary_key = "toStartOfFiveMinutes(TimeReceived)";
        t->order_by = "toStartOfFiveMinutes(TimeReceived), ExporterAddress, InIfName, OutIfName";
    }
    t->ttl = ttl_of(a, r->ttl_ns);
    fill_indexes(a, t, p->conf.schema, rolled);
    fill_settings(p, t, &r->table_settings);
}

enum { KEY, SUM, VALUE };
struct row {
    const char *name, *type;
    int role;
};
#define X(name, type, role, doc) {#name, type, role},
static const struct row ledger_rows[] = {LEDGER_COLUMNS};
static const struct row exporters_rows[] = {EXPORTERS_COLUMNS};
#undef X

static struct tables_table *plan_rows(struct tables_plan *p, const char *name, const struct row *rows,
                                      size_t n)
{
    struct arena *a = &p->arena;
    struct tables_table *t = &p->tables[p->n_tables++];
    struct buf key;
    buf_init(&key, 0);
    t->name = name;
    t->cols = arena_array(a, n, sizeof *t->cols);
    for (size_t i = 0; i < n; i++) {
        t->cols[t->n_cols++] =
            (struct tables_column){rows[i].name, rows[i].type, "", "", "", rows[i].role == KEY};
        if (rows[i].role == KEY)
            add_name(&key, rows[i].name);
    }
    t->primary_key = t->order_by = keep(a, &key);
    return t;
}

static void plan_ledger(struct tables_plan *p, uint64_t longest_ttl_ns)
{
    struct buf sums;
    buf_init(&sums, 0);
    for (size_t i = 0; i < sizeof ledger_rows / sizeof *ledger_rows; i++)
        if (ledger_rows[i].role == SUM)
            add_name(&sums, ledger_rows[i].name);
    struct tables_table *t = plan_rows(p, "ledger", ledger_rows, sizeof ledger_rows / sizeof *ledger_rows);
    t->engine = "SummingMergeTree";
    t->engine_args = keep(&p->arena, &sums);
    t->engine_args = arena_printf(&p->arena, "(%s)", t->engine_args);
    t->partition = "toYYYYMM(TimeReceived)";
    t->ttl = ttl_of(&p->arena, longest_ttl_ns);
    t->doc = "What became of everything received, by exporter and minute";
    fill_settings(p, t, NULL);
}

static void plan_exporters(struct tables_plan *p)
{
    struct tables_table *t =
        plan_rows(p, "exporters", exporters_rows, sizeof exporters_rows / sizeof *exporters_rows);
    t->engine = "ReplacingMergeTree";
    t->engine_args = "TimeReceived";
    t->partition = "";
    t->ttl = ttl_of(&p->arena, 86400 * SECOND_NS);
    t->doc = "Exporters and interfaces seen lately";
    fill_settings(p, t, NULL);
}

/* ---- views */

static void plan_view(struct tables_plan *p, const char *from, const struct tables_table *to,
                      uint64_t interval_ns)
{
    struct arena *a = &p->arena;
    const char *db = p->conf.database;
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "SELECT toStartOfInterval(TimeReceived, toIntervalSecond(%llu)) AS TimeReceived",
               (unsigned long long)(interval_ns / SECOND_NS));
    for (size_t i = 0; i < to->n_cols; i++)
        if (strcmp(to->cols[i].kind, "ALIAS") != 0 && strcmp(to->cols[i].name, "TimeReceived") != 0)
            buf_printf(&b, ", %s", to->cols[i].name);
    buf_printf(&b, " FROM %s.%s", db, tables_local_name(p, a, from));
    p->views[p->n_views++] = (struct tables_view){arena_printf(a, "%s_consumer", to->name), from,
                                                  tables_local_name(p, a, to->name), keep(a, &b)};
}

static int by_interval(const void *x, const void *y)
{
    const struct orch_resolution *a = x, *b = y;
    return a->interval_ns < b->interval_ns ? -1 : a->interval_ns > b->interval_ns;
}

/* The finest rollup is the outlet's when it is one of minutes; the coarser ones hang on it. Else all hang on flows. */
static void plan_views(struct tables_plan *p, const struct orch_resolution *r, size_t n)
{
    bool by_outlet =
        p->conf.clickhouse->rollups == ORCH_ROLLUPS_OUTLET && n > 1 && r[1].interval_ns == 60 * SECOND_NS;
    p->views = arena_array(&p->arena, n, sizeof *p->views);
    p->stale_views = arena_array(&p->arena, n, sizeof *p->stale_views);
    if (by_outlet)
        p->stale_views[p->n_stale++] = arena_printf(&p->arena, "%s_consumer", p->tables[1].name);
    for (size_t i = 1 + by_outlet; i < n; i++)
        plan_view(p, p->tables[by_outlet].name, &p->tables[i], r[i].interval_ns);
}

/* ---- dictionaries */

static const struct tables_dictionary dictionaries[] = {
    {"asns", "`asn` UInt32 INJECTIVE, `name` String", "asn", "HASHED()"},
    {"protocols", "`proto` UInt8 INJECTIVE, `name` String, `description` String", "proto", "HASHED()"},
    {"icmp", "`proto` UInt8, `type` UInt8, `code` UInt8, `name` String", "proto, type, code",
     "COMPLEX_KEY_HASHED()"},
    {"tcp", "`port` UInt16 INJECTIVE, `name` String", "port", "HASHED()"},
    {"udp", "`port` UInt16 INJECTIVE, `name` String", "port", "HASHED()"},
};

static void plan_dictionaries(struct tables_plan *p)
{
    struct arena *a = &p->arena;
    const struct opt_map *custom = p->conf.schema->dictionaries;
    size_t own = sizeof dictionaries / sizeof *dictionaries, more = custom ? custom->n : 0;
    struct tables_dictionary *all = arena_array(a, own + more, sizeof *all);
    memcpy(all, dictionaries, sizeof dictionaries);
    for (size_t i = 0; i < more; i++) {
        const struct schema_dictionary_conf *d = &((const struct schema_dictionary_conf *)custom->items)[i];
        struct buf columns, key;
        buf_init(&columns, 0);
        buf_init(&key, 0);
        dictionary_sql_columns(d, &columns);
        dictionary_sql_key(d, &key);
        all[own + i] =
            (struct tables_dictionary){arena_printf(a, "custom_dict_%s", custom->keys[i]), keep(a, &columns),
                                       keep(a, &key), dictionary_sql_layout(d), true};
    }
    p->dictionaries = all;
    p->n_dictionaries = own + more;
}

/* ---- the plan */

void tables_plan_init(struct tables_plan *p, const struct tables_conf *conf)
{
    *p = (struct tables_plan){.conf = *conf};
    arena_init(&p->arena);
    const struct opt_list *list = &conf->clickhouse->resolutions;
    struct orch_resolution *r = arena_array(&p->arena, list->n + 1, sizeof *r);
    uint64_t longest = 0;
    bool for_ever = false;
    memcpy(r, list->items, list->n * sizeof *r);
    qsort(r, list->n, sizeof *r, by_interval);
    p->tables = arena_array(&p->arena, list->n + 2, sizeof *p->tables);
    for (size_t i = 0; i < list->n; i++) {
        plan_flows(p, &r[i]);
        for_ever |= r[i].ttl_ns == 0;
        longest = r[i].ttl_ns > longest ? r[i].ttl_ns : longest;
    }
    plan_views(p, r, list->n);
    plan_exporters(p);
    plan_ledger(p, for_ever ? 0 : longest); /* the last table: migrate.c */
    plan_dictionaries(p);
}

void tables_plan_fini(struct tables_plan *p)
{
    arena_fini(&p->arena);
}
