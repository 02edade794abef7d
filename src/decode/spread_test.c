/* Flows spread over their time: shares add up, rows are the same each time, timestamps lie where the input's clock says. */
#include "decode/spread.h"
#include "decode/testing_each.h"

static void pieces(void **state)
{
    struct spread s;
    spread_cut(&s, 12500, 35000, 10);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.time_s[0], 12);
    assert_int_equal(s.weight[0], 7500);
    assert_int_equal(s.time_s[1], 20);
    assert_int_equal(s.weight[1], 10000);
    assert_int_equal(s.time_s[2], 30);
    assert_int_equal(s.weight[2], 5000);
    spread_cut(&s, 12500, 12500, 10); /* one packet */
    assert_int_equal(s.n, 1);
    assert_int_equal(s.time_s[0], 12);
    spread_cut(&s, 10000, 20000, 10); /* exactly one cell */
    assert_int_equal(s.n, 1);
    spread_cut(&s, 0, 0, 10);
    assert_int_equal(s.n, 1);
    spread_cut(&s, 0 - (uint64_t)900000, 0 - (uint64_t)3000, 10); /* a shift to before 1970: both wrapped */
    assert_int_equal(s.n, 1);
    spread_cut(&s, 0 - (uint64_t)900000, 3000, 10);
    assert_int_equal(s.n, 1);
    spread_cut(&s, 0, UINT64_MAX, 10);
    assert_int_equal(s.n, 1);
    spread_cut(&s, 0, INT64_MAX, 1);
    assert_in_range(s.n, 2, SPREAD_PIECES);
}

static uint32_t rnd(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void shares_add_up(void **state)
{
    uint32_t seed = 1;
    for (unsigned i = 0; i < 20000; i++) {
        struct spread s;
        uint64_t start = 1700000000000 + rnd(&seed), len = (uint64_t)rnd(&seed) * (i % 3 ? 1 : 1000),
                 share[SPREAD_PIECES];
        uint64_t total = i % 5 ? rnd(&seed) % 5000 : (uint64_t)rnd(&seed) << 40, sum = 0, weight = 0;
        uint32_t step = rnd(&seed) % 600 + 1;
        spread_cut(&s, start, start + len, step);
        assert_in_range(s.n, 1, SPREAD_PIECES);
        assert_in_range(s.n, 1, spread_most(start, start + len, step));
        spread_share(&s, total, share);
        for (uint32_t k = 0; k < s.n; k++) {
            sum += share[k];
            weight += s.weight[k];
            assert_true(k == 0 || (s.time_s[k] > s.time_s[k - 1] && s.time_s[k] % step == 0));
        }
        assert_true(sum == total);
        assert_true(s.n == 1 || weight == len);
        for (uint32_t k = 0; k < s.n && s.n > 1 && total < UINT32_MAX; k++) { /* none is off by one or more */
            double due = (double)total * (double)s.weight[k] / (double)weight;
            assert_true(share[k] + 1.0 > due && share[k] < due + 1.0);
        }
    }
}

/* 60 s up to export, in pieces of 10 s. */
static void rows_of_a_flow(void **state)
{
    struct rig *r = *state;
    decoder_state_spread(r->st, 10);
    v9(&b, 1, 1); /* exported at 2,000,000,000 s, when the system was up for 100,000 ms; received at 1000 s */
    put_set(&b, 0, "0100 0006 0008 0004 0001 0004 0002 0004 0016 0004 0015 0004 000a 0004");
    put_set(&b, 256,
            "0a000001 000003e9 0000003d 00009c40 000186a0 00000007"
            "0a000002 00000064 00000001 00009c40 000186a0 00000008"
            "0a000003 000003e8 00000002 000186a0 000186a0 00000009");
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(r->stats.spread, 5);
    assert_int_equal(r->sink.batch->n, 8);
    assert_int_equal(r->stats.bytes, 0x3e9 + 0x64 + 0x3e8);
    uint64_t bytes = 0, packets = 0;
    for (uint32_t row = 0; row < 8; row++) {
        if (strcmp(IP(SrcAddr, row), "10.0.0.1") != 0)
            continue;
        bytes += NUM(Bytes, row);
        packets += NUM(Packets, row);
        assert_in_range(NUM(TimeReceived, row), 940, 990);
        assert_in_range(NUM(Packets, row), 10, 11);
        assert_int_equal(NUM(InIfIndex, row), 7);
        assert_int_equal(NUM(EType, row), 0x800);
    }
    assert_int_equal(bytes, 1001);
    assert_int_equal(packets, 61);
    assert_int_equal(NUM(TimeReceived, 0), 940);
    assert_int_equal(NUM(Bytes, 1), 100); /* a packet lies in one place */
    assert_int_equal(NUM(Packets, 1), 1);
    assert_int_equal(NUM(Bytes, 2), 1000); /* no time at all: as it is */
    assert_int_equal(NUM(TimeReceived, 2), 1000);
    r->d.time = TIME_NETFLOW_FIRST_SWITCHED; /* the exporter's clock */
    rig_decode(r, &b);
    assert_int_equal(NUM(TimeReceived, 0), 2000000000 - 60);
    decoder_state_spread(r->st, 0);
    rig_decode(r, &b);
    assert_int_equal(r->sink.batch->n, 3);
}

/* More pieces than a batch holds; both ends of a biflow; totals stay. */
static void many_pieces(void **state)
{
    struct rig *r = *state;
    decoder_state_spread(r->st, 1);
    ipfix(&b, 0, 1);
    put_set(&b, 2, "0100 0006 0096 0004 0097 0004 0001 0004 0002 0004 8001 0004 00007279 8002 0004 00007279");
    size_t at = b.len;
    put_set(&b, 256, "");
    for (unsigned i = 0; i < 200; i++)
        hex(&b, "77359364 7735939b 0001e240 000003e8 00030d40 000007d0");
    uint16_t len = __builtin_bswap16((uint16_t)(b.len - at));
    memcpy(b.p + at + 2, &len, 2);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 400);
    assert_int_equal(r->stats.spread, 400 * 54); /* 55 seconds */
    assert_int_equal(r->handed_on + r->sink.batch->n, 400 * 55);
    assert_int_equal(r->stats.bytes, 200 * (123456 + 200000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(shares_add_up),
        T(rows_of_a_flow),
        T(many_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
