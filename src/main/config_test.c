/* The whole file: defaults, inheritance, old keys, sections as served, the sample and demo files, the manual. */
#include "main/config.h"
#include "conf/manual.h"
#include "conf/show.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct config c;

static bool load_env(const char *text, char *const *env)
{
    struct err e = {""};
    char path[] = "/tmp/weir-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    bool ok = config_load(&c, path, env, &e);
    unlink(path);
    return ok;
}

static bool load(const char *text)
{
    return load_env(text, NULL);
}

static const char *errors(void)
{
    return arena_z(&c.arena, buf_str(&c.report.errors));
}

static const char *notices(void)
{
    return arena_z(&c.arena, buf_str(&c.report.notices));
}

static const struct config_outlet *outlet(void)
{
    return config_own(&c, ROLE_OUTLET, 0);
}

static void an_empty_file_is_a_whole_installation(void **state)
{
    assert_true(load(""));
    for (unsigned r = 0; r < ROLE_COUNT; r++) {
        assert_int_equal(config_count(&c, r), r == ROLE_DEMO ? 0 : 1);
        if (r != ROLE_DEMO)
            assert_string_equal(config_common(&c, r, 0)->http.listen, config_roles[r].http_listen);
    }
    const struct config_inlet *in = config_own(&c, ROLE_INLET, 0);
    assert_int_equal(in->flow.inputs.n, 3);
    assert_int_equal(in->bus.type, BUS_SPOOL);
    assert_true(c.embedded_store);
    assert_string_equal(*OPT_ITEM(outlet()->clickhousedb.servers, const char *, 0), "127.0.0.1:8123");
    const struct config_orchestrator *o = config_own(&c, ROLE_ORCHESTRATOR, 0);
    assert_int_equal(o->clickhouse.resolutions.n, 4);
    assert_true(outlet()->clickhouse.oldest_ns == 7 * 86400 * 1000000000ull);
    assert_int_equal(c.report.n_notices, 0);
    config_fini(&c);
}

static void rows_are_no_older_than_a_table_keeps_them(void **state)
{
    assert_true(load("clickhouse: {resolutions: [{interval: 0, ttl: 3d}, {interval: 1m, ttl: 36h}, "
                     "{interval: 1h, ttl: 0}]}\n"));
    assert_true(outlet()->clickhouse.oldest_ns == 36 * 3600 * 1000000000ull);
    config_fini(&c);
}

static void sections_inherit(void **state)
{
    assert_true(load(
        "kafka: {topic: t, brokers: [k1:9092, k2:9092], sasl: {username: u, password: p, mechanism: plain}}\n"
        "clickhousedb: {servers: db:9000, username: me, password: secret}\n"
        "schema: {enabled: [SrcMAC]}\nreporting: {logging: {level: debug}}\n"
        "inlet:\n- kafka: {queue-size: 10}\n- kafka: {brokers: own:9092}\n"
        "outlet: {kafka-output: {enabled: true}, clickhousedb: {max-open-conns: 3}}\n"
        "console: {clickhouse: {servers: [other:8123]}}\n"));
    const struct config_inlet *a = config_own(&c, ROLE_INLET, 0), *b = config_own(&c, ROLE_INLET, 1);
    assert_int_equal(config_count(&c, ROLE_INLET), 2);
    assert_int_equal(a->kafka.kafka.brokers.n, 2);
    assert_int_equal(a->kafka.queue_size, 10);
    assert_int_equal(a->bus.type, BUS_KAFKA);
    assert_string_equal(a->kafka.kafka.topic, "t");
    assert_string_equal(a->kafka.kafka.sasl.password, "p");
    assert_string_equal(*OPT_ITEM(b->kafka.kafka.brokers, const char *, 0), "own:9092");
    assert_string_equal(b->kafka.kafka.topic, "flows");
    assert_int_equal(outlet()->kafka_output.kafka.brokers.n, 2);
    assert_string_equal(outlet()->kafka_output.kafka.topic, "flows-enriched");
    assert_string_equal(*OPT_ITEM(outlet()->clickhousedb.servers, const char *, 0), "db:8123");
    assert_int_equal(outlet()->clickhousedb.max_open_conns, 3);
    assert_string_equal(outlet()->clickhousedb.password, "secret");
    const struct config_console *con = config_own(&c, ROLE_CONSOLE, 0);
    assert_string_equal(*OPT_ITEM(con->clickhouse.servers, const char *, 0), "other:8123");
    assert_string_equal(con->clickhouse.username, "default");
    assert_int_equal(con->schema.enabled.n, 1);
    assert_string_equal(con->console.url_prefix, "/");
    assert_int_equal(config_common(&c, ROLE_INLET, 1)->reporting.logging.level, 0);
    assert_false(c.embedded_store);
    config_fini(&c);
}

