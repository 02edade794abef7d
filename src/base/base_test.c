/* The small pieces everything stands on. */
#include "base/buf.h"
#include "base/counters.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/intern.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/table.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void str_splits_and_numbers(void **state)
{
    struct str s = STR("a,bc,"), head;
    assert_true(str_split(&s, ',', &head) && str_eq(head, STR("a")));
    assert_true(str_split(&s, ',', &head) && str_eq(head, STR("bc")));
    assert_false(str_split(&s, ',', &head));
    uint64_t v;
    assert_true(str_u64(STR("18446744073709551615"), &v) && v == UINT64_MAX);
    assert_false(str_u64(STR("18446744073709551616"), &v));
    assert_false(str_u64(STR("-1"), &v));
    assert_false(str_u64(STR(""), &v));
    assert_int_equal(str_distance(STR("listen"), STR("Lisen"), 3), 1);
    assert_int_equal(str_distance(STR("abc"), STR("xyzzy"), 2), 3);
}

static void utf8_is_told_from_other_bytes(void **state)
{
    static const struct {
        const char *text;
        size_t good;
    } cases[] = {
        {"", 0},
        {"plain", 5},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9},
        {"a\xd8"
         "1",
         1},                     /* no second byte */
        {"ab\xe2\x82", 2},       /* cut off */
        {"\xc0\xaf", 0},         /* overlong */
        {"\xe0\x9f\xbf", 0},     /* overlong */
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0}, /* over U+10FFFF */
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(str_utf8(str_from(cases[i].text)), cases[i].good);
}

static void cursor_error_is_sticky(void **state)
{
    struct cursor c = cursor_init("\x01\x02\x03", 3);
    assert_int_equal(cursor_be16(&c), 0x0102);
    assert_int_equal(cursor_be16(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
}

static void buf_stops_at_its_cap(void **state)
{
    struct buf b;
    buf_init(&b, 4);
    buf_le32(&b, 1);
    assert_false(b.full);
    buf_u8(&b, 1);
    assert_true(b.full);
    assert_int_equal(b.len, 4);
    buf_fini(&b);
    buf_init(&b, 0);
    buf_varint(&b, 300);
    assert_memory_equal(b.p, "\xac\x02", 2);
    buf_printf(&b, "%s", "x");
    assert_int_equal(b.len, 3);
    buf_fini(&b);
}

static void ip_texts(void **state)
{
    static const char *const good[] = {"192.0.2.1", "2001:db8::1", "::", "0.0.0.0"};
    char z[IP_TEXT_MAX];
    struct ip a;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ip_parse(str_from(good[i]), &a));
        assert_string_equal(ip_format(a, z), good[i]);
    }
    assert_false(ip_parse(STR("192.0.2"), &a));
    struct prefix p;
    assert_true(prefix_parse(STR("10.1.2.3/8"), &p));
    assert_string_equal(prefix_format(p, z), "10.0.0.0/8");
    assert_true(ip_parse(STR("10.255.0.1"), &a) && prefix_contains(p, a));
    assert_true(ip_parse(STR("11.0.0.1"), &a) && !prefix_contains(p, a));
    assert_true(prefix_parse(STR("::/0"), &p) && prefix_contains(p, a));
    assert_true(prefix_parse(STR("2001:db8::/33"), &p));
    assert_false(prefix_parse(STR("10.0.0.0/33"), &p));
}

static void intern_gives_dense_ids(void **state)
{
    struct intern t;
    intern_init(&t);
    assert_int_equal(intern(&t, STR("")), 0);
    char z[16];
    for (uint32_t i = 1; i < 5000; i++) {
        snprintf(z, sizeof z, "n%u", i);
        assert_int_equal(intern(&t, str_from(z)), i);
    }
    assert_int_equal(intern(&t, STR("n77")), 77);
    assert_true(str_eq(intern_str(&t, 4999), STR("n4999")));
    intern_reset(&t);
    assert_int_equal(t.generation, 1);
    assert_int_equal(intern(&t, STR("n77")), 1);
    intern_fini(&t);
}

static void counters_show_as_prometheus_text(void **state)
{
    static const struct counter_def defs[] = {{"test_things_total", "Things.", COUNTER}};
    struct counters *a = counters_new(defs, 1, "worker=\"0\""), *b = counters_new(defs, 1, "worker=\"1\"");
    counter_add(a, 0, 2);
    counter_add_shared(b, 0, 3);
    struct buf out;
    buf_init(&out, 0);
    counters_render(&out);
    buf_u8(&out, 0);
    assert_string_equal((char *)out.p,
                        "# HELP weir_test_things_total Things.\n# TYPE weir_test_things_total counter\n"
                        "weir_test_things_total{worker=\"0\"} 2\nweir_test_things_total{worker=\"1\"} 3\n");
    buf_fini(&out);
    counters_free(a);
    counters_free(b);
    static const struct counter_def time[] = {{"test_seconds_total", "Time.", COUNTER_US},
                                              {"test_ns_seconds_total", "Time.", COUNTER_NS}};
    struct counters *t = counters_new(time, 2, "");
    counter_add(t, 0, 12000034);
    counter_add(t, 1, 3000000005);
    buf_init(&out, 0);
    counters_render(&out);
    buf_u8(&out, 0);
    assert_non_null(strstr((char *)out.p, "\nweir_test_seconds_total 12.000034\n"));
    assert_non_null(strstr((char *)out.p, "\nweir_test_ns_seconds_total 3.000000005\n"));
    buf_fini(&out);
    counters_free(t);
}

