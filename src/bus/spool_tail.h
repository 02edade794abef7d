/*
 * spool_tail: how far a partition is written, in a small mapped file that the reader looks at to know its lag.
 *
 * Only a view: where records end is told by the records themselves. Writer: one thread at a time; reader: any.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

struct spool_tail {
    uint64_t offset, seq, second;
};

struct spool_tail *spool_tail_open(const char *dir, unsigned partition, bool write, struct err *e);
void spool_tail_close(struct spool_tail *t);
/* second 0 leaves it as it was. */
void spool_tail_set(struct spool_tail *t, uint64_t offset, uint64_t seq, uint64_t second);
struct spool_tail spool_tail_get(const struct spool_tail *t);
