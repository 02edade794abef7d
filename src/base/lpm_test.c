/* The tree against a list that is searched from end to end, and readers against a writer. */
#include "base/arena.h"
#include "base/lpm.h"
#include "base/snapshot.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

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

struct rig {
    struct pool pool;
    struct lpm l;
};

static void rig_init(struct rig *r, bool shared)
{
    struct err e;
    assert_true(pool_init(&r->pool, 64 << 20, shared, &e));
    lpm_init(&r->l, &r->pool);
}

static void rig_fini(struct rig *r)
{
    lpm_fini(&r->l);
    pool_fini(&r->pool);
}

static void the_longest_prefix_wins(void **state)
{
    static const struct {
        const char *prefix;
        uint32_t value;
    } rows[] = {{"0.0.0.0/0", 1},       {"10.0.0.0/8", 2},        {"10.1.0.0/16", 3},
                {"10.1.2.0/24", 4},     {"10.1.2.3/32", 5},       {"2001:db8::/32", 6},
                {"2001:db8:1::/48", 7}, {"2001:db8:1::1/128", 8}, {"2000::/3", 9}};
    static const struct {
        const char *address;
        uint32_t value;
        unsigned len;
    } cases[] = {{"192.0.2.1", 1, 96},     {"10.200.0.1", 2, 104},    {"10.1.9.9", 3, 112},
                 {"10.1.2.4", 4, 120},     {"10.1.2.3", 5, 128},      {"2001:db8:2::1", 6, 32},
                 {"2001:db8:1::2", 7, 48}, {"2001:db8:1::1", 8, 128}, {"2a00::1", 9, 3},
                 {"fe80::1", 0, 0}};
    struct rig r;
    rig_init(&r, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(lpm_set(&r.l, P(rows[i].prefix), rows[i].value));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lpm_hit h = lpm_find(&r.l, A(cases[i].address), LPM_LEN_MAX);
        assert_int_equal(h.value, cases[i].value);
        assert_int_equal(h.len, cases[i].len);
    }
    struct lpm_hit h = lpm_find(&r.l, A("10.1.2.3"), 127);
    assert_int_equal(h.value, 4);
    h = lpm_find(&r.l, A("10.1.2.3"), 119);
    assert_int_equal(h.value, 3);
    h = lpm_find(&r.l, A("10.1.2.3"), 103);
    assert_int_equal(h.value, 1);
    h = lpm_find(&r.l, A("10.1.2.3"), 95);
    assert_int_equal(h.value, 0);
    rig_fini(&r);
}

static void a_short_prefix_covers_ipv4_too(void **state)
{
    struct rig r;
    rig_init(&r, false);
    assert_true(lpm_set(&r.l, P("::/0"), 1));
    struct lpm_hit h = lpm_find(&r.l, A("192.0.2.1"), LPM_LEN_MAX);
    assert_int_equal(h.value, 1);
    assert_int_equal(h.len, 0);
    struct ip many[2] = {A("192.0.2.1"), A("2001:db8::")};
    struct lpm_hit out[2];
    assert_true(lpm_set(&r.l, P("2001:db8::/32"), 2));
    lpm_find_many(&r.l, many, 2, out);
    assert_int_equal(out[0].value, 1);
    assert_int_equal(out[1].value, 2);
    assert_int_equal(lpm_remove(&r.l, P("::/0")), 1);
    assert_int_equal(lpm_find(&r.l, A("192.0.2.1"), LPM_LEN_MAX).value, 0);
    rig_fini(&r);
}

/* ---- against a list */

enum { KNOWN = 1500, STEPS = 12000, ASKED = 2 * LPM_ABREAST + 22 };

struct entry {
    struct prefix p;
    uint32_t value; /* 0: not there */
};

/* Close together, so that prefixes cover each other. */
static struct prefix any_prefix(void)
{
    struct prefix p = {0};
    bool v4 = draw() % 2;
    uint64_t bits = draw();
    if (v4) {
        uint8_t b[4] = {(uint8_t)(10 + bits % 2), (uint8_t)(bits >> 8 & 3), (uint8_t)(bits >> 16 & 7),
                        (uint8_t)(bits >> 24)};
        p = (struct prefix){ip_v4(b), (uint8_t)(96 + draw() % 33)};
    } else {
        p.ip.b[0] = 0x20 | (bits & 1);
        for (int i = 1; i < 16; i++)
            p.ip.b[i] = (draw() % 3) ? 0 : (uint8_t)(draw() & 0x81);
        p.len = (uint8_t)(draw() % 129);
    }
    p.ip = ip_mask(p.ip, p.len);
    return p;
}

static struct lpm_hit slow_find(const struct entry *known, size_t n, struct ip a, unsigned max)
{
    struct lpm_hit best = {0};
    for (size_t i = 0; i < n; i++)
        if (known[i].value && known[i].p.len <= max && prefix_contains(known[i].p, a) &&
            (!best.value || known[i].p.len > best.len))
            best = (struct lpm_hit){known[i].value, known[i].p.len};
    return best;
}

static void compare(const struct lpm *l, const struct entry *known, size_t n)
{
    struct ip asked[ASKED];
    struct lpm_hit many[ASKED];
    for (int i = 0; i < ASKED; i++) {
        struct prefix near = known[draw() % n].p;
        asked[i] = near.ip;
        asked[i].b[15] ^= (uint8_t)(draw() & 3);
    }
    lpm_find_many(l, asked, ASKED, many);
    for (int i = 0; i < ASKED; i++) {
        struct lpm_hit want = slow_find(known, n, asked[i], LPM_LEN_MAX);
        assert_int_equal(many[i].value, want.value);
        assert_int_equal(many[i].len, want.len);
        unsigned max = (unsigned)(draw() % 129);
        struct lpm_hit got = lpm_find(l, asked[i], max);
        want = slow_find(known, n, asked[i], max);
        assert_int_equal(got.value, want.value);
        assert_int_equal(got.len, want.len);
    }
}

