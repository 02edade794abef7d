/* One function per kind of value; each says itself what is wrong with a token. */
#include "lang/value.h"
#include "base/moment.h"
#include <stdio.h>
#include <stdlib.h>

static bool refuse(struct lexer *l, const struct token *t, enum column c)
{
    const char *expected = value_expected(column_defs[c].kind);
    lexer_expected(l, expected);
    if (t->kind == TOKEN_END)
        return lexer_error(l, t->at, "expected %s for %s", expected, column_defs[c].name);
    return lexer_error(l, t->at, "expected %s for %s, not %.*s", expected, column_defs[c].name,
                       (int)(t->text.len > 60 ? 60 : t->text.len), t->text.p);
}

const char *value_expected(enum column_kind kind)
{
    switch (kind) {
    case KIND_IP:
        return "an address or a network";
    case KIND_PREFIX:
        return "a network (192.0.2.0/24)";
    case KIND_MAC:
        return "a MAC address (00:53:00:12:34:56)";
    case KIND_STRING:
        return "a text in quotes";
    case KIND_BOUNDARY:
        return "external, internal or undefined";
    case KIND_DIRECTION:
        return "ingress, egress or undefined";
    case KIND_UINT:
    case KIND_ARRAY:
        return "a number";
    case KIND_ASN:
    case KIND_ASPATH:
        return "an AS number (AS65000 or 65000)";
    case KIND_COMMUNITY:
        return "a community (65000:100 or 65000:1:2)";
    case KIND_ETYPE:
        return "IPv4 or IPv6";
    case KIND_TIME:
        return "a time (2026-11-21T10:00:00Z, now or now-15m)";
    case KIND_PROTO:
        return "a number or the quoted name of a protocol";
    default:
        return "a value";
    }
}

