#include "query/sql.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

bool sql_is_percent(enum query_units u)
{
    return u == UNITS_INL2 || u == UNITS_OUTL2;
}

void sql_time(struct buf *sql, uint32_t seconds)
{
    struct tm tm;
    time_t t = seconds;
    char text[32];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_printf(sql, "toDateTime('%s', 'UTC')", text);
}

void sql_bucket(struct buf *sql, const char *expr, uint32_t interval)
{
    buf_printf(sql, "toUInt32(toStartOfInterval(%s, INTERVAL %u second, 'UTC'))", expr, interval);
}

/* ---- what is added up */

static const char *speed(const struct query_request *q, bool reverse)
{
    return (q->units == UNITS_INL2) != reverse ? "InIfSpeed" : "OutIfSpeed";
}

static void value(struct buf *sql, const struct query_request *q, bool reverse)
{
    switch (q->units) {
    case UNITS_L3BPS:
        buf_z(sql, "Bytes * SamplingRate * 8");
        break;
    case UNITS_L2BPS:
        /* Ethernet: preamble 8, header 14, checksum 4, gap 12 */
        buf_z(sql, "(Bytes + 38 * Packets) * SamplingRate * 8");
        break;
    case UNITS_PPS:
        buf_z(sql, "Packets * SamplingRate");
        break;
    case UNITS_FPS:
        buf_z(sql, "1");
        break;
    default:
        buf_printf(sql, "(Bytes + 38 * Packets) * SamplingRate * 8 * 100 / (%s * 1000000)",
                   speed(q, reverse));
    }
}

void sql_rate(struct buf *sql, const struct query_request *q, uint32_t interval)
{
    buf_z(sql, "sum(v)");
    if (interval)
        buf_printf(sql, " / %u", interval);
    if (sql_is_percent(q->units))
        buf_z(sql, " / uniqExact(i)");
}

/* 1.96 / sqrt(samples) of what was sampled; what was not is exact. */
void sql_error(struct buf *sql, const struct query_request *q, uint32_t interval)
{
    buf_printf(sql, "ifNotFinite(1.96 * sum(w) / sqrt(sum(c)) / %u", interval);
    buf_z(sql, sql_is_percent(q->units) ? " / uniqExact(i), 0)" : ", 0)");
}

bool sql_mixed(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        if (plan->pieces[i].without_detail)
            return true;
    return false;
}

/* ---- dimensions */

static bool truncated(const struct query_request *q, enum column c)
{
    return column_defs[c].flags & COLF_TRUNC && (q->truncate_v4 < 32 || q->truncate_v6 < 128);
}

static void dimension(struct buf *sql, const struct query_request *q, enum column c)
{
    const char *name = column_defs[c].name;
    if (truncated(q, c))
        buf_printf(
            sql,
            "IPv6CIDRToRange(%s, if(IPv6CIDRToRange(%s, 96).1 = toIPv6('::ffff:0.0.0.0'), %u, %u)::UInt8).1",
            name, name, 96 + q->truncate_v4, q->truncate_v6);
    else
        buf_z(sql, name);
}

void sql_dims(struct buf *sql, const struct query_request *q)
{
    for (size_t i = 0; i < q->n_dims; i++)
        buf_printf(sql, "%sd%zu", i ? ", " : "", i + 1);
}

void sql_key(struct buf *sql, const struct query_request *q)
{
    buf_z(sql, "cityHash64(");
    sql_dims(sql, q);
    buf_z(sql, ")");
}

static void address(struct buf *sql, const char *expr, unsigned v4, unsigned v6)
{
    const char *text = "replaceRegexpOne(IPv6NumToString(%s), '^::ffff:', '')";
    if (v4 < 32 || v6 < 128) {
        buf_z(sql, "concat(");
        buf_printf(sql, text, expr);
        buf_printf(sql, ", if(IPv6CIDRToRange(%s, 96).1 = toIPv6('::ffff:0.0.0.0'), '%s%.0u', '%s%.0u'))",
                   expr, v4 < 32 ? "/" : "", v4 < 32 ? v4 : 0, v6 < 128 ? "/" : "", v6 < 128 ? v6 : 0);
    } else {
        buf_printf(sql, text, expr);
    }
}

void sql_label(struct buf *sql, enum column c, const struct query_tables *t, const char *x, unsigned v4,
               unsigned v6)
{
    switch (column_defs[c].kind) {
    case KIND_IP:
        if (!(column_defs[c].flags & COLF_TRUNC))
            address(sql, x, 32, 128);
        else
            address(sql, x, v4, v6);
        break;
    case KIND_ASN:
        if (t->asns)
            buf_printf(sql,
                       "concat(toString(%s), ': ', dictGetOrDefault('asns', 'name', toUInt32(%s), '\?\?\?'))",
                       x, x);
        else
            buf_printf(sql, "toString(%s)", x);
        break;
    case KIND_PROTO:
        if (t->protocols)
            buf_printf(sql, "dictGetOrDefault('protocols', 'name', %s, toString(%s))", x, x);
        else
            buf_printf(sql, "toString(%s)", x);
        break;
    case KIND_ETYPE:
        buf_printf(sql, "multiIf(%s = 2048, 'IPv4', %s = 34525, 'IPv6', '\?\?\?')", x, x);
        break;
    case KIND_MAC:
        buf_printf(sql, "MACNumToString(%s)", x);
        break;
    case KIND_COMMUNITY:
        buf_printf(sql,
                   "arrayStringConcat(arrayMap(c -> concat(toString(bitShiftRight(c, 16)), ':', "
                   "toString(bitAnd(c, 65535))), %s), ' ')",
                   x);
        break;
    case KIND_ASPATH:
    case KIND_ARRAY:
        buf_printf(sql, "arrayStringConcat(arrayMap(c -> toString(c), %s), ' ')", x);
        break;
    default:
        buf_printf(sql, "toString(%s)", x);
    }
}

