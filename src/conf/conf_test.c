/* YAML to structs and back: values, positions, includes, bounds, environment, dump, differences, manual. */
#include "conf/env.h"
#include "conf/load.h"
#include "conf/manual.h"
#include "conf/shared.h"
#include "conf/show.h"
#include "conf/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- a table with one row of each kind ---- */

enum color { RED, GREEN };
static const struct opt_choice colors[] = {{"red", RED, ""}, {"dark-green", GREEN, ""}, {NULL}};

struct net {
    const char *name, *role;
};
static bool net_from_scalar(void *conf, struct str value, struct arena *a, struct err *e)
{
    ((struct net *)conf)->name = arena_z(a, value);
    return true;
}
static const struct opt net_rows[] = {
    {"name", OPT_STRING, OPT_AT(struct net, name)},
    {"role", OPT_STRING, OPT_AT(struct net, role), .def = "none"},
};
static const struct opt_table net_table =
    OPT_TABLE("net", struct net, net_rows, .from_scalar = net_from_scalar);

struct input {
    const char *type, *listen;
    uint64_t workers;
    struct opt_list paths;
};
static const struct opt input_rows[] = {
    {"type", OPT_STRING, OPT_AT(struct input, type), .flags = OPT_REQUIRED},
    {"listen", OPT_STRING, OPT_AT(struct input, listen), .def = ":0", .only = "udp"},
    {"workers", OPT_UINT, OPT_AT(struct input, workers), .def = "1", .min = 1, .max = 256, .only = "udp"},
    {"paths", OPT_LIST, OPT_AT(struct input, paths), .item = OPT_STRING, .only = "file",
     .flags = OPT_REQUIRED},
};
static const struct opt_table input_table = OPT_TABLE("input", struct input, input_rows);

struct all {
    bool yes;
    int64_t number;
    uint64_t count, time, size, share;
    double ratio;
    const char *text, *secret, *url;
    int color;
    struct tls_conf tls;
    struct opt_list inputs, names;
    struct opt_map asns;
    struct opt_subnetmap rate, nets;
    struct conf_reporting reporting;
};
static bool all_check(const void *conf, const char **bad, struct err *e)
{
    const struct all *c = conf;
    *bad = "count";
    return c->count != 13 || err_set(e, "13 is bad luck");
}
static const struct opt all_rows[] = {
    {"yes", OPT_BOOL, OPT_AT(struct all, yes), .def = "true", .flags = OPT_RELOAD},
    {"number", OPT_INT, OPT_AT(struct all, number), .def = "-5"},
    {"count", OPT_UINT, OPT_AT(struct all, count), .def = "7", .max = 100, .aka = "old-count"},
    {"max-time", OPT_DURATION, OPT_AT(struct all, time), .def = "1h30m", .min = 1000000000,
     .max = 86400000000000000},
    {"size", OPT_SIZE, OPT_AT(struct all, size), .def = "10MiB"},
    {"share", OPT_SIZE, OPT_AT(struct all, share), .def = "80%", .flags = OPT_ALLOW_PERCENT},
    {"ratio", OPT_FLOAT, OPT_AT(struct all, ratio), .def = "0.1"},
    {"text", OPT_STRING, OPT_AT(struct all, text), .def = "a b"},
    {"secret", OPT_SECRET, OPT_AT(struct all, secret)},
    {"url", OPT_STRING, OPT_AT(struct all, url), .flags = OPT_URL},
    {"color", OPT_ENUM, OPT_AT(struct all, color), .def = "red", .choices = colors},
    {"tls", OPT_STRUCT, OPT_AT(struct all, tls), .sub = &tls_table, .def = "{ca-file: /ca.pem}"},
    {"inputs", OPT_LIST, OPT_AT(struct all, inputs), .item = OPT_STRUCT, .sub = &input_table,
     .def = "[{type: udp, listen: ':2055'}, {type: udp, listen: ':6343'}]"},
    {"names", OPT_LIST, OPT_AT(struct all, names), .item = OPT_STRING},
    {"asns", OPT_MAP, OPT_AT(struct all, asns), .item = OPT_STRING, .def = "{64501: one}"},
    {"rate", OPT_SUBNETMAP, OPT_AT(struct all, rate), .item = OPT_UINT},
    {"nets", OPT_SUBNETMAP, OPT_AT(struct all, nets), .item = OPT_STRUCT, .sub = &net_table,
     .flags = OPT_LATER},
    {"reporting", OPT_STRUCT, OPT_AT(struct all, reporting), .sub = &conf_reporting_table},
    {"gone", OPT_STRING, 0, .flags = OPT_OLD, .help = "use text"},
};
static const struct opt_table all_table = OPT_TABLE("all", struct all, all_rows, .check = all_check);

