/*
 * Batch-wise: tuples are packed column by column and interned row by row (runs of equal ones for free), then all hashes
 * are made and their slots fetched ahead, so that the cache misses of a batch overlap instead of following each other.
 */
#include "store/rollup.h"
#include "base/table.h"
#include <stdlib.h>

enum { FIRST_ROWS = 1024, FIRST_SLOTS = 2048, FIRST_TUPLES = 64 };

struct scratch {
    uint32_t id[ROLLUP_PARTS][BATCH_ROWS];
    struct rollup_entry key[BATCH_ROWS];
    uint32_t hash[BATCH_ROWS]; /* of tuples, then of keys */
    uint64_t packed[];
};

/* ---- layout */

static enum rollup_part part_of(enum column c)
{
    const char *name = column_defs[c].name;
    if (c == COL_Dst1stAS || c == COL_Dst2ndAS || c == COL_Dst3rdAS)
        return ROLLUP_PATH;
    static const char *const about[] = {"Net", "Country", "Geo"};
    for (int i = 0; i < 3; i++)
        if (strncmp(name + 3, about[i], strlen(about[i])) == 0)
            return strncmp(name, "Src", 3) == 0   ? ROLLUP_SRC
                   : strncmp(name, "Dst", 3) == 0 ? ROLLUP_DST
                                                  : ROLLUP_REST;
    return ROLLUP_REST;
}

static void lay_out(struct rollup *r, const struct schema *s)
{
    for (unsigned i = 0; i < COL_COUNT; i++) {
        enum column c = (enum column)i;
        if (!schema_rolled(s, c) || column_defs[c].store == STORE_NONE || column_defs[c].flags & COLF_SUM ||
            edge_column(c) || c == COL_TimeReceived || c == COL_SrcAS || c == COL_DstAS ||
            column_defs[c].store == STORE_A32 || column_defs[c].store == STORE_A128)
            continue;
        struct rollup_tuples *t = &r->tuples[part_of(c)];
        t->at[t->n_cols] = (uint16_t)t->width;
        t->cols[t->n_cols++] = c;
        t->width += column_width(c);
    }
    for (int p = 0; p < ROLLUP_PARTS; p++)
        r->tuples[p].width = r->tuples[p].width ? (r->tuples[p].width + 7) & ~(size_t)7 : 8;
}

/* ---- tuples */

static void tuples_clear(struct rollup_tuples *t)
{
    free(t->rows);
    free(t->slots);
    t->mask = 4 * FIRST_TUPLES - 1;
    t->room = FIRST_TUPLES;
    t->rows = xcalloc(t->room, t->width);
    t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
    t->n = 1;
}

static inline uint32_t tuple_hash(const uint64_t *p, size_t words)
{
    uint64_t h = 0;
    for (size_t i = 0; i < words; i++) {
        h = (h ^ p[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29);
}

static inline bool same_words(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < words; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}

static inline uint32_t *tuple_slot(const struct rollup_tuples *t, const uint64_t *p, size_t words,
                                   uint32_t hash)
{
    uint32_t i = hash & t->mask;
    while (t->slots[i] && !same_words(t->rows + t->slots[i] * words, p, words))
        i = (i + 1) & t->mask;
    return &t->slots[i];
}

static __attribute__((noinline)) uint32_t tuple_add(struct rollup_tuples *t, uint32_t *slot,
                                                    const uint64_t *p)
{
    size_t words = t->width / 8;
    if (t->n == t->room) {
        t->room *= 2;
        t->rows = xrealloc(t->rows, t->room * t->width);
    }
    uint32_t id = t->n++;
    memcpy(t->rows + id * words, p, t->width);
    *slot = id;
    if (t->n > t->mask / 2) {
        free(t->slots);
        t->mask = t->mask * 2 + 1;
        t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
        for (uint32_t k = 1; k < t->n; k++)
            *tuple_slot(t, t->rows + k * words, words, tuple_hash(t->rows + k * words, words)) = k;
    }
    return id;
}

/* The column's values into their place in the packed tuples. */
static void pack(char *to, size_t stride, const char *from, size_t width, uint32_t n)
{
    switch (width) {
    case 1:
        for (uint32_t i = 0; i < n; i++)
            to[i * stride] = from[i];
        break;
    case 2:
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + i * stride, from + i * 2, 2);
        break;
    case 4:
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + i * stride, from + (size_t)i * 4, 4);
        break;
    case 8:
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + i * stride, from + (size_t)i * 8, 8);
        break;
    default:
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + i * stride, from + (size_t)i * 16, 16);
    }
}

