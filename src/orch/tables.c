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

static void begin_view(struct buf *select, uint64_t step_s)
{
    buf_printf(select, "SELECT toStartOfInterval(TimeReceived, toIntervalSecond(%llu)) AS TimeReceived",
               (unsigned long long)step_s);
}

static void plan_view(struct tables_plan *p, const char *from, const struct tables_table *to,
                      uint64_t interval_ns)
{
    struct arena *a = &p->arena;
    const char *db = p->conf.database;
    struct buf b;
    buf_init(&b, 0);
    begin_view(&b, interval_ns / SECOND_NS);
    for (size_t i = 0; i < to->n_cols; i++)
        if (strcmp(to->cols[i].kind, "ALIAS") != 0 && strcmp(to->cols[i].name, "TimeReceived") != 0)
            buf_printf(&b, ", %s", to->cols[i].name);
    buf_printf(&b, " FROM %s.%s", db, tables_local_name(p, a, from));
    p->views[p->n_views++] = (struct tables_view){.name = arena_printf(a, "%s_consumer", to->name),
                                                  .from = from,
                                                  .to = tables_local_name(p, a, to->name),
                                                  .select = keep(a, &b),
                                                  .group = "",
                                                  .step_s = interval_ns / SECOND_NS};
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
    p->views = arena_array(&p->arena, n * (1 + p->conf.clickhouse->narrow.n), sizeof *p->views);
    p->stale_views = arena_array(&p->arena, n, sizeof *p->stale_views);
    if (by_outlet)
        p->stale_views[p->n_stale++] = arena_printf(&p->arena, "%s_consumer", p->tables[1].name);
    for (size_t i = 1 + by_outlet; i < n; i++)
        plan_view(p, p->tables[by_outlet].name, &p->tables[i], r[i].interval_ns);
}

/* ---- narrow rollups */

/* Columns of a set, in the order of the sorting key; what rollups do not have here is left out. */
static size_t narrow_columns(const struct schema *s, const struct orch_narrow *n, enum column *to)
{
    bool there[COL_COUNT] = {false};
    size_t at = 0;
    to[at++] = COL_InIfBoundary;
    to[at++] = COL_OutIfBoundary;
    for (size_t i = 0; i < n->columns.n && at + 1 < COL_COUNT; i++)
        to[at++] = column_find(str_from(((const char **)n->columns.items)[i]));
    to[at++] = COL_SamplingRate;
    size_t kept = 0;
    for (size_t i = 0; i < at; i++) {
        bool wanted = to[i] != COL_COUNT && schema_rolled(s, to[i]) && !there[to[i]] &&
                      !(column_defs[to[i]].flags & COLF_SUM) && to[i] != COL_TimeReceived;
        if (!wanted)
            continue;
        there[to[i]] = true;
        to[kept++] = to[i];
    }
    return kept;
}

static bool in_set(const enum column *cols, size_t n, enum column c)
{
    for (size_t i = 0; i < n; i++)
        if (cols[i] == c)
            return true;
    return false;
}

/*
 * As in the rollups, what is known of an exporter or interface follows from which one it is, where the set has that. But rules
 * may tell boundary, connectivity and provider apart by VLAN, and questions want their sums.
 */
static bool is_narrow_key(const enum column *cols, size_t n, enum column c)
{
    if (!in_set(cols, n, COL_ExporterAddress))
        return true;
    switch (c) {
    case COL_ExporterName:
    case COL_ExporterGroup:
    case COL_ExporterRole:
    case COL_ExporterSite:
    case COL_ExporterRegion:
    case COL_ExporterTenant:
        return false;
    case COL_InIfDescription:
    case COL_InIfSpeed:
        return !in_set(cols, n, COL_InIfName);
    case COL_OutIfDescription:
    case COL_OutIfSpeed:
        return !in_set(cols, n, COL_OutIfName);
    default:
        return true;
    }
}

static const char *narrow_name(struct arena *a, uint64_t interval_ns, const char *set)
{
    char *name = arena_printf(a, "%s_%s", tables_flows_name(a, interval_ns), set);
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : *c;
    return name;
}

static void add_column(struct tables_table *t, const struct schema *s, enum column c, bool key)
{
    t->cols[t->n_cols] = column_of(s, c);
    t->cols[t->n_cols++].key = key;
}