static void err_gathers_context(void **state)
{
    struct err e;
    errno = ENOENT;
    assert_false(err_errno(&e, "open %s", "x"));
    err_wrap(&e, "spool");
    assert_string_equal(e.msg, "spool: open x: No such file or directory");
}

/* What a signal handler may write: a whole line, in either format. */
static void a_line_of_the_log_lies_ready(void **state)
{
    char line[200];
    log_setup("inlet", LOG_INFO, true);
    size_t n = log_prepare(line, sizeof line, UINT64_C(1500000000), LOG_ERROR, "role", "say \"so\"");
    assert_true(n < sizeof line);
    line[n] = 0;
    assert_string_equal(
        line,
        "{\"time\":\"1970-01-01T00:00:01.500Z\",\"level\":\"error\",\"role\":\"inlet\",\"module\":\"role\","
        "\"msg\":\"say \\\"so\\\"\"}\n");
    log_setup("inlet", LOG_INFO, false);
    n = log_prepare(line, sizeof line, UINT64_C(1500000000), LOG_ERROR, "role", "so");
    line[n] = 0;
    assert_string_equal(line, "time=1970-01-01T00:00:01.500Z level=error role=inlet module=role msg=so\n");
    assert_int_equal(log_prepare(line, 10, 0, LOG_ERROR, "role", "so"), 0);
    log_setup("weir", LOG_INFO, false);
}

/* Across the border between the heap and mappings, in both directions, and within each. */
static void tables_keep_what_they_hold(void **state)
{
    static const size_t lens[] = {64,
                                  TABLE_HUGE - 8,
                                  TABLE_HUGE,
                                  3 * TABLE_HUGE + 4096,
                                  TABLE_HUGE * 8,
                                  TABLE_HUGE * 5 + 16,
                                  TABLE_HUGE + 4096,
                                  4096};
    size_t had = 32;
    uint64_t *t = table_resize(NULL, 0, had);
    for (uint64_t i = 0; i < had / 8; i++)
        t[i] = i * 7;
    for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
        t = table_resize(t, had, lens[k]);
        for (uint64_t i = 0; i < (had < lens[k] ? had : lens[k]) / 8; i++)
            assert_int_equal(t[i], i * 7);
        for (uint64_t i = 0; i < lens[k] / 8; i++)
            t[i] = i * 7;
        had = lens[k];
    }
    table_free(t, had);
    for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
        const char *zeros = table_zeroed(lens[k]);
        for (size_t i = 0; i < lens[k]; i += 512)
            assert_int_equal(zeros[i], 0);
        table_free((void *)(uintptr_t)zeros, lens[k]);
    }
}

/* Whether [p, p + len) is one mapping, as kernels before 6.17 want it for moving. */
static bool is_one_mapping(const void *p, size_t len)
{
    unsigned long long from, to;
    char line[512];
    bool is = false;
    FILE *f = fopen("/proc/self/maps", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        is |= sscanf(line, "%llx-%llx", &from, &to) == 2 && from <= (uintptr_t)p && (uintptr_t)p + len <= to;
    fclose(f);
    return is;
}

static void tables_that_grew_can_grow_again(void **state)
{
    size_t len = TABLE_HUGE;
    char *t = table_resize(NULL, 0, len);
    for (unsigned i = 1; i < 5; i++) {
        memset(t, (int)i, len);
        t = table_resize(t, len, len + TABLE_HUGE);
        assert_int_equal(t[len - 1], i);
        len += TABLE_HUGE;
        assert_true(is_one_mapping(t, len));
    }
    table_free(t, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_splits_and_numbers),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(cursor_error_is_sticky),
        cmocka_unit_test(buf_stops_at_its_cap),
        cmocka_unit_test(ip_texts),
        cmocka_unit_test(intern_gives_dense_ids),
        cmocka_unit_test(counters_show_as_prometheus_text),
        cmocka_unit_test(err_gathers_context),
        cmocka_unit_test(a_line_of_the_log_lies_ready),
        cmocka_unit_test(tables_keep_what_they_hold),
        cmocka_unit_test(tables_that_grew_can_grow_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
