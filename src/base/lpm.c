/*
 * A tree of nodes that each decide six bits (tree bitmap): one bitmap says which prefixes of 0-5 bits end in the node, one
 * which of 64 children there are; both arrays are packed, and found by counting bits. The first 16 bits are looked up
 * directly; prefixes shorter than that are in a small tree of their own, asked only when the large one has no answer.
 *
 * A node never changes under a reader. To change one, the array of siblings it is in is copied with the new node, and the
 * parent's `child` is pointed to the copy with a single store. Values of prefixes that exist are replaced in place.
 */
#include "base/lpm.h"
#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>

enum { STRIDE = 6, TOP = 16, MAX_DEPTH = 24, NODE_UNITS = 3 };

struct node {
    uint64_t children; /* bit k: the next six bits are k */
    uint64_t prefixes; /* bit (1 << len) - 1 + bits: that prefix ends here */
    uint32_t child;    /* array of nodes, one for each bit of children */
    uint32_t value;    /* array of values, one for each bit of prefixes; of one prefix, its value */
};
_Static_assert(sizeof(struct node) == NODE_UNITS * POOL_UNIT, "nodes are three units");

typedef unsigned __int128 u128_t;

/* Prefixes of a node that cover six bits k. */
#define COVER(k)                                                                                             \
    (1ull | 1ull << (1 + ((k) >> 5)) | 1ull << (3 + ((k) >> 4)) | 1ull << (7 + ((k) >> 3)) |                 \
     1ull << (15 + ((k) >> 2)) | 1ull << (31 + ((k) >> 1)))
#define COVER8(k)                                                                                            \
    COVER(k), COVER(k + 1), COVER(k + 2), COVER(k + 3), COVER(k + 4), COVER(k + 5), COVER(k + 6), COVER(k + 7)
static const uint64_t cover[64] = {COVER8(0),  COVER8(8),  COVER8(16), COVER8(24),
                                   COVER8(32), COVER8(40), COVER8(48), COVER8(56)};

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define FAST __attribute__((target_clones("popcnt", "default")))
#else
#define FAST
#endif

/* ---- keys: left-aligned, of 32 or 128 bits */

static u128_t key6(struct ip a)
{
    uint64_t hi, lo;
    memcpy(&hi, a.b, 8);
    memcpy(&lo, a.b + 8, 8);
    return (u128_t)__builtin_bswap64(hi) << 64 | __builtin_bswap64(lo);
}

static u128_t key4(struct ip a)
{
    uint32_t v;
    memcpy(&v, a.b + 12, 4);
    return (u128_t)__builtin_bswap32(v) << 96;
}

static unsigned bits_at(u128_t key, unsigned at)
{
    return (unsigned)((key << at) >> 122);
}

static bool is_v4(struct prefix p)
{
    return p.len >= 96 && ip_is_v4(p.ip);
}

static bool covers_v4(struct prefix p)
{
    static const struct ip first = {.b = {[10] = 0xff, [11] = 0xff}};
    return p.len < 96 && prefix_contains(p, first);
}

/* Look-ups read it while the writer counts. */
static void count_covering(struct lpm *l, struct prefix p, uint32_t n)
{
    if (covers_v4(p))
        __atomic_store_n(&l->n_covering_v4, l->n_covering_v4 + n, __ATOMIC_RELAXED);
}

/* Where a prefix is kept: which root, and from which bit on nodes decide. */
struct place {
    uint32_t *root;
    u128_t key;
    unsigned len, from;
};

static struct place place_of(const struct lpm *l, struct prefix p)
{
    bool v4 = is_v4(p);
    u128_t key = v4 ? key4(p.ip) : key6(p.ip);
    unsigned len = v4 ? p.len - 96u : p.len;
    unsigned top = (unsigned)(key >> 112);
    if (len < TOP)
        return (struct place){l->shorter + !v4, key, len, 0};
    return (struct place){v4 ? &l->top4[top] : &l->top6[top], key, len, TOP};
}

/* ---- nodes */

static struct node *nodes_at(const struct pool *p, uint32_t at)
{
    return pool_at(p, at);
}

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_CONSUME);
}

static unsigned rank(uint64_t bitmap, unsigned bit)
{
    return (unsigned)__builtin_popcountll(bitmap & ((1ull << bit) - 1));
}

