/*
 * Building plans. Where the fields of a record are is known but for what follows a variable-length field, so a record is
 * a row of segments: 0 begins with it, 2k+1 is the k-th variable field, 2k+2 begins behind that.
 */
#include "decode/plan.h"
#include "decode/convert.h"
#include "decode/copy.h"
#include "decode/lists.h"
#include "decode/options.h"
#include "decode/special.h"
#include "decode/spread.h"
#include "decode/times.h"
#include <pthread.h>
#include <stdlib.h>

enum {
    IANA = 1024,   /* elements below have a bit each; beyond lie vendors' */
    MIRRORED = 64, /* added to the rank of a forward field read for the reverse flow */
    PEN_JUNIPER = 2636,
    STRINGS_MAX = 1 << 18, /* texts of one partition's table; what is new past them is left out */
};

static uint16_t mirrors[COL_COUNT]; /* column_reverse, looked up once */

static void read_mirrors(void)
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        mirrors[c] = (uint16_t)column_reverse((enum column)c);
}

/* A field that may become an operation. */
struct candidate {
    const struct field *f;
    struct plan_place at;
    const struct element_use *uses; /* columns it fills by copy */
    uint8_t n_uses;
    bool reverse; /* of PEN_REVERSE */
    uint16_t index;
};

/* A field that fills the column being looked at. */
struct worth {
    uint16_t index, rank;
};

struct building {
    struct plan *p;
    const struct schema *schema;
    const struct registry *registry;
    const struct template_def *def;
    struct plan_fate *fates; /* NULL, or by field */
    struct candidate *fields;
    /* IANA's elements, forward and reverse: which of `fields` comes first, counted from 1 */
    uint16_t first[2][IANA];
    struct worth *worth; /* n_fields; scratch */
    unsigned n_fields, room;
    bool reverse;   /* the operations being added are the reverse flow's */
    bool responder; /* initiator's and responder's counters make it a biflow */
};

static bool wanted(const struct schema *s, unsigned col)
{
    return s->enabled[col] || s->asked[col] || column_defs[col].flags & COLF_HIDDEN;
}

/* ---- fates */

static void fate_column(const struct building *b, const struct candidate *c, unsigned col)
{
    struct plan_fate *f = b->fates ? &b->fates[c->index] : NULL;
    if (!f)
        return;
    uint16_t *cols = b->reverse ? f->reverse_cols : f->cols;
    uint8_t *n = b->reverse ? &f->n_reverse : &f->n;
    unsigned room = b->reverse ? sizeof f->reverse_cols / sizeof *cols : sizeof f->cols / sizeof *cols;
    for (unsigned i = 0; i < *n; i++)
        if (cols[i] == col)
            return;
    if (*n < room)
        cols[(*n)++] = (uint16_t)col;
}

static void fate_why(const struct building *b, unsigned index, const char *why)
{
    if (b->fates && !b->fates[index].why)
        b->fates[index].why = why;
}

/* ---- operations */

static void add(struct building *b, plan_fn *fn, unsigned col, const struct candidate *c)
{
    struct plan *p = b->p;
    if (p->n_ops == b->room) {
        b->room = b->room ? b->room * 2 : 32;
        p->ops = xrealloc(p->ops, b->room * sizeof *p->ops);
    }
    p->ops[p->n_ops++] = (struct plan_op){fn, c->at.seg, c->at.off, c->at.len, (uint16_t)col};
    p->live[col / 64] |= (uint64_t)1 << col % 64;
    fate_column(b, c, col);
}

/* Of equal elements the first counts, but for those that say in their value what they are. */
static bool repeats(const struct building *b, const struct field *f, uint64_t seen[2][IANA / 64])
{
    enum { REPEATED_MAX = 8 };
    if ((f->pen == 0 || f->pen == PEN_REVERSE) && f->id < IANA) {
        uint64_t *word = &seen[f->pen == PEN_REVERSE][f->id / 64], bit = (uint64_t)1 << f->id % 64;
        bool was = *word & bit;
        *word |= bit;
        return was;
    }
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_fields; i++)
        n += b->fields[i].f->pen == f->pen && b->fields[i].f->id == f->id;
    return n >= (f->pen == PEN_JUNIPER ? REPEATED_MAX : 1);
}

