/*
 * From the inside out: uniform numbers of a hash; what they stand for (ranks, AS, customer, direction), still numbers;
 * then the columns. The rollup groups in the middle, by six small numbers.
 */
#include "main/bench/fill.h"

/*
 * h, g: 64 random bits each. r: a stranger's rank among a million; k: a customer's among 50,000; both Zipf with exponent 1,
 * as the exponential of a uniform number.
 */
#define RANDOM                                                                                               \
    "SELECT number / %llu AS u, cityHash64(number) AS h, cityHash64(number, 1) AS g, "                       \
    "toUInt32(exp(bitAnd(h, 1048575) * (log(1000000) / 1048576))) AS r, "                                    \
    "toUInt32(exp(bitAnd(bitShiftRight(h, 20), 1048575) * (log(50000) / 1048576))) AS k FROM numbers(%llu, " \
    "%llu)"

/*
 * t: second. e: exporter, the first ones more. a: the stranger's AS, Zipf with exponent 1.2. c: the customer's group, which
 * has an AS and an interface. i: inbound. b: with family and protocol.
 */
#define MEANING                                                                                              \
    "SELECT toUInt32(%u + %u * (u - 0.4 * sin(2 * pi() * %u * u) / (2 * pi() * %u))) AS t, h, g, r, k, "     \
    "toUInt8(least(bitAnd(g, 63), bitAnd(bitShiftRight(g, 6), 63))) AS e, "                                  \
    "toUInt32(pow(1 - (intHash32(r) %% 1048576) * ((1 - pow(60000, -0.2)) / 1048576), -5)) AS a, "           \
    "toUInt8(intHash32(k) %% 16) AS c, toUInt8(bitAnd(bitShiftRight(h, 40), 15) < 9) AS i, "                 \
    "toUInt8(bitAnd(bitShiftRight(h, 44), 127)) AS p, "                                                      \
    "toUInt8(i + 2 * (intHash32(r + 7) %% 5 = 0) + 4 * multiIf(p < 96, 0, p < 126, 1, 2)) AS b FROM "        \
    "(" RANDOM ")"

/* What the rollup has too, of e, a, c and b. */
static const char *const common[][2] = {
    {"SamplingRate", "1000"},
    {"ExporterAddress", "toIPv6(toIPv4(toUInt32(3221225985 + e)))"}, /* 192.0.2.1 on */
    {"ExporterName", "arrayMap(x -> concat('edge', toString(x)), range(1, 65))[e + 1]"},
    {"SrcAS", "if(b % 2, a, our)"},
    {"DstAS", "if(b % 2, our, a)"},
    {"SrcCountry", "if(b % 2, ['US', 'FR', 'DE', 'NL', 'GB', 'IE', 'SE', 'ES'][1 + a % 8], 'FR')"},
    {"InIfName", "names[if(b % 2, outer, inner)]"},
    {"OutIfName", "names[if(b % 2, inner, outer)]"},
    {"InIfSpeed", "if(b % 2, 10000, 100000)"},
    {"OutIfSpeed", "if(b % 2, 100000, 10000)"},
    {"InIfProvider", "if(b % 2, ['cogent', 'telia', ''][1 + outer % 3], '')"},
    {"InIfConnectivity", "if(b % 2, ['transit', 'ix'][1 + outer % 2], '')"},
    {"InIfBoundary", "if(b % 2, 'external', 'internal')"},
    {"OutIfBoundary", "if(b % 2, 'internal', 'external')"},
    {"EType", "if(bitAnd(b, 2), 34525, 2048)"},
    {"Proto", "[6, 17, if(bitAnd(b, 2), 58, 1)][1 + intDiv(b, 4)]"},
};

