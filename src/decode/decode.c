/* Which protocol a datagram is of, and the state they share. */
#include "decode/decoder.h"
#include "decode/explain.h"
#include "decode/options.h"
#include "base/arena.h"
#include <stdlib.h>

enum {
    SESSIONS = 16384,
    TEMPLATES = 1024,
    TEMPLATES_MAX = 16384,
    FIELDS = 512,
    FIELDS_MAX = 2000,     /* their segments must fit PLAN_POINTERS */
    STATE_BYTES = 8 << 20, /* the checkpoint, about half as large, is written with each commit */
    KEPT_BYTES = 4 << 20,
    KEPT_S = 900,
    TEMPLATE_S = 86400,
};

const char *const decode_reason_names[REASON_COUNT] = {
#define X(id, name, help) name,
#include "decode/reasons.def"
#undef X
};

static const struct decoder *const decoders[] = {
#define X(name) &decoder_##name,
#include "decode/decoders.def"
#undef X
};

static uint32_t or_default(uint32_t v, uint32_t def, uint32_t max)
{
    return !v ? def : v > max ? max : v;
}

struct decoder_state *decoder_state_new(const struct schema *schema, const struct decoder_limits *limits)
{
    struct decoder_limits l = limits ? *limits : (struct decoder_limits){0};
    struct decoder_state *st = xcalloc(1, sizeof *st);
    st->schema = schema;
    session_table_init(&st->sessions);
    st->sessions.templates.schema = schema;
    st->sessions.templates.registry = registry_default();
    st->sessions.max_sessions = or_default(l.sessions, SESSIONS, UINT32_MAX);
    st->sessions.max_templates = or_default(l.templates_per_session, TEMPLATES, TEMPLATES_MAX);
    st->sessions.max_fields = or_default(l.fields_per_template, FIELDS, FIELDS_MAX);
    st->sessions.max_bytes = l.bytes ? l.bytes : STATE_BYTES;
    st->sessions.template_s = or_default(l.template_s, TEMPLATE_S, UINT32_MAX);
    kept_init(&st->kept, l.kept_bytes ? l.kept_bytes : KEPT_BYTES, or_default(l.kept_s, KEPT_S, INT32_MAX),
              st->sessions.seed);
    st->times = xcalloc(1, sizeof *st->times);
    st->pointers = xcalloc(PLAN_POINTERS, sizeof *st->pointers);
    st->fields = xcalloc(st->sessions.max_fields, sizeof *st->fields);
    return st;
}

void decoder_state_free(struct decoder_state *st)
{
    if (!st)
        return;
    for (unsigned i = 0; i < sizeof st->fixed / sizeof *st->fixed; i++)
        template_release(&st->sessions.templates, st->fixed[i]);
    session_table_fini(&st->sessions);
    kept_clear(&st->kept);
    free(st->pointers);
    free(st->times);
    free(st->fields);
    free(st);
}

void decoder_state_tell(struct decoder_state *st, struct learnt_sink *learnt)
{
    st->learnt = learnt;
}

void decoder_state_registry(struct decoder_state *st, const struct registry *registry)
{
    st->sessions.templates.registry = registry;
}

void decoder_state_spread(struct decoder_state *st, uint32_t step_s)
{
    st->spread_s = step_s;
}

void decoder_state_explain(struct decoder_state *st, FILE *to)
{
    st->explain = to;
}

void decoder_state_strings(struct decoder_state *st, struct intern *strings)
{
    st->strings = strings;
}

static const struct decoder *decoder_of(const struct dgram *d)
{
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        const struct decoder *dec = decoders[i];
        if (dec->input == (enum dgram_decoder)d->decoder && d->len >= dec->version_len &&
            (dec->version_len == 2 ? load_be16(d->data) : load_be32(d->data)) == dec->version)
            return dec;
    }
    return NULL;
}

/*
 * Sets that waited too long are rejected when the next datagram comes, whoever sends it: on its own account if they are
 * this exporter's, else as abandoned, one exporter's at a time.
 */
static void expire(struct decoding *x)
{
    struct kept_sets *k = &x->st->kept;
    for (struct kept *set; (set = kept_expired(k, x->rx_s));) {
        struct ip src = kept_key(set)->src;
        if (ip_eq(src, x->d->src)) {
            x->stats->rejected[REASON_NO_TEMPLATE]++;
        } else {
            if (x->stats->abandoned && !ip_eq(src, x->stats->abandoned_src))
                return;
            x->stats->abandoned_src = src;
            x->stats->abandoned++;
        }
        kept_drop(k, set);
    }
}

