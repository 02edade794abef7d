/*
 * schema: which columns this installation has (configuration section `schema`), and the tables they make.
 *
 * Built once from the configuration, then constant; any thread may read.
 */
#pragma once
#include "conf/opt.h"
#include "schema/column.h"

struct schema_conf {
    struct opt_list enabled, disabled; /* of column names */
    struct opt_list main_table_only, not_main_table_only;
    struct opt_list materialize; /* alias columns to store */
    struct opt_list indexes, no_indexes;
    struct opt_map custom_dictionaries; /* struct schema_dictionary_conf (dictionary_conf.h) */
};

extern const struct opt_table schema_table;

struct schema {
    bool enabled[COL_COUNT];            /* exists in `flows` (stored or alias) */
    bool main_only[COL_COUNT];          /* not in rollups */
    bool materialized[COL_COUNT];       /* alias that is stored */
    bool indexed[COL_COUNT];            /* has a skip index */
    bool group[GROUP_COUNT];            /* by enum column_group: any column of it enabled */
    bool asked[COL_COUNT];              /* enrichment wants it of the flow, stored or not */
    const struct opt_map *dictionaries; /* of struct schema_dictionary_conf, checked; NULL: none */
};

/* False with the offending name when a column is unknown, fixed, or needed by an enabled one. */
bool schema_init(struct schema *s, const struct schema_conf *conf, struct err *e);
/* The defaults of columns.def. */
void schema_default(struct schema *s);

/* Stored in `flows`, so the outlet writes it; in rollups as well; part of a rollup's sorting key. */
static inline bool schema_stored(const struct schema *s, enum column c)
{
    return s->enabled[c] && !(column_defs[c].flags & COLF_HIDDEN) &&
           (!(column_defs[c].flags & COLF_ALIAS) || s->materialized[c]);
}

static inline bool schema_rolled(const struct schema *s, enum column c)
{
    return schema_stored(s, c) && !s->main_only[c];
}

static inline bool schema_rollup_key(const struct schema *s, enum column c)
{
    return schema_rolled(s, c) && !(column_defs[c].flags & COLF_NOKEY);
}
