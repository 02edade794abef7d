/*
 * Two statements: one over the system tables and each table's ends (answered from metadata), then one that compares the
 * last minutes of `flows` and the finest rollup, from the last known border on.
 */
#include "query/catalog.h"
#include "query/rows.h"
#include "base/arena.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)
enum { FRESH_S = 3, BOUNDARY_S = 60, GLANCE_MS = 1000, PATIENCE_MS = 2000, VAIN_S = 10 };

struct catalog {
    struct query_pool *pool;
    pthread_mutex_t lock; /* of what follows; never held while the store is asked */
    pthread_cond_t read;  /* monotonic; `reading` has ended */
    bool reading;         /* one thread asks the store; boundary_ns is its alone meanwhile */
    struct query_tables now;
    uint64_t read_ns;     /* monotonic; 0: never */
    uint64_t boundary_ns; /* when a boundary was looked for */
    uint64_t vain_ns;     /* when the store did not answer in time; 0: it did, the last time */
};

struct catalog *catalog_new(struct query_pool *pool)
{
    struct catalog *t = xcalloc(1, sizeof *t);
    pthread_condattr_t monotonic;
    t->pool = pool;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->read, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return t;
}

void catalog_free(struct catalog *t)
{
    if (!t)
        return;
    pthread_cond_destroy(&t->read);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

uint32_t catalog_resolution(struct str name)
{
    static const struct {
        char unit;
        uint32_t s;
    } units[] = {{'h', 3600}, {'m', 60}, {'s', 1}};
    if (str_eq(name, STR("flows")))
        return 1;
    if (!str_starts(name, STR("flows_")))
        return 0;
    uint32_t total = 0, part = 0;
    unsigned unit = 0;
    bool digits = false;
    for (size_t i = strlen("flows_"); i < name.len; i++) {
        char c = name.p[i];
        if (c >= '0' && c <= '9' && part < 100000) {
            part = part * 10 + (uint32_t)(c - '0');
            digits = true;
            continue;
        }
        while (unit < 3 && units[unit].unit != c)
            unit++;
        if (unit == 3 || !digits)
            return 0;
        total += part * units[unit++].s;
        part = 0;
        digits = false;
    }
    return digits ? 0 : total;
}

/* ---- what there is */

/* Takes `word` off the front of *s. */
static bool take(struct str *s, struct str word)
{
    if (!str_starts(*s, word))
        return false;
    *s = (struct str){s->p + word.len, s->len - word.len};
    return true;
}

bool catalog_narrow(struct str name, struct str comment, struct query_narrow *n)
{
    const struct str local = STR("_local");
    struct str word, rest = comment;
    uint64_t since;
    *n = (struct query_narrow){0};
    if (!take(&rest, STR("weir ")) || !str_split(&rest, ' ', &word) || !take(&rest, STR("since ")) ||
        !str_split(&rest, ' ', &word) || !str_u64(word, &since) || since > UINT32_MAX ||
        !take(&rest, STR("by ")))
        return false;
    while (str_split(&rest, ',', &word)) {
        enum column c = column_find(str_trim(word));
        if (c == COL_COUNT)
            return false;
        /* a condition on a route is one on addresses, lang/filter_sql.c */
        n->has[c] = column_defs[c].kind != KIND_PREFIX;
    }
    if (str_ends(name, local)) /* on one server of a cluster: asked for by the name that all have */
        name.len -= local.len;
    if (!str_starts(name, STR("flows_")))
        return false;
    size_t stem = strlen("flows_");
    while (stem < name.len && name.p[stem] != '_')
        stem++;
    n->since = (uint32_t)since;
    n->table.resolution_s = catalog_resolution((struct str){name.p, stem});
    if (n->table.resolution_s < 2 || name.len >= sizeof n->table.name)
        return false;
    memcpy(n->table.name, name.p, name.len);
    return true;
}

static void see_narrow(struct query_tables *q, struct str name, struct str comment, uint64_t rows)
{
    struct query_narrow *n = &q->narrow[q->n_narrow];
    if (q->n_narrow == CATALOG_NARROW_MAX || !catalog_narrow(name, comment, n))
        return;
    n->table.rows = rows;
    q->n_narrow++;
}

static void see(struct query_tables *q, struct str kind, struct str name)
{
    if (str_eq(kind, STR("dictionary"))) {
        q->asns |= str_eq(name, STR("asns"));
        q->protocols |= str_eq(name, STR("protocols"));
        q->tcp |= str_eq(name, STR("tcp"));
        q->udp |= str_eq(name, STR("udp"));
        q->icmp |= str_eq(name, STR("icmp"));
        return;
    }
    q->ledger |= str_eq(name, STR("ledger"));
    q->exporters |= str_eq(name, STR("exporters"));
    uint32_t s = catalog_resolution(name);
    if (s == 0 || q->n == CATALOG_MAX || name.len >= sizeof q->t[0].name)
        return;
    size_t at = q->n++;
    for (; at > 0 && q->t[at - 1].resolution_s > s; at--)
        q->t[at] = q->t[at - 1];
    q->t[at] = (struct query_table){.resolution_s = s};
    memcpy(q->t[at].name, name.p, name.len);
}

static enum query_result read_names(struct catalog *t, const struct query_asker *asker,
                                    struct query_tables *q, struct err *e)
{
    struct buf out;
    buf_init(&out, 0);
    enum query_result r = query_pool_ask(
        t->pool, asker,
        "SELECT if(engine = 'Dictionary', 'dictionary', 'table')::String, name::String, comment::String, "
        "ifNull(total_rows, 0)::UInt64 FROM system.tables "
        "WHERE database = currentDatabase() AND engine NOT LIKE '%View' AND engine != 'Null' FORMAT "
        "RowBinary",
        0, &out, e);
    struct rows rows = rows_init(buf_str(&out));
    while (r == QUERY_OK && rows_more(&rows)) {
        struct str kind = rows_text(&rows), name = rows_text(&rows), comment = rows_text(&rows);
        see(q, kind, name);
        see_narrow(q, name, comment, rows_u64(&rows));
    }
    buf_fini(&out);
    if (r == QUERY_OK && (q->n == 0 || q->t[0].resolution_s != 1)) {
        err_set(e, "table flows is not there yet: the orchestrator makes it when it can reach the store");
        return QUERY_BUSY;
    }
    return r;
}

static enum query_result read_ends(struct catalog *t, const struct query_asker *asker, struct query_tables *q,
                                   struct err *e)
{
    struct buf sql, out;
    buf_init(&sql, 0);
    buf_init(&out, 0);
    for (size_t i = 0; i < q->n; i++)
        buf_printf(&sql,
                   "%sSELECT %zu::UInt8 AS i, toUInt32(min(TimeReceived)), toUInt32(max(TimeReceived)), "
                   "count() FROM %s",
                   i ? " UNION ALL " : "", i, q->t[i].name);
    buf_z(&sql, " FORMAT RowBinary");
    buf_u8(&sql, 0);
    enum query_result r = query_pool_ask(t->pool, asker, (char *)sql.p, 0, &out, e);
    struct rows rows = rows_init(buf_str(&out));
    while (r == QUERY_OK && rows_more(&rows)) {
        struct query_table *table = &q->t[rows_u8(&rows) % CATALOG_MAX];
        table->oldest = rows_u32(&rows);
        table->newest = rows_u32(&rows);
        table->rows = rows_u64(&rows);
    }
    buf_fini(&sql);
    buf_fini(&out);
    return r;
}

/* A narrow rollup ends where its rollup does, and what it has of it. */
static void narrow_ends(struct query_tables *q)
{
    for (size_t i = 0; i < q->n_narrow; i++)
        for (size_t k = 0; k < q->n; k++)
            if (q->t[k].resolution_s == q->narrow[i].table.resolution_s) {
                struct query_narrow *n = &q->narrow[i];
                n->table.oldest = q->t[k].oldest > n->since ? q->t[k].oldest : n->since;
                n->table.newest = q->t[k].newest;
            }
}

/* Asked again now and then: with the demonstration's exporters all boundaries may go. */
static enum query_result read_boundary(struct catalog *t, const struct query_asker *asker,
                                       struct query_tables *q, struct err *e)
{
    char sql[512];
    const char *finest = q->t[q->n > 1 ? 1 : 0].name;
    snprintf(sql, sizeof sql,
             "SELECT toUInt8(count() > 0) FROM (SELECT 1 FROM %s WHERE TimeReceived > now() - 3600 AND "
             "(InIfBoundary != 'undefined' OR OutIfBoundary != 'undefined') LIMIT 1%s) FORMAT RowBinary",
             finest,
             q->exporters ? " UNION ALL SELECT 1 FROM exporters WHERE IfBoundary != 'undefined' LIMIT 1"
                          : "");
    struct buf out;
    buf_init(&out, 0);
    enum query_result r = query_pool_ask(t->pool, asker, sql, 0, &out, e);
    struct rows rows = rows_init(buf_str(&out));
    if (r == QUERY_OK)
        q->boundary = rows_u8(&rows);
    buf_fini(&out);
    return r;
}

/* ---- the border */

/* First minute in which both do not agree, not after `last`, the minute of the newest row. */
static enum query_result compare(struct catalog *t, const struct query_asker *asker,
                                 const struct query_table *rollup, uint32_t from, uint32_t last,
                                 uint32_t *border, struct err *e)
{
    struct buf sql, out;
    buf_init(&sql, 0);
    buf_init(&out, 0);
    const char *part =
        "SELECT toStartOfInterval(TimeReceived, INTERVAL %u second) AS m, %s AS a, %s AS b FROM %s "
        "WHERE TimeReceived >= toDateTime(%u) AND TimeReceived < toDateTime(%u) GROUP BY m";
    buf_z(&sql, "SELECT toUInt32(min(m)) FROM (SELECT m FROM (");
    buf_printf(&sql, part, rollup->resolution_s, "sum(Packets)", "toUInt64(0)", "flows", from, last);
    buf_z(&sql, " UNION ALL ");
    buf_printf(&sql, part, rollup->resolution_s, "toUInt64(0)", "sum(Packets)", rollup->name, from, last);
    buf_z(&sql, ") GROUP BY m HAVING sum(a) != sum(b)) FORMAT RowBinary");
    buf_u8(&sql, 0);
    enum query_result r = query_pool_ask(t->pool, asker, (char *)sql.p, 0, &out, e);
    struct rows rows = rows_init(buf_str(&out));
    uint32_t first = r == QUERY_OK ? rows_u32(&rows) : 0;
    *border = first ? first : last;
    buf_fini(&sql);
    buf_fini(&out);
    return r;
}

/* `before`: the last known border. */
static enum query_result read_border(struct catalog *t, const struct query_asker *asker, uint32_t before,
                                     struct query_tables *q, struct err *e)
{
    uint32_t now = (uint32_t)(clock_wall_ns() / 1000000000u);
    q->border = 0;
    if (q->n < 2 || q->t[1].newest == 0 || q->t[0].newest == 0)
        return QUERY_OK;
    /* A clock of an exporter may be ahead of ours. */
    uint32_t newest = q->t[0].newest < now ? q->t[0].newest : now;
    uint32_t step = q->t[1].resolution_s, last = newest / step * step;
    uint32_t from = last > CATALOG_LOOK_BACK_S ? (last - CATALOG_LOOK_BACK_S) / step * step : 0;
    /* What agreed once agrees still, but for rows that come late and are then late in both. */
    if (before > from && before <= last)
        from = before;
    if (from >= last) {
        q->border = last;
        return QUERY_OK;
    }
    return compare(t, asker, &q->t[1], from, last, &q->border, e);
}

static enum query_result read_all(struct catalog *t, const struct query_asker *asker,
                                  const struct query_tables *before, struct query_tables *q, struct err *e)
{
    *q = (struct query_tables){.boundary = before->boundary};
    enum query_result r = read_names(t, asker, q, e);
    if (r == QUERY_OK)
        r = read_ends(t, asker, q, e);
    narrow_ends(q);
    if (r == QUERY_OK)
        r = read_border(t, asker, before->border, q, e);
    uint64_t now_ns = clock_mono_ns();
    if (r == QUERY_OK && (!q->boundary || now_ns - t->boundary_ns > BOUNDARY_S * SECOND_NS)) {
        r = read_boundary(t, asker, q, e);
        t->boundary_ns = now_ns;
    }
    return r;
}

/* By one thread at a time, which lets go of the lock meanwhile: a store that hangs keeps nobody else. */
static enum query_result refresh(struct catalog *t, const struct query_asker *asker, struct err *e)
{
    struct query_tables before = t->now, q;
    t->reading = true;
    pthread_mutex_unlock(&t->lock);
    enum query_result r = read_all(t, asker, &before, &q, e);
    pthread_mutex_lock(&t->lock);
    t->reading = false;
    if (r == QUERY_OK) {
        t->now = q;
        t->read_ns = clock_mono_ns();
    }
    pthread_cond_broadcast(&t->read);
    return r;
}

static bool is_gone(const struct query_asker *asker)
{
    return asker->gone && asker->gone(asker->arg);
}

/* While another thread reads for the first time. What it met is asked for again by whoever waited. */
static void await_first(struct catalog *t, const struct query_asker *asker, uint64_t end_ns)
{
    enum { LOOK_MS = 100 };
    while (t->reading && !t->read_ns && clock_mono_ns() < end_ns && !is_gone(asker)) {
        uint64_t until = clock_mono_ns() + LOOK_MS * UINT64_C(1000000);
        until = until < end_ns ? until : end_ns;
        pthread_cond_timedwait(&t->read, &t->lock,
                               &(struct timespec){(time_t)(until / SECOND_NS), (long)(until % SECOND_NS)});
    }
}

static bool is_stale(const struct catalog *t)
{
    return !t->read_ns || clock_mono_ns() - t->read_ns > FRESH_S * SECOND_NS;
}

/* What is known has to do for a while when the store did not answer in time. */
static bool was_in_vain(const struct catalog *t)
{
    return t->vain_ns && clock_mono_ns() - t->vain_ns < VAIN_S * SECOND_NS;
}

struct patience {
    const struct query_asker *asker;
    uint64_t end_ns;
};

static bool has_ended(void *arg)
{
    const struct patience *p = arg;
    return clock_mono_ns() > p->end_ns || is_gone(p->asker);
}

/* With the lock held. Whoever knows nothing waits as long as it takes. */
static enum query_result look_again(struct catalog *t, const struct query_asker *asker, struct err *e)
{
    struct patience patience = {asker,
                                t->read_ns ? clock_mono_ns() + PATIENCE_MS * UINT64_C(1000000) : UINT64_MAX};
    const struct query_asker patient = {.gone = has_ended, .arg = &patience, .cost = asker->cost};
    bool known = t->read_ns;
    enum query_result r = refresh(t, &patient, e);
    bool late = r == QUERY_GONE && known && !is_gone(asker);
    t->vain_ns = late ? clock_mono_ns() : 0;
    return late ? QUERY_OK : r;
}

enum query_result catalog_get(struct catalog *t, const struct query_asker *asker, struct query_tables *out,
                              struct err *e)
{
    static const struct query_asker nobody;
    enum query_result r = QUERY_OK;
    asker = asker ? asker : &nobody; /* others use what this one asks: it is nobody's share */
    pthread_mutex_lock(&t->lock);
    await_first(t, asker, UINT64_MAX);
    if (is_stale(t) && !t->reading && !(t->read_ns && was_in_vain(t)))
        r = look_again(t, asker, e);
    else if (!t->read_ns)
        r = QUERY_GONE;
    *out = t->now;
    pthread_mutex_unlock(&t->lock);
    return r;
}

bool catalog_glance(struct catalog *t, struct query_tables *out)
{
    static const struct query_asker nobody;
    struct patience patience = {&nobody, clock_mono_ns() + GLANCE_MS * UINT64_C(1000000)};
    const struct query_asker hasty = {.gone = has_ended, .arg = &patience};
    struct err ignored;
    pthread_mutex_lock(&t->lock);
    await_first(t, &hasty, patience.end_ns);
    if (is_stale(t) && !t->reading && !was_in_vain(t))
        t->vain_ns = refresh(t, &hasty, &ignored) == QUERY_OK ? 0 : clock_mono_ns();
    bool known = t->read_ns;
    *out = t->now;
    pthread_mutex_unlock(&t->lock);
    return known;
}
