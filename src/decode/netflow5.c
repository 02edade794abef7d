/*
 * NetFlow v1, v5 and v7 (Cisco, "NetFlow Export Datagram Format", tables B-1 to B-6): a header and records of one fixed
 * form each. Since a record never changes, it is a template known beforehand and runs through the same plans.
 */
#include "decode/decoder.h"

/* Records in information elements: NetFlow v9 gave the same fields these numbers. 210 is what has none. */
static const struct field v1_fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2},  {0, 14, 2}, {0, 2, 4}, {0, 1, 4}, {0, 22, 4},
    {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, 210, 2}, {0, 4, 1},  {0, 5, 1}, {0, 6, 1}, {0, 210, 11},
};
/* The datagram says by its length which of the two it has: Cisco's table ends with four bytes more than other exporters send. */
static const struct field v1_short_fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2},  {0, 14, 2}, {0, 2, 4}, {0, 1, 4}, {0, 22, 4},
    {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, 210, 2}, {0, 4, 1},  {0, 5, 1}, {0, 6, 1}, {0, 210, 7},
};
static const struct field v5_fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2}, {0, 14, 2},  {0, 2, 4},   {0, 1, 4},
    {0, 22, 4}, {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, 210, 1}, {0, 6, 1},   {0, 4, 1},
    {0, 5, 1},  {0, 16, 2}, {0, 17, 2}, {0, 9, 1},  {0, 13, 1},  {0, 210, 2},
};
/* the switch's flags (which fields are not valid, and are zero) and the router it bypassed have no element */
static const struct field v7_fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2}, {0, 14, 2},  {0, 2, 4},   {0, 1, 4},
    {0, 22, 4}, {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, 210, 1}, {0, 6, 1},   {0, 4, 1},
    {0, 5, 1},  {0, 16, 2}, {0, 17, 2}, {0, 9, 1},  {0, 13, 1},  {0, 210, 2}, {0, 210, 4},
};

/* What tells the versions apart. */
static const struct form {
    const struct field *fields;
    uint16_t n_fields, header, record, count_max; /* bytes; records of one datagram */
    enum template_proto proto;
} forms[] = {
    {v1_fields, sizeof v1_fields / sizeof *v1_fields, 16, 52, 24, TEMPLATE_V1},
    {v5_fields, sizeof v5_fields / sizeof *v5_fields, 24, 48, 30, TEMPLATE_V5},
    {v7_fields, sizeof v7_fields / sizeof *v7_fields, 24, 52, 28, TEMPLATE_V7},
    {v1_short_fields, sizeof v1_short_fields / sizeof *v1_short_fields, 16, 48, 24, TEMPLATE_V1},
};

static const struct template *record_of(struct decoder_state *st, const struct form *f)
{
    struct template **t = &st->fixed[f - forms];
    const struct template_def def = {f->fields, f->n_fields, 0, (uint8_t)f->proto, false};
    if (!*t)
        *t = template_intern(&st->sessions.templates, &def);
    return *t;
}

struct header {
    uint32_t count, uptime, secs, nsecs, sequence, engine, interval;
};

static struct header read_header(struct cursor *c, const struct form *f)
{
    struct header h = {0};
    cursor_skip(c, 2);
    h.count = cursor_be16(c);
    h.uptime = cursor_be32(c);
    h.secs = cursor_be32(c);
    h.nsecs = cursor_be32(c);
    if (f->proto == TEMPLATE_V1)
        return h;
    h.sequence = cursor_be32(c);
    if (f->proto == TEMPLATE_V5) {
        h.engine = cursor_be16(c);
        h.interval = cursor_be16(c) & 0x3fff; /* table B-3: the first two bits are the mode */
    } else {
        cursor_skip(c, 4);
    }
    return h;
}

static void decode(struct decoding *x, const struct form *f)
{
    struct cursor c = cursor_init(x->d->data, x->d->len);
    if (cursor_left(&c) < f->header) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    struct header h = read_header(&c, f);
    uint32_t there = (uint32_t)(cursor_left(&c) / f->record);
    bool short_of = h.count > there;
    if (short_of) /* a count that cannot be true says nothing about how many there were */
        x->stats->rejected[REASON_SHORT] += h.count <= f->count_max ? h.count - there : 1;
    struct cursor records = cursor_sub(&c, (short_of ? there : h.count) * (size_t)f->record);
    if (!short_of)
        decoder_rest(x, &c);
    struct session *s = decoder_session(x, f->proto, h.engine);
    if (f->proto != TEMPLATE_V1) /* which has no sequence; the others' counts flows */
        x->stats->lost += session_sequence(s, h.sequence, h.count, h.uptime, &x->stats->late);
    if (short_of)
        session_sequence_forget(s);
    struct plan_run r = {.session = s,
                         .d = x->d,
                         .stats = x->stats,
                         .schema = x->st->schema,
                         .exporter = x->d->src,
                         .time_s = decoder_time(x, h.secs),
                         .export_s = h.secs,
                         .export_ms = (uint64_t)h.secs * 1000 + h.nsecs / 1000000,
                         .uptime_ms = h.uptime,
                         .fixed_rate = h.interval};
    decoder_records(x, &r, record_of(x->st, f), &records);
}

static void decode_v1(struct decoding *x)
{
    bool brief = x->d->len >= 4 && x->d->len == 16 + 48 * (uint32_t)load_be16(x->d->data + 2);
    decode(x, &forms[brief ? 3 : 0]);
}

static void decode_v5(struct decoding *x)
{
    decode(x, &forms[1]);
}

static void decode_v7(struct decoding *x)
{
    decode(x, &forms[2]);
}

const struct decoder decoder_netflow1 = {"netflow1", DECODER_NETFLOW, 2, 1, decode_v1};
const struct decoder decoder_netflow5 = {"netflow5", DECODER_NETFLOW, 2, 5, decode_v5};
const struct decoder decoder_netflow7 = {"netflow7", DECODER_NETFLOW, 2, 7, decode_v7};
