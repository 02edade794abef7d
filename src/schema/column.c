/* The table of columns, and look-ups in it. */
#include "schema/column.h"
#include "schema/batch.h"
#include <stdio.h>

#define MAIN COLF_MAIN
#define NOKEY COLF_NOKEY
#define NODIM COLF_NODIM
#define TRUNC COLF_TRUNC
#define OFF COLF_OFF
#define FIXED COLF_FIXED
#define SUM COLF_SUM
#define ALIAS COLF_ALIAS
#define GEN COLF_GEN
#define HIDDEN COLF_HIDDEN
#define EITHER COLF_EITHER
const struct column_def column_defs[COL_COUNT] = {
#define COL(key, store, type, codec, kind, flags, pk, group, elements, expr, doc)                            \
    [COL_##key] = {#key, STORE_##store, type,     codec, KIND_##kind, flags,                                 \
                   pk,   GROUP_##group, elements, expr,  doc},
#include "schema/columns.def"
#undef COL
};

enum column column_find(struct str name)
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (str_eq(name, str_from(column_defs[c].name)))
            return (enum column)c;
    return COL_COUNT;
}

enum column column_find_nocase(struct str name)
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (str_eq_nocase(name, str_from(column_defs[c].name)))
            return (enum column)c;
    return COL_COUNT;
}

enum column column_reverse(enum column c)
{
    static const char *const pairs[][2] = {{"Src", "Dst"},    {"Dst", "Src"},        {"InIf", "OutIf"},
                                           {"OutIf", "InIf"}, {"Ingress", "Egress"}, {"Egress", "Ingress"}};
    const char *name = column_defs[c].name;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t n = strlen(pairs[i][0]);
        if (strncmp(name, pairs[i][0], n) != 0)
            continue;
        char other[64];
        snprintf(other, sizeof other, "%s%s", pairs[i][1], name + n);
        enum column r = column_find(str_from(other));
        return r == COL_COUNT ? c : r;
    }
    return c;
}

size_t column_width(enum column c)
{
    static const size_t widths[] = {[STORE_NONE] = 0,
                                    [STORE_U8] = 1,
                                    [STORE_U16] = 2,
                                    [STORE_U32] = 4,
                                    [STORE_U64] = 8,
                                    [STORE_IP] = 16,
                                    [STORE_STR] = 4,
                                    [STORE_CC] = 2,
                                    [STORE_A32] = sizeof(struct span),
                                    [STORE_A128] = sizeof(struct span)};
    return widths[column_defs[c].store];
}
