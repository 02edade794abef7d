/* Plans as text, on one server and on a cluster; dictionaries; migration against a server that answers from a script. */
#include "net/http_server.h"
#include "orch/asns.h"
#include "orch/custom.h"
#include "orch/dictionaries.h"
#include "orch/migrate.h"
#include "orch/provision.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)
static struct orch_resolution resolutions[] = {{3600 * S, 360 * 86400 * S, {0}},
                                               {0, 15 * 86400 * S, {0}},
                                               {300 * S, 90 * 86400 * S, {0}},
                                               {60 * S, 7 * 86400 * S, {0}}};

static struct tables_plan plan(struct schema *s, struct orch_clickhouse_conf *conf, const char *cluster,
                               unsigned shards)
{
    struct tables_plan p;
    conf->resolutions = (struct opt_list){4, resolutions};
    conf->max_partitions = conf->max_partitions ? conf->max_partitions : 50;
    tables_plan_init(&p, &(struct tables_conf){.schema = s,
                                               .clickhouse = conf,
                                               .database = "akv",
                                               .cluster = cluster,
                                               .shards = shards,
                                               .url = "http://o:8080"});
    return p;
}

static const char *text_of(struct buf *b)
{
    buf_u8(b, 0);
    return (const char *)b->p;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static void tables_have_their_names_and_keys(void **state)
{
    struct schema s;
    struct orch_clickhouse_conf conf = {0};
    schema_default(&s);
    struct tables_plan p = plan(&s, &conf, "", 0);
    static const char *const names[] = {"flows",        "flows_1m0s", "flows_5m0s",
                                        "flows_1h0m0s", "exporters",  "ledger"};
    assert_int_equal(p.n_tables, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(p.tables[i].name, names[i]);
    struct buf b;
    buf_init(&b, 0);
    tables_create(&p, &p.tables[0], &b);
    const char *flows = text_of(&b);
    has(flows, "CREATE TABLE IF NOT EXISTS akv.flows (");
    has(flows, "`TimeReceived` DateTime CODEC(T64, LZ4),");
    has(flows, "`PacketSize` UInt64 ALIAS intDiv(Bytes, Packets),");
    has(flows, "\nENGINE = MergeTree\nPARTITION BY toYYYYMMDDhhmmss(toStartOfInterval(TimeReceived, "
               "toIntervalSecond(25920)))");
    has(flows, "ORDER BY (toStartOfFiveMinutes(TimeReceived), ExporterAddress, InIfName, OutIfName)");
    has(flows, "non_replicated_deduplication_window = 10000");
    has_not(flows, "SrcVlan");
    has_not(flows, "ON CLUSTER");
    buf_reset(&b);
    tables_create(&p, &p.tables[2], &b);
    const char *rollup = text_of(&b);
    has(rollup, "ENGINE = SummingMergeTree((Bytes, Packets))");
    has(rollup, "PRIMARY KEY (TimeReceived, ExporterAddress, EType, Proto, InIfName, SrcAS, "
                "ForwardingStatus, OutIfName, DstAS, SamplingRate)");
    has(rollup, "DstAS, SamplingRate, SrcNetName,");
    has(rollup, "TTL TimeReceived + toIntervalSecond(7776000)");
    has_not(rollup, "SrcAddr");
    has_not(rollup, "DstASPath");
    buf_reset(&b);
    tables_create(&p, &p.tables[5], &b);
    has(text_of(&b), "ORDER BY (TimeReceived, ExporterAddress, Reason)");
    buf_fini(&b);
    tables_plan_fini(&p);
}

static void coarse_rollups_hang_on_the_finest(void **state)
{
    struct schema s;
    struct orch_clickhouse_conf conf = {0};
    schema_default(&s);
    struct tables_plan p = plan(&s, &conf, "", 0);
    assert_int_equal(p.n_views, 2);
    assert_string_equal(p.views[0].name, "flows_5m0s_consumer");
    assert_string_equal(p.views[0].from, "flows_1m0s");
    assert_int_equal(p.n_stale, 1);
    assert_string_equal(p.stale_views[0], "flows_1m0s_consumer");
    tables_plan_fini(&p);
    conf.rollups = ORCH_ROLLUPS_VIEWS;
    p = plan(&s, &conf, "", 0);
    assert_int_equal(p.n_views, 3);
    assert_string_equal(p.views[0].name, "flows_1m0s_consumer");
    assert_string_equal(p.views[2].from, "flows");
    has(p.views[2].select,
        "SELECT toStartOfInterval(TimeReceived, toIntervalSecond(3600)) AS TimeReceived, SamplingRate, ");
    has(p.views[2].select, " FROM akv.flows");
    assert_int_equal(p.n_stale, 0);
    tables_plan_fini(&p);
}

/* Two sets of columns: one that the schema has in full, one of which rollups have nothing. */
static struct orch_clickhouse_conf with_narrow(void)
{
    static const char *networks[] = {"SrcAS", "DstASPath", "SrcAS"}, *addresses[] = {"SrcAddr"};
    static struct orch_narrow sets[] = {{"src-as", {3, networks}}, {"all", {1, addresses}}};
    return (struct orch_clickhouse_conf){.narrow = {2, sets}};
}

static void narrow_rollups_hang_on_the_finest(void **state)
{
    struct schema s;
    struct orch_clickhouse_conf conf = with_narrow();
    schema_default(&s);
    struct tables_plan p = plan(&s, &conf, "", 0);
    static const char *const names[] = {"flows_5m0s_src_as", "flows_5m0s_all", "flows_1h0m0s_src_as",
                                        "flows_1h0m0s_all"};
    assert_int_equal(p.n_tables, 10);
    assert_int_equal(p.n_views, 6);
    for (int i = 0; i < 4; i++) {
        const struct tables_table *t = &p.tables[4 + i];
        assert_string_equal(t->name, names[i]);
        assert_string_equal(t->by,
                            i % 2 ? "InIfBoundary, OutIfBoundary" : "InIfBoundary, OutIfBoundary, SrcAS");
        assert_string_equal(t->view->from, i < 2 ? "flows_1m0s" : names[i - 2]);
        assert_string_equal(t->view->to, t->name);
    }
    assert_string_equal(p.tables[9].name, "ledger");
    struct buf b;
    buf_init(&b, 0);
    tables_create(&p, &p.tables[4], &b);
    const char *table = text_of(&b);
    has(table, "ENGINE = SummingMergeTree((Bytes, Packets))");
    has(table, "PRIMARY KEY TimeReceived\nORDER BY (TimeReceived, InIfBoundary, OutIfBoundary, SrcAS, "
               "SamplingRate)");
    has(table, "TTL TimeReceived + toIntervalSecond(7776000)");
    has(table, "non_replicated_deduplication_window = 10000");
    buf_reset(&b);
    tables_create_view(&p, p.tables[6].view, "m", false, &b);
    has(text_of(&b),
        "VIEW IF NOT EXISTS akv.flows_1h0m0s_src_as_consumer TO akv.flows_1h0m0s_src_as\nAS SELECT "
        "toStartOfInterval(TimeReceived, toIntervalSecond(3600)) AS TimeReceived, InIfBoundary, "
        "OutIfBoundary, SrcAS, SamplingRate, sum(Bytes) AS Bytes, sum(Packets) AS Packets FROM "
        "akv.flows_5m0s_src_as GROUP BY TimeReceived, InIfBoundary, OutIfBoundary, SrcAS, SamplingRate"
        "\nCOMMENT 'm'");
    tables_plan_fini(&p);
    p = plan(&s, &conf, "c1", 2);
    buf_reset(&b);
    tables_create(&p, &p.tables[4], &b);
    has(text_of(&b), "akv.flows_5m0s_src_as_local ON CLUSTER 'c1' (");
    buf_reset(&b);
    assert_true(tables_create_distributed(&p, &p.tables[4], &b));
    has(text_of(&b), "ENGINE = Distributed('c1', akv, flows_5m0s_src_as_local, cityHash64(TimeReceived))");
    buf_reset(&b);
    tables_create_view(&p, p.tables[4].view, "m", false, &b);
    has(text_of(&b), " TO akv.flows_5m0s_src_as_local\nAS SELECT");
    has(text_of(&b), " FROM akv.flows_1m0s_local GROUP BY ");
    buf_fini(&b);
    tables_plan_fini(&p);
}

/* What is said of an interface is not what tells rows apart, where the set has the interface. */
static void narrow_rollups_know_interfaces(void **state)
{
    static const char *columns[] = {"ExporterAddress", "ExporterName", "InIfName", "InIfSpeed",
                                    "OutIfProvider"};
    static struct orch_narrow set = {"input", {5, columns}};
    struct schema s;
    struct orch_clickhouse_conf conf = {.narrow = {1, &set}};
    schema_default(&s);
    struct tables_plan p = plan(&s, &conf, "", 0);
    assert_string_equal(
        p.tables[4].order_by,
        "TimeReceived, InIfBoundary, OutIfBoundary, ExporterAddress, InIfName, OutIfProvider, SamplingRate");
    has(p.tables[4].view->select, ", InIfBoundary, OutIfBoundary, ExporterAddress, any(ExporterName) AS "
                                  "ExporterName, InIfName, any(InIfSpeed) AS InIfSpeed, OutIfProvider, "
                                  "SamplingRate, sum(Bytes) AS Bytes");
    tables_plan_fini(&p);
}

/* By minute and by 90 seconds: the coarse steps are not whole steps of the fine ones, so nothing can hang on those. */
static void narrow_rollups_need_whole_steps(void **state)
{
    struct schema s;
    struct orch_clickhouse_conf conf = with_narrow();
    schema_default(&s);
    uint64_t usual = resolutions[2].interval_ns;
    resolutions[2].interval_ns = 90 * S;
    struct tables_plan p = plan(&s, &conf, "", 0);
    resolutions[2].interval_ns = usual;
    assert_int_equal(p.n_tables, 8);
    assert_string_equal(p.tables[4].name, "flows_1h0m0s_src_as");
    assert_string_equal(p.tables[4].view->from, "flows_1m0s");
    tables_plan_fini(&p);
}

static void a_cluster_has_replicas_and_shards(void **state)
{
    struct schema s;
    struct orch_clickhouse_conf conf = {0};
    schema_default(&s);
    struct tables_plan p = plan(&s, &conf, "c1", 1);
    struct buf b;
    buf_init(&b, 0);
    tables_create(&p, &p.tables[1], &b);
    const char *one = text_of(&b);
    has(one, "CREATE TABLE IF NOT EXISTS akv.flows_1m0s ON CLUSTER 'c1' (");
    has(one, "ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/shard-{shard}/akv/flows_1m0s', "
             "'replica-{replica}', (Bytes, Packets))");
    has(one, "replicated_deduplication_window = 10000");
    has_not(one, "non_replicated");
    buf_reset(&b);
    assert_false(tables_create_distributed(&p, &p.tables[1], &b));
    tables_plan_fini(&p);
    p = plan(&s, &conf, "c1", 2);
    tables_create(&p, &p.tables[0], &b);
    has(text_of(&b), "CREATE TABLE IF NOT EXISTS akv.flows_local ON CLUSTER 'c1' (");
    buf_reset(&b);
    assert_true(tables_create_distributed(&p, &p.tables[0], &b));
    const char *all = text_of(&b);
    has(all, "CREATE TABLE IF NOT EXISTS akv.flows ON CLUSTER 'c1' (");
    has(all, "ENGINE = Distributed('c1', akv, flows_local, cityHash64(TimeReceived, ExporterAddress))");
    has_not(all, "INDEX");
    buf_reset(&b);
    tables_create_view(&p, &p.views[0], "m", false, &b);
    const char *view = text_of(&b);
    has(view, "flows_5m0s_consumer ON CLUSTER 'c1' TO akv.flows_5m0s_local\nAS SELECT");
    has(view, " FROM akv.flows_1m0s_local\nCOMMENT 'm'");
    buf_fini(&b);
    tables_plan_fini(&p);
}

static void the_schema_s_wishes_show(void **state)
{
    struct schema s;
    struct orch_clickhouse_conf conf = {0};
    schema_default(&s);
    s.enabled[COL_SrcVlan] = s.materialized[COL_SrcNetPrefix] = true;
    s.indexed[COL_SrcAS] = false;
    s.main_only[COL_SrcPort] = false;
    struct tables_plan p = plan(&s, &conf, "", 0);
    struct buf b;
    buf_init(&b, 0);
    tables_create(&p, &p.tables[0], &b);
    const char *flows = text_of(&b);
    has(flows, "`SrcVlan` UInt16");
    has(flows, "`SrcNetPrefix` LowCardinality(String) DEFAULT CASE");
    has_not(flows, "idx_SrcAS ");
    buf_reset(&b);
    tables_create(&p, &p.tables[1], &b);
    has(text_of(&b), ", SrcPort");
    buf_fini(&b);
    tables_plan_fini(&p);
}

static void settings_and_times_of_a_resolution(void **state)
{
    static const char *keys[] = {"storage_policy", "index_granularity"}, *values[] = {"cold", "4096"};
    struct schema s;
    struct orch_clickhouse_conf conf = {.max_partitions = 10};
    schema_default(&s);
    resolutions[1].table_settings = (struct opt_map){2, keys, values};
    resolutions[1].ttl_ns = 0;
    struct tables_plan p = plan(&s, &conf, "", 0);
    struct buf b;
    buf_init(&b, 0);
    tables_create(&p, &p.tables[0], &b);
    const char *flows = text_of(&b);
    has(flows, "SETTINGS index_granularity = 4096, ");
    has(flows, "non_replicated_deduplication_window = 10000, storage_policy = 'cold'");
    has(flows, "PARTITION BY toYYYYMM(TimeReceived)");
    has_not(flows, "\nTTL");
    buf_fini(&b);
    tables_plan_fini(&p);
    resolutions[1].table_settings = (struct opt_map){0};
    resolutions[1].ttl_ns = 15 * 86400 * S;
    struct arena a;
    arena_init(&a);
    assert_string_equal(tables_flows_name(&a, 10 * S), "flows_10s");
    assert_string_equal(tables_flows_name(&a, 90 * S), "flows_1m30s");
    assert_string_equal(tables_flows_name(&a, 86400 * S), "flows_24h0m0s");
    arena_fini(&a);
}

static void names_of_as_are_cleaned(void **state)
{
    static const char *const cases[][2] = {
        {"Cloudflare, Inc.", "Cloudflare"},
        {"Foo Networks Co., Ltd.", "Foo Networks"},
        {"AS273695 - CODECIA PLATAFORMAS DIGITAIS LTDA - EPP", "Codecia Plataformas Digitais"},
        {"PT. Rabik Bangun Pertiwi", "Rabik Bangun Pertiwi"},
        {"EURO.NET.PL Sp. z o.o.", "EURO.NET.PL"},
        {"UPC Ceska republika, s.r.o.", "UPC Ceska republika"},
        {"Telefonica de Espana, S.A. de C.V.", "Telefonica de Espana"},
        {"\"ActiveHost RU\" LLC", "ActiveHost RU"},
        {"  JSC   KVANT-TELEKOM ", "KVANT-TELEKOM"},
        {"GETTYSBURG COLLEGE", "Gettysburg College"},
        {"HP Inc.", "HP"},
        {"LLC", "LLC"},
        {"X Corp.", "X Corp."},
        {"Deutsche Telekom AG", "Deutsche Telekom"},
        {"TE-AS", "TE-AS"},
        {"Hayo Telecom (Pty) Ltd", "Hayo Telecom"},
        {"AS15169", "AS15169"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[200];
        snprintf(name, sizeof name, "%s", cases[i][0]);
        name[asns_clean(name, strlen(name))] = 0;
        assert_string_equal(name, cases[i][1]);
    }
}

static void names_of_as_are_read(void **state)
{
    struct asns t;
    struct err e;
    struct buf out;
    buf_init(&out, 0);
    asns_init(&t);
    assert_true(asns_read(
        &t, STR("1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\r\n::,::1,7,A \"\"b\n\n13335,second\n9,\n"),
        true, &e));
    asns_write(&t, false, &out);
    assert_string_equal(text_of(&out), "7,\"A b\"\n13335,\"Cloudflare\"\n");
    assert_true(asns_read(&t, STR("asn,name\n8,x"), false, &e));
    static const char *const bad[] = {"5,a\nx,b\n", "4294967296,a\n5,b\n6", "5,a\n7,\"a\"b\n", "1,2,3,4,5\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (asns_read(&t, str_from(bad[i]), true, &e))
            fail_msg("taken: %s", bad[i]);
    buf_fini(&out);
    asns_fini(&t);
}

static void dictionaries_carry_names(void **state)
{
    static const char *keys[] = {"64501", "15169"}, *values[] = {"Our \"own\", AS", "Somebody"};
    const struct opt_map configured = {2, keys, values};
    const struct dictionaries_asns asns = {&configured, STR("asn,name\n174,Updated\n64501,not this\n")};
    struct buf b;
    buf_init(&b, 0);
    assert_true(dictionaries_csv(STR("asns"), &asns, &b));
    const char *text = text_of(&b);
    assert_int_equal(strncmp(text, "asn,name\n1,\"", 12), 0);
    has(text, "\n64501,\"Our \"\"own\"\", AS\"\n");
    has(text, "\n15169,\"Somebody\"\n");
    has(text, "\n174,\"Updated\"\n");
    has(text, "\n553,\"BelWue\"\n");
    has_not(text, "15169,\"Google\"");
    size_t rows = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        rows++;
    assert_true(rows > 90000);
    buf_reset(&b);
    assert_true(dictionaries_csv(STR("icmp"), NULL, &b));
    has(text_of(&b), "proto,type,code,name\n1,0,0,\"Echo Reply\"\n");
    buf_reset(&b);
    assert_true(dictionaries_csv(STR("tcp"), NULL, &b) && dictionaries_csv(STR("udp"), NULL, &b) &&
                dictionaries_csv(STR("protocols"), NULL, &b));
    has(text_of(&b), "\n443,\"https\"\n");
    assert_false(dictionaries_csv(STR("passwd"), NULL, &b));
    buf_fini(&b);
}

/* "" when the file is refused, and then e->msg says why. */
static char *custom(const char *csv, bool networks, struct err *e)
{
    static struct schema_dictionary_key keys[] = {{"a", "IPv6", "", ""}, {"n", "UInt16", "", ""}};
    static struct schema_dictionary_attribute attributes[] = {{"t", "String", "", "x"},
                                                              {"m", "UInt8", "", "5"}};
    const struct schema_dictionary_conf d = {.keys = {networks ? 1 : 2, keys},
                                             .attributes = {2, attributes},
                                             .layout = networks ? DICTIONARY_IP_TRIE
                                                                : DICTIONARY_COMPLEX_KEY_HASHED};
    struct buf b;
    buf_init(&b, 0);
    if (!custom_write(&d, str_from(csv), &b, e))
        buf_reset(&b);
    buf_u8(&b, 0);
    return (char *)b.p;
}

static void files_of_dictionaries_are_read(void **state)
{
    struct err e;
    static const struct {
        const char *csv, *want;
        bool networks;
    } good[] = {
        {"a,n,t,m\n192.0.2.1,65000,\"b, \"\"c\"\"\",2\n",
         "a,n,t,m\n::ffff:192.0.2.1,65000,\"b, \"\"c\"\"\",2\n", false},
        {"\xef\xbb\xbfm,more,t, n ,a\r\n\r\n,q,,1,2001:DB8::1\r\n", "a,n,t,m\n2001:db8::1,1,\"x\",5\n",
         false},
        {"a,t,m\n192.0.2.9/24,y,1\n2001:db8::/32,z,2\n198.51.100.1,w,3",
         "a,t,m\n::ffff:192.0.2.0/120,\"y\",1\n2001:db8::/32,\"z\",2\n::ffff:198.51.100.1/128,\"w\",3\n",
         true},
        {"a,t,m\n", "a,t,m\n", true},
    };
    static const char *const bad[][2] = {
        {"", "it is empty: a header is expected"},
        {"a,t,m\n::,x,1\n", "its header has no column \"n\""},
        {"a,n,t,m\n::,1,x,1\n\n::,1,x\n", "line 4: 3 fields, too few for m"},
        {"a,n,t,m\n::,1,x,256\n", "line 2: m: \"256\" is no number"},
        {"a,n,t,m\n::,,x,1\n", "line 2: n: \"\" is no number"},
        {"a,n,t,m\nhost,1,x,1\n", "line 2: a: \"host\" is no IP address"},
        {"a,n,t,m\n::,1,\"x\ny,1\n", "line 2: a quote without its end"},
        {"a,n,t,m\n::,1,\"x\ny\"z,1\n", "line 2: text behind a closing quote"},
        {"a,n,t,m\n::,1,\xff,1\n", "line 2: t: \"\xff\" is no text in UTF-8"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *got = custom(good[i].csv, good[i].networks, &e);
        assert_string_equal(got, good[i].want);
        free(got);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *got = custom(bad[i][0], false, &e);
        assert_string_equal(got, "");
        assert_string_equal(e.msg, bad[i][1]);
        free(got);
    }
}

static void clickhouse_is_told_where_we_are(void **state)
{
    char url[200];
    struct err e;
    assert_true(provision_url("10.0.0.1:8080", "http://ch:8123", url, sizeof url, &e));
    assert_string_equal(url, "http://10.0.0.1:8080");
    assert_true(provision_url("[2001:db8::1]:8080", "http://ch:8123", url, sizeof url, &e));
    assert_string_equal(url, "http://[2001:db8::1]:8080");
    assert_true(provision_url(":8080", "http://127.0.0.1:8123", url, sizeof url, &e));
    assert_string_equal(url, "http://127.0.0.1:8080");
    assert_true(provision_url("[::]:80", "http://[::1]:8123", url, sizeof url, &e));
    assert_string_equal(url, "http://[::1]:80");
    assert_false(provision_url(":8080", "http://no.such.host.invalid:8123", url, sizeof url, &e));
}

/* ---- migration: a server where nothing is there yet, and one that is too old */

static struct {
    char ran[200000];
    const char *version, *refuse;
    const char
        *cluster; /* of two shards, whose Distributed tables are of another kind than wanted; NULL: none */
} server;

static void serve(struct http_call *c)
{
    char sql[200];
    snprintf(sql, sizeof sql, "%.*s", STR_ARG(c->body));
    if (strncmp(sql, "SELECT version()", 16) == 0) {
        http_reply(c, 200, "application/json",
                   str_from(arena_printf(&c->arena, "{\"data\":[[\"%s\"]]}", server.version)));
    } else if (strstr(sql, "uniqExact(shard_num)")) {
        http_reply(c, 200, "application/json", STR("{\"data\":[[\"2\"]]}"));
    } else if (server.cluster && strncmp(sql, "SELECT count(), countIf(", 24) == 0) {
        http_reply(c, 200, "application/json", STR("{\"data\":[[\"5\",\"1\"]]}"));
    } else if (strncmp(sql, "SELECT", 6) == 0) {
        http_reply(c, 200, "application/json", STR("{\"data\":[]}"));
    } else if (server.refuse && strstr(sql, server.refuse)) {
        http_reply_header(c, "X-ClickHouse-Exception-Code", "241");
        http_reply(c, 500, "text/plain", STR("Code: 241. DB::Exception: Memory"));
    } else {
        size_t at = strlen(server.ran);
        snprintf(server.ran + at, sizeof server.ran - at, "%.70s\n", sql);
        http_reply(c, 200, "text/plain", STR(""));
    }
}

static struct migrate_result migrate(const char *version, const char *refuse)
{
    static const struct http_route rows[] = {{"*", "/", serve, ""}};
    static const struct http_routes tables = {rows, 1, NULL};
    struct schema s;
    struct orch_clickhouse_conf conf = {.resolutions = {4, resolutions}, .max_partitions = 50};
    struct err e;
    char here[40];
    const char *servers = here;
    struct migrate_result r;
    server.ran[0] = '\0';
    server.version = version;
    server.refuse = refuse;
    schema_default(&s);
    struct http_server *hs = http_server_new("127.0.0.1:0", &tables, 1, &e);
    snprintf(here, sizeof here, "127.0.0.1:%u", http_server_port(hs));
    struct ch *ch = ch_new(&(struct ch_conf){.servers = {1, &servers}});
    migrate_run(ch,
                &(struct tables_conf){.schema = &s,
                                      .clickhouse = &conf,
                                      .database = "akv",
                                      .cluster = server.cluster,
                                      .url = "http://o"},
                &r);
    ch_free(ch);
    http_server_free(hs);
    return r;
}

static void everything_is_made_in_order(void **state)
{
    struct migrate_result r = migrate("26.7.2.1", NULL);
    assert_int_equal(r.failure, CH_OK);
    assert_int_equal(r.applied, 1 + 6 + 2 + 5);
    const char *db = strstr(server.ran, "CREATE DATABASE IF NOT EXISTS akv");
    const char *flows = strstr(server.ran, "CREATE TABLE IF NOT EXISTS akv.flows (");
    const char *view = strstr(server.ran, "CREATE MATERIALIZED VIEW IF NOT EXISTS akv.flows_5m0s_consumer");
    const char *dictionary = strstr(server.ran, "CREATE OR REPLACE DICTIONARY akv.asns");
    const char *last = strstr(server.ran, "CREATE MATERIALIZED VIEW IF NOT EXISTS akv.flows_1h0m0s_consumer");
    const char *ledger = strstr(server.ran, "CREATE TABLE IF NOT EXISTS akv.ledger (");
    assert_true(db && dictionary > db && flows > dictionary && view > flows && last > view && ledger > last);
}

static void distributed_tables_of_another_kind_are_made_anew(void **state)
{
    server.cluster = "c1";
    struct migrate_result r = migrate("26.7.2.1", NULL);
    server.cluster = NULL;
    assert_int_equal(r.failure, CH_OK);
    const char *local = strstr(server.ran, "CREATE TABLE IF NOT EXISTS akv.flows_local ON CLUSTER 'c1'");
    const char *flush = strstr(server.ran, "SYSTEM FLUSH DISTRIBUTED akv.flows ON CLUSTER 'c1'");
    const char *drop = strstr(server.ran, "DROP TABLE akv.flows ON CLUSTER 'c1'");
    const char *made = strstr(server.ran, "CREATE TABLE IF NOT EXISTS akv.flows ON CLUSTER 'c1'");
    assert_true(local && flush > local && drop > flush && made > drop);
}

static void a_failure_stops_the_run(void **state)
{
    struct migrate_result r = migrate("24.8.1.1", "akv.flows_5m0s (");
    assert_int_equal(r.failure, CH_BUSY);
    assert_int_equal(r.applied, 8);
    has(r.why.msg, "table flows_5m0s made: Code: 241");
    assert_null(strstr(server.ran, "flows_1h0m0s"));
}

static void old_servers_are_refused(void **state)
{
    static const char *const bad[] = {"21.8.1", "22.3.9", "24.3.1", "24.5.9"}, *const good[] = {
                                                                                   "22.4.1", "24.2.1",
                                                                                   "24.6.1", "26.1"};
    for (int i = 0; i < 4; i++) {
        struct migrate_result r = migrate(bad[i], NULL);
        assert_int_equal(r.failure, CH_PERMANENT);
        has(r.why.msg, bad[i]);
        assert_string_equal(server.ran, "");
        assert_int_equal(migrate(good[i], NULL).failure, CH_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_have_their_names_and_keys),
        cmocka_unit_test(coarse_rollups_hang_on_the_finest),
        cmocka_unit_test(narrow_rollups_hang_on_the_finest),
        cmocka_unit_test(narrow_rollups_know_interfaces),
        cmocka_unit_test(narrow_rollups_need_whole_steps),
        cmocka_unit_test(a_cluster_has_replicas_and_shards),
        cmocka_unit_test(the_schema_s_wishes_show),
        cmocka_unit_test(settings_and_times_of_a_resolution),
        cmocka_unit_test(dictionaries_carry_names),
        cmocka_unit_test(names_of_as_are_cleaned),
        cmocka_unit_test(names_of_as_are_read),
        cmocka_unit_test(files_of_dictionaries_are_read),
        cmocka_unit_test(clickhouse_is_told_where_we_are),
        cmocka_unit_test(everything_is_made_in_order),
        cmocka_unit_test(distributed_tables_of_another_kind_are_made_anew),
        cmocka_unit_test(a_failure_stops_the_run),
        cmocka_unit_test(old_servers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
