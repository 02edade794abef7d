/* The check against numbers of an independent implementation; frames there and back, damaged, too large. */
#include "store/embedded/frame.h"
#include "store/embedded/cityhash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TEXT = 3 << 20 };

static uint8_t text[TEXT];

static int make_text(void **state)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 + i / 7);
    return 0;
}

/* From PyPI's clickhouse-cityhash 1.0.2.6, which wraps the original. */
static void check_is_cityhash_1_0_2(void **state)
{
    static const struct {
        size_t len;
        uint64_t low, high;
    } known[] = {
        {0, 0x3df09dfc64c09a2bu, 0x3cb540c392e51e29u},    {1, 0xa04b71ab61de6422u, 0xf768684937e23970u},
        {3, 0x6473720e9e25546du, 0x55ad3d94ab5ba66bu},    {4, 0x75ca4ea9671a8b2du, 0xaffe8fa7aae1cc45u},
        {7, 0x2b10aba75d97da2du, 0xbd3a37170971ff49u},    {8, 0x32fa7d1625621aa7u, 0xac5085899b451fb1u},
        {9, 0x53de54fca3517c13u, 0xa2431686acd70141u},    {15, 0x505e320bb15ac894u, 0x8ac04fb53a11225eu},
        {16, 0x3616e62835cbf615u, 0xb08b2128631f28d0u},   {17, 0x48c047652be00e76u, 0xb22802a36105361au},
        {24, 0x0e5a2efca01ba2a6u, 0x2469c768a0ae5f00u},   {25, 0x21938efbe9723203u, 0x2243569c0d87fb1eu},
        {31, 0x58f4bfc8e86bab43u, 0x07806f7ee28f5826u},   {32, 0x50f31d3793680728u, 0xb3671e379d648e50u},
        {33, 0x76786f3da23b955cu, 0xb44153d83450b3f5u},   {48, 0x0e81848d3295109du, 0xca29dc023783bb88u},
        {100, 0xcafcffd9852421a9u, 0x7ff718166d16e616u},  {143, 0x7c69bdd852b0f2c5u, 0x53e52837d2e0042eu},
        {144, 0xda08b3976b12f466u, 0x84d4bad66fc12b9fu},  {145, 0xcddc670ad575ea76u, 0xe09255ccbc48c572u},
        {175, 0x3bca7a183090e44du, 0x9da570b387bc1578u},  {176, 0xaa9bfe6b74874495u, 0xccf43013f744d952u},
        {177, 0xee19176ba577957eu, 0x915cc6d5e0f86015u},  {200, 0xd187a099c878fe32u, 0xaf2e6ff8157eb578u},
        {271, 0x31bd75ad7fd32c5du, 0xd1b498271e29bd13u},  {272, 0x491606798d0e2cd2u, 0x9227f92858ab8cf2u},
        {273, 0x2761d47d61c77648u, 0x06e31232cae0c28eu},  {1000, 0x2e4f063cc271e34eu, 0x21d32723a2db141au},
        {5000, 0xf84b401583f666aau, 0x3c529102ba67c4acu},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct cityhash h = cityhash_128(text, known[i].len);
        if (h.low != known[i].low || h.high != known[i].high)
            fail_msg("%zu bytes", known[i].len);
    }
}

static struct str of(const struct buf *b)
{
    return buf_str(b);
}

static void there_and_back(void **state)
{
    static const size_t lens[] = {0, 1, 2, 100, FRAME_TEXT - 1, FRAME_TEXT, FRAME_TEXT + 1, TEXT};
    static const enum frame_method methods[] = {FRAME_NONE, FRAME_LZ4, FRAME_ZSTD};
    for (size_t m = 0; m < 3; m++)
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            struct buf packed, back;
            struct err e;
            buf_init(&packed, 0);
            buf_init(&back, lens[i]);
            frame_pack(methods[m], (struct str){(const char *)text, lens[i]}, &packed);
            assert_true(lens[i] == 0 || packed.p[16] == methods[m] || lens[i] < 3);
            assert_true(frame_unpack(of(&packed), &back, &e));
            assert_int_equal(back.len, lens[i]);
            assert_true(lens[i] == 0 || memcmp(back.p, text, lens[i]) == 0);
            if (lens[i] > 1000 && methods[m] != FRAME_NONE)
                assert_true(packed.len < lens[i] / 2);
            buf_fini(&packed);
            buf_fini(&back);
        }
}

static bool unpacks(struct str in, size_t cap, struct err *e)
{
    struct buf out;
    buf_init(&out, cap);
    bool ok = frame_unpack(in, &out, e);
    buf_fini(&out);
    return ok;
}

static void damage_is_found(void **state)
{
    struct buf b;
    struct err e;
    buf_init(&b, 0);
    frame_pack(FRAME_LZ4, (struct str){(const char *)text, 5000}, &b);
    assert_true(unpacks(of(&b), 5000, &e));
    for (size_t i = 0; i < b.len; i++) {
        b.p[i] ^= 4;
        if (unpacks(of(&b), 1 << 20, &e))
            fail_msg("byte %zu", i);
        b.p[i] ^= 4;
        if (i > 0 && unpacks((struct str){(const char *)b.p, i}, 1 << 20, &e))
            fail_msg("cut at %zu", i);
    }
    assert_false(unpacks(of(&b), 4999, &e));
    assert_non_null(strstr(e.msg, "holds 5000 bytes, which is too much"));
    buf_fini(&b);
}

/* A frame with a good check, whatever it holds. */
static void frame(struct buf *b, uint8_t method, uint32_t packed, uint32_t len, const char *data, size_t n)
{
    buf_reset(b);
    buf_zero(b, 16);
    buf_u8(b, method);
    buf_le32(b, packed);
    buf_le32(b, len);
    buf_add(b, data, n);
    struct cityhash h = cityhash_128(b->p + 16, b->len - 16);
    memcpy(b->p, &h, 16);
}

static void lies_are_refused(void **state)
{
    struct buf b;
    struct err e;
    buf_init(&b, 0);
    frame(&b, FRAME_NONE, 9 + 4, 4, "weir", 4);
    assert_true(unpacks(of(&b), 100, &e));
    frame(&b, FRAME_NONE, 9 + 4, 5, "weir", 4);
    assert_false(unpacks(of(&b), 100, &e));
    frame(&b, 0x91, 9 + 4, 4, "weir", 4); /* several codecs */
    assert_false(unpacks(of(&b), 100, &e));
    assert_non_null(strstr(e.msg, "method 0x91"));
    frame(&b, FRAME_NONE, 8, 4, "weir", 4);
    assert_false(unpacks(of(&b), 100, &e));
    frame(&b, FRAME_LZ4, 9 + 4, FRAME_MAX + 1, "weir", 4); /* a small body that asks for a lot */
    assert_false(unpacks(of(&b), 0, &e));
    assert_non_null(strstr(e.msg, "too much"));
    frame(&b, FRAME_LZ4, 9 + 4, 1000, "weir", 4);
    assert_false(unpacks(of(&b), 0, &e));
    frame(&b, FRAME_ZSTD, 9 + 4, 1000, "weir", 4);
    assert_false(unpacks(of(&b), 0, &e));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(check_is_cityhash_1_0_2),
                                       cmocka_unit_test(there_and_back), cmocka_unit_test(damage_is_found),
                                       cmocka_unit_test(lies_are_refused)};
    return cmocka_run_group_tests(tests, make_text, NULL);
}
