/*
 * Exactly once, for flows that are spread over the time they lasted: with the outlet's own decoder, blocks that end at their
 * limit of rows in the midst of a datagram, and deaths at any point, each piece of each flow is stored once, in the raw
 * table and in the rollup. Without tokens the same must fail.
 */
#include "main/outlet/sim.h"
#include "store/block.h"

enum {
    STEP_S = 10,
    SECONDS = 150,
    UPTIME_MS = 2000000,
    RECORDS = 3000, /* of a large datagram */
    FLOWS = 70000,
    BEFORE_S = 1000, /* before the first datagram no flow began earlier */
    TEMPLATE_ID = 256,
};

/* What was sent of a flow, which its SrcAS names, and what is stored of it. */
struct flow {
    uint64_t bytes, packets, got_bytes[2], got_packets[2]; /* raw table, rollup */
    uint32_t pieces, got_pieces;
    uint64_t seconds[(BEFORE_S + SECONDS) / 64 + 1]; /* in which a piece begins */
    bool twice;
};

static struct flow *flows;
static uint32_t n_flows;
static size_t full_blocks;

/* ---- what is sent */

static void put_flow(struct sim *s, struct buf *b, uint64_t second, uint32_t most_s)
{
    struct flow *f = &flows[++n_flows];
    uint32_t lasted_ms = most_s * 1000 - fake_rnd(&s->seed) % (most_s * 100),
             ago_ms = fake_rnd(&s->seed) % 5000;
    uint64_t end = second * 1000 - ago_ms, start = end - lasted_ms;
    assert_true(n_flows < FLOWS);
    *f = (struct flow){.packets = 600000 +
                                  fake_rnd(&s->seed) % 1000, /* one for each millisecond: no piece is empty */
                       .pieces = (uint32_t)((end - 1) / (STEP_S * 1000) - start / (STEP_S * 1000) + 1)};
    f->bytes = f->packets * (60 + fake_rnd(&s->seed) % 1000) + 7;
    buf_be32(b, n_flows);
    buf_be32(b, (uint32_t)f->bytes);
    buf_be32(b, (uint32_t)f->packets);
    buf_be32(b, UPTIME_MS - ago_ms - lasted_ms);
    buf_be32(b, UPTIME_MS - ago_ms);
}

/* A datagram of NetFlow v9 with one set: so many flows of most_s seconds, or (0) the template for them. */
static void put_datagram(struct sim *s, unsigned part, uint8_t who, uint64_t second, unsigned records,
                         uint32_t most_s)
{
    static const uint16_t template[] = {TEMPLATE_ID, 5, 16, 4, 1, 4, 2, 4, 22, 4, 21, 4};
    struct fake_record *f = fake_append(&s->bus, part, BUS_DGRAM, second);
    struct buf b;
    buf_init(&b, 0);
    buf_be16(&b, 9);
    buf_be16(&b, 1);
    buf_be32(&b, UPTIME_MS);
    buf_be32(&b, (uint32_t)second);
    buf_be32(&b, 0);
    buf_be32(&b, who);
    buf_be16(&b, records ? TEMPLATE_ID : 0);
    buf_be16(&b, (uint16_t)(4 + (records ? records * 20 : sizeof template)));
    for (unsigned i = 0; i < records; i++)
        put_flow(s, &b, second, most_s);
    for (unsigned i = 0; !records && i < sizeof template / sizeof *template; i++)
        buf_be16(&b, template[i]);
    f->whole = xmalloc(b.len);
    memcpy(f->whole, b.p, b.len);
    f->d = (struct dgram){.src = ip_v4((uint8_t[]){192, 0, 2, who}),
                          .src_port = 4000,
                          .decoder = DECODER_NETFLOW,
                          .time = part ? TIME_NETFLOW_FIRST_SWITCHED : TIME_INPUT,
                          .rx_ns = second * 1000000000u,
                          .len = (uint32_t)b.len};
    buf_fini(&b);
}

/*
 * Partition 0: an exporter whose template comes late and lets loose more rows at once than a block holds. Partition 1: one
 * that fills a block within a slot, datagram by datagram. Both: a few flows each second.
 */
