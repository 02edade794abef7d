/* The RIB against a list of routes, and rules of choice one by one. */
#include "base/arena.h"
#include "base/snapshot.h"
#include "enrich/route/rib_cache.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct prefix P(const char *text) {
    struct prefix p;
    assert_true(prefix_parse(str_from(text), &p));
    return p;
}

static struct ip
A(const char *text) {
    struct ip a;
    assert_true(ip_parse(str_from(text), &a));
    return a;
}

static struct rib_cache *cache; /* of this thread */

static void rig_init_of(struct rib *r, uint64_t max_bytes)
{
    struct err e;
    cache = rib_cache_new();
    snapshot_reader_on();
    assert_true(rib_init(r, max_bytes, &e));
}

static void rig_init(struct rib *r)
{
    rig_init_of(r, 256 << 20);
}

static void rig_fini(struct rib *r)
{
    snapshot_reader_off();
    rib_fini(r);
    rib_cache_free(cache);
}

/* What rib_find says, which the cache says too. */
static void ask(const struct rib *r, const struct rib_ask *q, size_t n, struct rib_answer *a)
{
    struct rib_answer cached[RIB_CACHE_ASK];
    rib_find(r, q, n, a);
    rib_cache_find(cache, r, q, n, cached);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(cached[i].attr, a[i].attr);
        assert_int_equal(cached[i].len, a[i].len);
    }
}

/* A route whose origin AS is `as`. */
static enum rib_did put(struct rib *r, uint32_t source, uint16_t table, const char *prefix, uint32_t as,
                        struct rib_attr_conf c)
{
    uint32_t path[] = {65000, as};
    c.origin_as = as;
    if (!c.path) {
        c.path = path;
        c.n_path = 2;
    }
    c.path_len = c.path_len ? c.path_len : (uint8_t)c.n_path;
    c.local_pref = c.local_pref ? c.local_pref : 100;
    uint32_t attr = rib_attr_take(r, &c);
    assert_int_not_equal(attr, 0);
    enum rib_did did = rib_put(r, source, table, P(prefix), 0, attr);
    rib_attr_drop(r, attr);
    return did;
}

static uint32_t find(const struct rib *r, const char *address, uint32_t router, uint16_t table,
                     const char *hop, uint8_t *len)
{
    struct rib_ask q = {.address = A(address), .router = router, .table = table};
    struct rib_answer a;
    if (hop)
        q.next_hop = A(hop);
    ask(r, &q, 1, &a);
    if (len)
        *len = a.len;
    return a.attr ? a.attr->origin_as : 0;
}

static void the_exporters_rib_comes_first(void **state)
{
    struct rib r;
    uint8_t len;
    rig_init(&r);
    uint32_t one = rib_source_new(&r, 1, RIB_IN_POST), two = rib_source_new(&r, 2, RIB_IN_POST);
    put(&r, one, 0, "192.0.2.0/24", 101, (struct rib_attr_conf){0});
    put(&r, two, 0, "192.0.2.0/24", 201, (struct rib_attr_conf){.local_pref = 300});
    put(&r, two, 0, "192.0.2.0/28", 202, (struct rib_attr_conf){0});
    put(&r, one, 0, "0.0.0.0/0", 100, (struct rib_attr_conf){0});
    assert_int_equal(find(&r, "192.0.2.1", 1, 0, NULL, &len), 101); /* though others have a longer prefix */
    assert_int_equal(len, 24);
    assert_int_equal(find(&r, "192.0.2.1", 2, 0, NULL, &len), 202);
    assert_int_equal(len, 28);
    assert_int_equal(find(&r, "192.0.2.99", 2, 0, NULL, NULL), 201);
    assert_int_equal(find(&r, "192.0.2.99", 0, 0, NULL, NULL), 201);
    assert_int_equal(find(&r, "192.0.2.99", 7, 0, NULL, NULL), 201);
    put(&r, two, 0, "198.51.100.0/24", 203, (struct rib_attr_conf){0});
    assert_int_equal(find(&r, "198.51.100.1", 1, 0, NULL, &len),
                     203); /* better than one's own default route */
    assert_int_equal(len, 24);
    assert_int_equal(find(&r, "203.0.113.1", 1, 0, NULL, &len), 100);
    assert_int_equal(len, 0);
    assert_int_equal(find(&r, "203.0.113.1", 2, 0, NULL, NULL), 100);
    assert_int_equal(find(&r, "2001:db8::1", 1, 0, NULL, NULL), 0);
    put(&r, one, 0, "::/0", 6, (struct rib_attr_conf){0});
    assert_int_equal(find(&r, "2001:db8::1", 1, 0, NULL, NULL), 6);
    assert_true(rib_del(&r, one, 0, P("0.0.0.0/0"), 0));
    assert_int_equal(find(&r, "203.0.113.1", 1, 0, NULL, NULL), 0); /* an IPv6 default is none of IPv4's */
    rig_fini(&r);
}

