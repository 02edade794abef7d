/*
 * manual: what option tables say, for people (Markdown) and for editors (JSON schema). Pure functions.
 */
#pragma once
#include "base/buf.h"
#include "conf/opt.h"
#include <jansson.h>

/* Sections of all keys of a root table; blocks used in several places come once, at the end. */
void opt_manual(const struct opt_table *root, struct buf *out);
/* JSON schema (draft 2020-12). */
json_t *opt_schema(const struct opt_table *root, const char *title);
