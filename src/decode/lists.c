/*
 * A value is an element's number and its bytes; a list within a list is walked where it stands. Each step is paid for from
 * a budget in proportion to the list's bytes, so that templates of fields without bytes cannot make it long.
 */
#include "decode/lists.h"
#include "base/cursor.h"

enum { PATH_MAX_ITEMS = 128 };

struct walk {
    const struct session_table *tab;
    const struct session *s;
    const struct registry *reg;
    struct lists_visitor *v;
    size_t budget;
    enum lists_end end;
};

static void list(struct walk *w, unsigned depth, uint16_t id, enum element_type type, struct cursor c);

static bool pay(struct walk *w)
{
    if (w->budget == 0) {
        w->end = LISTS_CUT;
        return false;
    }
    w->budget--;
    return true;
}

/* RFC 7011 7 */
static struct str take_value(struct cursor *c, uint16_t len)
{
    size_t n = len;
    if (len == FIELD_VARIABLE && (n = cursor_u8(c)) == 255)
        n = cursor_be16(c);
    const uint8_t *p = cursor_bytes(c, n);
    return (struct str){(const char *)p, p ? n : 0};
}

static bool is_list(enum element_type t)
{
    return t == ELEMENT_basicList || t == ELEMENT_subTemplateList || t == ELEMENT_subTemplateMultiList;
}

static void value(struct walk *w, unsigned depth, uint16_t in, uint32_t pen, uint16_t id, struct str bytes)
{
    const struct element *el = registry_element(w->reg, pen, id);
    if (el && is_list((enum element_type)el->type))
        list(w, depth + 1, id, (enum element_type)el->type, cursor_init(bytes.p, bytes.len));
    else if (w->v->value)
        w->v->value(w->v, depth, in, pen, id, bytes);
}

/* RFC 6313 4.5.1: semantic, element, its length, values */
static void basic(struct walk *w, unsigned depth, uint16_t in, struct cursor *c)
{
    cursor_skip(c, 1);
    uint16_t id = cursor_be16(c), len = cursor_be16(c);
    uint32_t pen = id & 0x8000 ? cursor_be32(c) : 0;
    while (!c->bad && cursor_left(c) && len && pay(w)) {
        struct str bytes = take_value(c, len);
        if (!c->bad)
            value(w, depth, in, pen, id & 0x7fff, bytes);
    }
    if (c->bad)
        w->end = LISTS_CUT;
}

static void records(struct walk *w, unsigned depth, uint16_t in, uint16_t template_id, struct cursor *c)
{
    const struct template *t = session_template_get(w->tab, w->s, template_id);
    if (!t || t->options) {
        w->end = LISTS_NO_TEMPLATE;
        return;
    }
    while (cursor_left(c) >= t->min_len && !c->bad) {
        if (w->v->begin)
            w->v->begin(w->v, depth, registry_element(w->reg, 0, in), template_id);
        for (unsigned i = 0; i < t->n_fields && !c->bad; i++) {
            if (!pay(w))
                return;
            struct str bytes = take_value(c, t->fields[i].len);
            if (!c->bad)
                value(w, depth, in, t->fields[i].pen, t->fields[i].id, bytes);
        }
    }
    if (c->bad)
        w->end = LISTS_CUT;
}

/* 4.5.3: semantic, then a template, a length and records of it, again and again */
static void multi(struct walk *w, unsigned depth, uint16_t in, struct cursor *c)
{
    enum { HEAD = 4 };
    cursor_skip(c, 1);
    while (cursor_left(c) >= HEAD && !c->bad && pay(w)) {
        uint16_t id = cursor_be16(c), len = cursor_be16(c);
        struct cursor some = cursor_sub(c, len < HEAD ? SIZE_MAX : (size_t)len - HEAD);
        if (!some.bad)
            records(w, depth, in, id, &some);
        c->bad |= some.bad;
    }
    if (c->bad)
        w->end = LISTS_CUT;
}

static void list(struct walk *w, unsigned depth, uint16_t id, enum element_type type, struct cursor c)
{
    if (depth >= LISTS_DEPTH) {
        w->end = LISTS_DEEP;
        return;
    }
    if (cursor_left(&c) == 0)
        return;
    if (type == ELEMENT_basicList) {
        basic(w, depth, id, &c);
    } else if (type == ELEMENT_subTemplateList) { /* 4.5.2: semantic, template, records */
        cursor_skip(&c, 1);
        uint16_t template_id = cursor_be16(&c);
        if (!c.bad)
            records(w, depth, id, template_id, &c);
    } else {
        multi(w, depth, id, &c);
    }
}

enum lists_end lists_walk(const struct session_table *tab, const struct session *s,
                          const struct registry *reg, uint16_t id, enum element_type type, struct str content,
                          struct lists_visitor *v)
{
    struct walk w = {.tab = tab, .s = s, .reg = reg, .v = v, .budget = content.len * 4 + 64};
    list(&w, 0, id, type, cursor_init(content.p, content.len));
    return w.end;
}

/* ---- into columns */

struct filling {
    struct lists_visitor v; /* first */
    struct plan_run *r;
    uint32_t row;
    uint32_t items[PATH_MAX_ITEMS]; /* of the array being read */
    struct u128 wide[PATH_MAX_ITEMS];
    uint32_t n_items, n_wide;
};

