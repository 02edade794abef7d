/*
 * show: loaded configuration back as YAML, and the difference between two of them. Pure functions, any thread.
 *
 * What opt_show writes with SHOW_SECRETS loads back to the same values; the orchestrator hands roles their section so.
 */
#pragma once
#include "base/buf.h"
#include "conf/opt.h"

enum show_flags {
    SHOW_SECRETS = 1 << 0, /* else *** */
    SHOW_CHANGED = 1 << 1, /* only what differs from the defaults; in maps (exporters, networks) always so */
};

void opt_show(const struct opt_table *t, const void *conf, unsigned flags, struct buf *out);

struct opt_change {
    struct buf restart; /* full keys that differ and are not OPT_RELOAD: "flow.inputs, kafka.brokers" */
    unsigned n_restart, n_live;
};

void opt_change_init(struct opt_change *c);
void opt_change_fini(struct opt_change *c);
/* Adds what differs between two loaded structs of one table; `path` goes in front of the keys, may be "". */
void opt_diff(const struct opt_table *t, const void *a, const void *b, const char *path,
              struct opt_change *c);
