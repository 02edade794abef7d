/* Metadata without a network: answers, tables read from what agents say, the queue, the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "enrich/meta/discover.h"
#include "enrich/meta/metadata.h"
#include "enrich/meta/persist.h"
#include "enrich/meta/view.h"
#include "enrich/meta/walk.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- texts */

static void check_text(struct str raw, struct str wanted)
{
    struct meta_draft d;
    meta_draft_init(&d, 1);
    struct str got = meta_draft_text(&d, raw);
    if (!str_eq(got, wanted))
        fail_msg("\"%.*s\" instead of \"%.*s\"", STR_ARG(got), STR_ARG(wanted));
    meta_draft_fini(&d);
}

static void texts_are_made_clean(void **state)
{
    check_text(STR("xe-0/0/1"), STR("xe-0/0/1"));
    check_text(STR("Orl\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x99"),
               STR("Orl\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x99"));
    check_text(STR("Orl\xe9 \xfc"), STR("Orl\xc3\xa9 \xc3\xbc")); /* Latin-1 */
    check_text(STR(" a\tb\x1b[31m\r\n"), STR("a b [31m"));
    check_text(STR("a\xc2\x9b-\x9b-\x7f"), STR("a -?-")); /* C1, in both encodings */
    check_text(STR("a\xe2\x80\xaetxt"), STR("a txt"));    /* from right to left */
    check_text(STR("eth0\0\0"), STR("eth0"));
    check_text(STR(""), STR(""));
    char many[600];
    memset(many, 'x', sizeof many);
    struct meta_draft d;
    meta_draft_init(&d, 1);
    assert_int_equal(meta_draft_text(&d, (struct str){many, sizeof many}).len, META_TEXT_MAX);
    assert_int_equal(d.cut, 1);
    for (size_t i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "\xc3\xa9", 2);
    struct str cut = meta_draft_text(&d, (struct str){many, sizeof many});
    assert_int_equal(cut.len, META_TEXT_MAX - 1); /* whole characters */
    assert_int_equal(str_utf8(cut), cut.len);
    meta_draft_fini(&d);
}

/* ---- walk against an agent of our own */

struct object {
    walk_oid oid[14];
    size_t len;
    enum walk_kind kind;
    uint64_t number;
    const char *text;
};

static int compare(const walk_oid *a, size_t na, const walk_oid *b, size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return (na > nb) - (na < nb);
}

static const struct object *after(const struct object *mib, size_t n, const walk_oid *oid, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (compare(mib[i].oid, mib[i].len, oid, len) > 0)
            return &mib[i];
    return NULL;
}

/* GETBULK over a sorted MIB, as RFC 3416 4.2.3 has it; at most `most` variables fit the answer. */
static size_t bulk(const struct object *mib, size_t n, walk_oid oids[][WALK_OID_MAX], const size_t *lens,
                   unsigned n_oids, unsigned repetitions, size_t most, struct walk_var *out)
{
    const walk_oid *at[WALK_COLUMNS];
    size_t at_len[WALK_COLUMNS], got = 0;
    for (unsigned k = 0; k < n_oids; k++) {
        at[k] = oids[k];
        at_len[k] = lens[k];
    }
    for (unsigned r = 0; r < repetitions; r++)
        for (unsigned k = 0; k < n_oids && got < most; k++) {
            const struct object *o = after(mib, n, at[k], at_len[k]);
            if (o) {
                out[got++] = (struct walk_var){o->oid, o->len, o->kind, o->number, str_from(o->text)};
                at[k] = o->oid;
                at_len[k] = o->len;
            } else {
                out[got++] = (struct walk_var){at[k], at_len[k], WALK_NOTHING, 0, {0}};
            }
        }
    return got;
}

#define IF_DESCR(i, t)                                                                                       \
    {                                                                                                        \
        {1, 3, 6, 1, 2, 1, 2, 2, 1, 2, i}, 11, WALK_TEXT, 0, t                                               \
    }
#define IF_SPEED(i, v)                                                                                       \
    {                                                                                                        \
        {1, 3, 6, 1, 2, 1, 2, 2, 1, 5, i}, 11, WALK_NUMBER, v, NULL                                          \
    }
#define IF_NAME(i, t)                                                                                        \
    {                                                                                                        \
        {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, i}, 12, WALK_TEXT, 0, t                                           \
    }
#define IF_HIGH(i, v)                                                                                        \
    {                                                                                                        \
        {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15, i}, 12, WALK_NUMBER, v, NULL                                     \
    }
