/*
 * Sealing: an order of rows is found from the ranks of the edges (few) and a counting sort over them, then each column is
 * gathered in that order into its wire form. Dictionaries hold what occurs in the column, numbered as first met.
 */
#include "store/block.h"
#include "store/native.h"
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

enum { FIVE_MINUTES = 300 };

void block_sealer_fini(struct block_sealer *s)
{
    free(s->order);
    free(s->other);
    free(s->rank);
    free(s->dict);
    free(s->slots);
    free(s->exporters);
    free(s->edge);
    *s = (struct block_sealer){0};
}

static uint32_t *room(uint32_t *p, size_t *have, size_t need)
{
    if (p && need <= *have)
        return p;
    *have = need + need / 2 + 1; /* an empty block's is one too */
    return xrealloc(p, *have * sizeof *p);
}

/* ---- order of rows */

static int by_text(struct str a, struct str b)
{
    int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);
    return d ? d : (a.len > b.len) - (a.len < b.len);
}

static int by_edge(const void *x, const void *y, void *arg)
{
    const struct block *b = arg;
    const struct edge *p = &b->edges[*(const uint32_t *)x], *q = &b->edges[*(const uint32_t *)y];
    static const enum column names[] = {COL_InIfName, COL_OutIfName};
    int d = memcmp(p->exporter.b, q->exporter.b, 16);
    for (int i = 0; d == 0 && i < 2; i++) {
        int at = edge_value(names[i]);
        d = by_text(b->strs[p->v[at]], b->strs[q->v[at]]);
    }
    return d;
}

/*
 * Ranks of the block's edges in the table's order; equal ones share a rank. Exporters are numbered on the way, being
 * neighbours. Returns how many ranks there are.
 */
static uint32_t rank_edges(const struct block *b, struct block_sealer *s)
{
    s->exporters = room(s->exporters, &s->exporters_room, 2 * (size_t)b->n_edges);
    uint32_t *sorted = s->other, *of_edge = s->exporters, *first = of_edge + b->n_edges, ranks = 0;
    s->n_exporters = 0;
    for (uint32_t i = 0; i < b->n_edges; i++)
        sorted[i] = i;
    qsort_r(sorted, b->n_edges, sizeof *sorted, by_edge, (void *)(uintptr_t)b);
    for (uint32_t i = 0; i < b->n_edges; i++) {
        if (i && by_edge(&sorted[i - 1], &sorted[i], (void *)(uintptr_t)b) != 0)
            ranks++;
        s->rank[sorted[i]] = ranks;
        if (i == 0 || !ip_eq(b->edges[sorted[i - 1]].exporter, b->edges[sorted[i]].exporter))
            first[s->n_exporters++] = sorted[i];
        of_edge[sorted[i]] = s->n_exporters - 1;
    }
    return b->n_edges ? ranks + 1 : 0;
}

/* One stable pass: rows of `from` go to `to` by key(row), of which there are `keys`. */
#define COUNTING_PASS(from, to, n, keys, key)                                                                \
    do {                                                                                                     \
        uint32_t *count = xcalloc((keys) + 1, sizeof *count);                                                \
        for (uint32_t i_ = 0; i_ < (n); i_++) {                                                              \
            uint32_t row = (from)[i_];                                                                       \
            count[(key) + 1]++;                                                                              \
        }                                                                                                    \
        for (size_t k_ = 1; k_ <= (keys); k_++)                                                              \
            count[k_] += count[k_ - 1];                                                                      \
        for (uint32_t i_ = 0; i_ < (n); i_++) {                                                              \
            uint32_t row = (from)[i_];                                                                       \
            (to)[count[key]++] = row;                                                                        \
        }                                                                                                    \
        free(count);                                                                                         \
    } while (0)

