/*
 * exporter: sends the demo's flows: first what is missing of the past, newest hour first, and always the present.
 *
 * Owns two threads, one for the present and one for the past, so that old flows never delay new ones.
 */
#pragma once
#include "base/err.h"
#include "demo/demo_conf.h"

struct demo_exporter;

/* state_path: file that remembers up to when flows were sent; "" keeps nothing. */
struct demo_exporter *demo_exporter_start(const struct demo_conf *conf, const char *state_path,
                                          struct err *e);
void demo_exporter_stop(struct demo_exporter *x);
