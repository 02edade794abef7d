/*
 * What completing flows costs: classifier rules by evaluation, and the look-up of the edge that all flows pay. One section
 * a source; each makes what it needs, measures, and prints.
 */
#include "base/clock.h"
#include "base/log.h"
#include "enrich/classify/classify.h"
#include "enrich/enrich.h"
#include "main/bench/bench.h"
#include <stdio.h>
#include <stdlib.h>

enum { INTERFACES = 2000 };

/* The example rules of the documentation; eight on exporters, six on interfaces. */
static const char *exporter_rules[] = {
    "ClassifySiteRegex(Exporter.Name, \"^([^-]+)-\", \"$1\")",
    "Exporter.Name endsWith \".it\" && ClassifyRegion(\"italy\")",
    "Exporter.Name matches \"^(washington|newyork).*\" && ClassifyRegion(\"usa\")",
    "Exporter.Name endsWith \".fr\" && ClassifyRegion(\"france\")",
    "ClassifyRoleRegex(Exporter.Name, \"-(ncs|asr|edge|core)\", \"$1\")",
    "Exporter.Name contains \"lab\" ? Reject() : ClassifyTenant(\"isp\")",
    "ClassifyGroup(lower(split(Exporter.Name, \".\")[0][:3]))",
    "ClassifyRegion(\"europe\")",
};
static const char *interface_rules[] = {
    "ClassifyConnectivityRegex(Interface.Description, \"^(?i)(transit|pni|ppni|ix):? \", \"$1\") && "
    "ClassifyProviderRegex(Interface.Description, \"^\\\\S+?\\\\s(\\\\S+)\", \"$1\") && ClassifyExternal()",
    "Interface.Speed >= 100000 && Interface.Name startsWith \"Hundred\" && ClassifyConnectivity(\"core\")",
    "Interface.Name in [\"lo0\", \"mgmt0\", \"fxp0\"] && ClassifyProvider(\"self\")",
    "Interface.Description matches \"^(?i)cust(omer)?: \" && ClassifyConnectivity(\"customer\") && "
    "ClassifyExternal()",
    "SetDescription(trim(Interface.Description))",
    "ClassifyInternal()",
};

struct bench_enrich {
    struct arena arena;
    struct schema schema;
    struct enrich shared;
    struct enrich_core_conf core;
    struct enrich_metadata_conf metadata;
    struct batch *batch;
    struct enrich_desk desk;
};

static void configure(struct bench_enrich *b, bool with_rules)
{
    struct arena *a = &b->arena;
    struct enrich_metadata_provider *p = ARENA_NEW(a, struct enrich_metadata_provider);
    struct enrich_exporter_conf *x = ARENA_NEW(a, struct enrich_exporter_conf);
    struct enrich_interface_conf *ifs = arena_array(a, INTERFACES, sizeof *ifs);
    const char **keys = arena_array(a, INTERFACES, sizeof *keys);
    for (unsigned i = 0; i < INTERFACES; i++) {
        keys[i] = arena_printf(a, "%u", i + 1);
        ifs[i].name = arena_printf(a, "HundredGigE0/0/0/%u", i + 1);
        ifs[i].description =
            arena_printf(a, i % 2 ? "Transit: carrier%u 1-%u" : "Core: router%u %u", i % 40, i);
        ifs[i].speed = 100000;
    }
    *x = (struct enrich_exporter_conf){.name = "th2-ncs55a1-1.example.fr",
                                       .ifindexes = {INTERFACES, keys, ifs}};
    *p = (struct enrich_metadata_provider){.type = METADATA_STATIC,
                                           .exporters = {1, ARENA_NEW(a, struct prefix), x}};
    b->metadata.providers = (struct opt_list){1, p};
    if (with_rules) {
        b->core.exporter_classifiers = (struct opt_list){8, exporter_rules};
        b->core.interface_classifiers = (struct opt_list){6, interface_rules};
    }
    enrich_configure(&b->shared, &b->core, &b->metadata);
}

