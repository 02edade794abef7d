/*
 * Sums by exporter are exact. What becomes of the columns is told by flows that are the same flow on both sides: those with
 * the same time, exporter, addresses, ports, protocol and counters. Beyond some hundred thousand flows, one in so many is
 * compared (by a hash of these, so that both sides choose the same ones).
 */
#include "main/rewind/rewind.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COMPARED = 100000, SHOWN = 8 };

static const enum column same_flow[] = {COL_TimeReceived, COL_ExporterAddress, COL_SrcAddr, COL_DstAddr,
                                        COL_SrcPort,      COL_DstPort,         COL_Proto,   COL_EType,
                                        COL_Bytes,        COL_Packets};

static bool tells_flows_apart(enum column c)
{
    for (size_t i = 0; i < sizeof same_flow / sizeof *same_flow; i++)
        if (same_flow[i] == c)
            return true;
    return false;
}

/* ---- sums */

#define SUMS "count(), sum(Bytes), sum(Packets), sum(Bytes * SamplingRate)"

static struct rewind_sums sums_of(const json_t *row, size_t at)
{
    return (struct rewind_sums){rewind_u64(row, at), rewind_u64(row, at + 1), rewind_u64(row, at + 2),
                                rewind_u64(row, at + 3)};
}

bool rewind_sums(struct rewind *r, const char *table, struct rewind_sums *s, struct err *e)
{
    json_t *rows = rewind_ask(r, e, "SELECT " SUMS " FROM %s WHERE %s", table, r->where);
    *s = sums_of(json_array_get(rows, 0), 0);
    bool ok = rows != NULL;
    json_decref(rows);
    return ok;
}

static void add(struct rewind_sums *all, struct rewind_sums s)
{
    all->rows += s.rows;
    all->bytes += s.bytes;
    all->packets += s.packets;
    all->traffic += s.traffic;
}

static json_t *sums_json(struct rewind_sums s)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "flows", (json_int_t)s.rows, "bytes", (json_int_t)s.bytes,
                     "packets", (json_int_t)s.packets, "traffic", (json_int_t)s.traffic);
}

static void note_less(struct rewind_diff *d, const char *exporter, const char *what, uint64_t was,
                      uint64_t is)
{
    if (is < was && !d->less[0])
        snprintf(d->less, sizeof d->less, "%s of %s: %" PRIu64 " are stored, %" PRIu64 " were decoded now",
                 what, exporter, was, is);
}

static bool compare_sums(struct rewind *r, struct rewind_diff *d, struct err *e)
{
    json_t *rows = rewind_ask(
        r, e,
        "SELECT replaceOne(toString(a), '::ffff:', ''), anyIf(n, side = 1), sumIf(f, side = 0), "
        "sumIf(b, side = 0), sumIf(p, side = 0), sumIf(t, side = 0), sumIf(f, side = 1), "
        "sumIf(b, side = 1), sumIf(p, side = 1), sumIf(t, side = 1) FROM ("
        "SELECT 0 AS side, ExporterAddress AS a, any(ExporterName) AS n, count() AS f, sum(Bytes) AS b, "
        "sum(Packets) AS p, sum(Bytes * SamplingRate) AS t FROM flows WHERE %s GROUP BY a UNION ALL "
        "SELECT 1, ExporterAddress, any(ExporterName), count(), sum(Bytes), sum(Packets), "
        "sum(Bytes * SamplingRate) FROM " REWIND_PREFIX "flows WHERE %s GROUP BY ExporterAddress) "
        "GROUP BY a ORDER BY a",
        r->where, r->where);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *address = rewind_cell(row, 0);
        struct rewind_sums was = sums_of(row, 2), is = sums_of(row, 6);
        add(&d->stored, was);
        add(&d->staged, is);
        note_less(d, address, "bytes", was.bytes, is.bytes);
        note_less(d, address, "packets", was.packets, is.packets);
        json_array_append_new(d->exporters,
                              json_pack("{s:s, s:s, s:o, s:o}", "exporter", address, "name",
                                        rewind_cell(row, 1), "stored", sums_json(was), "new", sums_json(is)));
    }
    bool ok = rows != NULL;
    json_decref(rows);
    return ok;
}

