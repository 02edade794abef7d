/* Any bytes as a filter: no crash; what is refused says why and where; quotes of the SQL are always balanced. */
#include "lang/filter.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Outside of literals nothing but what the templates have; inside every quote is escaped. */
static void check_sql(struct str sql)
{
    bool inside = false;
    long parens = 0;
    for (size_t i = 0; i < sql.len; i++) {
        char c = sql.p[i];
        if (inside && c == '\\')
            i++;
        else if (c == '\'')
            inside = !inside;
        else if (!inside && (c == ';' || c == '"' || c == '`' || c == '\n' || c == '-'))
            abort();
        parens += inside ? 0 : (c == '(') - (c == ')');
    }
    if (inside || parens)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct schema s;
    struct arena a;
    struct lang_error e;
    struct filter f;
    schema_default(&s);
    memset(s.enabled, true, sizeof s.enabled);
    arena_init(&a);
    if (filter_parse(&f, (struct str){(const char *)data, len}, &s, &a, &e)) {
        for (int reverse = 0; reverse < 2; reverse++) {
            struct buf sql;
            buf_init(&sql, 0);
            filter_sql(&f, reverse, &sql);
            check_sql(buf_str(&sql));
            buf_fini(&sql);
        }
    } else {
        struct buf b;
        buf_init(&b, 0);
        if (!e.message[0] || !e.line || !e.column || e.offset > len)
            abort();
        lexer_caret((struct str){(const char *)data, len}, &e, &b);
        buf_fini(&b);
    }
    arena_fini(&a);
    return 0;
}
