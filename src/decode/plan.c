/*
 * Building plans. Where the fields of a record are is known but for what follows a variable-length field, so a record is
 * a row of segments: 0 begins with it, 2k+1 is the k-th variable field, 2k+2 begins behind that.
 */
#include "decode/plan.h"
#include "decode/copy.h"
#include "decode/special.h"
#include "base/arena.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ELEMENTS = 512, MIRRORED = 64 /* added to the rank of a forward field read for the reverse flow */ };

/* Element -> column, from columns.def. */
static struct {
    uint16_t col;
    uint8_t rank; /* 1 is best; 0: not a column's */
} elements[ELEMENTS];
static uint16_t mirrors[COL_COUNT]; /* column_reverse, looked up once */

static void read_elements(void)
{
    for (unsigned c = 0; c < COL_COUNT; c++) {
        mirrors[c] = (uint16_t)column_reverse((enum column)c);
        struct str left = str_from(column_defs[c].elements), one;
        for (uint8_t rank = 1; str_split(&left, ' ', &one); rank++) {
            uint64_t id;
            if (str_u64(one, &id) && id < ELEMENTS) {
                elements[id].col = (uint16_t)c;
                elements[id].rank = rank;
            }
        }
    }
}

/* A field that may become an operation. */
struct candidate {
    const struct field *f;
    struct plan_place at;
    bool reverse; /* of PEN_REVERSE */
};

struct building {
    struct plan *p;
    const struct schema *schema;
    const struct template_def *def;
    struct candidate *fields;
    unsigned n_fields, room;
};

static bool wanted(const struct schema *s, unsigned col)
{
    return s->enabled[col] || column_defs[col].flags & COLF_HIDDEN;
}

static void add(struct building *b, plan_fn *fn, unsigned col, struct plan_place at)
{
    struct plan *p = b->p;
    if (p->n_ops == b->room) {
        b->room = b->room ? b->room * 2 : 32;
        p->ops = xrealloc(p->ops, b->room * sizeof *p->ops);
    }
    p->ops[p->n_ops++] = (struct plan_op){fn, at.seg, at.off, at.len, (uint16_t)col};
    p->live[col / 64] |= (uint64_t)1 << col % 64;
}

/* Where each field is; only the first of equal ones counts, and in NetFlow v9 scopes are no elements (RFC 3954 6.1). */
static void lay_out(struct building *b)
{
    static const uint64_t none[2][ELEMENTS / 64];
    uint64_t seen[2][ELEMENTS / 64];
    memcpy(seen, none, sizeof seen);
    struct plan *p = b->p;
    unsigned seg = 0, off = 0;
    for (unsigned i = 0; i < b->def->n_fields; i++) {
        const struct field *f = &b->def->fields[i];
        bool variable = f->len == FIELD_VARIABLE;
        struct plan_place at = {(uint16_t)(variable ? seg + 1 : seg), (uint16_t)(variable ? 0 : off), f->len};
        if (variable) {
            p->fixed[p->n_variable++] = (uint16_t)off;
            seg += 2;
            off = 0;
        } else {
            off += f->len;
        }
        bool scope = b->def->proto == TEMPLATE_V9 && i < b->def->n_scope;
        bool reverse = f->pen == PEN_REVERSE;
        if (scope || (f->pen && !reverse) || f->id >= ELEMENTS || f->len == 0 ||
            seen[reverse][f->id / 64] >> f->id % 64 & 1)
            continue;
        seen[reverse][f->id / 64] |= (uint64_t)1 << f->id % 64;
        b->fields[b->n_fields++] = (struct candidate){f, at, reverse};
        p->has_reverse |= reverse;
    }
    p->fixed[p->n_variable] = (uint16_t)off;
}

/* What a field is worth to a column of the flow being built; 0: nothing. 1 is best. */
static unsigned rank_of(const struct candidate *c, unsigned col, bool reverse)
{
    unsigned own = elements[c->f->id].col, rank = elements[c->f->id].rank;
    if (!rank)
        return 0;
    if (c->reverse || !reverse)
        return c->reverse == reverse && own == col ? rank : 0;
    /* RFC 5103 4: the reverse flow has the forward one's key with its ends swapped; counters only of its own */
    unsigned mirror = mirrors[own];
    bool either = own == COL_Proto || own == COL_SamplingRate;
    return (mirror != own || either) && mirror == col ? rank + MIRRORED : 0;
}

/* Copies into one column, worst first: a better value replaces it where it is not zero. */
static void add_column(struct building *b, unsigned col, bool reverse)
{
    bool first = true;
    for (unsigned worst = UINT8_MAX, next; worst; worst = next) {
        next = 0;
        for (unsigned i = 0; i < b->n_fields; i++) {
            unsigned rank = rank_of(&b->fields[i], col, reverse);
            if (rank < worst && rank > next)
                next = rank;
        }
        for (unsigned i = 0; next && i < b->n_fields; i++) {
            if (rank_of(&b->fields[i], col, reverse) != next)
                continue;
            plan_fn *fn = copy_fn(col, b->fields[i].at.len, first);
            if (fn) {
                add(b, fn, col, b->fields[i].at);
                first = false;
            }
        }
    }
}

