/*
 * explain: records in words, for `weir decode --explain`: the template, every element by name and value, and what became
 * of it. Slow; never in a role.
 */
#pragma once
#include "decode/decoder.h"

/* The r->n records of template t whose segments are in r->base. */
/* A value by its element's type, or in hexadecimal digits. */
void explain_value(FILE *f, enum element_type type, struct str v);
void explain_records(const struct decoding *x, const struct plan_run *r, const struct template *t);
