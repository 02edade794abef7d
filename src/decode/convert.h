/*
 * convert: fields of elements that the configuration describes, of any type into any column that can hold it. Slower than the
 * copies of copy.h, which serve wherever nothing is to be converted. Any thread.
 *
 * A value that the column cannot hold (a negative number, a text that is no country) leaves what is there; a number too
 * large becomes the largest there is.
 */
#pragma once
#include "decode/plan.h"

/* Can values of the type go to the column? If not, why: the rest of a sentence that begins with "column X". */
bool convert_fits(enum element_type type, enum column col, const char **why);
/* The function that does it; NULL: no field of this length can. */
plan_fn *convert_fn(enum column col, uint16_t len, enum element_type type);
