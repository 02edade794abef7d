/*
 * options: what options records tell: sampling rates, names of applications, VRFs and interfaces, an enterprise's elements.
 */
#pragma once
#include "decode/decoder.h"

/* Where each fact is in the records of a template (plan.h); `v9_interface`: a NetFlow v9 scope that is an interface. */
struct options_fact {
    uint32_t pen;
    uint16_t element;
    enum plan_fact fact;
};
extern const struct options_fact options_facts[];
extern const unsigned options_fact_count;

/* The rate that record i tells, 0 when none. */
uint64_t options_rate(const struct plan_run *r, uint32_t i);
/* Takes record i's facts into the session. */
void options_learn(struct decoding *x, const struct plan_run *r, struct session *s, uint32_t i);
/* Tells again what a session knows of its exporter. */
void options_tell(const struct decoder_state *st, const struct session *s);