static unsigned slot_of(u128_t key, unsigned at, unsigned len)
{
    unsigned rest = len - at;
    return (1u << rest) - 1 + (bits_at(key, at) >> (STRIDE - rest));
}

/* ---- writing */

struct step {
    uint32_t *slot;    /* where the array of siblings is named */
    uint32_t index, n; /* of the node among them */
    unsigned bit;      /* the way down from here */
};

/* From the root down to the node where the prefix ends, or the last one there is. Returns how many steps. */
static unsigned descend(const struct lpm *l, const struct place *w, struct step *path)
{
    unsigned depth = 0, at = w->from;
    path[0] = (struct step){.slot = w->root, .n = 1};
    for (;; at += STRIDE) {
        struct step *s = &path[depth++];
        struct node *n = nodes_at(l->pool, *s->slot) + s->index;
        if (w->len - at < STRIDE)
            return depth;
        s->bit = bits_at(w->key, at);
        if (!(n->children >> s->bit & 1))
            return depth;
        path[depth] = (struct step){&n->child, rank(n->children, s->bit),
                                    (uint32_t)__builtin_popcountll(n->children), 0};
    }
}

/* Most nodes have one prefix. Its value stands in the node itself, which spares look-ups a cache miss. */
static uint32_t *values_of(const struct pool *p, struct node *n)
{
    return n->prefixes & (n->prefixes - 1) ? pool_at(p, n->value) : &n->value;
}

static void free_values(struct pool *p, uint32_t at, unsigned n)
{
    if (n > 1)
        pool_free(p, at, pool_units(n * sizeof(uint32_t)));
}

/* Those of a node, `n`, with one more at index i; 0 when there is no room. */
static uint32_t values_with(struct pool *p, struct node *old, unsigned n, unsigned i, uint32_t value)
{
    if (n == 0)
        return value;
    uint32_t at = pool_alloc(p, pool_units((n + 1) * sizeof(uint32_t)));
    if (!at)
        return 0;
    uint32_t *to = pool_at(p, at);
    const uint32_t *from = values_of(p, old);
    memcpy(to, from, i * sizeof *to);
    to[i] = value;
    memcpy(to + i + 1, from + i, (n - i) * sizeof *to);
    return at;
}

/* The array of a step with that node replaced; published. */
static bool replace(struct pool *p, const struct step *s, const struct node *with)
{
    uint32_t at = pool_alloc(p, s->n * NODE_UNITS), old = *s->slot;
    if (!at)
        return false;
    struct node *to = nodes_at(p, at);
    memcpy(to, nodes_at(p, old), s->n * sizeof *to);
    to[s->index] = *with;
    __atomic_store_n(s->slot, at, __ATOMIC_RELEASE);
    pool_free(p, old, s->n * NODE_UNITS);
    return true;
}

/* Those with n - 1 values, without the one at index i; 0 when there is no room. */
static uint32_t values_without(struct pool *p, struct node *old, unsigned n, unsigned i)
{
    const uint32_t *from = values_of(p, old);
    if (n == 2)
        return from[1 - i];
    uint32_t at = pool_alloc(p, pool_units((n - 1) * sizeof(uint32_t)));
    if (!at)
        return 0;
    uint32_t *to = pool_at(p, at);
    memcpy(to, from, i * sizeof *to);
    memcpy(to + i, from + i + 1, (n - 1 - i) * sizeof *to);
    return at;
}

/* Nodes that have one child each, down to the last, which has one value. */
static void chain_free(struct pool *p, uint32_t at)
{
    while (at) {
        struct node n = *nodes_at(p, at);
        pool_free(p, at, NODE_UNITS);
        at = n.child;
    }
}

/* Single nodes from bit `at` down to the one in which the prefix ends. */
static bool chain_new(struct pool *p, const struct place *w, unsigned at, uint32_t value, struct node *top)
{
    unsigned last = at + (w->len - at) / STRIDE * STRIDE;
    *top = (struct node){.prefixes = 1ull << slot_of(w->key, last, w->len), .value = value};
    while (last > at) {
        uint32_t child = pool_alloc(p, NODE_UNITS);
        if (!child) {
            chain_free(p, top->child);
            return false;
        }
        *nodes_at(p, child) = *top;
        last -= STRIDE;
        *top = (struct node){.children = 1ull << bits_at(w->key, last), .child = child};
    }
    return true;
}