#define IF_ALIAS(i, t)                                                                                       \
    {                                                                                                        \
        {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, i}, 12, WALK_TEXT, 0, t                                          \
    }

static const struct object router[] = {
    IF_DESCR(1, "TenGigE0/0/0/0"),
    IF_DESCR(2, "lo"),
    IF_DESCR(7, "old port"),
    IF_DESCR(500, "GigabitEthernet0/1"),
    IF_SPEED(1, 4294967295),
    IF_SPEED(2, 10000000),
    IF_SPEED(7, 100000000),
    IF_NAME(1, "Te0/0/0/0"),
    IF_NAME(2, "lo"),
    IF_NAME(500, "Gi0/1"),
    IF_HIGH(1, 10000),
    IF_HIGH(2, 0),
    IF_HIGH(500, 1000),
    IF_ALIAS(1, "Transit: Cogent 1-3834938493"),
    IF_ALIAS(500, "Gi0/1"),
    {{1, 3, 6, 1, 2, 1, 31, 1, 2, 1, 3}, 11, WALK_NUMBER, 1, NULL},
};

static struct meta_answer *walk_all(const struct object *mib, size_t n, unsigned repetitions, size_t most,
                                    uint32_t max_ifaces)
{
    struct walk w;
    walk_oid oids[WALK_COLUMNS][WALK_OID_MAX];
    size_t lens[WALK_COLUMNS];
    struct walk_var vars[256];
    unsigned n_oids, rounds = 0;
    walk_init(&w, max_ifaces);
    while (walk_next(&w, oids, lens, &n_oids)) {
        walk_take(&w, vars, bulk(mib, n, oids, lens, n_oids, repetitions, most, vars));
        assert_in_range(++rounds, 1, 200);
    }
    struct meta_answer *a = walk_answer(&w, STR("r1"), 99);
    walk_fini(&w);
    return a;
}

static void check_iface(const struct meta_answer *a, uint32_t index, const char *name,
                        const char *description, uint32_t speed)
{
    const struct meta_iface *i = meta_answer_iface(a, index);
    assert_non_null(i);
    if (!str_eq(i->name, str_from(name)) || !str_eq(i->description, str_from(description)))
        fail_msg("%u: \"%.*s\", \"%.*s\"", index, STR_ARG(i->name), STR_ARG(i->description));
    assert_int_equal(i->speed, speed);
}

static void tables_are_read_whole(void **state)
{
    static const struct {
        unsigned repetitions;
        size_t most;
    } ways[] = {{10, 256}, {1, 256}, {2, 256}, {10, 7}, {3, 1}, {10, 3}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct meta_answer *a =
            walk_all(router, sizeof router / sizeof *router, ways[i].repetitions, ways[i].most, 100);
        assert_true(str_eq(a->name, STR("r1")));
        assert_int_equal(a->n, 4);
        check_iface(a, 1, "Te0/0/0/0", "Transit: Cogent 1-3834938493", 10000);
        check_iface(a, 2, "lo", "", 10);
        check_iface(a, 7, "old port", "", 100); /* only in ifTable */
        check_iface(a, 500, "Gi0/1", "GigabitEthernet0/1", 1000);
        assert_null(meta_answer_iface(a, 3));
        meta_answer_unref(a);
    }
    struct meta_answer *a = walk_all(router, sizeof router / sizeof *router, 10, 256, 2);
    assert_int_equal(a->n, 2); /* the bound */
    meta_answer_unref(a);
}

static void a_lying_agent_ends_the_walk(void **state)
{
    static const walk_oid same[] = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 5};
    struct walk w;
    walk_oid oids[WALK_COLUMNS][WALK_OID_MAX];
    size_t lens[WALK_COLUMNS];
    unsigned n, rounds = 0;
    walk_init(&w, 100);
    while (walk_next(&w, oids, lens, &n)) { /* always the same object, whatever is asked */
        struct walk_var v = {same, 12, WALK_TEXT, 0, STR("x")};
        walk_take(&w, &v, 1);
        assert_in_range(++rounds, 1, 10);
    }
    assert_int_equal(w.lies, 1);
    assert_int_equal(w.n, 1);
    walk_fini(&w);
    walk_init(&w, 100);
    assert_true(walk_next(&w, oids, lens, &n));
    walk_take(&w, NULL, 0); /* an empty answer */
    assert_false(walk_next(&w, oids, lens, &n));
    struct walk_var v = {same, 12, WALK_TEXT, 0, STR("five")};
    walk_take_one(&w, 6, &v, 1);
    assert_int_equal(w.lies, 1);
    walk_take_one(&w, 5, &v, 1);
    struct meta_answer *a = walk_answer(&w, STR(""), 1);
    check_iface(a, 5, "five", "", 0);
    meta_answer_unref(a);
    walk_fini(&w);
}

