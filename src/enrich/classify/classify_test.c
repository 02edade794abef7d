/* The rules that users have, with the results they expect, and what a source makes of edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "enrich/classify/preview.h"
#include "enrich/enrich.h"

static struct opt_list rules(const char **texts)
{
    struct opt_list l = {.items = texts};
    while (texts[l.n])
        l.n++;
    return l;
}

static const char *exporter_rules[] = {
    "ClassifySiteRegex(Exporter.Name, \"^([^-]+)-\", \"$1\")",
    "Exporter.Name endsWith \".it\" && ClassifyRegion(\"italy\")",
    "Exporter.Name matches \"^(washington|newyork).*\" && ClassifyRegion(\"usa\")",
    "Exporter.Name endsWith \".fr\" && ClassifyRegion(\"france\")",
    NULL,
};
static const char *interface_rules[] = {
    "ClassifyConnectivityRegex(Interface.Description, \"^(?i)(transit|pni|ppni|ix):? \", \"$1\") &&\n"
    "ClassifyProviderRegex(Interface.Description, \"^\\\\S+?\\\\s(\\\\S+)\", \"$1\") &&\n"
    "ClassifyExternal()\n",
    "ClassifyInternal()",
    NULL,
};

static struct rule_vm *vm;

static struct classifier *made(const char **exporter, const char **interface)
{
    static const char *none[] = {NULL};
    struct enrich_core_conf core = {.exporter_classifiers = rules(exporter ? exporter : none),
                                    .interface_classifiers = rules(interface ? interface : none)};
    const char *key;
    struct err e;
    struct classifier *c = classify_new(&core, &key, &e);
    if (!c)
        fail_msg("%s: %s", key, e.msg);
    return c;
}

#define SAYS(o, attribute, z) assert_true(str_eq((o).text[RULE_##attribute], str_from(z)))

static void seeds_exporters(void **state)
{
    static const struct {
        const char *name, *site, *region;
    } cases[] = {{"th2-ncs55a1-1.example.fr", "th2", "france"},
                 {"milan-ncs5k8-2.example.it", "milan", "italy"},
                 {"washington-asr9k.example.com", "washington", "usa"},
                 {"newyork2-x.example.com", "newyork2", "usa"},
                 {"nodash.example.com", "", ""},
                 {"", "", ""}};
    struct classifier *c = made(exporter_rules, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_subject s = {.exporter_name = str_from(cases[i].name)};
        struct rule_outcome o;
        struct classify_failure f;
        classify_run(c, RULE_EXPORTER, vm, &s, &o, &f);
        assert_int_equal(f.rule, -1);
        SAYS(o, SITE, cases[i].site);
        SAYS(o, REGION, cases[i].region);
        SAYS(o, GROUP, "");
    }
    classify_free(c);
}

static void seeds_interfaces(void **state)
{
    static const struct {
        const char *description, *connectivity, *provider;
        enum rule_boundary boundary;
    } cases[] = {{"Transit: Cogent 1-3834938493", "transit", "cogent", RULE_EXTERNAL},
                 {"PNI Netflix", "pni", "netflix", RULE_EXTERNAL},
                 {"ix: FranceIX", "ix", "franceix", RULE_EXTERNAL},
                 {"Transit:", "", "", RULE_INTERNAL},
                 {"Core: paris", "", "", RULE_INTERNAL}};
    struct classifier *c = made(NULL, interface_rules);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_subject s = {.description = str_from(cases[i].description)};
        struct rule_outcome o;
        struct classify_failure f;
        classify_run(c, RULE_INTERFACE, vm, &s, &o, &f);
        SAYS(o, CONNECTIVITY, cases[i].connectivity);
        SAYS(o, PROVIDER, cases[i].provider);
        assert_int_equal(o.boundary, cases[i].boundary);
        assert_int_equal(o.by[RULE_BOUNDARY], cases[i].boundary == RULE_EXTERNAL ? 0 : 1);
    }
    classify_free(c);
}

/* The list ends when all is set, when one rejects, and when one fails. */
static void ends(void **state)
{
    const char *all[] = {"ClassifyConnectivity(\"a\") && ClassifyProvider(\"b\")", "ClassifyInternal()",
                         "SetName(\"late\")", NULL};
    const char *rejects[] = {"Interface.Index == 1 && Reject()", "SetName(\"late\")", NULL};
    const char *fails[] = {"ClassifyProvider(\"b\")", "[1][Interface.Index] == 1", "SetName(\"late\")", NULL};
    const char **lists[] = {all, rejects, fails};
    for (int i = 0; i < 3; i++) {
        struct classifier *c = made(NULL, lists[i]);
        struct rule_subject s = {.index = 1};
        struct rule_outcome o;
        struct classify_failure f;
        classify_run(c, RULE_INTERFACE, vm, &s, &o, &f);
        SAYS(o, NAME, "");
        assert_int_equal(o.reject, i == 1);
        assert_int_equal(f.rule, i == 2 ? 1 : -1);
        if (i == 2)
            assert_string_equal(f.why, "index out of range: 1 (length is 1)");
        classify_free(c);
    }
}

