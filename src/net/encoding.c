/* One small function per coding and direction around zlib, zstd and lz4's frame format; fast levels, since the other
 * end is usually close. */
#include "net/encoding.h"
#include <lz4frame.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

static const struct {
    const char *name;
    enum encoding enc;
} names[] = {{"identity", ENCODING_NONE}, {"zstd", ENCODING_ZSTD},   {"lz4", ENCODING_LZ4},
             {"gzip", ENCODING_GZIP},     {"x-gzip", ENCODING_GZIP}, {"deflate", ENCODING_DEFLATE}};
enum { N_NAMES = sizeof names / sizeof *names };

static enum encoding find(struct str name)
{
    for (int i = 0; i < N_NAMES; i++)
        if (str_eq_nocase(name, str_from(names[i].name)))
            return names[i].enc;
    return ENCODING_UNKNOWN;
}

enum encoding encoding_parse(const char *name)
{
    struct str s = str_trim(str_from(name));
    return s.len == 0 ? ENCODING_NONE : find(s);
}

const char *encoding_name(enum encoding enc)
{
    for (int i = 0; i < N_NAMES; i++)
        if (names[i].enc == enc)
            return names[i].name;
    return "unknown";
}

enum encoding encoding_accepted(const char *accept)
{
    struct str rest = str_from(accept), item;
    int best = N_NAMES;
    while (str_split(&rest, ',', &item)) {
        struct str name, q = item;
        if (!str_split(&q, ';', &name))
            continue;
        q = str_trim(q);
        if (str_starts(q, STR("q=0")) && (q.len == 3 || strspn(q.p + 3, ".0") >= q.len - 3))
            continue;
        name = str_trim(name);
        for (int i = 1; i < best; i++)
            if (str_eq_nocase(name, str_from(names[i].name)))
                best = i;
    }
    return best == N_NAMES ? ENCODING_NONE : names[best].enc;
}

static bool zlib_pack(int window, struct str in, struct buf *out)
{
    z_stream z = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&z, in.len) + 32;
    buf_reserve(out, room);
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.len;
    z.next_out = out->p + out->len;
    z.avail_out = (uInt)room;
    bool ok = in.len < UINT32_MAX && deflate(&z, Z_FINISH) == Z_STREAM_END;
    out->len += ok ? z.total_out : 0;
    deflateEnd(&z);
    return ok;
}

static bool zlib_unpack(int window, struct str in, struct buf *out)
{
    z_stream z = {0};
    if (inflateInit2(&z, window) != Z_OK)
        return false;
    static const size_t step = 1 << 16;
    uint8_t *piece = malloc(step);
    int rc = piece ? Z_OK : Z_MEM_ERROR;
    while (rc == Z_OK && !out->full) {
        if (z.avail_in == 0 && in.len > 0) {
            z.next_in = (Bytef *)(uintptr_t)in.p;
            z.avail_in = (uInt)(in.len > (1u << 30) ? 1u << 30 : in.len);
            in.p += z.avail_in;
            in.len -= z.avail_in;
        }
        z.next_out = piece;
        z.avail_out = (uInt)step;
        rc = inflate(&z, Z_NO_FLUSH);
        buf_add(out, piece, step - z.avail_out);
    }
    free(piece);
    inflateEnd(&z);
    return rc == Z_STREAM_END && !out->full;
}

static bool zstd_pack(struct str in, struct buf *out)
{
    size_t room = ZSTD_compressBound(in.len);
    buf_reserve(out, room);
    size_t n = ZSTD_compress(out->p + out->len, room, in.p, in.len, 1);
    if (ZSTD_isError(n))
        return false;
    out->len += n;
    return true;
}

static bool zstd_unpack(struct str in, struct buf *out)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    size_t step = ZSTD_DStreamOutSize(), rc = 1;
    uint8_t *piece = malloc(step);
    ZSTD_inBuffer from = {in.p, in.len, 0};
    bool ok = z && piece, drained = false;
    /* The last call may leave output behind in the decoder although all input is taken. */
    while (ok && !out->full && (from.pos < from.size || !drained)) {
        ZSTD_outBuffer to = {piece, step, 0};
        rc = ZSTD_decompressStream(z, &to, &from);
        ok = !ZSTD_isError(rc);
        buf_add(out, piece, to.pos);
        drained = to.pos < to.size;
    }
    free(piece);
    ZSTD_freeDStream(z);
    return ok && rc == 0 && !out->full;
}

static bool lz4_pack(struct str in, struct buf *out)
{
    size_t room = LZ4F_compressFrameBound(in.len, NULL);
    buf_reserve(out, room);
    size_t n = LZ4F_compressFrame(out->p + out->len, room, in.p, in.len, NULL);
    if (LZ4F_isError(n))
        return false;
    out->len += n;
    return true;
}

static bool lz4_unpack(struct str in, struct buf *out)
{
    LZ4F_dctx *z = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)))
        return false;
    enum { STEP = 1 << 16 };
    uint8_t *piece = malloc(STEP);
    size_t at = 0, hint = 1;
    bool ok = piece != NULL, drained = false;
    while (ok && !out->full && (at < in.len || !drained)) {
        size_t to = STEP, from = in.len - at;
        hint = LZ4F_decompress(z, piece, &to, in.p + at, &from, NULL);
        ok = !LZ4F_isError(hint);
        at += from;
        buf_add(out, piece, to);
        drained = to < STEP;
    }
    free(piece);
    LZ4F_freeDecompressionContext(z);
    return ok && hint == 0 && !out->full;
}

bool encoding_pack(enum encoding enc, struct str in, struct buf *out)
{
    switch (enc) {
    case ENCODING_GZIP:
        return zlib_pack(15 + 16, in, out);
    case ENCODING_DEFLATE:
        return zlib_pack(15, in, out);
    case ENCODING_ZSTD:
        return zstd_pack(in, out);
    case ENCODING_LZ4:
        return lz4_pack(in, out);
    default:
        return false;
    }
}

bool encoding_unpack(enum encoding enc, struct str in, struct buf *out, struct err *e)
{
    bool ok = false;
    switch (enc) {
    case ENCODING_NONE:
        buf_str_add(out, in);
        ok = !out->full;
        break;
    case ENCODING_GZIP:
        ok = zlib_unpack(15 + 16, in, out);
        break;
    case ENCODING_DEFLATE:
        ok = zlib_unpack(15, in, out);
        break;
    case ENCODING_ZSTD:
        ok = zstd_unpack(in, out);
        break;
    case ENCODING_LZ4:
        ok = lz4_unpack(in, out);
        break;
    case ENCODING_UNKNOWN:
        return err_set(e, "the content encoding is not known here");
    }
    if (ok)
        return true;
    if (out->full)
        return err_set(e, "the %s body is larger than %zu bytes when unpacked", encoding_name(enc), out->cap);
    return err_set(e, "the %s body is damaged", encoding_name(enc));
}
