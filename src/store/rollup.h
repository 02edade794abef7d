/*
 * rollup: one minute's flows added up by the key of the finest rollup, for one bus partition; one thread.
 *
 * The key is eight numbers: the row's own minute, its edge (exporter and interfaces), both AS numbers, and four tuples of
 * the other key columns, each interned (what describes the source, the destination, the path, and the rest). Columns that
 * no batch had live cost nothing. Bytes and packets are summed as they are; the sampling rate is part of the key. Ids of
 * strings and edges are those of the partition's tables, which must not be reset before rollup_reset.
 */
#pragma once
#include "store/block.h"

enum rollup_part { ROLLUP_REST, ROLLUP_SRC, ROLLUP_DST, ROLLUP_PATH, ROLLUP_PARTS };

/* Columns of one tuple, and the tuples met, by id; id 0 is all zeros. */
struct rollup_tuples {
    enum column cols[COL_COUNT];
    uint16_t at[COL_COUNT]; /* byte position by index of cols */
    unsigned n_cols;
    size_t width; /* bytes, a multiple of 8 */
    uint64_t *rows;
    uint32_t *slots;
    uint32_t n, room, mask;
};

struct rollup_entry {
    uint32_t minute, edge, src_as, dst_as, part[ROLLUP_PARTS];
    uint64_t bytes, packets;
};

struct rollup {
    struct rollup_tuples tuples[ROLLUP_PARTS];
    struct rollup_entry *rows;
    uint64_t *slots; /* hash << 32 | index + 1 */
    uint32_t n, room, mask;
    uint64_t added; /* flows added since the reset */
    void *scratch;
};

struct rollup *rollup_new(const struct schema *s);
void rollup_free(struct rollup *r);
void rollup_reset(struct rollup *r);
/* Rows [from, to) of a batch whose column Edge is filled. */
void rollup_add(struct rollup *r, struct batch *b, uint32_t from, uint32_t to);
/* Appends rows [from, to) of the aggregate to a block of the rollup's layout, through `tmp`. */
void rollup_emit(const struct rollup *r, uint32_t from, uint32_t to, struct batch *tmp, struct block *out,
                 const struct intern *strings, const struct edges *edges);
size_t rollup_size(const struct rollup *r);
