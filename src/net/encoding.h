/*
 * encoding: HTTP content codings: what a client accepts, compressing an answer, unpacking a body.
 *
 * Plain functions; any thread. Unpacking is bounded by the output's cap.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum encoding {
    ENCODING_NONE,
    ENCODING_GZIP,
    ENCODING_DEFLATE,
    ENCODING_ZSTD,
    ENCODING_LZ4,
    ENCODING_UNKNOWN
};

/* The value of Content-Encoding; NULL and "identity" are none. */
enum encoding encoding_parse(const char *name);
const char *encoding_name(enum encoding enc);
/* The best coding of Accept-Encoding that encoding_pack knows, q=0 honoured: zstd, lz4, gzip, deflate, none. */
enum encoding encoding_accepted(const char *accept);
bool encoding_pack(enum encoding enc, struct str in, struct buf *out);
/* False when the data is damaged or larger than out->cap. */
bool encoding_unpack(enum encoding enc, struct str in, struct buf *out, struct err *e);