/* Largest number the column holds. */
static uint64_t most(enum column c)
{
    const char *type = column_defs[c].type;
    const char *at = strstr(type, "UInt");
    int bits = at ? atoi(at + 4) : 64;
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static bool number(struct lexer *l, const struct token *t, struct str digits, enum column c,
                   struct filter_value *v)
{
    bool is_number = digits.len > 0;
    for (size_t i = 0; i < digits.len; i++)
        is_number &= digits.p[i] >= '0' && digits.p[i] <= '9';
    if (!is_number)
        return refuse(l, t, c);
    v->kind = VALUE_UINT;
    if (!str_u64(digits, &v->number) || v->number > most(c))
        return lexer_error(l, t->at, "%.*s is too large for %s: at most %llu", STR_ARG(t->text),
                           column_defs[c].name, (unsigned long long)most(c));
    return true;
}

static bool as_number(struct lexer *l, const struct token *t, enum column c, struct filter_value *v)
{
    struct str s = t->text;
    if (s.len > 2 && strncasecmp(s.p, "AS", 2) == 0)
        s = (struct str){s.p + 2, s.len - 2};
    return number(l, t, s, c, v);
}

static bool address(struct lexer *l, const struct token *t, enum column c, bool net_only,
                    struct filter_value *v)
{
    v->kind = VALUE_NET;
    if (!prefix_parse(t->text, &v->net))
        return refuse(l, t, c);
    if (net_only && !memchr(t->text.p, '/', t->text.len))
        return lexer_error(l, t->at, "expected a network for %s: %.*s/%d", column_defs[c].name,
                           STR_ARG(t->text), ip_is_v4(v->net.ip) ? 32 : 128);
    return true;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* 00:53:00:12:34:56, 00-53-00-12-34-56, 0053.0012.3456: groups of two or four digits, one separator throughout */
static bool mac(struct lexer *l, const struct token *t, enum column c, struct filter_value *v)
{
    struct str s = t->text;
    size_t group = s.len == 17 ? 2 : s.len == 14 ? 4 : 0;
    char separator = group ? s.p[group] : 0;
    bool ok = group == 2 ? separator == ':' || separator == '-' : separator == '.';
    v->kind = VALUE_MAC;
    v->number = 0;
    for (size_t i = 0; ok && i < s.len; i++) {
        if (i % (group + 1) == group)
            ok = s.p[i] == separator;
        else if ((ok = hex(s.p[i]) >= 0))
            v->number = v->number << 4 | (unsigned)hex(s.p[i]);
    }
    return ok || refuse(l, t, c);
}

static bool community(struct lexer *l, const struct token *t, enum column c, struct filter_value *v)
{
    struct str rest = t->text, part;
    uint64_t parts[3], n = 0;
    while (str_split(&rest, ':', &part)) {
        if (n == 3 || !str_u64(part, &parts[n]) || parts[n] > UINT32_MAX)
            return refuse(l, t, c);
        n++;
    }
    if (n < 2 || t->text.p[t->text.len - 1] == ':')
        return refuse(l, t, c);
    if (n == 3) {
        v->kind = VALUE_LARGE;
        for (int i = 0; i < 3; i++)
            v->large[i] = (uint32_t)parts[i];
        return true;
    }
    if (parts[0] > UINT16_MAX || parts[1] > UINT16_MAX)
        return lexer_error(l, t->at, "%.*s is no community: both parts are at most 65535", STR_ARG(t->text));
    v->kind = VALUE_UINT;
    v->number = parts[0] << 16 | parts[1];
    return true;
}

/* One of the words, as the enumeration writes it. */
static bool word(struct lexer *l, const struct token *t, enum column c, const char *const *words,
                 struct filter_value *v)
{
    v->kind = VALUE_TEXT;
    for (; t->kind == TOKEN_WORD && *words; words++)
        if (str_eq_nocase(t->text, str_from(*words))) {
            v->text = str_from(*words);
            return true;
        }
    return refuse(l, t, c);
}

static bool etype(struct lexer *l, const struct token *t, enum column c, struct filter_value *v)
{
    v->kind = VALUE_UINT;
    v->number = str_eq_nocase(t->text, STR("IPv4"))   ? 0x800
                : str_eq_nocase(t->text, STR("IPv6")) ? 0x86dd
                                                      : 0;
    return v->number || refuse(l, t, c);
}

static bool text(struct lexer *l, const struct token *t, enum column c, struct filter_value *v)
{
    if (t->kind != TOKEN_STRING)
        return refuse(l, t, c);
    v->kind = VALUE_TEXT;
    v->text = t->value;
    return true;
}

/* now, now-15m: so many seconds before the moment of asking */
static bool ago(struct str s, uint64_t *seconds)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    enum { LONGEST_S = 100 * 366 * 86400u };
    *seconds = 0;
    if (str_eq_nocase(s, STR("now")))
        return true;
    if (s.len < 6 || strncasecmp(s.p, "now-", 4) != 0 ||
        !str_u64((struct str){s.p + 4, s.len - 5}, seconds) || *seconds > LONGEST_S)
        return false;
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
        if ((s.p[s.len - 1] | 32) == units[i].letter) {
            *seconds *= units[i].seconds;
            return *seconds <= LONGEST_S;
        }
    return false;
}

static bool moment(struct lexer *l, const struct token *t, enum column c, struct filter_value *v)
{
    struct str s = t->kind == TOKEN_STRING ? t->value : t->text;
    if (t->kind != TOKEN_STRING && t->kind != TOKEN_WORD)
        return refuse(l, t, c);
    v->kind = VALUE_AGO;
    if (ago(s, &v->number))
        return true;
    v->kind = VALUE_TIME;
    return moment_parse(s, true, &v->number) || refuse(l, t, c);
}

bool value_parse(struct lexer *l, const struct token *t, enum column c, bool net_only, struct filter_value *v)
{
    static const char *const boundaries[] = {"external", "internal", "undefined", NULL};
    static const char *const directions[] = {"ingress", "egress", "undefined", NULL};
    enum column_kind kind = column_defs[c].kind;
    if (kind == KIND_STRING)
        return text(l, t, c, v);
    if (kind == KIND_TIME)
        return moment(l, t, c, v);
    if (t->kind != TOKEN_WORD)
        return refuse(l, t, c);
    switch (kind) {
    case KIND_IP:
        return address(l, t, c, net_only, v);
    case KIND_PREFIX:
        return address(l, t, c, true, v);
    case KIND_MAC:
        return mac(l, t, c, v);
    case KIND_BOUNDARY:
        return word(l, t, c, boundaries, v);
    case KIND_DIRECTION:
        return word(l, t, c, directions, v);
    case KIND_ASN:
    case KIND_ASPATH:
        return as_number(l, t, c, v);
    case KIND_COMMUNITY:
        return community(l, t, c, v);
    case KIND_ETYPE:
        return etype(l, t, c, v);
    default:
        return number(l, t, t->text, c, v);
    }
}
