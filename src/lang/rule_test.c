#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lang/rule.h"

static const struct rule_subject subject = {.exporter_ip = {"192.0.2.7", 9},
                                            .exporter_name = {"th2-ncs55a1-1.example.fr", 24},
                                            .name = {"Gi0/0/0/1", 9},
                                            .description = {"Transit: Cogent 1-3834938493", 28},
                                            .index = 10,
                                            .speed = 10000,
                                            .vlan = 42};

static struct rule_vm *vm;
static char shown[512];

/* What the expression makes, as text; "!" and the message when it fails, "line:column message" when it is refused. */
static const char *value(const char *expression)
{
    struct arena a;
    struct lang_error e;
    struct rule_outcome o;
    const char *why;
    char *text;
    if (asprintf(&text, "SetDescription(string(%s))", expression) < 0)
        abort();
    arena_init(&a);
    struct rule *r = rule_compile(str_from(text), RULE_BOTH, &a, &e);
    rule_begin(vm, &subject, &o);
    if (!r)
        snprintf(shown, sizeof shown, "%u:%u %s", e.line, e.column - 22, e.message);
    else if (!rule_run(vm, r, 0, &why))
        snprintf(shown, sizeof shown, "! %s", why);
    else
        snprintf(shown, sizeof shown, "%.*s", STR_ARG(o.text[RULE_DESCRIPTION]));
    rule_fini(r);
    arena_fini(&a);
    free(text);
    return shown;
}

#define IS(expression, expected) assert_string_equal(value(expression), expected)

static void literals(void **state)
{
    IS("\"a\\tb\\x41\\u00e9\\U0001F600\\101\\\"\"", "a\tbA\xc3\xa9\xf0\x9f\x98\x80"
                                                    "A\"");
    IS("'it\\'s \"so\"'", "it's \"so\"");
    IS("`^\\S+\\d` + `a``b`", "^\\S+\\da`b");
    IS("`two\nlines`", "two\nlines");
    IS("[1_000, 0x1F, 0o17, 0b101, 1.5, .5, 1e3]", "[1000 31 15 5 1.5 0.5 1000]");
    IS("[true, false, nil, \"\"]", "[true false <nil> ]");
    IS("{a: 1, \"b c\": [2]}", "map[a:1 b c:[2]]");
    IS("9223372036854775807", "9223372036854775807");
    IS("9223372036854775808", "1:1 this number is too large");
    IS("\"a", "1:1 this text is not closed: expected \" before the end of the line");
    IS("\"\\S\"",
       "1:2 there is no escape \\S: write \\\\ for a backslash, or use `...`, where it stands for itself");
    IS("\"\\ud800\"", "1:2 this escape is no character of Unicode");
    IS("12ab", "1:1 this is no number");
}

static void operators(void **state)
{
    IS("1 + 2 * 3 ** 2 ** 1 - 4", "15");
    IS("7 / 2", "3.5");
    IS("-7 % 3", "-1");
    IS("10 - 2 - 3", "5");
    IS("-2 ** 2", "-4");
    IS("1 + 2 == 3 and not false", "true");
    IS("true || false && false", "true");
    IS("!true or !(1 > 2)", "true");
    IS("\"a\" + \"b\" < \"b\"", "true");
    IS("1 == 1.0", "true");
    IS("\"b\" in [\"a\", \"b\"]", "true");
    IS("\"b\" not in [\"a\", \"b\"]", "false");
    IS("Interface.Index in 1..100", "true");
    IS("Interface.Index in 11..100000000", "false");
    IS("\"a\" in {a: 1}", "true");
    IS("1..4", "[1 2 3 4]");
    IS("Exporter.Name matches \"^th[0-9]-\" ? \"yes\" : \"no\"", "yes");
    IS("Exporter.Name not matches \"^th[0-9]-\"", "false");
    IS("Exporter.Name contains \"ncs\" && Exporter.Name startsWith \"th2\" && Exporter.Name endsWith \".fr\"",
       "true");
    IS("nil ?? \"x\"", "x");
    IS("\"\" ?? \"x\"", "");
    IS("false ?: 5", "5");
    IS("1 > 2 ? \"a\" : 2 > 1 ? \"b\" : \"c\"", "b");
    IS("Exporter.Name | split(\"-\") | first() | upper()", "TH2");
    IS("let a = 2; let b = a * 3; a + b", "8");
    IS("if 1 > 2 { \"a\" } else if 2 > 1 { \"b\" } else { \"c\" }", "b");
    IS("let a = 1; a; let b = 2; (5; a) + b;", "3");
    IS("(1 + 2) /* inner */ * 2 // rest\n", "6");
    IS("1 % 0", "! division by zero");
}

