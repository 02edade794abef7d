/* Look-ups in loaded option containers. */
#include "conf/opt.h"

int opt_subnetmap_find(const struct opt_subnetmap *m, struct ip a)
{
    for (size_t i = 0; i < m->n; i++)
        if (prefix_contains(m->prefixes[i], a))
            return (int)i;
    return -1;
}
