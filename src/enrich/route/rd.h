/* rd: route distinguishers and route targets as text and as the 64-bit numbers of the wire. Pure functions. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

enum { RD_TEXT_MAX = 32 };

/* "65000:100", "4200000000:100", "192.0.2.1:100" (RFC 4364 4.2 types 0, 2, 1), or the number itself; "0" is none. */
bool rd_parse(struct str s, uint64_t *out);
/* RFC 4360 4: the same as a route target, transitivity left out. */
bool rd_parse_target(struct str s, uint64_t *out);
/* buf has RD_TEXT_MAX bytes. */
const char *rd_format(uint64_t rd, char *buf);
