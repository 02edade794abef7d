/* Filters and the SQL they mean; filters and what is said against them. */
#include "lang/filter.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct schema everything(void)
{
    struct schema s;
    schema_default(&s);
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (c != COL_SrcVlan)
            s.enabled[c] = true;
    return s;
}

#define V4(a) "toIPv6('::ffff:" a "')"
#define V6(a) "toIPv6('" a "')"
#define IN_DOC "BETWEEN " V4("192.0.2.0") " AND " V4("192.0.2.255")
#define PROTOCOLS(names) "(SELECT proto FROM dictionary('protocols') WHERE lower(name) IN (" names "))"

/* reverse: NULL means the same as sql; main: a column that only `flows` has is used */
static const struct {
    const char *text, *sql, *reverse;
    bool main;
} good[] = {
    {"", "", NULL, false},
    {"  -- nothing\n /* at\nall */ ", "", NULL, false},
    {"InIfBoundary = external", "InIfBoundary = 'external'", "OutIfBoundary = 'external'", false},
    {"inifboundary!=INTERNAL", "InIfBoundary != 'internal'", "OutIfBoundary != 'internal'", false},
    {"OutIfBoundary = undefined", "OutIfBoundary = 'undefined'", "InIfBoundary = 'undefined'", false},
    {"InIfBoundary = external AND InIfProvider = \"cogent\"",
     "InIfBoundary = 'external' AND InIfProvider = 'cogent'",
     "OutIfBoundary = 'external' AND OutIfProvider = 'cogent'", false},
    {"InIfBoundary = external AND SrcAS IN (AS15169, AS36040)",
     "InIfBoundary = 'external' AND SrcAS IN (15169, 36040)",
     "OutIfBoundary = 'external' AND DstAS IN (15169, 36040)", false},
    /* times */
    {"FlowStart >= 2026-11-21T10:00:00Z", "FlowStart >= fromUnixTimestamp64Milli(1795255200000::Int64)", NULL,
     true},
    {"FlowEnd < '2026-11-21 12:00:00.25+02:00'", "FlowEnd < fromUnixTimestamp64Milli(1795255200250::Int64)",
     NULL, true},
    {"FlowEnd = \"2026-11-21\"", "FlowEnd = fromUnixTimestamp64Milli(1795219200000::Int64)", NULL, true},
    {"FlowStart > now-15m AND FlowStart < NOW",
     "FlowStart > now64(3) - toIntervalSecond(900) AND FlowStart < now64(3) - "
     "toIntervalSecond(0)",
     NULL, true},
    {"FlowStart != FlowEnd OR FlowDuration > 60000", "FlowStart != FlowEnd OR FlowDuration > 60000", NULL,
     true},
    {"FlowDirection = Ingress", "FlowDirection = 'ingress'", NULL, false},
    /* addresses */
    {"SrcAddr = 192.0.2.1", "SrcAddr = " V4("192.0.2.1"), "DstAddr = " V4("192.0.2.1"), true},
    {"SrcAddr = 2001:DB8::1", "SrcAddr = " V6("2001:db8::1"), "DstAddr = " V6("2001:db8::1"), true},
    {"SrcAddr = ::1", "SrcAddr = " V6("::1"), "DstAddr = " V6("::1"), true},
    {"DstAddr = 192.0.2.0/24", "(DstAddr " IN_DOC ")", "(SrcAddr " IN_DOC ")", true},
    {"DstAddr << 192.0.2.77/24", "(DstAddr " IN_DOC ")", "(SrcAddr " IN_DOC ")", true},
    {"DstAddr !<< 192.0.2.0/24", "NOT (DstAddr " IN_DOC ")", "NOT (SrcAddr " IN_DOC ")", true},
    {"DstAddr != 192.0.2.1", "NOT (DstAddr = " V4("192.0.2.1") ")", "NOT (SrcAddr = " V4("192.0.2.1") ")",
     true},
    {"SrcAddr << 2001:db8::/33",
     "(SrcAddr BETWEEN " V6("2001:db8::") " AND " V6("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff") ")",
     "(DstAddr BETWEEN " V6("2001:db8::") " AND " V6("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff") ")", true},
    {"SrcAddr IN (192.0.2.1, 198.51.100.2)", "SrcAddr IN (" V4("192.0.2.1") ", " V4("198.51.100.2") ")",
     "DstAddr IN (" V4("192.0.2.1") ", " V4("198.51.100.2") ")", true},
    {"SrcAddr NOTIN (198.51.100.2, 192.0.2.0/24)",
     "NOT (SrcAddr = " V4("198.51.100.2") " OR SrcAddr " IN_DOC ")",
     "NOT (DstAddr = " V4("198.51.100.2") " OR DstAddr " IN_DOC ")", true},
    {"SrcAddr IN (192.0.2.0/24) AND Proto = 6", "(SrcAddr " IN_DOC ") AND Proto = 6",
     "(DstAddr " IN_DOC ") AND Proto = 6", true},
    {"ExporterAddress = 192.0.2.1", "ExporterAddress = " V4("192.0.2.1"), NULL, false},
    {"SrcNetPrefix = 192.0.2.0/24", "(SrcAddr " IN_DOC " AND SrcNetMask = 24)",
     "(DstAddr " IN_DOC " AND DstNetMask = 24)", true},
    {"DstNetPrefix != 2001:db8::/128",
     "NOT (DstAddr BETWEEN " V6("2001:db8::") " AND " V6("2001:db8::") " AND DstNetMask = 128)",
     "NOT (SrcAddr BETWEEN " V6("2001:db8::") " AND " V6("2001:db8::") " AND SrcNetMask = 128)", true},
    {"NextHop = 2001:db8::9", "NextHop = " V6("2001:db8::9"), NULL, false},
    /* MAC addresses in three notations */
    {"SrcMAC = 00:53:aB:12:34:56", "SrcMAC = MACStringToNum('00:53:AB:12:34:56')",
     "DstMAC = MACStringToNum('00:53:AB:12:34:56')", false},
    {"SrcMAC IN (00-53-ab-12-34-56, 0053.ab12.3457)",
     "SrcMAC IN (MACStringToNum('00:53:AB:12:34:56'), MACStringToNum('00:53:AB:12:34:57'))",
     "DstMAC IN (MACStringToNum('00:53:AB:12:34:56'), MACStringToNum('00:53:AB:12:34:57'))", false},
    /* texts */
    {"ExporterName = 'th2-edge1'", "ExporterName = 'th2-edge1'", NULL, false},
    {"ExporterName LIKE \"th2-%\"", "ExporterName LIKE 'th2-%'", NULL, false},
    {"ExporterName unlike 'th2-%'", "ExporterName NOT LIKE 'th2-%'", NULL, false},
    {"ExporterName ILIKE 'a\\\\_b'", "ExporterName ILIKE 'a\\\\_b'", NULL, false},
    {"ExporterName IUNLIKE 'x'", "ExporterName NOT ILIKE 'x'", NULL, false},
    {"InIfProvider IN (\"a\", 'b')", "InIfProvider IN ('a', 'b')", "OutIfProvider IN ('a', 'b')", false},
    {"InIfProvider NOT IN ('a')", "InIfProvider NOT IN ('a')", "OutIfProvider NOT IN ('a')", false},
    {"InIfProvider = OutIfProvider", "InIfProvider = OutIfProvider", "OutIfProvider = InIfProvider", false},
    {"SrcCountry = 'FR'", "SrcCountry = 'FR'", "DstCountry = 'FR'", false},
    {"InIfDescription = \"it's \\\"so\\\" \\\\ x\"", "InIfDescription = 'it\\'s \"so\" \\\\ x'",
     "OutIfDescription = 'it\\'s \"so\" \\\\ x'", false},
    {"InIfDescription = \"'; DROP TABLE flows; --\"", "InIfDescription = '\\'; DROP TABLE flows; --'",
     "OutIfDescription = '\\'; DROP TABLE flows; --'", false},
    {"InIfDescription = 'caf\xc3\xa9\t'", "InIfDescription = 'caf\xc3\xa9\\x09'",
     "OutIfDescription = 'caf\xc3\xa9\\x09'", false},
    {"PacketSizeBucket = '0-63'", "PacketSizeBucket = '0-63'", NULL, true},
    /* numbers */
    {"SrcPort = 443", "SrcPort = 443", "DstPort = 443", true},
    {"SrcPort > 1023 AND DstPort <= 65535", "SrcPort > 1023 AND DstPort <= 65535",
     "DstPort > 1023 AND SrcPort <= 65535", true},
    {"SrcPort NOTIN (80,443)", "SrcPort NOT IN (80, 443)", "DstPort NOT IN (80, 443)", true},
    {"SrcPort = DstPort", "SrcPort = DstPort", "DstPort = SrcPort", true},
    {"InIfSpeed < OutIfSpeed", "InIfSpeed < OutIfSpeed", "OutIfSpeed < InIfSpeed", false},
    {"Bytes >= 18446744073709551615", "Bytes >= 18446744073709551615", NULL, false},
    {"ForwardingStatus != 0", "ForwardingStatus != 0", NULL, false},
    {"IngressVRFID = 7", "IngressVRFID = 7", "EgressVRFID = 7", false},
    {"SrcAS = AS65000", "SrcAS = 65000", "DstAS = 65000", false},
    {"SrcAS != as4294967295", "SrcAS != 4294967295", "DstAS != 4294967295", false},
    {"SrcAS = DstAS", "SrcAS = DstAS", "DstAS = SrcAS", false},
    {"Dst1stAS = 65000", "Dst1stAS = 65000", NULL, false},
    {"DstASPath = AS65000", "has(DstASPath, 65000)", NULL, true},
    {"DstASPath != 65000", "NOT has(DstASPath, 65000)", NULL, true},
    {"DstCommunities = 65000:100", "has(DstCommunities, 4259840100)", "has(SrcCommunities, 4259840100)",
     true},
    {"DstCommunities != 64200:2:3",
     "NOT has(DstLargeCommunities, bitShiftLeft(64200::UInt128, 64) + bitShiftLeft(2::UInt128, 32) + "
     "3::UInt128)",
     "NOT has(SrcLargeCommunities, bitShiftLeft(64200::UInt128, 64) + bitShiftLeft(2::UInt128, 32) + "
     "3::UInt128)",
     true},
    {"MPLSLabels = 100", "has(MPLSLabels, 100)", NULL, true},
    {"EType = ipv6", "EType = 34525", NULL, false},
    {"EType != IPv4", "EType != 2048", NULL, false},
    {"Proto = 6", "Proto = 6", NULL, false},
    {"Proto > 6", "Proto > 6", NULL, false},
    {"Proto IN (6, 17)", "Proto IN (6, 17)", NULL, false},
    {"Proto = 'tcp'", "Proto IN " PROTOCOLS("lower('tcp')"), NULL, false},
    {"Proto NOTIN (\"TCP\", 'udp')", "Proto NOT IN " PROTOCOLS("lower('TCP'), lower('udp')"), NULL, false},
    /* structure */
    {"Proto = 1 OR Proto = 2 AND EType = IPv4", "Proto = 1 OR Proto = 2 AND EType = 2048", NULL, false},
    {"(Proto = 1 OR Proto = 2) AND EType = IPv4", "(Proto = 1 OR Proto = 2) AND EType = 2048", NULL, false},
    {"NOT Proto = 1 AND Proto = 2", "NOT (Proto = 1) AND Proto = 2", NULL, false},
    {"not not (Proto = 1 or Proto = 2)", "NOT (NOT (Proto = 1 OR Proto = 2))", NULL, false},
    {"((Proto=1))", "Proto = 1", NULL, false},
    {"Proto = 1/* a */AND-- b\nProto = 2", "Proto = 1 AND Proto = 2", NULL, false},
    {"SrcPort = 80-- web", "SrcPort = 80", "DstPort = 80", true},
};

