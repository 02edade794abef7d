/* One function per kind of token; the error is kept at its first setting. */
#include "lang/lexer.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void lexer_init(struct lexer *l, struct str text, struct arena *a, struct lang_error *e)
{
    *l = (struct lexer){.all = text, .arena = a, .error = e};
    *e = (struct lang_error){0};
}

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80; /* not a continuation byte of UTF-8 */
}

bool lexer_error(struct lexer *l, size_t at, const char *fmt, ...)
{
    struct lang_error *e = l->error;
    if (e->message[0])
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);
    e->line = e->column = 1;
    e->offset = 0;
    for (size_t i = 0; i < at && i < l->all.len; i++) {
        char c = l->all.p[i];
        if (!starts_character(c))
            continue;
        e->offset++;
        e->column++;
        if (c == '\n') {
            e->line++;
            e->column = 1;
        }
    }
    return false;
}

void lexer_expected(struct lexer *l, const char *what)
{
    size_t n = strlen(l->error->message);
    if (l->vague)
        snprintf(l->error->message + n, sizeof l->error->message - n, "; expected %s", what);
    l->vague = false;
}

void lexer_caret(struct str text, const struct lang_error *e, struct buf *out)
{
    struct str line = {0};
    for (unsigned n = 0; n < e->line; n++)
        if (!str_split(&text, '\n', &line))
            line = (struct str){0};
    buf_printf(out, "  %.*s\n  ", STR_ARG(line));
    for (size_t i = 0, column = 1; i < line.len && column < e->column; i++)
        if (starts_character(line.p[i])) {
            buf_u8(out, line.p[i] == '\t' ? '\t' : ' '); /* the caret stays below its character */
            column++;
        }
    buf_z(out, "^\n");
}

char lexer_look(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->all.len ? l->all.p[l->at + ahead] : 0;
}

bool lexer_blanks(struct lexer *l, char line)
{
    while (l->at < l->all.len) {
        char c = lexer_look(l, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->at++;
        } else if (c == line && lexer_look(l, 1) == line) {
            while (l->at < l->all.len && lexer_look(l, 0) != '\n')
                l->at++;
        } else if (c == '/' && lexer_look(l, 1) == '*') {
            size_t from = l->at;
            for (l->at += 2; lexer_look(l, 0) != '*' || lexer_look(l, 1) != '/'; l->at++)
                if (l->at >= l->all.len)
                    return lexer_error(l, from, "this comment is not closed: expected */");
            l->at += 2;
        } else {
            break;
        }
    }
    return true;
}

static bool in_word(const struct lexer *l)
{
    char c = lexer_look(l, 0);
    if (c == '/')
        return lexer_look(l, 1) != '*';
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == ':' ||
           (c == '-' && isalnum((unsigned char)lexer_look(l, 1)));
}

static bool string(struct lexer *l, struct token *t)
{
    char quote = lexer_look(l, 0);
    char *value = arena_alloc(l->arena, l->all.len - l->at + 1);
    size_t n = 0;
    for (l->at++; l->at < l->all.len; l->at++) {
        char c = lexer_look(l, 0);
        if (c == quote) {
            l->at++;
            t->kind = TOKEN_STRING;
            t->value = (struct str){value, n};
            return true;
        }
        if (c == '\n')
            break;
        if (c == '\\') {
            if (lexer_look(l, 1) != '\\' && lexer_look(l, 1) != quote)
                return lexer_error(l, l->at, "expected \\ or %c after \\ in a string", quote);
            c = lexer_look(l, 1);
            l->at++;
        }
        value[n++] = c;
    }
    return lexer_error(l, t->at, "this string is not closed: expected %c before the end of the line", quote);
}

static bool sign(struct lexer *l, struct token *t)
{
    static const char *const signs[] = {"!<<", "<<", "<=", ">=", "!=", "=", "<", ">"}; /* longest first */
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        struct str rest = {l->all.p + l->at, l->all.len - l->at};
        if (str_starts(rest, str_from(signs[i]))) {
            l->at += strlen(signs[i]);
            t->kind = TOKEN_SIGN;
            return true;
        }
    }
    size_t n = 1;
    l->vague = true;
    while (l->at + n < l->all.len && !starts_character(l->all.p[l->at + n]))
        n++;
    return lexer_error(l, l->at, "there is no meaning in \"%.*s\" here", (int)n, l->all.p + l->at);
}

struct token lexer_next(struct lexer *l)
{
    struct token t = {.kind = TOKEN_BAD};
    bool ok = !l->error->message[0] && lexer_blanks(l, '-');
    t.at = l->at;
    char c = lexer_look(l, 0);
    if (!ok) {
        return t;
    } else if (l->at >= l->all.len) {
        t.kind = TOKEN_END;
    } else if (c == '(' || c == ')' || c == ',') {
        t.kind = c == '(' ? TOKEN_OPEN : c == ')' ? TOKEN_CLOSE : TOKEN_COMMA;
        l->at++;
    } else if (c == '"' || c == '\'') {
        ok = string(l, &t);
    } else if (c != '/' && c != '-' && in_word(l)) {
        while (l->at < l->all.len && in_word(l))
            l->at++;
        t.kind = TOKEN_WORD;
    } else {
        ok = sign(l, &t);
    }
    if (!ok)
        t.kind = TOKEN_BAD;
    t.text = (struct str){l->all.p + t.at, l->at - t.at};
    return t;
}