static void indexing(void **state)
{
    IS("split(Exporter.Name, \"-\")[0]", "th2");
    IS("split(Exporter.Name, \"-\")[-1]", "1.example.fr");
    IS("Exporter.Name[0:3]", "th2");
    IS("Exporter.Name[-2:]", "fr");
    IS("Exporter.Name[:3] + \"x\"", "th2x");
    IS("[1, 2, 3][1:]", "[2 3]");
    IS("[1, 2, 3][5:9]", "[]");
    IS("{a: {b: 3}}.a.b", "3");
    IS("{a: nil}.a?.b ?? \"none\"", "none");
    IS("{th2: \"paris\"}[split(Exporter.Name, \"-\")[0]] ?? \"elsewhere\"", "paris");
    IS("Exporter[\"Name\"][0:2]", "th");
    IS("[1][3]", "! index out of range: 3 (length is 1)");
    IS("Exporter.Name.lower",
       "1:15 a text has no field lower; functions are called as lower(...) or through a pipe");
}

static void functions(void **state)
{
    IS("lower(\"\xc3\x84\x42\") + upper(\"\xc3\xa4z\")", "\xc3\xa4"
                                                         "b\xc3\x84Z");
    IS("trim(\"  a \") + trim(\"xxaxx\", \"x\") + trimPrefix(\"ab\", \"a\") + trimSuffix(\"ab\", \"b\")",
       "aaba");
    IS("split(\"a,b,c\", \",\", 2)", "[a b,c]");
    IS("splitAfter(\"a,b\", \",\")", "[a, b]");
    IS("split(\"a\xc3\xa9\", \"\")", "[a \xc3\xa9]");
    IS("replace(\"a.b.c\", \".\", \"-\")", "a-b-c");
    IS("replace(\"aaa\", \"a\", \"b\", 2)", "bba");
    IS("replace(\"ab\", \"\", \"-\")", "-a-b-");
    IS("repeat(\"ab\", 3)", "ababab");
    IS("[indexOf(\"abcabc\", \"c\"), lastIndexOf(\"abcabc\", \"c\"), indexOf(\"a\", \"z\")]", "[2 5 -1]");
    IS("len(\"\xc3\xa9\x74\xc3\xa9\") + len([1, 2]) + len({a: 1})", "6");
    IS("join([\"a\", \"b\"], \"/\") + join([\"c\", \"d\"])", "a/bcd");
    IS("int(\"42\") + int(1.9)", "43");
    IS("float(\"1.5\") * 2", "3");
    IS("string(1) + string(true) + string(nil)", "1true<nil>");
    IS("[abs(-3), ceil(1.2), floor(1.8), round(1.5), max(1, 3, 2), min([4, 2]), sum([1, 2.5])]",
       "[3 2 1 2 3 2 3.5]");
    IS("[first([1, 2]), last([1, 2]), first([]), take([1, 2, 3], 2), reverse([1, 2])]",
       "[1 2 <nil> [1 2] [2 1]]");
    IS("[sort([3, 1, 2]), sort([\"b\", \"a\"], \"desc\"), uniq([1, 1, 2]), concat([1], [2])]",
       "[[1 2 3] [b a] [1 2] [1 2]]");
    IS("[get([5], 0), get([5], 9), get({a: 1}, \"a\"), keys({a: 1}), values({a: 1})]", "[5 <nil> 1 [a] [1]]");
    IS("[hasPrefix(\"ab\", \"a\"), hasSuffix(\"ab\", \"a\"), type(1.5), type(\"\"), type([])]",
       "[true false float string array]");
    IS("int(\"x\")", "! int: this is no integer");
    IS("max([])", "! max: of nothing");
}

