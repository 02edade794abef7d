/*
 * filter: the language in which users say which flows they mean: text -> typed tree -> SQL condition.
 *
 *   InIfBoundary = external AND SrcAS IN (AS15169, AS36040) AND NOT DstAddr << 192.0.2.0/24
 *
 * Columns and operators are rows of schema/columns.def and lang/operators.def. Literals are parsed into values and written
 * again from the values, so nothing of the text reaches the SQL as it was. The tree lives in the caller's arena and is
 * constant once parsed; any thread may read it.
 */
#pragma once
#include "lang/lexer.h"
#include "lang/operator.h"
#include "schema/schema.h"

enum { FILTER_MAX_LEN = 16 << 10, FILTER_MAX_DEPTH = 64 };

enum value_kind { VALUE_UINT, VALUE_TEXT, VALUE_NET, VALUE_MAC, VALUE_LARGE, VALUE_TIME, VALUE_AGO };

struct filter_value {
    enum value_kind kind;
    uint64_t number;   /* UINT, MAC; TIME: milliseconds since 1970; AGO: seconds before now */
    struct str text;   /* TEXT */
    struct prefix net; /* NET; a host prefix for an address */
    uint32_t large[3]; /* LARGE: a large community */
};

enum filter_node_kind { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_CONDITION };

struct filter_node {
    enum filter_node_kind kind;
    const struct filter_node *left, *right; /* NOT has only left */
    const struct operator_def *op;
    enum column column, other; /* other: COL_COUNT unless a column stands on the right */
    struct filter_value *values;
    size_t n_values;
};

struct filter {
    const struct schema *schema;
    const struct filter_node *root; /* NULL: everything */
};

/* False with the error's place and what was expected there. An empty text is everything. */
bool filter_parse(struct filter *f, struct str text, const struct schema *s, struct arena *a,
                  struct lang_error *e);
/* The condition; "" for everything. Reverse swaps source with destination and input with output where both exist. */
void filter_sql(const struct filter *f, bool reverse, struct buf *out);
/* Marks the columns that the condition speaks about, in this direction. */
void filter_columns(const struct filter *f, bool reverse, bool used[COL_COUNT]);
/* True when a column that only `flows` has is used, in this direction. */
bool filter_main_only(const struct filter *f, bool reverse);
/* The column on the other side when this installation has it, itself otherwise. */
enum column filter_reverse(const struct schema *s, enum column c);
/* True when the language can speak about the column here. */
bool filter_column(const struct schema *s, enum column c);

/* 'text' as an SQL string literal. */
void filter_quote(struct buf *out, struct str text);
