/*
 * column: what is known about each column of a flow, from columns.def, and of those that a configuration adds
 * (schema/dictionary.h). A column that has been added stays as it is; any thread may read.
 */
#pragma once
#include "base/str.h"

enum column {
#define COL(key, store, type, codec, kind, flags, pk, group, elements, expr, doc) COL_##key,
#include "schema/columns.def"
#undef COL
    COL_CUSTOM, /* first of those that a configuration may add; without a name as long as they are free */
    COL_COUNT = COL_CUSTOM + 64
};

enum column_store {
    STORE_NONE,
    STORE_U8,
    STORE_U16,
    STORE_U32,
    STORE_U64,
    STORE_IP,
    STORE_STR,
    STORE_A32,
    STORE_A128,
    STORE_CC
};

enum column_kind {
    KIND_NONE, /* cannot be filtered on */
    KIND_TIME,
    KIND_IP,
    KIND_PREFIX,
    KIND_MAC,
    KIND_STRING,
    KIND_BOUNDARY,
    KIND_DIRECTION,
    KIND_UINT,
    KIND_ASN,
    KIND_ASPATH,
    KIND_COMMUNITY,
    KIND_ARRAY,
    KIND_ETYPE,
    KIND_PROTO,
};

enum column_flags {
    COLF_MAIN = 1 << 0,
    COLF_NOKEY = 1 << 1,
    COLF_NODIM = 1 << 2,
    COLF_TRUNC = 1 << 3,
    COLF_OFF = 1 << 4,
    COLF_FIXED = 1 << 5,
    COLF_SUM = 1 << 6,
    COLF_ALIAS = 1 << 7,
    COLF_GEN = 1 << 8,
    COLF_HIDDEN = 1 << 9,
    COLF_EITHER = 1 << 10,
};

enum column_group {
    GROUP_NONE,
    GROUP_L2,
    GROUP_L3L4,
    GROUP_NAT,
    GROUP_APP,
    GROUP_EVENT,
    GROUP_TIME,
    GROUP_COUNT
};

struct column_def {
    const char *name;
    enum column_store store;
    const char *type;  /* ClickHouse type */
    const char *codec; /* "" : default */
    enum column_kind kind;
    unsigned flags;
    unsigned pk; /* position in a rollup's primary key, 1.. ; 0: none */
    enum column_group group;
    const char *elements; /* "8 27 9/12232": information elements, best first */
    const char *expr;
    const char *doc;
    const char *dictionary, *attribute; /* what an added column is looked up in; NULL for all others */
};

extern struct column_def column_table[COL_COUNT]; /* written by column_add alone */
#define column_defs ((const struct column_def *)column_table)

/* Takes a copy, or finds the one made earlier of the same definition; its texts must stay. COL_COUNT: no place is free. */
enum column column_add(const struct column_def *def);

/* Exact name, or without case; COL_COUNT when there is none. */
enum column column_find(struct str name);
enum column column_find_nocase(struct str name);
/* The column with Src and Dst (In and Out) swapped; itself when it has no counterpart. */
enum column column_reverse(enum column c);
/* Bytes of one row in a batch; 0 for STORE_NONE. */
size_t column_width(enum column c);
