/*
 * frame: ClickHouse's own compression of a stream (`compress=1`, `decompress=1`): frames of
 *
 *     16 bytes CityHash128 of what follows | method | u32 bytes from method on | u32 bytes unpacked | data
 *
 * one behind the other. Plain functions; any thread. Unpacking is bounded by the output's cap and FRAME_MAX a frame.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum frame_method { FRAME_NONE = 0x02, FRAME_LZ4 = 0x82, FRAME_ZSTD = 0x90 };
enum {
    FRAME_MAX = 64 << 20, /* unpacked bytes of one frame; ClickHouse's clients send 1 to 10 MiB */
    FRAME_TEXT = 1 << 20, /* of those made here */
    FRAME_HEAD = 16 + 9,
};

/* Appends frames for all of `in`; none for nothing. */
void frame_pack(enum frame_method method, struct str in, struct buf *out);
/* False when a frame is damaged, cut short, too large, of another method, or the whole is larger than out->cap. */
bool frame_unpack(struct str in, struct buf *out, struct err *e);
