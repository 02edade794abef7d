/* The numbers are little-endian, as everything of ClickHouse's. */
#include "store/embedded/frame.h"
#include "store/embedded/cityhash.h"
#include <lz4.h>
#include <string.h>
#include <zstd.h>

enum { CHECK = 16, HEAD = 9, ZSTD_LEVEL = 1 };

static size_t bound(enum frame_method method, size_t len)
{
    return method == FRAME_LZ4    ? (size_t)LZ4_compressBound((int)len)
           : method == FRAME_ZSTD ? ZSTD_compressBound(len)
                                  : len;
}

/* Data of a frame behind its head; 0: it did not come out smaller or cannot be packed. */
static size_t pack_data(enum frame_method method, struct str in, uint8_t *to, size_t room)
{
    if (method == FRAME_LZ4) {
        int n = LZ4_compress_default(in.p, (char *)to, (int)in.len, (int)room);
        return n > 0 ? (size_t)n : 0;
    }
    size_t n = method == FRAME_ZSTD ? ZSTD_compress(to, room, in.p, in.len, ZSTD_LEVEL) : 0;
    return ZSTD_isError(n) ? 0 : n;
}

static void put32(uint8_t *p, size_t v)
{
    uint32_t le = (uint32_t)v;
    memcpy(p, &le, sizeof le);
}

static void pack_one(enum frame_method method, struct str in, struct buf *out)
{
    size_t room = bound(method, in.len), head = out->len;
    buf_reserve(out, FRAME_HEAD + room);
    uint8_t *p = out->p + head;
    size_t n = pack_data(method, in, p + FRAME_HEAD, room);
    if (n == 0) {
        method = FRAME_NONE;
        n = in.len;
        memcpy(p + FRAME_HEAD, in.p, n);
    }
    p[CHECK] = (uint8_t)method;
    put32(p + CHECK + 1, HEAD + n);
    put32(p + CHECK + 5, in.len);
    struct cityhash check = cityhash_128(p + CHECK, HEAD + n);
    memcpy(p, &check, sizeof check);
    out->len += FRAME_HEAD + n;
}

void frame_pack(enum frame_method method, struct str in, struct buf *out)
{
    for (size_t at = 0, n; at < in.len; at += n) {
        n = in.len - at < FRAME_TEXT ? in.len - at : FRAME_TEXT;
        pack_one(method, (struct str){in.p + at, n}, out);
    }
}

static uint32_t get32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bool unpack_data(enum frame_method method, struct str in, uint8_t *to, size_t len)
{
    switch (method) {
    case FRAME_NONE:
        if (in.len != len)
            return false;
        memcpy(to, in.p, len);
        return true;
    case FRAME_LZ4:
        return LZ4_decompress_safe(in.p, (char *)to, (int)in.len, (int)len) == (int)len;
    case FRAME_ZSTD:
        return ZSTD_decompress(to, len, in.p, in.len) == len;
    }
    return false;
}

/* The frame at the beginning of `in`; *took says how long it is. */
static bool unpack_one(struct str in, struct buf *out, size_t *took, struct err *e)
{
    if (in.len < FRAME_HEAD)
        return err_set(e, "a compressed frame is cut short");
    uint8_t method = (uint8_t)in.p[CHECK];
    size_t packed = get32(in.p + CHECK + 1), len = get32(in.p + CHECK + 5);
    if (method != FRAME_NONE && method != FRAME_LZ4 && method != FRAME_ZSTD)
        return err_set(e, "a compressed frame of method 0x%02x; LZ4, ZSTD and NONE are supported", method);
    if (packed < HEAD || packed > in.len - CHECK)
        return err_set(e, "a compressed frame is cut short");
    if (len > FRAME_MAX || (out->cap && len > out->cap - out->len))
        return err_set(e, "a compressed frame holds %zu bytes, which is too much", len);
    struct cityhash check = cityhash_128(in.p + CHECK, packed);
    if (memcmp(&check, in.p, sizeof check) != 0)
        return err_set(e, "a compressed frame does not match its check (CityHash128)");
    buf_reserve(out, len + 1); /* also a frame of nothing needs a place */
    if (!unpack_data(method, (struct str){in.p + FRAME_HEAD, packed - HEAD}, out->p + out->len, len))
        return err_set(e, "a compressed frame is damaged");
    out->len += len;
    *took = CHECK + packed;
    return true;
}

bool frame_unpack(struct str in, struct buf *out, struct err *e)
{
    for (size_t took = 0; in.len; in = (struct str){in.p + took, in.len - took})
        if (!unpack_one(in, out, &took, e))
            return false;
    return true;
}
