/*
 * The streams are merged like sorted files, so that of a database of millions of networks only the result is ever in memory.
 * The way from the root to the network at hand is a stack of what was resolved so far: what a prefix inherits is its top.
 */
#include "enrich/nets/nettable.h"
#include <stdlib.h>
#include <xxhash.h>

struct level {
    struct prefix prefix;
    struct net_attrs attrs;
    uint32_t value; /* of attrs in the tree */
};

struct build {
    struct nettable *t;
    uint32_t *slots; /* of attrs: open addressing, index + 1 */
    uint32_t mask;
    struct level stack[130];
    unsigned depth; /* stack[0] is the empty root */
};

/* ---- attributes, each once */

static uint32_t *find(const struct build *b, const struct net_attrs *a)
{
    uint32_t i = (uint32_t)XXH3_64bits(a, sizeof *a) & b->mask;
    while (b->slots[i] && memcmp(&b->t->attrs[b->slots[i] - 1], a, sizeof *a) != 0)
        i = (i + 1) & b->mask;
    return &b->slots[i];
}

static void widen(struct build *b)
{
    b->mask = b->mask * 2 + 1;
    free(b->slots);
    b->slots = xcalloc((size_t)b->mask + 1, sizeof *b->slots);
    for (uint32_t i = 0; i < b->t->n_attrs; i++)
        *find(b, &b->t->attrs[i]) = i + 1;
}

static uint32_t value_of(struct build *b, const struct net_attrs *a)
{
    struct nettable *t = b->t;
    uint32_t *slot = find(b, a);
    if (*slot)
        return *slot;
    if (t->n_attrs == t->room_attrs) {
        t->room_attrs = t->room_attrs ? t->room_attrs * 2 : 1024;
        t->attrs = xrealloc(t->attrs, t->room_attrs * sizeof *t->attrs);
    }
    t->attrs[t->n_attrs++] = *a;
    uint32_t value = *slot = t->n_attrs;
    for (unsigned k = 0; k < NET_TEXTS; k++)
        t->used |= a->text[k] ? 1u << k : 0;
    t->used |= (a->asn ? (unsigned)NET_HAS_ASN : 0) | (a->country[0] ? (unsigned)NET_HAS_COUNTRY : 0);
    if (t->n_attrs > b->mask / 2)
        widen(b);
    return value;
}

/* What `to` lacks, from `from`. */
static void inherit(struct net_attrs *to, const struct net_attrs *from)
{
    for (unsigned k = 0; k < NET_TEXTS; k++)
        to->text[k] = to->text[k] ? to->text[k] : from->text[k];
    to->asn = to->asn ? to->asn : from->asn;
    if (!to->country[0])
        memcpy(to->country, from->country, sizeof to->country);
}

/* ---- merging */

struct head {
    struct nettable_stream *stream;
    struct nettable_entry entry;
    bool live;
};

static uint64_t be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static int order(struct prefix x, struct prefix y)
{
    for (int i = 0; i < 16; i += 8) {
        uint64_t a = be64(x.ip.b + i), b = be64(y.ip.b + i);
        if (a != b)
            return a < b ? -1 : 1;
    }
    return (x.len > y.len) - (x.len < y.len);
}

int nettable_order(const void *a, const void *b)
{
    return order(((const struct nettable_entry *)a)->prefix, ((const struct nettable_entry *)b)->prefix);
}

static bool advance(struct head *h, struct err *e)
{
    struct prefix before = h->entry.prefix;
    bool was = h->live;
    e->msg[0] = 0;
    h->live = h->stream->next(h->stream->arg, &h->entry, e);
    if (!h->live)
        return e->msg[0] == 0;
    return !was || order(before, h->entry.prefix) <= 0 || err_set(e, "networks are out of order");
}

static bool place(struct build *b, const struct nettable_entry *entry, struct err *e)
{
    while (b->depth > 1 && (b->stack[b->depth - 1].prefix.len > entry->prefix.len ||
                            !prefix_contains(b->stack[b->depth - 1].prefix, entry->prefix.ip)))
        b->depth--;
    const struct level *above = &b->stack[b->depth - 1];
    struct level *here = &b->stack[b->depth];
    *here = (struct level){.prefix = entry->prefix, .attrs = entry->attrs};
    inherit(&here->attrs, &above->attrs);
    if (memcmp(&here->attrs, &above->attrs, sizeof here->attrs) == 0)
        return true; /* it says nothing new */
    here->value = value_of(b, &here->attrs);
    b->depth++;
    if (b->t->lpm.n >= NETTABLE_PREFIXES || b->t->n_attrs > NETTABLE_ATTRS ||
        b->t->strings.n > NETTABLE_STRINGS || !lpm_set(&b->t->lpm, here->prefix, here->value))
        return err_set(e, "there are too many networks");
    return true;
}

/* All streams' words about the least prefix there is, as one; false at the end. */
static bool next(struct head *heads, size_t n, struct nettable_entry *out, struct err *e)
{
    size_t least = n;
    for (size_t i = 0; i < n; i++)
        if (heads[i].live && (least == n || order(heads[i].entry.prefix, heads[least].entry.prefix) < 0))
            least = i;
    if (least == n)
        return false;
    struct prefix p = heads[least].entry.prefix;
    *out = (struct nettable_entry){.prefix = p};
    for (size_t i = n; i-- > 0;) /* the highest rank first */
        while (heads[i].live && order(heads[i].entry.prefix, p) == 0) {
            inherit(&out->attrs, &heads[i].entry.attrs);
            if (!advance(&heads[i], e))
                return false;
        }
    return true;
}

bool nettable_build(struct nettable *t, struct nettable_stream *streams, size_t n, const bool *stop,
                    struct err *e)
{
    struct build b = {.t = t, .mask = 1023, .depth = 1};
    struct head *heads = xcalloc(n + 1, sizeof *heads);
    struct nettable_entry entry;
    b.slots = xcalloc((size_t)b.mask + 1, sizeof *b.slots);
    bool ok = true;
    e->msg[0] = 0;
    for (size_t i = 0; i < n && ok; i++) {
        heads[i].stream = &streams[i];
        ok = advance(&heads[i], e);
    }
    for (unsigned k = 1; ok && next(heads, n, &entry, e); k++) {
        ok = place(&b, &entry, e);
        if (k % 4096 == 0 && stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
            ok = err_set(e, "stopped");
    }
    ok = ok && e->msg[0] == 0;
    free(b.slots);
    free(heads);
    t->attrs = xrealloc(t->attrs, (t->n_attrs + 1) * sizeof *t->attrs);
    t->room_attrs = t->n_attrs + 1;
    t->memory = pool_memory(&t->pool) + (sizeof(uint32_t) << 17) + t->room_attrs * sizeof *t->attrs +
                t->strings.text.total + t->strings.room * sizeof(struct str) +
                (t->strings.mask + 1) * sizeof(uint32_t);
    return ok;
}

struct nettable *nettable_new(struct err *e)
{
    static uint64_t serials;
    struct nettable *t = xcalloc(1, sizeof *t);
    t->serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
    intern_init(&t->strings);
    if (!pool_init(&t->pool, (uint64_t)4 << 30, false, e)) {
        intern_fini(&t->strings);
        free(t);
        return NULL;
    }
    lpm_init(&t->lpm, &t->pool);
    return t;
}

void nettable_free(struct nettable *t)
{
    if (!t)
        return;
    lpm_fini(&t->lpm);
    pool_fini(&t->pool);
    intern_fini(&t->strings);
    free(t->attrs);
    free(t);
}
