/* Columns and operators come from their tables, values from a fixed list, a dictionary, `exporters`, or recent flows. */
#include "query/complete.h"
#include "query/render.h"
#include "query/rows.h"

enum { VALUES_MAX = 20, SEEN_S = 300 };

static bool begins(const char *text, struct str prefix)
{
    return strncasecmp(text, prefix.p ? prefix.p : "", prefix.len) == 0;
}

/* "it\'s" in quotes, as the filter language has them. */
static json_t *quoted_text(const char *text)
{
    struct buf b;
    buf_init(&b, 0);
    buf_u8(&b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_u8(&b, '\\');
        buf_u8(&b, (uint8_t)*text);
    }
    buf_u8(&b, '"');
    json_t *out = json_stringn((char *)b.p, b.len);
    buf_fini(&b);
    return out;
}

static void add(json_t *list, json_t *label, const char *detail, bool quoted)
{
    json_t *insert = quoted ? quoted_text(json_string_value(label)) : json_incref(label);
    json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:o}", "label", label, "detail",
                                          detail ? detail : "", "quoted", quoted, "insert", insert));
}

static void columns(json_t *list, const struct schema *s, struct str prefix)
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (filter_column(s, (enum column)c) && begins(column_defs[c].name, prefix))
            add(list, json_string(column_defs[c].name), column_defs[c].doc, false);
}

static void operators(json_t *list, enum column c, struct str prefix)
{
    static const char *const joins[][2] = {{"AND", "both"}, {"OR", "either"}};
    for (size_t i = 0; c != COL_COUNT && i < operator_count; i++)
        if (operator_first(i, column_defs[c].kind) && begins(operator_defs[i].text, prefix))
            add(list, json_string(operator_defs[i].text), operator_defs[i].doc, false);
    for (size_t i = 0; c == COL_COUNT && i < 2; i++)
        if (begins(joins[i][0], prefix))
            add(list, json_string(joins[i][0]), joins[i][1], false);
}

static void words(json_t *list, const char *const *all, const char *detail, struct str prefix)
{
    for (; *all; all++)
        if (begins(*all, prefix))
            add(list, json_string(*all), detail, false);
}

/* Values that need no store; false when there are none of that kind. */
static bool fixed(json_t *list, enum column_kind kind, struct str prefix)
{
    static const char *const boundaries[] = {"external", "internal", "undefined", NULL};
    static const char *const directions[] = {"ingress", "egress", "undefined", NULL};
    static const char *const etypes[] = {"IPv4", "IPv6", NULL};
    switch (kind) {
    case KIND_BOUNDARY:
        words(list, boundaries, "network boundary", prefix);
        return true;
    case KIND_DIRECTION:
        words(list, directions, "flow direction", prefix);
        return true;
    case KIND_ETYPE:
        words(list, etypes, "ethernet type", prefix);
        return true;
    default:
        return false;
    }
}

/* ---- values out of the store: statements of (label, detail) */

static void starts_with(struct buf *sql, const char *expr, struct str prefix)
{
    struct buf pattern;
    buf_init(&pattern, 0);
    for (size_t i = 0; i < prefix.len; i++) {
        if (strchr("%_\\", prefix.p[i]) && prefix.p[i])
            buf_u8(&pattern, '\\');
        buf_u8(&pattern, (uint8_t)prefix.p[i]);
    }
    buf_u8(&pattern, '%');
    buf_printf(sql, "%s ILIKE ", expr);
    filter_quote(sql, buf_str(&pattern));
    buf_fini(&pattern);
}

/* Before the newest row rather than now: the collector may be behind. */
static uint32_t recent(const struct query_tables *t, uint32_t seconds)
{
    return t->t[0].newest > seconds ? t->t[0].newest - seconds : 0;
}

/* Seen lately first, then the dictionary's, by number or by name. */
static void as_numbers(struct buf *sql, const struct query_tables *t, const char *column, struct str prefix)
{
    struct str number =
        prefix; /* without AS; of "AS" alone nothing is left, and all of them begin with that */
    if (prefix.len >= 2 && strncasecmp(prefix.p, "AS", 2) == 0)
        number = (struct str){prefix.p + 2, prefix.len - 2};
    buf_printf(sql,
               "SELECT concat('AS', toString(n)), l FROM (SELECT n, any(name) AS l, max(seen) AS s FROM ("
               "SELECT %s AS n, %s AS name, sum(Bytes) AS seen FROM flows WHERE TimeReceived > "
               "toDateTime(%u) GROUP BY "
               "n",
               column, t->asns ? "dictGetOrDefault('asns', 'name', n, '')" : "''", recent(t, SEEN_S));
    if (t->asns)
        buf_z(sql, " UNION ALL SELECT asn AS n, name, 0 AS seen FROM dictionary('asns')");
    buf_z(sql, ") WHERE ");
    starts_with(sql, "toString(n)", number);
    buf_z(sql, " OR ");
    starts_with(sql, "name", prefix);
    buf_z(sql, " GROUP BY n) ORDER BY s DESC, n");
}

