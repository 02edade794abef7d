/* decode_conf: section outlet.flow: the bounds of what decoders remember. Constant once loaded. */
#pragma once
#include "conf/opt.h"
#include "decode/decode.h"
#include "decode/registry.h"

struct decode_conf {
    const char *state_persist_file; /* no longer in use */
    struct opt_list elements;       /* of struct element_conf */
    uint64_t max_sessions, max_templates, max_fields, max_state, max_kept;
    uint64_t spread_ns;
    uint64_t keep_for_ns, template_lifetime_ns;
};
extern const struct opt_table decode_conf_table;

struct decoder_limits decode_conf_limits(const struct decode_conf *c);
