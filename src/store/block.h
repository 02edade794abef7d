/*
 * block: rows of one table in columns, appended batch by batch, sealed into one ClickHouse Native block.
 *
 * A block owns all it refers to (strings and edges are copied in when first met), so that ownership moves as a whole: the
 * worker appends, a store thread seals and sends, the block comes back empty and is used again with its buffers. Columns
 * that no batch had live cost nothing and are left out of the Native block; ClickHouse fills in their defaults, which are
 * zeros and empty texts. Rows are sealed in the order (five minutes of TimeReceived, ExporterAddress, InIfName, OutIfName).
 */
#pragma once
#include "base/buf.h"
#include "schema/edge.h"
#include "schema/schema.h"

enum { BLOCK_MAX_ROWS = 1000000 };

/* Columns of a table that are written, in its order. */
struct block_layout {
    enum column cols[COL_COUNT];
    unsigned n;
};

/* `flows` (rolled false) or a rollup. */
void block_layout_init(struct block_layout *l, const struct schema *s, bool rolled);

struct block {
    const struct block_layout *layout;
    uint32_t n, room;
    void *col[COL_COUNT]; /* in the batch's types, but strings are ids of `strs`; NULL: no row has a value */
    uint32_t *pool32;
    struct u128 *pool128;
    uint32_t n32, room32, n128, room128;
    struct arena text;
    struct str *strs;
    uint32_t n_strs, room_strs;
    uint32_t *str_map; /* by id of the appender's intern table: ours */
    uint32_t str_room;
    struct edge *edges;
    uint32_t n_edges, room_edges;
    uint32_t *edge_map; /* by id of the appender's edges: ours + 1 */
    uint32_t edge_room;
    void *spare[COL_COUNT]; /* buffers of columns that were in use before */
};

struct block *block_new(const struct block_layout *layout);
void block_free(struct block *b);
/* Empty again; buffers are kept as far as they were used. */
void block_reset(struct block *b);
/* Room for so many rows in all, so that it need not grow. */
void block_reserve(struct block *b, uint32_t rows);
/* Rows [from, to) of the batch; strings and edges are those its ids mean. The caller keeps below BLOCK_MAX_ROWS. */
void block_append(struct block *b, const struct batch *rows, uint32_t from, uint32_t to,
                  const struct intern *strings, const struct edges *edges);

/* Memory of sealing, one per thread that seals. */
struct block_sealer {
    uint32_t *order, *other, *rank, *dict, *slots;
    uint32_t *edge;      /* of each row, in the order */
    uint32_t *exporters; /* edge -> number of its exporter, then number -> an edge of it */
    size_t room, edge_room, dict_room, slots_room, exporters_room;
    uint32_t n_exporters;
};

void block_sealer_fini(struct block_sealer *s);
/* Appends the Native block; the block itself is unchanged and may be sealed again. */
void block_seal(const struct block *b, struct block_sealer *s, struct buf *out);
/* Memory held, bytes. */
size_t block_size(const struct block *b);