struct world {
    struct arena a;
    struct conf_report r;
    struct all c;
};

static struct opt_how how_of(struct world *w)
{
    return (struct opt_how){.arena = &w->a, .report = &w->r};
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    arena_init(&w->a);
    conf_report_init(&w->r);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    conf_report_fini(&w->r);
    arena_fini(&w->a);
    free(w);
    return 0;
}

static bool load(struct world *w, const char *text)
{
    struct yaml *y = yaml_text(str_from(text), "f.yaml", &w->a, &w->r);
    struct opt_how how = how_of(w);
    return y && opt_load(&all_table, y, &w->c, "", &how);
}

static const char *errors(struct world *w)
{
    return arena_z(&w->a, buf_str(&w->r.errors));
}

static const char *notices(struct world *w)
{
    return arena_z(&w->a, buf_str(&w->r.notices));
}

/* ---- values ---- */

static void durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"0", 0},
                {"15d", 1296000000000000},
                {"1h30m", 5400000000000},
                {"1.5h", 5400000000000},
                {"500ms", 500000000},
                {"2w", 1209600000000000},
                {"1us", 1000},
                {"1\u00b5s", 1000},
                {"3ns", 3},
                {"1m0s", 60000000000},
                {"1h0m0s", 3600000000000},
                {"0.1s", 100000000}};
    static const char *const bad[] = {"", "5", "h", "1x", "-5s", "1h 30m", "99999999w", "1h30", "5 s", "."};
    uint64_t ns;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(value_duration(str_from(good[i].text), &ns));
        assert_int_equal(ns, good[i].ns);
        struct buf b;
        buf_init(&b, 0);
        value_duration_add(&b, ns);
        uint64_t again;
        assert_true(value_duration(buf_str(&b), &again) && again == ns);
        buf_fini(&b);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(value_duration(str_from(bad[i]), &ns));
}

static void sizes(void **state)
{
    uint64_t n;
    assert_true(value_size(STR("10MiB"), false, &n) && n == 10 << 20);
    assert_true(value_size(STR("1.5 GiB"), false, &n) && n == 3u << 29);
    assert_true(value_size(STR("4GB"), false, &n) && n == 4000000000u);
    assert_true(value_size(STR("65536"), false, &n) && n == 65536);
    assert_true(value_size(STR("80%"), true, &n) && n == (OPT_PERCENT | 80));
    assert_false(value_size(STR("80%"), false, &n));
    assert_false(value_size(STR("101%"), true, &n));
    assert_false(value_size(STR("10 miles"), false, &n));
    assert_false(value_size(STR("99999999TiB"), false, &n));
}

/* ---- loading ---- */

static void defaults_hold(void **state)
{
    struct world *w = *state;
    assert_true(load(w, ""));
    assert_true(w->c.yes);
    assert_int_equal(w->c.number, -5);
    assert_int_equal(w->c.time, 5400000000000);
    assert_int_equal(w->c.share, OPT_PERCENT | 80);
    assert_string_equal(w->c.text, "a b");
    assert_string_equal(w->c.secret, "");
    assert_string_equal(w->c.tls.ca_file, "/ca.pem");
    assert_string_equal(w->c.tls.key_file, "");
    assert_int_equal(w->c.inputs.n, 2);
    assert_string_equal(OPT_ITEM(w->c.inputs, struct input, 1)->listen, ":6343");
    assert_int_equal(OPT_ITEM(w->c.inputs, struct input, 1)->workers, 1);
    assert_int_equal(w->c.reporting.logging.level, 1);
}

