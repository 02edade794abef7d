/* native: the pieces of ClickHouse's Native format that blocks and small tables are put together from. Any thread. */
#pragma once
#include "base/buf.h"

/* Columns and rows; then each column: native_column and its values. */
void native_head(struct buf *out, size_t columns, size_t rows);
void native_column(struct buf *out, const char *name, const char *type);
/* LowCardinality: state, `keys` follow (native_string or 16 bytes each), then native_indexes with one per row. */
void native_keys(struct buf *out, size_t keys);
/* Bytes of an index when there are so many keys. */
unsigned native_index_width(size_t keys);
void native_string(struct buf *out, struct str s);
/* `n` more bytes, to be written by the caller. */
uint8_t *native_room(struct buf *out, size_t n);