/* Live columns of rows [from, from + n) side by side; false: there are none. */
static bool pack_rows(const struct rollup_tuples *t, const struct batch *b, uint32_t from, uint32_t n,
                      uint64_t *packed)
{
    bool any = false;
    for (unsigned k = 0; k < t->n_cols; k++) {
        enum column c = t->cols[k];
        if (!batch_live(b, c))
            continue;
        if (!any)
            memset(packed, 0, n * t->width);
        any = true;
        size_t width = column_width(c);
        pack((char *)packed + t->at[k], t->width, (const char *)b->col[c] + from * width, width, n);
    }
    return any;
}

/* Hashes of all, with what they lead to on its way into the cache. */
static inline void hash_tuples(const struct rollup_tuples *t, const uint64_t *packed, size_t words,
                               uint32_t n, uint32_t *hash)
{
    for (uint32_t i = 0; i < n; i++) {
        hash[i] = tuple_hash(packed + i * words, words);
        __builtin_prefetch(&t->slots[hash[i] & t->mask]);
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *row = t->rows + t->slots[hash[i] & t->mask] * words;
        __builtin_prefetch(row);
        __builtin_prefetch(row + words - 1); /* it may lie across two lines */
    }
}

/* Inlined where `words` is a constant, so that hashing and comparing are no loops. */
static inline __attribute__((always_inline)) void find_tuples(struct rollup_tuples *t, size_t words,
                                                              uint32_t n, struct scratch *s, uint32_t *id)
{
    hash_tuples(t, s->packed, words, n, s->hash);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *p = s->packed + i * words;
        uint32_t hash = s->hash[i];
        if (i && hash == s->hash[i - 1] && same_words(p, p - words, words)) {
            id[i] = id[i - 1];
        } else if (hash || !same_words(p, t->rows, words)) { /* all zeros: 0 */
            uint32_t *slot = tuple_slot(t, p, words, hash);
            id[i] = *slot ? *slot : tuple_add(t, slot, p);
        }
    }
}

static void tuple_ids(struct rollup_tuples *t, const struct batch *b, uint32_t from, uint32_t n,
                      struct scratch *s, uint32_t *id)
{
    memset(id, 0, n * sizeof *id);
    if (!pack_rows(t, b, from, n, s->packed))
        return;
    switch (t->width / 8) {
    case 2:
        find_tuples(t, 2, n, s, id);
        break;
    case 3:
        find_tuples(t, 3, n, s, id);
        break;
    case 4:
        find_tuples(t, 4, n, s, id);
        break;
    default:
        find_tuples(t, t->width / 8, n, s, id);
    }
}

/* ---- the aggregate */

struct rollup *rollup_new(const struct schema *s)
{
    struct rollup *r = xcalloc(1, sizeof *r);
    lay_out(r, s);
    size_t width = 8;
    for (int p = 0; p < ROLLUP_PARTS; p++)
        width = r->tuples[p].width > width ? r->tuples[p].width : width;
    r->scratch = xmalloc(sizeof(struct scratch) + BATCH_ROWS * width);
    rollup_reset(r);
    return r;
}

static size_t rows_len(const struct rollup *r)
{
    return r->room * sizeof *r->rows;
}

static size_t slots_len(const struct rollup *r)
{
    return ((size_t)r->mask + 1) * sizeof *r->slots;
}

static void forget_rows(struct rollup *r)
{
    table_free(r->rows, rows_len(r));
    table_free(r->slots, slots_len(r));
}

void rollup_free(struct rollup *r)
{
    if (!r)
        return;
    for (int p = 0; p < ROLLUP_PARTS; p++) {
        free(r->tuples[p].rows);
        free(r->tuples[p].slots);
    }
    forget_rows(r);
    free(r->scratch);
    free(r);
}

