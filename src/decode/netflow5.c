/*
 * NetFlow v5 (Cisco, "NetFlow Export Datagram Format", table B-3 and B-4): a header of 24 bytes and records of 48. Since a
 * record never changes, it is a template known beforehand and runs through the same plans.
 */
#include "decode/decoder.h"

enum { HEADER = 24, RECORD = 48, COUNT_MAX = 30 /* table B-3 */ };

/* Table B-4 in information elements: NetFlow v9 gave the same fields these numbers. 210 is padding. */
static const struct field fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2}, {0, 14, 2},  {0, 2, 4},   {0, 1, 4},
    {0, 22, 4}, {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, 210, 1}, {0, 6, 1},   {0, 4, 1},
    {0, 5, 1},  {0, 16, 2}, {0, 17, 2}, {0, 9, 1},  {0, 13, 1},  {0, 210, 2},
};

struct template *netflow5_record(struct template_table *tt)
{
    const struct template_def def = {fields, sizeof fields / sizeof *fields, 0, TEMPLATE_V5, false};
    return template_intern(tt, &def);
}

static void decode(struct decoding *x)
{
    struct cursor c = cursor_init(x->d->data, x->d->len);
    if (cursor_left(&c) < HEADER) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    cursor_skip(&c, 2);
    uint32_t count = cursor_be16(&c), uptime = cursor_be32(&c), secs = cursor_be32(&c),
             nsecs = cursor_be32(&c);
    uint32_t sequence = cursor_be32(&c), engine = cursor_be16(&c);
    uint32_t interval = cursor_be16(&c) & 0x3fff; /* table B-3: the first two bits are the mode */
    uint32_t there = (uint32_t)(cursor_left(&c) / RECORD);
    if (count > there) /* a count that cannot be true says nothing about how many there were */
        x->stats->rejected[REASON_SHORT] += count <= COUNT_MAX ? count - there : 1;
    struct cursor records = cursor_init(c.p, (count < there ? count : there) * (size_t)RECORD);
    struct session *s = decoder_session(x, TEMPLATE_V5, engine);
    x->stats->lost += session_sequence(s, sequence, count, uptime, &x->stats->late);
    if (count > there)
        session_sequence_forget(s);
    struct plan_run r = {.session = s,
                         .d = x->d,
                         .stats = x->stats,
                         .schema = x->st->schema,
                         .exporter = x->d->src,
                         .time_s = decoder_time(x, secs),
                         .export_s = secs,
                         .export_ms = (uint64_t)secs * 1000 + nsecs / 1000000,
                         .uptime_ms = uptime,
                         .fixed_rate = interval};
    decoder_records(x, &r, x->st->v5, &records);
}

const struct decoder decoder_netflow5 = {"netflow5", DECODER_NETFLOW, 2, 5, decode};