static void the_flows_vrf_comes_before_others(void **state)
{
    struct rib r;
    uint16_t red, blue, again;
    rig_init(&r);
    assert_true(rib_table(&r, 0x0000fde800000001, false, &red));
    assert_true(rib_table(&r, 0x0000fde800000002, false, &blue));
    assert_true(rib_table(&r, 0x0000fde800000001, false, &again));
    assert_int_equal(red, again);
    assert_int_not_equal(red, blue);
    uint32_t s = rib_source_new(&r, 1, RIB_IN_POST), t = rib_source_new(&r, 2, RIB_IN_POST);
    put(&r, s, red, "10.0.0.0/8", 1, (struct rib_attr_conf){0});
    put(&r, s, blue, "10.0.0.0/8", 2, (struct rib_attr_conf){0});
    put(&r, s, blue, "10.1.0.0/16", 3, (struct rib_attr_conf){0});
    put(&r, t, red, "10.2.0.0/16", 4, (struct rib_attr_conf){0});
    put(&r, s, red, "0.0.0.0/0", 5, (struct rib_attr_conf){0});
    assert_int_equal(find(&r, "10.1.0.1", 1, red, NULL, NULL), 1);
    assert_int_equal(find(&r, "10.1.0.1", 1, blue, NULL, NULL), 3);
    assert_int_equal(find(&r, "10.3.0.1", 1, blue, NULL, NULL), 2);
    assert_int_equal(find(&r, "10.2.0.1", 1, red, NULL, NULL), 1);
    assert_int_equal(find(&r, "10.2.0.1", 0, red, NULL, NULL), 4);
    assert_int_equal(find(&r, "11.0.0.1", 2, red, NULL, NULL),
                     5);                                         /* a default of the VRF, before other VRFs */
    assert_int_equal(find(&r, "10.1.0.1", 0, 0, NULL, NULL), 3); /* no VRF known: whatever there is */
    rig_fini(&r);
}

static void next_hop_then_best_path(void **state)
{
    struct rib r;
    rig_init(&r);
    uint32_t s[6];
    for (int i = 0; i < 6; i++) {
        s[i] = rib_source_new(&r, 1, RIB_IN_POST);
        r.sources[s[i]].bgp_id = 10u - (uint32_t)i;
    }
    const char *p = "192.0.2.0/24", *a = "192.0.2.1";
    uint32_t x[] = {65001, 9}, y[] = {65002, 9};
#define C(...) ((struct rib_attr_conf){.next_hop = A("10.0.0.9"), __VA_ARGS__})
    put(&r, s[0], 0, p, 1, C(.origin = 2, .path_len = 3));
    put(&r, s[1], 0, p, 2, C(.origin = 2, .path_len = 2));
    assert_int_equal(find(&r, a, 0, 0, NULL, NULL), 2); /* shorter path */
    put(&r, s[2], 0, p, 3, C(.origin = 0, .path_len = 2));
    assert_int_equal(find(&r, a, 0, 0, NULL, NULL), 3); /* better origin */
    put(&r, s[3], 0, p, 4, C(.origin = 2, .path_len = 9, .local_pref = 200));
    assert_int_equal(find(&r, a, 0, 0, NULL, NULL), 4); /* local preference before all */
    put(&r, s[4], 0, p, 5, (struct rib_attr_conf){.next_hop = A("10.0.0.1"), .path_len = 20});
    assert_int_equal(find(&r, a, 0, 0, "10.0.0.1", NULL), 5); /* what the flow says was its next hop */
    assert_int_equal(find(&r, a, 0, 0, "10.0.0.2", NULL), 4);
    assert_int_equal(find(&r, a, 1, 0, "10.0.0.1", NULL), 5);
    p = "198.51.100.0/24", a = "198.51.100.1";
    put(&r, s[0], 0, p, 1, C(.path = x, .n_path = 2, .med = 20));
    put(&r, s[1], 0, p, 2, C(.path = x, .n_path = 2, .med = 10));
    assert_int_equal(find(&r, a, 0, 0, NULL, NULL), 2); /* MED of the same neighbour */
    put(&r, s[2], 0, p, 3, C(.path = y, .n_path = 2, .med = 30));
    assert_int_equal(find(&r, a, 0, 0, NULL, NULL), 3); /* MED of another says nothing: lower identifier */
    r.sources[s[3]].external = true;
    put(&r, s[3], 0, p, 4, C(.path = y, .n_path = 2, .med = 30));
    assert_int_equal(find(&r, a, 0, 0, NULL, NULL), 4);
    p = "203.0.113.0/24", a = "203.0.113.1";
    uint32_t loc = rib_source_new(&r, 1, RIB_LOC), out = rib_source_new(&r, 1, RIB_OUT);
    put(&r, out, 0, p, 1, C(.local_pref = 900));
    assert_int_equal(find(&r, a, 1, 0, NULL, NULL), 1);
    put(&r, s[0], 0, p, 2, C(.local_pref = 300));
    assert_int_equal(find(&r, a, 1, 0, NULL, NULL), 2);
    put(&r, loc, 0, p, 3, C(.local_pref = 100));
    assert_int_equal(find(&r, a, 1, 0, NULL, NULL), 3); /* what the router itself chose */
    rig_fini(&r);
}