static void the_embedded_store_is_found_where_it_listens(void **state)
{
    char *const env[] = {"WEIR_CFG_STORE_PASSWORD=s3cret", "WEIR_CFG_ORCHESTRATOR_CLICKHOUSE_MAXPARTITIONS=7",
                         NULL};
    assert_true(load_env("store: {http: {listen: ':9123'}, username: weir}\n", env));
    assert_string_equal(*OPT_ITEM(outlet()->clickhousedb.servers, const char *, 0), "127.0.0.1:9123");
    assert_string_equal(outlet()->clickhousedb.username, "weir");
    assert_string_equal(outlet()->clickhousedb.password, "s3cret");
    const struct config_orchestrator *o = config_own(&c, ROLE_ORCHESTRATOR, 0);
    assert_int_equal(o->clickhouse.max_partitions, 7);
    assert_string_equal(o->clickhousedb.password, "s3cret");
    config_fini(&c);
}

static void old_files_still_load(void **state)
{
    assert_true(
        load("clickhouse: {servers: [a:9000], database: d, kafka: {consumers: 3}, system-log-ttl: 30d, "
             "prometheus-endpoint: /m, networks: {10.0.0.0/8: ten}}\n"
             "kafka: {version: 2.8.1, tls: {enable: true, verify: false}}\n"
             "geoip: {optional: true, country-database: /c.mmdb}\n"
             "inlet:\n  flow: {rate-limit: 100, workers: 2, inputs: [{type: udp, decoder: netflow, "
             "queue-size: 5}]}\n"
             "  snmp: {workers: 3, cache-duration: 20m, communities: {10.0.0.0/8: x, '::/0': y}, "
             "security-parameters: {192.0.2.1: {user-name: u}}, poller-retries: 4}\n"
             "  bmp: {listen: ':1790', collect-aspaths: false}\n"
             "  core: {workers: 4, ignore-asn-from-flow: true, classifier-cache-size: 4}\n"
             "  kafka: {flush-interval: 1s, max-message-bytes: 1000}\n"));
    const struct enrich_metadata_provider *p = outlet()->metadata.providers.items;
    assert_int_equal(outlet()->metadata.providers.n, 1);
    assert_int_equal(p->type, METADATA_SNMP);
    assert_int_equal(p->poller_retries, 4);
    assert_int_equal(p->credentials.n, 3);
    struct ip ten = {0}, other = {0}, user = {0};
    assert_true(ip_parse(STR("10.1.1.1"), &ten) && ip_parse(STR("::1"), &other) &&
                ip_parse(STR("192.0.2.1"), &user));
    const struct enrich_snmp_credentials *cr = p->credentials.items;
    assert_string_equal(*OPT_ITEM(cr[opt_subnetmap_find(&p->credentials, ten)].communities, const char *, 0),
                        "x");
    assert_string_equal(
        *OPT_ITEM(cr[opt_subnetmap_find(&p->credentials, other)].communities, const char *, 0), "y");
    assert_string_equal(cr[opt_subnetmap_find(&p->credentials, user)].user_name, "u");
    assert_int_equal(outlet()->metadata.cache_duration_ns, 20ull * 60000000000);
    assert_int_equal(outlet()->routing.provider.type, ROUTING_BMP);
    assert_string_equal(outlet()->routing.provider.listen, ":1790");
    assert_int_equal(outlet()->core.asn_providers.n, 2);
    assert_int_equal(*OPT_ITEM(outlet()->core.asn_providers, int, 0), ASN_ROUTING);
    assert_int_equal(outlet()->networks.networks.n, 1);
    assert_true(outlet()->geoip.optional);
    assert_string_equal(*OPT_ITEM(outlet()->geoip.geo_database, const char *, 0), "/c.mmdb");
    assert_string_equal(*OPT_ITEM(outlet()->clickhousedb.servers, const char *, 0), "a:8123");
    const struct config_inlet *in = config_own(&c, ROLE_INLET, 0);
    assert_int_equal(OPT_ITEM(in->flow.inputs, struct rx_input_conf, 0)->rate_limit, 100);
    const struct config_orchestrator *o = config_own(&c, ROLE_ORCHESTRATOR, 0);
    assert_true(o->kafka.kafka.tls.skip_verify);
    static const char *const said[] = {
        "inlet.snmp: old key; read as outlet.snmp",
        "clickhouse.servers: old key",
        "clickhousedb.servers[0]: port of ClickHouse's native protocol; read as 8123",
        "inlet.flow.rate-limit: old key",
        "outlet.snmp.cache-duration: old key",
        "outlet.metadata.providers.communities: old key",
        "outlet.core.ignore-asn-from-flow: old key",
        "outlet.geoip.country-database: old name of \"geo-database\"",
        "tls.verify: old key",
        "outlet.geoip",
        "rate-limit of each input",
        "read as credentials",
        "queue-size",
        "workers"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (!strstr(notices(), said[i]))
            fail_msg("no notice of %s in\n%s", said[i], notices());
    config_fini(&c);
}

static void old_connections_of_outlet_and_gnmi(void **state)
{
    assert_true(
        load("outlet:\n  kafka: {brokers: [b:1], consumer-group: g}\n  metadata:\n    provider:\n      type: "
             "gnmi\n"
             "      authentication-parameters: {'::/0': {username: u, insecure: true, tls-ca: /ca}}\n"));
    assert_string_equal(outlet()->kafka_input.consumer_group, "g");
    assert_int_equal(outlet()->bus.type, BUS_KAFKA);
    const struct enrich_metadata_provider *p = outlet()->metadata.providers.items;
    const struct enrich_gnmi_auth *auth = p->authentication.items;
    assert_false(auth->tls.enable);
    assert_string_equal(auth->tls.ca_file, "/ca");
    config_fini(&c);
}

static void native_ports_are_read_as_http(void **state)
{
    assert_true(load("outlet: [{clickhousedb: {servers: 'a:9440/'}}]\n"
                     "console: {clickhouse: {servers: ['https://[2001:db8::1]:9000', 'c:8124', 'd']}}\n"
                     "inlet: [{}, {core: {workers: 2}}]\n"));
    assert_string_equal(*OPT_ITEM(outlet()->clickhousedb.servers, const char *, 0), "a:8443");
    const struct config_console *console = config_own(&c, ROLE_CONSOLE, 0);
    assert_string_equal(*OPT_ITEM(console->clickhouse.servers, const char *, 0),
                        "https://[2001:db8::1]:8123");
    assert_string_equal(*OPT_ITEM(console->clickhouse.servers, const char *, 1), "c:8124");
    assert_string_equal(*OPT_ITEM(console->clickhouse.servers, const char *, 2), "d");
    assert_non_null(strstr(notices(), ": outlet[0].clickhousedb.servers: port of"));
    assert_non_null(strstr(notices(), ": console.clickhouse.servers[0]: port of"));
    assert_null(strstr(notices(), "servers[1]"));
    assert_non_null(strstr(notices(), ": inlet[1].core: old key; read as outlet.core"));
    config_fini(&c);
}

static void addresses_hold_no_secrets(void **state)
{
    static const struct {
        const char *text, *path;
    } bad[] = {{"clickhousedb: {servers: ['u:secret@h:9000']}\n", "clickhousedb.servers"},
               {"clickhousedb: {servers: 'http://secret@h:8123'}\n", "clickhousedb.servers"},
               {"clickhouse: {servers: [h, 'u:secret@h:9000']}\n", "clickhousedb.servers[1]"},
               {"outlet: {clickhousedb: {servers: ['u:secret@h']}}\n", "outlet.clickhousedb.servers"},
               {"kafka: {brokers: ['u:secret@k:9092']}\n", "kafka.brokers"},
               {"clickhouse: {orchestrator-url: 'http://u:secret@o'}\n", "clickhouse.orchestrator-url"},
               {"kafka: {sasl: {oauth-token-url: 'https://u:secret@o'}}\n", "kafka.sasl.oauth-token-url"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(load(bad[i].text));
        if (!strstr(errors(), bad[i].path) || !strstr(errors(), "give them as username and password") ||
            strstr(errors(), "secret"))
            fail_msg("%s: %s", bad[i].text, errors());
        config_fini(&c);
    }
    assert_true(load("clickhousedb: {servers: ['h:8123'], username: 'a@b', password: 'c@d'}\n"));
    config_fini(&c);
}

/* Shapes that files written for Akvorado have: nothing in them may be refused. */
static void files_written_for_akvorado_load(void **state)
{
    assert_true(load(
        "kafka:\n  brokers: [k:9092]\n  topic-configuration: {num-partitions: 4, config-entries: "
        "{segment.bytes: 1}}\n"
        "clickhousedb: {servers: [ch:9000]}\n"
        "clickhouse:\n  prometheus-endpoint: /m\n  asns: {64500: Us}\n  network-sources: []\n"
        "  networks:\n    2001:db8:1::/64: {name: six}\n    198.51.100.0/24: plain\n"
        "schema: {custom-dictionaries: {racks: {source: /r.csv, keys: [{name: addr, type: IPv6}], "
        "attributes: [{name: rack}]}}}\n"
        "inlet:\n  flow:\n    inputs:\n      - {type: udp, decoder: netflow, listen: :2055, workers: 6}\n"
        "outlet:\n  metadata:\n    workers: 5\n    providers:\n      type: snmp\n      credentials:\n"
        "        ::/0: {communities: one}\n        198.51.100.0/24:\n          communities: [two, three]\n"
        "  routing: {provider: {type: bmp, rds: [65000:1]}}\n"
        "  core:\n    exporter-classifiers:\n      - Classify(\"a\")\n      - |\n        Reject() "
        "&&\n        ClassifySite(\"x\")\n"
        "console:\n  http: {cache: {type: redis, server: r:6379}}\n"
        "  database: {saved-filters: [{description: d, content: SrcAS = AS2906}]}\n"
        "demo-exporter:\n  - snmp: {name: n, interfaces: {10: up}, listen: 0.0.0.0:161}\n"
        "    bmp: {target: o:10179, routes: [{prefixes: 198.51.100.0/24, aspath: 64500}]}\n"
        "    flows: {samplingrate: 5, flows: [{src-net: 10.0.0.0/8, dst-net: 10.0.0.0/8, src-port: '80,443', "
        "dst-port: 0, protocol: tcp, peak-hour: 16h}]}\n"));
    const struct demo_conf *d = config_own(&c, ROLE_DEMO, 0);
    const struct demo_kind *kind = d->flows.flows.items;
    assert_int_equal(kind->src_port.n, 2);
    assert_int_equal(*OPT_ITEM(kind->src_port, uint64_t, 1), 443);
    assert_int_equal(outlet()->core.exporter_classifiers.n, 2);
    assert_int_equal(outlet()->networks.networks.n, 2);
    assert_null(strstr(notices(), "kafka-output"));
    config_fini(&c);
}

/* A section that is copied into others does not have its mistakes copied as well. */
static void a_mistake_is_said_once(void **state)
{
    assert_false(load("schema: {enabld: [SrcMAC]}\n"));
    assert_int_equal(c.report.n_errors, 1);
    config_fini(&c);
}

static void wrong_files_are_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"outlt: {}\n", "outlt: unknown key; did you mean \"outlet\"?"},
        {"inlet: {flow: {inputs: [{type: udp, decoder: netflow, listen: 2055}]}}\n",
         "inlet.flow.inputs[0].listen: wants ADDRESS:PORT"},
        {"inlet: {flow: {inputs: [{type: udp, decoder: netflow, listen: '10.0.0:2055'}]}}\n",
         "inlet.flow.inputs[0].listen: \"10.0.0\" is no address"},
        {"console: {http: {listen: '::1:8080'}}\n", "console.http.listen: wants ADDRESS:PORT"},
        {"console: {http: {listen: '[10.0.0.1]:8080'}}\n", "console.http.listen: \"10.0.0.1\" is no address"},
        {"console: {http: {listen: 'localhost:99999'}}\n", "console.http.listen: port 99999 is above 65535"},
        {"outlet: {routing: {provider: {type: bmp, listen: 10179}}}\n",
         "outlet.routing.provider.listen: wants ADDRESS:PORT"},
        {"clickhouse: {resolutions: [{interval: 1m, ttl: 1d}]}\n", "one resolution must have interval 0"},
        {"schema: {disabled: [TimeReceived]}\n", "cannot be disabled"},
        {"store: [{}, {}]\n", "there can be one store only"},
        {"inlet: nothing\n", "inlet: wants a map of keys and values"},
        {"outlet: {metadata: {providers: [{type: static, exporters: {10.0.0.1: {ifindexes: {eth0: "
         "{}}}}}]}}\n",
         "\"eth0\" is no interface index"},
        {"console: {dimensions-limit: 5}\n", "must be between 10 and 1000"},
        {"kafka: {sasl: {username: u}}\n", "say which mechanism"},
        {"demo-exporter: {flows: {flows: [{src-net: 1.2.3.0/24}]}}\n", "dst-net: this key is required"},
        {"outlet: {routing: {provider: {type: bmp, rds: ['0', x]}}}\n",
         "outlet.routing.provider.rds: \"x\" is no route distinguisher"},
        {"outlet: {routing: {provider: {type: bmp, rts: ['65000:x']}}}\n", "\"65000:x\" is no route target"},
        {"outlet: {routing: {provider: {type: bmp, vrfs: [{id: 1, rd: '1'}, {id: 2, rd: y}]}}}\n",
         "outlet.routing.provider.vrfs[1].rd: \"y\" is no route distinguisher"},
        {"outlet: {routing: {provider: {type: bmp, vrfs: [{id: 1, rd: '1', exporters: z}]}}}\n",
         "vrfs[0].exporters: \"z\" is no prefix"},
        {"outlet: {networks: {networks: {192.0.2.0/24: {country: France}}}}\n",
         "networks.192.0.2.0/24.country: \"France\" is no code of two letters"},
        {"outlet: {networks: {network-sources: {a: {url: 'http://me:secret@[b', interval: 1m}}}}\n",
         "network-sources.a.url: [b is no URL"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(load(bad[i].text));
        if (!strstr(errors(), bad[i].says))
            fail_msg("%s-> %s", bad[i].text, errors());
        config_fini(&c);
    }
}

