/* fuzzing: what the fuzz targets of the decoders share: datagrams out of one input, and what must always hold. */
#pragma once
#include "base/cursor.h"
#include "decode/decode.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fuzzing {
    struct batch_sink sink; /* first */
    struct learnt_sink learnt;
    struct schema schema;
    struct decode_stats stats;
    uint64_t rows;
    volatile uint64_t sum;
};

#define FUZZ_MUST(cond)                                                                                      \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            abort();                                                                                         \
    } while (0)

static inline void fuzzing_array(struct fuzzing *f, enum column c)
{
    const struct batch *b = f->sink.batch;
    if (!batch_live(b, c))
        return;
    const struct span *s = b->col[c];
    for (uint32_t row = 0; row < b->n; row++) {
        FUZZ_MUST(s[row].n <= BATCH_POOL && s[row].at <= BATCH_POOL - s[row].n);
        for (uint32_t i = 0; i < s[row].n; i++)
            f->sum += b->pool32[s[row].at + i];
    }
}

/* Looks at all that a handler of rows would. */
static inline void fuzzing_full(struct batch_sink *sink)
{
    struct fuzzing *f = (struct fuzzing *)sink;
    FUZZ_MUST(sink->batch->n <= BATCH_ROWS);
    fuzzing_array(f, COL_MPLSLabels);
    fuzzing_array(f, COL_DstASPath);
    fuzzing_array(f, COL_DstCommunities);
    f->rows += sink->batch->n;
    batch_reset(sink->batch);
}

/* What exporters tell about themselves is touched, too. */
static inline void fuzzing_tell(struct learnt_sink *sink, const struct learnt *l)
{
    struct fuzzing *f = (void *)((char *)sink - offsetof(struct fuzzing, learnt));
    const struct str texts[] = {l->if_name, l->if_description, l->sys_name, l->sys_description,
                                l->sys_location};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        FUZZ_MUST(texts[i].len <= LEARNT_TEXT);
        for (size_t k = 0; k < texts[i].len; k++)
            f->sum += (uint8_t)texts[i].p[k];
    }
}

/* A checkpoint must come back as it went. */
static inline void fuzzing_checkpoint(struct fuzzing *f, const struct decoder_state *st,
                                      const struct decoder_limits *limits)
{
    struct buf one, two;
    struct err e;
    buf_init(&one, 0);
    buf_init(&two, 0);
    decoder_state_save(st, &one);
    struct decoder_state *copy = decoder_state_new(&f->schema, limits);
    FUZZ_MUST(decoder_state_load(copy, buf_str(&one), &e));
    decoder_state_save(copy, &two);
    FUZZ_MUST(str_eq(buf_str(&one), buf_str(&two)));
    decoder_state_free(copy);
    buf_fini(&one);
    buf_fini(&two);
}

/* Each set that was put aside was decoded or rejected in the end. */
static inline void fuzzing_account(const struct decode_stats *s)
{
    FUZZ_MUST(s->kept_decoded + s->abandoned + s->rejected[REASON_NO_TEMPLATE] + s->rejected[REASON_LIMIT] >=
              s->kept);
}

/* The input: a byte of choices, then datagrams, each behind its length in two bytes. */
static inline int fuzzing_datagrams(const uint8_t *data, size_t len, enum dgram_decoder decoder)
{
    static const struct decoder_limits limits = {.sessions = 8,
                                                 .templates_per_session = 8,
                                                 .fields_per_template = 64,
                                                 .bytes = 1 << 20,
                                                 .kept_bytes = 1 << 14,
                                                 .kept_s = 8,
                                                 .template_s = 8};
    struct fuzzing f = {.sink.full = fuzzing_full};
    struct cursor c = cursor_init(data, len);
    uint8_t choices = cursor_u8(&c);
    schema_default(&f.schema);
    for (unsigned col = 0; col < COL_COUNT && choices & 1; col++)
        f.schema.enabled[col] = f.schema.group[column_defs[col].group] = true;
    static struct batch *batch; /* once: its memory takes longer than the decoding */
    if (!batch)
        batch = batch_new();
    batch_reset(batch);
    f.sink.batch = batch;
    struct decoder_state *st = decoder_state_new(&f.schema, &limits);
    struct intern strings;
    intern_init(&strings);
    decoder_state_strings(st, &strings);
    if ((choices & 0x81) == 0x81)
        decoder_state_spread(st, 7);
    static FILE *nowhere;
    if ((choices & 0x0c) == 0x0c) { /* some are put into words too */
        nowhere = nowhere ? nowhere : fopen("/dev/null", "w");
        decoder_state_explain(st, nowhere);
    }
    f.learnt.tell = fuzzing_tell;
    decoder_state_tell(st, &f.learnt);
    for (uint64_t i = 0; cursor_left(&c) > 2; i++) {
        size_t n = cursor_be16(&c);
        n = n < cursor_left(&c) ? n : cursor_left(&c);
        uint8_t *exact = malloc(n ? n : 1); /* so that reading one byte past it is seen */
        memcpy(exact, cursor_bytes(&c, n), n);
        struct dgram d = {.src_port = (uint16_t)(choices & 2 ? i % 3 : 0),
                          .decoder = (uint8_t)decoder,
                          .time = (choices >> 2) % 3,
                          .decap = (choices >> 4 & 7) % DECAP_COUNT,
                          .use_src = choices >> 7,
                          .stream = i % 2,
                          .rx_ns = i * 1000000000u,
                          .data = exact,
                          .len = (uint32_t)n};
        decode_dgram(st, &d, &f.sink, &f.stats);
        free(exact);
    }
    fuzzing_full(&f.sink);
    FUZZ_MUST(f.rows == f.stats.flows + f.stats.spread);
    fuzzing_checkpoint(&f, st, &limits);
    decoder_give_up(st, &f.stats);
    fuzzing_account(&f.stats);
    intern_fini(&strings);
    decoder_state_free(st);
    return 0;
}
