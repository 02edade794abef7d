/* weir classify: what the rules of a configuration make of an exporter or interface, or of all that the store has seen. */
#include "enrich/classify/preview.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/store_reach.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int usage(FILE *f)
{
    fputs("usage: weir classify --config FILE exporter|interface JSON\n"
          "       weir classify --config FILE --against-store [--data-dir DIR] [--json]\n"
          "       weir classify --functions\n\n"
          "Tries the rules of outlet.core (exporter-classifiers, interface-classifiers) without applying "
          "them.\n\n"
          "  exporter '{\"IP\": \"192.0.2.1\", \"Name\": \"th2-r1.example.fr\"}'\n"
          "  interface '{\"Exporter\": {\"Name\": \"th2-r1\"}, \"Interface\": {\"Index\": 1, \"Name\": "
          "\"Gi0/0/0\",\n"
          "             \"Description\": \"Transit: Cogent\", \"Speed\": 10000, \"VLAN\": 0}}'\n"
          "                    print what is set, each with the rule that did; keys may be left out\n"
          "  --against-store   run them over the exporters and interfaces of the last day, and print what "
          "would be\n"
          "                    different\n"
          "  --data-dir DIR    where the embedded store's password is (default: var)\n"
          "  --json            the difference as JSON\n"
          "  --functions       the functions of rules, as a table in Markdown\n",
          f);
    return f == stdout ? 0 : 2;
}

static int misuse(const char *why, const char *what)
{
    fprintf(stderr, "weir classify: %s%s\n\n", why, what);
    return usage(stderr);
}

static bool complain(const struct err *e)
{
    fprintf(stderr, "weir classify: %s\n", e->msg);
    return false;
}

static bool try_one(const struct classifier *c, const char *scope, const char *text)
{
    struct err e;
    json_error_t je;
    json_t *object = json_loads(text, 0, &je), *shown = NULL;
    if (!object)
        err_set(&e, "this is no JSON: %s", je.text);
    else
        shown = classify_show(c, strcmp(scope, "exporter") == 0 ? RULE_EXPORTER : RULE_INTERFACE, object, &e);
    json_decref(object);
    if (!shown)
        return complain(&e);
    json_dumpf(shown, stdout, JSON_INDENT(2));
    putchar('\n');
    bool ok = !json_object_get(shown, "error");
    json_decref(shown);
    return ok;
}

/* ---- against the store */

static const char *word(json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    return json_is_true(v) ? "yes" : json_is_false(v) ? "no" : json_is_string(v) ? json_string_value(v) : "";
}