/* Those seen lately first, here and among ports. */
static void protocols(struct buf *sql, const struct query_tables *t, struct str prefix)
{
    if (!t->protocols)
        return;
    buf_printf(
        sql,
        "SELECT name, description FROM dictionary('protocols') AS d LEFT JOIN (SELECT Proto, sum(Bytes) AS "
        "seen FROM flows WHERE TimeReceived > toDateTime(%u) GROUP BY Proto) AS s ON d.proto = s.Proto "
        "WHERE ",
        recent(t, SEEN_S));
    starts_with(sql, "name", prefix);
    buf_z(sql, " AND name != '' ORDER BY seen DESC, proto");
}

static void ports(struct buf *sql, const struct query_tables *t, const char *column, struct str prefix)
{
    buf_printf(
        sql,
        "SELECT toString(port), arrayStringConcat(names, ', ') FROM (SELECT port, max(seen) AS most, "
        "arraySort(groupUniqArrayIf(name, name != '')) AS names FROM (SELECT port, name, 0 AS seen FROM "
        "dictionary('tcp') UNION ALL SELECT port, name, 0 AS seen FROM dictionary('udp') UNION ALL SELECT %s "
        "AS port, '' AS name, sum(Bytes) AS seen FROM flows WHERE TimeReceived > toDateTime(%u) GROUP BY "
        "port) "
        "GROUP BY port) WHERE ",
        column, recent(t, SEEN_S));
    starts_with(sql, "toString(port)", prefix);
    buf_z(sql, " OR arrayExists(name -> ");
    starts_with(sql, "name", prefix);
    buf_z(sql, ", names) ORDER BY most DESC, port");
}

/* InIfName and OutIfName are both IfName in `exporters`. */
static const char *exporter_column(const char *name)
{
    return strncmp(name, "InIf", 4) == 0       ? name + 2
           : strncmp(name, "OutIf", 5) == 0    ? name + 3
           : strncmp(name, "Exporter", 8) == 0 ? name
                                               : NULL;
}

/* Values seen lately, most first; those of exporters and interfaces from the table that knows them all. */
static void seen(struct buf *sql, enum column c, const struct query_tables *t, struct str prefix)
{
    const char *name = column_defs[c].name, *known = t->exporters ? exporter_column(name) : NULL;
    struct buf label;
    buf_init(&label, 0);
    sql_label(&label, c, t, known ? known : name, 32, 128);
    buf_u8(&label, 0);
    buf_printf(sql, "SELECT toString(l), '' FROM (SELECT %s AS l, count() AS n FROM %s", (char *)label.p,
               known ? "exporters" : "flows");
    if (!known)
        buf_printf(sql, " WHERE TimeReceived > toDateTime(%u)", recent(t, SEEN_S));
    buf_z(sql, " GROUP BY l) WHERE replaceAll(toString(l), '\\0', '') != '' AND ");
    starts_with(sql, "toString(l)", prefix);
    buf_z(sql, known ? " ORDER BY l" : " ORDER BY n DESC, l");
    buf_fini(&label);
}

static void communities(struct buf *sql, enum column c, const struct schema *s, const struct query_tables *t,
                        struct str prefix)
{
    enum column large = c == COL_SrcCommunities ? COL_SrcLargeCommunities : COL_DstLargeCommunities;
    buf_printf(
        sql,
        "SELECT l, '' FROM (SELECT DISTINCT concat(toString(bitShiftRight(v, 16)), ':', toString(bitAnd(v, "
        "65535))) AS l FROM flows ARRAY JOIN %s AS v WHERE TimeReceived > toDateTime(%u)",
        column_defs[c].name, recent(t, SEEN_S));
    if (s->enabled[large])
        buf_printf(sql,
                   " UNION ALL SELECT DISTINCT concat(toString(bitShiftRight(v, 64)::UInt32), ':', "
                   "toString(bitShiftRight(v, 32)::UInt32), ':', toString(v::UInt32)) AS l FROM flows ARRAY "
                   "JOIN %s AS v "
                   "WHERE TimeReceived > toDateTime(%u)",
                   column_defs[large].name, recent(t, SEEN_S));
    buf_z(sql, ") WHERE ");
    starts_with(sql, "l", prefix);
    buf_z(sql, " ORDER BY l");
}