static void says_where(void **state)
{
    const char *bad[] = {"ClassifyInternal()", "true &&\n  ClassifyProvider(Interface.Nam)", NULL};
    struct enrich_core_conf core = {.interface_classifiers = rules(bad)};
    const char *key;
    struct err e;
    assert_false(classify_check(&core, &key, &e));
    assert_string_equal(key, "interface-classifiers");
    assert_string_equal(e.msg, "rule 2, line 2, column 30: Interface has no field Nam: it has Index, Name, "
                               "Description, Speed, VLAN\n"
                               "    ClassifyProvider(Interface.Nam)\n"
                               "                               ^");
}

/* ---- the source: static names in, classified edges out */

struct site {
    struct schema schema;
    struct enrich shared;
    struct enricher r;
    struct batch *batch;
    struct enrich_desk desk;
    struct enrich_core_conf core;
    struct enrich_metadata_conf metadata;
};

static struct enrich_interface_conf ifaces[] = {
    {.name = "up", .description = "Transit: Cogent 1"},
    {.name = "core", .description = "Core"},
    {.name = "fixed", .description = "PNI Netflix", .provider = "me"}};
static const char *indexes[] = {"1", "2", "3"};
static struct enrich_exporter_conf exporters[] = {
    {.name = "th2-a.example.fr", .fallback = {.name = "any"}, .ifindexes = {3, indexes, ifaces}},
    {.name = "milan-b.example.it", .tenant = "x", .fallback = {.name = "any"}}};

static struct ip address(uint8_t last)
{
    return ip_v4((uint8_t[]){192, 0, 2, last});
}

static void site_init(struct site *s, const char **exporter, const char **interface)
{
    static struct prefix prefixes[2];
    static struct enrich_metadata_provider provider;
    *s = (struct site){0};
    schema_default(&s->schema);
    prefixes[0] = (struct prefix){address(1), 128};
    prefixes[1] = (struct prefix){address(2), 128};
    provider =
        (struct enrich_metadata_provider){.type = METADATA_STATIC, .exporters = {2, prefixes, exporters}};
    s->metadata.providers = (struct opt_list){1, &provider};
    s->core.exporter_classifiers = rules(exporter);
    s->core.interface_classifiers = rules(interface);
    s->shared.schema = &s->schema;
    enrich_configure(&s->shared, &s->core, &s->metadata);
    s->batch = batch_new();
    enrich_desk_init(&s->desk);
    enricher_init(&s->r, &s->shared, &s->desk);
    enricher_pin(&s->r, 3600);
}

static void site_fini(struct site *s)
{
    enricher_fini(&s->r);
    enrich_fini(&s->shared);
    batch_free(s->batch);
    enrich_desk_fini(&s->desk);
}

static void flow(struct site *s, uint8_t exporter, uint32_t in, uint32_t out, uint16_t vlan, uint64_t bytes)
{
    struct batch *b = s->batch;
    BATCH_IP(b, ExporterAddress)[b->n] = address(exporter);
    BATCH_U32(b, InIfIndex)[b->n] = in;
    BATCH_U32(b, OutIfIndex)[b->n] = out;
    BATCH_U16(b, SrcVlan)[b->n] = vlan;
    BATCH_U64(b, Bytes)[b->n] = bytes;
    b->n++;
}