static bool has_special(uint32_t pen, uint16_t id)
{
    for (unsigned i = 0; i < special_count; i++)
        if (specials[i].pen == pen && specials[i].element == id)
            return true;
    for (unsigned i = 0; i < options_fact_count; i++)
        if (options_facts[i].pen == pen && options_facts[i].element == id)
            return true;
    return false;
}

static void note_scope(struct building *b, const struct field *f, struct plan_place at)
{
    enum { SCOPE_INTERFACE = 2 /* RFC 3954 6.1 */ };
    if (f->id == SCOPE_INTERFACE && f->len) {
        b->p->facts[FACT_INTERFACE] = at;
        b->p->has_facts = true;
    }
}

/* Why field i cannot be used at all; NULL: it can. */
static const char *useless(const struct building *b, unsigned i, uint64_t seen[2][IANA / 64])
{
    const struct field *f = &b->def->fields[i];
    bool iana = (f->pen == 0 || f->pen == PEN_REVERSE) && f->id < IANA;
    unsigned n;
    if (field_is_scope(f, i, b->def->proto, b->def->n_scope))
        return "scope";
    if (f->len == 0)
        return "no bytes";
    if (!iana && !registry_uses(b->registry, f->pen, f->id, &n) && !has_special(f->pen, f->id))
        return "no column";
    return repeats(b, f, seen) ? "repeats a field before it" : NULL;
}

/* Where each field is; in NetFlow v9 scopes are no elements (RFC 3954 6.1). */
static void lay_out(struct building *b)
{
    uint64_t seen[2][IANA / 64] = {{0}};
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
        const char *why = useless(b, i, seen);
        if (why) {
            fate_why(b, i, why);
            if (field_is_scope(f, i, b->def->proto, b->def->n_scope))
                note_scope(b, f, at);
            continue;
        }
        struct candidate c = {.f = f, .at = at, .reverse = f->pen == PEN_REVERSE, .index = (uint16_t)i};
        unsigned n;
        c.uses = registry_uses(b->registry, c.reverse ? 0 : f->pen, f->id, &n);
        c.n_uses = (uint8_t)n;
        b->fields[b->n_fields++] = c;
        if ((f->pen == 0 || c.reverse) && f->id < IANA && !b->first[c.reverse][f->id])
            b->first[c.reverse][f->id] = (uint16_t)b->n_fields;
        p->has_reverse |= c.reverse;
    }
    p->fixed[p->n_variable] = (uint16_t)off;
}

static const struct candidate *find_next(const struct building *b, unsigned from, uint32_t pen, unsigned id,
                                         bool reverse)
{
    if (from == 0 && (pen == 0 || reverse) && id < IANA) {
        unsigned at = b->first[reverse][id];
        return at ? &b->fields[at - 1] : NULL;
    }
    for (unsigned i = from; i < b->n_fields; i++) {
        const struct candidate *c = &b->fields[i];
        if (c->f->id == id && c->reverse == reverse && (reverse || c->f->pen == pen))
            return c;
    }
    return NULL;
}

static const struct candidate *find(const struct building *b, unsigned id, bool reverse)
{
    return find_next(b, 0, 0, id, reverse);
}

/* What a field is worth to a column of the flow being built; 0: nothing. 1 is best. */
static unsigned rank_of(const struct candidate *c, unsigned col, bool reverse)
{
    for (unsigned i = 0; i < c->n_uses; i++) {
        unsigned own = c->uses[i].col, rank = c->uses[i].rank;
        if (c->reverse == reverse && own == col)
            return rank;
        if (c->reverse || !reverse)
            continue;
        /* RFC 5103 4: the reverse flow has the forward one's key with its ends swapped; counters only of its own */
        unsigned mirror = mirrors[own];
        bool either = column_defs[own].flags & COLF_EITHER;
        if ((mirror != own || either) && mirror == col)
            return rank + MIRRORED;
    }
    return 0;
}

static bool counts(const struct building *b, const struct candidate *c, enum element_semantics how)
{
    const struct element *el = registry_element(b->registry, c->reverse ? 0 : c->f->pen, c->f->id);
    return el && el->semantics == how;
}

/*
 * A total counts on from record to record of a flow, so adding totals up counts traffic again and again. It is taken only
 * where the exporter tells no delta at all, as flowmeters do that report each flow once.
 */
