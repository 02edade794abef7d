/*
 * budget: keeps the store within its disk space by dropping the oldest detail first: partitions of `flows`, then of the
 * finest rollup that still has more than one, and so on. Never a table's newest partition.
 *
 * A thread of its own looks about each half minute.
 */
#pragma once
#include "store/embedded/engine.h"

struct budget;

/* max_size: bytes, or OPT_PERCENT of the directory's disk. */
struct budget *budget_new(const struct engine *en, const char *path, uint64_t max_size, struct err *e);
void budget_free(struct budget *b);
void budget_set(struct budget *b, uint64_t max_size);
/* True, and what, while data had to be dropped within the last hour, or the budget cannot be kept now. */
bool budget_warning(struct budget *b, char *why, size_t room);
/* One look, at once; how many partitions were dropped. For tests. */
unsigned budget_look(struct budget *b);
