/*
 * times: when a flow began and ended, in whichever of the elements' units the exporter says it. Any thread.
 */
#pragma once
#include "decode/plan.h"

enum times_what { TIMES_START, TIMES_END, TIMES_DURATION, TIMES_OBSERVED };

struct times_form {
    uint16_t element, len;
    enum times_what what;
    plan_fn *fn; /* the operation's `col` is `what` */
};

/* From the coarsest to the finest: the last one that tells a time wins. */
extern const struct times_form times_forms[];
extern const unsigned times_form_count;

/* Do rows of this run need them? */
static inline bool times_wanted(const struct plan_run *r)
{
    return r->spread_s || r->schema->group[GROUP_TIME] || r->d->time == TIME_NETFLOW_FIRST_SWITCHED;
}

/* Before the operations of a run, and after them: TimeReceived and the columns of group TIME. */
void times_begin(struct plan_run *r);
void times_end(struct plan_run *r);
/* Only the first half of times_end: what is missing follows from what is there. */
void times_complete(struct plan_run *r);