/* Room follows the load down as well: kept when an eighth of it was used. */
void rollup_reset(struct rollup *r)
{
    for (int p = 0; p < ROLLUP_PARTS; p++)
        tuples_clear(&r->tuples[p]);
    if (r->room == 0 || (r->room > FIRST_ROWS && r->n < r->room / 8)) {
        bool first = r->room == 0;
        uint32_t room = r->room / 2 < FIRST_ROWS ? FIRST_ROWS : r->room / 2,
                 slots = first || r->mask / 2 < FIRST_SLOTS ? FIRST_SLOTS : (r->mask + 1) / 2;
        if (!first)
            forget_rows(r);
        r->room = room;
        r->mask = slots - 1;
        r->rows = table_resize(NULL, 0, rows_len(r));
        r->slots = table_zeroed(slots_len(r));
    } else {
        memset(r->slots, 0, slots_len(r));
    }
    r->n = 0;
    r->added = 0;
}

size_t rollup_size(const struct rollup *r)
{
    size_t n = rows_len(r) + slots_len(r);
    for (int p = 0; p < ROLLUP_PARTS; p++)
        n += r->tuples[p].room * r->tuples[p].width + r->tuples[p].mask * sizeof(uint32_t);
    return n;
}

static inline uint32_t entry_hash(const struct rollup_entry *e)
{
    uint64_t q[4];
    memcpy(q, e, sizeof q);
    uint64_t a = (q[0] ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u,
             b = (q[1] ^ 0x94d049bb133111ebu) * 0x9e3779b97f4a7c15u,
             c = (q[2] ^ 0xd6e8feb86659fd93u) * 0x94d049bb133111ebu, d = q[3] * 0xd6e8feb86659fd93u;
    uint64_t h = (a ^ a >> 32) + (b ^ b >> 29) + (c ^ c >> 31) + (d ^ d >> 30);
    h *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static __attribute__((noinline)) void more_rows(struct rollup *r)
{
    size_t had = rows_len(r);
    r->room += r->room / 2;
    r->rows = table_resize(r->rows, had, rows_len(r));
}

/* A slot knows its hash: rows are not looked at. */
static __attribute__((noinline)) void more_slots(struct rollup *r)
{
    uint64_t *old = r->slots;
    size_t had = slots_len(r), n = (size_t)r->mask + 1;
    r->mask = 2 * r->mask + 1;
    r->slots = table_zeroed(slots_len(r));
    for (size_t k = 0; k < n; k++) {
        if (!old[k])
            continue;
        uint32_t i = (uint32_t)(old[k] >> 32) & r->mask;
        while (r->slots[i])
            i = (i + 1) & r->mask;
        r->slots[i] = old[k];
    }
    table_free(old, had);
}

static inline bool same_key(const struct rollup_entry *a, const struct rollup_entry *b)
{
    uint64_t x[4], y[4];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3])) == 0;
}

static inline void add_one(struct rollup *r, const struct rollup_entry *e, uint32_t h)
{
    uint32_t i = h & r->mask;
    for (uint64_t s; (s = r->slots[i]); i = (i + 1) & r->mask) {
        struct rollup_entry *have = &r->rows[(uint32_t)s - 1];
        if ((uint32_t)(s >> 32) == h && same_key(have, e)) {
            have->bytes += e->bytes;
            have->packets += e->packets;
            return;
        }
    }
    r->rows[r->n] = *e;
    r->slots[i] = (uint64_t)h << 32 | ++r->n;
    if (r->n == r->room)
        more_rows(r);
    if (r->n > r->mask / 4 * 3)
        more_slots(r);
}

static const uint32_t *column32(struct batch *b, enum column c, uint32_t from)
{
    return (const uint32_t *)batch_col(b, c) + from;
}