static void put_all(struct sim *s)
{
    for (unsigned part = 0; part < FAKE_PARTS; part++) {
        uint8_t large = (uint8_t)(1 + part * 4), small = (uint8_t)(2 + part * 4);
        put_datagram(s, part, small, BASE_S, 0, 0);
        for (uint64_t t = 0; t < SECONDS; t++) {
            put_datagram(s, part, small, BASE_S + t, 1 + fake_rnd(&s->seed) % 5, 300);
            if (part == 0 && t >= 20 && t < 26)
                put_datagram(s, part, large, BASE_S + t, RECORDS, 580);
            if (t == 30)
                put_datagram(s, part, large, BASE_S + t, 0, 0);
            for (unsigned i = 0; part == 1 && t == 50 && i < 12; i++)
                put_datagram(s, part, large, BASE_S + t, RECORDS, 200);
            fake_append(&s->bus, part, BUS_TICK, BASE_S + t);
        }
        fake_append(&s->bus, part, BUS_TICK, BASE_S + SECONDS + 200); /* closes the last minute */
    }
}

/* ---- what is stored */

static void keep(struct fake_store *s, const char *table, const struct native_block *b)
{
    bool raw = strcmp(table, "flows") == 0, rollup = strcmp(table, "flows_1m0s") == 0;
    full_blocks += raw && b->n_rows == BLOCK_MAX_ROWS;
    s->exporters += strcmp(table, "exporters") == 0;
    for (size_t i = 0; (raw || rollup) && i < b->n_rows; i++) {
        struct flow *f = &flows[native_number(b, "SrcAS", i)];
        assert_in_range(f - flows, 1, n_flows);
        f->got_bytes[rollup] += native_number(b, "Bytes", i);
        f->got_packets[rollup] += native_number(b, "Packets", i);
        if (rollup)
            continue;
        uint64_t at = native_number(b, "TimeReceived", i) - (BASE_S - BEFORE_S), bit = (uint64_t)1 << at % 64;
        assert_true(at < BEFORE_S + SECONDS);
        f->twice |= f->seconds[at / 64] & bit;
        f->seconds[at / 64] |= bit;
        f->got_pieces++;
    }
}

/* Flows that are stored otherwise than they were sent; with the same grid all the time, the pieces are known too. */
static uint32_t wrong(bool grid_known)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i <= n_flows; i++) {
        const struct flow *f = &flows[i];
        bool right = !f->twice && (!grid_known || f->got_pieces == f->pieces);
        for (int t = 0; t < 2; t++)
            right = right && f->got_bytes[t] == f->bytes && f->got_packets[t] == f->packets;
        n += !right;
    }
    return n;
}

/* ---- lives */

static uint32_t simulate(uint64_t seed, bool tokens, unsigned lives, bool grid_changes)
{
    struct sim *s = sim_make(seed, tokens);
    flows = xcalloc(FLOWS, sizeof *flows);
    n_flows = 0;
    full_blocks = 0;
    for (unsigned c = 0; c < COL_COUNT; c++)
        s->schema.enabled[c] =
            column_defs[c].flags & COLF_FIXED || c == COL_SrcAS || c == COL_ExporterAddress;
    sim_layout(s);
    s->env.decoder = outlet_decoder_real;
    s->env.registry = registry_default();
    s->store.keep = keep;
    for (unsigned i = 0; i < 3; i++)
        s->rules[i] = (struct cut_rule){.slot_s = 4,
                                        .slot_datagrams = 1000000,
                                        .minute_datagrams = 1000000,
                                        .slot_bytes = 1 << 30,
                                        .minute_bytes = 1 << 30,
                                        .oldest_s = 86400,
                                        .spread_s = STEP_S * (grid_changes ? i : 1)};
    put_all(s);
    while (lives-- > 0) {
        begin_life(s);
        live(s, false);
        end_life(s);
    }
    begin_life(s);
    live(s, true);
    assert_true(all_committed(s));
    end_life(s);
    assert_true(!tokens || grid_changes || (full_blocks == 1 && s->store.duplicates > 20));
    uint32_t n = wrong(!grid_changes);
    free(flows);
    sim_free(s);
    return n;
}

static void each_piece_once(void **state)
{
    assert_int_equal(simulate(1, true, 12, false), 0);
}

static void whatever_the_grid(void **state)
{
    assert_int_equal(simulate(2, true, 12, true), 0);
}

static void without_tokens_some_come_twice(void **state)
{
    assert_true(simulate(3, false, 6, false) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_piece_once), cmocka_unit_test(whatever_the_grid),
                                       cmocka_unit_test(without_tokens_some_come_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
