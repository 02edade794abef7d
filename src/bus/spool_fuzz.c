/* Any bytes as a segment: what is read lies within, records follow each other, and reading comes to an end. */
#include "bus/segment.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* a copy of exactly this size, so that a byte too far is found */
    struct segment seg = {.base = 4096, .len = len, .map = malloc(len ? len : 1)};
    struct bus_record rec;
    memcpy(seg.map, data, len);
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