static void bench_init(struct bench_enrich *b, bool with_rules)
{
    *b = (struct bench_enrich){.batch = batch_new()};
    enrich_desk_init(&b->desk);
    arena_init(&b->arena);
    schema_default(&b->schema);
    b->shared.schema = &b->schema;
    configure(b, with_rules);
}

static void bench_fini(struct bench_enrich *b)
{
    enrich_fini(&b->shared);
    batch_free(b->batch);
    enrich_desk_fini(&b->desk);
    arena_fini(&b->arena);
}

/* ---- classifiers */

static void evaluations(enum rule_scope scope, const char *name, uint64_t times)
{
    const struct enrich_core_conf core = {.exporter_classifiers = {8, exporter_rules},
                                          .interface_classifiers = {6, interface_rules}};
    const char *key;
    struct err e;
    struct rule_outcome o;
    struct classify_failure f;
    struct rule_subject s = {.exporter_ip = STR("192.0.2.1"),
                             .exporter_name = STR("th2-ncs55a1-1.example.fr"),
                             .name = STR("HundredGigE0/0/0/1"),
                             .description = STR("Core: router1 1"),
                             .index = 1,
                             .speed = 100000};
    struct classifier *c = classify_new(&core, &key, &e);
    struct rule_vm *vm = rule_vm_new();
    classify_run(c, scope, vm, &s, &o, &f); /* the expressions' automata are built by their first use */
    uint64_t cpu = clock_cpu_ns();
    for (uint64_t i = 0; i < times; i++)
        classify_run(c, scope, vm, &s, &o, &f);
    bench_print(name, (double)(clock_cpu_ns() - cpu) / (double)times, "ns");
    rule_vm_free(vm);
    classify_free(c);
}

/* Pairs of interfaces, `step` apart, so that all or few of them are new. */
static void rows(struct batch *b, uint32_t from)
{
    batch_reset(b);
    struct ip *exporter = BATCH_IP(b, ExporterAddress);
    uint32_t *in = BATCH_U32(b, InIfIndex), *out = BATCH_U32(b, OutIfIndex);
    (void)BATCH_U64(b, SamplingRate);
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        exporter[i] = ip_v4((uint8_t[]){192, 0, 2, 1});
        in[i] = 1 + (from + i) % INTERFACES;
        out[i] = 1 + (from + i) / INTERFACES % INTERFACES;
    }
    b->n = BATCH_ROWS;
}

/* Edges met for the first time, then the same ones again. */
static void edges(bool with_rules, const char *first, const char *again)
{
    enum { BATCHES = 32 };
    struct bench_enrich b;
    struct enricher r;
    uint64_t took[2] = {0};
    bench_init(&b, with_rules);
    enricher_init(&r, &b.shared, &b.desk);
    enricher_pin(&r, 3600);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < BATCHES; i++) {
            rows(b.batch, i * BATCH_ROWS);
            uint64_t cpu = clock_cpu_ns();
            enricher_fill(&r, b.batch);
            took[round] += clock_cpu_ns() - cpu;
        }
    bench_print(first, (double)took[0] / (BATCHES * BATCH_ROWS), "ns");
    if (again)
        bench_print(again, (double)took[1] / (BATCHES * BATCH_ROWS), "ns");
    enricher_fini(&r);
    bench_fini(&b);
}

static void classifiers(uint64_t times)
{
    evaluations(RULE_EXPORTER, "enrich_classify_exporter_ns", times);
    evaluations(RULE_INTERFACE, "enrich_classify_interface_ns", times);
    edges(false, "enrich_new_edge_without_rules_ns", NULL);
    edges(true, "enrich_new_edge_ns", "enrich_known_edge_ns_per_flow");
}

/* ---- */

int bench_enrich(int argc, char **argv)
{
    log_setup("bench", LOG_ERROR, false);
    snapshot_reader_on();
    classifiers(bench_number(argc, argv, "times", 100000));
    snapshot_reader_off();
    return 0;
}
