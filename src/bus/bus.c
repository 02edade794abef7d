/* What both kinds of bus share: which partition an exporter belongs to, and the notes of ticks. */
#include "bus/bus.h"
#include <xxhash.h>

unsigned bus_partition(struct ip src, unsigned partitions)
{
    return (unsigned)(XXH3_64bits(src.b, sizeof src.b) % partitions);
}

void bus_note_put(struct buf *out, const struct bus_note *n)
{
    buf_add(out, n->src.b, sizeof n->src.b);
    buf_le64(out, n->minute);
    buf_le64(out, n->datagrams);
    buf_le64(out, (uint64_t)n->kind);
}

bool bus_note_any(struct str *data, struct bus_note *n)
{
    if (data->len < BUS_NOTE_LEN)
        return false;
    uint64_t kind;
    memcpy(n->src.b, data->p, 16);
    memcpy(&n->minute, data->p + 16, 8);
    memcpy(&n->datagrams, data->p + 24, 8);
    memcpy(&kind, data->p + 32, 8);
    n->kind = (enum bus_note_kind)kind;
    data->p += BUS_NOTE_LEN;
    data->len -= BUS_NOTE_LEN;
    return true;
}

bool bus_note_next(struct str *data, struct bus_note *n)
{
    while (bus_note_any(data, n))
        if (n->kind != BUS_NOTE_DROPPED)
            return true;
    return false;
}
