/*
 * Exactly once, by simulation: thousands of deaths at any point between reading, inserting, losing an answer and
 * committing, with rules that change in between; in the end flows, rollup and ledger must be what one undisturbed reading
 * of the bus gives. The same without tokens must fail, or the test proves nothing.
 */
#include "main/outlet/expect.h"
#include "main/outlet/exporters.h"
#include <dirent.h>

enum { RUNS = 10 };

/* Lives one after another until all is committed; true when the store has exactly what it should have. */
static bool simulate(uint64_t seed, bool tokens, unsigned *deaths, size_t *duplicates)
{
    struct sim *s = sim_new(seed, tokens);
    struct fake_store *want = xcalloc(1, sizeof *want);
    expect(s, want);
    for (unsigned lives = 40 + fake_rnd(&s->seed) % 60; lives-- > 0; (*deaths)++) {
        begin_life(s);
        live(s, false);
        end_life(s);
    }
    begin_life(s);
    live(s, true);
    assert_true(all_committed(s));
    end_life(s);
    bool ok = equal(&s->store, want);
    *duplicates += s->store.duplicates;
    assert_true(s->store.exporters > 0);
    free(want);
    sim_free(s);
    return ok;
}

static void exactly_once_whatever_dies(void **state)
{
    unsigned deaths = 0;
    size_t duplicates = 0;
    const char *more = getenv("WEIR_TEST_RUNS"); /* thousands of lives take minutes */
    uint64_t runs = more ? strtoull(more, NULL, 10) : RUNS;
    for (uint64_t seed = 1; seed <= runs; seed++)
        if (!simulate(seed, true, &deaths, &duplicates))
            fail_msg("seed %llu: the store does not hold what was received", (unsigned long long)seed);
    assert_true(deaths > 500);
    assert_true(duplicates > deaths); /* blocks did come again, and were recognised */
}

static void without_tokens_it_fails(void **state)
{
    unsigned deaths = 0, wrong = 0;
    size_t duplicates = 0;
    for (uint64_t seed = 1; seed <= 2; seed++)
        wrong += !simulate(seed, false, &deaths, &duplicates);
    assert_int_equal(wrong, 2);
}

/* ---- refusals */

static void refused_blocks_are_in_the_ledger(void **state)
{
    struct sim *s = sim_new(3, true);
    struct fake_store *want = xcalloc(1, sizeof *want);
    expect(s, want);
    s->store.refuse = "flows";
    char dir[] = "/tmp/weir-refused-XXXXXX", command[64];
    assert_non_null(mkdtemp(dir));
    s->rejected_dir = dir;
    begin_life(s);
    live(s, true);
    uint64_t refused = counter_get(inserter_counters(s->env.inserter), INSERT_BLOCKS_REFUSED);
    end_life(s);
    size_t files = 0;
    DIR *d = opendir(dir);
    for (struct dirent *f; (f = readdir(d));)
        files += strncmp(f->d_name, "flows-", 6) == 0;
    closedir(d);
    assert_true(refused > 0 && files == 2 * refused); /* the block, and why */
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    for (int who = 0; who < FAKE_SOURCES; who++)
        for (int m = 0; m < FAKE_MINUTES; m++) {
            assert_int_equal(s->store.ledger[who][m].decoded, want->ledger[who][m].decoded);
            assert_int_equal(s->store.ledger[who][m].rejected, want->ledger[who][m].decoded);
            assert_int_equal(s->store.ledger[who][m].stored, 0);
        }
    free(want);
    sim_free(s);
}

/* ---- a stopped store */

static void a_store_that_is_away_stops_the_reading(void **state)
{
    struct sim *s = sim_new(4, true);
    s->store.away = 100;
    begin_life(s);
    for (int p = 0; p < FAKE_PARTS; p++) {
        s->bus.part[p].visible = s->bus.part[p].n;
    }
    for (int i = 0; i < 5000; i++) {
        worker_step(&s->worker);
        inserter_do(s->env.inserter, 0);
    }
    assert_true(s->worker.pending_jobs < 400);
    assert_int_equal(s->bus.part[0].commit, 0);
    s->store.away = 0;
    live(s, true);
    end_life(s);
    struct fake_store *want = xcalloc(1, sizeof *want);
    expect(s, want);
    assert_true(equal(&s->store, want));
    free(want);
    sim_free(s);
}

/* ---- cutting */

static struct bus_record record(enum bus_kind kind, uint64_t second, uint32_t len)
{
    return (struct bus_record){.kind = kind, .second = second, .d = {.len = len}};
}