static void texts_become_sql(void **state)
{
    struct schema s = everything();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct arena a;
        struct lang_error e;
        struct filter f;
        struct buf sql, reverse;
        arena_init(&a);
        buf_init(&sql, 0);
        buf_init(&reverse, 0);
        if (!filter_parse(&f, str_from(good[i].text), &s, &a, &e))
            fail_msg("%s: %s", good[i].text, e.message);
        filter_sql(&f, false, &sql);
        filter_sql(&f, true, &reverse);
        buf_u8(&sql, 0);
        buf_u8(&reverse, 0);
        assert_string_equal((char *)sql.p, good[i].sql);
        assert_string_equal((char *)reverse.p, good[i].reverse ? good[i].reverse : good[i].sql);
        if (filter_main_only(&f, false) != good[i].main)
            fail_msg("%s: main table %s", good[i].text,
                     good[i].main ? "not seen to be needed" : "not needed");
        buf_fini(&sql);
        buf_fini(&reverse);
        arena_fini(&a);
    }
}

static const struct {
    const char *text, *message;
    unsigned line, column;
    size_t offset;
} bad[] = {
    {"SrcAS", "expected an operator after SrcAS: =, !=, IN, NOTIN", 1, 6, 5},
    {"SrcAS =", "expected an AS number (AS65000 or 65000) for SrcAS", 1, 8, 7},
    {"SrcAS = AS", "expected an AS number (AS65000 or 65000) for SrcAS, not AS", 1, 9, 8},
    {"SrcAS < 5", "< is no operator for SrcAS; expected one of =, !=, IN, NOTIN", 1, 7, 6},
    {"SrcAS IN 5", "expected ( and a list, not 5", 1, 10, 9},
    {"SrcAS IN (5", "expected a comma or ), but the filter ends here", 1, 12, 11},
    {"SrcAS IN ()", "expected an AS number (AS65000 or 65000) for SrcAS, not )", 1, 11, 10},
    {"SrcAS = 4294967296", "4294967296 is too large for SrcAS: at most 4294967295", 1, 9, 8},
    {"SrcAS = AS99999999999999999999", "AS99999999999999999999 is too large for SrcAS: at most 4294967295", 1,
     9, 8},
    {"Proto = 1 AND\n  SrcPort = 65536", "65536 is too large for SrcPort: at most 65535", 2, 13, 26},
    {"SrcPort = -1", "there is no meaning in \"-\" here; expected a number", 1, 11, 10},
    {"SrcPort = 'a'", "expected a number for SrcPort, not 'a'", 1, 11, 10},
    {"SrcPort = SrcAS", "SrcPort and SrcAS cannot be compared: expected a number or a column of its kind", 1,
     11, 10},
    {"SrcAddr = 192.0.2.256", "expected an address or a network for SrcAddr, not 192.0.2.256", 1, 11, 10},
    {"SrcAddr << 192.0.2.1", "expected a network for SrcAddr: 192.0.2.1/32", 1, 12, 11},
    {"SrcAddr = 192.0.2.0/33", "expected an address or a network for SrcAddr, not 192.0.2.0/33", 1, 11, 10},
    {"SrcNetPrefix = 2001:db8::", "expected a network for SrcNetPrefix: 2001:db8::/128", 1, 16, 15},
    {"SrcMAC = 00:53:00:12:34", "expected a MAC address (00:53:00:12:34:56) for SrcMAC, not 00:53:00:12:34",
     1, 10, 9},
    {"SrcMAC = 00:53-00:12:34:56",
     "expected a MAC address (00:53:00:12:34:56) for SrcMAC, not 00:53-00:12:34:56", 1, 10, 9},
    {"InIfBoundary = 'external'", "expected external, internal or undefined for InIfBoundary, not 'external'",
     1, 16, 15},
    {"InIfBoundary = outside", "expected external, internal or undefined for InIfBoundary, not outside", 1,
     16, 15},
    {"ExporterName = th2", "expected a text in quotes for ExporterName, not th2", 1, 16, 15},
    {"ExporterName = 'th2", "this string is not closed: expected ' before the end of the line", 1, 16, 15},
    {"ExporterName = 'a\nb'", "this string is not closed: expected ' before the end of the line", 1, 16, 15},
    {"ExporterName = 'a\\n'", "expected \\ or ' after \\ in a string", 1, 18, 17},
    {"ExporterName LIKE 'a\\\\'", "a pattern cannot end with a single \\", 1, 19, 18},
    {"SrcCountry = 'FRA'", "expected a country of two letters for SrcCountry", 1, 14, 13},
    {"DstCommunities = 65536:1", "65536:1 is no community: both parts are at most 65535", 1, 18, 17},
    {"DstCommunities = 1:2:3:4",
     "expected a community (65000:100 or 65000:1:2) for DstCommunities, not 1:2:3:4", 1, 18, 17},
    {"EType = 2048", "expected IPv4 or IPv6 for EType, not 2048", 1, 9, 8},
    {"Proto IN ('TCP', 6)",
     "expected the quoted name of a protocol (numbers and names do not mix in a list), not 6", 1, 18, 17},
    {"Proto < 'TCP'", "expected a number or the quoted name of a protocol for Proto, not 'TCP'", 1, 9, 8},
    {"SrcASs = 1", "there is no column SrcASs; did you mean SrcAS?", 1, 1, 0},
    {"Whatever = 1", "there is no column Whatever", 1, 1, 0},
    {"SrcVlan = 1", "column SrcVlan is disabled here (schema.enabled)", 1, 1, 0},
    {"TimeReceived = 1", "column TimeReceived cannot be filtered on", 1, 1, 0},
    {"FlowStart > 12", "expected a time (2026-11-21T10:00:00Z, now or now-15m) for FlowStart, not 12", 1, 13,
     12},
    {"FlowStart > now-15y",
     "expected a time (2026-11-21T10:00:00Z, now or now-15m) for FlowStart, not now-15y", 1, 13, 12},
    {"FlowStart > 2026-13-01",
     "expected a time (2026-11-21T10:00:00Z, now or now-15m) for FlowStart, not 2026-13-01", 1, 13, 12},
    {"FlowStart > SrcPort",
     "FlowStart and SrcPort cannot be compared: expected a time (2026-11-21T10:00:00Z, now or now-15m) or a "
     "column of its "
     "kind",
     1, 13, 12},
    {"FlowStart IN (now)", "IN is no operator for FlowStart; expected one of =, !=, <, <=, >, >=", 1, 11, 10},
    {"InIfIndex = 1", "there is no column InIfIndex", 1, 1, 0},
    {"Proto = 1 Proto = 2", "expected AND or OR, not Proto", 1, 11, 10},
    {"Proto = 1 AND", "expected a column, but the filter ends here", 1, 14, 13},
    {"(Proto = 1", "expected AND, OR or ), but the filter ends here", 1, 11, 10},
    {"Proto = 1)", "expected AND or OR, not )", 1, 10, 9},
    {"= 1", "expected a column, not =", 1, 1, 0},
    {"Proto = 1 /* x", "this comment is not closed: expected */", 1, 11, 10},
    {"Proto = 1; SELECT 1", "there is no meaning in \";\" here; expected AND or OR", 1, 10, 9},
    {"InIfProvider = '\xc3\xa9\xc3\xa9' \xe2\x82\xac",
     "there is no meaning in \"\xe2\x82\xac\" here; expected AND or OR", 1, 21, 20},
};

