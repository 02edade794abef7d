/* rewind_span: which time `weir rewind` repairs. Pure arithmetic; seconds since 1970. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* [from, to) */
struct rewind_span {
    uint64_t from, to;
};

/* What the bus, the outlet and the tables allow. */
struct rewind_bounds {
    uint64_t step_s;    /* rows of all tables end at multiples of it */
    uint64_t oldest_s;  /* the bus holds all that was received from here on */
    uint64_t settled_s; /* nothing is still to be stored of the time before */
    bool begins_there;  /* the tables hold nothing of the step in which oldest_s lies, before it */
};

/* Least common multiple of steps; more than a day is a day and a second, which no spool covers. */
uint64_t rewind_step(uint64_t a_s, uint64_t b_s);
/* The wanted span widened to whole steps, then narrowed to what is allowed; false: nothing is left, and why. */
bool rewind_fit(struct rewind_span wanted, const struct rewind_bounds *b, struct rewind_span *fit,
                struct err *e);
/*
 * "2026-11-29 14:00", "2026-11-29T14:00:30Z", a date, seconds since 1970, "now", "-2h" or "2h" (ago); local time unless
 * there is a Z.
 */
bool rewind_time(struct str text, uint64_t now_s, uint64_t *second);
/* "2026-11-29 14:00:00 +0100" */
enum { REWIND_TIME_MAX = 40 };
const char *rewind_time_text(uint64_t second, char *text);