static const uint32_t *find_order(const struct block *b, struct block_sealer *s)
{
    size_t most = b->n > b->n_edges ? b->n : b->n_edges, have[3] = {s->room, s->room, s->room};
    s->order = room(s->order, &have[0], most);
    s->other = room(s->other, &have[1], most);
    s->rank = room(s->rank, &have[2], most);
    s->room = have[0];
    size_t ranks = rank_edges(b, s);
    for (uint32_t i = 0; i < b->n; i++)
        s->order[i] = i;
    const uint32_t *edge = b->col[COL_Edge], *time = b->col[COL_TimeReceived], *rank = s->rank;
    uint32_t *order = s->order, *other = s->other;
    if (ranks > 1) {
        COUNTING_PASS(order, other, b->n, ranks, rank[edge[row]]);
        order = s->other;
        other = s->order;
    }
    if (!time)
        return order;
    uint32_t low = UINT32_MAX, high = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t five = time[i] / FIVE_MINUTES;
        low = five < low ? five : low;
        high = five > high ? five : high;
    }
    if (high - low > 1u << 20) /* more than ten years: the table sorts them itself */
        return order;
    if (high > low) {
        size_t spans = (size_t)(high - low) + 1;
        COUNTING_PASS(order, other, b->n, spans, time[row] / FIVE_MINUTES - low);
        order = other;
    }
    return order;
}

/* ---- columns */

#define GATHER(type)                                                                                         \
    do {                                                                                                     \
        type *to = (type *)(void *)native_room(out, n * sizeof(type));                                       \
        const type *from = col;                                                                              \
        for (uint32_t i = 0; i < n; i++)                                                                     \
            memcpy(&to[i], &from[order[i]], sizeof(type));                                                   \
    } while (0)

static void gather(struct buf *out, const void *col, size_t width, const uint32_t *order, uint32_t n)
{
    struct pair {
        uint64_t q[2];
    } __attribute__((packed));
    typedef uint16_t u16 __attribute__((aligned(1)));
    typedef uint32_t u32 __attribute__((aligned(1)));
    typedef uint64_t u64 __attribute__((aligned(1)));
    switch (width) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(u16);
        break;
    case 4:
        GATHER(u32);
        break;
    case 8:
        GATHER(u64);
        break;
    default:
        GATHER(struct pair);
    }
}

/* Index of the i-th row: value[of[i]] where value numbers the keys. */
static void indexes(struct buf *out, size_t keys, const uint32_t *value, const uint32_t *of, uint32_t n)
{
    unsigned width = native_index_width(keys);
    buf_le64(out, n);
    uint8_t *to = native_room(out, (size_t)n * width);
    if (keys == 1) {
        memset(to, 0, n);
    } else if (width == 1) {
        for (uint32_t i = 0; i < n; i++)
            to[i] = (uint8_t)value[of[i]];
    } else if (width == 2) {
        for (uint32_t i = 0; i < n; i++) {
            uint16_t v = (uint16_t)value[of[i]];
            memcpy(to + 2 * (size_t)i, &v, 2);
        }
    } else {
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + 4 * (size_t)i, &value[of[i]], 4);
    }
}

static void dict_room(struct block_sealer *s, size_t need)
{
    s->dict = room(s->dict, &s->dict_room, need);
}

/* An edge's text column: the dictionary is of the edges' texts; s->dict holds text -> key, then edge -> key. */
static void edge_strings(const struct block *b, struct block_sealer *s, int value, struct buf *out)
{
    dict_room(s, b->n_strs + b->n_edges + b->n_strs);
    uint32_t *key = s->dict, *of_edge = key + b->n_strs, *keys = of_edge + b->n_edges, n = 0;
    memset(key, 0xff, b->n_strs * sizeof *key);
    for (uint32_t e = 0; e < b->n_edges; e++) {
        uint32_t str = b->edges[e].v[value];
        if (key[str] == UINT32_MAX) {
            key[str] = n;
            keys[n++] = str;
        }
        of_edge[e] = key[str];
    }
    native_keys(out, n);
    for (uint32_t i = 0; i < n; i++)
        native_string(out, b->strs[keys[i]]);
    indexes(out, n, of_edge, s->edge, b->n);
}