static void a_new_session_replaces_the_former(void **state)
{
    struct rib r;
    rig_init(&r);
    uint32_t s = rib_source_new(&r, 1, RIB_IN_PRE), t = rib_source_new(&r, 1, RIB_IN_PRE);
    put(&r, s, 0, "192.0.2.0/24", 1, (struct rib_attr_conf){0});
    put(&r, s, 0, "198.51.100.0/24", 2, (struct rib_attr_conf){0});
    put(&r, s, 0, "2001:db8::/32", 3, (struct rib_attr_conf){0});
    put(&r, t, 0, "198.51.100.0/24", 4, (struct rib_attr_conf){.local_pref = 50});
    rib_source_begin(&r, s);
    assert_int_equal(find(&r, "198.51.100.1", 0, 0, NULL, NULL), 2); /* not a moment without routes */
    assert_int_equal(put(&r, s, 0, "192.0.2.0/24", 1, (struct rib_attr_conf){0}), RIB_UPDATED);
    assert_int_equal(r.sources[s].current, 1);
    rib_source_purge(&r, s, 1);
    assert_int_equal(find(&r, "198.51.100.1", 0, 0, NULL, NULL),
                     4); /* at once, before anything was removed */
    assert_int_equal(find(&r, "192.0.2.1", 0, 0, NULL, NULL), 1);
    assert_int_equal(find(&r, "2001:db8::1", 0, 0, NULL, NULL),
                     3); /* the other family waits for its own word */
    uint64_t gone = 0;
    while (rib_sweeping(&r))
        gone += rib_sweep(&r, 1);
    assert_int_equal(gone, 1);
    rib_source_purge(&r, s, 2);
    while (rib_sweeping(&r))
        gone += rib_sweep(&r, 1);
    assert_int_equal(gone, 2);
    assert_int_equal(find(&r, "2001:db8::1", 0, 0, NULL, NULL), 0);
    assert_int_equal(r.marks[s].purge, 0);
    assert_int_equal(r.sources[s].routes, 1);
    assert_int_equal(r.routes, 2);
    rig_fini(&r);
}

/* ---- against a list */

enum { SOURCES = 5, PREFIXES = 300, STEPS = 40000 };

struct known {
    uint32_t source, path_id, as;
    uint16_t table;
    struct prefix p;
    bool former;
};

static uint64_t seed = 2463534242u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed >> 8;
}

static struct prefix any_prefix(uint64_t k)
{
    struct prefix p = {.len = (uint8_t)(96 + 8 + k % 20)};
    uint8_t b[4] = {10, (uint8_t)(k % 7 * 37), (uint8_t)(k * 11), (uint8_t)(k * 29)};
    p.ip = ip_mask(ip_v4(b), p.len);
    if (k % 3 == 0) {
        p.len = (uint8_t)(16 + k % 90);
        p.ip = (struct ip){.b = {0x20, 1, (uint8_t)k, (uint8_t)(k * 7), [7] = (uint8_t)(k * 3)}};
        p.ip = ip_mask(p.ip, p.len);
    }
    return p;
}

