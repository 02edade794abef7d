/*
 * special: information elements that need more than a copy, as a table. Any thread.
 *
 * `len` is the only length the field may have; 0: any integer's (1 to 8 bytes); SPECIAL_ANY: any.
 */
#pragma once
#include "decode/plan.h"

struct special {
    uint32_t pen;
    uint16_t element, len;
    enum column col; /* without it the operation is left out */
    plan_fn *fn;
    bool
        mirrors; /* the reverse flow of a biflow reads the forward one's field, into the column's counterpart */
};

enum { SPECIAL_ANY = 65534 };

/* In the order in which they run. */
extern const struct special specials[];
extern const unsigned special_count;
bool special_fits(const struct special *s, uint16_t len);
plan_fn special_labels, special_icmp_ports, special_frame, special_rate;
