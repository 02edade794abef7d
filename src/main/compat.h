/* compat: keys of older files, moved to where they are today, with a notice for each. Works on the tree. */
#pragma once
#include "conf/yaml.h"

void compat_rewrite(struct yaml **root, struct arena *a, struct conf_report *r);