static void predicates(void **state)
{
    IS("any([\"lon\", \"th2\"], Exporter.Name startsWith #)", "true");
    IS("all(1..5, {# > 0})", "true");
    IS("none([1, 2], # > 2)", "true");
    IS("one([1, 2, 3], # == 2)", "true");
    IS("filter(1..6, # % 2 == 0)", "[2 4 6]");
    IS("map([\"a\", \"b\"], upper(#) + string(#index))", "[A0 B1]");
    IS("count([1, 2, 3], # > 1) + count([true, false])", "3");
    IS("[find(1..9, # > 4), findIndex(1..9, # > 4), findLast(1..9, # < 4), findLastIndex(1..9, # > 99)]",
       "[5 4 3 <nil>]");
    IS("map([1, 2], filter([1, 2, 3], # > 1))", "[[2 3] [2 3]]");
    IS("Exporter.Name | split(\"-\") | filter(len(#) > 3) | first()", "ncs55a1");
    IS("any([1], #)", "! expected true or false, not an integer");
    IS("#", "1:1 # is known inside of a predicate only: any([\"a\", \"b\"], Exporter.Name contains #)");
}

static void formats(void **state)
{
    IS("Format(\"%s-%d|%5d|%-4s|%04d|%.2f|%q|%x|%v|%t|%%\", \"a\", 1, 2, \"b\", 3, 1.5, \"q\", 255, [1, "
       "\"x\"], true)",
       "a-1|    2|b   |0003|1.50|\"q\"|ff|[1 x]|true|%");
    IS("Format(\"%[2]s %[1]s\", \"a\", \"b\")", "b a");
    IS("Format(\"%+d %*d %#x %X %o %b %c %U %T\", 1, 4, 2, 255, 255, 8, 5, 233, 233, 1.5)",
       "+1    2 0xff FF 10 101 \xc3\xa9 U+00E9 float64");
    IS("Format(\"%d %s %s\", \"a\", 1)", "%!d(string=a) %!s(int=1) %!s(MISSING)");
    IS("Format(\"x\", 1, \"b\")", "x%!(EXTRA int=1, string=b)");
    IS("Format(\"%\")", "%!(NOVERB)");
    IS("Format(\"%v %v %v %v\", 1e21, 0.1, 100000.0, 1e-7)", "1e+21 0.1 100000 1e-07");
}

static void refused(void **state)
{
    IS("Exporter.Nam", "1:10 Exporter has no field Nam: it has IP, Name");
    IS("Foo", "1:1 there is nothing called Foo: expected Exporter, Interface, a function or a value");
    IS("ClassifySit(\"a\")", "1:1 there is no function ClassifySit; did you mean ClassifySite?");
    IS("1 + \"a\"", "1:3 + cannot stand between an integer and a text");
    IS("\"a\" == 1", "1:5 == cannot stand between a text and an integer");
    IS("lower(1)", "1:7 expected a text as argument 1 of lower, not an integer");
    IS("lower(\"a\", \"b\")", "1:1 lower takes 1 argument, not 2");
    IS("replace(\"a\")", "1:1 replace takes at least 3 arguments, not 1");
    IS("Exporter.Name matches \"(\"", "1:23 this is no regular expression: missing ): (");
    IS("ClassifyRegionRegex(\"a\", \"(?=x)\", \"$1\")",
       "1:26 this is no regular expression: invalid perl operator: (?=");
    IS("(1", "1:5 expected a comma or ), but the rule ends here");
    IS("1 @ 2", "1:3 there is no meaning in \"@\" here");
    IS("upper", "1:6 expected ( after the function's name, not )");
}