void decoder_give_up(struct decoder_state *st, struct decode_stats *stats)
{
    stats->rejected[REASON_NO_TEMPLATE] += st->kept.n;
    kept_clear(&st->kept);
}

void decode_dgram(struct decoder_state *st, const struct dgram *d, struct batch_sink *sink,
                  struct decode_stats *stats)
{
    struct decoding x = {st, d, sink, stats, (uint32_t)(d->rx_ns / 1000000000u)};
    uint64_t evicted = st->sessions.evicted;
    stats->datagrams++;
    if (st->kept.oldest)
        expire(&x);
    const struct decoder *dec = decoder_of(d);
    if (dec)
        dec->decode(&x);
    else
        stats->rejected[d->len < (d->decoder == DECODER_SFLOW ? 4 : 2) ? REASON_SHORT : REASON_VERSION]++;
    stats->evicted += st->sessions.evicted - evicted;
}

void decoder_rest(const struct decoding *x, const struct cursor *c)
{
    for (const uint8_t *p = c->p; p < c->end; p++)
        if (*p) {
            x->stats->rejected[REASON_LENGTH]++;
            return;
        }
}

uint32_t decoder_time(const struct decoding *x, uint32_t export_s)
{
    return x->d->time == TIME_INPUT ? x->rx_s : export_s;
}

struct session *decoder_session(struct decoding *x, enum template_proto proto, uint32_t domain)
{
    struct session_key key = {.src = x->d->src, .domain = domain, .proto = (uint8_t)proto};
    return session_get(&x->st->sessions, &key, x->d->src_port, x->rx_s);
}

/* Where the segments of the record at c begin; false when it ends too soon. */
static bool split_record(struct plan_run *r, uint32_t i, struct cursor *c)
{
    const struct plan *p = r->plan;
    const uint8_t **base = r->base + i;
    for (unsigned k = 0; k < p->n_variable; k++) {
        base[2 * k * p->chunk] = c->p;
        cursor_skip(c, p->fixed[k]);
        size_t len = cursor_u8(c);
        if (len == 255) /* RFC 7011 7: the longer form */
            len = cursor_be16(c);
        base[(2 * k + 1) * p->chunk] = c->p;
        cursor_skip(c, len);
    }
    base[2 * p->n_variable * p->chunk] = c->p;
    cursor_skip(c, p->fixed[p->n_variable]);
    return !c->bad;
}

/* Up to a chunk of records into r->base; what is left shorter than a record is padding. */
static uint32_t take_chunk(struct plan_run *r, const struct template *t, struct cursor *c)
{
    uint32_t n = 0;
    if (!t->variable) {
        for (; n < r->plan->chunk && cursor_left(c) >= t->min_len; n++, c->p += t->min_len)
            r->base[n] = c->p;
        return n;
    }
    while (n < r->plan->chunk && cursor_left(c) >= t->min_len && split_record(r, n, c))
        n++;
    return n;
}

static void begin_run(struct plan_run *r, const struct decoder_state *st, const struct template *t)
{
    r->plan = t->plan;
    r->base = st->pointers;
    r->strings = st->strings;
    r->times = st->times;
    r->sessions = &st->sessions;
    r->registry = st->sessions.templates.registry;
    r->spread_s = st->spread_s;
}

uint32_t decoder_records(struct decoding *x, struct plan_run *r, const struct template *t, struct cursor *c)
{
    uint32_t total = 0;
    begin_run(r, x->st, t);
    while ((r->n = take_chunk(r, t, c)) > 0) {
        total += r->n;
        if (x->st->explain)
            explain_records(x, r, t);
        if (t->plan->useful)
            plan_run(r, x->sink);
        else
            x->stats->rejected[REASON_FORMAT] += r->n;
    }
    x->stats->records += total;
    x->stats->rejected[REASON_LENGTH] += c->bad;
    return total;
}

uint32_t decoder_options(struct decoding *x, struct plan_run *r, struct session *s, const struct template *t,
                         struct cursor *c)
{
    uint32_t total = 0;
    begin_run(r, x->st, t);
    while ((r->n = take_chunk(r, t, c)) > 0) {
        total += r->n;
        if (x->st->explain)
            explain_records(x, r, t);
        for (uint32_t i = 0; i < r->n && t->plan->has_facts; i++)
            options_learn(x, r, s, i);
    }
    session_shrink(&x->st->sessions, s);
    x->stats->records += total;
    x->stats->options_records += total;
    x->stats->rejected[REASON_LENGTH] += c->bad;
    return total;
}