static const struct candidate *find(const struct building *b, unsigned id, bool reverse)
{
    for (unsigned i = 0; i < b->n_fields; i++)
        if (b->fields[i].f->id == id && b->fields[i].reverse == reverse)
            return &b->fields[i];
    return NULL;
}

static void add_specials(struct building *b, bool reverse)
{
    for (unsigned i = 0; i < special_count; i++) {
        const struct special *s = &specials[i];
        const struct candidate *c = find(b, s->element, reverse);
        if (!c && reverse && special_mirrors(s))
            c = find(b, s->element, false);
        if (c && wanted(b->schema, s->col) && special_fits(s, c->at.len))
            add(b, s->fn, s->col, c->at);
    }
}

static void add_labels(struct building *b)
{
    struct plan *p = b->p;
    for (unsigned id = 70; id < 70 + PLAN_LABELS; id++) {
        const struct candidate *c = find(b, id, false);
        if (c && c->at.len == 3)
            p->labels[p->n_labels++] = c->at;
    }
    if (p->n_labels && wanted(b->schema, COL_MPLSLabels))
        add(b, special_labels, COL_MPLSLabels, p->labels[0]);
}

/* ICMP type and code in the destination port: the older exporters' way (RFC 3954 8 has no other for IPv6). */
static void add_icmp_ports(struct building *b)
{
    static const uint16_t own[] = {32, 139, 176, 177, 178, 179};
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (find(b, own[i], false))
            return;
    const struct candidate *port = find(b, 11, false);
    if (port && find(b, 7, false) && find(b, 4, false) && b->schema->group[GROUP_L3L4] &&
        b->schema->enabled[COL_SrcPort] && b->schema->enabled[COL_DstPort] && b->schema->enabled[COL_Proto])
        add(b, special_icmp_ports, COL_DstPort, port->at);
}

static unsigned add_times(struct building *b, bool reverse)
{
    unsigned before = b->p->n_ops;
    for (unsigned i = 0; i < special_time_count; i++) {
        const struct candidate *c = find(b, special_times[i].element, reverse);
        if (!c && reverse)
            c = find(b, special_times[i].element, false);
        if (c && special_fits(&special_times[i], c->at.len))
            add(b, special_times[i].fn, COL_TimeReceived, c->at);
    }
    return b->p->n_ops - before;
}

static void add_direction(struct building *b, bool reverse)
{
    for (unsigned col = 0; col < COL_COUNT; col++)
        if (wanted(b->schema, col))
            add_column(b, col, reverse);
    add_specials(b, reverse);
}

static void note_facts(struct building *b)
{
    static const struct {
        uint16_t element, fact;
    } facts[] = {{50, FACT_RATE},         {34, FACT_RATE},      {48, FACT_SAMPLER}, {302, FACT_SAMPLER},
                 {305, FACT_INTERVAL},    {306, FACT_SPACE},    {309, FACT_SIZE},   {310, FACT_POPULATION},
                 {311, FACT_PROBABILITY}, {160, FACT_INIT_TIME}};
    for (unsigned i = 0; i < sizeof facts / sizeof *facts; i++) {
        const struct candidate *c = find(b, facts[i].element, false);
        if (c) {
            b->p->facts[facts[i].fact] = c->at;
            b->p->has_facts = true;
        }
    }
}

static void note_counters(struct building *b)
{
    const struct candidate *c;
    if ((c = find(b, 2, true)) || (c = find(b, 86, true)))
        b->p->reverse_packets = c->at;
    if ((c = find(b, 1, true)) || (c = find(b, 85, true)))
        b->p->reverse_bytes = c->at;
}

static void add_flows(struct building *b)
{
    struct plan *p = b->p;
    add_direction(b, false);
    add_labels(b);
    add_icmp_ports(b);
    const struct candidate *frame = find(b, 315, false);
    if (frame) {
        p->frames = true;
        p->chunk = 1;
        p->frame = frame->at;
        add(b, special_frame, COL_Bytes, frame->at);
    }
    p->n_forward = p->n_ops;
    p->n_time = (uint16_t)add_times(b, false);
    p->useful = p->n_ops > 0;
    p->has_sampler = find(b, 48, false) || find(b, 302, false);
    if (!p->has_reverse)
        return;
    note_counters(b);
    unsigned before = p->n_ops;
    add_direction(b, true);
    p->n_reverse = (uint16_t)(p->n_ops - before);
    p->n_reverse_time = (uint16_t)add_times(b, true);
}

