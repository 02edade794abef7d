/*
 * explain: records in words, for `weir decode --explain`: the template, every element by name and value, and what became
 * of it. Slow; never in a role.
 */
#pragma once
#include "decode/decoder.h"

/* The r->n records of template t whose segments are in r->base. */
void explain_records(const struct decoding *x, const struct plan_run *r, const struct template *t);
