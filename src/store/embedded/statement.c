/* A lexer that knows blanks, comments, the quotings and words; and two walks over what it yields. */
#include "store/embedded/statement.h"
#include <ctype.h>

enum kind { END, WORD, QUOTED, PUNCT };

struct token {
    enum kind kind;
    struct str s;
};

static bool is_word(char c)
{
    return c == '_' || c == '$' || isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Behind blanks and comments. */
static const char *skip(const char *p, const char *end)
{
    for (;;) {
        while (p < end && isspace((unsigned char)*p))
            p++;
        if (end - p >= 2 && p[0] == '/' && p[1] == '*') {
            const char *close = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
            p = close ? close + 2 : end;
        } else if ((end - p >= 2 && p[0] == '-' && p[1] == '-') ||
                   (end - p >= 2 && p[0] == '#' && (p[1] == '!' || p[1] == ' '))) {
            const char *nl = memchr(p, '\n', (size_t)(end - p));
            p = nl ? nl + 1 : end;
        } else {
            return p;
        }
    }
}

/* From the opening quote to behind the closing one; both \' and '' stay inside. */
static const char *quoted(const char *p, const char *end)
{
    char q = *p++;
    while (p < end) {
        if (*p == '\\' && end - p >= 2)
            p += 2;
        else if (*p == q && end - p >= 2 && p[1] == q)
            p += 2;
        else if (*p++ == q)
            return p;
    }
    return end;
}

static struct token next_token(const char **at, const char *end)
{
    const char *p = skip(*at, end), *from = p;
    struct token t = {END, {p, 0}};
    if (p < end && (*p == '\'' || *p == '"' || *p == '`')) {
        p = quoted(p, end);
        t.kind = QUOTED;
    } else if (p < end && is_word(*p)) {
        while (p < end && is_word(*p))
            p++;
        t.kind = WORD;
    } else if (p < end) {
        p++;
        t.kind = PUNCT;
    }
    t.s.len = (size_t)(p - from);
    *at = p;
    return t;
}

static bool is(struct token t, const char *word)
{
    return t.kind == WORD && str_eq_nocase(t.s, str_from(word));
}

static bool punct(struct token t, char c)
{
    return t.kind == PUNCT && *t.s.p == c;
}

static int depth_after(int depth, struct token t)
{
    if (punct(t, '(') || punct(t, '[') || punct(t, '{'))
        return depth + 1;
    return depth - (punct(t, ')') || punct(t, ']') || punct(t, '}'));
}

/* Rows begin behind the blanks of the format's line, and its end. */
static struct str rows_from(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\f'))
        p++;
    if (p < end && *p == '\r')
        p++;
    if (p < end && *p == '\n')
        p++;
    return (struct str){p, (size_t)(end - p)};
}

/* True when the text is an INSERT with rows of its own. */
static bool parse_insert(const char *p, const char *end, struct statement *out)
{
    const char *start = p = skip(p, end);
    struct token t = next_token(&p, end);
    int depth = 0;
    if (!is(t, "INSERT"))
        return false;
    do {
        const char *before = p;
        t = next_token(&p, end);
        depth = depth_after(depth, t);
        if (depth > 0 || t.kind == QUOTED)
            continue;
        if (is(t, "SELECT") || is(t, "WITH") || is(t, "FROM") || is(t, "WATCH"))
            return false;
        if (is(t, "VALUES")) {
            out->format = STR("Values");
            out->rows = (struct str){p, (size_t)(end - p)};
        } else if (is(t, "FORMAT")) {
            t = next_token(&p, end);
            out->format = t.s;
            out->rows = rows_from(p, end);
        } else if (t.kind != END && !punct(t, ';')) {
            continue;
        }
        out->kind = STATEMENT_INSERT;
        out->head = str_trim((struct str){start, (size_t)(before - start)});
        return true;
    } while (t.kind != END);
    return false;
}

void statement_parse(struct str text, struct statement *out)
{
    const char *p = text.p, *end = text.p + text.len;
    *out = (struct statement){.head = str_trim(text)};
    if (parse_insert(p, end, out))
        return;
    struct token a = {END, {0}}, b = {END, {0}}, c = next_token(&p, end);
    int depth = 0;
    out->selects = is(c, "SELECT") || is(c, "WITH") || is(c, "FROM") || punct(c, '(');
    p = text.p;
    /* FORMAT Name, then the end, SETTINGS or INTO: anything else is a column of that name */
    do {
        c = next_token(&p, end);
        depth = depth_after(depth, c);
        if (depth == 0 && is(a, "FORMAT") && b.kind == WORD &&
            (c.kind == END || punct(c, ';') || is(c, "SETTINGS") || is(c, "INTO")))
            out->format = b.s;
        a = b;
        b = c;
    } while (c.kind != END);
}

bool statement_streamable(struct str format)
{
    static const char *const names[] = {"Native",
                                        "RowBinary",
                                        "TabSeparated",
                                        "TSV",
                                        "TabSeparatedRaw",
                                        "TSVRaw",
                                        "Raw",
                                        "CSV",
                                        "TSKV",
                                        "JSONEachRow",
                                        "JSONLines",
                                        "NDJSON",
                                        "JSONCompactEachRow",
                                        "JSONStringsEachRow",
                                        "JSONCompactStringsEachRow",
                                        "LineAsString"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(format, str_from(names[i])))
            return true;
    return false;
}

const char *statement_content_type(struct str f)
{
    static const struct {
        const char *start, *type;
    } rows[] = {
        {"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
        {"JSONLines", "application/x-ndjson; charset=UTF-8"},
        {"NDJSON", "application/x-ndjson; charset=UTF-8"},
        {"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
        {"JSON", "application/json; charset=UTF-8"},
        {"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
        {"TSV", "text/tab-separated-values; charset=UTF-8"},
        {"CSV", "text/csv; charset=UTF-8; header=absent"},
        {"Pretty", "text/plain; charset=UTF-8"},
        {"Vertical", "text/plain; charset=UTF-8"},
        {"Values", "text/plain; charset=UTF-8"},
        {"TSKV", "text/plain; charset=UTF-8"},
        {"Markdown", "text/markdown; charset=UTF-8"},
        {"XML", "application/xml; charset=UTF-8"},
        {"Prometheus", "text/plain; version=0.0.4; charset=UTF-8"},
    };
    if (str_starts(f, STR("CSVWithNames")))
        return "text/csv; charset=UTF-8; header=present";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_starts(f, str_from(rows[i].start)))
            return rows[i].type;
    return "application/octet-stream";
}