/* What the configuration service hands out is what the role would have had from the file. */
static void sections_survive_being_served(void **state)
{
    assert_true(load("clickhousedb: {servers: [x:8123], password: \"p: w\"}\nschema: {disabled: [SrcCountry, "
                     "DstCountry]}\n"
                     "outlet: {core: {default-sampling-rate: {10.0.0.0/8: 100, '::/0': 1}}, metadata: "
                     "{providers: [{type: static, "
                     "exporters: {192.0.2.0/24: {name: n, ifindexes: {7: {name: 'a \"b\"', boundary: "
                     "external}}}}}, {type: snmp}]}}\n"
                     "demo-exporter: [{flows: {source: 127.0.1.1, flows: [{src-net: 10.0.0.0/8, dst-net: "
                     "10.0.0.0/8}]}}]\n"));
    struct config first = c;
    for (unsigned r = 1; r < ROLE_COUNT; r++) {
        struct buf b, again;
        struct err e;
        struct config served;
        struct opt_change ch;
        buf_init(&b, 0);
        buf_init(&again, 0);
        config_show(&first, r, 0, SHOW_SECRETS, &b);
        if (!config_load_section(&served, r, buf_str(&b), "url", NULL, &e))
            fail_msg("%s: %s", config_roles[r].name, e.msg);
        assert_int_equal(served.report.n_errors, 0);
        opt_change_init(&ch);
        config_diff(&first, &served, r, 0, &ch);
        assert_int_equal(ch.n_restart + ch.n_live, 0);
        config_show(&served, r, 0, SHOW_SECRETS, &again);
        assert_true(str_eq(buf_str(&b), buf_str(&again)));
        opt_change_fini(&ch);
        buf_fini(&b);
        buf_fini(&again);
        config_fini(&served);
    }
    config_fini(&first);
}

