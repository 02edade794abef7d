/* Sets that wait for their template: decoded as of their own time, bounded, accounted for, and alike after a checkpoint. */
#include "decode/testing_each.h"

static void at(struct rig *r, uint64_t second)
{
    r->d.rx_ns = second * 1000000000ull;
}

/* source address, bytes, first switched */
#define TEMPLATE "0100 0003 0008 0004 0001 0004 0016 0004"
#define RECORD(n) "0a0000" n " 00000064 00017318" /* five seconds before the header's uptime */

static void arrive(struct rig *r, uint32_t seq, uint32_t domain, uint16_t set, const char *body)
{
    v9(&b, seq, domain);
    put_set(&b, set, body);
    rig_decode(r, &b);
}

static void decoded_when_the_template_comes(void **state)
{
    struct rig *r = *state;
    arrive(r, 1, 7, 256, RECORD("01") RECORD("02"));
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.kept, 1);
    assert_int_equal(r->stats.records, 0); /* not known yet how many */
    at(r, 1100);
    r->d.time = TIME_NETFLOW_FIRST_SWITCHED;
    arrive(r, 2, 7, 256, RECORD("03"));
    r->d.time = TIME_INPUT;
    at(r, 1200);
    arrive(r, 3, 8, 0, TEMPLATE); /* another domain's */
    assert_int_equal(r->stats.flows, 0);
    arrive(r, 3, 7, 0, TEMPLATE);
    assert_int_equal(r->stats.kept_decoded, 2);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(r->stats.records, 3);
    assert_int_equal(r->stats.bytes, 300);
    assert_int_equal(r->stats.lost, 0);
    for (unsigned i = 0; i < 3; i++) {
        char ip[16];
        snprintf(ip, sizeof ip, "10.0.0.%u", i + 1); /* in the order of arrival */
        assert_string_equal(IP(SrcAddr, i), ip);
        assert_string_equal(IP(ExporterAddress, i), "192.0.2.1");
    }
    assert_int_equal(NUM(TimeReceived, 0), 1000);       /* when they came, not when they could be read */
    assert_int_equal(NUM(TimeReceived, 2), 1999999995); /* header - (100,000 ms - 95,000 ms) */
    arrive(r, 4, 7, 0, TEMPLATE);
    assert_int_equal(r->stats.flows, 0);
    decoder_give_up(r->st, &r->stats);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 0);
}

/* softflowd's NetFlow v9 has the template behind the data, in one datagram */
static void template_behind_the_data(void **state)
{
    struct rig *r = *state;
    v9(&b, 1, 7);
    put_set(&b, 256, RECORD("01"));
    put_set(&b, 0, TEMPLATE);
    put_set(&b, 256, RECORD("02"));
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 2);
    assert_int_equal(r->stats.kept, 1);
    assert_int_equal(r->stats.kept_decoded, 1);
}

static void options_wait_too(void **state)
{
    struct rig *r = *state;
    arrive(r, 1, 7, 257, "00000000 01 02 00000064");
    arrive(r, 2, 7, 256, RECORD("01"));
    arrive(r, 3, 7, 1, "0101 0004 000c 0001 0004 0030 0001 0031 0001 0032 0004");
    assert_int_equal(r->stats.options_records, 1);
    arrive(r, 4, 7, 0, TEMPLATE);
    assert_int_equal(r->stats.flows, 1);
    assert_int_equal(NUM(SamplingRate, 0), 100);
}

/* IPFIX counts records: those of a set that waits are not known, so nothing is said to be lost */
static void ipfix_sequence(void **state)
{
    struct rig *r = *state;
    ipfix(&b, 10, 1);
    put_set(&b, 256, "0a000001 00000001 0a000002 00000002");
    rig_ipfix(r, &b);
    ipfix(&b, 12, 1);
    put_set(&b, 2, "0100 0002 0008 0004 0001 0004");
    put_set(&b, 256, "0a000003 00000003");
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows, 3);
    assert_int_equal(r->stats.lost, 0);
    ipfix(&b, 14, 1);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.lost, 1); /* 13: the late ones are no part of this */
}

