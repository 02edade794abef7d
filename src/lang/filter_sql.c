/* The tree as SQL: templates of the operators' table filled with values written anew. */
#include "lang/filter.h"
#include <stdio.h>

void filter_quote(struct buf *out, struct str text)
{
    buf_u8(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\'' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02X", c);
        else
            buf_u8(out, c);
    }
    buf_u8(out, '\'');
}

enum column filter_reverse(const struct schema *s, enum column c)
{
    enum column r = column_reverse(c);
    return s->enabled[r] ? r : c;
}

static enum column directed(const struct filter *f, enum column c, bool reverse)
{
    return reverse ? filter_reverse(f->schema, c) : c;
}

static void ip_literal(struct buf *out, struct ip a)
{
    char text[IP_TEXT_MAX];
    buf_printf(out, "toIPv6('%s%s')", ip_is_v4(a) ? "::ffff:" : "", ip_format(a, text));
}

static void ip_range(struct buf *out, const char *column, struct prefix p)
{
    struct ip last = p.ip;
    for (unsigned bit = p.len; bit < 128; bit++)
        last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    buf_printf(out, "%s BETWEEN ", column);
    ip_literal(out, p.ip);
    buf_z(out, " AND ");
    ip_literal(out, last);
}

/* Membership in addresses and networks: one IN for all addresses, a range for each network. */
static void members(struct buf *out, const char *column, const struct filter_node *n)
{
    size_t parts = 0, hosts = 0;
    size_t begin = out->len;
    for (size_t i = 0; i < n->n_values; i++)
        hosts += n->values[i].net.len == 128;
    buf_u8(out, '(');
    if (hosts) {
        buf_printf(out, hosts == 1 ? "%s = " : "%s IN (", column);
        for (size_t i = 0, done = 0; i < n->n_values; i++)
            if (n->values[i].net.len == 128) {
                buf_z(out, done++ ? ", " : "");
                ip_literal(out, n->values[i].net.ip);
            }
        buf_z(out, hosts == 1 ? "" : ")");
        parts++;
    }
    for (size_t i = 0; i < n->n_values; i++)
        if (n->values[i].net.len < 128) {
            buf_z(out, parts++ ? " OR " : "");
            ip_range(out, column, n->values[i].net);
        }
    buf_u8(out, ')');
    if (hosts == n->n_values && n->op->sql[0] == '$') { /* needs no parentheses */
        memmove(out->p + begin, out->p + begin + 1, out->len - begin - 1);
        out->len -= 2;
    }
}

/* Network of the route: the text when it is stored, else what it is computed from. */
static void route(struct buf *out, const struct filter *f, enum column c, struct prefix p)
{
    const char *name = column_defs[c].name;
    char text[IP_TEXT_MAX + 8];
    if (f->schema->materialized[c]) {
        buf_printf(out, "%s = '%s'", name, prefix_format(p, text));
        return;
    }
    bool src = c == COL_SrcNetPrefix;
    buf_u8(out, '(');
    ip_range(out, src ? "SrcAddr" : "DstAddr", p);
    buf_printf(out, " AND %s = %d)", src ? "SrcNetMask" : "DstNetMask", ip_is_v4(p.ip) ? p.len - 96 : p.len);
}

static void value(struct buf *out, const struct filter_value *v, bool lower)
{
    switch (v->kind) {
    case VALUE_UINT:
        buf_printf(out, "%llu", (unsigned long long)v->number);
        break;
    case VALUE_MAC:
        buf_printf(out, "MACStringToNum('%02X:%02X:%02X:%02X:%02X:%02X')", (unsigned)(v->number >> 40 & 255),
                   (unsigned)(v->number >> 32 & 255), (unsigned)(v->number >> 24 & 255),
                   (unsigned)(v->number >> 16 & 255), (unsigned)(v->number >> 8 & 255),
                   (unsigned)(v->number & 255));
        break;
    case VALUE_TIME:
        buf_printf(out, "fromUnixTimestamp64Milli(%llu::Int64)", (unsigned long long)v->number);
        break;
    case VALUE_AGO:
        buf_printf(out, "now64(3) - toIntervalSecond(%llu)", (unsigned long long)v->number);
        break;
    case VALUE_LARGE:
        buf_printf(out, "bitShiftLeft(%u::UInt128, 64) + bitShiftLeft(%u::UInt128, 32) + %u::UInt128",
                   v->large[0], v->large[1], v->large[2]);
        break;
    default:
        buf_z(out, lower ? "lower(" : "");
        filter_quote(out, v->text);
        buf_z(out, lower ? ")" : "");
    }
}

