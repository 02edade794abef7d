/* Look-ups in loaded option containers. */
#include "conf/opt.h"
#include <string.h>

int opt_subnetmap_find(const struct opt_subnetmap *m, struct ip a)
{
    for (size_t i = 0; i < m->n; i++)
        if (prefix_contains(m->prefixes[i], a))
            return (int)i;
    return -1;
}

size_t opt_size(enum opt_type type, const struct opt_table *sub)
{
    switch (type) {
    case OPT_BOOL:
        return sizeof(bool);
    case OPT_INT:
    case OPT_UINT:
    case OPT_DURATION:
    case OPT_SIZE:
        return sizeof(uint64_t);
    case OPT_FLOAT:
        return sizeof(double);
    case OPT_STRING:
    case OPT_SECRET:
        return sizeof(const char *);
    case OPT_ENUM:
        return sizeof(int);
    case OPT_STRUCT:
        return sub->size;
    case OPT_LIST:
        return sizeof(struct opt_list);
    case OPT_MAP:
        return sizeof(struct opt_map);
    case OPT_SUBNETMAP:
        return sizeof(struct opt_subnetmap);
    }
    return 0;
}

const struct opt_table *opt_join(const struct opt_table *first, const struct opt_table *second,
                                 const char *name, size_t *off)
{
    struct opt_table *t = xcalloc(1, sizeof *t);
    struct opt *rows = xcalloc(first->n + second->n, sizeof *rows);
    *off = (first->size + 15) & ~(size_t)15;
    memcpy(rows, first->rows, first->n * sizeof *rows);
    memcpy(rows + first->n, second->rows, second->n * sizeof *rows);
    for (size_t i = first->n; i < first->n + second->n; i++)
        rows[i].off += *off;
    *t = (struct opt_table){.name = name,
                            .rows = rows,
                            .n = first->n + second->n,
                            .size = *off + second->size,
                            .help = second->help,
                            .joined = {first, second},
                            .joined_off = *off};
    return t;
}
