/* Stand-ins for the outlet's tests: a bus in memory, a decoder with a memory of its own, a store that knows tokens. */
#pragma once
#include "base/arena.h"
#include "main/outlet/part.h"
#include "store/native_test.h"
#include <stdio.h>
#include <stdlib.h>

static inline uint32_t fake_rnd(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* ---- bus */

enum { FAKE_PARTS = 2 };

enum { FAKE_DATA = 32 * BUS_NOTE_LEN };

struct fake_record {
    enum bus_kind kind;
    uint64_t second; /* 0: nobody has read it */
    struct dgram d;
    uint8_t data[FAKE_DATA];
    uint8_t *whole; /* from malloc, then the bus's: instead of data */
};

struct fake_bus {
    struct bus_reader r;
    struct {
        struct fake_record *rec;
        size_t n, visible;
        uint64_t commit;
        struct buf checkpoint;
        bool committed;
    } part[FAKE_PARTS];
    uint64_t seed;
    unsigned commits_to_fail; /* in 100 */
};

static inline size_t fake_read(struct bus_reader *r, unsigned i, uint64_t offset, struct bus_record *rec,
                               size_t n, unsigned wait_ms)
{
    struct fake_bus *b = (struct fake_bus *)r;
    size_t at = offset / 10, got = 0, want = 1 + fake_rnd(&b->seed) % 50;
    for (; got < n && got < want && at < b->part[i].visible; at++, got++) {
        struct fake_record *f = &b->part[i].rec[at];
        f->d.data = f->whole ? f->whole : f->data;
        rec[got] = (struct bus_record){.offset = at * 10,
                                       .next = (at + 1) * 10,
                                       .seq = at + 1,
                                       .kind = f->kind,
                                       .second = f->second,
                                       .d = f->d};
    }
    return got;
}

static inline void fake_release(struct bus_reader *r, unsigned i, uint64_t offset)
{
}

static inline bool fake_commit(struct bus_reader *r, unsigned i, uint64_t offset, struct str checkpoint,
                               struct err *e)
{
    struct fake_bus *b = (struct fake_bus *)r;
    if (fake_rnd(&b->seed) % 100 < b->commits_to_fail)
        return err_set(e, "no room");
    b->part[i].commit = offset;
    buf_reset(&b->part[i].checkpoint);
    buf_str_add(&b->part[i].checkpoint, checkpoint);
    return true;
}

static inline bool fake_committed(struct bus_reader *r, unsigned i, uint64_t *offset, struct buf *checkpoint,
                                  struct err *e)
{
    struct fake_bus *b = (struct fake_bus *)r;
    *offset = b->part[i].commit;
    buf_str_add(checkpoint, buf_str(&b->part[i].checkpoint));
    return true;
}

static inline void fake_bus_init(struct fake_bus *b, uint64_t seed)
{
    *b = (struct fake_bus){.r = {.partitions = FAKE_PARTS,
                                 .read = fake_read,
                                 .release = fake_release,
                                 .commit = fake_commit,
                                 .committed = fake_committed},
                           .seed = seed};
}

static inline void fake_bus_fini(struct fake_bus *b)
{
    for (int i = 0; i < FAKE_PARTS; i++) {
        for (size_t k = 0; k < b->part[i].n; k++)
            free(b->part[i].rec[k].whole);
        free(b->part[i].rec);
        buf_fini(&b->part[i].checkpoint);
    }
}

static inline struct fake_record *fake_append(struct fake_bus *b, unsigned part, enum bus_kind kind,
                                              uint64_t second)
{
    if (b->part[part].n % 256 == 0)
        b->part[part].rec = xrealloc(b->part[part].rec, (b->part[part].n + 256) * sizeof(struct fake_record));
    struct fake_record *f = &b->part[part].rec[b->part[part].n++];
    *f = (struct fake_record){.kind = kind, .second = second};
    return f;
}

/* ---- decoder: "T" sets an exporter's factor, "D" has rows, which are rejected while the factor is not known */

struct fake_decoder {
    uint32_t factor[256];
};

static inline void *fake_make(const struct schema *schema, const struct decoder_limits *limits)
{
    return xcalloc(1, sizeof(struct fake_decoder));
}

static inline void fake_tell(void *state, struct learnt_sink *learnt)
{
}

static inline void fake_wire(void *state, const struct registry *registry, struct intern *strings)
{
}

static inline void fake_spread(void *state, uint32_t step_s)
{
}

static inline void fake_decode(void *state, const struct dgram *d, struct batch_sink *sink,
                               struct decode_stats *stats)
{
    struct fake_decoder *f = state;
    uint8_t who = d->src.b[15];
    stats->datagrams++;
    if (d->data[0] == 'T') {
        f->factor[who] = d->data[1];
        return;
    }
    if (f->factor[who] == 0) {
        stats->rejected[REASON_NO_TEMPLATE] += d->data[1];
        return;
    }
    for (uint32_t i = 0; i < d->data[1]; i++) {
        uint32_t row = batch_row(sink);
        struct batch *b = sink->batch;
        uint32_t back = d->data[2] ? d->data[2] * 60u * i : 0; /* an exporter's own time, minutes ago */
        BATCH_U32(b, TimeReceived)[row] = (uint32_t)(d->rx_ns / 1000000000u) - back;
        BATCH_IP(b, ExporterAddress)[row] = d->src;
        BATCH_U32(b, InIfIndex)[row] = d->data[3] % 5;
        BATCH_U32(b, OutIfIndex)[row] = d->data[3] % 3;
        BATCH_U32(b, SrcAS)[row] = d->data[3] % 4;
        BATCH_U64(b, Bytes)[row] = f->factor[who] * (i + 1);
        BATCH_U64(b, Packets)[row] = 1;
        stats->flows++;
    }
}

static inline void fake_save(const void *state, struct buf *out)
{
    buf_add(out, state, sizeof(struct fake_decoder));
}

static inline bool fake_load(void *state, struct str in, struct err *e)
{
    if (in.len != sizeof(struct fake_decoder))
        return err_set(e, "length");
    memcpy(state, in.p, in.len);
    return true;
}

static const struct outlet_decoder fake_decoder = {.make = fake_make,
                                                   .tell = fake_tell,
                                                   .wire = fake_wire,
                                                   .spread = fake_spread,
                                                   .free = free,
                                                   .decode = fake_decode,
                                                   .save = fake_save,
                                                   .load = fake_load};

/* ---- store */

enum fake_table { FAKE_FLOWS, FAKE_ROLLUP, FAKE_LEDGER, FAKE_EXPORTERS, FAKE_TABLES };
enum { FAKE_MINUTES = 400, FAKE_SOURCES = 8 };
static const char *const fake_names[] = {"flows", "flows_1m0s", "ledger", "exporters"};

struct fake_sum {
    uint64_t bytes, packets, rows;
};
struct fake_account {
    uint64_t datagrams, shed, decoded, stored, rejected;
};

struct fake_store {
    struct fake_sum sum[2][FAKE_SOURCES][FAKE_MINUTES]; /* flows, rollup */
    struct fake_account ledger[FAKE_SOURCES][FAKE_MINUTES];
    uint64_t exporters;
    char (*tokens)[192];
    size_t n_tokens, duplicates;
    uint64_t seed, base_minute;
    unsigned away, cut_off; /* of 100 inserts: not taken; taken, but the answer is lost */
    const char *refuse;     /* table that refuses for good */
    void (*keep)(struct fake_store *s, const char *table, const struct native_block *b);
};

static inline void *fake_open(void *arg, bool (*abandon)(void *), void *abandon_arg)
{
    return arg;
}

static inline void fake_close(void *way)
{
}

static inline bool fake_seen(struct fake_store *s, const char *table, const char *token)
{
    char key[192];
    if (!token[0])
        return false;
    snprintf(key, sizeof key, "%s %s", table, token);
    for (size_t i = s->n_tokens; i-- > 0;)
        if (strcmp(s->tokens[i], key) == 0)
            return true;
    if (s->n_tokens % 256 == 0)
        s->tokens = xrealloc(s->tokens, (s->n_tokens + 256) * sizeof *s->tokens);
    memcpy(s->tokens[s->n_tokens++], key, sizeof key);
    return false;
}

static inline unsigned fake_who(const struct native_block *b, size_t row)
{
    const char *z = native_text(b, "ExporterAddress", row);
    return z && strrchr(z, '.') ? (unsigned)atoi(strrchr(z, '.') + 1) % FAKE_SOURCES : 0;
}

static inline void fake_keep(struct fake_store *s, const char *table, const struct native_block *b)
{
    for (size_t i = 0; i < b->n_rows; i++) {
        uint64_t m = native_number(b, "TimeReceived", i) / 60 - s->base_minute;
        unsigned who = fake_who(b, i);
        if (strcmp(table, "exporters") == 0) {
            s->exporters++;
            continue;
        }
        if (m >= FAKE_MINUTES)
            abort();
        if (strcmp(table, "ledger") == 0) {
            struct fake_account *a = &s->ledger[who][m];
            a->datagrams += native_number(b, "Datagrams", i);
            a->shed += native_number(b, "Shed", i);
            a->decoded += native_number(b, "Decoded", i);
            a->stored += native_number(b, "Stored", i);
            a->rejected += native_number(b, "Rejected", i);
            continue;
        }
        struct fake_sum *sum = &s->sum[strcmp(table, "flows") != 0][who][m];
        sum->bytes += native_number(b, "Bytes", i) * native_number(b, "SamplingRate", i);
        sum->packets += native_number(b, "Packets", i) * native_number(b, "SamplingRate", i);
        sum->rows++;
    }
}

static inline enum ch_failure fake_insert(void *way, const char *table, const char *token, struct str data,
                                          const char **server, struct err *e)
{
    struct fake_store *s = way;
    err_set(e, "made up");
    if (s->refuse && strcmp(s->refuse, table) == 0)
        return CH_PERMANENT;
    if (fake_rnd(&s->seed) % 100 < s->away)
        return CH_AWAY;
    if (fake_seen(s, table, token)) {
        s->duplicates++;
        return CH_OK;
    }
    struct native_block b = native_read(data);
    if (b.bad)
        abort();
    s->keep(s, table, &b);
    native_block_free(&b);
    return fake_rnd(&s->seed) % 100 < s->cut_off ? CH_AWAY : CH_OK;
}
