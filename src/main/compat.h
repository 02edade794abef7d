/* compat: keys of older files, moved to where they are today, with a notice for each. Works on the tree. */
#pragma once
#include "conf/yaml.h"

void compat_rewrite(struct yaml **root, struct arena *a, struct conf_report *r);
/* What the environment may have put into a role's section that was rewritten already: ports of servers. */
void compat_section(struct yaml **section, const char *role, struct arena *a, struct conf_report *r);