static void edge_exporters(const struct block *b, const struct block_sealer *s, struct buf *out)
{
    const uint32_t *of_edge = s->exporters, *first = of_edge + b->n_edges;
    native_keys(out, s->n_exporters);
    for (uint32_t i = 0; i < s->n_exporters; i++)
        buf_add(out, b->edges[first[i]].exporter.b, 16);
    indexes(out, s->n_exporters, of_edge, s->edge, b->n);
}

/* An edge's plain number. */
static void edge_numbers(const struct block *b, const struct block_sealer *s, int value, size_t width,
                         struct buf *out)
{
    uint8_t *to = native_room(out, b->n * width);
    assert(width == 1 || width == 4);
    if (width == 1)
        for (uint32_t i = 0; i < b->n; i++)
            to[i] = (uint8_t)b->edges[s->edge[i]].v[value];
    else
        for (uint32_t i = 0; i < b->n; i++)
            memcpy(to + (size_t)i * 4, &b->edges[s->edge[i]].v[value], 4);
}

/* indexes() of key[col[row]]: narrow in the rows' own order first, so that gathering jumps about in few bytes. */
static void row_indexes(struct block_sealer *s, size_t keys, const uint32_t *key, const uint32_t *col,
                        const uint32_t *order, uint32_t n, struct buf *out)
{
    unsigned width = native_index_width(keys);
    s->slots = room(s->slots, &s->slots_room, n);
    if (keys == 1 || width == 4) {
        for (uint32_t i = 0; i < n; i++)
            s->slots[i] = col[order[i]];
        indexes(out, keys, key, s->slots, n);
        return;
    }
    buf_le64(out, n);
    if (width == 1) {
        uint8_t *narrow = (uint8_t *)s->slots;
        for (uint32_t i = 0; i < n; i++)
            narrow[i] = (uint8_t)key[col[i]];
    } else {
        uint16_t *narrow = (uint16_t *)(void *)s->slots;
        for (uint32_t i = 0; i < n; i++)
            narrow[i] = (uint16_t)key[col[i]];
    }
    gather(out, s->slots, width, order, n);
}

static void row_strings(const struct block *b, struct block_sealer *s, const uint32_t *col,
                        const uint32_t *order, struct buf *out)
{
    dict_room(s, 2 * (size_t)b->n_strs);
    uint32_t *key = s->dict, *keys = key + b->n_strs, n = 0;
    memset(key, 0xff, b->n_strs * sizeof *key);
    for (uint32_t i = 0; i < b->n; i++)
        if (key[col[i]] == UINT32_MAX) {
            key[col[i]] = n;
            keys[n++] = col[i];
        }
    native_keys(out, n);
    for (uint32_t i = 0; i < n; i++)
        native_string(out, b->strs[keys[i]]);
    row_indexes(s, n, key, col, order, b->n, out);
}

/* LowCardinality of addresses that rows hold in full (NextHop): keys are found by hashing. */
static void row_addresses(const struct block *b, struct block_sealer *s, const struct ip *col,
                          const uint32_t *order, struct buf *out)
{
    size_t size = 256;
    while (size < 2 * (size_t)b->n)
        size *= 2;
    s->slots = room(s->slots, &s->slots_room, size);
    memset(s->slots, 0, size * sizeof *s->slots);
    dict_room(s, 2 * (size_t)b->n);
    uint32_t *of = s->dict, *keys = of + b->n, n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        size_t at = XXH3_64bits(col[i].b, 16) & (size - 1);
        while (s->slots[at] && !ip_eq(col[keys[s->slots[at] - 1]], col[i]))
            at = (at + 1) & (size - 1);
        if (!s->slots[at]) {
            keys[n++] = i;
            s->slots[at] = n;
        }
        of[i] = s->slots[at] - 1;
    }
    native_keys(out, n);
    for (uint32_t i = 0; i < n; i++)
        buf_add(out, col[keys[i]].b, 16);
    indexes(out, n, of, order, b->n);
}

/* Few bytes, a multiple of four; nothing is called. */
static inline uint8_t *copy_items(uint8_t *to, const char *from, size_t len)
{
    for (; len >= 8; len -= 8, to += 8, from += 8)
        memcpy(to, from, 8);
    if (len) {
        memcpy(to, from, 4);
        to += 4;
    }
    return to;
}

