/*
 * guard: what a reader may ask, decided on the statement's syntax tree.
 *
 * `readonly` of the engine is no boundary (a reader could still read files or fetch URLs), so a reader's statement is
 * taken only when every node of its tree (EXPLAIN AST) is of a kind known to be harmless: queries over tables of the
 * database, a few system tables, a few table functions that make rows. Pure functions over text.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* Names of the engine's table functions, sorted, one per line; what is not among the allowed is refused anywhere. */
struct guard {
    struct str table_functions;
    const char *database; /* tables without a database are of this one */
};

/* `ast` is the plain text of EXPLAIN AST. False with what is not allowed. */
bool guard_tree(const struct guard *g, struct str ast, struct err *e);
/* Settings a reader may give along: how the answer looks, and what only lowers a limit. */
bool guard_setting(struct str name);