/* Datagrams by the ledger: fewer now means that segments of the spool are gone or damaged. */
static bool compare_datagrams(struct rewind *r, struct rewind_diff *d, struct err *e)
{
    json_t *rows = rewind_ask(
        r, e,
        "SELECT replaceOne(toString(a), '::ffff:', ''), sumIf(n, side = 0) AS before, "
        "sumIf(n, side = 1) AS after FROM (SELECT 0 AS side, ExporterAddress AS a, Datagrams AS n FROM "
        "ledger WHERE %s UNION ALL SELECT 1, ExporterAddress, Datagrams FROM " REWIND_NEW_LEDGER
        " WHERE %s) GROUP BY a HAVING after < before ORDER BY a LIMIT 1",
        r->where, r->where);
    const json_t *row = json_array_get(rows, 0);
    if (row)
        note_less(d, rewind_cell(row, 0), "datagrams", rewind_u64(row, 1), rewind_u64(row, 2));
    bool ok = rows != NULL;
    json_decref(rows);
    return ok;
}

/* ---- columns */

/* Columns that may differ, and what is made of them: of one side (0, 1: texts in an array), or -1: their list. */
static void list_columns(const struct schema *s, int side, struct buf *sql, json_t *names)
{
    for (unsigned c = 0; c < COL_COUNT; c++) {
        const char *name = column_defs[c].name;
        if (!schema_stored(s, (enum column)c) || tells_flows_apart((enum column)c))
            continue;
        if (side < 0) {
            buf_printf(sql, ", %s", name);
            json_array_append_new(names, json_string(name));
            continue;
        }
        const char *text = column_defs[c].store == STORE_CC ? "toStringCutToZero" : "toString";
        buf_printf(sql, "%s%s(anyIf(%s, side = %d))", sql->p[sql->len - 1] == '[' ? "" : ", ", text, name,
                   side);
    }
}

static void one_side(struct rewind *r, const struct rewind_diff *d, int side, const char *table,
                     struct buf *sql, json_t *names)
{
    buf_printf(sql, "SELECT %d AS side, Bytes * SamplingRate AS t, cityHash64(", side);
    for (size_t i = 0, n = 0; i < sizeof same_flow / sizeof *same_flow; i++)
        if (schema_stored(&r->schema, same_flow[i]))
            buf_printf(sql, "%s%s", n++ ? ", " : "", column_defs[same_flow[i]].name);
    buf_z(sql, ") AS h");
    list_columns(&r->schema, -1, sql, names);
    buf_printf(sql, " FROM %s PREWHERE %s AND h %% %" PRIu64 " = 0", table, r->where, d->one_in);
}

/* Pairs of the same flow that are different: texts a before, b after; n flows of so many bytes. */
static void pairs(struct rewind *r, const struct rewind_diff *d, struct buf *sql, json_t *names)
{
    json_t *again = json_array();
    buf_z(sql, "SELECT countIf(side = 1) AS n, sumIf(t, side = 1) AS bytes, [");
    list_columns(&r->schema, 0, sql, NULL);
    buf_z(sql, "] AS a, [");
    list_columns(&r->schema, 1, sql, NULL);
    buf_z(sql, "] AS b FROM (");
    one_side(r, d, 0, "flows", sql, names);
    buf_z(sql, " UNION ALL ");
    one_side(r, d, 1, REWIND_PREFIX "flows", sql, again);
    buf_z(sql, ") GROUP BY h HAVING countIf(side = 0) > 0 AND n > 0 AND a != b");
    json_decref(again);
}

static const char *name_at(const json_t *names, const json_t *row)
{
    const char *z = json_string_value(json_array_get(names, rewind_u64(row, 0) - 1));
    return z ? z : "";
}

/* The last column's, or a new one: rows come column by column. */
static json_t *column_of(struct rewind_diff *d, const char *name, const json_t *row)
{
    json_t *last = json_array_get(d->columns, json_array_size(d->columns) - 1);
    if (!last || strcmp(json_string_value(json_object_get(last, "column")), name) != 0) {
        last = json_pack("{s:s, s:I, s:I, s:[]}", "column", name, "flows",
                         (json_int_t)(rewind_u64(row, 5) * d->one_in), "traffic",
                         (json_int_t)(rewind_u64(row, 6) * d->one_in), "changes");
        json_array_append_new(d->columns, last);
    }
    return last;
}

