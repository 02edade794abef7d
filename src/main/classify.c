/* weir classify: what the rules of a configuration make of an exporter or interface, or of all that the store has seen. */
#include "enrich/classify/preview.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/store_reach.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
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

static void print_changes(json_t *result)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(result, "changes"), i, c)
    {
        const char *exporter = word(c, "exporter"), *interface = word(c, "interface");
        printf("%s%s%s: %s \"%s\" -> \"%s\"", exporter[0] ? exporter : word(c, "address"),
               interface[0] ? " " : "", interface, word(c, "attribute"), word(c, "before"), word(c, "after"));
        json_t *rule = json_object_get(c, "rule");
        if (rule)
            printf(" (rule %lld)", (long long)json_integer_value(rule));
        putchar('\n');
    }
    json_int_t changed = json_integer_value(json_object_get(result, "changed"));
    if ((json_int_t)i < changed)
        printf("... and %lld more\n", (long long)changed - (long long)i);
    json_array_foreach(json_object_get(result, "failures"), i, c)
        printf("%s rule %lld fails for %lld: %s\n", word(c, "type"),
               (long long)json_integer_value(json_object_get(c, "rule")),
               (long long)json_integer_value(json_object_get(c, "times")), word(c, "message"));
    printf("%lld exporters, %lld interfaces: %lld values would change\n",
           (long long)json_integer_value(json_object_get(result, "exporters")),
           (long long)json_integer_value(json_object_get(result, "interfaces")), (long long)changed);
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