static void rejected_in_the_end(void **state)
{
    struct rig *r = *state;
    arrive(r, 1, 7, 256, RECORD("01"));
    at(r, 1000 + 900);
    arrive(r, 2, 7, 300, "00000000");
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 0);
    at(r, 1000 + 901);
    arrive(r, 3, 7, 0, TEMPLATE);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 1);
    assert_int_equal(r->stats.flows, 0);
    at(r, 500); /* a clock that was set back makes nothing old */
    arrive(r, 4, 7, 301, "00000000");
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 0);
    decoder_give_up(r->st, &r->stats);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 2);
}

/* What is given up goes to the account of whoever sent it, one exporter's with each datagram. */
static void others_expire(void **state)
{
    struct rig *r = *state;
    uint64_t abandoned = 0;
    for (unsigned i = 0; i < 6; i++) {
        r->d.src.b[15] = (uint8_t)(10 + i / 2);
        arrive(r, i, i % 2, 256, RECORD("01"));
    }
    at(r, 5000);
    for (unsigned i = 0; i < 3; i++) {
        r->d.src.b[15] = 99;
        arrive(r, i, 1, 0, TEMPLATE);
        assert_int_equal(r->stats.abandoned, 2);
        assert_int_equal(r->stats.abandoned_src.b[15], 10 + i);
        assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 0);
        abandoned += r->stats.abandoned;
    }
    assert_int_equal(abandoned, 6);
    decoder_give_up(r->st, &r->stats);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 0);
}

/* One exporter gets a quarter of the room; beyond it sets are rejected at once. */
static void room(void **state)
{
    const struct decoder_limits limits = {.kept_bytes = 8192};
    struct rig *r = rig_new(&limits);
    unsigned kept = 0, rejected = 0, all = 0;
    for (unsigned src = 0; src < 8; src++)
        for (unsigned i = 0; i < 50; i++) {
            r->d.src.b[15] = (uint8_t)src;
            arrive(r, i, 1, 256, RECORD("01"));
            assert_int_equal(r->stats.kept + r->stats.rejected[REASON_NO_TEMPLATE], 1);
            kept += r->stats.kept;
            rejected += r->stats.rejected[REASON_NO_TEMPLATE];
        }
    assert_true(kept > 60 && kept < 120);
    r->d.src.b[15] = 0;
    arrive(r, 51, 1, 0, TEMPLATE);
    assert_true(r->stats.flows > 15 && r->stats.flows < 30);
    all = (unsigned)r->stats.flows;
    decoder_give_up(r->st, &r->stats);
    assert_int_equal(all + rejected + r->stats.rejected[REASON_NO_TEMPLATE], 400);
    rig_free(r);
    (void)state;
}

/* Records of one byte: a flood of rows is cut off, and counted. */
static void a_flood_is_bounded(void **state)
{
    struct rig *r = *state;
    for (unsigned i = 0; i < 16; i++) {
        v9(&b, i, 1);
        buf_be16(&b, 256);
        buf_be16(&b, 60004);
        buf_zero(&b, 60000);
        rig_decode(r, &b);
        assert_int_equal(r->stats.kept, 1);
    }
    r->handed_on = 0;
    arrive(r, 16, 1, 0, "0100 0001 0004 0001");
    assert_true(r->stats.flows >= 1 << 18 && r->stats.flows < (1 << 18) + 65536);
    assert_int_equal(r->stats.flows, r->handed_on + r->sink.batch->n);
    assert_int_equal(r->stats.rejected[REASON_LIMIT], 16 - r->stats.flows / 60000);
    decoder_give_up(r->st, &r->stats);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 0);
}

/* An exporter that restarted may use the id for something else. */
static void a_restart_forgets(void **state)
{
    struct rig *r = *state;
    arrive(r, 1, 7, 256, RECORD("01"));
    buf_reset(&b);
    hex(&b, "0009 0001 00000010 77359400 00000000 00000007"); /* sysUptime of 16 ms */
    put_set(&b, 0, TEMPLATE);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], 1);
}