struct plan *plan_new(const struct schema *schema, const struct template_def *def)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_elements);
    struct plan *p = xcalloc(1, sizeof *p);
    p->fixed = xcalloc(def->n_fields + 1u, sizeof *p->fixed);
    struct building b = {.p = p, .schema = schema, .def = def};
    b.fields = xcalloc(def->n_fields + 1u, sizeof *b.fields);
    lay_out(&b);
    unsigned segments = 2u * p->n_variable + 1;
    p->chunk = PLAN_POINTERS / segments < PLAN_CHUNK ? (uint16_t)(PLAN_POINTERS / segments) : PLAN_CHUNK;
    note_facts(&b);
    if (!def->options)
        add_flows(&b);
    p->bytes = sizeof *p + p->n_ops * sizeof *p->ops + (def->n_fields + 1u) * sizeof *p->fixed;
    free(b.fields);
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    free(p->ops);
    free(p->fixed);
    free(p);
}

uint64_t plan_uint(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}

uint64_t plan_value(const struct plan_run *r, const struct plan_place *at, uint32_t i)
{
    return plan_uint(plan_at(r, at->seg, at->off, i), plan_len(r, at->seg, at->len, i));
}

static void run(struct plan_run *r, const struct plan_op *ops, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ops[i].fn(&ops[i], r);
}

/* n new rows, with the columns the plan writes live. */
static void take_rows(struct plan_run *r)
{
    struct batch *b = r->b;
    for (unsigned w = 0; w < sizeof b->live / sizeof *b->live; w++)
        for (uint64_t missing = r->plan->live[w] & ~b->live[w]; missing; missing &= missing - 1)
            batch_enliven(b, (enum column)(w * 64 + (unsigned)__builtin_ctzll(missing)));
    r->row = b->n;
    b->n += r->n;
}

static void fill_common(struct plan_run *r)
{
    struct ip *exporter = BATCH_IP(r->b, ExporterAddress) + r->row;
    uint32_t *when = BATCH_U32(r->b, TimeReceived) + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        exporter[i] = r->exporter;
        when[i] = r->time_s;
    }
}

/* The rate of the session, where the record told neither a rate nor a sampler that is known. */
static void fill_rate(struct plan_run *r)
{
    uint64_t rate = r->fixed_rate ? r->fixed_rate : session_rate_get(r->session, 0);
    if (!rate || r->plan->has_sampler)
        return;
    uint64_t *dst = BATCH_U64(r->b, SamplingRate) + r->row;
    for (uint32_t i = 0; i < r->n; i++)
        dst[i] = dst[i] ? dst[i] : rate;
}

static void count(struct plan_run *r)
{
    r->stats->flows += r->n;
    if (batch_live(r->b, COL_Bytes)) {
        const uint64_t *bytes = (const uint64_t *)r->b->col[COL_Bytes] + r->row;
        for (uint32_t i = 0; i < r->n; i++)
            r->stats->bytes += bytes[i];
    }
    if (batch_live(r->b, COL_Packets)) {
        const uint64_t *packets = (const uint64_t *)r->b->col[COL_Packets] + r->row;
        for (uint32_t i = 0; i < r->n; i++)
            r->stats->packets += packets[i];
    }
}

static void run_rows(struct plan_run *r, const struct plan_op *ops, unsigned n, unsigned n_time)
{
    take_rows(r);
    fill_common(r);
    run(r, ops, n);
    if (n_time && r->d->time == TIME_NETFLOW_FIRST_SWITCHED)
        run(r, ops + n, n_time);
    fill_rate(r);
    count(r);
}

/* Keeps the records that have a reverse flow: RFC 5103 4; without packets nothing came back. */
static uint32_t keep_reverse(struct plan_run *r)
{
    const struct plan *p = r->plan;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        bool any = p->reverse_packets.len ? plan_value(r, &p->reverse_packets, i) != 0
                                          : p->reverse_bytes.len && plan_value(r, &p->reverse_bytes, i) != 0;
        if (!any)
            continue;
        for (unsigned seg = 0; seg <= 2u * p->n_variable; seg++)
            r->base[seg * p->chunk + kept] = r->base[seg * p->chunk + i];
        kept++;
    }
    return kept;
}

static void make_room(struct plan_run *r, struct batch_sink *sink)
{
    if (sink->batch->n + r->n > BATCH_ROWS)
        sink->full(sink);
    r->b = sink->batch;
}

void plan_run(struct plan_run *r, struct batch_sink *sink)
{
    const struct plan *p = r->plan;
    if (p->frames) {
        size_t len = plan_len(r, p->frame.seg, p->frame.len, 0);
        if (!packet_frame(&r->packet, plan_at(r, p->frame.seg, p->frame.off, 0), len, r->d->decap)) {
            r->stats->rejected[REASON_DECAP]++;
            return;
        }
    } else if (r->d->decap) {
        r->stats->rejected[REASON_DECAP] += r->n;
        return;
    }
    make_room(r, sink);
    run_rows(r, p->ops, p->n_forward, p->n_time);
    if (p->has_reverse && (r->n = keep_reverse(r)) > 0) {
        make_room(r, sink);
        run_rows(r, p->ops + p->n_forward + p->n_time, p->n_reverse, p->n_reverse_time);
    }
}