void sql_labels(struct buf *sql, const struct query_request *q, const struct query_tables *t,
                const char *prefix)
{
    buf_u8(sql, '[');
    for (size_t i = 0; i < q->n_dims; i++) {
        char x[16];
        snprintf(x, sizeof x, "%s%zu", prefix, i + 1);
        buf_z(sql, i ? ", " : "");
        sql_label(sql, q->dims[i], t, x, q->truncate_v4, q->truncate_v6);
    }
    buf_u8(sql, ']');
}

/* ---- the source */

static void time_column(struct buf *sql, uint32_t shift)
{
    buf_z(sql, "TimeReceived");
    if (shift)
        buf_printf(sql, " + %u", shift);
    buf_z(sql, " AS t");
}

/* As ranges, which the store finds by its primary key. */
static void begins_of_buckets(struct buf *sql, const struct plan *plan, const struct plan_piece *p)
{
    const char *before = " AND (";
    for (uint32_t at = p->from / plan->interval * plan->interval; at < p->to; at += plan->interval) {
        buf_printf(sql, "%sTimeReceived >= ", before);
        sql_time(sql, at);
        buf_z(sql, " AND TimeReceived < ");
        sql_time(sql, at + plan->interval / plan->sample);
        before = " OR ";
    }
    buf_u8(sql, ')');
}

void sql_needs(const struct query_request *q, bool reverse, bool dimensions, bool need[COL_COUNT])
{
    memset(need, 0, COL_COUNT * sizeof *need);
    filter_columns(&q->filter, reverse, need);
    for (size_t i = 0; i < q->n_dims && dimensions; i++)
        need[reverse ? filter_reverse(q->filter.schema, q->dims[i]) : q->dims[i]] = true;
    if (sql_is_percent(q->units)) {
        bool in = (q->units == UNITS_INL2) != reverse;
        need[COL_ExporterAddress] = need[in ? COL_InIfName : COL_OutIfName] =
            need[in ? COL_InIfSpeed : COL_OutIfSpeed] = true;
    }
    /* every name that may be meant */
    for (unsigned c = 0; q->raw && c < COL_COUNT; c++)
        need[c] |= column_defs[c].name && column_defs[c].name[0] && strstr(q->raw, column_defs[c].name);
}

static void one_piece(struct buf *sql, const struct sql_source *s, const struct plan_piece *p)
{
    const struct query_request *q = s->q;
    const struct schema *schema = q->filter.schema;
    buf_z(sql, "SELECT ");
    time_column(sql, s->shift);
    buf_z(sql, ", ");
    if (s->plan->sample)
        buf_printf(sql, "%u * ", s->plan->sample);
    value(sql, q, s->reverse);
    buf_z(sql, " AS v");
    if (sql_is_percent(q->units)) {
        bool in = (q->units == UNITS_INL2) != s->reverse;
        buf_printf(sql, ", cityHash64(ExporterAddress, %s) AS i", in ? "InIfName" : "OutIfName");
    }
    if (q->error_band) {
        buf_z(sql, ", if(SamplingRate > 1, ");
        value(sql, q, s->reverse);
        buf_z(sql, ", 0) AS w, if(SamplingRate > 1, Packets, 0) AS c");
    }
    if (s->dimensions && sql_mixed(s->plan))
        buf_printf(sql, ", %d AS o", p->without_detail);
    for (size_t i = 0; i < q->n_dims && s->dimensions; i++) {
        enum column c = s->reverse ? filter_reverse(schema, q->dims[i]) : q->dims[i];
        buf_z(sql, ", ");
        if (p->without_detail && schema->main_only[c])
            buf_printf(sql, "defaultValueOfTypeName('%s')", column_defs[c].type);
        else
            dimension(sql, q, c);
        buf_printf(sql, " AS d%zu", i + 1);
    }
    buf_printf(sql, " FROM %s WHERE TimeReceived >= ", p->table->name);
    sql_time(sql, p->from);
    buf_z(sql, " AND TimeReceived < ");
    sql_time(sql, p->to);
    if (s->plan->sample)
        begins_of_buckets(sql, s->plan, p);
    if (q->filter.root) {
        buf_z(sql, " AND (");
        filter_sql(&q->filter, s->reverse, sql);
        buf_z(sql, ")");
    }
    if (q->raw)
        buf_printf(sql, " AND (%s)", q->raw);
    if (sql_is_percent(q->units)) /* the speed of some interfaces is not known */
        buf_printf(sql, " AND %s > 0", speed(q, s->reverse));
}

void sql_source(struct buf *sql, const struct sql_source *s)
{
    for (size_t i = 0; i < s->plan->n; i++) {
        buf_z(sql, i ? " UNION ALL " : "");
        one_piece(sql, s, &s->plan->pieces[i]);
    }
}