static size_t known_find(const struct known *k, size_t n, uint32_t source, uint16_t table, struct prefix p,
                         uint32_t path_id)
{
    size_t i = 0;
    while (i < n && !(k[i].source == source && k[i].table == table && k[i].path_id == path_id &&
                      k[i].p.len == p.len && ip_eq(k[i].p.ip, p.ip)))
        i++;
    return i;
}

/* Every route there is, seen from its own source. */
static void compare(const struct rib *r, const struct known *k, size_t n)
{
    size_t seen = 0;
    for (uint32_t at = rib_prefix_first(); at < rib_prefix_end(r); at = rib_prefix_after(at)) {
        const struct rib_prefix *rec = rib_prefix_at(r, at);
        const struct rib_routes *b = rib_routes_of(r, rec);
        for (uint32_t i = 0; b && i < b->n; i++, seen++) {
            const struct rib_route *x = &b->route[i];
            size_t j = known_find(k, n, x->source & RIB_SOURCE_MASK, x->table,
                                  (struct prefix){rec->ip, rec->len}, x->path_id);
            assert_in_range(j, 0, n - 1);
            assert_int_equal(rib_attr_at(r, x->attr)->origin_as, k[j].as);
            assert_true(i == 0 || x->table >= b->route[i - 1].table);
        }
    }
    assert_int_equal(seen, n);
    assert_int_equal(r->routes, n);
}

/* Each prefix comes, is asked for, and goes, so that the shorter one answers again; find() asks the cache as well. */
static void kept_answers_follow_prefixes(void **state)
{
    static const struct {
        const char *address, *prefix[3];
    } of[] = {{"10.1.1.1", {"10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"}},
              {"2001:db8:1::1", {"2000::/3", "2001:db8::/32", "2001:db8:1::/48"}}};
    struct rib r;
    rig_init(&r);
    uint32_t s = rib_source_new(&r, 1, RIB_LOC);
    for (size_t f = 0; f < 2; f++) {
        assert_int_equal(find(&r, of[f].address, 0, 0, NULL, NULL), 0);
        for (uint32_t i = 0; i < 3; i++) {
            put(&r, s, 0, of[f].prefix[i], i + 1, (struct rib_attr_conf){0});
            assert_int_equal(find(&r, of[f].address, 0, 0, NULL, NULL), i + 1);
        }
        for (uint32_t i = 3; i-- > 0;) {
            assert_true(rib_del(&r, s, 0, P(of[f].prefix[i]), 0));
            assert_int_equal(find(&r, of[f].address, 0, 0, NULL, NULL), i);
        }
    }
    rig_fini(&r);
}

/* Among addresses so few that most questions are asked again, between changes and after them. */
static void ask_some(const struct rib *r)
{
    enum { N = 64 };
    struct rib_ask q[N];
    struct rib_answer a[N];
    for (int i = 0; i < N; i++)
        q[i] = (struct rib_ask){.address = any_prefix(draw() % PREFIXES).ip,
                                .router = (uint32_t)(draw() % 4),
                                .table = (uint16_t)(draw() % 3)};
    ask(r, q, N, a);
}

