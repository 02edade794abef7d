/*
 * load: a YAML tree becomes typed structs, checked against option tables.
 *
 * All that is wrong is collected in the report, with position and full path of the key; the struct is usable only when
 * opt_load returned true. Memory goes to the arena; the tree may live elsewhere and is not kept.
 */
#pragma once
#include "conf/opt.h"
#include "conf/yaml.h"

struct opt_how {
    struct arena *arena;
    struct conf_report *report;
    bool lenient; /* unknown keys are notices: the other side may be a newer version */
};

/* Defaults first, then what `y` says (NULL: nothing). `path` names the section in messages ("inlet"), may be "". */
bool opt_load(const struct opt_table *t, const struct yaml *y, void *conf, const char *path,
              const struct opt_how *how);
/* Defaults alone; dies when a table's own defaults do not pass its own checks of type and range. */
void opt_defaults(const struct opt_table *t, void *conf, struct arena *a);
/* The row a key names, given the value of "type" (may be empty); NULL when none. */
const struct opt *opt_row(const struct opt_table *t, struct str key, struct str type);
bool opt_row_applies(const struct opt *o, struct str type);
/* The value of the "type" key in a loaded struct, as text; empty when the table has none. */
struct str opt_type_text(const struct opt_table *t, const void *conf);
