/* Flows take about 50 bytes of a datagram each (NetFlow, IPFIX), so bytes stand for rows here. */
#include "main/outlet/cut.h"

enum {
    FAR_BACK_S = 60,
    ROW_BYTES = 64,
    SLOT_DATAGRAMS_OF_ROWS = 5, /* sFlow: five rows a datagram, and more bytes a row */
    MINUTE_ROWS = 1 << 19,      /* bounds the memory: some 80 MiB a partition, sealed block included */
};

struct cut_rule cut_rule_for(uint64_t rows, uint64_t slot_s, uint64_t oldest_s)
{
    uint64_t of_minute = rows > MINUTE_ROWS ? rows : MINUTE_ROWS;
    return (struct cut_rule){.slot_s = slot_s ? (uint32_t)slot_s : 1,
                             .slot_datagrams = (uint32_t)(rows / SLOT_DATAGRAMS_OF_ROWS + 1),
                             .slot_bytes = rows * ROW_BYTES,
                             .minute_datagrams = (uint32_t)(of_minute / SLOT_DATAGRAMS_OF_ROWS),
                             .minute_bytes = of_minute * ROW_BYTES,
                             .oldest_s = oldest_s < UINT32_MAX ? (uint32_t)oldest_s : UINT32_MAX};
}

bool cut_rule_eq(const struct cut_rule *a, const struct cut_rule *b)
{
    return a->slot_s == b->slot_s && a->slot_datagrams == b->slot_datagrams &&
           a->minute_datagrams == b->minute_datagrams && a->slot_bytes == b->slot_bytes &&
           a->minute_bytes == b->minute_bytes && a->oldest_s == b->oldest_s && a->spread_s == b->spread_s;
}

enum cut_here cut_before(const struct cut *c, const struct bus_record *r)
{
    if (!c->open)
        return CUT_MINUTE;
    bool back = r->kind == BUS_TICK && r->second + FAR_BACK_S < c->slot_from;
    bool full = c->slot_datagrams >= c->rule.slot_datagrams || c->slot_bytes >= c->rule.slot_bytes;
    if (!back && !full && r->second < c->slot_to)
        return CUT_NOT;
    if (back || r->second / 60 > c->minute || c->minute_datagrams >= c->rule.minute_datagrams ||
        c->minute_bytes >= c->rule.minute_bytes)
        return CUT_MINUTE;
    return CUT_SLOT;
}

static void begin_slot(struct cut *c, uint64_t second)
{
    uint64_t end = (second / c->rule.slot_s + 1) * c->rule.slot_s, minute_end = (second / 60 + 1) * 60;
    c->slot_from = second;
    c->slot_to = end < minute_end ? end : minute_end;
    c->slot_datagrams = c->slot_bytes = 0;
}

void cut_take(struct cut *c, enum cut_here here, const struct bus_record *r)
{
    if (here == CUT_MINUTE) {
        c->open = true;
        c->minute = r->second / 60;
        c->minute_datagrams = c->minute_bytes = 0;
        begin_slot(c, r->second);
    } else if (here == CUT_SLOT) {
        /* after a full slot a late record may be the next; time does not run back for it */
        begin_slot(c, r->second > c->slot_from ? r->second : c->slot_from);
    }
    if (r->kind == BUS_DGRAM) {
        c->slot_datagrams++;
        c->slot_bytes += r->d.len;
        c->minute_datagrams++;
        c->minute_bytes += r->d.len;
    }
}