static void it_agrees_with_a_list(void **state)
{
    struct rib r;
    static struct known known[SOURCES * PREFIXES * 4];
    size_t n = 0;
    uint16_t table[3] = {0};
    rig_init(&r);
    uint64_t base = r.pool.used + r.prefixes.used;
    assert_true(rib_table(&r, 7, false, &table[1]) && rib_table(&r, 8, false, &table[2]));
    for (uint32_t s = 1; s <= SOURCES; s++)
        assert_int_equal(rib_source_new(&r, s % 3 + 1, (enum rib_kind)(s % 4)), s);
    for (int step = 0; step < STEPS; step++) {
        uint32_t source = (uint32_t)(1 + draw() % SOURCES), path_id = (uint32_t)(draw() % 2);
        uint16_t t = table[draw() % 5 % 3];
        struct prefix p = any_prefix(draw() % PREFIXES);
        size_t i = known_find(known, n, source, t, p, path_id);
        if (draw() % 9 < 5) {
            uint32_t as = (uint32_t)(draw() % 50 + 1), path[3] = {65000, (uint32_t)(draw() % 4), as};
            struct rib_attr_conf c = {
                .origin_as = as, .path = path, .n_path = 3, .path_len = 3, .med = (uint32_t)(draw() % 3)};
            uint32_t attr = rib_attr_take(&r, &c);
            assert_int_equal(rib_put(&r, source, t, p, path_id, attr), i < n ? RIB_UPDATED : RIB_ADDED);
            rib_attr_drop(&r, attr);
            known[i] = (struct known){source, path_id, as, t, p, false};
            n += i == n;
        } else {
            assert_int_equal(rib_del(&r, source, t, p, path_id), i < n);
            if (i < n)
                known[i] = known[--n];
        }
        if (step % 8 == 0)
            ask_some(&r);
        if (step % 1500 == 0)
            compare(&r, known, n);
        if (step % 5000 == 4999) {
            rib_source_begin(&r, source);
            rib_source_purge(&r, source, 3);
            ask_some(&r);
            while (rib_sweeping(&r))
                rib_sweep(&r, 7);
            ask_some(&r);
            for (i = 0; i < n;)
                if (known[i].source == source)
                    known[i] = known[--n];
                else
                    i++;
            compare(&r, known, n);
        }
        snapshot_reader_quiet();
    }
    for (uint32_t s = 1; s <= SOURCES; s++) {
        rib_source_begin(&r, s);
        rib_source_purge(&r, s, 3);
    }
    while (rib_sweeping(&r))
        rib_sweep(&r, 100);
    assert_int_equal(r.routes, 0);
    assert_int_equal(r.lpm.n, 0);
    assert_int_equal(r.attrs.n, 0);
    assert_int_equal(r.pool.used + r.prefixes.used, base); /* every piece came back */
    rig_fini(&r);
}

static void a_full_rib_refuses_and_goes_on(void **state)
{
    struct rib r;
    rig_init_of(&r, 8 << 20);
    uint32_t s = rib_source_new(&r, 1, RIB_LOC), n = 0, as = 1;
    uint32_t attr = rib_attr_take(&r, &(struct rib_attr_conf){.origin_as = 1, .path = &as, .n_path = 1});
    for (;; n++) {
        uint8_t b[4] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0};
        if (rib_put(&r, s, 0, (struct prefix){ip_v4(b), 120}, 0, attr) == RIB_REFUSED)
            break;
        snapshot_reader_quiet();
    }
    assert_true(n > 1000);
    assert_int_equal(find(&r, "0.0.1.1", 0, 0, NULL, NULL), 1);
    rib_source_begin(&r, s);
    rib_source_purge(&r, s, 3);
    while (rib_sweeping(&r)) {
        rib_sweep(&r, 100);
        snapshot_reader_quiet();
    }
    assert_int_equal(r.routes, 0);
    rib_attr_drop(&r, attr);
    rig_fini(&r);
}

static void a_prefix_of_many_vrfs_is_swept_at_once(void **state)
{
    enum { VRFS = 1000 };
    struct rib r;
    uint16_t table;
    rig_init(&r);
    uint32_t gone = rib_source_new(&r, 1, RIB_IN_POST), stays = rib_source_new(&r, 2, RIB_IN_POST);
    for (uint64_t i = 1; i <= VRFS; i++) {
        assert_true(rib_table(&r, i << 16, false, &table));
        put(&r, gone, table, "0.0.0.0/0", 1, (struct rib_attr_conf){0});
        if (i % 2)
            put(&r, stays, table, "0.0.0.0/0", 2, (struct rib_attr_conf){0});
        put(&r, gone, table, "10.0.0.0/8", 3, (struct rib_attr_conf){0});
        snapshot_reader_quiet();
    }
    assert_true(rib_table(&r, 1 << 16, false, &table));
    assert_int_equal(find(&r, "10.0.0.1", 0, table, NULL, NULL), 3);
    rib_source_begin(&r, gone);
    rib_source_purge(&r, gone, 3);
    assert_int_equal(find(&r, "10.0.0.1", 0, table, NULL, NULL), 2); /* at once, before anything is removed */
    uint64_t n = 0;
    while (rib_sweeping(&r)) {
        n += rib_sweep_for(&r, 0); /* no time is some progress too */
        snapshot_reader_quiet();
    }
    assert_int_equal(n, 2 * VRFS);
    assert_int_equal(r.routes, VRFS / 2);
    assert_int_equal(r.lpm.n, 1);
    assert_int_equal(find(&r, "10.0.0.1", 0, table, NULL, NULL), 2);
    rig_fini(&r);
}

