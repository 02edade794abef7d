/* The table of columns, and look-ups in it. */
#include "schema/column.h"
#include "base/arena.h"
#include "schema/batch.h"
#include <pthread.h>
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
struct column_def column_table[COL_COUNT] = {
#define COL(key, store, type, codec, kind, flags, pk, group, elements, expr, doc)                            \
    [COL_##key] = {#key, STORE_##store, type,     codec, KIND_##kind, flags,                                 \
                   pk,   GROUP_##group, elements, expr,  doc},
#include "schema/columns.def"
#undef COL
    [COL_CUSTOM... COL_COUNT - 1] = {.name = "",
                                     .store = STORE_NONE,
                                     .type = "",
                                     .codec = "",
                                     .flags = OFF | NODIM,
                                     .elements = "",
                                     .expr = "",
                                     .doc = ""},
};

/* ---- added columns */

static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static unsigned asked[COL_COUNT]; /* when it was last asked for: of several of one name the latest counts */

static bool same(const struct column_def *a, const struct column_def *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 && a->kind == b->kind &&
           a->flags == b->flags && strcmp(a->expr, b->expr) == 0 && strcmp(a->doc, b->doc) == 0 &&
           strcmp(a->dictionary, b->dictionary) == 0 && strcmp(a->attribute, b->attribute) == 0;
}

enum column column_add(const struct column_def *def)
{
    static unsigned now;
    pthread_mutex_lock(&adding);
    unsigned c = COL_CUSTOM;
    while (c < COL_COUNT && column_table[c].name[0] && !same(&column_table[c], def))
        c++;
    if (c < COL_COUNT) {
        if (!column_table[c].name[0])
            column_table[c] = *def;
        asked[c] = ++now;
    }
    pthread_mutex_unlock(&adding);
    return (enum column)c;
}

/* ---- look-ups */

static enum column find(struct str name, bool (*eq)(struct str, struct str))
{
    unsigned best = COL_COUNT;
    for (unsigned c = 0; name.len && c < COL_COUNT; c++)
        if (eq(name, str_from(column_defs[c].name)) && (best == COL_COUNT || asked[c] > asked[best]))
            best = c;
    return (enum column)best;
}

enum column column_find(struct str name)
{
    return find(name, str_eq);
}

enum column column_find_nocase(struct str name)
{
    return find(name, str_eq_nocase);
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