static void limits(void **state)
{
    IS("len(map(1..5000, # * 2))", "5000");
    IS("len(1..200000)", "! too much memory: more than 256 KiB");
    IS("len(repeat(\"abcdefgh\", 100000))", "! too much memory: more than 256 KiB");
    IS("len(map(1..3000, map(1..3000, #)))", "! too much memory: more than 256 KiB");
    IS("let a = 1..500; all(1..5000, all(a, # > 0))", "! too much work: more than 100000 steps");
    /* an array of arrays of arrays, as large as you like in nothing but a few bytes */
    IS("let a = [1, 1, 1, 1, 1, 1, 1, 1]; let b = [a, a, a, a, a, a, a, a]; let c = [b, b, b, b, b, b, b, "
       "b]; "
       "let d = [c, c, c, c, c, c, c, c]; let e = [d, d, d, d, d, d, d, d]; let f = [e, e, e, e, e, e, e, "
       "e]; f == f",
       "! too much work: more than 100000 steps");
    IS("let a = [1, 1, 1, 1, 1, 1, 1, 1]; let b = [a, a, a, a, a, a, a, a]; let c = [b, b, b, b, b, b, b, "
       "b]; "
       "let d = [c, c, c, c, c, c, c, c]; let e = [d, d, d, d, d, d, d, d]; let f = [e, e, e, e, e, e, e, "
       "e]; string(f)",
       "! too much memory: more than 256 KiB");
    char deep[400];
    memset(deep, '(', 200);
    deep[200] = '\0';
    assert_non_null(strstr(value(deep), "nested too deeply"));
}

/* ---- what rules set */

static bool set(const char *text, enum rule_scope scope, struct rule_outcome *o)
{
    struct arena a;
    struct lang_error e;
    const char *why;
    arena_init(&a);
    struct rule *r = rule_compile(str_from(text), scope, &a, &e);
    assert_non_null(r);
    bool ok = rule_run(vm, r, 3, &why);
    rule_fini(r);
    arena_fini(&a);
    return ok;
}

#define TEXT(o, attribute, expected) assert_true(str_eq((o).text[RULE_##attribute], STR(expected)))

static void attributes(void **state)
{
    struct rule_outcome o;
    rule_begin(vm, &subject, &o);
    assert_true(
        set("ClassifyGroup(\"Caf\xc3\xa9 +1.\xe2\x84\xaa_-\") && Classify(\"second\")", RULE_EXPORTER, &o));
    TEXT(o, GROUP, "caf+1.k-");
    assert_int_equal(o.by[RULE_GROUP], 3);
    assert_true(
        set("ClassifySiteRegex(Exporter.Name, \"^([^-]+)-(?P<model>[a-z]+)\", \"${model}-$1-$9-$$-$1x\") && "
            "ClassifySiteRegex(\"\", \"(never)\", \"\") && ClassifyRole(\"reached\")",
            RULE_EXPORTER, &o));
    TEXT(o, SITE, "ncs-th2---");
    TEXT(o, ROLE, "reached");
    assert_true(set("ClassifyTenantRegex(Exporter.Name, \"nope\", \"x\") || ClassifyTenant(\"other\")",
                    RULE_EXPORTER, &o));
    TEXT(o, TENANT, "other");
    TEXT(o, REGION, "");
    assert_int_equal(o.by[RULE_REGION], -1);
    assert_true(set("Reject() || ClassifyRegion(\"never\") && false", RULE_EXPORTER, &o));
    assert_true(o.reject);

    rule_begin(vm, &subject, &o);
    assert_true(set("ClassifyExternal() && ClassifyInternal() && SetName(\"Up 1\") && SetName(\"b\")",
                    RULE_INTERFACE, &o));
    assert_int_equal(o.boundary, RULE_EXTERNAL);
    TEXT(o, NAME, "Up 1");
    assert_true(set("ClassifyProvider(Format(\"%s-%d-%d-%d\", Exporter.IP, Interface.Index, Interface.Speed, "
                    "Interface.VLAN))",
                    RULE_INTERFACE, &o));
    TEXT(o, PROVIDER, "192.0.2.7-10-10000-42");
}

