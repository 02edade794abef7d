/*
 * rows: reads an answer in ClickHouse's RowBinary, column after column, row after row, as the statement ordered them.
 *
 * Like base/cursor.h with ClickHouse's types: past the end all reads yield zero and `bad` stays set. Texts point into
 * the answer.
 */
#pragma once
#include "base/cursor.h"

struct rows {
    struct cursor c;
};

static inline struct rows rows_init(struct str answer)
{
    return (struct rows){
        cursor_init(answer.p ? answer.p : "", answer.len)}; /* no rows may be no bytes at all */
}

/* True while there is another row. */
static inline bool rows_more(const struct rows *r)
{
    return !r->c.bad && cursor_left(&r->c) > 0;
}

static inline bool rows_bad(const struct rows *r)
{
    return r->c.bad;
}

uint64_t rows_varint(struct rows *r);
uint8_t rows_u8(struct rows *r);
uint32_t rows_u32(struct rows *r);
uint64_t rows_u64(struct rows *r);
double rows_f64(struct rows *r);
struct str rows_text(struct rows *r);