static const char *text(const struct site *s, uint32_t row, enum column c)
{
    const struct edge *e = &s->r.edges.rows[((const uint32_t *)s->batch->col[COL_Edge])[row]];
    struct str t = intern_str(&s->r.strings, e->v[edge_value(c)]);
    static char z[4][128];
    static int at;
    at = (at + 1) % 4;
    snprintf(z[at], sizeof z[at], "%.*s", STR_ARG(t));
    return z[at];
}

static uint32_t number(const struct site *s, uint32_t row, enum column c)
{
    return s->r.edges.rows[((const uint32_t *)s->batch->col[COL_Edge])[row]].v[edge_value(c)];
}

static void edges(void **state)
{
    struct site s;
    site_init(&s, exporter_rules, interface_rules);
    flow(&s, 1, 1, 2, 0, 100);
    flow(&s, 2, 7, 1, 0, 100);
    flow(&s, 1, 3, 0, 0, 100);
    enricher_fill(&s.r, s.batch);
    assert_string_equal(text(&s, 0, COL_ExporterSite), "th2");
    assert_string_equal(text(&s, 0, COL_ExporterRegion), "france");
    assert_string_equal(text(&s, 0, COL_InIfProvider), "cogent");
    assert_string_equal(text(&s, 0, COL_InIfConnectivity), "transit");
    assert_int_equal(number(&s, 0, COL_InIfBoundary), RULE_EXTERNAL);
    assert_int_equal(number(&s, 0, COL_OutIfBoundary), RULE_INTERNAL);
    assert_string_equal(text(&s, 1, COL_ExporterSite), ""); /* one static attribute keeps all rules away */
    assert_string_equal(text(&s, 1, COL_ExporterTenant), "x");
    assert_int_equal(number(&s, 1, COL_InIfBoundary), RULE_INTERNAL);
    assert_string_equal(text(&s, 2, COL_InIfProvider), "me");
    assert_int_equal(number(&s, 2, COL_InIfBoundary), RULE_UNDEFINED);
    assert_int_equal(number(&s, 2, COL_OutIfBoundary), RULE_INTERNAL); /* interface 0 is one as well */

    /* other rules: the next flow has the new result, and who holds the old id keeps the old one */
    const char *other[] = {"ClassifySite(\"new\")", NULL}, *none[] = {NULL};
    s.core.exporter_classifiers = rules(other);
    s.core.interface_classifiers = rules(none);
    enrich_configure(&s.shared, &s.core, &s.metadata);
    enricher_pin(&s.r, 3601);
    flow(&s, 1, 1, 2, 0, 100);
    uint32_t old = ((uint32_t *)s.batch->col[COL_Edge])[0];
    enricher_fill(&s.r, s.batch);
    assert_string_equal(text(&s, 3, COL_ExporterSite), "new");
    assert_int_equal(number(&s, 3, COL_OutIfBoundary), RULE_UNDEFINED);
    assert_int_not_equal(((uint32_t *)s.batch->col[COL_Edge])[3], old);
    assert_int_equal(s.r.edges.rows[0].verdict, 0);
    assert_int_equal(s.r.edges.rows[1].verdict, EDGE_EXPORTER_GIVEN);
    assert_int_equal(s.r.edges.rows[2].verdict, EDGE_IN_GIVEN);
    site_fini(&s);
}

/* Where a rate comes from, by prefix: told by the flow, else the default; an override wins. */
static void rates(void **state)
{
    const char *none[] = {NULL};
    struct site s;
    struct prefix two[] = {{address(2), 128}, {address(0), 120}};
    uint64_t otherwise[] = {500, 1000}, instead[] = {64};
    site_init(&s, none, none);
    s.core.default_sampling_rate = (struct opt_subnetmap){2, two, otherwise};
    s.core.override_sampling_rate = (struct opt_subnetmap){1, (struct prefix[]){{address(7), 128}}, instead};
    enrich_configure(&s.shared, &s.core, &s.metadata);
    enricher_pin(&s.r, 3601);
    static const struct {
        uint8_t exporter;
        uint64_t told, rate;
        enum edge_rate from;
    } cases[] = {{1, 10, 10, RATE_FLOW},
                 {2, 0, 500, RATE_DEFAULT},
                 {3, 0, 1000, RATE_DEFAULT},
                 {7, 10, 64, RATE_OVERRIDE}};
    for (size_t i = 0; i < 4; i++) {
        flow(&s, cases[i].exporter, 1, 2, 0, 1);
        BATCH_U64(s.batch, SamplingRate)[i] = cases[i].told;
    }
    enricher_fill(&s.r, s.batch);
    for (size_t i = 0; i < 4; i++) {
        const struct edge *e = &s.r.edges.rows[BATCH_U32(s.batch, Edge)[i]];
        assert_int_equal(BATCH_U64(s.batch, SamplingRate)[i], cases[i].rate);
        assert_int_equal(e->rate, cases[i].rate);
        assert_int_equal(e->rate_from, cases[i].from);
    }
    assert_int_equal(s.r.count.unknown_rate, 0);
    site_fini(&s);
}

