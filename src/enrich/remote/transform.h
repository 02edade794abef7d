/*
 * transform: a jq program over what a page held.
 *
 * libjq runs in the calling thread. A second thread watches: at the deadline, or when `stop` is set, it halts the program,
 * which looks for that between any two of its instructions. What comes out is bounded as well (TRANSFORM_*).
 */
#pragma once
#include "base/err.h"
#include <jansson.h>
#include <jv.h>
#include <stdint.h>

enum { TRANSFORM_ROWS = 1000000, TRANSFORM_BYTES = 256 << 20, TRANSFORM_DEPTH = 32 };

struct transform_limits {
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
    const bool *stop;     /* read atomically; may be NULL */
};

struct transform;

/* Compiles it, which takes some 20 ms; NULL with what jq says. */
struct transform *transform_new(const char *program, struct err *e);
void transform_free(struct transform *t);
/*
 * Appends each result to `rows`; a result that is an array counts as its elements, null as none. `input` is consumed. On
 * failure `rows` may hold some, and nothing else may be run.
 */
bool transform_run(struct transform *t, jv input, const struct transform_limits *limits, json_t *rows,
                   struct err *e);
