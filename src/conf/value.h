/*
 * value: the scalar types of configuration: text to value, and value to text that reads back the same.
 *
 * Pure functions, any thread. Parsers return false without a message; callers know the key.
 */
#pragma once
#include "base/buf.h"

/* "15d", "1h30m", "1.5h", "500ms", "10us", "7ns", "2w", bare 0; to nanoseconds. A bare number other than 0 is refused. */
bool value_duration(struct str s, uint64_t *ns);
void value_duration_add(struct buf *b, uint64_t ns);

/* "4096", "64KiB", "10MB", "1.5GiB", "2G" (1024 based as KiB); with `percent` also "80%" -> OPT_PERCENT | 80. */
bool value_size(struct str s, bool percent, uint64_t *bytes);
void value_size_add(struct buf *b, uint64_t bytes);

/* true/false, yes/no, on/off */
bool value_bool(struct str s, bool *v);
bool value_int(struct str s, int64_t *v); /* decimal, 0x hex */
bool value_uint(struct str s, uint64_t *v);
bool value_float(struct str s, double *v);