static enum cut_here step(struct cut *c, enum bus_kind kind, uint64_t second, uint32_t len)
{
    struct bus_record r = record(kind, second, len);
    enum cut_here here = cut_before(c, &r);
    cut_take(c, here, &r);
    return here;
}

static void slots_are_cut_by_records(void **state)
{
    struct cut c = {.rule = {.slot_s = 4,
                             .slot_datagrams = 3,
                             .minute_datagrams = 100,
                             .slot_bytes = 1000,
                             .minute_bytes = 5000}};
    assert_int_equal(step(&c, BUS_DGRAM, 6001, 10), CUT_MINUTE);
    assert_int_equal(step(&c, BUS_DGRAM, 6003, 10), CUT_NOT);
    assert_int_equal(step(&c, BUS_DGRAM, 6004, 10), CUT_SLOT); /* aligned: 6000-6003 */
    assert_int_equal(step(&c, BUS_DGRAM, 6002, 10), CUT_NOT);  /* late */
    assert_int_equal(step(&c, BUS_TICK, 6007, 0), CUT_NOT);
    assert_int_equal(step(&c, BUS_TICK, 6008, 0), CUT_SLOT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(step(&c, BUS_DGRAM, 6008, 10), CUT_NOT);
    assert_int_equal(step(&c, BUS_DGRAM, 6008, 10), CUT_SLOT); /* three datagrams are enough */
    assert_int_equal(step(&c, BUS_DGRAM, 6009, 1000), CUT_NOT);
    assert_int_equal(step(&c, BUS_DGRAM, 6009, 10), CUT_SLOT); /* so are so many bytes */
    assert_int_equal(step(&c, BUS_TICK, 6060, 0), CUT_MINUTE);
    assert_int_equal(step(&c, BUS_TICK, 6030, 0), CUT_NOT);
    assert_int_equal(step(&c, BUS_TICK, 5990, 0), CUT_MINUTE); /* the clock was set back */
    assert_int_equal(step(&c, BUS_TICK, 5991, 0), CUT_NOT);
    assert_int_equal(step(&c, BUS_DGRAM, 5991, 4999), CUT_NOT);
    assert_int_equal(step(&c, BUS_DGRAM, 5991, 10), CUT_SLOT);
    assert_int_equal(step(&c, BUS_DGRAM, 5992, 10), CUT_MINUTE); /* as much as a minute may have */
}

/* ---- rate limits */

/* Each second an exporter sends one kind of flows, then another; ten times as many as it may. */
static void a_limit_is_fair(void **state)
{
    struct limit l = {0};
    uint64_t kept[2] = {0}, seen = 0, told = 0;
    for (uint64_t second = 1000; second < 1010; second++)
        for (int i = 0; i < 1000; i++) {
            struct dgram d = {
                .src = ip_v4((uint8_t[]){192, 0, 2, 1}), .rate_limit = 1000, .rx_ns = second * 1000000000u};
            struct limit_row *r = limit_row(&l, &d);
            bool in = limit_admits(r, &d);
            limit_count(r, 10, in);
            if (second == 1000)
                continue; /* it is not known yet that there will be too many */
            kept[i / 500] += in ? 10 : 0;
            told += in ? 10 * r->factor / LIMIT_ONE : 0;
            seen += 10;
        }
    assert_in_range(kept[0] + kept[1], 9 * 990, 9 * 1010);
    assert_in_range(kept[0], kept[1] * 95 / 100, kept[1] * 105 / 100);
    assert_in_range(told, seen * 98 / 100, seen * 102 / 100);

    /* when it sends less, all is kept again, from the second after */
    for (uint64_t second = 1010; second < 1013; second++)
        for (int i = 0; i < 90; i++) {
            struct dgram d = {
                .src = ip_v4((uint8_t[]){192, 0, 2, 1}), .rate_limit = 1000, .rx_ns = second * 1000000000u};
            struct limit_row *r = limit_row(&l, &d);
            bool in = limit_admits(r, &d);
            limit_count(r, 10, in);
            assert_true(in || second == 1010);
            assert_true(r->factor == LIMIT_ONE || second < 1012);
        }
    limit_fini(&l);
}

/* A commit written before shares were kept can still be read. */
static void limits_are_saved(void **state)
{
    struct limit l = {0}, again = {0};
    struct dgram d = {.src = ip_v4((uint8_t[]){192, 0, 2, 1}), .rate_limit = 10, .rx_ns = 1000000000000u};
    limit_count(limit_row(&l, &d), 40, true);
    d.rx_ns += 1000000000u;
    limit_row(&l, &d);
    struct buf b, old;
    buf_init(&b, 0);
    buf_init(&old, 0);
    limit_save(&l, &b);
    buf_add(&old, b.p, b.len - 4);
    struct str in = buf_str(&b), in_old = buf_str(&old);
    assert_true(limit_load(&again, &in, false) && in.len == 0);
    assert_memory_equal(&again.rows[0], &l.rows[0], sizeof l.rows[0]);
    assert_int_equal(again.rows[0].share, LIMIT_ALL / 4);
    assert_true(limit_load(&again, &in_old, true) && in_old.len == 0);
    assert_int_equal(again.rows[0].share, LIMIT_ALL);
    limit_fini(&l);
    limit_fini(&again);
    buf_fini(&b);
    buf_fini(&old);
}

/* ---- names */

static void names_change_without_a_restart(void **state)
{
    struct sim *s = sim_new(5, true);
    struct prefix all = {0};
    struct enrich_interface_conf ifaces[2] = {{.name = "old"},
                                              {.name = "new", .boundary = BOUNDARY_EXTERNAL}};
    const char *key = "7";
    struct batch *b = batch_new();
    struct enrich_desk desk;
    struct enricher r;
    enrich_desk_init(&desk);
    enricher_init(&r, &s->enrich, &desk);
    for (int i = 0; i < 2; i++) {
        struct enrich_exporter_conf exporter = {.name = "r1", .ifindexes = {1, &key, &ifaces[i]}};
        struct enrich_metadata_provider provider = {.type = METADATA_STATIC,
                                                    .exporters = {1, &all, &exporter}};
        struct enrich_metadata_conf metadata = {.providers = {1, &provider}};
        enrich_configure(&s->enrich, &(struct enrich_core_conf){0}, &metadata);
        batch_reset(b);
        b->n = 2;
        BATCH_IP(b, ExporterAddress)[0] = BATCH_IP(b, ExporterAddress)[1] = ip_v4((uint8_t[]){192, 0, 2, 1});
        BATCH_U32(b, InIfIndex)[0] = 7;
        BATCH_U32(b, OutIfIndex)[0] = 9;
        enricher_pin(&r, 100);
        enricher_fill(&r, b);
        const struct edge *e = &r.edges.rows[BATCH_U32(b, Edge)[0]],
                          *none = &r.edges.rows[BATCH_U32(b, Edge)[1]];
        assert_true(str_eq(intern_str(&r.strings, e->v[edge_value(COL_ExporterName)]), STR("r1")));
        assert_true(str_eq(intern_str(&r.strings, e->v[edge_value(COL_InIfName)]), str_from(ifaces[i].name)));
        assert_int_equal(e->v[edge_value(COL_InIfBoundary)], i ? 1 : 0);
        assert_true(
            str_eq(intern_str(&r.strings, e->v[edge_value(COL_OutIfName)]), STR("9"))); /* not listed */
        assert_int_equal(none->v[edge_value(COL_InIfName)], 0); /* index 0 has no name */
        assert_int_equal(BATCH_U64(b, SamplingRate)[0], 1);
    }
    assert_int_equal(r.count.unknown_rate, 4);
    /* the same again makes no edge anew, nor does another minute; another hour does */
    struct enrich_exporter_conf same = {.name = "r1", .ifindexes = {1, &key, &ifaces[1]}};
    struct enrich_metadata_provider again = {.type = METADATA_STATIC, .exporters = {1, &all, &same}};
    uint32_t edges = r.edges.n;
    enrich_configure(&s->enrich, &(struct enrich_core_conf){0},
                     &(struct enrich_metadata_conf){.providers = {1, &again}});
    enricher_pin(&r, 160);
    assert_int_equal(r.edges.n, edges);
    assert_int_equal(edges, 3); /* 7 to 9 under both names, and none */
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(exporters_native(&r, 0, 1800000000, &out), 4); /* old, 9, none, new */
    struct native_block got = native_read(buf_str(&out));
    assert_false(got.bad);
    assert_string_equal(native_text(&got, "IfName", 0), "old");
    assert_string_equal(native_text(&got, "ExporterName", 0), "r1");
    assert_string_equal(native_text(&got, "SamplingRateFrom", 0), "unknown");
    native_block_free(&got);
    buf_fini(&out);
    enricher_fini(&r);
    batch_free(b);
    enrich_desk_fini(&desk);
    sim_free(s);
}

/* Several at a time find what one at a time finds, through runs, growth, and edges that are not known. */
static void edges_are_found_together(void **state)
{
    enum { ROWS = 1000, EXPORTERS = 40, INTERFACES = 60 };
    static struct ip exporter[ROWS];
    static uint32_t in[ROWS], out[ROWS], id[ROWS];
    static uint16_t in_vlan[ROWS], out_vlan[ROWS];
    struct edges t;
    uint32_t seed = 12345, known = 0;
    edges_init(&t);
    for (unsigned round = 0; round < 30; round++) {
        struct edges_ask q = {exporter, in, out, round % 2 ? in_vlan : NULL, round % 2 ? out_vlan : NULL};
        for (uint32_t i = 0; i < ROWS; i++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t k = i > 0 && seed >> 30 == 0 ? i - 1 : i, draw = seed >> 8;
            exporter[i] = k < i ? exporter[k] : ip_v4((uint8_t[]){192, 0, 2, (uint8_t)(draw % EXPORTERS)});
            in[i] = k < i ? in[k] : draw / EXPORTERS % INTERFACES;
            out[i] = k < i ? out[k] : draw % 7;
            in_vlan[i] = (uint16_t)(k < i ? in_vlan[k] : draw % 2);
            out_vlan[i] = (uint16_t)(draw % 3 == 0); /* differs in runs as well */
        }
        edges_find_many(&t, &q, ROWS, id);
        for (uint32_t i = 0; i < ROWS; i++) {
            uint32_t vlans = edges_vlans(&q, i);
            assert_int_equal(id[i], edges_find(&t, exporter[i], in[i], out[i], vlans));
            known += id[i] != EDGE_NONE;
        }
        for (uint32_t i = 0; i < ROWS; i += 2)
            edges_add(&t, exporter[i], in[i], out[i], edges_vlans(&q, i));
    }
    assert_in_range(known, 1000, 29 * ROWS);
    edges_fini(&t);
}

/* Interfaces that are met at once are all told, each once, however many they are. */
static void many_interfaces_are_told(void **state)
{
    enum { INTERFACES = 6000, INPUTS = 10 };
    struct sim *s = sim_new(5, true);
    struct enrich_desk desk;
    struct enricher r;
    enrich_desk_init(&desk);
    enricher_init(&r, &s->enrich, &desk);
    for (uint32_t i = 0; i < INTERFACES; i++) {
        uint32_t id = edges_add(&r.edges, ip_v4((uint8_t[]){192, 0, 2, 1}), 1 + i % INPUTS, 100 + i, 0);
        struct edge *e = &r.edges.rows[id];
        e->v[edge_value(COL_InIfName)] = intern(&r.strings, str_from(i % INPUTS ? "in" : "first"));
        e->v[edge_value(COL_OutIfName)] = intern(&r.strings, (struct str){(const char *)&i, sizeof i});
    }
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(exporters_native(&r, 0, 1800000000, &out), INTERFACES + 2);
    struct native_block got = native_read(buf_str(&out));
    assert_false(got.bad);
    assert_string_equal(native_text(&got, "IfName", 0), "first");
    assert_string_equal(native_text(&got, "IfName", 2), "in");
    native_block_free(&got);
    buf_reset(&out);
    assert_int_equal(exporters_native(&r, INTERFACES - 1, 1800000000, &out), 2);
    buf_fini(&out);
    enricher_fini(&r);
    enrich_desk_fini(&desk);
    sim_free(s);
}

static void crowds_are_bounded(void **state)
{
    struct edges t;
    edges_init(&t);
    struct ip a = ip_v4((uint8_t[]){192, 0, 2, 1});
    for (uint32_t i = 0; i < EDGES_MAX + 1000; i++)
        edges_add(&t, a, i, i, 0);
    assert_int_equal(t.n, EDGES_MAX);
    assert_int_equal(t.crowded, 1000);
    for (uint32_t i = 0; i < EDGES_MOST + 1000; i++)
        edges_add(&t, ip_v4(&i), 1, 1, 0);
    assert_true(t.n <= EDGES_MOST + 1);
    edges_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slots_are_cut_by_records),
                                       cmocka_unit_test(a_limit_is_fair),
                                       cmocka_unit_test(limits_are_saved),
                                       cmocka_unit_test(names_change_without_a_restart),
                                       cmocka_unit_test(edges_are_found_together),
                                       cmocka_unit_test(many_interfaces_are_told),
                                       cmocka_unit_test(crowds_are_bounded),
                                       cmocka_unit_test(refused_blocks_are_in_the_ledger),
                                       cmocka_unit_test(a_store_that_is_away_stops_the_reading),
                                       cmocka_unit_test(exactly_once_whatever_dies),
                                       cmocka_unit_test(without_tokens_it_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