/* Columns of lists of numbers: RFC 8549 and the AS paths of IANA's registry. */
static enum column array_of(uint16_t list_id)
{
    switch (list_id) {
    case 484: /* bgpSourceCommunityList */
        return COL_SrcCommunities;
    case 485: /* bgpDestinationCommunityList */
        return COL_DstCommunities;
    case 490: /* bgpSourceLargeCommunityList */
        return COL_SrcLargeCommunities;
    case 491: /* bgpDestinationLargeCommunityList */
        return COL_DstLargeCommunities;
    case 512: /* bgpDestinationAsPathList */
        return COL_DstASPath;
    default:
        return COL_COUNT;
    }
}

static void fill_text(struct plan_run *r, uint32_t *dst, uint8_t type, struct str bytes)
{
    char room[LEARNT_TEXT];
    if (*dst || !r->strings || type != ELEMENT_string)
        return;
    struct str text = learnt_text(bytes, room);
    if (text.len)
        *dst = plan_text(r->strings, r->stats, text);
}

/* An address where the column has none; with it the row's family, if nothing told that. */
static void fill_address(struct plan_run *r, uint32_t row, enum column col, struct ip *dst, struct str bytes)
{
    if (!ip_is_zero(*dst) || (bytes.len != 4 && bytes.len != 16))
        return;
    *dst = bytes.len == 4 ? ip_v4(bytes.p) : ip_v6(bytes.p);
    uint32_t *etype = &BATCH_U32(r->b, EType)[row];
    if ((col == COL_SrcAddr || col == COL_DstAddr) && !*etype && r->schema->enabled[COL_EType])
        *etype = bytes.len == 4 ? ETYPE_IPV4 : ETYPE_IPV6;
}

static void fill(struct plan_run *r, uint32_t row, const struct element_use *u, struct str bytes)
{
    enum column c = (enum column)u->col;
    void *col = batch_col(r->b, c);
    uint64_t v = bytes.len <= 8 ? plan_uint((const uint8_t *)bytes.p, bytes.len) : 0;
    switch (column_defs[c].store) {
    case STORE_U8: {
        uint8_t *dst = (uint8_t *)col + row;
        *dst = *dst ? *dst : (uint8_t)v;
        break;
    }
    case STORE_U16: {
        uint16_t *dst = (uint16_t *)col + row;
        *dst = *dst ? *dst : (uint16_t)v;
        break;
    }
    case STORE_U32: {
        uint32_t *dst = (uint32_t *)col + row;
        *dst = *dst ? *dst : (uint32_t)v;
        break;
    }
    case STORE_U64: {
        uint64_t *dst = (uint64_t *)col + row;
        *dst = *dst ? *dst : v;
        break;
    }
    case STORE_IP:
        fill_address(r, row, c, (struct ip *)col + row, bytes);
        break;
    case STORE_STR:
        fill_text(r, (uint32_t *)col + row, u->type, bytes);
        break;
    default:
        break;
    }
}

static void take(struct lists_visitor *v, unsigned depth, uint16_t in, uint32_t pen, uint16_t id,
                 struct str bytes)
{
    struct filling *f = (struct filling *)v;
    const struct schema *schema = f->r->schema;
    const uint8_t *p = (const uint8_t *)bytes.p;
    if (array_of(in) != COL_COUNT) {
        if (bytes.len == 12 &&
            f->n_wide < PATH_MAX_ITEMS) /* RFC 8092 3: administrator, two parts of its own */
            f->wide[f->n_wide++] = (struct u128){.lo = load_be64(p + 4), .hi = load_be32(p)};
        else if (bytes.len <= 4 && f->n_items < PATH_MAX_ITEMS)
            f->items[f->n_items++] = (uint32_t)plan_uint(p, bytes.len);
        return;
    }
    unsigned n;
    const struct element_use *u = registry_uses(f->r->registry, pen, id, &n);
    for (; n > 0; n--, u++)
        if (schema->enabled[u->col] || column_defs[u->col].flags & COLF_HIDDEN)
            fill(f->r, f->row, u, bytes);
}

/* The array of a list that has ended. */
static void put_array(struct filling *f, enum column c)
{
    struct plan_run *r = f->r;
    if (c == COL_COUNT || !r->schema->enabled[c])
        return;
    struct span *at = (struct span *)batch_col(r->b, c) + f->row;
    if (column_defs[c].store == STORE_A32 && f->n_items) {
        uint32_t *to = batch_pool32(r->b, f->n_items, at);
        if (to)
            memcpy(to, f->items, f->n_items * sizeof *to);
    } else if (column_defs[c].store == STORE_A128 && f->n_wide) {
        struct u128 *to = batch_pool128(r->b, f->n_wide, at);
        if (to)
            memcpy(to, f->wide, f->n_wide * sizeof *to);
    }
}

static void count_end(struct plan_run *r, enum lists_end end)
{
    r->stats->lists_cut += end == LISTS_CUT;
    r->stats->lists_without_template += end == LISTS_NO_TEMPLATE;
    r->stats->lists_deep += end == LISTS_DEEP;
}

void lists_run(struct plan_run *r)
{
    struct filling f = {.v.value = take, .r = r};
    for (unsigned k = 0; k < r->plan->n_lists; k++) {
        const struct plan_list *l = &r->plan->lists[k];
        for (uint32_t i = 0; i < r->n; i++) {
            f.row = r->row + i;
            f.n_items = f.n_wide = 0;
            struct str content = plan_bytes(r, &l->at, i);
            count_end(r, lists_walk(r->sessions, r->session, r->registry, l->id, (enum element_type)l->type,
                                    content, &f.v));
            put_array(&f, array_of(l->id));
        }
    }
}