/* ---- file */

struct seen {
    unsigned n;
    struct persist_row rows[4];
};

static void on_row(void *arg, struct persist_row *r)
{
    struct seen *s = arg;
    s->rows[s->n++ % 4] = *r;
}

static void the_file_keeps_answers(void **state)
{
    struct buf b;
    struct err e;
    struct seen seen = {0};
    struct meta_answer *a = walk_all(router, sizeof router / sizeof *router, 10, 256, 100);
    buf_init(&b, 0);
    persist_begin(&b);
    persist_add(&b, &(struct persist_row){2, 1, ip_v4((uint8_t[]){192, 0, 2, 1}), a});
    persist_add(&b, &(struct persist_row){0, 0, ip_v4((uint8_t[]){192, 0, 2, 2}), a});
    persist_end(&b);
    assert_true(persist_read(buf_str(&b), 100, on_row, &seen, &e));
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.rows[0].type, 2);
    assert_int_equal(seen.rows[0].ordinal, 1);
    assert_int_equal(seen.rows[1].exporter.b[15], 2);
    for (int i = 0; i < 2; i++) {
        assert_true(meta_answer_same(seen.rows[i].answer, a));
        assert_int_equal(seen.rows[i].answer->learnt_s, 99);
        meta_answer_unref(seen.rows[i].answer);
    }
    seen.n = 0;
    for (size_t i = 0; i < b.len; i++) { /* any byte that is not what it was: nothing is taken */
        b.p[i] ^= 1;
        assert_false(persist_read(buf_str(&b), 100, on_row, &seen, &e));
        assert_false(persist_read((struct str){(char *)b.p, i}, 100, on_row, &seen, &e));
        b.p[i] ^= 1;
    }
    assert_int_equal(seen.n, 0);
    buf_fini(&b);
    meta_answer_unref(a);
}

/* ---- queue */

enum { WRITERS = 4, EACH = 20000, QUEUE = 256 };

static void *writer(void *arg)
{
    struct meta_queue *q = arg;
    for (uint32_t i = 0; i < EACH; i++)
        while (!meta_queue_put(q, &(struct meta_ask){.index = {i, ~i}}))
            ;
    return NULL;
}

static void the_queue_loses_nothing_that_it_took(void **state)
{
    struct meta_queue *q = calloc(1, sizeof *q);
    struct meta_ask ask;
    pthread_t threads[WRITERS];
    meta_queue_init(q, sizeof ask, QUEUE);
    assert_false(meta_queue_get(q, &ask));
    for (unsigned i = 0; i < QUEUE; i++)
        assert_true(meta_queue_put(q, &(struct meta_ask){.index = {i, 0}}));
    assert_false(meta_queue_put(q, &ask));
    assert_int_equal(q->lost, 1);
    for (unsigned i = 0; i < QUEUE; i++) {
        assert_true(meta_queue_get(q, &ask));
        assert_int_equal(ask.index[0], i);
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, q), 0);
    uint64_t sum = 0;
    for (unsigned n = 0; n < WRITERS * EACH;)
        if (meta_queue_get(q, &ask)) {
            assert_int_equal(ask.index[1], ~ask.index[0]);
            sum += ask.index[0];
            n++;
        }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sum, (uint64_t)WRITERS * EACH * (EACH - 1) / 2);
    assert_false(meta_queue_get(q, &ask));
    meta_queue_fini(q);
    free(q);
}

/* ---- discovery */