static void every_kind_loads(void **state)
{
    struct world *w = *state;
    assert_true(load(w,
                     "YES: no\nnumber: -12\nCount: 0x10\nmaxtime: 2d\nsize: 64KiB\nshare: 1GiB\nratio: 2.5\n"
                     "text: \"x: y\"\nsecret: s3\ncolor: DarkGreen\ntls: {enable: true}\n"
                     "inputs:\n  - type: file\n    paths: /one\n  - {type: UDP, workers: 3}\n"
                     "names: alone\nasns: {64502: two}\nrate: 1000\n"
                     "nets: {10.0.0.0/8: ten, 2001:db8::/32: {name: six, role: r}, 10.1.0.0/16: sub}\n"));
    const struct all *c = &w->c;
    assert_false(c->yes);
    assert_int_equal(c->number, -12);
    assert_int_equal(c->count, 16);
    assert_int_equal(c->size, 65536);
    assert_int_equal(c->share, 1 << 30);
    assert_true(c->ratio == 2.5);
    assert_string_equal(c->text, "x: y");
    assert_int_equal(c->color, GREEN);
    assert_true(c->tls.enable);
    assert_string_equal(c->tls.ca_file, "/ca.pem"); /* sections merge with defaults */
    assert_int_equal(c->inputs.n, 2);               /* lists replace them */
    assert_string_equal(*OPT_ITEM(OPT_ITEM(c->inputs, struct input, 0)->paths, const char *, 0), "/one");
    assert_int_equal(OPT_ITEM(c->inputs, struct input, 1)->workers, 3);
    assert_int_equal(c->names.n, 1);
    assert_int_equal(c->asns.n, 2); /* maps merge */
    assert_string_equal(c->asns.keys[1], "64502");
    struct ip v4 = {0}, v6 = {0}, other = {0};
    assert_true(ip_parse(STR("10.1.2.3"), &v4) && ip_parse(STR("2001:db8::1"), &v6) &&
                ip_parse(STR("::1"), &other));
    assert_int_equal(*OPT_ITEM(c->rate, uint64_t, opt_subnetmap_find(&c->rate, v4)), 1000);
    assert_string_equal(OPT_ITEM(c->nets, struct net, opt_subnetmap_find(&c->nets, v4))->name, "sub");
    assert_string_equal(OPT_ITEM(c->nets, struct net, opt_subnetmap_find(&c->nets, v6))->role, "r");
    assert_int_equal(opt_subnetmap_find(&c->nets, other), -1);
    assert_non_null(strstr(notices(w), "f.yaml:19:1: nets: not in use yet"));
}

/* A section may stand in the place of a map, for all addresses: that is not what a mistyped prefix means. */
static void a_key_like_a_prefix_is_one(void **state)
{
    static const char *const bad[] = {"192.0.2.300/24", "192.0.2.0/33", "2001:db8::/129", "10/8"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64], want[64];
        snprintf(text, sizeof text, "nets: {'%s': x}\n", bad[i]);
        snprintf(want, sizeof want, "nets: \"%s\" is no address or prefix\n", bad[i]);
        assert_false(load(w, text));
        assert_non_null(strstr(errors(w), want));
    }
    assert_false(load(w, "nets: {naem: x}\n"));
    assert_non_null(strstr(errors(w), "nets.naem: unknown key"));
}

