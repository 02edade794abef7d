/* Appending: live columns are copied as they are, strings and edges translated to the block's own numbers. */
#include "store/block.h"
#include <stdlib.h>

enum { FIRST_ROWS = 2048, FIRST_POOL = 4096, KEEP_BYTES = 8 << 20 };

void block_layout_init(struct block_layout *l, const struct schema *s, bool rolled)
{
    l->n = 0;
    for (unsigned i = 0; i < COL_COUNT; i++) {
        enum column c = (enum column)i;
        if (column_defs[c].store == STORE_NONE || column_defs[c].flags & COLF_GEN)
            continue;
        if (rolled ? schema_rolled(s, c) : schema_stored(s, c))
            l->cols[l->n++] = c;
    }
}

/* The empty string is number 0 of every block, so that a zeroed column is a column of empty strings. */
static void add_empty(struct block *b)
{
    if (b->room_strs == 0) {
        b->room_strs = 64;
        b->strs = xmalloc(b->room_strs * sizeof *b->strs);
    }
    b->strs[0] = STR("");
    b->n_strs = 1;
}

struct block *block_new(const struct block_layout *layout)
{
    struct block *b = xcalloc(1, sizeof *b);
    b->layout = layout;
    arena_init(&b->text);
    add_empty(b);
    return b;
}

void block_free(struct block *b)
{
    if (!b)
        return;
    for (unsigned c = 0; c < COL_COUNT; c++) {
        free(b->col[c]);
        free(b->spare[c]);
    }
    free(b->pool32);
    free(b->pool128);
    arena_fini(&b->text);
    free(b->strs);
    free(b->str_map);
    free(b->edges);
    free(b->edge_map);
    free(b);
}

/* Buffers that one extraordinary block made grow are given back, and those that little of was used. */
static void shrink(struct block *b, uint32_t used)
{
    if ((size_t)b->room * sizeof(struct ip) <= KEEP_BYTES && (b->room <= FIRST_ROWS || used >= b->room / 8))
        return;
    for (unsigned c = 0; c < COL_COUNT; c++) {
        free(b->spare[c]);
        b->spare[c] = NULL;
    }
    b->room = 0;
}

void block_reset(struct block *b)
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (b->col[c]) {
            free(b->spare[c]);
            b->spare[c] = b->col[c];
            b->col[c] = NULL;
        }
    uint32_t used = b->n;
    b->n = b->n32 = b->n128 = b->n_edges = 0;
    shrink(b, used);
    if (b->str_room)
        memset(b->str_map, 0, b->str_room * sizeof *b->str_map);
    if (b->edge_room)
        memset(b->edge_map, 0, b->edge_room * sizeof *b->edge_map);
    arena_reset(&b->text);
    add_empty(b);
}

size_t block_size(const struct block *b)
{
    size_t n = b->text.total + b->room_strs * sizeof *b->strs + b->room_edges * sizeof *b->edges;
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (b->col[c] || b->spare[c])
            n += b->room * column_width((enum column)c);
    return n + b->room32 * sizeof *b->pool32 + b->room128 * sizeof *b->pool128;
}

/* ---- growth */

void block_reserve(struct block *b, uint32_t rows)
{
    rows = rows < FIRST_ROWS ? FIRST_ROWS : rows;
    if (rows <= b->room)
        return;
    for (unsigned c = 0; c < COL_COUNT; c++) {
        if (b->col[c])
            b->col[c] = xrealloc(b->col[c], rows * column_width((enum column)c));
        free(b->spare[c]);
        b->spare[c] = NULL;
    }
    b->room = rows;
}

static void grow_rows(struct block *b, uint32_t need)
{
    uint32_t room = b->room ? b->room : FIRST_ROWS;
    while (room < need)
        room += room / 2;
    block_reserve(b, room);
}

/* The column's array; rows before this batch become zeros when it is met for the first time. */
static void *column(struct block *b, enum column c)
{
    if (!b->col[c]) {
        size_t width = column_width(c);
        b->col[c] = b->spare[c] ? b->spare[c] : xmalloc(b->room * width);
        b->spare[c] = NULL;
        memset(b->col[c], 0, b->n * width);
    }
    return b->col[c];
}

static void *grow_pool(void *pool, uint32_t *room, uint32_t need, size_t size)
{
    if (need <= *room)
        return pool;
    if (*room == 0)
        *room = FIRST_POOL;
    while (*room < need)
        *room *= 2;
    return xrealloc(pool, *room * size);
}

static uint32_t *grow_map(uint32_t *map, uint32_t *room, uint32_t need)
{
    if (need <= *room)
        return map;
    uint32_t now = *room ? *room : 256;
    while (now < need)
        now *= 2;
    map = xrealloc(map, now * sizeof *map);
    memset(map + *room, 0, (now - *room) * sizeof *map);
    *room = now;
    return map;
}

