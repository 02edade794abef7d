/*
 * special: information elements that need more than a copy, as a table. Any thread.
 *
 * `len` is the only length the field may have; 0: any integer's (1 to 8 bytes).
 */
#pragma once
#include "decode/plan.h"

struct special {
    uint16_t element, len;
    enum column col; /* without it the operation is left out */
    plan_fn *fn;
};

/* In the order in which they run. */
extern const struct special specials[];
extern const unsigned special_count;
/* When the flow began, for timestamp-source netflow-first-switched; the last one that knows wins. */
extern const struct special special_times[];
extern const unsigned special_time_count;

bool special_fits(const struct special *s, uint16_t len);
/* The reverse flow of a biflow reads the forward one's field (an address family, a sampler). */
bool special_mirrors(const struct special *s);

plan_fn special_labels, special_icmp_ports, special_frame;