static void drop_totals(struct building *b, unsigned col, bool reverse)
{
    bool delta = false;
    for (unsigned i = 0; i < b->n_fields; i++)
        delta |= rank_of(&b->fields[i], col, reverse) && counts(b, &b->fields[i], SEMANTICS_deltaCounter);
    for (unsigned i = 0; delta && i < b->n_fields; i++) {
        struct candidate *c = &b->fields[i];
        if (c->reverse == reverse && rank_of(c, col, reverse) && counts(b, c, SEMANTICS_totalCounter)) {
            c->n_uses = 0;
            fate_why(b, c->index, "a total, beside a delta");
        }
    }
}

/* The function that brings a field into the column: what the configuration describes may be of any type. */
static plan_fn *fn_of(const struct candidate *c, unsigned col, bool first)
{
    for (unsigned i = 0; i < c->n_uses; i++) {
        const struct element_use *u = &c->uses[i];
        if (u->col != col && mirrors[u->col] != col)
            continue;
        return u->rank == REGISTRY_OWN ? convert_fn((enum column)col, c->at.len, (enum element_type)u->type)
                                       : copy_fn(col, c->at.len, u->type, first);
    }
    return copy_fn(col, c->at.len, ELEMENT_octetArray, first);
}

/* Copies into one column, worst first: a better value replaces it where it is not zero. */
static void add_column(struct building *b, unsigned col, bool reverse)
{
    bool first = true;
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_fields; i++) {
        unsigned rank = rank_of(&b->fields[i], col, reverse);
        if (rank)
            b->worth[n++] = (struct worth){(uint16_t)i, (uint16_t)rank};
    }
    for (unsigned worst = UINT8_MAX, next; worst; worst = next) {
        next = 0;
        for (unsigned i = 0; i < n; i++)
            if (b->worth[i].rank < worst && b->worth[i].rank > next)
                next = b->worth[i].rank;
        for (unsigned i = 0; next && i < n; i++) {
            const struct candidate *c = &b->fields[b->worth[i].index];
            if (b->worth[i].rank != next)
                continue;
            plan_fn *fn = fn_of(c, col, first);
            if (fn) {
                add(b, fn, col, c);
                first = false;
            } else {
                fate_why(b, c->index, "a value of this length cannot be meant");
            }
        }
    }
}

static void add_special(struct building *b, const struct special *s, bool reverse)
{
    const struct candidate *c = find_next(b, 0, s->pen, s->element, reverse);
    unsigned col = s->col;
    bool mirrored = !c && reverse && s->mirrors;
    if (mirrored) {
        c = find_next(b, 0, s->pen, s->element, false);
        col = mirrors[col];
    }
    for (; c; c = find_next(b, (unsigned)(c - b->fields) + 1, s->pen, s->element, mirrored ? false : reverse))
        if (wanted(b->schema, col) && special_fits(s, c->at.len))
            add(b, s->fn, col, c);
}

static void add_labels(struct building *b)
{
    struct plan *p = b->p;
    const struct candidate *first = NULL;
    for (unsigned id = 70; id < 70 + PLAN_LABELS; id++) {
        const struct candidate *c = find(b, id, false);
        if (!c || c->at.len != 3)
            continue;
        first = first ? first : c;
        p->labels[p->n_labels++] = c->at;
        if (wanted(b->schema, COL_MPLSLabels))
            fate_column(b, c, COL_MPLSLabels);
    }
    if (first && wanted(b->schema, COL_MPLSLabels))
        add(b, special_labels, COL_MPLSLabels, first);
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
        add(b, special_icmp_ports, COL_DstPort, port);
}

static unsigned add_times(struct building *b, bool reverse)
{
    struct plan *p = b->p;
    unsigned before = p->n_ops;
    for (unsigned i = 0; i < times_form_count; i++) {
        const struct times_form *t = &times_forms[i];
        const struct candidate *c = find(b, t->element, reverse);
        if (!c && reverse)
            c = find(b, t->element, false);
        if (!c || c->at.len != t->len)
            continue;
        if (p->n_ops == b->room)
            p->ops = xrealloc(p->ops, (b->room = b->room ? b->room * 2 : 32) * sizeof *p->ops);
        p->ops[p->n_ops++] = (struct plan_op){t->fn, c->at.seg, c->at.off, c->at.len, (uint16_t)t->what};
        if (b->fates)
            b->fates[c->index].time = true;
    }
    return p->n_ops - before;
}