static void errors_are_said_all_at_once_with_place_and_guess(void **state)
{
    struct world *w = *state;
    assert_false(load(w, "colour: red\ncount: 101\nmax-time: 5\n"
                         "inputs:\n  - type: udp\n    listn: x\n  - type: file\n    listen: y\n"
                         "color: dark-gren\nnames: {a: b}\ntls: yes\nwhatever: 1\n"));
    const char *e = errors(w);
    assert_non_null(strstr(e, "f.yaml:1:1: colour: unknown key; did you mean \"color\"?\n"));
    assert_non_null(strstr(e, "f.yaml:2:8: count: must be between 0 and 100, not 101\n"));
    assert_non_null(
        strstr(e, "f.yaml:3:11: max-time: wants a duration with its unit, such as 15d, 1h30m or 500ms, "
                  "not \"5\"\n"));
    assert_non_null(strstr(e, "f.yaml:6:5: inputs[0].listn: unknown key; did you mean \"listen\"?\n"));
    assert_non_null(strstr(e, "f.yaml:8:5: inputs[1].listen: this key is only for type udp\n"));
    assert_non_null(strstr(e, "inputs[1].paths: this key is required\n"));
    assert_non_null(
        strstr(e, "f.yaml:9:8: color: must be one of red, dark-green, not \"dark-gren\"; did you mean "
                  "\"dark-green\"?\n"));
    assert_non_null(strstr(e, "names: wants text, not a map\n"));
    assert_non_null(strstr(e, "tls: wants a map of keys and values, not a single value\n"));
    assert_non_null(strstr(e, "f.yaml:12:1: whatever: unknown key\n"));
    assert_int_equal(w->r.n_errors, 10);
    struct err err;
    assert_false(conf_report_err(&w->r, &err));
    assert_true(strlen(err.msg) < sizeof err.msg && strstr(err.msg, "f.yaml:1:1"));
}

static void cross_checks_point_at_the_key(void **state)
{
    struct world *w = *state;
    assert_false(load(w, "text: a\ncount: 13\n"));
    assert_string_equal(errors(w), "f.yaml:2:1: count: 13 is bad luck\n");
}

static void old_names_and_keys_are_accepted_with_a_notice(void **state)
{
    struct world *w = *state;
    assert_true(load(w, "old-count: 3\ngone: [1, 2]\n"));
    assert_int_equal(w->c.count, 3);
    assert_string_equal(notices(w), "f.yaml:1:1: old-count: old name of \"count\"\n"
                                    "f.yaml:2:1: gone: old key, without effect: use text\n");
}

static void a_key_twice_is_refused(void **state)
{
    struct world *w = *state;
    assert_false(load(w, "max-time: 5s\nmaxTime: 6s\n"));
    assert_non_null(
        strstr(errors(w), "f.yaml:2:1: max-time: this key is here twice; the first is on line 1"));
}

/* ---- YAML ---- */

static void anchors_merge_and_hidden_keys(void **state)
{
    struct world *w = *state;
    assert_true(
        load(w, ".base: &base\n  type: udp\n  workers: 9\n.l: &l {listen: ':1', workers: 2}\n"
                "inputs:\n  - <<: *base\n    listen: ':5'\n  - <<: [*l, *base]\n  - *base\nnames: [.x]\n"));
    const struct input *in = w->c.inputs.items;
    assert_int_equal(in[0].workers, 9);
    assert_string_equal(in[0].listen, ":5");
    assert_int_equal(in[1].workers, 2);
    assert_string_equal(in[1].type, "udp");
    assert_int_equal(in[2].workers, 9);
}

static void bad_yaml_is_said_with_its_place(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"a: [1, 2\nb: 3\n", "f.yaml:3:1: flow sequence without"},
        {"a: 1\nb: c: d\n", "f.yaml:2:5: "},
        {"text: *nothing\n", "there is no anchor \"nothing\""},
        {"text: &a [*a]\n", "there is no anchor \"a\""},
        {"a: 1\na: 2\n", "f.yaml:2:1: key \"a\" is here twice; the first is on line 1"},
        {"[a]: 1\n", "a key must be plain text"},
        {"- a\n- b\n", "a configuration is a map"},
        {"a: 1\n---\nb: 1\n", "more than one YAML document"},
        {"a: 1\n%atio:\xd8"
         "1e-3\nb: 1\n",
         "f.yaml:2:7: not YAML: not UTF-8"},
        {"text: !include x.yaml\n", "f.yaml:1:"},
        {"text: !binary x\n", "unknown tag"},
        {"text: {<<: 3}\n", "<< wants a map"},
        {"a: \"\\q\"\n", "f.yaml:1:"},
        {"\t- x\n", "f.yaml:"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a;
        struct conf_report r;
        arena_init(&a);
        conf_report_init(&r);
        assert_null(yaml_text(str_from(bad[i].text), "f.yaml", &a, &r));
        const char *said = arena_z(&a, buf_str(&r.errors));
        if (!strstr(said, bad[i].says))
            fail_msg("%s -> %s", bad[i].text, said);
        conf_report_fini(&r);
        arena_fini(&a);
    }
}