/* Rates raised because of a limit by other than whole numbers are right in the sum, for each exporter by itself. */
static void raised_rates(void **state)
{
    const char *none[] = {NULL};
    static const struct {
        uint64_t rate;
        uint32_t factor;
    } kinds[] = {{1, 3750}, {1, 1001}, {10, 1250}, {1000, 1999}, {3, 0}};
    enum { KINDS = sizeof kinds / sizeof *kinds, FLOWS = 10000 };
    /* one after the other; always in the same order, in batches of any size */
    for (uint32_t size = 1; size <= BATCH_ROWS; size = size * 3 + 1) {
        struct site s;
        uint64_t sum[KINDS] = {0};
        site_init(&s, none, none);
        for (uint32_t i = 0; i < FLOWS * KINDS; i++) {
            uint32_t row = s.batch->n;
            flow(&s, (uint8_t)(1 + i % KINDS), 1, 2, 0, 1);
            BATCH_U64(s.batch, SamplingRate)[row] = kinds[i % KINDS].rate;
            BATCH_U32(s.batch, RateFactor)[row] = kinds[i % KINDS].factor;
            if (s.batch->n < size && i + 1 < FLOWS * KINDS)
                continue;
            enricher_fill(&s.r, s.batch);
            for (uint32_t k = 0; k < s.batch->n; k++)
                sum[(i + 1 - s.batch->n + k) % KINDS] += BATCH_U64(s.batch, SamplingRate)[k];
            s.batch->n = 0;
        }
        for (unsigned k = 0; k < KINDS; k++) {
            uint64_t want = FLOWS * kinds[k].rate * (kinds[k].factor ? kinds[k].factor : 1000) / 1000;
            assert_in_range(sum[k], want - 5, want + 5);
        }
        site_fini(&s);
    }
}

/* ---- objects and rows as JSON */

static void shown(void **state)
{
    static const struct {
        enum rule_scope scope;
        const char *object, *expected;
    } cases[] = {
        {RULE_EXPORTER, "{\"Name\": \"th2-a.example.fr\"}",
         "{\"site\": {\"value\": \"th2\", \"rule\": 1, \"text\": \"ClassifySiteRegex(Exporter.Name, "
         "\\\"^([^-]+)-\\\", "
         "\\\"$1\\\")\"}, \"region\": {\"value\": \"france\", \"rule\": 4, \"text\": \"Exporter.Name "
         "endsWith \\\".fr\\\" && "
         "ClassifyRegion(\\\"france\\\")\"}}"},
        {RULE_INTERFACE, "{\"exporter\": {\"name\": \"x\", \"ip\": \"::1\"}, \"interface\": {\"speed\": 10}}",
         "{\"boundary\": {\"value\": \"internal\", \"rule\": 2, \"text\": \"ClassifyInternal()\"}}"},
        {RULE_INTERFACE, "{\"Name\": \"x\"}", NULL},
        {RULE_EXPORTER, "{\"Nam\": \"x\"}", "Nam: there is no such key"},
        {RULE_INTERFACE, "{\"Interface\": {\"VLAN\": 65536}}",
         "Interface: VLAN: expected a whole number of 16 bits"},
        {RULE_INTERFACE, "{\"Interface\": {\"Speed\": \"1\"}}",
         "Interface: Speed: expected a whole number of 32 bits"},
        {RULE_EXPORTER, "{\"Name\": 1}", "Name: expected a text"},
    };
    struct classifier *c = made(exporter_rules, interface_rules);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e;
        json_t *object = json_loads(cases[i].object, 0, NULL),
               *got = classify_show(c, cases[i].scope, object, &e);
        char *text = got ? json_dumps(got, 0) : strdup(e.msg);
        if (cases[i].expected)
            assert_string_equal(text, cases[i].expected);
        else
            assert_null(got);
        free(text);
        json_decref(got);
        json_decref(object);
    }
    classify_free(c);
}