/* Columns that some field may fill; most have none, and need not be looked at. */
static void note_reached(const struct building *b, bool reached[COL_COUNT])
{
    for (unsigned i = 0; i < b->n_fields; i++) {
        const struct candidate *c = &b->fields[i];
        for (unsigned k = 0; k < c->n_uses; k++)
            reached[c->uses[k].col] = reached[mirrors[c->uses[k].col]] = true;
    }
}

static void add_direction(struct building *b, bool reverse)
{
    bool reached[COL_COUNT] = {false};
    drop_totals(b, COL_Bytes, reverse);
    drop_totals(b, COL_Packets, reverse);
    note_reached(b, reached);
    for (unsigned col = 0; col < COL_COUNT; col++)
        if (reached[col] && wanted(b->schema, col))
            add_column(b, col, reverse);
    for (unsigned i = 0; i < special_count; i++)
        add_special(b, &specials[i], reverse);
}

static void note_facts(struct building *b)
{
    for (unsigned i = 0; i < options_fact_count; i++) {
        const struct options_fact *f = &options_facts[i];
        const struct candidate *c = find_next(b, 0, f->pen, f->element, false);
        if (!c)
            continue;
        if (b->def->options)
            fate_why(b, c->index, "kept for the exporter's flows");
        b->p->facts[f->fact] = c->at;
        b->p->has_facts = true;
    }
}

/* A rate as samplers tell it, in the record itself. */
static void add_rate(struct building *b)
{
    const struct plan_place *f = b->p->facts;
    static const uint16_t told[] = {305, 309, 311};
    bool whole = (f[FACT_INTERVAL].len && f[FACT_SPACE].len) ||
                 (f[FACT_SIZE].len && f[FACT_POPULATION].len) || f[FACT_PROBABILITY].len;
    for (unsigned i = 0; whole && i < sizeof told / sizeof *told; i++) {
        const struct candidate *c = find(b, told[i], false);
        if (c) {
            add(b, special_rate, COL_SamplingRate, c);
            return;
        }
    }
}

static const struct candidate *find_any(const struct building *b, const uint16_t *ids, bool reverse)
{
    const struct candidate *c = NULL;
    for (; *ids && !c; ids++)
        c = find(b, *ids, reverse);
    return c;
}

/*
 * Where the counters of the reverse flow are. Firewalls (NSEL) count the initiator's and the responder's traffic in one
 * record instead (231, 298 and 232, 299): the latter is the reverse flow's.
 */
static void note_counters(struct building *b)
{
    static const uint16_t packets[] = {2, 86, 0}, bytes[] = {1, 85, 0}, counted[] = {1, 2, 23, 24, 85, 86, 0};
    const struct candidate *c;
    struct plan *p = b->p;
    if ((c = find_any(b, packets, true)))
        p->reverse_packets = c->at;
    if ((c = find_any(b, bytes, true)))
        p->reverse_bytes = c->at;
    if (p->has_reverse || find_any(b, counted, false))
        return;
    const struct candidate *octets = find(b, 232, false), *frames = find(b, 299, false);
    b->responder = p->has_reverse = octets || frames;
    p->reverse_bytes = octets ? octets->at : p->reverse_bytes;
    p->reverse_packets = frames ? frames->at : p->reverse_packets;
}

/* The responder's counters are the reverse flow's own. */
static void add_responder(struct building *b)
{
    const struct candidate *octets = find(b, 232, false), *frames = find(b, 299, false);
    plan_fn *fn;
    if (octets && (fn = copy_fn(COL_Bytes, octets->at.len, ELEMENT_unsigned64, true)))
        add(b, fn, COL_Bytes, octets);
    if (frames && (fn = copy_fn(COL_Packets, frames->at.len, ELEMENT_unsigned64, true)))
        add(b, fn, COL_Packets, frames);
}