/* ---- strings and edges */

static __attribute__((noinline)) uint32_t new_string(struct block *b, uint32_t id,
                                                     const struct intern *strings)
{
    if (b->n_strs == b->room_strs) {
        b->room_strs *= 2;
        b->strs = xrealloc(b->strs, b->room_strs * sizeof *b->strs);
    }
    b->strs[b->n_strs] = arena_str(&b->text, intern_str(strings, id));
    return b->str_map[id] = b->n_strs++;
}

static inline uint32_t string(struct block *b, uint32_t id, const struct intern *strings)
{
    if (id == 0)
        return 0;
    uint32_t ours = b->str_map[id];
    return ours ? ours : new_string(b, id, strings);
}

static __attribute__((noinline)) uint32_t new_edge(struct block *b, uint32_t id, const struct intern *strings,
                                                   const struct edges *edges)
{
    if (b->n_edges == b->room_edges) {
        b->room_edges = b->room_edges ? b->room_edges * 2 : 64;
        b->edges = xrealloc(b->edges, b->room_edges * sizeof *b->edges);
    }
    struct edge *e = &b->edges[b->n_edges];
    *e = edges->rows[id];
    for (int i = 0; i < EDGE_VALUES; i++)
        if (column_defs[edge_columns[i]].store == STORE_STR)
            e->v[i] = string(b, e->v[i], strings);
    b->edge_map[id] = ++b->n_edges;
    return b->n_edges - 1;
}

/* ---- append */

static void append_strings(struct block *b, uint32_t *to, const uint32_t *from, uint32_t n,
                           const struct intern *strings)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = string(b, from[i], strings);
}

static void append_edges(struct block *b, const uint32_t *from, uint32_t n, const struct intern *strings,
                         const struct edges *edges)
{
    uint32_t *to = (uint32_t *)column(b, COL_Edge) + b->n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ours = b->edge_map[from[i]];
        to[i] = __builtin_expect(ours != 0, 1) ? ours - 1 : new_edge(b, from[i], strings, edges);
    }
}

/* Rows that share items in the batch share them in the block: append_pools copies the batch's as they lie. */
static void append_arrays(struct span *to, const struct span *from, uint32_t n, uint32_t at)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = (struct span){at + from[i].at, from[i].n};
}

static void append_pools(struct block *b, const struct batch *rows)
{
    if (rows->n32) {
        b->pool32 = grow_pool(b->pool32, &b->room32, b->n32 + rows->n32, sizeof *b->pool32);
        memcpy(b->pool32 + b->n32, rows->pool32, rows->n32 * sizeof *b->pool32);
        b->n32 += rows->n32;
    }
    if (rows->n128) {
        b->pool128 = grow_pool(b->pool128, &b->room128, b->n128 + rows->n128, sizeof *b->pool128);
        memcpy(b->pool128 + b->n128, rows->pool128, rows->n128 * sizeof *b->pool128);
        b->n128 += rows->n128;
    }
}

static void append_column(struct block *b, enum column c, const struct batch *rows, uint32_t from, uint32_t n,
                          const struct intern *strings)
{
    size_t width = column_width(c);
    if (!batch_live(rows, c)) {
        if (b->col[c])
            memset((char *)b->col[c] + b->n * width, 0, n * width);
        return;
    }
    char *to = (char *)column(b, c) + b->n * width;
    const char *in = (const char *)rows->col[c] + from * width;
    switch (column_defs[c].store) {
    case STORE_STR:
        append_strings(b, (uint32_t *)(void *)to, (const uint32_t *)(const void *)in, n, strings);
        break;
    case STORE_A32:
    case STORE_A128:
        append_arrays((struct span *)(void *)to, (const struct span *)(const void *)in, n,
                      column_defs[c].store == STORE_A32 ? b->n32 : b->n128);
        break;
    default:
        memcpy(to, in, n * width);
    }
}

void block_append(struct block *b, const struct batch *rows, uint32_t from, uint32_t to,
                  const struct intern *strings, const struct edges *edges)
{
    uint32_t n = to - from;
    if (n == 0)
        return;
    if (b->n + n > b->room)
        grow_rows(b, b->n + n);
    b->str_map = grow_map(b->str_map, &b->str_room, strings->n);
    b->edge_map = grow_map(b->edge_map, &b->edge_room, edges->n);
    append_edges(b, (const uint32_t *)rows->col[COL_Edge] + from, n, strings, edges);
    for (unsigned i = 0; i < b->layout->n; i++)
        if (!edge_column(b->layout->cols[i]))
            append_column(b, b->layout->cols[i], rows, from, n, strings);
    append_pools(b, rows);
    b->n += n;
}
