/* moment: times as text (RFC 3339). Any thread. */
#pragma once
#include "base/str.h"

/*
 * 2026-11-21T10:00:00Z, with a fraction of a second or an offset such as +02:00; a blank may stand for the T. Milliseconds since
 * 1970. `utc`: without a zone, or with the day alone, it is UTC's. False on anything else, and before 1970.
 */
bool moment_parse(struct str text, bool utc, uint64_t *ms);