static void engines_are_discovered(void **state)
{
    struct buf b;
    struct discover_engine e;
    buf_init(&b, 0);
    discover_question(&b, 77);
    assert_false(discover_answer(buf_str(&b), 77, &e)); /* a question has no engine */
    for (size_t i = 0; i < b.len; i++)
        assert_false(discover_answer((struct str){(char *)b.p, i}, 77, &e));
    buf_fini(&b);
    /* a report of the kind that agents send: engine 80001f8880, boots 2, time 256 */
    static const uint8_t report[] = {0x30, 0x2e, 0x02, 0x01, 0x03, 0x30, 0x0e, 0x02, 0x01, 0x4d, 0x02, 0x03,
                                     0x00, 0xff, 0xe3, 0x04, 0x01, 0x00, 0x02, 0x01, 0x03, 0x04, 0x19, 0x30,
                                     0x17, 0x04, 0x05, 0x80, 0x00, 0x1f, 0x88, 0x80, 0x02, 0x01, 0x02, 0x02,
                                     0x02, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x30};
    struct str packet = {(const char *)report, sizeof report};
    assert_true(discover_answer(packet, 77, &e));
    assert_true(str_eq(e.id, STR("\x80\x00\x1f\x88\x80")));
    assert_int_equal(e.boots, 2);
    assert_int_equal(e.time_s, 256);
    assert_false(discover_answer(packet, 78, &e)); /* to another question */
}

/* ---- the chain */

static struct prefix prefix_of(const char *z)
{
    struct prefix p;
    assert_true(prefix_parse(str_from(z), &p));
    return p;
}

static struct ip ip_of(const char *z)
{
    return prefix_of(z).ip;
}

/* What one row of edges gets from a snapshot. */
struct named {
    char exporter[64], group[64], in[64], in_description[64], out[64];
    uint32_t in_speed;
    uint8_t in_boundary;
};

static void text_at(const struct view *v, const struct batch *b, enum column c, char *out)
{
    struct str s = intern_str(v->strings, ((const uint32_t *)b->col[c])[0]);
    snprintf(out, 64, "%.*s", STR_ARG(s));
}

static struct named fill_one(const struct snapshot *s, const char *exporter, uint32_t in, uint32_t out)
{
    struct intern strings;
    struct named n = {0};
    struct batch *b = batch_new();
    intern_init(&strings);
    struct view v = {.strings = &strings, .snapshot = {snapshot_get(s).data}};
    BATCH_IP(b, ExporterAddress)[0] = ip_of(exporter);
    BATCH_U32(b, InIfIndex)[0] = in;
    BATCH_U32(b, OutIfIndex)[0] = out;
    b->n = 1;
    enrich_metadata.fill(b, &v, 0);
    text_at(&v, b, COL_ExporterName, n.exporter);
    text_at(&v, b, COL_ExporterGroup, n.group);
    text_at(&v, b, COL_InIfName, n.in);
    text_at(&v, b, COL_InIfDescription, n.in_description);
    text_at(&v, b, COL_OutIfName, n.out);
    n.in_speed = BATCH_U32(b, InIfSpeed)[0];
    n.in_boundary = BATCH_U8(b, InIfBoundary)[0];
    batch_free(b);
    intern_fini(&strings);
    return n;
}

static void the_first_provider_that_knows_wins(void **state)
{
    struct snapshot s = {0};
    struct prefix p1[] = {prefix_of("192.0.2.1"), prefix_of("192.0.2.2"), prefix_of("192.0.2.0/24")},
                  p2[] = {prefix_of("::/0")};
    const char *seven[] = {"7"};
    struct enrich_interface_conf ifaces[] = {{.name = "seven", .speed = 10}, {.boundary = BOUNDARY_EXTERNAL}};
    struct enrich_exporter_conf first[] = {{.name = "one",
                                            .ifindexes = {1, seven, &ifaces[0]},
                                            .skip_missing_interfaces = true,
                                            .fallback = {.name = "never"}},
                                           {.group = "edge", .ifindexes = {1, seven, &ifaces[1]}},
                                           {.name = "net", .fallback = {.name = "any"}}};
    struct enrich_exporter_conf second[] = {
        {.name = "last", .group = "core", .fallback = {.name = "rest", .speed = 5}}};
    struct enrich_metadata_provider providers[] = {{.type = METADATA_STATIC, .exporters = {3, p1, first}},
                                                   {.type = METADATA_GNMI},
                                                   {.type = METADATA_STATIC, .exporters = {1, p2, second}}};
    struct enrich_metadata_conf conf = {.providers = {3, providers}};
    struct metadata *m = metadata_new(&s);
    metadata_configure(m, &conf);
    struct named n = fill_one(&s, "192.0.2.1", 7, 8); /* what is missing is left to the next one */
    assert_string_equal(n.exporter, "one");
    assert_string_equal(n.group, "");
    assert_string_equal(n.in, "seven");
    assert_string_equal(n.out, "rest");
    n = fill_one(&s, "192.0.2.2", 7, 0); /* attributes here, the name from the next one */
    assert_string_equal(n.exporter, "last");
    assert_string_equal(n.group, "edge");
    assert_string_equal(n.in, "rest");
    assert_int_equal(n.in_speed, 5);
    assert_int_equal(n.in_boundary, BOUNDARY_EXTERNAL);
    assert_string_equal(n.out, "");
    n = fill_one(&s, "192.0.2.9", 1, 2); /* the network, not the whole world */
    assert_string_equal(n.exporter, "net");
    assert_string_equal(n.in, "any");
    n = fill_one(&s, "2001:db8::1", 1, 2);
    assert_string_equal(n.exporter, "last");
    metadata_free(m);
    snapshot_fini(&s);
}

