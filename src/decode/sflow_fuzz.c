/* Any bytes as sFlow datagrams, sound ones of each version among them: no crash, and every row accounted for. */
#include "decode/fuzzing.h"
#include "decode/mutate.h"

static size_t open_part(struct buf *b, uint32_t format)
{
    buf_be32(b, format);
    buf_be32(b, 0);
    return b->len;
}

static void close_part(struct buf *b, size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b->len - at));
    buf_zero(b, -b->len % 4);
    memcpy(b->p + at - 4, &len, 4);
}

static void make_record(struct mutate *m, struct buf *b, bool counters)
{
    static const uint16_t flows[] = {1,    1,    1,    2,    3,    4,    1001, 1002, 1003, 1004, 1005,
                                     1006, 1007, 1012, 1020, 1029, 1030, 1034, 1035, 1041, 1042, 2202};
    static const uint16_t ours[] = {1, 2, 5, 1005, 2000, 2001, 2003};
    uint32_t format = counters ? ours[mutate_draw(m, sizeof ours / sizeof *ours)]
                               : flows[mutate_draw(m, sizeof flows / sizeof *flows)];
    size_t at = open_part(b, format);
    if (format == 1 && !counters) {
        static const uint8_t protocols[] = {1, 1, 7, 11, 12, 13, 14};
        uint32_t len = mutate_draw(m, 128);
        buf_be32(b, protocols[mutate_draw(m, sizeof protocols)]);
        buf_be32(b, len);
        buf_be32(b, 4);
        buf_be32(b, len);
        mutate_noise(m, b, len);
    } else {
        for (uint32_t n = mutate_draw(m, 24); n > 0; n--)
            buf_be32(b, mutate_draw(
                            m, mutate_draw(m, 4) ? 4 : 1u << 31)); /* types, counts and lengths are small */
    }
    close_part(b, at);
}

static void words(struct mutate *m, struct buf *b, uint32_t n)
{
    while (n-- > 0)
        buf_be32(b, mutate_draw(m, mutate_draw(m, 8) ? 8 : 1u << 31));
}

static void opaque(struct mutate *m, struct buf *b, uint32_t max)
{
    uint32_t len = mutate_draw(m, max);
    buf_be32(b, len);
    mutate_noise(m, b, len);
    buf_zero(b, -len % 4);
}

/* extended_data of versions 2 and 4: switch, router, gateway, user, URL */
static void make_extended(struct mutate *m, struct buf *b, uint32_t version)
{
    uint32_t type = 1 + mutate_draw(m, 5), n = mutate_draw(m, 4);
    buf_be32(b, type);
    if (type == 2)
        buf_be32(b, 1); /* IPv4 */
    words(m, b, type == 4 ? 0 : type == 5 ? 1 : type == 1 ? 4 : 3);
    if (type == 3 && version == 4) {
        buf_be32(b, 1); /* a segment */
        words(m, b, 1);
    }
    if (type == 3) {
        buf_be32(b, n);
        words(m, b, n);
    }
    if (type == 3 && version == 4) {
        buf_be32(b, n);
        words(m, b, n + 1); /* communities, local preference */
    }
    for (uint32_t texts = type == 4 ? 2 : type == 5; texts > 0; texts--)
        opaque(m, b, 12);
}

/* A sample of versions 2 and 4, of which nothing says how long it is. */
static void make_old_sample(struct mutate *m, struct buf *b, uint32_t version)
{
    static const uint8_t counters[] = {0, 22, 35, 40, 22, 42, 22, 7}; /* words, by counters_version */
    bool flow = mutate_draw(m, 4);
    uint32_t type = 1 + mutate_draw(m, flow ? 3 : 7);
    buf_be32(b, flow ? 1 : 2);
    words(m, b, flow ? 7 : 3);
    buf_be32(b, type);
    if (!flow) {
        words(m, b, counters[type]);
        return;
    }
    words(m, b, type == 1 ? 2 : type == 2 ? 8 : 14);
    if (type == 1)
        opaque(m, b, 128);
    uint32_t n = mutate_draw(m, 4);
    buf_be32(b, n);
    while (n-- > 0)
        make_extended(m, b, version);
}

static void make_old(struct mutate *m, struct buf *b)
{
    uint32_t version = mutate_draw(m, 2) ? 4 : 2, samples = 1 + mutate_draw(m, 3);
    buf_be32(b, version);
    buf_be32(b, 1);
    buf_be32(b, 0x0a000001);
    buf_be32(b, mutate_draw(m, 10));
    buf_be32(b, 100000);
    buf_be32(b, samples);
    while (samples-- > 0)
        make_old_sample(m, b, version);
}

static void make_new(struct mutate *m, struct buf *b)
{
    uint32_t samples = 1 + mutate_draw(m, 3);
    buf_be32(b, 5);
    buf_be32(b, 1);
    buf_be32(b, 0x0a000001);
    buf_be32(b, mutate_draw(m, 2));
    buf_be32(b, mutate_draw(m, 10));
    buf_be32(b, 100000);
    buf_be32(b, samples);
    for (; samples > 0; samples--) {
        static const uint8_t head[] = {0, 7, 2, 10, 3, 7}; /* words before the number of records, by format */
        uint32_t format = 1 + mutate_draw(m, 5), n = mutate_draw(m, 5);
        size_t at = open_part(b, format);
        for (unsigned i = 0; i < head[format]; i++)
            buf_be32(b, mutate_draw(m, 8));
        buf_be32(b, n);
        for (; n > 0; n--)
            make_record(m, b, format == 2 || format == 4);
        close_part(b, at);
    }
}

static void make(struct mutate *m, struct buf *b)
{
    if (mutate_draw(m, 4))
        make_new(m, b);
    else
        make_old(m, b);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
    return mutate(data, len, max, seed, make, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    return fuzzing_datagrams(data, len, DECODER_SFLOW);
}
