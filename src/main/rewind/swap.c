/*
 * Table by table: old rows of the span are deleted, then the staged partitions attached, which copies their rows (as hard
 * links) and runs no view. Both can be done again from the beginning: the staged tables stay as they are until all is done,
 * and the file says which tables are finished. So whoever dies when, running it again ends with every row there once.
 */
#include "main/datadir.h"
#include "main/rewind/rewind.h"
#include "main/run/run.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATE RUN_REWIND_LEFT

/* What tells whether a table has its rows, however they are merged. */
static bool measure(struct rewind *r, const char *prefix, const char *table, const char *where, uint64_t *n,
                    struct err *e)
{
    const char *what = strcmp(table, "ledger") == 0 ? "Datagrams + Decoded + Stored + Rejected" : "Packets";
    return rewind_number(r, n, e, "SELECT sum(%s) FROM %s%s WHERE %s", what, prefix, table, where);
}

/* ---- the file */

static bool write_state(struct rewind *r, const json_t *state, struct err *e)
{
    char *text = json_dumps(state, JSON_INDENT(1));
    bool ok = datadir_write(r->data_dir, STATE, str_from(text), e);
    free(text);
    return ok;
}

static json_t *read_state(struct rewind *r, struct err *e)
{
    struct buf text;
    json_error_t je;
    json_t *state = NULL;
    buf_init(&text, 1 << 20);
    if (datadir_read(r->data_dir, STATE, &text, e) &&
        !(state = json_loadb((const char *)text.p, text.len, 0, &je)))
        err_set(e, "%s/" STATE " is damaged: %s", r->data_dir, je.text);
    buf_fini(&text);
    return state;
}

static json_t *make_state(struct rewind *r, struct err *e)
{
    char exporter[IP_TEXT_MAX] = "";
    const char *name;
    uint64_t n;
    json_t *tables = json_array();
    for (size_t i = 0; (name = rewind_table(r, i)); i++) {
        if (!measure(r, REWIND_PREFIX, name, "1", &n, e)) {
            json_decref(tables);
            return NULL;
        }
        json_array_append_new(tables,
                              json_pack("{s:s, s:I, s:b}", "table", name, "sum", (json_int_t)n, "done", 0));
    }
    if (r->by_exporter)
        prefix_format(r->exporter, exporter);
    return json_pack("{s:I, s:I, s:s, s:o}", "from", (json_int_t)r->span.from, "to", (json_int_t)r->span.to,
                     "exporter", exporter, "tables", tables);
}

/* ---- one table */

static bool attach(struct rewind *r, const char *table, struct err *e)
{
    json_t *parts =
        rewind_ask(r, e,
                   "SELECT DISTINCT partition_id FROM system.parts WHERE active AND rows > 0 AND database = "
                   "currentDatabase() AND table = '" REWIND_PREFIX "%s'",
                   table);
    size_t i;
    json_t *row;
    bool ok = parts != NULL;
    json_array_foreach(parts, i, row) ok =
        ok && rewind_do(r, e, "ALTER TABLE %s ATTACH PARTITION ID '%s' FROM " REWIND_PREFIX "%s", table,
                        rewind_cell(row, 0), table);
    json_decref(parts);
    return ok;
}

/* Deleted rows are only hidden until parts are merged; old ones may never be. It is not waited for. */
static void tidy(struct rewind *r, const char *table)
{
    struct err e;
    size_t i;
    json_t *row,
        *parts = rewind_ask(r, &e,
                            "SELECT DISTINCT partition_id FROM system.parts WHERE active AND "
                            "has_lightweight_delete AND database = currentDatabase() AND table = '%s'",
                            table);
    json_array_foreach(parts, i, row)
        rewind_do(r, &e, "ALTER TABLE %s APPLY DELETED MASK IN PARTITION ID '%s' SETTINGS mutations_sync = 0",
                  table, rewind_cell(row, 0));
    json_decref(parts);
}

static bool swap(struct rewind *r, const char *table, uint64_t sum, struct err *e)
{
    uint64_t n;
    if (!measure(r, REWIND_PREFIX, table, "1", &n, e))
        return err_wrap(e, "nothing was deleted from %s", table);
    if (n != sum)
        return err_set(e,
                       "the rows staged for %s are not those of before (%" PRIu64 ", %" PRIu64
                       "), so none are deleted; remove %s/" STATE " to give it up",
                       table, n, sum, r->data_dir);
    const char *where = rewind_where_of(r, table);
    if (!rewind_do(r, e, "DELETE FROM %s WHERE %s SETTINGS lightweight_deletes_sync = 2", table, where) ||
        !attach(r, table, e) || !measure(r, "", table, where, &n, e))
        return err_wrap(e, "%s", table);
    if (n != sum)
        fprintf(stderr,
                "weir rewind: %s holds %" PRIu64 " where %" PRIu64
                " was put: flows of the span came meanwhile\n",
                table, n, sum);
    tidy(r, table);
    return true;
}

static bool go_on(struct rewind *r, json_t *state, struct err *e)
{
    size_t i;
    json_t *t;
    json_array_foreach(json_object_get(state, "tables"), i, t)
    {
        const char *table = json_string_value(json_object_get(t, "table"));
        if (json_is_true(json_object_get(t, "done")))
            continue;
        if (!swap(r, table, (uint64_t)json_integer_value(json_object_get(t, "sum")), e))
            return false;
        json_object_set_new(t, "done", json_true());
        if (!write_state(r, state, e))
            return false;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/" STATE, r->data_dir);
    return unlink(path) == 0 || err_errno(e, "cannot remove %s", path);
}

/* ---- */

bool rewind_swap(struct rewind *r, struct err *e)
{
    json_t *state = make_state(r, e);
    bool ok = state && write_state(r, state, e) && go_on(r, state, e);
    json_decref(state);
    return ok;
}

bool rewind_swap_left(struct rewind *r, struct err *e)
{
    json_int_t from = 0, to = 0;
    const char *exporter = "";
    e->msg[0] = '\0';
    json_t *state = read_state(r, e);
    if (!state)
        return false;
    bool ok = json_unpack(state, "{s:I, s:I, s:s}", "from", &from, "to", &to, "exporter", &exporter) == 0;
    r->span = (struct rewind_span){(uint64_t)from, (uint64_t)to};
    r->by_exporter = exporter[0] != '\0';
    ok = ok && (!r->by_exporter || prefix_parse(str_from(exporter), &r->exporter));
    json_decref(state);
    rewind_where(r);
    return ok || err_set(e, "%s/" STATE " is damaged", r->data_dir);
}

/* What whoever was interrupted had asked last may still be under way in the store, and must not come after what we do. */
static bool wait_for_the_last(struct rewind *r, struct err *e)
{
    for (uint64_t n = 1; n > 0;) {
        if (!rewind_number(r, &n, e,
                           "SELECT count() FROM system.processes WHERE query LIKE '%%" REWIND_PREFIX
                           "%%' AND query_id != queryID()"))
            return false;
        if (n)
            nanosleep(&(struct timespec){0, 200000000}, NULL);
    }
    return true;
}

bool rewind_swap_finish(struct rewind *r, struct err *e)
{
    json_t *state = read_state(r, e);
    bool ok = state && wait_for_the_last(r, e) && go_on(r, state, e);
    json_decref(state);
    return ok;
}