/* As rib.h says it, prefix by prefix. */
static struct rib_answer slow_find(const struct rib *r, const struct rib_ask *q)
{
    struct rib_answer best = {0};
    unsigned best_rank = 0;
    bool v4 = ip_is_v4(q->address);
    for (uint32_t at = rib_prefix_first(); at < rib_prefix_end(r); at = rib_prefix_after(at)) {
        const struct rib_prefix *p = rib_prefix_at(r, at);
        const struct rib_routes *b = rib_routes_of(r, p);
        if (!b || !prefix_contains((struct prefix){p->ip, p->len}, q->address) || (v4 && p->len < 96))
            continue;
        uint8_t len = (uint8_t)(p->len - (v4 ? 96 : 0));
        bool in_table = false;
        for (uint32_t i = 0; i < b->n; i++)
            in_table |= b->route[i].table == q->table;
        const struct rib_attr *chosen = NULL;
        unsigned most = 0;
        for (uint32_t i = 0; i < b->n; i++) {
            const struct rib_attr *a = rib_attr_at(r, b->route[i].attr);
            bool own = q->router && r->marks[b->route[i].source & RIB_SOURCE_MASK].router == q->router;
            unsigned good = 1 + (!ip_is_zero(q->next_hop) && ip_eq(a->next_hop, q->next_hop)) + 2 * own;
            if ((in_table && b->route[i].table != q->table) || good <= most)
                continue;
            most = good;
            chosen = a;
        }
        unsigned rank = in_table * 4000u + (len > 0) * 2000u + (most > 2) * 1000u + len;
        if (!best.attr || rank > best_rank)
            best = (struct rib_answer){chosen, len};
        best_rank = rank > best_rank ? rank : best_rank;
    }
    return best;
}

/* More than are under way at once, of every kind, against the list, and one at a time. */
static void many_are_as_one_by_one(void **state)
{
    enum { MANY = 1000, ROUNDS = 40 };
    static struct rib_ask q[MANY];
    static struct rib_answer all[MANY], one;
    struct rib r;
    uint16_t red;
    char text[64];
    rig_init(&r);
    assert_true(rib_table(&r, 1 << 16, true, &red));
    uint32_t s[3];
    for (uint32_t i = 0; i < 3; i++)
        s[i] = rib_source_new(&r, i + 1, RIB_IN_POST);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 300; i++) {
            struct rib_attr_conf c = {.local_pref = 100 + (uint32_t)draw() % 3};
            if (draw() % 4)
                snprintf(text, sizeof text, "10.%u.%u.0/%u", (unsigned)draw() % 4, (unsigned)draw() % 8 * 32,
                         8 + (unsigned)draw() % 17);
            else
                snprintf(text, sizeof text, "2001:db8:%x::/%u", (unsigned)draw() % 16,
                         16 + (unsigned)draw() % 33);
            c.next_hop = A(draw() % 2 ? "192.0.2.1" : "192.0.2.2");
            uint32_t source = s[draw() % 3];
            uint16_t table = draw() % 2 ? red : 0;
            if (draw() % 3)
                put(&r, source, table, text, 1 + (uint32_t)draw() % 1000, c);
            else
                rib_del(&r, source, table, P(text), 0);
        }
        if (round % 8 == 0)
            put(&r, s[0], 0, "0.0.0.0/0", 77, (struct rib_attr_conf){0});
        for (int i = 0; i < MANY; i++) {
            if (draw() % 3)
                snprintf(text, sizeof text, "10.%u.%u.1", (unsigned)draw() % 5, (unsigned)draw() % 256);
            else
                snprintf(text, sizeof text, "2001:db8:%x::1", (unsigned)draw() % 20);
            q[i] = (struct rib_ask){A(text), .router = (uint32_t)draw() % 4, .table = draw() % 2 ? red : 0};
            if (draw() % 2)
                q[i].next_hop = A("192.0.2.2");
        }
        rib_find(&r, q, MANY, all);
        for (int i = 0; i < MANY; i++) {
            struct rib_answer want = slow_find(&r, &q[i]);
            rib_find(&r, &q[i], 1, &one);
            assert_ptr_equal(all[i].attr, want.attr);
            assert_int_equal(all[i].len, want.len);
            assert_ptr_equal(one.attr, want.attr);
            assert_int_equal(one.len, want.len);
        }
        snapshot_reader_quiet();
    }
    rig_fini(&r);
}