static void make_keys(struct rollup *r, struct batch *b, uint32_t from, uint32_t n)
{
    struct scratch *s = r->scratch;
    for (int p = 0; p < ROLLUP_PARTS; p++)
        tuple_ids(&r->tuples[p], b, from, n, s, s->id[p]);
    const uint32_t *time = column32(b, COL_TimeReceived, from), *edge = column32(b, COL_Edge, from),
                   *src = column32(b, COL_SrcAS, from), *dst = column32(b, COL_DstAS, from);
    const uint64_t *bytes = (const uint64_t *)batch_col(b, COL_Bytes) + from,
                   *packets = (const uint64_t *)batch_col(b, COL_Packets) + from;
    for (uint32_t i = 0; i < n; i++) {
        s->key[i] = (struct rollup_entry){.minute = time[i] / 60,
                                          .edge = edge[i],
                                          .src_as = src[i],
                                          .dst_as = dst[i],
                                          .part = {s->id[0][i], s->id[1][i], s->id[2][i], s->id[3][i]},
                                          .bytes = bytes[i],
                                          .packets = packets[i]};
        s->hash[i] = entry_hash(&s->key[i]);
        __builtin_prefetch(&r->slots[s->hash[i] & r->mask], 1);
    }
}

void rollup_add(struct rollup *r, struct batch *b, uint32_t from, uint32_t to)
{
    struct scratch *s = r->scratch;
    uint32_t n = to - from;
    make_keys(r, b, from, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)r->slots[s->hash[i] & r->mask];
        if (at) {
            const char *row = (const char *)&r->rows[at - 1];
            __builtin_prefetch(row, 1);
            __builtin_prefetch(row + sizeof *r->rows - 1, 1); /* it may lie across two lines */
        }
    }
    for (uint32_t i = 0; i < n; i++)
        add_one(r, &s->key[i], s->hash[i]);
    r->added += n;
}

/* ---- output */

#define UNPACK(width)                                                                                        \
    for (uint32_t i = 0; i < n; i++)                                                                         \
    memcpy(to + (size_t)i * (width), from + rows[i].part[p] * stride, (width))

/* One column of the tuples that the rows name; widths are constants, so that nothing is called for each value. */
static void unpack(char *to, const char *from, size_t stride, size_t width, int p,
                   const struct rollup_entry *rows, uint32_t n)
{
    switch (width) {
    case 1:
        UNPACK(1);
        break;
    case 2:
        UNPACK(2);
        break;
    case 4:
        UNPACK(4);
        break;
    case 8:
        UNPACK(8);
        break;
    default:
        UNPACK(16);
    }
}

static void emit_tuples(const struct rollup_tuples *t, int p, const struct rollup_entry *rows, uint32_t n,
                        struct batch *tmp)
{
    for (unsigned k = 0; k < t->n_cols; k++) {
        enum column c = t->cols[k];
        unpack(batch_col(tmp, c), (const char *)t->rows + t->at[k], t->width, column_width(c), p, rows, n);
    }
}

void rollup_emit(const struct rollup *r, uint32_t from, uint32_t to, struct batch *tmp, struct block *out,
                 const struct intern *strings, const struct edges *edges)
{
    for (uint32_t at = from; at < to; at += BATCH_ROWS) {
        uint32_t n = to - at < BATCH_ROWS ? to - at : BATCH_ROWS;
        const struct rollup_entry *rows = r->rows + at;
        batch_reset(tmp);
        uint32_t *time = BATCH_U32(tmp, TimeReceived), *edge = BATCH_U32(tmp, Edge),
                 *src = BATCH_U32(tmp, SrcAS), *dst = BATCH_U32(tmp, DstAS);
        uint64_t *bytes = BATCH_U64(tmp, Bytes), *packets = BATCH_U64(tmp, Packets);
        for (uint32_t i = 0; i < n; i++) {
            time[i] = rows[i].minute * 60;
            edge[i] = rows[i].edge;
            src[i] = rows[i].src_as;
            dst[i] = rows[i].dst_as;
            bytes[i] = rows[i].bytes;
            packets[i] = rows[i].packets;
        }
        for (int p = 0; p < ROLLUP_PARTS; p++)
            if (r->tuples[p].n > 1)
                emit_tuples(&r->tuples[p], p, rows, n, tmp);
        tmp->n = n;
        block_append(out, tmp, 0, n, strings, edges);
    }
}
