/*
 * NetFlow v9 (RFC 3954) and IPFIX (RFC 7011): a header, then sets of templates, options templates and data. The two
 * differ in the header, the ids of template sets, enterprise numbers and how options templates count their fields.
 */
#include "decode/decoder.h"

enum {
    V9_TEMPLATES = 0, /* RFC 3954 5.2, 6.1 */
    V9_OPTIONS = 1,
    IPFIX_TEMPLATES = 2, /* RFC 7011 3.3.2 */
    IPFIX_OPTIONS = 3,
    DATA_MIN = 256,
    SET_HEADER = 4,
    V9_HEADER = 20,
    IPFIX_HEADER = 16,
    KEPT_FLOWS_MAX = 1 << 18, /* that one datagram may let loose: a block has room for them */
};

struct message {
    struct decoding *x;
    struct session *s;
    struct plan_run run;
    enum template_proto proto;
    uint32_t export_s, uptime_ms; /* of the header */
    uint32_t records;             /* data records, flows and options alike */
    bool uncounted;               /* some set's records could not be counted */
    bool defined;                 /* a template came */
};

static void reject(struct message *m, enum decode_reason why)
{
    m->x->stats->rejected[why]++;
    m->uncounted = true;
}

/* Where the zeros begin that a set ends with: padding, if no record reaches into them. */
static const uint8_t *padding(const struct cursor *c)
{
    const uint8_t *end = c->end;
    while (end > c->p && end[-1] == 0)
        end--;
    return end;
}

/*
 * Field specifiers into the state's scratch; those past the cap are read over. RFC 3954 5.2; RFC 7011 3.2. RFC 3954 knows
 * no variable lengths, but H3C's NetStream sends them in v9 just as IPFIX has them.
 */
static bool read_fields(struct message *m, struct cursor *c, uint32_t n)
{
    struct field *out = m->x->st->fields;
    uint32_t max = m->x->st->sessions.max_fields;
    for (uint32_t i = 0; i < n && !c->bad; i++) {
        struct field f = {0};
        f.id = cursor_be16(c);
        f.len = cursor_be16(c);
        if (m->proto == TEMPLATE_IPFIX && f.id & 0x8000) {
            f.id &= 0x7fff;
            f.pen = cursor_be32(c);
        }
        if (i < max)
            out[i] = f;
    }
    return !c->bad;
}

static void define(struct message *m, uint16_t id, uint32_t n, uint32_t n_scope, bool options)
{
    struct decoder_state *st = m->x->st;
    if (n > st->sessions.max_fields) {
        m->x->stats->rejected[REASON_LIMIT]++;
        session_template_set(&st->sessions, m->s, id, NULL, m->x->rx_s); /* the old one is wrong for sure */
        return;
    }
    struct template_def def = {st->fields, (uint16_t)n, (uint16_t)n_scope, (uint8_t)m->proto, options};
    struct template *t = id >= DATA_MIN ? template_intern(&st->sessions.templates, &def) : NULL;
    if (!t) {
        m->x->stats->rejected[REASON_TEMPLATE]++;
        return;
    }
    session_template_set(&st->sessions, m->s, id, t, m->x->rx_s);
    m->x->stats->templates++;
    m->defined = true;
}

/* RFC 7011 8.1: an id of the set itself means all of its kind. 8.4: over UDP it must be ignored. */
static void withdraw(struct message *m, uint16_t id, bool options)
{
    struct session_table *tab = &m->x->st->sessions;
    if (!m->x->d->stream) {
        m->x->stats->rejected[REASON_TEMPLATE]++;
        return;
    }
    if (id >= DATA_MIN) {
        session_template_set(tab, m->s, id, NULL, m->x->rx_s);
        return;
    }
    if (id != (options ? IPFIX_OPTIONS : IPFIX_TEMPLATES)) {
        m->x->stats->rejected[REASON_TEMPLATE]++;
        return;
    }
    for (unsigned i = m->s->n_templates; i-- > 0;)
        if (m->s->templates[i].t->options == options)
            session_template_set(tab, m->s, m->s->templates[i].id, NULL, m->x->rx_s);
}

/* RFC 3954 5.2; RFC 7011 3.4.1. False: what follows in this set cannot be read. */
static bool read_template(struct message *m, struct cursor *c)
{
    uint16_t id = cursor_be16(c);
    uint32_t n = cursor_be16(c);
    if (n == 0 && m->proto == TEMPLATE_IPFIX) {
        withdraw(m, id, false);
        return true;
    }
    if (n == 0 || !read_fields(m, c, n))
        return false;
    define(m, id, n, 0, false);
    return true;
}

