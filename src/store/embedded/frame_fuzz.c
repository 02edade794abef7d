/*
 * Any bytes as frames: no crash, no more than the cap. The same bytes again with their checks made good, so that what lies
 * behind the check is reached; and what was unpacked comes back the same when it is packed and unpacked again.
 */
#include "store/embedded/cityhash.h"
#include "store/embedded/frame.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CAP = 1 << 20 };

static void make_checks_good(uint8_t *p, size_t len)
{
    for (uint32_t packed; len >= FRAME_HEAD; p += 16 + packed, len -= 16 + packed) {
        memcpy(&packed, p + 17, sizeof packed);
        if (packed < 9 || packed > len - 16)
            return;
        struct cityhash h = cityhash_128(p + 16, packed);
        memcpy(p, &h, sizeof h);
    }
}

static void there_and_back(struct str text, enum frame_method method)
{
    struct buf packed, again;
    struct err e;
    buf_init(&packed, 0);
    buf_init(&again, CAP);
    frame_pack(method, text, &packed);
    bool ok = frame_unpack(buf_str(&packed), &again, &e);
    assert(ok && again.len == text.len && (text.len == 0 || memcmp(again.p, text.p, text.len) == 0));
    buf_fini(&packed);
    buf_fini(&again);
}

static void try_one(struct str in)
{
    struct buf out;
    struct err e;
    buf_init(&out, CAP);
    if (frame_unpack(in, &out, &e)) {
        there_and_back(buf_str(&out), FRAME_LZ4);
        there_and_back(buf_str(&out), FRAME_ZSTD);
    }
    assert(out.len <= CAP);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    try_one((struct str){(const char *)data, len});
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        return 0;
    if (len)
        memcpy(copy, data, len);
    make_checks_good(copy, len);
    try_one((struct str){(const char *)copy, len});
    free(copy);
    return 0;
}
