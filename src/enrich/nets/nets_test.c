/* Networks of all origins in one table, files that change while they are watched, and columns of a batch. */
#include "base/clock.h"
#include "base/counters.h"
#include "base/file.h"
#include "enrich/nets/geofiles.h"
#include "enrich/nets/netrows.h"
#include "enrich/nets/nets.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

static int up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/nets-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int down(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static const char *fixture(const char *name)
{
    static char path[4][512];
    static unsigned turn;
    const char *top = getenv("WEIR_SOURCE");
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/test/corpus/mmdb/%s", top ? top : ".", name);
    return p;
}

static struct ip A(const char *text) {
    struct ip a;
    assert_true(ip_parse(str_from(text), &a));
    return a;
}

/* What a database says of an address, as text; by walking all of it. */
static const char *
walk_says(const char *file, const char *address, bool is_asn)
{
    static char out[300];
    struct mmdb m;
    struct err e;
    struct ip a = A(address);
    snprintf(out, sizeof out, "nothing");
    assert_true(mmdb_open(&m, file, &e));
    for (int v4 = 0; v4 < 2; v4++) {
        struct mmdb_walk w;
        struct prefix p;
        uint32_t data;
        mmdb_walk_init(&w, &m, v4);
        while (mmdb_walk_next(&w, &p, &data)) {
            struct mmdb_fields f;
            char text[IP_TEXT_MAX + 8];
            assert_true(mmdb_read(&m, data, &f));
            if (!prefix_contains(p, a))
                continue;
            if (is_asn)
                snprintf(out, sizeof out, "%s %u", prefix_format(p, text), f.asn);
            else
                snprintf(out, sizeof out, "%s %.*s/%.*s/%.*s", prefix_format(p, text), STR_ARG(f.country),
                         STR_ARG(f.state), STR_ARG(f.city));
        }
        assert_false(w.bad);
    }
    mmdb_close(&m);
    return out;
}

static void layouts_are_understood(void **state)
{
    const char *city = fixture("maxmind-city.mmdb"), *asn = fixture("maxmind-asn.mmdb");
    assert_string_equal(walk_says(city, "192.0.2.1", false), "192.0.2.0/25 FR/IDF/Paris");
    assert_string_equal(walk_says(city, "192.0.2.200", false), "192.0.2.128/25 FR//");
    assert_string_equal(walk_says(city, "198.51.100.1", false), "198.51.100.0/24 //Nowhere");
    assert_string_equal(walk_says(city, "2001:db8:1::1", false), "2001:db8:1::/48 IT/MI/Milano");
    assert_string_equal(walk_says(city, "2001:db8:2::1", false), "nothing");
    assert_string_equal(walk_says(asn, "192.0.2.1", true), "192.0.2.0/24 64500");
    assert_string_equal(walk_says(asn, "2001:db8::1", true), "2001:db8::/32 4200000001");
    const char *ipinfo = fixture("ipinfo.mmdb"), *flat = fixture("flat.mmdb"),
               *flat4 = fixture("flat-ipv4.mmdb");
    assert_string_equal(walk_says(ipinfo, "192.0.2.1", false), "192.0.2.0/24 DE//");
    assert_string_equal(walk_says(ipinfo, "192.0.2.1", true), "192.0.2.0/24 64501");
    assert_string_equal(walk_says(ipinfo, "2001:db8::1", false), "2001:db8::/33 BE/Brussels/Brussels");
    assert_string_equal(walk_says(ipinfo, "2001:db8:8000::", false), "2001:db8:8000::/33 BE//");
    assert_string_equal(walk_says(ipinfo, "2001:db8:8000::", true), "2001:db8:8000::/33 0");
    assert_string_equal(walk_says(flat, "192.0.2.1", false), "192.0.2.0/24 AU/New South Wales/Sydney");
    assert_string_equal(walk_says(flat, "2001:db8::1", false), "2001:db8::/32 JP//");
    assert_string_equal(walk_says(flat4, "192.0.2.1", false), "192.0.2.0/24 AU/New South Wales/Sydney");
    assert_string_equal(walk_says(flat4, "2001:db8::1", false), "nothing");
}

static void a_file_that_is_none_is_said(void **state)
{
    struct mmdb m;
    struct err e;
    assert_false(mmdb_open(&m, "/nowhere", &e));
    assert_non_null(strstr(e.msg, "/nowhere"));
    assert_false(mmdb_open(&m, "/proc/self/exe", &e));
}

/* ---- the table */

struct rig {
    struct nettable *t;
    struct nettable_stream streams[8];
    size_t n;
    struct netrows rows[4];
    size_t n_rows;
};

static void add_json(struct rig *r, const char *text)
{
    struct err e;
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    assert_true(netrows_json(&r->rows[r->n_rows], r->t, j, &e));
    r->streams[r->n++] = netrows_stream(&r->rows[r->n_rows++]);
    json_decref(j);
}

static const char *table_says(const struct nettable *t, const char *address)
{
    static char out[300];
    struct lpm_hit h = lpm_find(&t->lpm, A(address), LPM_LEN_MAX);
    if (!h.value)
        return "nothing";
    const struct net_attrs *a = &t->attrs[h.value - 1];
    char *p = out, *end = out + sizeof out;
    for (unsigned k = 0; k < NET_TEXTS; k++)
        p += snprintf(p, (size_t)(end - p), "%.*s,", STR_ARG(intern_str(&t->strings, a->text[k])));
    snprintf(p, (size_t)(end - p), "%s,%u", a->country, a->asn);
    return out;
}

static void attributes_are_inherited_each(void **state)
{
    struct err e;
    struct rig r = {.t = nettable_new(&e)};
    /* ranks: the last one counts most */
    add_json(&r, "[{\"prefix\":\"10.1.0.0/16\",\"country\":\"de\",\"city\":\"Berlin\",\"asn\":64500},"
                 " {\"prefix\":\"10.1.2.0/24\",\"city\":\"Bonn\"},"
                 " {\"prefix\":\"2001:db8::/32\",\"country\":\"FR\"}]");
    add_json(&r, "[{\"prefix\":\"10.1.0.0/16\",\"name\":\"remote\",\"role\":\"lab\",\"asn\":\"AS64501\"},"
                 " {\"prefix\":\"10.1.2.128/25\",\"name\":\"remote-deep\"}]");
    add_json(&r, "[{\"prefix\":\"10.0.0.0/8\",\"name\":\"ten\",\"site\":\"home\",\"tenant\":\"t\"},"
                 " {\"prefix\":\"10.1.0.0/16\",\"name\":\"static\",\"region\":\"eu\"},"
                 " {\"prefix\":\"::/0\",\"state\":\"all\"}, {\"prefix\":\"192.0.2.1\",\"name\":\"host\"}]");
    assert_true(nettable_build(r.t, r.streams, r.n, NULL, &e));
    assert_string_equal(table_says(r.t, "10.200.0.1"), "ten,,home,,t,,all,,0");
    assert_string_equal(table_says(r.t, "10.1.9.1"), "static,lab,home,eu,t,Berlin,all,DE,64501");
    assert_string_equal(table_says(r.t, "10.1.2.1"), "static,lab,home,eu,t,Bonn,all,DE,64501");
    assert_string_equal(table_says(r.t, "10.1.2.129"), "remote-deep,lab,home,eu,t,Bonn,all,DE,64501");
    assert_string_equal(table_says(r.t, "192.0.2.1"), "host,,,,,,all,,0");
    assert_string_equal(table_says(r.t, "192.0.2.2"), ",,,,,,all,,0");
    assert_string_equal(table_says(r.t, "2001:db8::1"), ",,,,,,all,FR,0");
    assert_string_equal(table_says(r.t, "2001:db9::1"), ",,,,,,all,,0");
    nettable_free(r.t);
    for (size_t i = 0; i < r.n_rows; i++)
        netrows_fini(&r.rows[i]);
}

/* Every network of the database comes out of the table as it went in. */
static void a_database_goes_through_unchanged(void **state)
{
    struct err e;
    struct mmdb m;
    struct netrows_mmdb rows[2];
    struct nettable_stream streams[2];
    struct nettable *t = nettable_new(&e);
    assert_true(mmdb_open(&m, fixture("maxmind-city.mmdb"), &e));
    for (int v4 = 0; v4 < 2; v4++) {
        netrows_mmdb_init(&rows[v4], t, &m, "x", v4, false);
        streams[v4] = netrows_mmdb_stream(&rows[v4]);
    }
    assert_true(nettable_build(t, streams, 2, NULL, &e));
    assert_string_equal(table_says(t, "192.0.2.1"), ",,,,,Paris,IDF,FR,0");
    assert_string_equal(table_says(t, "192.0.2.129"), ",,,,,,,FR,0");
    assert_string_equal(table_says(t, "198.51.100.255"), ",,,,,Nowhere,,,0");
    assert_string_equal(table_says(t, "2001:db8:1:ffff::"), ",,,,,Milano,MI,IT,0");
    /* an address of 6to4 is none of IPv4 */
    assert_string_equal(table_says(t, "2002:c000:201::1"), "nothing");
    for (int v4 = 0; v4 < 2; v4++)
        netrows_mmdb_fini(&rows[v4]);
    mmdb_close(&m);
    nettable_free(t);
}

static void wrong_rows_are_refused(void **state)
{
    static const struct {
        const char *rows, *reason;
    } cases[] = {
        {"[7]", "result 1: this is no object"},
        {"[{\"prefix\":\"10.0.0.0/8\"},{\"name\":\"x\"}]", "result 2: prefix \"\" is no network"},
        {"[{\"prefix\":\"10.0.0.0/33\"}]", "is no network"},
        {"[{\"prefix\":7}]", "prefix is no text"},
        {"[{\"prefix\":\"10.0.0.0/8\",\"name\":[]}]", "name is no text"},
        {"[{\"prefix\":\"10.0.0.0/8\",\"asn\":-1}]", "asn is no AS number"},
        {"[{\"prefix\":\"10.0.0.0/8\",\"asn\":\"ASx\"}]", "asn is no AS number"},
        {"[{\"prefix\":\"10.0.0.0/8\",\"asn\":4294967296}]", "asn is no AS number"},
        {"[{\"prefix\":\"10.0.0.0/8\",\"country\":\"France\"}]", "country \"France\" has not two letters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e;
        struct netrows rows;
        json_t *j = json_loads(cases[i].rows, 0, NULL);
        assert_false(netrows_json(&rows, NULL, j, &e));
        if (!strstr(e.msg, cases[i].reason))
            fail_msg("%s: %s", cases[i].rows, e.msg);
        json_decref(j);
    }
}

/* ---- the source */

static void copy(const char *from, const char *to)
{
    struct err e;
    struct buf b;
    buf_init(&b, 0);
    assert_true(file_read(from, 1 << 20, &b, &e));
    assert_true(file_replace(to, buf_str(&b), &e));
    buf_fini(&b);
}

struct world {
    struct snapshot snapshot;
    struct schema schema;
    struct intern strings;
    struct view view;
    struct batch *b;
};

/* Source and destination of one flow, as the columns say it. */
static const char *flow_says(struct world *w, const char *src, const char *dst)
{
    static char out[300];
    struct batch *b = w->b;
    batch_reset(b);
    b->n = 2;
    BATCH_IP(b, SrcAddr)[1] = A(src);
    BATCH_IP(b, DstAddr)[1] = A(dst);
    snapshot_reader_on();
    w->view.snapshot[0] = snapshot_get(&w->snapshot).data;
    enrich_nets.fill(b, &w->view, 0);
    snapshot_reader_off();
    const char *country = BATCH_U8(b, SrcCountry) ? (const char *)b->col[COL_SrcCountry] + 2 : "";
    snprintf(out, sizeof out, "%.*s %.2s %u -> %.*s/%.*s %u",
             STR_ARG(intern_str(&w->strings, BATCH_U32(b, SrcNetName)[1])), country,
             BATCH_U32(b, NetSrcAS)[1], STR_ARG(intern_str(&w->strings, BATCH_U32(b, DstGeoCity)[1])),
             STR_ARG(intern_str(&w->strings, BATCH_U32(b, DstGeoState)[1])), BATCH_U32(b, NetDstAS)[1]);
    return out;
}

/* Until the flow says it, some seconds at most. */
static void assert_comes(struct world *w, const char *src, const char *dst, const char *says)
{
    for (int i = 0; i < 6000 && strcmp(flow_says(w, src, dst), says) != 0; i++)
        poll(NULL, 0, 10);
    assert_string_equal(flow_says(w, src, dst), says);
}

static void world_init(struct world *w)
{
    *w = (struct world){.b = batch_new()};
    intern_init(&w->strings);
    schema_default(&w->schema);
    w->view = (struct view){.schema = &w->schema, .strings = &w->strings};
    w->view.scratch[0] = enrich_nets.scratch_new();
    w->view.cache[0] = enrich_nets.cache_new();
}

static void world_fini(struct world *w)
{
    enrich_nets.scratch_free(w->view.scratch[0]);
    enrich_nets.cache_free(w->view.cache[0]);
    snapshot_fini(&w->snapshot);
    intern_fini(&w->strings);
    batch_free(w->b);
}

static void files_are_watched(void **state)
{
    struct err e;
    char geo[100], asn[100], data[100], why[300];
    snprintf(geo, sizeof geo, "%s/geo.mmdb", dir);
    snprintf(asn, sizeof asn, "%s/asn.mmdb", dir);
    snprintf(data, sizeof data, "%s/data", dir);
    const char *geos[] = {geo}, *asns[] = {asn};
    struct enrich_geoip_conf geoip = {.asn_database = {1, asns}, .geo_database = {1, geos}};
    struct prefix prefix;
    assert_true(prefix_parse(STR("192.0.2.0/25"), &prefix));
    struct enrich_network_conf net = {.name = "lab",
                                      .role = "",
                                      .site = "",
                                      .region = "",
                                      .tenant = "",
                                      .city = "",
                                      .state = "",
                                      .country = ""};
    struct enrich_networks_conf networks = {.networks = {1, &prefix, &net}};
    struct world w;
    world_init(&w);

    /* neither there nor optional */
    struct nets *n = nets_new(&w.snapshot, data);
    assert_false(nets_configure(n, &networks, &geoip, &e));
    assert_non_null(strstr(e.msg, "asn.mmdb: No such file"));
    nets_free(n);

    /* optional: they come later */
    geoip.optional = true;
    n = nets_new(&w.snapshot, data);
    assert_true(nets_configure(n, &networks, &geoip, &e));
    nets_wait(n, NULL);
    assert_string_equal(flow_says(&w, "192.0.2.1", "192.0.2.200"), "lab  0 -> / 0");
    assert_int_equal(nets_failing(n, why, sizeof why), 0);
    copy(fixture("maxmind-asn.mmdb"), asn);
    copy(fixture("maxmind-city.mmdb"), geo);
    assert_comes(&w, "192.0.2.1", "2001:db8:1::1", "lab FR 64500 -> Milano/MI 4200000001");

    /* another one in its place */
    copy(fixture("flat.mmdb"), geo);
    assert_comes(&w, "192.0.2.1", "192.0.2.200", "lab AU 64500 -> Sydney/New South Wales 64500");

    /* one that is none is said, and what was there stays, also across a restart and when it is gone */
    assert_true(file_replace(geo, STR("no database at all"), &e));
    for (int i = 0; i < 6000 && nets_failing(n, why, sizeof why) == 0; i++)
        poll(NULL, 0, 10);
    assert_non_null(strstr(why, "geo.mmdb: this is no MMDB file"));
    assert_string_equal(flow_says(&w, "192.0.2.1", "192.0.2.200"),
                        "lab AU 64500 -> Sydney/New South Wales 64500");
    nets_free(n);
    assert_int_equal(unlink(geo), 0);
    geoip.optional = false;
    n = nets_new(&w.snapshot, data);
    assert_true(nets_configure(n, &networks, &geoip, &e));
    nets_wait(n, NULL);
    assert_string_equal(flow_says(&w, "192.0.2.1", "192.0.2.200"),
                        "lab AU 64500 -> Sydney/New South Wales 64500");
    assert_int_equal(nets_failing(n, why, sizeof why), 1);

    /* no longer configured: forgotten */
    geoip = (struct enrich_geoip_conf){0};
    net.name = "other";
    assert_true(nets_configure(n, &networks, &geoip, &e));
    nets_wait(n, NULL);
    assert_string_equal(flow_says(&w, "192.0.2.1", "192.0.2.200"), "other  0 -> / 0");
    nets_free(n);
    char command[200];
    snprintf(command, sizeof command, "find %s/geoip -type f | grep -q .", data);
    assert_int_not_equal(system(command), 0);
    world_fini(&w);
}

/* A database without what it is configured for, and one whose end is missing. */
static void useless_files_are_refused(void **state)
{
    struct err e;
    char path[100], why[300];
    snprintf(path, sizeof path, "%s/useless.mmdb", dir);
    const char *paths[] = {path};
    struct enrich_geoip_conf as_asn = {.asn_database = {1, paths}}, as_geo = {.geo_database = {1, paths}};
    copy(fixture("flat.mmdb"), path);
    struct geofiles *f = geofiles_new(dir);
    assert_true(geofiles_configure(f, &as_asn, &e));
    assert_false(geofiles_poll(f, NULL));
    assert_int_equal(geofiles_failing(f, why, sizeof why), 1);
    assert_non_null(strstr(why, "no network in it has an AS number"));
    copy(fixture("maxmind-asn.mmdb"), path);
    assert_true(geofiles_configure(f, &as_geo, &e));
    assert_false(geofiles_poll(f, NULL));
    geofiles_failing(f, why, sizeof why);
    assert_non_null(strstr(why, "no network in it has a country, state or city"));
    copy(fixture("flat.mmdb"), path);
    assert_false(geofiles_poll(f, NULL)); /* it may still be written */
    assert_true(geofiles_poll(f, NULL));
    assert_false(geofiles_poll(f, NULL));
    assert_int_equal(geofiles_failing(f, why, sizeof why), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    geofiles_poll(f, NULL);
    assert_false(geofiles_poll(f, NULL));
    assert_int_equal(geofiles_failing(f, why, sizeof why), 1);
    bool is_asn = true;
    assert_non_null(geofiles_copy(f, 0, &is_asn));
    assert_false(is_asn);
    for (int pipe = 0; pipe < 2; pipe++) { /* nothing that could be waited for */
        assert_int_equal(unlink(path), 0);
        assert_int_equal(pipe ? mkfifo(path, 0600) : symlink(dir, path), 0);
        geofiles_poll(f, NULL);
        assert_false(geofiles_poll(f, NULL));
        assert_int_equal(geofiles_failing(f, why, sizeof why), 1);
        assert_non_null(strstr(why, "useless.mmdb is no file"));
        assert_non_null(geofiles_copy(f, 0, &is_asn));
    }
    assert_int_equal(unlink(path), 0);
    geofiles_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_are_understood),        cmocka_unit_test(a_file_that_is_none_is_said),
        cmocka_unit_test(attributes_are_inherited_each), cmocka_unit_test(a_database_goes_through_unchanged),
        cmocka_unit_test(wrong_rows_are_refused),        cmocka_unit_test(files_are_watched),
        cmocka_unit_test(useless_files_are_refused),
    };
    return cmocka_run_group_tests(tests, up, down);
}
