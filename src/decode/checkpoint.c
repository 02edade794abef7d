/*
 * The state as bytes: magic and version; then each session, the least recently used first, which is the order that
 * loading must restore. A template is written where it is met first and called by its number from then on. Numbers are
 * LEB128 but for addresses. Anything may come in: every count is bounded by the bytes that are there or by the caps.
 */
#include "decode/decoder.h"
#include "decode/options.h"
#include "base/arena.h"
#include <stdlib.h>

static const char magic[4] = {'w', 'd', 's', '3'};

enum { SEQ_KNOWN = 1, SPLIT = 2, FLIPPED = 4 };
enum { USE_SRC = 1, STREAM = 2 }; /* of a kept set */

static void save_template(struct buf *out, struct template *t, uint32_t *n)
{
    buf_varint(out, t->index);
    if (t->index)
        return;
    t->index = ++*n;
    buf_u8(out, (uint8_t)(t->proto | (t->options ? 0x80 : 0)));
    buf_varint(out, t->n_scope);
    buf_varint(out, t->n_fields);
    for (unsigned i = 0; i < t->n_fields; i++) {
        buf_varint(out, (uint64_t)t->fields[i].id << 1 | (t->fields[i].pen != 0));
        buf_varint(out, t->fields[i].len);
        if (t->fields[i].pen)
            buf_varint(out, t->fields[i].pen);
    }
}

static void save_key(struct buf *out, const struct session_key *key)
{
    buf_add(out, key->src.b, 16);
    buf_u8(out, key->proto);
    if (key->proto == TEMPLATE_SFLOW)
        buf_add(out, key->agent.b, 16);
    buf_varint(out, key->domain);
    buf_varint(out, key->port);
}

static void save_kept(struct buf *out, const struct kept *set)
{
    save_key(out, kept_key(set));
    uint64_t numbers[] = {set->rx_ns,    set->export_s, set->uptime_ms, set->id,
                          set->src_port, set->time,     set->decap};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_varint(out, numbers[i]);
    buf_u8(out, (uint8_t)((set->use_src ? USE_SRC : 0) | (set->stream ? STREAM : 0)));
    buf_varint(out, set->len);
    buf_add(out, set->data, set->len);
}

static void save_session(struct buf *out, const struct session *s, uint32_t *n)
{
    save_key(out, &s->key);
    uint64_t numbers[] = {s->last_s, s->next_seq,   s->uptime_ms, s->late,  s->late_next, s->late_run,
                          s->port,   s->other_port, s->other_s,   s->flips, s->init_ms,   s->template_s};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_varint(out, numbers[i]);
    buf_u8(out,
           (uint8_t)((s->seq_known ? SEQ_KNOWN : 0) | (s->split ? SPLIT : 0) | (s->flipped ? FLIPPED : 0)));
    buf_varint(out, s->n_templates);
    for (unsigned i = 0; i < s->n_templates; i++) {
        buf_varint(out, s->templates[i].id);
        buf_varint(out, s->templates[i].refreshed_s);
        save_template(out, s->templates[i].t, n);
    }
    buf_varint(out, s->n_rates);
    for (unsigned i = 0; i < s->n_rates; i++) {
        buf_varint(out, s->rates[i].id);
        buf_varint(out, s->rates[i].rate);
    }
    buf_varint(out, s->names.n);
    for (unsigned i = 0; i < s->names.n; i++) {
        const struct name *name = &s->names.rows[i];
        buf_u8(out, name->kind);
        buf_u8(out, name->type);
        buf_varint(out, name->id);
        buf_u8(out, name->len);
        buf_add(out, name->text, name->len);
    }
}

void decoder_state_save(const struct decoder_state *st, struct buf *out)
{
    const struct session_table *tab = &st->sessions;
    uint32_t n = 0;
    for (const struct session *s = tab->oldest; s; s = s->newer)
        for (unsigned i = 0; i < s->n_templates; i++)
            s->templates[i].t->index = 0;
    buf_add(out, magic, sizeof magic);
    buf_varint(out, tab->n);
    for (const struct session *s = tab->oldest; s; s = s->newer)
        save_session(out, s, &n);
    buf_varint(out, st->kept.n);
    for (const struct kept *set = st->kept.oldest; set; set = set->newer)
        save_kept(out, set);
}

