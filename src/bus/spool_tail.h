/*
 * spool_tail: how far a partition is written, in a small mapped file; the reader reads up to there and knows its lag.
 *
 * The offset is stored last (release), after the records are in the file, and loaded first (acquire). A writer that
 * comes back finds the true end in the records themselves. Writer: one thread at a time; reader: any.
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