static void mistakes_have_a_place(void **state)
{
    struct schema s = everything();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a;
        struct lang_error e;
        struct filter f;
        arena_init(&a);
        if (filter_parse(&f, str_from(bad[i].text), &s, &a, &e))
            fail_msg("%s was accepted", bad[i].text);
        assert_string_equal(e.message, bad[i].message);
        if (e.line != bad[i].line || e.column != bad[i].column || e.offset != bad[i].offset)
            fail_msg("%s: at %u:%u (%zu)", bad[i].text, e.line, e.column, e.offset);
        arena_fini(&a);
    }
}

static void size_is_bounded(void **state)
{
    struct schema s = everything();
    struct arena a;
    struct lang_error e;
    struct filter f;
    struct buf b;
    arena_init(&a);
    buf_init(&b, 0);
    for (int i = 0; i < 100; i++)
        buf_z(&b, "(");
    buf_z(&b, "Proto = 1");
    assert_false(filter_parse(&f, buf_str(&b), &s, &a, &e));
    assert_string_equal(e.message, "nested too deeply: at most 64 levels");
    buf_reset(&b);
    buf_z(&b, "Proto = 1");
    while (b.len < FILTER_MAX_LEN - 20)
        buf_z(&b, " OR Proto = 2");
    assert_true(filter_parse(&f, buf_str(&b), &s, &a, &e));
    while (b.len <= FILTER_MAX_LEN)
        buf_z(&b, " ");
    assert_false(filter_parse(&f, buf_str(&b), &s, &a, &e));
    buf_fini(&b);
    arena_fini(&a);
}

static void stored_prefix_is_compared_as_text(void **state)
{
    struct schema s = everything();
    struct arena a;
    struct lang_error e;
    struct filter f;
    struct buf b;
    s.materialized[COL_SrcNetPrefix] = true;
    arena_init(&a);
    buf_init(&b, 0);
    assert_true(filter_parse(&f, STR("SrcNetPrefix = 192.0.2.0/24"), &s, &a, &e));
    filter_sql(&f, false, &b);
    assert_true(str_eq(buf_str(&b), STR("SrcNetPrefix = '192.0.2.0/24'")));
    buf_fini(&b);
    arena_fini(&a);
}

static void caret_is_below_the_fault(void **state)
{
    struct lang_error e = {.line = 2, .column = 3};
    struct buf b;
    buf_init(&b, 0);
    lexer_caret(STR("one\n\tab\nthree"), &e, &b);
    assert_true(str_eq(buf_str(&b), STR("  \tab\n  \t ^\n")));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_sql),         cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(size_is_bounded),          cmocka_unit_test(stored_prefix_is_compared_as_text),
        cmocka_unit_test(caret_is_below_the_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