static void values(struct buf *out, const struct filter *f, const struct filter_node *n, bool reverse)
{
    bool lower = n->op->operand == OPERAND_NAME || n->op->operand == OPERAND_NAMES;
    if (n->other != COL_COUNT)
        buf_z(out, column_defs[directed(f, n->other, reverse)].name);
    for (size_t i = 0; i < n->n_values; i++) {
        buf_z(out, i ? ", " : "");
        value(out, &n->values[i], lower);
    }
}

static void condition(struct buf *out, const struct filter *f, const struct filter_node *n, bool reverse)
{
    enum column c = directed(f, n->column, reverse);
    for (const char *at = n->op->sql; *at; at++) {
        if (*at != '$') {
            buf_u8(out, (uint8_t)*at);
            continue;
        }
        switch (*++at) {
        case 'c':
            buf_z(out, column_defs[c].name);
            break;
        case 'v':
            values(out, f, n, reverse);
            break;
        default:
            if (column_defs[c].kind == KIND_PREFIX)
                route(out, f, c, n->values[0].net);
            else
                members(out, column_defs[c].name, n);
        }
    }
}

static void emit(struct buf *out, const struct filter *f, const struct filter_node *n, bool reverse);

static void emit_side(struct buf *out, const struct filter *f, const struct filter_node *n, bool parens,
                      bool reverse)
{
    buf_z(out, parens ? "(" : "");
    emit(out, f, n, reverse);
    buf_z(out, parens ? ")" : "");
}

/* Ranges carry an AND of their own that binds tighter than any operator around them. */
static void emit(struct buf *out, const struct filter *f, const struct filter_node *n, bool reverse)
{
    switch (n->kind) {
    case FILTER_CONDITION:
        condition(out, f, n, reverse);
        break;
    case FILTER_NOT:
        buf_z(out, "NOT ");
        emit_side(out, f, n->left, true, reverse);
        break;
    case FILTER_AND:
        emit_side(out, f, n->left, n->left->kind == FILTER_OR, reverse);
        buf_z(out, " AND ");
        emit_side(out, f, n->right, n->right->kind == FILTER_OR, reverse);
        break;
    case FILTER_OR:
        emit(out, f, n->left, reverse);
        buf_z(out, " OR ");
        emit(out, f, n->right, reverse);
    }
}

void filter_sql(const struct filter *f, bool reverse, struct buf *out)
{
    if (f->root)
        emit(out, f, f->root, reverse);
}

static void columns(const struct filter *f, const struct filter_node *n, bool reverse, bool *used)
{
    if (!n)
        return;
    if (n->kind == FILTER_CONDITION) {
        used[directed(f, n->column, reverse)] = true;
        if (n->other != COL_COUNT)
            used[directed(f, n->other, reverse)] = true;
        return;
    }
    columns(f, n->left, reverse, used);
    columns(f, n->right, reverse, used);
}

void filter_columns(const struct filter *f, bool reverse, bool used[COL_COUNT])
{
    columns(f, f->root, reverse, used);
}

bool filter_main_only(const struct filter *f, bool reverse)
{
    bool used[COL_COUNT] = {false};
    filter_columns(f, reverse, used);
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (used[c] && f->schema->main_only[c])
            return true;
    return false;
}