/* Whatever its dictionary has, seen or not. */
static void looked_up(struct buf *sql, enum column c, struct str prefix)
{
    const struct column_def *d = &column_defs[c];
    struct buf label;
    buf_init(&label, 0);
    sql_label(&label, c, NULL, "v", 32, 128);
    buf_u8(&label, 0);
    buf_printf(sql,
               "SELECT DISTINCT %s AS l, '' FROM (SELECT `%s` AS v FROM dictionary('%s')) WHERE l != '' AND ",
               (char *)label.p, d->attribute, d->dictionary);
    starts_with(sql, "l", prefix);
    buf_z(sql, " ORDER BY l");
    buf_fini(&label);
}

/* The statement, empty when nothing is offered: counters, or addresses of which nothing is typed yet. */
static void statement(struct buf *sql, enum column c, const struct schema *s, const struct query_tables *t,
                      struct str prefix)
{
    bool port = c == COL_SrcPort || c == COL_DstPort;
    if (column_defs[c].dictionary) {
        looked_up(sql, c, prefix);
        return;
    }
    switch (column_defs[c].kind) {
    case KIND_ASN:
    case KIND_ASPATH:
        as_numbers(sql, t, column_defs[c].kind == KIND_ASPATH ? "DstAS" : column_defs[c].name, prefix);
        break;
    case KIND_PROTO:
        protocols(sql, t, prefix);
        break;
    case KIND_COMMUNITY:
        communities(sql, c, s, t, prefix);
        break;
    case KIND_STRING:
    case KIND_PREFIX:
    case KIND_MAC:
        seen(sql, c, t, prefix);
        break;
    case KIND_IP:
        if (c == COL_ExporterAddress || prefix.len)
            seen(sql, c, t, prefix);
        break;
    case KIND_UINT:
        if (port && t->tcp && t->udp)
            ports(sql, t, column_defs[c].name, prefix);
        else if (!(column_defs[c].flags & COLF_NODIM))
            seen(sql, c, t, prefix);
        break;
    default:
        break;
    }
}

static enum query_result values(struct query_pool *pool, const struct query_asker *asker,
                                const struct schema *s, enum column c, const struct query_tables *t,
                                struct str prefix, json_t *list, struct query_answer *out, struct err *e)
{
    enum column_kind kind = column_defs[c].kind;
    struct buf data;
    if (fixed(list, kind, prefix))
        return QUERY_OK;
    statement(&out->sql, c, s, t, prefix);
    if (!out->sql.len)
        return QUERY_OK;
    buf_init(&data, 0);
    buf_printf(&out->sql, " LIMIT %d FORMAT RowBinary", VALUES_MAX);
    buf_u8(&out->sql, 0);
    enum query_result r = query_pool_ask(pool, asker, (char *)out->sql.p, 0, &data, e);
    out->sql.len--;
    struct rows rows = rows_init(buf_str(&data));
    while (r == QUERY_OK && rows_more(&rows)) {
        json_t *label = render_text(rows_text(&rows)), *detail = render_text(rows_text(&rows));
        add(list, label, json_string_value(detail), kind == KIND_STRING || kind == KIND_PROTO);
        json_decref(detail);
    }
    buf_fini(&data);
    return r;
}

enum query_result complete_ask(struct query_pool *pool, const struct query_asker *asker,
                               const struct schema *s, const struct query_tables *t,
                               const struct complete_question *q, struct query_answer *out, struct err *e)
{
    enum column c = column_find_nocase(q->column);
    enum query_result r = QUERY_OK;
    json_t *list = json_array();
    *out = (struct query_answer){0};
    if (c != COL_COUNT && !filter_column(s, c))
        c = COL_COUNT;
    if (str_eq(q->what, STR("column")))
        columns(list, s, q->prefix);
    else if (str_eq(q->what, STR("operator")))
        operators(list, c, q->prefix);
    else if (str_eq(q->what, STR("value")) && c != COL_COUNT)
        r = values(pool, asker, s, c, t, q->prefix, list, out, e);
    else if (!str_eq(q->what, STR("value"))) {
        err_set(e, "\"what\": expected column, operator or value");
        r = QUERY_FAILED;
    }
    if (r == QUERY_OK)
        out->json = json_pack("{s:O}", "completions", list);
    json_decref(list);
    return r;
}