/* Only flows have these. Addresses by number: ::ffff:0.0.0.0 and 2001:db8:: are where they begin. */
#define V4 "281470681743360 + "
#define V6 "toUInt128('42540766411282592856903984951653826560') + "
#define STRANGER "toIPv6(toUInt128(if(bitAnd(b, 2), " V6 "r, " V4 "16777216 + r * 3487)))"
#define CUSTOMER                                                                                             \
    "toIPv6(toUInt128(if(bitAnd(b, 2), " V6 "1099511627776 + k, " V4 "1681915904 + k)))" /* 100.64.0.0 */
#define SERVICE                                                                                              \
    "if(bitAnd(g, 61440) < 57344, [443, 443, 443, 80, 53, 22, 123, 993][1 + bitAnd(bitShiftRight(g, 16), "   \
    "7)], "                                                                                                  \
    "1 + bitAnd(bitShiftRight(g, 19), 16383))"
#define HIGH "32768 + bitAnd(bitShiftRight(g, 33), 16383)"
static const char *const detailed[][2] = {
    {"SrcAddr", "if(b % 2, " STRANGER ", " CUSTOMER ")"},
    {"DstAddr", "if(b % 2, " CUSTOMER ", " STRANGER ")"},
    {"SrcPort", "if(b % 2, " SERVICE ", " HIGH ")"},
    {"DstPort", "if(b % 2, " HIGH ", " SERVICE ")"},
};

enum { N_COMMON = sizeof common / sizeof *common, N_DETAILED = sizeof detailed / sizeof *detailed };

/* Bytes and packets, of the random numbers. */
#define PACKETS "toUInt64(1 + intDiv(1000, 1 + bitAnd(bitShiftRight(g, 47), 1023)))"
#define BYTES PACKETS " * toUInt64(64 + bitAnd(bitShiftRight(g, 36), 1023))"

#define BETWEEN                                                                                              \
    "1 + intHash32(a) % 16 AS outer, 17 + c % 15 AS inner, if(c < 12, 64512, 64501 + c) AS our, "            \
    "arrayMap(x -> concat('ge-0/0/', toString(x)), range(1, 33)) AS names"

static void names_of(struct buf *sql, const char *const (*columns)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(sql, ", %s", columns[i][0]);
}

static void values_of(struct buf *sql, const char *const (*columns)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(sql, ", %s", columns[i][1]);
}

static void meaning(struct buf *sql, const struct bench_fill *f, uint64_t at, uint64_t n)
{
    uint32_t days = f->span_s / 86400 ? f->span_s / 86400 : 1;
    buf_printf(sql, MEANING, f->from, f->span_s, days, days, (unsigned long long)f->rows,
               (unsigned long long)at, (unsigned long long)n);
}

void bench_fill_flows(struct buf *sql, const struct bench_fill *f, uint64_t at, uint64_t n)
{
    buf_z(sql, "INSERT INTO flows (TimeReceived, Bytes, Packets");
    names_of(sql, common, N_COMMON);
    names_of(sql, detailed, N_DETAILED);
    buf_z(sql, ") WITH " BETWEEN " SELECT toDateTime(t), " BYTES ", " PACKETS);
    values_of(sql, common, N_COMMON);
    values_of(sql, detailed, N_DETAILED);
    buf_z(sql, " FROM (");
    meaning(sql, f, at, n);
    buf_z(sql, ")");
}

void bench_fill_rollup(struct buf *sql, const struct bench_fill *f, uint64_t at, uint64_t n)
{
    buf_z(sql, "INSERT INTO flows_1m0s (TimeReceived, Bytes, Packets");
    names_of(sql, common, N_COMMON);
    buf_z(sql, ") WITH " BETWEEN " SELECT toDateTime(minute), bytes, packets");
    values_of(sql, common, N_COMMON);
    buf_z(sql, " FROM (SELECT toUInt32(intDiv(t, 60) * 60) AS minute, e, a, c, b, sum(" BYTES
               ") AS bytes, sum(" PACKETS ") AS packets FROM (");
    meaning(sql, f, at, n);
    buf_printf(sql, ") WHERE t < %u GROUP BY minute, e, a, c, b)", f->border);
}