struct loading {
    struct decoder_state *st;
    struct cursor c;
    struct template **templates; /* by number, each with a reference */
    uint32_t n_templates, room;
};

static uint64_t varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = cursor_u8(c);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    c->bad = true;
    return 0;
}

/* A number that may not be larger than `max`. */
static uint64_t number(struct cursor *c, uint64_t max)
{
    uint64_t v = varint(c);
    if (v > max)
        c->bad = true;
    return c->bad ? 0 : v;
}

/*
 * The next template, which gets the next number. *t stays NULL where today's limits leave it out: a lower limit must not
 * make the checkpoint useless.
 */
static bool new_template(struct loading *l, struct template **t)
{
    struct cursor *c = &l->c;
    struct decoder_state *st = l->st;
    uint8_t kind = cursor_u8(c);
    struct template_def def = {.fields = st->fields, .proto = kind & 0x7f, .options = kind & 0x80};
    def.n_scope = (uint16_t)number(c, UINT16_MAX);
    def.n_fields = (uint16_t)number(c, UINT16_MAX);
    for (unsigned i = 0; i < def.n_fields && !c->bad; i++) {
        uint64_t id = number(c, (uint64_t)UINT16_MAX << 1 | 1);
        struct field f = {.id = (uint16_t)(id >> 1), .len = (uint16_t)number(c, UINT16_MAX)};
        f.pen = id & 1 ? (uint32_t)number(c, UINT32_MAX) : 0;
        if (i < st->sessions.max_fields)
            st->fields[i] = f;
    }
    bool known = def.proto == TEMPLATE_V9 || def.proto == TEMPLATE_IPFIX;
    if (c->bad || !known || def.n_scope > def.n_fields)
        return false;
    if (l->n_templates == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->templates = xrealloc(l->templates, l->room * sizeof(struct template *));
    }
    bool fits = def.n_fields <= st->sessions.max_fields;
    *t = fits ? template_intern(&st->sessions.templates, &def) : NULL;
    l->templates[l->n_templates++] = *t;
    return *t || !fits;
}

static bool load_templates(struct loading *l, struct session *s)
{
    struct cursor *c = &l->c;
    uint32_t before = 0;
    for (uint64_t n = number(c, UINT16_MAX); n > 0; n--) {
        uint16_t id = (uint16_t)number(c, UINT16_MAX);
        uint32_t refreshed = (uint32_t)number(c, UINT32_MAX);
        uint64_t index = number(c, l->n_templates);
        struct template *t = NULL;
        if (c->bad || id <= before || (!index && !new_template(l, &t)))
            return false;
        before = id;
        t = index ? l->templates[index - 1] : t;
        if (!t)
            continue;
        t->refs++;
        session_template_set(&l->st->sessions, s, id, t, refreshed);
    }
    return !c->bad;
}

static bool load_rates(struct loading *l, struct session *s)
{
    struct cursor *c = &l->c;
    for (uint64_t n = number(c, SESSION_RATES_MAX); n > 0 && !c->bad; n--) {
        uint64_t id = varint(c), rate = varint(c);
        session_rate_set(&l->st->sessions, s, id, rate);
    }
    return !c->bad;
}

static bool load_key(struct cursor *c, struct session_key *key)
{
    *key = (struct session_key){.zero = 0};
    const uint8_t *src = cursor_bytes(c, 16);
    key->proto = cursor_u8(c);
    const uint8_t *agent = key->proto == TEMPLATE_SFLOW ? cursor_bytes(c, 16) : NULL;
    if (c->bad)
        return false;
    key->src = ip_v6(src);
    if (agent)
        key->agent = ip_v6(agent);
    key->domain = (uint32_t)number(c, UINT32_MAX);
    key->port = (uint16_t)number(c, UINT16_MAX);
    return !c->bad;
}