static void until_named(const struct snapshot *s, const char *exporter, uint32_t in, const char *name)
{
    struct named n = {0};
    for (int i = 0; i < 600; i++) {
        n = fill_one(s, exporter, in, 0);
        if (strcmp(n.in, name) == 0)
            return;
        usleep(100000);
    }
    fail_msg("%s: \"%s\" instead of \"%s\"", exporter, n.in, name);
}

static void exporters_tell_their_names(void **state)
{
    char dir[] = "/tmp/weir-metadata-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/metadata.cache", dir);
    struct enrich_metadata_provider provider = {.type = METADATA_FLOW};
    struct enrich_metadata_conf conf = {.providers = {1, &provider},
                                        .cache_persist_file = "",
                                        .cache_duration_ns = 1800000000000,
                                        .cache_check_ns = 120000000000,
                                        .max_exporters = 2,
                                        .max_interfaces = 3};
    struct learnt l = {
        .exporter = ip_of("192.0.2.1"), .if_index = 7, .if_name = STR("Gi0/7"), .if_speed_bps = 10000000000};
    struct err e;
    snapshot_reader_on();
    for (int life = 0; life < 2; life++) {
        struct snapshot s = {0};
        struct metadata *m = metadata_new(&s);
        metadata_configure(m, &conf);
        assert_true(metadata_start(m, dir, &e));
        struct learnt_sink *sink = metadata_learnt(m);
        if (life == 0) {
            assert_string_equal(fill_one(&s, "192.0.2.1", 7, 0).in, "7");
            sink->tell(sink, &l);
            until_named(&s, "192.0.2.1", 7, "Gi0/7");
            sink->tell(sink, &(struct learnt){.exporter = l.exporter, .sys_name = STR("r1\n")});
            sink->tell(sink,
                       &(struct learnt){.exporter = l.exporter, .if_index = 7, .if_description = STR("IX")});
            for (uint32_t i = 8; i < 20; i++) /* more than there may be */
                sink->tell(sink,
                           &(struct learnt){.exporter = l.exporter, .if_index = i, .if_name = STR("x")});
            until_named(&s, "192.0.2.1", 9, "x");
            assert_string_equal(fill_one(&s, "192.0.2.1", 10, 0).in, "10");
        }
        struct named n = fill_one(&s, "192.0.2.1", 7, 9); /* in the second life from the file, at once */
        assert_string_equal(n.exporter, "r1");
        assert_string_equal(n.in, "Gi0/7");
        assert_string_equal(n.in_description, "IX");
        assert_int_equal(n.in_speed, 10000);
        assert_string_equal(n.out, "x");
        struct learnt other = l; /* as many exporters as there may be, and one more */
        other.exporter = ip_of("192.0.2.2");
        sink->tell(sink, &other);
        until_named(&s, "192.0.2.2", 7, "Gi0/7");
        other.exporter = ip_of("192.0.2.3");
        sink->tell(sink, &other);
        usleep(300000);
        assert_string_equal(fill_one(&s, "192.0.2.3", 7, 0).in, "7");
        snapshot_reader_quiet();
        metadata_free(m);
        snapshot_reader_off();
        snapshot_fini(&s);
        snapshot_reader_on();
    }
    snapshot_reader_off();
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_made_clean),
        cmocka_unit_test(tables_are_read_whole),
        cmocka_unit_test(a_lying_agent_ends_the_walk),
        cmocka_unit_test(the_file_keeps_answers),
        cmocka_unit_test(the_queue_loses_nothing_that_it_took),
        cmocka_unit_test(engines_are_discovered),
        cmocka_unit_test(the_first_provider_that_knows_wins),
        cmocka_unit_test(exporters_tell_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
