/* weir filter: what a filter means in SQL, or what is wrong with it. */
#include "lang/filter.h"
#include "main/commands.h"
#include "main/config.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int usage(FILE *f)
{
    fputs("usage: weir filter [--reverse] [--config FILE] 'EXPR'\n\n"
          "Prints {\"sql\", \"main_table_required\"} for a filter as the console's page takes it, or what is "
          "wrong with\n"
          "it and where.\n\n"
          "  --reverse       for the other direction: source and destination, input and output swapped\n"
          "  --config FILE   with the columns that this configuration enables\n",
          f);
    return f == stdout ? 0 : 2;
}

static bool read_schema(struct schema *s, const char *path, struct err *e)
{
    struct config c;
    bool ok = config_load(&c, path, environ, e);
    if (ok) {
        const struct config_orchestrator *o = config_own(&c, ROLE_ORCHESTRATOR, 0);
        ok = schema_init(s, &o->schema, e);
    }
    config_fini(&c);
    return ok;
}

static int print(const struct schema *s, struct str text, bool reverse)
{
    struct arena a;
    struct lang_error e;
    struct filter f;
    struct buf out;
    arena_init(&a);
    buf_init(&out, 0);
    bool ok = filter_parse(&f, text, s, &a, &e);
    if (ok) {
        filter_sql(&f, reverse, &out);
        json_t *o = json_pack("{s:s%, s:b}", "sql", out.p ? (char *)out.p : "", out.len,
                              "main_table_required", filter_main_only(&f, reverse));
        json_dumpf(o, stdout, 0);
        putchar('\n');
        json_decref(o);
    } else {
        lexer_caret(text, &e, &out);
        fprintf(stderr, "weir filter: line %u, column %u: %s\n%.*s", e.line, e.column, e.message,
                (int)out.len, (char *)out.p);
    }
    buf_fini(&out);
    arena_fini(&a);
    return ok ? 0 : 1;
}

int cmd_filter(int argc, char **argv)
{
    const char *config = NULL, *text = NULL;
    bool reverse = false;
    struct schema s;
    struct err e;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout);
        if (strcmp(argv[i], "--reverse") == 0)
            reverse = true;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            config = argv[++i];
        else if (!text && strncmp(argv[i], "--", 2) != 0)
            text = argv[i];
        else if (!text && strncmp(argv[i], "-- ", 3) == 0) /* a filter that begins with a comment */
            text = argv[i];
        else
            return usage(stderr);
    }
    if (!text)
        return usage(stderr);
    schema_default(&s);
    if (config && !read_schema(&s, config, &e)) {
        fprintf(stderr, "weir filter: %s\n", e.msg);
        return 1;
    }
    return print(&s, str_from(text), reverse);
}
