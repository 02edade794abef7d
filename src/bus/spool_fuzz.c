/* Any bytes as a segment: what is read lies within, records follow each other, and reading comes to an end. */
#include "bus/check.h"
#include "bus/segment.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Right checks on half of the inputs, so that what is behind them is reached. */
static void mend_checks(uint8_t *p, size_t len)
{
    for (size_t at = 0; len % 2 == 0 && at + segment_need(0) <= len;) {
        uint32_t n, check;
        memcpy(&n, p + at, 4);
        if (n == 0 || n - 1 > DGRAM_MAX || at + segment_need(n - 1) > len)
            return;
        check = check_of(p + at + 8, segment_need(0) - 8 + n - 1);
        memcpy(p + at + 4, &check, 4);
        at += segment_need(n - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* a copy of exactly this size, so that a byte too far is found */
    struct segment seg = {.base = 4096, .len = len, .map = malloc(len ? len : 1)};
    struct bus_record rec;
    memcpy(seg.map, data, len);
    mend_checks(seg.map, len);
    uint64_t at = seg.base;
    while (segment_read(&seg, at, &rec) == SEGMENT_RECORD) {
        struct str notes = {(const char *)rec.d.data, rec.d.len};
        struct bus_note n;
        if (rec.next <= at || rec.d.data < seg.map || rec.d.data + rec.d.len > seg.map + len)
            abort();
        while (rec.kind == BUS_TICK && bus_note_next(&notes, &n))
            ;
        at = rec.next;
    }
    free(seg.map);
    return 0;
}