static void previewed(void **state)
{
    static const char *lines[] = {
        ("[\"::ffff:192.0.2.1\",\"th2-a.example.fr\",\"\",\"\",\"th2\",\"spain\",\"\",\"transit\",\"cogent\","
         "\"up\",\"Transit: Cogent 1\",10000,1,1,0]"),
        ("[\"::ffff:192.0.2.1\",\"th2-a.example.fr\",\"\",\"\",\"th2\",\"spain\",\"\",\"\",\"\",\"core\","
         "\"Core\",10000,0,2,0]"),
        ("[\"::ffff:192.0.2.2\",\"given.example.fr\",\"\",\"\",\"\",\"\",\"x\",\"\",\"me\",\"up\",\"PNI "
         "x\",10000,0,1,3]"),
        "[\"2001:db8::1\",\"lab\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"up\",\"\",10000,0,1,0]",
    };
    const char *rejecting[] = {exporter_rules[0], exporter_rules[3], "Exporter.Name == \"lab\" && Reject()",
                               NULL};
    struct classifier *c = made(rejecting, interface_rules);
    struct preview *p = preview_new(c);
    for (int i = 0; i < 4; i++)
        assert_true(preview_line(p, str_from(lines[i])));
    assert_false(preview_line(p, STR("[1]")));
    assert_false(preview_line(p, STR("Code: 60")));
    json_t *result = preview_result(p), *changes = json_object_get(result, "changes");
    char *text = json_dumps(changes, 0);
    assert_string_equal(
        text,
        "[{\"exporter\": \"th2-a.example.fr\", \"address\": \"192.0.2.1\", \"attribute\": \"region\", "
        "\"before\": "
        "\"spain\", \"after\": \"france\", \"rule\": 2}, {\"exporter\": \"th2-a.example.fr\", \"address\": "
        "\"192.0.2.1\", \"attribute\": \"boundary\", \"before\": \"undefined\", \"after\": \"internal\", "
        "\"interface\": "
        "\"core\", \"rule\": 2}, {\"exporter\": \"lab\", \"address\": \"2001:db8::1\", \"attribute\": "
        "\"reject\", "
        "\"before\": false, \"after\": true, \"rule\": 3}]");
    assert_int_equal(json_integer_value(json_object_get(result, "exporters")), 3);
    assert_int_equal(json_integer_value(json_object_get(result, "interfaces")), 4);
    assert_int_equal(json_array_size(json_object_get(result, "kinds")), 3);
    free(text);
    json_decref(result);
    preview_free(p);
    classify_free(c);
}

/* Rules come from whoever may use the console: what their regular expressions take is bounded, in a rule and in all. */
static void bounded(void **state)
{
    static const char one[] = "Exporter.Name matches \"\\\\pL{40}\"";
    char rule[6 * sizeof one + 32];
    const char *texts[64];
    struct enrich_core_conf core = {.exporter_classifiers = {64, texts}};
    const char *key;
    struct err e;
    snprintf(rule, sizeof rule, "%s || %s || %s || %s || %s || %s", one, one, one, one, one, one);
    for (size_t i = 0; i < 64; i++)
        texts[i] = rule;
    assert_null(classify_new(&core, &key, &e));
    assert_non_null(
        strstr(e.msg, "rule 1, line 1, column 203: the regular expressions of this rule are too large"));
    for (size_t i = 0; i < 64; i++)
        texts[i] = one;
    assert_null(classify_new(&core, &key, &e));
    assert_non_null(strstr(e.msg, "the regular expressions of all rules together are too large"));
}

