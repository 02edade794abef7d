/* The outlet's lives, one after another, over what fake.h stands in for: reading, dying anywhere, reading again. */
#pragma once
#include "main/outlet/fake.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { BASE_S = 1800000000 / 60 * 60 };

struct sim {
    struct fake_bus bus;
    struct fake_store store;
    struct schema schema;
    struct enrich enrich;
    struct outlet_env env;
    struct worker worker;
    struct cut_rule rules[3];
    const char *rejected_dir;
    uint64_t seed;
};

static inline void configure(struct sim *s)
{
    /* every exporter's rate is 7 by default; who has which name changes from life to life */
    static struct prefix all;
    static uint64_t rate = 7;
    static int asn = ASN_FLOW;
    struct enrich_exporter_conf exporter = {.name = fake_rnd(&s->seed) % 2 ? "edge1" : "edge2"};
    struct enrich_metadata_provider provider = {.type = METADATA_STATIC, .exporters = {1, &all, &exporter}};
    struct enrich_metadata_conf metadata = {.providers = {1, &provider}};
    static const char *rule = "Exporter.IP == \"192.0.2.3\" && Reject()";
    struct enrich_core_conf core = {.asn_providers = {1, &asn},
                                    .default_sampling_rate = {1, &all, &rate},
                                    .exporter_classifiers = {1, &rule}};
    enrich_configure(&s->enrich, &core, &metadata);
}

static inline void begin_life(struct sim *s)
{
    struct err e;
    struct insert_conf conf = {.way = {fake_open, fake_close, fake_insert, &s->store},
                               .rejected_dir = s->rejected_dir};
    configure(s);
    s->env.inserter = inserter_new(&conf);
    s->env.rule = &s->rules[fake_rnd(&s->seed) % 3];
    s->bus.commits_to_fail = 0; /* it could not begin */
    if (!worker_init(&s->worker, &s->env, 0, 1, &e))
        fail_msg("%s", e.msg);
    s->bus.commits_to_fail = 10;
}

static inline void end_life(struct sim *s)
{
    worker_fini(&s->worker);
    inserter_free(s->env.inserter);
}

static inline bool all_committed(const struct sim *s)
{
    for (int p = 0; p < FAKE_PARTS; p++)
        if (s->bus.part[p].visible < s->bus.part[p].n || s->bus.part[p].commit / 10 < s->bus.part[p].n - 1)
            return false;
    return true;
}

static inline void live(struct sim *s, bool to_the_end)
{
    unsigned steps = to_the_end ? 1000000 : fake_rnd(&s->seed) % 60;
    for (unsigned i = 0; i < steps && !(to_the_end && all_committed(s)); i++) {
        for (int p = 0; p < FAKE_PARTS; p++) {
            size_t more = s->bus.part[p].visible + fake_rnd(&s->seed) % 40;
            s->bus.part[p].visible = more < s->bus.part[p].n ? more : s->bus.part[p].n;
        }
        worker_step(&s->worker);
        for (unsigned k = fake_rnd(&s->seed) % 4; k-- > 0;)
            inserter_do(s->env.inserter, fake_rnd(&s->seed) % 6);
        if (to_the_end)
            inserter_do(s->env.inserter, 0);
        if (fake_rnd(&s->seed) % 200 == 0)
            outlet_rule_set(&s->env, &s->rules[fake_rnd(&s->seed) % 3]);
        if (fake_rnd(&s->seed) % 100 == 0)
            configure(s);
    }
}

/* Columns and rules are the caller's to set, and what is on the bus. */
static inline struct sim *sim_make(uint64_t seed, bool tokens)
{
    struct sim *s = xcalloc(1, sizeof *s);
    s->seed = seed;
    schema_default(&s->schema);
    fake_bus_init(&s->bus, seed + 1);
    s->bus.commits_to_fail = 10;
    s->store.seed = seed + 2;
    s->store.away = 10;
    s->store.cut_off = 10;
    s->store.keep = fake_keep;
    s->enrich.schema = &s->schema;
    s->env = (struct outlet_env){.schema = &s->schema,
                                 .rollup_table = "flows_1m0s",
                                 .bus = &s->bus.r,
                                 .enrich = &s->enrich,
                                 .without_tokens = !tokens};
    return s;
}

/* Once the columns are settled. */
static inline void sim_layout(struct sim *s)
{
    block_layout_init(&s->env.flows, &s->schema, false);
    block_layout_init(&s->env.rolled, &s->schema, true);
}

static inline void sim_free(struct sim *s)
{
    enrich_fini(&s->enrich);
    fake_bus_fini(&s->bus);
    free(s->store.tokens);
    free(s);
}
