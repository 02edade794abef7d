/* sflow_testing: datagrams of sFlow by hand, for the tests of this folder. */
#pragma once
#include "decode/testing_each.h"

static inline int begin_sflow(void **state)
{
    begin(state);
    ((struct rig *)*state)->d.decoder = DECODER_SFLOW;
    return 0;
}

static inline void header(uint32_t sequence, uint32_t samples)
{
    buf_reset(&b);
    hex(&b, "00000005 00000001 0a0000fe 00000002");
    buf_be32(&b, sequence);
    buf_be32(&b, 100000);
    buf_be32(&b, samples);
}

/* Something whose length in bytes stands in front: a sample or a record. */
static inline size_t open_part(uint32_t format)
{
    buf_be32(&b, format);
    buf_be32(&b, 0);
    return b.len;
}

static inline void close_part(size_t at)
{
    uint32_t len = __builtin_bswap32((uint32_t)(b.len - at));
    memcpy(b.p + at - 4, &len, 4);
}

/* A flow sample with rate 1000 and so many records to follow. */
static inline size_t open_sample(const char *in, const char *out, uint32_t records)
{
    size_t at = open_part(1);
    hex(&b, "00000001 00000003 000003e8 00000000 00000000");
    hex(&b, in);
    hex(&b, out);
    buf_be32(&b, records);
    return at;
}

static inline void record(uint32_t format, const char *body)
{
    size_t at = open_part(format);
    hex(&b, body);
    close_part(at);
}

/* sampled_header: protocol, a frame of 1518 bytes of which 4 were stripped */
static inline void raw(uint32_t protocol, const char *packet)
{
    size_t at = open_part(1);
    buf_be32(&b, protocol);
    hex(&b, "000005ee 00000004");
    size_t len_at = b.len;
    buf_be32(&b, 0);
    hex(&b, packet);
    uint32_t len = __builtin_bswap32((uint32_t)(b.len - len_at - 4));
    memcpy(b.p + len_at, &len, 4);
    buf_zero(&b, (4 - b.len % 4) % 4);
    close_part(at);
}

#define MACS "020000000002 020000000001 "
#define IPV4_TCP                                                                                             \
    "4548 05dc 1234 4000 40 06 0000 0a000001 0a000002 01bb c001 00000001 00000002 5012 ffff 0000 0000"

static inline void put_string(const char *text)
{
    buf_be32(&b, (uint32_t)strlen(text));
    buf_z(&b, text);
    buf_zero(&b, -strlen(text) % 4);
}

/* ---- versions 2 and 4 */

static inline void old_header(uint32_t version, uint32_t samples)
{
    buf_reset(&b);
    buf_be32(&b, version);
    hex(&b, "00000001 0a0000fe 00000001 000186a0");
    buf_be32(&b, samples);
}

#define OLD_SAMPLE "00000001 00000001 00000003 000003e8 00000000 00000000 00000003 80000002 "
#define OLD_HEADER OLD_SAMPLE "00000001 00000001 000005ee 00000036" MACS "0800" IPV4_TCP "0000"

#undef T
#define T(f) cmocka_unit_test_setup_teardown(f, begin_sflow, end)