/* RFC 7011 3.4.2.2: fields in all, and how many of them are scope */
static bool read_options_ipfix(struct message *m, struct cursor *c)
{
    uint16_t id = cursor_be16(c);
    uint32_t n = cursor_be16(c);
    if (n == 0) {
        withdraw(m, id, true);
        return true;
    }
    uint32_t n_scope = cursor_be16(c);
    if (n_scope > n || !read_fields(m, c, n))
        return false;
    define(m, id, n, n_scope, true);
    return true;
}

/* RFC 3954 6.1: lengths in bytes of the scope and the option fields */
static bool read_options_v9(struct message *m, struct cursor *c)
{
    uint16_t id = cursor_be16(c);
    uint32_t scope = cursor_be16(c), options = cursor_be16(c);
    if (scope % 4 || options % 4 || scope + options == 0 || !read_fields(m, c, (scope + options) / 4))
        return false;
    define(m, id, (scope + options) / 4, scope / 4, true);
    return true;
}

static void template_set(struct message *m, struct cursor *c, bool options)
{
    bool (*read)(struct message *, struct cursor *) = !options                     ? read_template
                                                      : m->proto == TEMPLATE_IPFIX ? read_options_ipfix
                                                                                   : read_options_v9;
    const uint8_t *end = padding(c);
    while (cursor_left(c) >= 4 && c->p < end)
        if (!read(m, c)) {
            m->x->stats->rejected[REASON_TEMPLATE]++;
            return;
        }
}

/* The set waits for its template, if there is room. */
static void keep(struct message *m, uint16_t id, const struct cursor *c)
{
    const struct dgram *d = m->x->d;
    struct kept set = {.rx_ns = d->rx_ns,
                       .export_s = m->export_s,
                       .uptime_ms = m->uptime_ms,
                       .id = id,
                       .src_port = d->src_port,
                       .time = d->time,
                       .decap = d->decap,
                       .use_src = d->use_src,
                       .stream = d->stream};
    m->uncounted = true;
    if (cursor_left(c) > 0 && kept_add(&m->x->st->kept, &m->s->key, &set, c->p, cursor_left(c)))
        m->x->stats->kept++;
    else
        m->x->stats->rejected[REASON_NO_TEMPLATE]++;
}

static void data_set(struct message *m, uint16_t id, struct cursor *c)
{
    const struct template *t = session_template_get(&m->x->st->sessions, m->s, id);
    if (!t) {
        keep(m, id, c);
        return;
    }
    m->run.template_id = id;
    m->records +=
        t->options ? decoder_options(m->x, &m->run, m->s, t, c) : decoder_records(m->x, &m->run, t, c);
    m->uncounted |= c->bad;
}

static void set(struct message *m, uint16_t id, struct cursor *c)
{
    bool ipfix = m->proto == TEMPLATE_IPFIX;
    if (id >= DATA_MIN)
        data_set(m, id, c);
    else if (id == (ipfix ? IPFIX_TEMPLATES : V9_TEMPLATES))
        template_set(m, c, false);
    else if (id == (ipfix ? IPFIX_OPTIONS : V9_OPTIONS))
        template_set(m, c, true);
    else
        reject(m, REASON_FORMAT);
}

static void sets(struct message *m, struct cursor c)
{
    while (cursor_left(&c) >= SET_HEADER) {
        uint16_t id = cursor_be16(&c), len = cursor_be16(&c);
        if (id == 0 && len == 0 && padding(&c) == c.p)
            return; /* exporters that fill their datagrams up with zeros */
        struct cursor body = cursor_sub(&c, len < SET_HEADER ? SIZE_MAX : (size_t)len - SET_HEADER);
        if (body.bad) {
            reject(m, REASON_LENGTH);
            return;
        }
        set(m, id, &body);
    }
}

static void begin_run(struct message *m)
{
    struct decoding *x = m->x;
    m->run = (struct plan_run){.session = m->s,
                               .d = x->d,
                               .stats = x->stats,
                               .schema = x->st->schema,
                               .exporter = x->d->src,
                               .time_s = decoder_time(x, m->export_s),
                               .export_s = m->export_s,
                               .export_ms = (uint64_t)m->export_s * 1000,
                               .uptime_ms = m->uptime_ms};
}

static void begin(struct message *m, uint32_t export_s, uint32_t uptime_ms, uint32_t domain)
{
    m->s = decoder_session(m->x, m->proto, domain);
    m->export_s = export_s;
    m->uptime_ms = uptime_ms;
    begin_run(m);
}

