/* Texts in three kinds of quotes, numbers, names, and signs, of which the longest counts. */
#include "lang/rule_ast.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* ---- texts */

static void put_utf8(char *out, size_t *n, uint32_t c)
{
    if (c < 0x80) {
        out[(*n)++] = (char)c;
    } else if (c < 0x800) {
        out[(*n)++] = (char)(0xc0 | c >> 6);
        out[(*n)++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out[(*n)++] = (char)(0xe0 | c >> 12);
        out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3f));
        out[(*n)++] = (char)(0x80 | (c & 0x3f));
    } else {
        out[(*n)++] = (char)(0xf0 | c >> 18);
        out[(*n)++] = (char)(0x80 | (c >> 12 & 0x3f));
        out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3f));
        out[(*n)++] = (char)(0x80 | (c & 0x3f));
    }
}

/* `digits` digits to the base, after the escape's first `skip` characters. */
static bool escape_number(struct lexer *l, size_t skip, unsigned digits, unsigned base, uint32_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = lexer_look(l, skip + i);
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                            : 99;
        if (d >= base)
            return lexer_error(l, l->at, "expected %u digits in this escape", digits);
        *out = *out * base + d;
    }
    if (*out > 0x10ffff || (*out >= 0xd800 && *out < 0xe000))
        return lexer_error(l, l->at, "this escape is no character of Unicode");
    l->at += skip + digits;
    return true;
}

static bool escape(struct lexer *l, char *out, size_t *n)
{
    static const char from[] = "abfnrtv\\'\"`?", to[] = "\a\b\f\n\r\t\v\\'\"`?";
    char c = lexer_look(l, 1);
    const char *simple = c ? strchr(from, c) : NULL;
    uint32_t code;
    if (simple) {
        out[(*n)++] = to[simple - from];
        l->at += 2;
        return true;
    }
    bool ok = c == 'x' || c == 'X' ? escape_number(l, 2, 2, 16, &code)
              : c == 'u'           ? escape_number(l, 2, 4, 16, &code)
              : c == 'U'           ? escape_number(l, 2, 8, 16, &code)
              : c >= '0' && c <= '3'
                  ? escape_number(l, 1, 3, 8, &code)
                  : lexer_error(l, l->at,
                                "there is no escape \\%.*s: write \\\\ for a backslash, or "
                                "use `...`, where it stands for itself",
                                c > ' ' && c < 127, l->all.p + l->at + 1);
    if (ok)
        put_utf8(out, n, code);
    return ok;
}

static bool text(struct lexer *l, struct rule_token *t)
{
    char quote = lexer_look(l, 0);
    char *value = arena_alloc(l->arena, l->all.len - l->at + 4); /* no escape makes more than it takes */
    size_t n = 0;
    for (l->at++; l->at < l->all.len;) {
        char c = lexer_look(l, 0);
        if (c == quote && !(quote == '`' && lexer_look(l, 1) == '`')) {
            l->at++;
            t->kind = RTOK_TEXT;
            t->value = (struct rule_value){.type = TYPE_TEXT, .s = {value, n}};
            return true;
        }
        if (c == '\n' && quote != '`')
            break;
        if (c == '\\' && quote != '`') {
            if (!escape(l, value, &n))
                return false;
            continue;
        }
        l->at += c == quote ? 2 : 1; /* `` inside of ` */
        value[n++] = c;
    }
    return lexer_error(l, t->at, "this text is not closed: expected %c%s", quote,
                       quote == '`' ? "" : " before the end of the line");
}

/* ---- numbers: 10, 1_000, 0x1f, 0o17, 0b11, 1.5, .5, 1e9 */

static bool number(struct lexer *l, struct rule_token *t)
{
    char digits[64], *end;
    size_t n = 0;
    bool fraction = false,
         based = lexer_look(l, 0) == '0' && lexer_look(l, 1) && strchr("xXoObB", lexer_look(l, 1));
    for (; n < sizeof digits - 1; l->at++) {
        char c = lexer_look(l, 0);
        bool point = c == '.' && !based && !fraction && lexer_look(l, 1) != '.' &&
                     isdigit((unsigned char)lexer_look(l, 1));
        bool power = (c == 'e' || c == 'E') && !based && n;
        bool sign = (c == '+' || c == '-') && !based && n && (digits[n - 1] | 0x20) == 'e';
        if (!isalnum((unsigned char)c) && c != '_' && !point && !sign)
            break;
        fraction |= point || power;
        if (c != '_')
            digits[n++] = c;
    }
    digits[n] = 0;
    t->kind = RTOK_NUMBER;
    const char *from = based ? digits + 2 : digits;
    int base = !based ? 10 : (digits[1] | 0x20) == 'x' ? 16 : (digits[1] | 0x20) == 'o' ? 8 : 2;
    if (fraction) {
        t->value = (struct rule_value){.type = TYPE_FLOAT, .f = strtod(digits, &end)};
    } else {
        errno = 0;
        t->value = (struct rule_value){.type = TYPE_INT, .i = strtoll(from, &end, base)};
        if (errno)
            return lexer_error(l, t->at, "this number is too large");
    }
    return (*end == 0 && end != from) || lexer_error(l, t->at, "this is no number");
}

/* ---- the rest */

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool sign(struct lexer *l, struct rule_token *t)
{
    static const char
        *const signs[] = {"&&", "||", "==", "!=", "<=", ">=", "**", "..", "?.", "??", "(", ")",
                          "[",  "]",  "{",  "}",  ",",  ":",  ";",  "?",  ".",  "#",  "|", "!",
                          "<",  ">",  "+",  "-",  "*",  "/",  "%",  "^",  "="}; /* longest first */
    struct str rest = {l->all.p + l->at, l->all.len - l->at};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (str_starts(rest, str_from(signs[i]))) {
            l->at += strlen(signs[i]);
            t->kind = RTOK_SIGN;
            return true;
        }
    size_t n = 1;
    while (n < rest.len && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
        n++;
    return lexer_error(l, l->at, "there is no meaning in \"%.*s\" here", (int)n, rest.p);
}

struct rule_token rule_lexer_next(struct lexer *l)
{
    struct rule_token t = {.kind = RTOK_BAD};
    bool ok = !l->error->message[0] && lexer_blanks(l, '/');
    t.at = l->at;
    char c = lexer_look(l, 0);
    if (!ok) {
        return t;
    } else if (l->at >= l->all.len) {
        t.kind = RTOK_END;
    } else if (c == '"' || c == '\'' || c == '`') {
        ok = text(l, &t);
    } else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)lexer_look(l, 1)))) {
        ok = number(l, &t);
    } else if (in_name(c)) {
        while (l->at < l->all.len && in_name(lexer_look(l, 0)))
            l->at++;
        t.kind = RTOK_NAME;
    } else {
        ok = sign(l, &t);
    }
    if (!ok)
        t.kind = RTOK_BAD;
    t.text = (struct str){l->all.p + t.at, l->at - t.at};
    return t;
}
