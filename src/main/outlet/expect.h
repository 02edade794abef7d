/* A simulated bus full of records of the decoder of fake.h, and what the store must hold in the end. */
#pragma once
#include "main/outlet/sim.h"

enum { EARLIEST_MINUTES = 200 };

/* ---- a bus full of records */

enum { LIMITED = 2 }; /* the exporter with a rate limit */

static uint64_t limited;        /* flows that the rate limit had a part in */
static uint64_t classified_out; /* flows that a classifier rejects */

static inline void make_dgram(struct sim *s, unsigned part, uint64_t t, struct fake_record *f)
{
    uint64_t late = fake_rnd(&s->seed) % 20 == 0 ? fake_rnd(&s->seed) % 100 : 0;
    uint8_t who = (uint8_t)(part * 3 + fake_rnd(&s->seed) % 3 + 1);
    f->kind = BUS_DGRAM;
    f->second = BASE_S + t - (t > late ? late : 0);
    f->data[0] = fake_rnd(&s->seed) % 10 == 0 ? 'T' : 'D';
    f->data[1] = (uint8_t)(1 + fake_rnd(&s->seed) % 40);
    f->data[2] = fake_rnd(&s->seed) % 4 == 0;
    f->data[3] = (uint8_t)fake_rnd(&s->seed);
    f->d = (struct dgram){.src = ip_v4((uint8_t[]){192, 0, 2, who}),
                          .rate_limit = who == LIMITED ? 30 : 0,
                          .rx_ns = f->second * 1000000000u,
                          .len = 20 + f->data[1]};
}

static inline void make_records(struct sim *s, unsigned part, uint64_t seconds)
{
    for (uint64_t t = 0; t < seconds; t++) {
        for (unsigned n = fake_rnd(&s->seed) % 12; n-- > 0;)
            make_dgram(s, part, t, fake_append(&s->bus, part, BUS_DGRAM, 0));
        struct fake_record *tick = fake_append(&s->bus, part, BUS_TICK, BASE_S + t);
        if (fake_rnd(&s->seed) % 15 == 0) {
            struct buf b;
            buf_init(&b, 0);
            bus_note_put(&b, &(struct bus_note){ip_v4((uint8_t[]){192, 0, 2, (uint8_t)(part * 3 + 1)}),
                                                (BASE_S + t) / 60, 3, BUS_NOTE_SHED});
            memcpy(tick->data, b.p, b.len);
            tick->d.len = (uint32_t)b.len;
            buf_fini(&b);
        }
    }
    fake_append(&s->bus, part, BUS_TICK, BASE_S + seconds + 200); /* closes the last minute */
}

static inline void expect_notes(const struct fake_record *f, struct fake_store *want)
{
    struct str notes = {(const char *)f->d.data, f->d.len};
    for (struct bus_note n; bus_note_next(&notes, &n);)
        want->ledger[n.src.b[15]][n.minute - want->base_minute].shed += n.datagrams;
}

/* What one undisturbed reading gives. */
static inline void expect(struct sim *s, struct fake_store *want)
{
    struct batch *b = batch_new();
    limited = classified_out = 0;
    want->base_minute = BASE_S / 60 - EARLIEST_MINUTES;
    for (unsigned p = 0; p < FAKE_PARTS; p++) {
        struct fake_decoder d = {0};
        struct limit limit = {0};
        for (size_t i = 0; i < s->bus.part[p].n; i++) {
            struct fake_record *f = &s->bus.part[p].rec[i];
            struct decode_stats stats = {0};
            struct batch_sink sink = {b, NULL};
            f->d.data = f->data;
            if (f->second == 0)
                continue;
            if (f->kind == BUS_TICK) {
                expect_notes(f, want);
                continue;
            }
            batch_reset(b);
            fake_decode(&d, &f->d, &sink, &stats);
            unsigned who = f->d.src.b[15];
            struct fake_account *a = &want->ledger[who][f->second / 60 - want->base_minute];
            uint64_t rate = 7, rejected = stats.rejected[REASON_NO_TEMPLATE];
            if (f->d.rate_limit) {
                struct limit_row *r = limit_row(&limit, &f->d);
                bool kept = limit_admits(r, &f->d);
                rate = rate * r->factor / LIMIT_ONE;
                limit_count(r, stats.flows, kept);
                limited += kept ? r->factor > LIMIT_ONE : stats.flows;
                rejected += kept ? 0 : stats.flows;
                b->n = kept ? b->n : 0;
                stats.flows = kept ? stats.flows : 0;
            }
            if (who == 3) { /* a classifier does not want this one */
                rejected += stats.flows;
                classified_out += stats.flows;
                b->n = 0;
                stats.flows = 0;
            }
            a->datagrams++;
            a->stored += stats.flows;
            a->rejected += rejected;
            a->decoded += stats.flows + rejected;
            for (uint32_t row = 0; row < b->n; row++) {
                uint64_t m = BATCH_U32(b, TimeReceived)[row] / 60 - want->base_minute;
                for (int t = 0; t < 2; t++) {
                    want->sum[t][who][m].bytes += BATCH_U64(b, Bytes)[row] * rate;
                    want->sum[t][who][m].packets += rate;
                }
            }
        }
        limit_fini(&limit);
    }
    assert_true(limited > 0 && classified_out > 0);
    batch_free(b);
}

static inline struct sim *sim_new(uint64_t seed, bool tokens)
{
    struct sim *s = sim_make(seed, tokens);
    s->store.base_minute = BASE_S / 60 - EARLIEST_MINUTES;
    s->rules[0] = (struct cut_rule){4, 20, 1000, 1 << 20, 1 << 20, 7 * 86400};
    s->rules[1] = (struct cut_rule){7, 1000, 90, 300, 1 << 20, 3600};
    s->rules[2] = (struct cut_rule){60, 11, 100000, 1 << 20, 3000, 86400};
    s->env.decoder = fake_decoder;
    sim_layout(s);
    for (unsigned p = 0; p < FAKE_PARTS; p++)
        make_records(s, p, 150 + fake_rnd(&s->seed) % 100);
    return s;
}

/*
 * The rate of a flow that stands for others as well is rounded up or down: all of them are at least what rounding down
 * gives, and the same in both tables, however often they were read.
 */
static inline bool equal_sums(const struct fake_store *got, const struct fake_store *want, int who, int m)
{
    bool ok = true;
    for (int t = 0; t < 2; t++) {
        const struct fake_sum *g = &got->sum[t][who][m], *other = &got->sum[!t][who][m],
                              *w = &want->sum[t][who][m];
        ok &= who == LIMITED ? g->bytes >= w->bytes && g->packets >= w->packets && g->bytes == other->bytes &&
                                   g->packets == other->packets
                             : g->bytes == w->bytes && g->packets == w->packets;
    }
    return ok;
}

static inline bool equal(const struct fake_store *got, const struct fake_store *want)
{
    for (int who = 0; who < FAKE_SOURCES; who++)
        for (int m = 0; m < FAKE_MINUTES; m++) {
            if (!equal_sums(got, want, who, m))
                return false;
            if (memcmp(&got->ledger[who][m], &want->ledger[who][m], sizeof(struct fake_account)) != 0)
                return false;
        }
    return true;
}