static void a_newer_orchestrator_is_understood(void **state)
{
    struct err e;
    struct config s;
    char *const env[] = {"WEIR_CFG_INLET_FLOW_INPUTS_0_LISTEN=:99", NULL};
    assert_true(config_load_section(
        &s, ROLE_INLET, STR("new-key: 1\nflow: {inputs: [{type: udp, decoder: sflow, shiny: 2}]}\n"), "url",
        env, &e));
    const struct config_inlet *in = config_own(&s, ROLE_INLET, 0);
    assert_string_equal(OPT_ITEM(in->flow.inputs, struct rx_input_conf, 0)->listen, ":99");
    assert_int_equal(s.report.n_notices, 2);
    config_fini(&s);
    char *const server[] = {"WEIR_CFG_OUTLET_CLICKHOUSEDB_SERVERS=ch:9000", NULL};
    assert_true(config_load_section(&s, ROLE_OUTLET, STR("{}"), "url", server, &e));
    const struct config_outlet *out = config_own(&s, ROLE_OUTLET, 0);
    assert_string_equal(*OPT_ITEM(out->clickhousedb.servers, const char *, 0), "ch:8123");
    assert_int_equal(s.report.n_notices, 1);
    config_fini(&s);
}

static void reload_tells_what_needs_a_restart(void **state)
{
    assert_true(load("outlet: {core: {default-sampling-rate: 1}}\n"));
    struct config old = c;
    assert_true(load("outlet: {core: {default-sampling-rate: 2}, clickhouse: {grace-period: 2s}}\n"));
    struct opt_change ch;
    opt_change_init(&ch);
    config_diff(&old, &c, ROLE_OUTLET, 0, &ch);
    assert_true(str_eq(buf_str(&ch.restart), STR("outlet.clickhouse.grace-period")));
    assert_int_equal(ch.n_live, 1);
    opt_change_fini(&ch);
    config_fini(&old);
    config_fini(&c);
}

