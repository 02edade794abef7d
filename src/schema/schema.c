/* Defaults of columns.def with the configuration's wishes laid over them. */
#include "schema/schema.h"
#include "schema/dictionary.h"
#include <ctype.h>

#define NAMES(key_, field, help_)                                                                            \
    {                                                                                                        \
        key_, OPT_LIST, OPT_AT(struct schema_conf, field), .item = OPT_STRING, .help = help_                 \
    }

static const struct opt schema_rows[] = {
    NAMES("enabled", enabled, "Columns to enable that are disabled by default."),
    NAMES("disabled", disabled, "Columns to disable that are enabled by default."),
    NAMES("main-table-only", main_table_only, "Columns to keep out of the consolidated tables."),
    NAMES("not-main-table-only", not_main_table_only, "Columns to have in the consolidated tables as well."),
    NAMES("materialize", materialize, "Computed columns to store instead of computing them when read."),
    NAMES("indexes", indexes, "Columns to give a skip index."),
    NAMES("no-indexes", no_indexes, "Columns whose default skip index is not wanted."),
    {"custom-dictionaries", OPT_MAP, OPT_AT(struct schema_conf, custom_dictionaries), .item = OPT_STRUCT,
     .sub = &schema_dictionary_table,
     .help = "Columns looked up in dictionaries of your own, see [dictionaries](dictionaries.md)."},
};
const struct opt_table schema_table = OPT_TABLE("schema", struct schema_conf, schema_rows);

static bool indexed_by_default(enum column c)
{
    switch (c) {
    case COL_SrcAddr:
    case COL_DstAddr:
    case COL_SrcAS:
    case COL_DstAS:
    case COL_SrcPort:
    case COL_DstPort:
    case COL_SrcCountry:
    case COL_DstCountry:
    case COL_ExporterName:
    case COL_InIfProvider:
    case COL_OutIfProvider:
    case COL_InIfConnectivity:
    case COL_OutIfConnectivity:
    case COL_InIfBoundary:
    case COL_OutIfBoundary:
        return true;
    default:
        return false;
    }
}

static void derive_groups(struct schema *s)
{
    memset(s->group, 0, sizeof s->group);
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (s->enabled[c])
            s->group[column_defs[c].group] = true;
}

void schema_default(struct schema *s)
{
    *s = (struct schema){0};
    for (unsigned c = 0; c < COL_COUNT; c++) {
        unsigned flags = column_defs[c].flags;
        s->enabled[c] = !(flags & COLF_OFF) && c < COL_CUSTOM; /* others by dictionary_columns */
        s->main_only[c] = flags & COLF_MAIN;
        s->indexed[c] = indexed_by_default((enum column)c);
    }
    derive_groups(s);
}

static bool set_named(const struct opt_list *names, bool *field, bool value, const char *key, struct err *e)
{
    for (size_t i = 0; i < names->n; i++) {
        struct str name = str_from(*OPT_ITEM(*names, const char *, i));
        enum column c = column_find_nocase(name);
        if (c == COL_COUNT || column_defs[c].flags & COLF_HIDDEN)
            return err_set(e, "schema.%s: there is no column \"%.*s\"", key, STR_ARG(name));
        if (strcmp(key, "disabled") == 0 && column_defs[c].flags & COLF_FIXED)
            return err_set(e, "schema.disabled: column %s cannot be disabled", column_defs[c].name);
        if (strcmp(key, "main-table-only") == 0 && column_defs[c].pk)
            return err_set(e,
                           "schema.main-table-only: %s is part of the primary key of the consolidated tables",
                           column_defs[c].name);
        if (strcmp(key, "materialize") == 0 && !(column_defs[c].flags & COLF_ALIAS))
            return err_set(e, "schema.materialize: %s is stored anyway", column_defs[c].name);
        field[c] = value;
    }
    return true;
}

static bool in_identifier(char c)
{
    return c == '_' || isalnum((unsigned char)c);
}

/* True when `expr` has the identifier `name` outside of texts. */
static bool mentions(const char *expr, const char *name)
{
    size_t n = strlen(name);
    bool text = false;
    for (const char *at = expr; n && *at; at++) {
        text ^= *at == '\'';
        if (!text && (at == expr || !in_identifier(at[-1])) && strncmp(at, name, n) == 0 &&
            !in_identifier(at[n]))
            return true;
    }
    return false;
}

static bool is_computed(const struct schema *s, unsigned c)
{
    return column_defs[c].flags & COLF_ALIAS && !s->materialized[c];
}

/* What computed column c needs of column d. */
static bool check_dependency(struct schema *s, unsigned c, unsigned d, bool *changed, struct err *e)
{
    const char *name = column_defs[c].name, *needs = column_defs[d].name;
    if (!s->enabled[d])
        return err_set(e, "schema: column %s needs %s, which is disabled", name, needs);
    if (column_defs[c].dictionary && is_computed(s, d))
        return err_set(e, "schema: column %s needs %s, which is not stored (schema.materialize)", name,
                       needs);
    if (s->main_only[c] || !s->main_only[d])
        return true;
    if (column_defs[c].flags & COLF_MAIN)
        return err_set(e, "schema.not-main-table-only: column %s needs %s, which is in the main table only",
                       name, needs);
    return *changed = s->main_only[c] = true;
}

/* An enabled computed column needs the columns that its expression names, and is only where they are. */
static bool check_dependencies(struct schema *s, struct err *e)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned c = 0; c < COL_COUNT; c++)
            for (unsigned d = 0; s->enabled[c] && column_defs[c].expr[0] && d < COL_COUNT; d++)
                if (d != c && mentions(column_defs[c].expr, column_defs[d].name) &&
                    !check_dependency(s, c, d, &changed, e))
                    return false;
    }
    return true;
}

bool schema_init(struct schema *s, const struct schema_conf *conf, struct err *e)
{
    schema_default(s);
    if (!dictionary_columns(s, &conf->custom_dictionaries, e) ||
        !set_named(&conf->enabled, s->enabled, true, "enabled", e) ||
        !set_named(&conf->disabled, s->enabled, false, "disabled", e) ||
        !set_named(&conf->main_table_only, s->main_only, true, "main-table-only", e) ||
        !set_named(&conf->not_main_table_only, s->main_only, false, "not-main-table-only", e) ||
        !set_named(&conf->materialize, s->materialized, true, "materialize", e) ||
        !set_named(&conf->indexes, s->indexed, true, "indexes", e) ||
        !set_named(&conf->no_indexes, s->indexed, false, "no-indexes", e))
        return false;
    derive_groups(s);
    return check_dependencies(s, e);
}