static void bombs_are_refused_quickly(void **state)
{
    struct world *w = *state;
    struct buf b;
    buf_init(&b, 0);
    buf_z(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        buf_printf(&b, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&b, "%s*a%d", j ? ", " : "", i - 1);
        buf_z(&b, "]\n");
    }
    assert_null(yaml_text(buf_str(&b), "f.yaml", &w->a, &w->r));
    assert_non_null(strstr(errors(w), "too many values"));
    buf_reset(&b);
    for (int i = 0; i < 10000; i++)
        buf_z(&b, "[");
    assert_null(yaml_text(buf_str(&b), "f.yaml", &w->a, &w->r));
    assert_int_equal(w->r.n_errors, 2);
    buf_fini(&b);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct yaml *read_in(struct world *w, const char *dir, const char *name, struct yaml_files *files)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    *files = (struct yaml_files){0};
    return yaml_file(path, &w->a, files, &w->r);
}

static void includes(void **state)
{
    struct world *w = *state;
    struct yaml_files files;
    char dir[] = "/tmp/weir-conf-XXXXXX", sub[64];
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/sub", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_file(dir, "main.yaml", "inputs: !include \"sub/inputs.yaml\"\ntext: after\n");
    /* also relative to the main file, not to the one that includes */
    write_file(sub, "inputs.yaml", "- type: udp\n  listn: 1\n- !include sub/one.yaml\n");
    write_file(sub, "one.yaml", "type: file\npaths: [/x]\n");
    struct yaml *y = read_in(w, dir, "main.yaml", &files);
    assert_non_null(y);
    assert_int_equal(files.n, 3);
    struct opt_how how = how_of(w);
    assert_false(opt_load(&all_table, y, &w->c, "", &how));
    char want[128];
    snprintf(want, sizeof want, "%s/sub/inputs.yaml:2:3: inputs[0].listn: unknown key", dir);
    assert_non_null(strstr(errors(w), want));
    assert_int_equal(w->r.n_errors, 1);

    write_file(dir, "round.yaml", "a: !include round2.yaml\n");
    write_file(dir, "round2.yaml", "a: !include round.yaml\n");
    assert_null(read_in(w, dir, "round.yaml", &files));
    assert_non_null(strstr(errors(w), "round2.yaml:1:13: !include goes round in a circle"));
    write_file(dir, "missing.yaml", "a: 1\nb: !include nowhere.yaml\n");
    assert_null(read_in(w, dir, "missing.yaml", &files));
    assert_non_null(strstr(errors(w), "nowhere.yaml: No such file or directory"));
    char link_path[600];
    snprintf(link_path, sizeof link_path, "%s/link.yaml", dir);
    assert_int_equal(symlink("sub/one.yaml", link_path), 0);
    assert_non_null(read_in(w, dir, "link.yaml", &files));
    assert_int_equal(files.n, 2); /* both folders are to be watched */
    assert_null(yaml_file("/nonexistent.yaml", &w->a, NULL, &w->r));
    assert_null(yaml_file("/dev/zero", &w->a, NULL, &w->r));
    assert_non_null(strstr(errors(w), "/dev/zero is larger than a configuration can be"));
    snprintf(sub, sizeof sub, "rm -r %s", dir);
    assert_int_equal(system(sub), 0);
}

/* ---- environment ---- */