struct seen {
    const struct entry *known;
    size_t n, count;
};

static void check_each(struct prefix p, uint32_t value, void *arg)
{
    struct seen *s = arg;
    s->count++;
    for (size_t i = 0; i < s->n; i++)
        if (s->known[i].value && s->known[i].p.len == p.len && ip_eq(s->known[i].p.ip, p.ip)) {
            assert_int_equal(s->known[i].value, value);
            return;
        }
    fail_msg("a prefix that was never set");
}

static void it_agrees_with_a_list(void **state)
{
    struct rig r;
    static struct entry known[KNOWN];
    size_t n = 0;
    rig_init(&r, false);
    while (n < KNOWN) {
        struct prefix p = any_prefix();
        size_t i = 0;
        while (i < n && !(known[i].p.len == p.len && ip_eq(known[i].p.ip, p.ip)))
            i++;
        if (i == n)
            known[n++] = (struct entry){p, 0};
    }
    for (int step = 0; step < STEPS; step++) {
        struct entry *e = &known[draw() % n];
        if (draw() % 5 < 3) {
            e->value = (uint32_t)draw() | 1;
            assert_true(lpm_set(&r.l, e->p, e->value));
        } else {
            assert_int_equal(lpm_remove(&r.l, e->p), e->value);
            e->value = 0;
        }
        assert_int_equal(lpm_get(&r.l, e->p), e->value);
        if (step % 400 == 0)
            compare(&r.l, known, n);
    }
    struct seen s = {known, n, 0};
    lpm_each(&r.l, check_each, &s);
    assert_int_equal(s.count, r.l.n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(lpm_remove(&r.l, known[i].p), known[i].value);
    assert_int_equal(r.l.n, 0);
    assert_int_equal(r.pool.used, 0); /* nothing is left behind */
    rig_fini(&r);
}

static void a_full_pool_changes_nothing(void **state)
{
    struct pool pool;
    struct lpm l;
    struct err e;
    assert_true(pool_init(&pool, 2 << 20, false, &e));
    lpm_init(&l, &pool);
    uint32_t n = 0;
    for (;; n++) {
        uint8_t b[4] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0};
        if (!lpm_set(&l, (struct prefix){ip_v4(b), 120}, n + 1))
            break;
    }
    assert_in_range(n, 10000, 1 << 20);
    assert_int_equal(l.n, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t b[4] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 9};
        assert_int_equal(lpm_find(&l, ip_v4(b), LPM_LEN_MAX).value, i + 1);
    }
    lpm_fini(&l);
    pool_fini(&pool);
}

/* ---- readers and a writer */

enum { STABLE = 2000, FLAPPING = 2000, ROUNDS = 60 };

struct race {
    struct rig r;
    bool stop;
    uint64_t wrong, asked;
};

static struct prefix nth(uint32_t i)
{
    uint8_t b[4] = {(uint8_t)(20 + i / 1024), (uint8_t)(i / 4), (uint8_t)(i % 4 * 64), 0};
    return (struct prefix){ip_v4(b), 120};
}

/* Even ones are always there with their value, odd ones come and go under a shorter prefix that is always there. */
static void *read_all(void *arg)
{
    struct race *c = arg;
    uint64_t wrong = 0, asked = 0;
    snapshot_reader_on();
    while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
        for (uint32_t i = 0; i < STABLE + FLAPPING; i += 8) {
            struct ip a[8];
            struct lpm_hit h[8];
            for (uint32_t k = 0; k < 8; k++)
                a[k] = nth(i + k).ip;
            lpm_find_many(&c->r.l, a, 8, h);
            for (uint32_t k = 0; k < 8; k++) {
                bool stable = (i + k) % 2 == 0;
                wrong += stable ? h[k].value != i + k + 10 : h[k].value != i + k + 10 && h[k].value != 1;
            }
            asked += 8;
        }
        snapshot_reader_quiet();
    }
    snapshot_reader_off();
    __atomic_fetch_add(&c->wrong, wrong, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->asked, asked, __ATOMIC_RELAXED);
    return NULL;
}

static void readers_see_whole_changes(void **state)
{
    struct race c = {0};
    rig_init(&c.r, true);
    snapshot_reader_on();
    assert_true(lpm_set(&c.r.l, P("0.0.0.0/1"), 1));
    for (uint32_t i = 0; i < STABLE + FLAPPING; i += 2)
        assert_true(lpm_set(&c.r.l, nth(i), i + 10));
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &c), 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 1; i < STABLE + FLAPPING; i += 2)
            assert_true(lpm_set(&c.r.l, nth(i), i + 10));
        snapshot_reader_quiet();
        for (uint32_t i = 1; i < STABLE + FLAPPING; i += 2)
            assert_int_equal(lpm_remove(&c.r.l, nth(i)), i + 10);
        snapshot_reader_quiet();
    }
    pool_flush(&c.r.pool);
    __atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
    snapshot_reader_away();
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    snapshot_reader_back();
    assert_int_equal(c.wrong, 0);
    assert_true(c.asked > 0);
    assert_true(pool_memory(&c.r.pool) < 32 << 20); /* what was freed is used again */
    snapshot_reader_off();
    rig_fini(&c.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_wins),   cmocka_unit_test(a_short_prefix_covers_ipv4_too),
        cmocka_unit_test(it_agrees_with_a_list),     cmocka_unit_test(a_full_pool_changes_nothing),
        cmocka_unit_test(readers_see_whole_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