static bool set_root(struct lpm *l, const struct place *w, uint32_t value)
{
    struct node n;
    if (!chain_new(l->pool, w, w->from, value, &n))
        return false;
    uint32_t at = pool_alloc(l->pool, NODE_UNITS);
    if (!at) {
        chain_free(l->pool, n.child);
        return false;
    }
    *nodes_at(l->pool, at) = n;
    __atomic_store_n(w->root, at, __ATOMIC_RELEASE);
    return true;
}

/* A child below the last step's node, which has none there. */
static bool add_child(struct lpm *l, const struct place *w, const struct step *s, unsigned at, uint32_t value)
{
    struct pool *p = l->pool;
    struct node n = nodes_at(p, *s->slot)[s->index], child;
    unsigned count = (unsigned)__builtin_popcountll(n.children), i = rank(n.children, s->bit);
    uint32_t old = n.child;
    if (!chain_new(p, w, at + STRIDE, value, &child))
        return false;
    n.child = pool_alloc(p, (count + 1) * NODE_UNITS);
    if (n.child) {
        struct node *to = nodes_at(p, n.child);
        const struct node *from = nodes_at(p, old);
        memcpy(to, from, i * sizeof *to);
        to[i] = child;
        memcpy(to + i + 1, from + i, (count - i) * sizeof *to);
        n.children |= 1ull << s->bit;
        if (replace(p, s, &n)) {
            if (count)
                pool_free(p, old, count * NODE_UNITS);
            return true;
        }
        pool_free(p, n.child, (count + 1) * NODE_UNITS);
    }
    chain_free(p, child.child);
    return false;
}

/* The prefix ends in the last step's node. */
static bool set_value(struct lpm *l, const struct step *s, unsigned slot, uint32_t value, bool *is_new)
{
    struct pool *p = l->pool;
    struct node *at = nodes_at(p, *s->slot) + s->index, n = *at;
    unsigned count = (unsigned)__builtin_popcountll(n.prefixes), i = rank(n.prefixes, slot);
    uint32_t old = n.value;
    *is_new = !(n.prefixes >> slot & 1);
    if (!*is_new) {
        __atomic_store_n(values_of(p, at) + i, value, __ATOMIC_RELEASE);
        return true;
    }
    n.value = values_with(p, at, count, i, value);
    if (!n.value)
        return false;
    n.prefixes |= 1ull << slot;
    if (!replace(p, s, &n)) {
        free_values(p, n.value, count + 1);
        return false;
    }
    free_values(p, old, count);
    return true;
}

bool lpm_set(struct lpm *l, struct prefix p, uint32_t value)
{
    assert(value != 0 && p.len <= LPM_LEN_MAX);
    struct place w = place_of(l, p);
    struct step path[MAX_DEPTH];
    bool is_new = true, ok;
    if (!*w.root) {
        ok = set_root(l, &w, value);
    } else {
        unsigned depth = descend(l, &w, path), at = w.from + (depth - 1) * STRIDE;
        ok = w.len - at < STRIDE ? set_value(l, &path[depth - 1], slot_of(w.key, at, w.len), value, &is_new)
                                 : add_child(l, &w, &path[depth - 1], at, value);
    }
    if (ok && is_new) {
        l->n++;
        count_covering(l, p, 1);
    }
    return ok;
}

uint32_t *lpm_slot(const struct lpm *l, struct prefix p)
{
    struct place w = place_of(l, p);
    struct step path[MAX_DEPTH];
    if (!*w.root)
        return NULL;
    unsigned depth = descend(l, &w, path), at = w.from + (depth - 1) * STRIDE;
    const struct step *s = &path[depth - 1];
    struct node *n = nodes_at(l->pool, *s->slot) + s->index;
    if (w.len - at >= STRIDE || !(n->prefixes >> slot_of(w.key, at, w.len) & 1))
        return NULL;
    return values_of(l->pool, n) + rank(n->prefixes, slot_of(w.key, at, w.len));
}