static void environment_overrides(void **state)
{
    struct world *w = *state;
    char *const env[] = {"WEIR_CFG_X_INPUTS_0_WORKERS=5",
                         "WEIR_CFG_X_NAMES=a, b,c",
                         "AKVORADO_CFG_X_COUNT=4",
                         "WEIR_CFG_X_COUNT=5",
                         "WEIR_CFG_X_TLS_CAFILE=/e.pem",
                         "WEIR_CFG_Y_COUNT=77",
                         "WEIR_CFG_X_ASNS_64999=env",
                         "WEIR_CFG_X_INPUTS_1_TYPE=udp",
                         "OTHER=1",
                         "WEIR_CFG_X_INPUTS_1_LISTEN=:99",
                         "WEIR_CFG_X_RATE={10.0.0.0/8: 3}",
                         "WEIR_CFG_X_TEXT=",
                         NULL};
    struct yaml *y =
        yaml_text(STR("inputs: &i [{type: udp, workers: 2}]\nnames: *i\n"), "f.yaml", &w->a, &w->r);
    assert_true(env_apply(&all_table, &y, "x", env, &w->a, &w->r));
    struct opt_how how = how_of(w);
    assert_true(opt_load(&all_table, y, &w->c, "", &how));
    assert_int_equal(OPT_ITEM(w->c.inputs, struct input, 0)->workers, 5);
    assert_string_equal(OPT_ITEM(w->c.inputs, struct input, 1)->listen, ":99");
    assert_int_equal(w->c.names.n, 3);
    assert_string_equal(*OPT_ITEM(w->c.names, const char *, 1), "b");
    assert_int_equal(w->c.count, 5);
    assert_string_equal(w->c.tls.ca_file, "/e.pem");
    assert_string_equal(w->c.asns.keys[1], "64999");
    assert_int_equal(w->c.rate.n, 1);
    assert_string_equal(w->c.text, "");
}

static void environment_errors_name_the_variable(void **state)
{
    struct world *w = *state;
    char *const env[] = {"WEIR_CFG_X_COUNTT=5", "WEIR_CFG_X_INPUTS_3_TYPE=udp", "WEIR_CFG_X_COUNT_A=1",
                         "WEIR_CFG_X_COUNT=many", NULL};
    struct yaml *y = yaml_text(STR(""), "f.yaml", &w->a, &w->r);
    env_apply(&all_table, &y, "x", env, &w->a, &w->r);
    struct opt_how how = how_of(w);
    assert_false(opt_load(&all_table, y, &w->c, "", &how));
    const char *e = errors(w);
    assert_non_null(
        strstr(e, "environment variable WEIR_CFG_X_COUNTT: countt: unknown key; did you mean \"count\"?"));
    assert_non_null(strstr(e, "environment variable WEIR_CFG_X_INPUTS_3_TYPE: there are only 0 items"));
    assert_non_null(strstr(e, "environment variable WEIR_CFG_X_COUNT_A: \"A\" leads nowhere"));
    assert_non_null(strstr(e, "environment variable WEIR_CFG_X_COUNT: count: wants a whole number"));
}

/* ---- showing ---- */

static const char *shown(struct world *w, const void *c, unsigned flags)
{
    struct buf b;
    buf_init(&b, 0);
    opt_show(&all_table, c, flags, &b);
    const char *z = arena_z(&w->a, buf_str(&b));
    buf_fini(&b);
    return z;
}

static void what_is_shown_loads_back(void **state)
{
    struct world *w = *state;
    assert_true(load(
        w,
        "text: \"q\\\"u\\\\o: #t\\n\\x01é ~\"\nsecret: 'p w'\nratio: 0.30000000000000004\nmax-time: 36h1ns\n"
        "share: 33%\nsize: 12345\nnames: ['', 'null', 'a b', '-', '*x', '!y', '1.5', 'yes']\n"
        "nets: {10.0.0.0/8: {name: x}, '::/0': all}\nasns: {'a: b': '#'}\n"
        "inputs: [{type: file, paths: []}, {type: udp}]\ncolor: dark-green\nrate: {}\n"));
    const char *text = shown(w, &w->c, SHOW_SECRETS);
    struct all again, first = w->c;
    assert_true(load(w, text));
    again = w->c;
    assert_string_equal(shown(w, &again, SHOW_SECRETS), text);
    assert_string_equal(again.text, "q\"u\\o: #t\n\x01é ~");
    assert_true(again.ratio == 0.30000000000000004);
    struct opt_change ch;
    opt_change_init(&ch);
    opt_diff(&all_table, &first, &again, "", &ch);
    assert_int_equal(ch.n_restart + ch.n_live, 0);
    opt_change_fini(&ch);
}