static void shipped_files_are_valid(void **state)
{
    static const char *const files[] = {"dist/demo.yaml", "dist/weir.yaml"};
    const char *top = getenv("WEIR_SOURCE");
    for (size_t i = 0; i < 2; i++) {
        struct err e = {""};
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", top ? top : ".", files[i]);
        if (!config_load(&c, path, NULL, &e))
            fail_msg("%s", e.msg);
        if (c.report.n_notices)
            fail_msg("%s", notices());
        config_fini(&c);
    }
}

static void the_manual_is_up_to_date(void **state)
{
    char path[4096], command[4200];
    const char *top = getenv("WEIR_SOURCE");
    struct buf want, got;
    buf_init(&want, 0);
    buf_init(&got, 0);
    config_manual(&want);
    snprintf(path, sizeof path, "%s/doc/configuration.md", top ? top : ".");
    FILE *f = fopen(path, "r");
    for (int ch; f && (ch = fgetc(f)) != EOF;)
        buf_u8(&got, (uint8_t)ch);
    if (f)
        fclose(f);
    snprintf(command, sizeof command,
             "doc/configuration.md is old; write it anew: build/weir manual > doc/configuration.md");
    if (!str_eq(buf_str(&want), buf_str(&got)))
        fail_msg("%s", command);
    buf_fini(&want);
    buf_fini(&got);
}

