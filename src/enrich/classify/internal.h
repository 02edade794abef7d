/* classify/internal: what the files of this folder share. */
#pragma once
#include "enrich/classify/classify.h"

struct rules {
    struct rule **rules;
    const char **texts;
    struct counters **errors; /* NULL: not in the outlet */
    size_t n;
    bool vlan, reject;
};

struct classifier {
    uint64_t id; /* another one for each: addresses come again */
    struct arena arena;
    struct rules exporter, interface;
};