/* 315 a frame, 104 the same in NetFlow v9, 313 an IP packet */
static void add_frame(struct building *b)
{
    struct plan *p = b->p;
    const struct candidate *c = find(b, 315, false), *len = find(b, 312, false);
    c = c ? c : find(b, 104, false);
    p->frames = c ? FRAME_ETHERNET : FRAME_NONE;
    if (!c && (c = find(b, 313, false)))
        p->frames = FRAME_IP;
    if (!c)
        return;
    p->chunk = 1;
    p->frame = c->at;
    if (len)
        p->frame_len = len->at;
    add(b, special_frame, COL_Bytes, c);
}

/* Fields of structured data; each fills what is left empty, so they run last. */
static void note_lists(struct building *b)
{
    struct plan *p = b->p;
    p->lists = xcalloc(b->n_fields ? b->n_fields : 1, sizeof *p->lists);
    for (unsigned i = 0; i < b->n_fields; i++) {
        const struct candidate *c = &b->fields[i];
        const struct element *el = c->f->pen ? NULL : registry_element(b->registry, 0, c->f->id);
        if (!el || (el->type != ELEMENT_basicList && el->type != ELEMENT_subTemplateList &&
                    el->type != ELEMENT_subTemplateMultiList))
            continue;
        p->lists[p->n_lists++] = (struct plan_list){c->at, c->f->id, el->type};
        fate_why(b, c->index, "a list; what is in it fills columns left empty");
    }
}

static void add_flows(struct building *b)
{
    struct plan *p = b->p;
    add_direction(b, false);
    add_labels(b);
    add_icmp_ports(b);
    add_rate(b);
    add_frame(b);
    p->n_forward = p->n_ops;
    p->n_time = (uint16_t)add_times(b, false);
    note_lists(b);
    p->useful = p->n_forward > 0 || p->n_lists || (p->n_time && b->schema->group[GROUP_TIME]);
    p->has_sampler = find(b, 48, false) || find(b, 302, false);
    note_counters(b);
    if (!p->has_reverse)
        return;
    unsigned before = p->n_ops;
    b->reverse = true;
    add_direction(b, true);
    if (b->responder)
        add_responder(b);
    p->n_reverse = (uint16_t)(p->n_ops - before);
    p->n_reverse_time = (uint16_t)add_times(b, true);
}

/* Why the rest has no column. */
static void explain_rest(struct building *b)
{
    for (unsigned i = 0; i < b->n_fields; i++) {
        const struct candidate *c = &b->fields[i];
        struct plan_fate *f = &b->fates[c->index];
        if (f->n || f->n_reverse || f->time || f->why)
            continue;
        if (c->n_uses && !wanted(b->schema, c->uses[0].col)) {
            f->cols[0] = c->uses[0].col; /* n stays 0: it would be */
            f->why = "column is disabled";
        } else {
            f->why = c->f->id == 210 && !c->f->pen ? "padding" : "no column";
        }
    }
}

struct plan *plan_new(const struct schema *schema, const struct registry *registry,
                      const struct template_def *def, struct plan_fate *fates)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_mirrors);
    struct plan *p = xcalloc(1, sizeof *p);
    p->fixed = xcalloc(def->n_fields + 1u, sizeof *p->fixed);
    struct building b = {.p = p, .schema = schema, .registry = registry, .def = def, .fates = fates};
    b.fields = xcalloc(def->n_fields + 1u, sizeof *b.fields);
    b.worth = xcalloc(def->n_fields + 1u, sizeof *b.worth);
    lay_out(&b);
    unsigned segments = 2u * p->n_variable + 1;
    p->chunk = PLAN_POINTERS / segments < PLAN_CHUNK ? (uint16_t)(PLAN_POINTERS / segments) : PLAN_CHUNK;
    note_facts(&b);
    if (!def->options)
        add_flows(&b);
    if (fates)
        explain_rest(&b);
    p->bytes = p->n_lists * sizeof *p->lists + sizeof *p + p->n_ops * sizeof *p->ops +
               (def->n_fields + 1u) * sizeof *p->fixed;
    free(b.fields);
    free(b.worth);
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    free(p->ops);
    free(p->lists);
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

struct str plan_bytes(const struct plan_run *r, const struct plan_place *at, uint32_t i)
{
    return (struct str){(const char *)plan_at(r, at->seg, at->off, i), plan_len(r, at->seg, at->len, i)};
}