/* The last step's node is empty: it goes, and every one above it that is empty then. False when there was no room. */
static bool prune(struct pool *p, struct step *path, unsigned depth)
{
    struct step *s = &path[depth - 1];
    while (depth > 1 && s->n == 1) { /* the parent loses its only child */
        struct step *up = &path[depth - 2];
        const struct node *parent = nodes_at(p, *up->slot) + up->index;
        if (parent->prefixes)
            break;
        depth--;
        s = up;
    }
    /* s: the topmost node that goes */
    uint32_t doomed = *s->slot;
    struct node gone = nodes_at(p, doomed)[s->index];
    if (depth == 1) {
        __atomic_store_n(s->slot, 0, __ATOMIC_RELEASE);
        pool_free(p, doomed, NODE_UNITS);
    } else {
        struct step *up = &path[depth - 2];
        struct node parent = nodes_at(p, *up->slot)[up->index];
        parent.children &= ~(1ull << up->bit);
        parent.child = 0;
        if (s->n > 1 && !(parent.child = pool_alloc(p, (s->n - 1) * NODE_UNITS)))
            return false;
        if (parent.child) {
            struct node *to = nodes_at(p, parent.child), *from = nodes_at(p, doomed);
            memcpy(to, from, s->index * sizeof *to);
            memcpy(to + s->index, from + s->index + 1, (s->n - 1 - s->index) * sizeof *to);
        }
        if (!replace(p, up, &parent)) {
            if (parent.child)
                pool_free(p, parent.child, (s->n - 1) * NODE_UNITS);
            return false;
        }
        pool_free(p, doomed, s->n * NODE_UNITS);
    }
    chain_free(p, gone.children ? gone.child : 0);
    return true;
}

uint32_t lpm_remove(struct lpm *l, struct prefix prefix)
{
    struct place w = place_of(l, prefix);
    struct step path[MAX_DEPTH];
    if (!*w.root)
        return 0;
    unsigned depth = descend(l, &w, path), at = w.from + (depth - 1) * STRIDE;
    if (w.len - at >= STRIDE)
        return 0;
    struct pool *p = l->pool;
    struct step *s = &path[depth - 1];
    struct node *is = nodes_at(p, *s->slot) + s->index, n = *is;
    unsigned slot = slot_of(w.key, at, w.len), i = rank(n.prefixes, slot);
    unsigned count = (unsigned)__builtin_popcountll(n.prefixes);
    if (!(n.prefixes >> slot & 1))
        return 0;
    uint32_t old = n.value, was = values_of(p, is)[i];
    if (count == 1 && !n.children) {
        if (!prune(p, path, depth))
            return 0;
    } else {
        n.prefixes &= ~(1ull << slot);
        n.value = 0;
        if (count > 1 && !(n.value = values_without(p, is, count, i)))
            return 0;
        if (!replace(p, s, &n)) {
            free_values(p, n.value, count - 1);
            return 0;
        }
    }
    free_values(p, old, count);
    l->n--;
    count_covering(l, prefix, (uint32_t)-1);
    return was;
}

/* ---- reading */

/* What a walk has met so far. */
struct best {
    const uint32_t *value;
    unsigned len;
};

/* Where the value of a prefix of the node is. The writer may replace one that stands in the node at any time. */
static inline __attribute__((always_inline)) const uint32_t *value_at(const struct pool *p,
                                                                      const struct node *n, unsigned bit)
{
    const uint32_t *values = pool_at(p, __atomic_load_n(&n->value, __ATOMIC_RELAXED));
    return n->prefixes & (n->prefixes - 1) ? values + rank(n->prefixes, bit) : &n->value;
}

static inline __attribute__((always_inline)) uint32_t visit(const struct pool *p, uint32_t at, uint64_t six,
                                                            unsigned from, unsigned max, struct best *best)
{
    const struct node *n = pool_at(p, at);
    unsigned k = (unsigned)six;
    uint64_t m = n->prefixes & cover[k];
    if (max < from + STRIDE - 1)
        m &= (1ull << ((2u << (max - from)) - 1)) - 1;
    if (m) {
        unsigned bit = 63u - (unsigned)__builtin_clzll(m);
        best->value = value_at(p, n, bit);
        best->len = from + 31u - (unsigned)__builtin_clz(bit + 1);
    }
    if (!(n->children >> k & 1))
        return 0;
    return load(&n->child) + rank(n->children, k) * NODE_UNITS;
}

/* Down one tree. */
static inline __attribute__((always_inline)) struct best walk(const struct pool *p, uint32_t at, u128_t key,
                                                              unsigned from, unsigned max)
{
    struct best best = {0};
    for (; at && from <= max; from += STRIDE)
        at = visit(p, at, bits_at(key, from), from, max, &best);
    return best;
}