/* sysUptime in ms: after how long it is a restart when it goes back to five seconds. */
static void restarts_and_wraps(void **state)
{
    static const struct {
        const char *before;
        bool restart;
    } cases[] = {{"0000f000", false}, {"00100000", true}, {"b2d05e00", true}, {"fffff000", false}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = rig_new(NULL);
        for (unsigned k = 0; k < 2; k++) {
            buf_reset(&b);
            hex(&b, "0009 0001");
            hex(&b, k ? "00001388" : cases[i].before);
            hex(&b, "77359400 00000000 00000007");
            put_set(&b, k ? 0 : 256, k ? TEMPLATE : RECORD("01"));
            rig_decode(r, &b);
        }
        assert_int_equal(r->stats.rejected[REASON_NO_TEMPLATE], cases[i].restart);
        assert_int_equal(r->stats.flows, !cases[i].restart);
        rig_free(r);
    }
    (void)state;
}

static void templates_expire(void **state)
{
    struct rig *r = *state;
    arrive(r, 1, 7, 0, TEMPLATE);
    at(r, 1000 + 10 * 86400);
    arrive(r, 2, 7, 256, RECORD("01")); /* it never sends any again: it is as good as ever */
    assert_int_equal(r->stats.flows, 1);
    arrive(r, 3, 7, 0, "0101 0001 0001 0004");
    arrive(r, 4, 7, 256, RECORD("01")); /* it does send templates, but no longer this one */
    assert_int_equal(r->stats.flows, 0);
    assert_int_equal(r->stats.kept, 1);
    arrive(r, 5, 7, 0, TEMPLATE);
    assert_int_equal(r->stats.flows, 1);
    at(r, 2000); /* a clock that was set back makes nothing old */
    arrive(r, 6, 7, 0, "0101 0001 0001 0004");
    arrive(r, 7, 7, 256, RECORD("01"));
    assert_int_equal(r->stats.flows, 1);
}

static void late_ones_are_counted(void **state)
{
    struct rig *r = *state;
    static const uint32_t seq[] = {1, 2, 4, 3, 5};
    uint64_t lost = 0, late = 0;
    for (unsigned i = 0; i < 5; i++) {
        arrive(r, seq[i], 7, 0, TEMPLATE);
        lost += r->stats.lost;
        late += r->stats.late;
    }
    assert_int_equal(lost, 1);
    assert_int_equal(late, 1);
}

/* A state that was saved and loaded while sets wait ends like the one that went on. */
static void checkpoint(void **state)
{
    struct rig *r = *state, *other = rig_new(NULL);
    struct buf one, two;
    struct err e;
    buf_init(&one, 0);
    buf_init(&two, 0);
    r->d.time = TIME_NETFLOW_PACKET;
    r->d.decap = DECAP_GRE;
    arrive(r, 1, 7, 256, RECORD("01"));
    r->d.decap = DECAP_NONE;
    arrive(r, 2, 7, 256, RECORD("02"));
    arrive(r, 2, 8, 400, "00");
    decoder_state_save(r->st, &one);
    assert_true(decoder_state_load(other->st, buf_str(&one), &e));
    decoder_state_save(other->st, &two);
    assert_true(str_eq(buf_str(&one), buf_str(&two)));
    for (unsigned i = 0; i < 2; i++) {
        struct rig *x = i ? other : r;
        at(x, 1500);
        arrive(x, 3, 7, 0, TEMPLATE);
        assert_int_equal(x->stats.flows, 1);
        assert_int_equal(x->stats.rejected[REASON_DECAP], 1);
        assert_int_equal(rig_num(x, COL_TimeReceived, 0), 2000000000);
        assert_int_equal(x->stats.lost, 0);
        decoder_give_up(x->st, &x->stats);
        assert_int_equal(x->stats.rejected[REASON_NO_TEMPLATE], 1);
    }
    for (size_t len = 0; len < one.len; len++)
        assert_false(decoder_state_load(r->st, (struct str){(const char *)one.p, len}, &e));
    buf_fini(&one);
    buf_fini(&two);
    rig_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(decoded_when_the_template_comes),
        T(template_behind_the_data),
        T(options_wait_too),
        T(ipfix_sequence),
        T(rejected_in_the_end),
        T(others_expire),
        T(room),
        T(a_flood_is_bounded),
        T(a_restart_forgets),
        T(restarts_and_wraps),
        T(templates_expire),
        T(late_ones_are_counted),
        T(checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