uint32_t plan_text(struct intern *strings, struct decode_stats *stats, struct str text)
{
    if (strings->n < STRINGS_MAX)
        return intern(strings, text);
    stats->texts++;
    return 0;
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

uint64_t plan_session_rate(const struct plan_run *r)
{
    if (r->fixed_rate)
        return r->fixed_rate;
    return r->plan->has_sampler ? session_rate_told(r->session, 0)
                                : session_rate_find(r->sessions, r->session, 0);
}

/* Where the record told neither a rate nor a sampler that is known. */
static void fill_rate(struct plan_run *r)
{
    uint64_t rate = plan_session_rate(r);
    uint64_t *dst = BATCH_U64(r->b, SamplingRate) + r->row;
    for (uint32_t i = 0; rate && i < r->n; i++)
        dst[i] = dst[i] ? dst[i] : rate;
    if (rate || !session_rate_interfaces(r->session))
        return;
    const uint32_t *in = BATCH_U32(r->b, InIfIndex) + r->row, *out = BATCH_U32(r->b, OutIfIndex) + r->row;
    for (uint32_t i = 0; i < r->n; i++) {
        if (!dst[i])
            dst[i] = session_rate_get(r->session, SESSION_INTERFACE | in[i]);
        if (!dst[i])
            dst[i] = session_rate_get(r->session, SESSION_INTERFACE | out[i]);
    }
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
    if (n_time && times_wanted(r)) {
        times_begin(r);
        run(r, ops + n, n_time);
        times_end(r);
    }
    if (r->plan->n_lists && !r->reverse)
        lists_run(r);
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

static void make_room(struct plan_run *r, struct batch_sink *sink, uint32_t rows)
{
    if (sink->batch->n + rows > BATCH_ROWS)
        sink->full(sink);
    r->b = sink->batch;
}

/* How many of the records fit an empty batch once they are spread; *rows: what becomes of them. */
static uint32_t fitting(struct plan_run *r, const struct plan_op *times, unsigned n_time, uint32_t *rows)
{
    uint32_t n = 0;
    times_begin(r);
    run(r, times, n_time);
    times_complete(r);
    *rows = 0;
    for (; n < r->n; n++) {
        uint32_t most = spread_most(r->times->start_ms[n], r->times->end_ms[n], r->spread_s);
        if (*rows + most > BATCH_ROWS)
            break;
        *rows += most;
    }
    return n;
}

/* The rows of the flows at hand, in one direction. */
static void run_direction(struct plan_run *r, struct batch_sink *sink, const struct plan_op *ops, unsigned n,
                          unsigned n_time)
{
    if (!r->spread_s || !n_time) {
        make_room(r, sink, r->n);
        run_rows(r, ops, n, n_time);
        return;
    }
    const uint8_t **base = r->base;
    uint32_t left = r->n, rows;
    while (left > 0) {
        r->n = left;
        r->n = fitting(r, ops + n, n_time, &rows);
        make_room(r, sink, rows);
        run_rows(r, ops, n, n_time);
        spread_rows(r);
        r->base += r->n;
        left -= r->n;
    }
    r->n = (uint32_t)(r->base - base);
    r->base = base;
}

/* Reads the packet section of the only record; false when it is not what the input is to carry. */
static bool read_frame(struct plan_run *r)
{
    const struct plan_place *f = &r->plan->frame;
    struct str bytes = plan_bytes(r, f, 0);
    if (r->plan->frames == FRAME_ETHERNET)
        return packet_frame(&r->packet, bytes.p, bytes.len, r->d->decap);
    uint32_t etype = bytes.len && (uint8_t)bytes.p[0] >> 4 == 6 ? ETYPE_IPV6 : ETYPE_IPV4;
    return packet_ip(&r->packet, bytes.p, bytes.len, etype, r->d->decap);
}

void plan_run(struct plan_run *r, struct batch_sink *sink)
{
    const struct plan *p = r->plan;
    bool right = p->frames ? read_frame(r) : !r->d->decap;
    if (!right) {
        r->stats->rejected[REASON_DECAP] += r->n;
        return;
    }
    r->reverse = false;
    run_direction(r, sink, p->ops, p->n_forward, p->n_time);
    if (p->has_reverse && (r->n = keep_reverse(r)) > 0) {
        r->reverse = true;
        run_direction(r, sink, p->ops + p->n_forward + p->n_time, p->n_reverse, p->n_reverse_time);
    }
}