static long long number(json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

enum { CELLS = 6, BEFORE = 3, AFTER, CELL_WIDTH = 48 };

struct line {
    const char *cell[CELLS];
    char number[2][24];
};

/* A change is of an exporter or an interface, a kind of change was found so many times. */
static void line_of(json_t *c, struct line *l)
{
    const char *exporter = word(c, "exporter");
    snprintf(l->number[0], sizeof l->number[0], "%lld", number(c, "times"));
    snprintf(l->number[1], sizeof l->number[1], "%.0lld", number(c, "rule"));
    const char *who = json_object_get(c, "times") ? l->number[0]
                      : exporter[0]               ? exporter
                                                  : word(c, "address");
    const char *cells[CELLS] = {
        who, word(c, "interface"), word(c, "attribute"), word(c, "before"), word(c, "after"), l->number[1]};
    memcpy(l->cell, cells, sizeof cells);
}

/* Prints a text's first characters, with a dot for those that would steer the terminal; how many. NULL: only counts. */
static int show(const char *text, int most, FILE *f)
{
    int n = 0;
    for (const char *p = text, *next; *p && n < most; n++, p = next) {
        for (next = p + 1; (*next & 0xc0) == 0x80;)
            next++;
        bool control = (unsigned char)*p < ' ' || *p == 0x7f || (*p == '\xc2' && (p[1] & 0xe0) == 0x80);
        if (f)
            fwrite(control ? "." : p, 1, control ? 1 : (size_t)(next - p), f);
    }
    return n;
}

static void print_line(const struct line *l, const int width[CELLS], bool color)
{
    for (int i = 0, pad = 0; i < CELLS; i++) {
        bool mark = color && (i == BEFORE || i == AFTER);
        if (!width[i])
            continue;
        printf("%*s%s", pad, "", !mark ? "" : i == BEFORE ? "\033[31m" : "\033[32m");
        pad = width[i] - show(l->cell[i], CELL_WIDTH, stdout) + 2;
        fputs(mark ? "\033[m" : "", stdout);
    }
    putchar('\n');
}

/* Changes, or kinds of them; columns without a heading are left out. */
static void print_table(json_t *rows, struct line heading)
{
    const char *plain = getenv("NO_COLOR");
    bool color = isatty(STDOUT_FILENO) && !(plain && plain[0]);
    struct line l;
    int width[CELLS];
    size_t i;
    json_t *row;
    for (int k = 0; k < CELLS; k++)
        width[k] = show(heading.cell[k], CELL_WIDTH, NULL);
    json_array_foreach(rows, i, row)
    {
        line_of(row, &l);
        for (int k = 0, n; k < CELLS; k++)
            width[k] = width[k] && (n = show(l.cell[k], CELL_WIDTH, NULL)) > width[k] ? n : width[k];
    }
    print_line(&heading, width, false);
    json_array_foreach(rows, i, row)
    {
        line_of(row, &l);
        print_line(&l, width, color);
    }
    putchar('\n');
}

static void print_failures(json_t *failures)
{
    size_t i;
    json_t *f;
    json_array_foreach(failures, i, f)
    {
        printf("%s rule %lld fails for %lld: ", word(f, "type"), number(f, "rule"), number(f, "times"));
        show(word(f, "message"), 200, stdout);
        putchar('\n');
    }
}

static void print_changes(json_t *result)
{
    json_t *changes = json_object_get(result, "changes");
    long long changed = number(result, "changed"), shown = (long long)json_array_size(changes);
    if (shown)
        print_table(changes,
                    (struct line){{"EXPORTER", "INTERFACE", "ATTRIBUTE", "BEFORE", "AFTER", "RULE"}});
    if (shown < changed) {
        printf("... and %lld more. What changes, by number:\n\n", changed - shown);
        print_table(json_object_get(result, "kinds"),
                    (struct line){{"TIMES", "", "ATTRIBUTE", "BEFORE", "AFTER", "RULE"}});
    }
    print_failures(json_object_get(result, "failures"));
    printf("%lld exporters, %lld interfaces: %lld values would change\n", number(result, "exporters"),
           number(result, "interfaces"), changed);
    if (json_is_true(json_object_get(result, "more")))
        puts("There are more interfaces than these; the rest was not looked at.");
}

static bool ask(const struct ch_conf *db, struct preview *p, struct err *e)
{
    struct buf answer;
    struct ch *ch = ch_new(db);
    buf_init(&answer, 0);
    bool ok = ch_query(ch, &(struct ch_query){.sql = preview_sql}, &answer, e) == CH_OK;
    struct str rest = buf_str(&answer), line;
    while (ok && str_split(&rest, '\n', &line))
        if (!preview_line(p, line))
            ok = err_set(e, "the store answers with %.*s", line.len > 80 ? 80 : (int)line.len, line.p);
    buf_fini(&answer);
    ch_free(ch);
    return ok;
}

static bool try_all(const struct classifier *c, const char *config, const char *data_dir, bool as_json)
{
    struct err e = {""};
    struct arena a;
    struct store_reach reach;
    arena_init(&a);
    struct preview *p = preview_new(c);
    bool ok = store_reach(&reach, config, data_dir, &a, &e) && ask(&reach.db, p, &e);
    if (ok) {
        json_t *result = preview_result(p);
        if (as_json) {
            json_dumpf(result, stdout, JSON_INDENT(2));
            putchar('\n');
        } else {
            print_changes(result);
        }
        json_decref(result);
    } else {
        store_reach_explain(&reach, &e);
        complain(&e);
    }
    preview_free(p);
    store_reach_fini(&reach);
    arena_fini(&a);
    return ok;
}

static int functions(void)
{
    struct buf b;
    buf_init(&b, 0);
    rule_manual(&b);
    fwrite(b.p, 1, b.len, stdout);
    buf_fini(&b);
    return 0;
}

int cmd_classify(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"against-store", no_argument, NULL, 's'},
                                            {"data-dir", required_argument, NULL, 'd'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"functions", no_argument, NULL, 'f'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL}};
    const char *config = NULL, *data_dir = "var";
    bool against = false, as_json = false;
    for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        switch (o) {
        case 'c':
            config = optarg;
            break;
        case 's':
            against = true;
            break;
        case 'd':
            data_dir = optarg;
            break;
        case 'j':
            as_json = true;
            break;
        case 'f':
            return functions();
        case 'h':
            return usage(stdout);
        default:
            return usage(stderr);
        }
    bool one = argc - optind == 2;
    if (!config)
        return misuse("--config is needed: the file with the rules", "");
    if (against ? optind != argc : !one)
        return misuse("expected either --against-store, or exporter or interface and an object", "");
    if (one && strcmp(argv[optind], "exporter") != 0 && strcmp(argv[optind], "interface") != 0)
        return misuse("expected exporter or interface, not ", argv[optind]);
    struct config loaded;
    struct err e;
    const char *key;
    struct classifier *c = NULL;
    if (config_load(&loaded, config, environ, &e)) {
        const struct config_outlet *outlet = config_own(&loaded, ROLE_OUTLET, 0);
        c = classify_new(&outlet->core, &key, &e);
    }
    bool ok = c ? against ? try_all(c, config, data_dir, as_json) : try_one(c, argv[optind], argv[optind + 1])
                : complain(&e);
    classify_free(c);
    config_fini(&loaded);
    return ok ? 0 : 1;
}