/* ---- readers and a writer that flaps everything */

struct race {
    struct rib r;
    bool stop;
    uint64_t wrong, asked;
};

/* Whatever route is found must be one that was put for that prefix: its origin AS is the prefix's number. */
static void *ask_all(void *arg)
{
    struct race *c = arg;
    struct rib_cache *mine = rib_cache_new();
    uint64_t wrong = 0, asked = 0;
    snapshot_reader_on();
    while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
        for (uint32_t i = 0; i < 1024; i += 16) {
            struct rib_ask q[16] = {0};
            struct rib_answer a[16];
            for (uint32_t k = 0; k < 16; k++) {
                uint8_t b[4] = {10, (uint8_t)((i + k) >> 8), (uint8_t)(i + k), 1};
                q[k] = (struct rib_ask){.address = ip_v4(b), .router = k % 3};
            }
            if (i % 64)
                rib_cache_find(mine, &c->r, q, 16, a);
            else
                rib_find(&c->r, q, 16, a);
            for (uint32_t k = 0; k < 16; k++)
                wrong += a[k].attr == NULL || a[k].attr->origin_as != i + k + 1 ||
                         rib_path(a[k].attr)[a[k].attr->n_path - 1] != i + k + 1;
            asked += 16;
        }
        snapshot_reader_quiet();
    }
    snapshot_reader_off();
    rib_cache_free(mine);
    __atomic_fetch_add(&c->wrong, wrong, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->asked, asked, __ATOMIC_RELAXED);
    return NULL;
}

static void put_nth(struct rib *r, uint32_t source, uint32_t i, uint32_t salt)
{
    uint8_t b[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 0};
    uint32_t path[3] = {65000 + source, salt, i + 1};
    struct rib_attr_conf c = {.origin_as = i + 1, .path = path, .n_path = 3, .path_len = 3};
    uint32_t attr = rib_attr_take(r, &c);
    rib_put(r, source, 0, (struct prefix){ip_v4(b), 120}, 0, attr);
    rib_attr_drop(r, attr);
}

static void readers_see_whole_routes(void **state)
{
    struct race c = {0};
    rig_init(&c.r);
    uint32_t stays = rib_source_new(&c.r, 1, RIB_LOC), flaps = rib_source_new(&c.r, 2, RIB_LOC);
    for (uint32_t i = 0; i < 1024; i++)
        put_nth(&c.r, stays, i, 0);
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, ask_all, &c), 0);
    for (uint32_t round = 1; round < 80; round++) {
        for (uint32_t i = 0; i < 1024; i++) {
            put_nth(&c.r, flaps, i, round);
            if (i % 3 == 0)
                put_nth(&c.r, stays, i, round);
        }
        snapshot_reader_quiet();
        rib_source_begin(&c.r, flaps);
        rib_source_purge(&c.r, flaps, 3);
        while (rib_sweeping(&c.r))
            rib_sweep(&c.r, 100);
        snapshot_reader_quiet();
    }
    __atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
    snapshot_reader_away();
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    snapshot_reader_back();
    assert_int_equal(c.wrong, 0);
    assert_true(c.asked > 0);
    rig_fini(&c.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exporters_rib_comes_first),
        cmocka_unit_test(the_flows_vrf_comes_before_others),
        cmocka_unit_test(next_hop_then_best_path),
        cmocka_unit_test(a_new_session_replaces_the_former),
        cmocka_unit_test(kept_answers_follow_prefixes),
        cmocka_unit_test(it_agrees_with_a_list),
        cmocka_unit_test(a_full_rib_refuses_and_goes_on),
        cmocka_unit_test(readers_see_whole_routes),
        cmocka_unit_test(a_prefix_of_many_vrfs_is_swept_at_once),
        cmocka_unit_test(many_are_as_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
