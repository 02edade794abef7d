/*
 * A staged table is made like its table, so that whole partitions of it can be attached there. Tables are staged anew by
 * each run, from nothing.
 */
#include "main/rewind/rewind.h"
#include "store/ch.h"
#include <stdio.h>
#include <string.h>

/* An own block may have rows of many partitions, and views are not to add up again what merges will. */
#define INSERT_SETTINGS                                                                                      \
    " SETTINGS max_partitions_per_insert_block = 0, optimize_on_insert = 0, insert_deduplicate = 0, "        \
    "max_insert_threads = 1, max_threads = 1"

const char *rewind_table(const struct rewind *r, size_t n)
{
    for (size_t i = 0; i < r->plan.n_tables; i++)
        if (strcmp(r->plan.tables[i].name, "exporters") != 0 && n-- == 0)
            return r->plan.tables[i].name;
    return NULL;
}

static bool drop(struct rewind *r, const char *name, struct err *e)
{
    return rewind_do(r, e, "DROP TABLE IF EXISTS " REWIND_PREFIX "%s SYNC", name);
}

bool rewind_stage_drop(struct rewind *r, struct err *e)
{
    bool ok = drop(r, "ledger_decoded", e);
    const char *name;
    for (size_t i = 0; ok && (name = rewind_table(r, i)); i++)
        ok = drop(r, name, e);
    return ok;
}

static bool make(struct rewind *r, const char *name, const char *like, struct err *e)
{
    return rewind_do(r, e,
                     "CREATE TABLE " REWIND_PREFIX
                     "%s AS %s SETTINGS allow_suspicious_low_cardinality_types = 1",
                     name, like) ||
           err_wrap(e, "a table beside %s", like);
}

bool rewind_stage_make(struct rewind *r, struct err *e)
{
    bool ok = rewind_stage_drop(r, e) && make(r, "ledger_decoded", "ledger", e);
    const char *name;
    for (size_t i = 0; ok && (name = rewind_table(r, i)); i++)
        ok = make(r, name, name, e);
    return ok;
}

/* What the replay could not know to be of another time: flows whose own time is not that of their receipt. */
static bool purge(struct rewind *r, const char *name, struct err *e)
{
    uint64_t n;
    return rewind_number(r, &n, e, "SELECT count() FROM %s WHERE NOT (%s)", name, r->where) &&
           (n == 0 || rewind_do(r, e, "ALTER TABLE %s DELETE WHERE NOT (%s) SETTINGS mutations_sync = 2",
                                name, r->where));
}

static bool is_made_by_view(const struct rewind *r, const char *name)
{
    for (size_t i = 0; i < r->plan.n_views; i++)
        if (strcmp(r->plan.views[i].to, name) == 0)
            return true;
    return false;
}

/* What a view does with each block, done with all of them: rows of a table like the one it hangs on. */
static bool add_up(struct rewind *r, const struct tables_view *v, const char *prefix, const char *where,
                   struct err *e)
{
    const char *from = strstr(v->select, " FROM ");
    return rewind_do(r, e, "INSERT INTO " REWIND_PREFIX "%s %.*s FROM %s%s WHERE %s%s" INSERT_SETTINGS, v->to,
                     (int)(from - v->select), v->select, prefix, v->from, where, v->group) ||
           err_wrap(e, "adding up for %s", v->to);
}

/* A narrow rollup's staged rows are of all exporters: those that are not repaired are added up from what is stored. */
static bool roll_up(struct rewind *r, const struct tables_view *v, struct err *e)
{
    bool narrow = rewind_where_of(r, v->to) != r->where,
         from_narrow = rewind_where_of(r, v->from) != r->where;
    bool all = !narrow || from_narrow;
    return add_up(r, v, REWIND_PREFIX, "1", e) &&
           (all || add_up(r, v, "", arena_printf(&r->arena, "%s AND NOT (%s)", r->when, r->where), e));
}

/* Receipt is what it was; what became of the records is what became of them now. */
static bool account(struct rewind *r, struct err *e)
{
    return rewind_do(r, e,
                     "INSERT INTO " REWIND_PREFIX
                     "ledger SELECT * REPLACE (0 AS Decoded, 0 AS Stored, 0 AS Rejected) "
                     "FROM ledger WHERE %s" INSERT_SETTINGS,
                     r->where) &&
           rewind_do(r, e,
                     "INSERT INTO " REWIND_PREFIX "ledger SELECT * REPLACE (0 AS Datagrams, 0 AS Shed, "
                     "0 AS SequenceLost, 0 AS KernelDropped) FROM " REWIND_NEW_LEDGER
                     " WHERE %s" INSERT_SETTINGS,
                     r->where);
}

bool rewind_stage_complete(struct rewind *r, struct err *e)
{
    const char *name;
    for (size_t i = 0; (name = rewind_table(r, i)); i++)
        if (strcmp(name, "ledger") != 0 && !is_made_by_view(r, name) &&
            !purge(r, arena_printf(&r->arena, REWIND_PREFIX "%s", name), e))
            return false;
    for (size_t i = 0; i < r->plan.n_views; i++)
        if (!roll_up(r, &r->plan.views[i], e))
            return false;
    return account(r, e);
}
