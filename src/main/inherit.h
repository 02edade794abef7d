/* inherit: what sections take over from the file's top level, done on the tree before it is loaded. */
#pragma once
#include "conf/yaml.h"

/* True when the file names no ClickHouse servers, so that the embedded store is meant. */
bool inherit_apply(struct yaml **root, struct arena *a);
