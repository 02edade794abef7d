/* A reader of Native blocks for tests: every cell as text, as ClickHouse would print it (country codes without zeros). */
#pragma once
#include "base/arena.h"
#include "base/cursor.h"
#include "base/ip.h"
#include <stdio.h>
#include <stdlib.h>

struct native_block {
    struct arena arena;
    size_t n_cols, n_rows;
    const char **names, **types;
    const char ***cells; /* by column, then row */
    bool bad;
};

static inline uint64_t nt_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = cursor_u8(c);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            break;
    }
    return v;
}

static inline uint64_t nt_le(struct cursor *c, size_t width)
{
    const uint8_t *p = cursor_bytes(c, width);
    uint64_t v = 0;
    if (p)
        memcpy(&v, p, width);
    return v;
}

static inline const char *nt_string(struct arena *a, struct cursor *c)
{
    size_t n = nt_varint(c);
    const uint8_t *p = cursor_bytes(c, n);
    return arena_z(a, (struct str){(const char *)p, p ? n : 0});
}

static inline const char *nt_cell(struct arena *a, struct cursor *c, const char *type)
{
    char text[IP_TEXT_MAX];
    if (strcmp(type, "String") == 0)
        return nt_string(a, c);
    if (strcmp(type, "IPv6") == 0) {
        const uint8_t *p = cursor_bytes(c, 16);
        return arena_strdup(a, p ? ip_format(ip_v6(p), text) : "?");
    }
    if (strcmp(type, "FixedString(2)") == 0) {
        const uint8_t *p = cursor_bytes(c, 2);
        return arena_z(a, (struct str){(const char *)p, p ? strnlen((const char *)p, 2) : 0});
    }
    if (strcmp(type, "UInt128") == 0) {
        uint64_t lo = nt_le(c, 8), hi = nt_le(c, 8);
        return arena_printf(a, "%llu:%llu", (unsigned long long)hi, (unsigned long long)lo);
    }
    size_t width = strcmp(type, "UInt64") == 0 || strncmp(type, "DateTime64", 10) == 0 ? 8
                   : strcmp(type, "UInt32") == 0 || strcmp(type, "DateTime") == 0      ? 4
                   : strcmp(type, "UInt16") == 0                                       ? 2
                   : strcmp(type, "UInt8") == 0 || strncmp(type, "Enum8", 5) == 0      ? 1
                                                                                       : 0;
    if (!width)
        c->bad = true;
    return arena_printf(a, "%llu", (unsigned long long)nt_le(c, width));
}

/* "Wrapper(X)" -> "X"; NULL when it is another wrapper */
static inline const char *nt_inside(struct arena *a, const char *type, const char *wrapper)
{
    size_t n = strlen(wrapper), len = strlen(type);
    if (strncmp(type, wrapper, n) != 0 || type[n] != '(')
        return NULL;
    return arena_z(a, (struct str){type + n + 1, len - n - 2});
}

static inline void nt_column(struct native_block *b, struct cursor *c, const char *type, const char **cells)
{
    struct arena *a = &b->arena;
    const char *inner = nt_inside(a, type, "LowCardinality");
    if (inner) {
        uint64_t version = nt_le(c, 8), flags = nt_le(c, 8), keys = nt_le(c, 8);
        size_t width = (size_t)1 << (flags & 0xff);
        if (version != 1 || (flags & ~(uint64_t)0xff) != 0x600 || keys > (1u << 24)) {
            c->bad = true;
            return;
        }
        const char **key = arena_array(a, keys, sizeof *key);
        for (uint64_t i = 0; i < keys; i++)
            key[i] = nt_cell(a, c, inner);
        c->bad |= nt_le(c, 8) != b->n_rows;
        for (size_t r = 0; r < b->n_rows && !c->bad; r++) {
            uint64_t i = nt_le(c, width);
            c->bad |= i >= keys;
            cells[r] = c->bad ? "?" : key[i];
        }
        return;
    }
    if ((inner = nt_inside(a, type, "Array"))) {
        uint64_t *end = arena_array(a, b->n_rows, sizeof *end), at = 0;
        for (size_t r = 0; r < b->n_rows; r++)
            end[r] = nt_le(c, 8);
        for (size_t r = 0; r < b->n_rows && !c->bad; r++) {
            const char *text = "[";
            for (; at < end[r] && !c->bad; at++)
                text = arena_printf(a, "%s%s%s", text, text[1] ? "," : "", nt_cell(a, c, inner));
            cells[r] = arena_printf(a, "%s]", text);
        }
        return;
    }
    for (size_t r = 0; r < b->n_rows && !c->bad; r++)
        cells[r] = nt_cell(a, c, type);
}

static inline struct native_block native_read(struct str data)
{
    struct native_block b = {0};
    struct cursor c = cursor_init(data.p, data.len);
    arena_init(&b.arena);
    b.n_cols = nt_varint(&c);
    b.n_rows = nt_varint(&c);
    b.names = arena_array(&b.arena, b.n_cols, sizeof *b.names);
    b.types = arena_array(&b.arena, b.n_cols, sizeof *b.types);
    b.cells = arena_array(&b.arena, b.n_cols, sizeof *b.cells);
    for (size_t k = 0; k < b.n_cols && !c.bad; k++) {
        b.names[k] = nt_string(&b.arena, &c);
        b.types[k] = nt_string(&b.arena, &c);
        b.cells[k] = arena_array(&b.arena, b.n_rows, sizeof **b.cells);
        if (b.n_rows)
            nt_column(&b, &c, b.types[k], b.cells[k]);
    }
    b.bad = c.bad || cursor_left(&c) != 0;
    return b;
}

static inline void native_block_free(struct native_block *b)
{
    arena_fini(&b->arena);
}

/* The cell as text; NULL when there is no such column. */
static inline const char *native_text(const struct native_block *b, const char *name, size_t row)
{
    for (size_t k = 0; k < b->n_cols; k++)
        if (strcmp(b->names[k], name) == 0)
            return b->cells[k][row];
    return NULL;
}

static inline uint64_t native_number(const struct native_block *b, const char *name, size_t row)
{
    const char *z = native_text(b, name, row);
    return z ? strtoull(z, NULL, 10) : 0;
}