static void the_schema_can_be_made(void **state)
{
    json_t *s = opt_schema(config_table(), "weir");
    assert_non_null(json_object_get(json_object_get(s, "properties"), "outlet"));
    json_decref(s);
}

static void addresses_are_reached_on_this_machine(void **state)
{
    struct arena a;
    arena_init(&a);
    assert_string_equal(config_reach(&a, ":80"), "127.0.0.1:80");
    assert_string_equal(config_reach(&a, "0.0.0.0:80"), "127.0.0.1:80");
    assert_string_equal(config_reach(&a, "[::]:80"), "[::1]:80");
    assert_string_equal(config_reach(&a, "10.0.0.1:80"), "10.0.0.1:80");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_a_whole_installation),
        cmocka_unit_test(sections_inherit),
        cmocka_unit_test(rows_are_no_older_than_a_table_keeps_them),
        cmocka_unit_test(the_embedded_store_is_found_where_it_listens),
        cmocka_unit_test(old_files_still_load),
        cmocka_unit_test(old_connections_of_outlet_and_gnmi),
        cmocka_unit_test(addresses_hold_no_secrets),
        cmocka_unit_test(native_ports_are_read_as_http),
        cmocka_unit_test(files_written_for_akvorado_load),
        cmocka_unit_test(a_mistake_is_said_once),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(sections_survive_being_served),
        cmocka_unit_test(a_newer_orchestrator_is_understood),
        cmocka_unit_test(reload_tells_what_needs_a_restart),
        cmocka_unit_test(shipped_files_are_valid),
        cmocka_unit_test(the_manual_is_up_to_date),
        cmocka_unit_test(the_schema_can_be_made),
        cmocka_unit_test(addresses_are_reached_on_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
