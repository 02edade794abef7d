/* testing: a decoder with everything around it, and datagrams by hand; for the tests of this folder. */
#pragma once
#include "base/arena.h"
#include "decode/decode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct rig {
    struct batch_sink sink; /* first */
    struct schema schema;
    struct decoder_state *st;
    struct decode_stats stats;
    struct dgram d;
    struct intern strings;
    uint64_t handed_on; /* rows that left with a full batch */
};

static inline void rig_full(struct batch_sink *sink)
{
    ((struct rig *)sink)->handed_on += sink->batch->n;
    batch_reset(sink->batch);
}

/* All columns on, an exporter at 192.0.2.1 port 4000, second 1000. */
static inline struct rig *rig_new(const struct decoder_limits *limits)
{
    struct rig *r = xcalloc(1, sizeof *r);
    schema_default(&r->schema);
    for (unsigned c = 0; c < COL_COUNT; c++)
        r->schema.enabled[c] = r->schema.group[column_defs[c].group] = true;
    r->sink.batch = batch_new();
    r->sink.full = rig_full;
    r->st = decoder_state_new(&r->schema, limits);
    intern_init(&r->strings);
    decoder_state_strings(r->st, &r->strings);
    r->d = (struct dgram){.src = ip_v4((const uint8_t[]){192, 0, 2, 1}),
                          .src_port = 4000,
                          .decoder = DECODER_NETFLOW,
                          .rx_ns = 1000 * 1000000000ull};
    return r;
}

static inline void rig_free(struct rig *r)
{
    batch_free(r->sink.batch);
    decoder_state_free(r->st);
    intern_fini(&r->strings);
    free(r);
}

/* Decodes `b` into an empty batch, counted from zero. The bytes stand alone, so that sanitizers see what lies behind. */
static inline void rig_decode(struct rig *r, const struct buf *b)
{
    uint8_t *exact = malloc(b->len ? b->len : 1);
    memcpy(exact, b->p, b->len);
    batch_reset(r->sink.batch);
    memset(&r->stats, 0, sizeof r->stats);
    r->d.data = exact;
    r->d.len = (uint32_t)b->len;
    decode_dgram(r->st, &r->d, &r->sink, &r->stats);
    free(exact);
}

/* Value of a number column. */
static inline uint64_t rig_num(const struct rig *r, enum column c, uint32_t row)
{
    const struct batch *b = r->sink.batch;
    if (!batch_live(b, c) || row >= b->n)
        return 0;
    switch (column_width(c)) {
    case 1:
        return ((const uint8_t *)b->col[c])[row];
    case 2:
        return ((const uint16_t *)b->col[c])[row];
    case 4:
        return ((const uint32_t *)b->col[c])[row];
    default:
        return ((const uint64_t *)b->col[c])[row];
    }
}

static inline const char *rig_ip(const struct rig *r, enum column c, uint32_t row)
{
    static char text[4][IP_TEXT_MAX];
    static unsigned at;
    const struct batch *b = r->sink.batch;
    struct ip ip = batch_live(b, c) ? ((const struct ip *)b->col[c])[row] : (struct ip){0};
    return ip_format(ip, text[at++ % 4]);
}

static inline struct span rig_span(const struct rig *r, enum column c, uint32_t row)
{
    return batch_live(r->sink.batch, c) ? ((const struct span *)r->sink.batch->col[c])[row]
                                        : (struct span){0};
}

/* Text of a string column; good until the next but three. */
static inline const char *rig_text(const struct rig *r, enum column c, uint32_t row)
{
    static char text[4][256];
    static unsigned at;
    const struct batch *b = r->sink.batch;
    struct str s = intern_str(&r->strings, batch_live(b, c) ? ((const uint32_t *)b->col[c])[row] : 0);
    char *out = text[at++ % 4];
    snprintf(out, sizeof text[0], "%.*s", STR_ARG(s));
    return out;
}

#define TEXT(col, row) rig_text(r, COL_##col, row)
#define NUM(col, row) rig_num(r, COL_##col, row)
#define IP(col, row) rig_ip(r, COL_##col, row)

/* "0a00 0001" as bytes at the end of b; blanks are for the reader. */
static inline void hex(struct buf *b, const char *text)
{
    unsigned digits = 0, v = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        v = v << 4 | (unsigned)(*text <= '9' ? *text - '0' : (*text | 32) - 'a' + 10);
        if (++digits % 2 == 0)
            buf_u8(b, (uint8_t)v);
    }
}

/* A set of `id` around `body`. */
static inline void put_set(struct buf *b, uint16_t id, const char *body)
{
    size_t at = b->len;
    buf_be16(b, id);
    buf_be16(b, 0);
    hex(b, body);
    uint16_t len = __builtin_bswap16((uint16_t)(b->len - at));
    memcpy(b->p + at + 2, &len, 2);
}

/* Header of NetFlow v9: sysUptime 100,000 ms, 2,000,000,000 s. */
static inline void v9(struct buf *b, uint32_t seq, uint32_t domain)
{
    buf_reset(b);
    buf_be16(b, 9);
    buf_be16(b, 1);
    buf_be32(b, 100000);
    buf_be32(b, 2000000000);
    buf_be32(b, seq);
    buf_be32(b, domain);
}

static inline void ipfix(struct buf *b, uint32_t seq, uint32_t domain)
{
    buf_reset(b);
    buf_be16(b, 10);
    buf_be16(b, 0);
    buf_be32(b, 2000000000);
    buf_be32(b, seq);
    buf_be32(b, domain);
}

/* Sets the message's length and decodes it. */
static inline void rig_ipfix(struct rig *r, struct buf *b)
{
    uint16_t len = __builtin_bswap16((uint16_t)b->len);
    memcpy(b->p + 2, &len, 2);
    rig_decode(r, b);
}
