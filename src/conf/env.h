/*
 * env: configuration from environment variables, laid over the tree before it is checked.
 *
 *   WEIR_CFG_INLET_FLOW_INPUTS_0_RECEIVEBUFFER=10MiB      (AKVORADO_CFG_... means the same, and loses against WEIR_CFG_)
 *
 * Parts are keys without dashes and case, or indexes of lists; where a list is wanted the value's commas part its items;
 * a value that begins with [ or { is read as YAML. The first part names the section; "ORCHESTRATOR" the whole file.
 */
#pragma once
#include "conf/load.h"

/*
 * `section`: NULL when *root is the whole file; else the section *root is, and variables of others are not looked at.
 * Tables tell lists from maps. False after errors.
 */
bool env_apply(const struct opt_table *t, struct yaml **root, const char *section, char *const *environment,
               struct arena *a, struct conf_report *r);