static void arrays(const struct block *b, struct block_sealer *s, enum column c, const uint32_t *order,
                   struct buf *out)
{
    enum { AHEAD = 16 };
    const struct span *span = b->col[c];
    bool wide = column_defs[c].store == STORE_A128;
    size_t size = wide ? sizeof *b->pool128 : sizeof *b->pool32;
    const char *pool = wide ? (const char *)b->pool128 : (const char *)b->pool32;
    s->slots = room(s->slots, &s->slots_room, 2 * (size_t)b->n);
    struct span *sorted = (struct span *)(void *)s->slots;
    uint64_t end = 0;
    uint8_t *ends = native_room(out, (size_t)b->n * sizeof end);
    for (uint32_t i = 0; i < b->n; i++) {
        sorted[i] = span[order[i]];
        end += sorted[i].n;
        memcpy(ends + i * sizeof end, &end, sizeof end);
    }
    if (end == 0)
        return;
    uint8_t *to = native_room(out, end * size);
    for (uint32_t i = 0; i < b->n; i++) {
        if (i + AHEAD < b->n)
            __builtin_prefetch(pool + sorted[i + AHEAD].at * size);
        to = copy_items(to, pool + sorted[i].at * size, sorted[i].n * size);
    }
}

static bool present(const struct block *b, enum column c)
{
    int value = edge_value(c);
    if (c == COL_ExporterAddress)
        return true;
    if (value < 0)
        return b->col[c] != NULL;
    for (uint32_t e = 0; e < b->n_edges; e++)
        if (b->edges[e].v[value])
            return true;
    return false;
}

static void seal_column(const struct block *b, struct block_sealer *s, enum column c, const uint32_t *order,
                        struct buf *out)
{
    const struct column_def *d = &column_defs[c];
    int value = edge_value(c);
    native_column(out, d->name, d->type);
    if (b->n == 0)
        return;
    if (c == COL_ExporterAddress)
        edge_exporters(b, s, out);
    else if (value >= 0 && d->store == STORE_STR)
        edge_strings(b, s, value, out);
    else if (value >= 0)
        edge_numbers(b, s, value, column_width(c), out);
    else if (d->store == STORE_STR)
        row_strings(b, s, b->col[c], order, out);
    else if (d->store == STORE_A32 || d->store == STORE_A128)
        arrays(b, s, c, order, out);
    else if (d->store == STORE_IP && strcmp(d->type, "LowCardinality(IPv6)") == 0)
        row_addresses(b, s, b->col[c], order, out);
    else
        gather(out, b->col[c], column_width(c), order, b->n);
}

static size_t items(const struct span *span, uint32_t n)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += span[i].n;
    return sum;
}

/* Bytes it will take, dictionaries apart. */
static size_t about(const struct block *b)
{
    size_t n = 0;
    for (unsigned i = 0; i < b->layout->n; i++) {
        enum column c = b->layout->cols[i];
        if (!b->col[c])
            continue;
        n += b->n * column_width(c);
        if (column_defs[c].store == STORE_A32)
            n += items(b->col[c], b->n) * sizeof *b->pool32;
        else if (column_defs[c].store == STORE_A128)
            n += items(b->col[c], b->n) * sizeof *b->pool128;
    }
    return n;
}

void block_seal(const struct block *b, struct block_sealer *s, struct buf *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->layout->n; i++)
        n += b->n == 0 || present(b, b->layout->cols[i]);
    buf_reserve(out, about(b)); /* once, instead of growing and copying column after column */
    const uint32_t *order = find_order(b, s), *edge = b->col[COL_Edge];
    s->edge = room(s->edge, &s->edge_room, b->n);
    for (uint32_t i = 0; i < b->n; i++)
        s->edge[i] = edge[order[i]];
    native_head(out, n, b->n);
    for (unsigned i = 0; i < b->layout->n; i++)
        if (b->n == 0 || present(b, b->layout->cols[i]))
            seal_column(b, s, b->layout->cols[i], order, out);
}