/* Decodes a set that waited, as of the time it came. */
static void decode_kept(struct message *m, const struct kept *set)
{
    struct dgram d = {.src = m->x->d->src,
                      .src_port = set->src_port,
                      .decoder = DECODER_NETFLOW,
                      .time = set->time,
                      .decap = set->decap,
                      .use_src = set->use_src,
                      .stream = set->stream,
                      .rx_ns = set->rx_ns};
    struct decoding x = {.st = m->x->st,
                         .d = &d,
                         .sink = m->x->sink,
                         .stats = m->x->stats,
                         .rx_s = (uint32_t)(set->rx_ns / 1000000000u)};
    struct message late = {
        .x = &x, .s = m->s, .proto = m->proto, .export_s = set->export_s, .uptime_ms = set->uptime_ms};
    struct cursor c = cursor_init(set->data, set->len);
    begin_run(&late);
    data_set(&late, set->id, &c);
    m->x->stats->kept_decoded++;
}

/* What waited for the templates of this message. */
static void release(struct message *m)
{
    struct kept_sets *k = &m->x->st->kept;
    struct decode_stats *stats = m->x->stats;
    uint64_t enough = stats->flows + KEPT_FLOWS_MAX;
    for (struct kept *set = kept_first(k, &m->s->key), *next; set; set = next) {
        next = set->next;
        if (!session_template_get(&m->x->st->sessions, m->s, set->id))
            continue;
        if (stats->flows < enough)
            decode_kept(m, set);
        else
            stats->rejected[REASON_LIMIT]++;
        kept_drop(k, set);
    }
}

/* The exporter restarted: its next templates may mean something else than those that the sets waited for. */
static void forget_kept(struct message *m)
{
    struct kept_sets *k = &m->x->st->kept;
    for (struct kept *set; (set = kept_first(k, &m->s->key)); kept_drop(k, set))
        m->x->stats->rejected[REASON_NO_TEMPLATE]++;
}

/* RFC 3954 5.1: the sequence counts datagrams */
static void decode_v9(struct decoding *x)
{
    struct cursor c = cursor_init(x->d->data, x->d->len);
    struct message m = {.x = x, .proto = TEMPLATE_V9};
    if (cursor_left(&c) < V9_HEADER) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    cursor_skip(&c, 4);
    uint32_t uptime = cursor_be32(&c), secs = cursor_be32(&c), sequence = cursor_be32(&c);
    begin(&m, secs, uptime, cursor_be32(&c));
    x->stats->lost += session_sequence(m.s, sequence, 1, uptime, &x->stats->late);
    if (m.s->restarted)
        forget_kept(&m);
    sets(&m, c);
    if (m.defined)
        release(&m);
}

/*
 * RFC 7011 9.1: a message whose sets do not add up is malformed and discarded as a whole. Zeros up to the end are no set,
 * but what some exporters fill their messages up with.
 */
static bool well_formed(struct cursor c)
{
    while (cursor_left(&c) >= SET_HEADER) {
        uint16_t id = cursor_be16(&c), len = cursor_be16(&c);
        if (id == 0 && len == 0)
            return padding(&c) == c.p;
        if (len < SET_HEADER || cursor_left(&c) < len - (size_t)SET_HEADER)
            return false;
        cursor_skip(&c, len - (size_t)SET_HEADER);
    }
    return true;
}

/* RFC 7011 3.1: the sequence counts data records sent before this message */
static void decode_ipfix(struct decoding *x)
{
    struct cursor c = cursor_init(x->d->data, x->d->len);
    struct message m = {.x = x, .proto = TEMPLATE_IPFIX};
    cursor_skip(&c, 2);
    uint16_t len = cursor_be16(&c);
    if (c.bad || x->d->len < IPFIX_HEADER || len > x->d->len) {
        x->stats->rejected[REASON_SHORT]++;
        return;
    }
    uint32_t secs = cursor_be32(&c), sequence = cursor_be32(&c), domain = cursor_be32(&c);
    struct cursor body = cursor_init(c.p, len < IPFIX_HEADER ? 0 : (size_t)len - IPFIX_HEADER);
    if (len < IPFIX_HEADER || !well_formed(body)) {
        x->stats->rejected[REASON_LENGTH]++;
        return;
    }
    x->stats->rejected[REASON_LENGTH] += len < x->d->len;
    begin(&m, secs, 0, domain);
    sets(&m, body);
    x->stats->lost += session_sequence(m.s, sequence, m.records, 0, &x->stats->late);
    if (m.uncounted)
        session_sequence_forget(m.s);
    if (m.defined)
        release(&m);
}

const struct decoder decoder_netflow9 = {"netflow9", DECODER_NETFLOW, 2, 9, decode_v9};
const struct decoder decoder_ipfix = {"ipfix", DECODER_NETFLOW, 2, 10, decode_ipfix};