static bool compare_columns(struct rewind *r, struct rewind_diff *d, struct err *e)
{
    json_t *names = json_array(), *row;
    struct buf sql;
    size_t i;
    uint64_t larger = d->stored.rows > d->staged.rows ? d->stored.rows : d->staged.rows;
    d->one_in = larger / COMPARED + 1;
    buf_init(&sql, 0);
    pairs(r, d, &sql, names);
    buf_u8(&sql, 0);
    json_t *rows = rewind_ask(
        r, e,
        "SELECT i, before, after, f, t, sum(f) OVER (PARTITION BY i) AS all_f, sum(t) OVER (PARTITION BY i) "
        "FROM (SELECT i, substring(a[i], 1, 200) AS before, substring(b[i], 1, 200) AS after, sum(n) AS f, "
        "sum(bytes) AS t FROM (%s) ARRAY JOIN arrayEnumerate(a) AS i WHERE a[i] != b[i] GROUP BY i, before, "
        "after) "
        "ORDER BY all_f DESC, i, f DESC, before, after LIMIT %d BY i",
        (const char *)sql.p, SHOWN);
    buf_fini(&sql);
    json_array_foreach(rows, i, row) json_array_append_new(
        json_object_get(column_of(d, name_at(names, row), row), "changes"),
        json_pack("{s:s, s:s, s:I, s:I}", "before", rewind_cell(row, 1), "after", rewind_cell(row, 2),
                  "flows", (json_int_t)(rewind_u64(row, 3) * d->one_in), "traffic",
                  (json_int_t)(rewind_u64(row, 4) * d->one_in)));
    bool ok = rows != NULL;
    json_decref(rows);
    json_decref(names);
    return ok;
}

bool rewind_diff_make(struct rewind *r, struct rewind_diff *d, struct err *e)
{
    *d = (struct rewind_diff){.exporters = json_array(), .columns = json_array(), .one_in = 1};
    return compare_sums(r, d, e) && compare_datagrams(r, d, e) && compare_columns(r, d, e);
}

void rewind_diff_fini(struct rewind_diff *d)
{
    json_decref(d->exporters);
    json_decref(d->columns);
}

/* ---- output */

static const char *number(uint64_t n, char text[32])
{
    char plain[24];
    int len = snprintf(plain, sizeof plain, "%" PRIu64, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = plain[i];
    }
    text[at] = '\0';
    return text;
}

static uint64_t integer(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void print_sums(const char *name, const json_t *stored, const json_t *staged)
{
    char a[32], b[32], c[32], d[32];
    printf("%-40s %15s %15s %20s %20s\n", name, number(integer(stored, "flows"), a),
           number(integer(staged, "flows"), b), number(integer(stored, "traffic"), c),
           number(integer(staged, "traffic"), d));
}

static void print_column(const json_t *c)
{
    char n[32];
    size_t i;
    json_t *x;
    uint64_t shown = 0, all = integer(c, "flows");
    printf("\n%s: %s flows\n", json_string_value(json_object_get(c, "column")), number(all, n));
    json_array_foreach(json_object_get(c, "changes"), i, x)
    {
        printf("%15s  '%s' -> '%s'\n", number(integer(x, "flows"), n),
               json_string_value(json_object_get(x, "before")),
               json_string_value(json_object_get(x, "after")));
        shown += integer(x, "flows");
    }
    if (shown < all)
        printf("%15s  others\n", number(all - shown, n));
}

static void print_text(const struct rewind_diff *d)
{
    char name[128];
    size_t i;
    json_t *x, *stored = sums_json(d->stored), *staged = sums_json(d->staged);
    printf("%-40s %15s %15s %20s %20s\n", "exporter", "flows stored", "flows new", "bytes stored",
           "bytes new");
    json_array_foreach(d->exporters, i, x)
    {
        snprintf(name, sizeof name, "%.45s %.40s", json_string_value(json_object_get(x, "exporter")),
                 json_string_value(json_object_get(x, "name")));
        print_sums(name, json_object_get(x, "stored"), json_object_get(x, "new"));
    }
    print_sums("all", stored, staged);
    json_decref(stored);
    json_decref(staged);
    if (json_array_size(d->columns) == 0)
        puts("\nno column of any flow compared would change");
    else if (d->one_in > 1)
        printf("\n(changes are estimated from one flow in %" PRIu64 ")\n", d->one_in);
    json_array_foreach(d->columns, i, x) print_column(x);
}

void rewind_diff_print(const struct rewind *r, const struct rewind_diff *d, bool as_json)
{
    if (!as_json) {
        print_text(d);
        return;
    }
    json_t *o = json_pack("{s:I, s:I, s:o, s:o, s:O, s:O, s:I, s:s}", "from", (json_int_t)r->span.from, "to",
                          (json_int_t)r->span.to, "stored", sums_json(d->stored), "new", sums_json(d->staged),
                          "exporters", d->exporters, "columns", d->columns, "one_flow_in",
                          (json_int_t)d->one_in, "less", d->less);
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
}