static inline __attribute__((always_inline)) struct best
look(const struct lpm *l, const uint32_t *top, const uint32_t *shorter, u128_t key, unsigned max)
{
    struct best b = {0};
    if (max >= TOP)
        b = walk(l->pool, load(&top[(unsigned)(key >> 112)]), key, TOP, max);
    return b.value ? b : walk(l->pool, load(shorter), key, 0, max);
}

static inline __attribute__((always_inline)) struct lpm_hit hit(struct best b, unsigned more)
{
    return b.value ? (struct lpm_hit){load(b.value), (uint8_t)(b.len + more)} : (struct lpm_hit){0};
}

FAST struct lpm_hit lpm_find(const struct lpm *l, struct ip a, unsigned max_len)
{
    bool v4 = ip_is_v4(a);
    if (v4 && max_len >= 96) {
        struct best b = look(l, l->top4, &l->shorter[0], key4(a), max_len - 96);
        if (b.value)
            return hit(b, 96);
        max_len = 95;
    }
    if (v4 && __atomic_load_n(&l->n_covering_v4, __ATOMIC_RELAXED) == 0)
        return (struct lpm_hit){0};
    return hit(look(l, l->top6, &l->shorter[1], key6(a), max_len), 0);
}

/*
 * Many at once. Each level's nodes are asked for when the level before is done, for all look-ups of a group, so that their
 * cache misses overlap; what decides nothing is computed anyway, since guessing wrong costs more. Look-ups that have come to
 * their end leave the list: IPv6 goes three times as deep.
 */
struct lane {
    u128_t key;
    const uint32_t *value; /* of the longest prefix so far */
    uint32_t at;
    uint8_t from, bit; /* the node that prefix ends in, and where */
    bool v4;
};

/*
 * A node may lie across two lines. At the end of the way something at hand is fetched instead: to fetch from an address that
 * no memory stands behind, as unit 0 is, costs a walk through the page tables each time.
 */
static inline __attribute__((always_inline)) void fetch_node(const struct pool *p, uint32_t at,
                                                             const void *at_hand)
{
    const char *node = at ? pool_at(p, at) : at_hand;
    __builtin_prefetch(node);
    __builtin_prefetch(node + sizeof(struct node) - 1);
}

static inline __attribute__((always_inline)) uint32_t step(const struct pool *p, struct lane *x,
                                                           unsigned from)
{
    const struct node *n = pool_at(p, x->at);
    /* almost all prefixes end in the first 64 bits, which are cheaper to shift */
    unsigned k = from + STRIDE <= 64 ? (unsigned)((uint64_t)(x->key >> 64) << from >> (64 - STRIDE))
                                     : bits_at(x->key, from);
    uint64_t prefixes = n->prefixes, children = n->children, m = prefixes & cover[k];
    unsigned bit = 63u - (unsigned)__builtin_clzll(m | 1);
    const uint32_t *value = value_at(p, n, bit);
    uint32_t child = load(&n->child) + rank(children, k) * NODE_UNITS;
    x->value = m ? value : x->value;
    x->from = m ? (uint8_t)from : x->from;
    x->bit = m ? (uint8_t)bit : x->bit;
    return x->at = children >> k & 1 ? child : 0;
}

static inline __attribute__((always_inline)) uint8_t len_of(const struct lane *x)
{
    return (uint8_t)((x->v4 ? 96 : 0) + x->from + 31 - __builtin_clz(x->bit + 1u));
}

/* Those listed in `live`, down from bit `from` on, level by level. */
static inline __attribute__((always_inline)) void walk_abreast(const struct pool *p, struct lane *lane,
                                                               uint8_t *live, size_t left, unsigned from)
{
    for (; left; from += STRIDE) {
        size_t stay = 0;
        for (size_t j = 0; j < left; j++) {
            uint8_t i = live[j];
            uint32_t at = step(p, &lane[i], from);
            fetch_node(p, at, &lane[i]);
            live[stay] = i;
            stay += at != 0;
        }
        left = stay;
    }
}