static bool load_names(struct loading *l, struct session *s)
{
    struct cursor *c = &l->c;
    for (uint64_t n = number(c, NAMES_MAX); n > 0 && !c->bad; n--) {
        uint8_t kind = cursor_u8(c), type = cursor_u8(c);
        uint64_t id = varint(c);
        uint8_t len = cursor_u8(c);
        const uint8_t *text = cursor_bytes(c, len);
        if (!text || kind >= NAME_KINDS || type > ELEMENT_TYPES || len == 0)
            return false;
        session_name_set(&l->st->sessions, s, (enum name_kind)kind, id, type,
                         (struct str){(const char *)text, len});
    }
    return !c->bad;
}

static bool load_session(struct loading *l)
{
    struct cursor *c = &l->c;
    struct session_key key;
    if (!load_key(c, &key) || session_find(&l->st->sessions, &key))
        return false;
    struct session *s = session_add(&l->st->sessions, &key);
    s->last_s = (uint32_t)number(c, UINT32_MAX);
    s->next_seq = (uint32_t)number(c, UINT32_MAX);
    s->uptime_ms = (uint32_t)number(c, UINT32_MAX);
    s->late = (uint32_t)number(c, UINT32_MAX);
    s->late_next = (uint32_t)number(c, UINT32_MAX);
    s->late_run = (uint8_t)number(c, UINT8_MAX);
    s->port = (uint16_t)number(c, UINT16_MAX);
    uint16_t other_port = (uint16_t)number(c, UINT16_MAX);
    s->other_s = (uint32_t)number(c, UINT32_MAX);
    s->flips = (uint8_t)number(c, UINT8_MAX);
    s->init_ms = varint(c);
    uint32_t template_s = (uint32_t)number(c, UINT32_MAX);
    uint8_t flags = cursor_u8(c);
    s->seq_known = flags & SEQ_KNOWN;
    s->split = flags & SPLIT;
    s->flipped = flags & FLIPPED;
    bool ok = load_templates(l, s) && load_rates(l, s) && load_names(l, s);
    s->other_port = other_port; /* only now: until then nothing contradicts */
    s->template_s = template_s;
    return ok;
}

/* One must not become useless because limits are lower now, so this one knows none. */
static bool load_kept(struct loading *l)
{
    struct cursor *c = &l->c;
    struct session_key key;
    if (!load_key(c, &key))
        return false;
    struct kept set = {.rx_ns = varint(c)};
    set.export_s = (uint32_t)number(c, UINT32_MAX);
    set.uptime_ms = (uint32_t)number(c, UINT32_MAX);
    set.id = (uint16_t)number(c, UINT16_MAX);
    set.src_port = (uint16_t)number(c, UINT16_MAX);
    set.time = (uint8_t)number(c, TIME_NETFLOW_FIRST_SWITCHED);
    set.decap = (uint8_t)number(c, DECAP_COUNT - 1);
    uint8_t flags = cursor_u8(c);
    set.use_src = flags & USE_SRC;
    set.stream = flags & STREAM;
    size_t len = (size_t)number(c, UINT16_MAX);
    const uint8_t *data = cursor_bytes(c, len);
    if (data)
        kept_put(&l->st->kept, &key, &set, data, len);
    return data;
}

bool decoder_state_load(struct decoder_state *st, struct str in, struct err *e)
{
    struct loading l = {.st = st, .c = cursor_init(in.p, in.len)};
    session_table_clear(&st->sessions);
    kept_clear(&st->kept);
    const uint8_t *head = cursor_bytes(&l.c, sizeof magic);
    bool ok = head && memcmp(head, magic, sizeof magic) == 0;
    for (uint64_t n = ok ? number(&l.c, UINT32_MAX) : 0; ok && n > 0; n--)
        ok = load_session(&l);
    for (uint64_t n = ok ? number(&l.c, UINT32_MAX) : 0; ok && n > 0; n--)
        ok = load_kept(&l);
    ok = ok && !l.c.bad && cursor_left(&l.c) == 0;
    for (uint32_t i = 0; i < l.n_templates; i++)
        template_release(&st->sessions.templates, l.templates[i]);
    free(l.templates);
    for (const struct session *s = st->sessions.oldest; ok && st->learnt && s; s = s->newer)
        options_tell(st, s);
    if (ok)
        return true;
    session_table_clear(&st->sessions);
    kept_clear(&st->kept);
    return err_set(e, "decoder state: not a checkpoint of this version, or damaged");
}