static void rejected(void **state)
{
    const char *exporter[] = {"Exporter.IP == \"192.0.2.2\" && Reject()", NULL};
    const char *interface[] = {"Interface.Name == \"core\" && Reject()", "SetName(Interface.Name + \"!\")",
                               "SetDescription(\"d\")", NULL};
    struct site s;
    site_init(&s, exporter, interface);
    exporters[1].tenant = NULL;
    enrich_configure(&s.shared, &s.core, &s.metadata);
    enricher_pin(&s.r, 3601);
    for (int i = 0; i < 100; i++) {
        flow(&s, 1, 1, 3, 0, (uint64_t)i);        /* stays */
        flow(&s, 1, 1, 2, 0, 1000);               /* goes */
        flow(&s, 2, 1, 2, 0, 1000);               /* goes */
        flow(&s, 3, 1, 2, 0, 1000 + (uint64_t)i); /* stays */
    }
    enricher_fill(&s.r, s.batch);
    assert_int_equal(s.batch->n, 200);
    assert_int_equal(s.r.n_dropped, 200);
    assert_int_equal(s.r.dropped[0], 1);
    assert_int_equal(s.r.dropped[1], 2);
    assert_int_equal(s.r.dropped[199], 398);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(BATCH_U64(s.batch, Bytes)[2 * i], i);
        assert_int_equal(BATCH_U64(s.batch, Bytes)[2 * i + 1], 1000 + i);
        assert_int_equal(BATCH_U64(s.batch, SamplingRate)[2 * i], 1);
    }
    assert_string_equal(text(&s, 0, COL_InIfName), "up!");
    assert_string_equal(text(&s, 0, COL_OutIfName), "fixed"); /* has static attributes */
    assert_string_equal(text(&s, 1, COL_OutIfName), "2!");    /* nobody knows its name */
    assert_string_equal(text(&s, 1, COL_OutIfDescription), "d");
    exporters[1].tenant = "x";
    site_fini(&s);
}

/* Edges are told apart by VLAN only while a rule asks for it. */
static void by_vlan(void **state)
{
    const char *none[] = {NULL},
               *interface[] = {"ClassifyProvider(Format(\"vlan%d\", Interface.VLAN))", NULL};
    struct site s;
    site_init(&s, none, none);
    flow(&s, 1, 1, 2, 10, 1);
    flow(&s, 1, 1, 2, 11, 1);
    enricher_fill(&s.r, s.batch);
    assert_int_equal(s.r.edges.n, 1);
    s.core.interface_classifiers = rules(interface);
    enrich_configure(&s.shared, &s.core, &s.metadata);
    enricher_pin(&s.r, 3601);
    enricher_fill(&s.r, s.batch);
    assert_int_not_equal(BATCH_U32(s.batch, Edge)[0], BATCH_U32(s.batch, Edge)[1]);
    assert_string_equal(text(&s, 0, COL_InIfProvider), "vlan10");
    assert_string_equal(text(&s, 1, COL_InIfProvider), "vlan11");
    assert_string_equal(text(&s, 1, COL_OutIfProvider), "vlan0");
    site_fini(&s);
}

/* More exporters than results are kept of: none is taken for another. */
static void many(void **state)
{
    const char *exporter[] = {"ClassifySite(Exporter.IP)", NULL},
               *interface[] = {"ClassifyProvider(string(Interface.Index))", NULL};
    struct site s;
    site_init(&s, exporter, interface);
    for (uint32_t round = 0; round < 40; round++) {
        batch_reset(s.batch);
        for (uint32_t i = 0; i < BATCH_ROWS; i++)
            flow(&s, (uint8_t)(10 + i % 200), round * BATCH_ROWS + i, 5, 0, 1);
        enricher_fill(&s.r, s.batch);
        for (uint32_t i = 0; i < BATCH_ROWS; i += 97) {
            char expected[32];
            snprintf(expected, sizeof expected, "192.0.2.%u", 10 + i % 200);
            assert_string_equal(text(&s, i, COL_ExporterSite), expected);
            snprintf(expected, sizeof expected, "%u", round * BATCH_ROWS + i);
            assert_string_equal(text(&s, i, COL_InIfProvider), expected);
        }
    }
    site_fini(&s);
}

static int setup(void **state)
{
    snapshot_reader_on();
    vm = rule_vm_new();
    return 0;
}

static int teardown(void **state)
{
    rule_vm_free(vm);
    snapshot_reader_off();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_exporters),
        cmocka_unit_test(seeds_interfaces),
        cmocka_unit_test(ends),
        cmocka_unit_test(says_where),
        cmocka_unit_test(edges),
        cmocka_unit_test(rejected),
        cmocka_unit_test(rates),
        cmocka_unit_test(raised_rates),
        cmocka_unit_test(shown),
        cmocka_unit_test(previewed),
        cmocka_unit_test(bounded),
        cmocka_unit_test(by_vlan),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