static inline __attribute__((always_inline)) void find_abreast(const struct lpm *l, const struct ip *a,
                                                               size_t n, struct lpm_hit *out)
{
    struct lane lane[LPM_ABREAST];
    uint8_t live[LPM_ABREAST];
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        struct lane *x = &lane[i];
        bool v4 = ip_is_v4(a[i]);
        *x = (struct lane){.key = v4 ? key4(a[i]) : key6(a[i]), .v4 = v4};
        x->at = load(&(v4 ? l->top4 : l->top6)[(unsigned)(x->key >> 112)]);
        fetch_node(l->pool, x->at, x);
        live[left] = (uint8_t)i;
        left += x->at != 0;
    }
    walk_abreast(l->pool, lane, live, left, TOP);
    left = 0;
    for (size_t i = 0; i < n; i++) {
        lane[i].at = lane[i].value ? 0 : load(&l->shorter[!lane[i].v4]);
        live[left] = (uint8_t)i;
        left += lane[i].at != 0;
    }
    walk_abreast(l->pool, lane, live, left, 0);
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(lane[i].value ? (const void *)lane[i].value : &lane[i]);
    for (size_t i = 0; i < n; i++)
        if (lane[i].value)
            out[i] = (struct lpm_hit){load(lane[i].value), len_of(&lane[i])};
        else
            out[i] = lane[i].v4 ? lpm_find(l, a[i], 95) : (struct lpm_hit){0};
}

FAST void lpm_find_many(const struct lpm *l, const struct ip *a, size_t n, struct lpm_hit *out)
{
    for (size_t i = 0; i < n; i += LPM_ABREAST)
        find_abreast(l, a + i, n - i < LPM_ABREAST ? n - i : LPM_ABREAST, out + i);
}

uint32_t lpm_get(const struct lpm *l, struct prefix p)
{
    struct lpm_hit h = lpm_find(l, p.ip, p.len);
    return h.len == p.len ? h.value : 0;
}

struct each {
    const struct lpm *l;
    bool v4;
    lpm_each_fn *fn;
    void *arg;
};

static struct ip ip_of(u128_t key, bool v4)
{
    struct ip a = {0};
    if (v4) {
        uint32_t v = __builtin_bswap32((uint32_t)(key >> 96));
        return ip_v4(&v);
    }
    uint64_t hi = __builtin_bswap64((uint64_t)(key >> 64)), lo = __builtin_bswap64((uint64_t)key);
    memcpy(a.b, &hi, 8);
    memcpy(a.b + 8, &lo, 8);
    return a;
}

static void each_node(const struct each *e, uint32_t at, u128_t key, unsigned from)
{
    struct node *n = nodes_at(e->l->pool, at);
    const uint32_t *value = values_of(e->l->pool, n);
    for (uint64_t m = n->prefixes; m; m &= m - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(m), len = 31u - (unsigned)__builtin_clz(slot + 1);
        u128_t bits = (u128_t)(slot + 1 - (1u << len)) << (128 - STRIDE) << (STRIDE - len);
        struct prefix p = {ip_of(key | bits >> from, e->v4), (uint8_t)(from + len + (e->v4 ? 96 : 0))};
        e->fn(p, *value++, e->arg);
    }
    uint32_t child = n->child;
    for (uint64_t m = n->children; m; m &= m - 1, child += NODE_UNITS)
        each_node(e, child, key | (u128_t)(unsigned)__builtin_ctzll(m) << (128 - STRIDE) >> from,
                  from + STRIDE);
}

void lpm_each(const struct lpm *l, lpm_each_fn *fn, void *arg)
{
    for (int v4 = 1; v4 >= 0; v4--) {
        struct each e = {l, v4, fn, arg};
        uint32_t shorter = l->shorter[!v4];
        if (shorter)
            each_node(&e, shorter, 0, 0);
        for (unsigned i = 0; i < 1u << TOP; i++)
            if ((v4 ? l->top4 : l->top6)[i])
                each_node(&e, (v4 ? l->top4 : l->top6)[i], (u128_t)i << 112, TOP);
    }
}

void lpm_init(struct lpm *l, struct pool *pool)
{
    *l = (struct lpm){.pool = pool};
    l->shorter = xcalloc(2, sizeof *l->shorter);
    l->top4 = xcalloc(1u << TOP, sizeof *l->top4);
    l->top6 = xcalloc(1u << TOP, sizeof *l->top6);
}

void lpm_fini(struct lpm *l)
{
    free(l->top4);
    free(l->top6);
    free(l->shorter);
    *l = (struct lpm){0};
}