static struct tables_table *narrow_table(struct tables_plan *p, const struct orch_resolution *r,
                                         const struct orch_narrow *set)
{
    struct arena *a = &p->arena;
    const struct schema *s = p->conf.schema;
    struct tables_table *t = &p->tables[p->n_tables++];
    enum column cols[COL_COUNT + 3];
    size_t n = narrow_columns(s, set, cols);
    struct buf key, by;
    buf_init(&key, 0);
    buf_init(&by, 0);
    t->name = narrow_name(a, r->interval_ns, set->name);
    t->engine = "SummingMergeTree";
    t->engine_args = "(Bytes, Packets)";
    t->cols = arena_array(a, n + 3, sizeof *t->cols);
    add_column(t, s, COL_TimeReceived, true);
    add_name(&key, "TimeReceived");
    for (size_t i = 0; i < n; i++) {
        bool is_key = is_narrow_key(cols, n, cols[i]);
        add_column(t, s, cols[i], is_key);
        if (is_key)
            add_name(&key, column_defs[cols[i]].name);
        if (cols[i] != COL_SamplingRate)
            add_name(&by, column_defs[cols[i]].name);
    }
    add_column(t, s, COL_Bytes, false);
    add_column(t, s, COL_Packets, false);
    t->primary_key = "TimeReceived";
    t->order_by = keep(a, &key);
    t->by = keep(a, &by);
    t->doc = "Flows added up by few columns";
    t->partition = partition_of(a, r->ttl_ns, p->conf.clickhouse->max_partitions);
    t->ttl = ttl_of(a, r->ttl_ns);
    fill_settings(p, t, &r->table_settings);
    return t;
}

/* Added up within each block at once: a view that left it to merges would write and merge as many rows as the rollups. */
static void narrow_view(struct tables_plan *p, const char *from, struct tables_table *t, uint64_t interval_ns)
{
    struct arena *a = &p->arena;
    struct tables_view *v = &p->views[p->n_views++];
    struct buf b;
    buf_init(&b, 0);
    *v = (struct tables_view){.name = arena_printf(a, "%s_consumer", t->name),
                              .from = from,
                              .to = tables_local_name(p, a, t->name),
                              .group = arena_printf(a, " GROUP BY %s", t->order_by),
                              .step_s = interval_ns / SECOND_NS};
    begin_view(&b, v->step_s);
    for (size_t i = 1; i < t->n_cols; i++) {
        const char *name = t->cols[i].name, *how = i + 2 < t->n_cols ? "any" : "sum";
        if (t->cols[i].key)
            add_name(&b, name);
        else
            buf_printf(&b, ", %s(%s) AS %s", how, name, name);
    }
    buf_printf(&b, " FROM %s.%s", p->conf.database, tables_local_name(p, a, from));
    v->select = keep(a, &b);
    t->view = v;
}

/* What the narrow rollup of r[i] hangs on: the coarsest one of its kind that has whole parts of its steps, else the finest rollup. */
static const char *narrow_source(struct tables_plan *p, const struct orch_resolution *r, size_t i,
                                 const char *set)
{
    for (size_t k = i - 1; k >= 2; k--)
        if (r[i].interval_ns % r[k].interval_ns == 0 && r[k].interval_ns % r[1].interval_ns == 0)
            return narrow_name(&p->arena, r[k].interval_ns, set);
    return p->tables[1].name;
}

/* Coarse ones follow finer ones, and these from the finest rollup, in whose blocks flows are added up already. */
static void plan_narrow(struct tables_plan *p, const struct orch_resolution *r, size_t n)
{
    const struct opt_list *sets = &p->conf.clickhouse->narrow;
    for (size_t i = 2; i < n; i++)
        for (size_t k = 0; k < sets->n && r[i].interval_ns % r[1].interval_ns == 0; k++) {
            const struct orch_narrow *set = OPT_ITEM(*sets, struct orch_narrow, k);
            narrow_view(p, narrow_source(p, r, i, set->name), narrow_table(p, &r[i], set), r[i].interval_ns);
        }
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
    p->tables = arena_array(&p->arena, list->n * (1 + conf->clickhouse->narrow.n) + 2, sizeof *p->tables);
    for (size_t i = 0; i < list->n; i++) {
        plan_flows(p, &r[i]);
        for_ever |= r[i].ttl_ns == 0;
        longest = r[i].ttl_ns > longest ? r[i].ttl_ns : longest;
    }
    plan_views(p, r, list->n);
    plan_narrow(p, r, list->n);
    plan_exporters(p);
    plan_ledger(p, for_ever ? 0 : longest); /* the last table: migrate.c */
    plan_dictionaries(p);
}

void tables_plan_fini(struct tables_plan *p)
{
    arena_fini(&p->arena);
}
