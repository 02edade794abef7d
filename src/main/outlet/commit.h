/* outlet_commit: what stands in a commit beside the offset: lineage, slot rule, and what the decoder knew. */
#pragma once
#include "main/outlet/part.h"

/* The partition as it stands before the record at p->offset (or the minute's first) is decoded. */
void commit_save(struct buf *out, const struct part *p);
/* Sets offset, rule, lineage and decoder from the bus; the first time, commits where it begins. */
bool commit_load(struct part *p, struct err *e);