static void secrets_are_not_shown(void **state)
{
    struct world *w = *state;
    assert_true(load(w, "secret: hunter2\n"));
    assert_null(strstr(shown(w, &w->c, 0), "hunter2"));
    assert_non_null(strstr(shown(w, &w->c, 0), "secret: \"***\"\n"));
    assert_string_equal(shown(w, &w->c, SHOW_CHANGED | SHOW_SECRETS), "secret: hunter2\n");
    static const char *const urls[][2] = {
        {"http://me:a@b@h.example/x@y", "\"http://***@h.example/x@y\""},
        {"socks5://me@[2001:db8::1]:8", "\"socks5://***@[2001:db8::1]:8\""},
        {"me:secret@h.example:8", "\"***@h.example:8\""},
        {"me:secret@h.example/?to=http://x", "\"***@h.example/?to=http://x\""},
        {"http://h.example?q=a@b", "\"http://h.example?q=a@b\""}};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char text[128], want[128];
        snprintf(text, sizeof text, "url: '%s'\n", urls[i][0]);
        snprintf(want, sizeof want, "url: %s\n", urls[i][1]);
        assert_true(load(w, text));
        assert_string_equal(shown(w, &w->c, SHOW_CHANGED), want);
        assert_non_null(strstr(shown(w, &w->c, SHOW_SECRETS), urls[i][0]));
    }
}

static void differences_name_what_needs_a_restart(void **state)
{
    struct world *w = *state;
    struct all a;
    assert_true(load(w, "yes: true\n"));
    a = w->c;
    assert_true(load(w, "yes: false\ntls: {enable: true}\ninputs: []\nnets: {1.2.3.4: x}\n"
                        "reporting: {logging: {level: debug}}\n"));
    struct opt_change ch;
    opt_change_init(&ch);
    opt_diff(&all_table, &a, &w->c, "inlet", &ch);
    assert_string_equal(arena_z(&w->a, buf_str(&ch.restart)), "inlet.tls.enable, inlet.inputs");
    assert_int_equal(ch.n_live, 2);
    opt_change_fini(&ch);
}

static void manual_and_schema_tell_all_keys(void **state)
{
    struct world *w = *state;
    struct buf b;
    buf_init(&b, 0);
    opt_manual(&all_table, &b);
    const char *m = arena_z(&w->a, buf_str(&b));
    assert_non_null(strstr(m, "| `max-time` | duration | `1h30m` |"));
    assert_non_null(strstr(m, "one of `red`, `dark-green`"));
    buf_fini(&b);
    json_t *s = opt_schema(&all_table, "all");
    const char *kind = NULL;
    assert_int_equal(json_unpack(s, "{s:{s:{s:s}}}", "properties", "yes", "type", &kind), 0);
    assert_string_equal(kind, "boolean");
    assert_non_null(json_object_get(json_object_get(s, "properties"), "old-count"));
    json_decref(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        TEST(defaults_hold),
        TEST(every_kind_loads),
        TEST(a_key_like_a_prefix_is_one),
        TEST(errors_are_said_all_at_once_with_place_and_guess),
        TEST(cross_checks_point_at_the_key),
        TEST(old_names_and_keys_are_accepted_with_a_notice),
        TEST(a_key_twice_is_refused),
        TEST(anchors_merge_and_hidden_keys),
        cmocka_unit_test(bad_yaml_is_said_with_its_place),
        TEST(bombs_are_refused_quickly),
        TEST(includes),
        TEST(environment_overrides),
        TEST(environment_errors_name_the_variable),
        TEST(what_is_shown_loads_back),
        TEST(secrets_are_not_shown),
        TEST(differences_name_what_needs_a_restart),
        TEST(manual_and_schema_tell_all_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