/* A rule that can fail late does not undo what it set before; expressions made while running are kept, some of them. */
static void made_while_running(void **state)
{
    struct rule_outcome o;
    rule_begin(vm, &subject, &o);
    assert_false(set("ClassifyProvider(\"a\") && [1][9] == 1", RULE_INTERFACE, &o));
    TEXT(o, PROVIDER, "a");
    for (int i = 0; i < 100; i++) {
        char rule[128];
        snprintf(rule, sizeof rule,
                 "Exporter.Name matches (\"^th[%d2]\" + \"-\") && Interface.Name matches string(1)", i % 40);
        assert_true(set(rule, RULE_INTERFACE, &o));
    }
    IS("Exporter.Name matches string(\"(\" + \"\")", "! \"(\" is no regular expression: missing ): (");
    IS("Exporter.Name matches string(\"(?<a>t)h\")", "true");
}

static void scopes(void **state)
{
    struct arena a;
    struct lang_error e;
    arena_init(&a);
    assert_null(rule_compile(STR("Interface.Index == 1"), RULE_EXPORTER, &a, &e));
    assert_string_equal(e.message, "Interface is known to rules on interfaces only");
    assert_null(rule_compile(STR("ClassifyExternal()"), RULE_EXPORTER, &a, &e));
    assert_string_equal(e.message, "ClassifyExternal is for rules on interfaces only");
    assert_null(rule_compile(STR("true &&\n  ClassifySite(\"a\")"), RULE_INTERFACE, &a, &e));
    assert_string_equal(e.message, "ClassifySite is for rules on exporters only");
    assert_int_equal(e.line, 2);
    assert_int_equal(e.column, 3);
    assert_null(rule_compile(STR("\"text\""), RULE_EXPORTER, &a, &e));
    assert_string_equal(e.message, "a rule must be true or false, and this is a text");
    assert_null(rule_compile(STR(" "), RULE_EXPORTER, &a, &e));
    assert_string_equal(e.message, "expected a condition, but the rule ends here");
    struct rule *r = rule_compile(STR("Interface.VLAN > 1 && Reject()"), RULE_INTERFACE, &a, &e);
    assert_true(rule_uses_vlan(r) && rule_may_reject(r));
    arena_fini(&a);
}

/* The page on classification has the table that the program prints. */
static void the_page_has_the_functions(void **state)
{
    const char *source = getenv("WEIR_SOURCE");
    char path[4096], page[65536];
    struct buf b;
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/doc/classification.md", source);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    buf_init(&b, 0);
    rule_manual(&b);
    buf_u8(&b, 0);
    assert_non_null(strstr(page, (char *)b.p)); /* weir classify --functions prints it */
    buf_fini(&b);
}

static int setup(void **state)
{
    vm = rule_vm_new();
    return 0;
}

static int teardown(void **state)
{
    rule_vm_free(vm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals),   cmocka_unit_test(operators),
        cmocka_unit_test(indexing),   cmocka_unit_test(functions),
        cmocka_unit_test(predicates), cmocka_unit_test(formats),
        cmocka_unit_test(refused),    cmocka_unit_test(limits),
        cmocka_unit_test(attributes), cmocka_unit_test(made_while_running),
        cmocka_unit_test(scopes),     cmocka_unit_test(the_page_has_the_functions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
