/*
 * told: names that come with the flows: what decoders learn from options and counter samples becomes answers of the
 * provider `flow`.
 *
 * told_put is a worker's: it compares with what is known and queues what is new. The rest is the keeper's.
 */
#pragma once
#include "enrich/meta/view.h"
#include "schema/learnt.h"

/* The view is the worker's snapshot. */
void told_put(const struct meta_view *v, const struct learnt *l);
/* Interfaces beyond the draft's bound are left out and counted there. */
void told_take(struct meta_draft *d, const struct meta_told *t);
/* A draft that begins with what an answer says (NULL: nothing). */
void told_begin(struct meta_draft *d, const struct meta_answer *a, uint32_t max_ifaces);
