/*
 * One node per line, its depth in leading blanks: "   Function sum (alias x) (children 1)". A name with a line break in
 * it only adds lines, that is, nodes, and thus only more to refuse.
 */
#include "store/embedded/guard.h"
#include <stdio.h>
#include <string.h>

/* Kinds of node; those with a check are looked at more closely. */
static const char *const kinds[] = {"SelectWithUnionQuery",
                                    "SelectIntersectExceptQuery",
                                    "SelectQuery",
                                    "ExpressionList",
                                    "Identifier",
                                    "TableIdentifier",
                                    "Function",
                                    "Literal",
                                    "Subquery",
                                    "TablesInSelectQuery",
                                    "TablesInSelectQueryElement",
                                    "TableExpression",
                                    "TableJoin",
                                    "ArrayJoin",
                                    "Asterisk",
                                    "QualifiedAsterisk",
                                    "ColumnsRegexpMatcher",
                                    "ColumnsListMatcher",
                                    "QualifiedColumnsRegexpMatcher",
                                    "QualifiedColumnsListMatcher",
                                    "ColumnsTransformerList",
                                    "ColumnsExceptTransformer",
                                    "ColumnsReplaceTransformer",
                                    "ColumnsReplaceTransformer::Replacement",
                                    "OrderByElement",
                                    "SampleRatio",
                                    "WithElement",
                                    "WindowDefinition",
                                    "WindowListElement",
                                    "InterpolateElement",
                                    "StorageOrderByElement",
                                    "QueryParameter",
                                    "Explain",
                                    "DescribeQuery",
                                    "ShowTables",
                                    "ShowColumns",
                                    "ShowCreateTableQuery",
                                    "ShowCreateDictionaryQuery",
                                    "ShowCreateViewQuery",
                                    "ExistsTableQuery",
                                    "ExistsViewQuery",
                                    "ExistsDatabaseQuery",
                                    "ExistsDictionaryQuery",
                                    "ShowFunctions",
                                    "ShowEngineQuery",
                                    "Set"};

/* Roots: what the statement as a whole may be. */
static const char *const roots[] = {"SelectWithUnionQuery",
                                    "Explain",
                                    "DescribeQuery",
                                    "ShowTables",
                                    "ShowColumns",
                                    "ShowCreateTableQuery",
                                    "ShowCreateDictionaryQuery",
                                    "ShowCreateViewQuery",
                                    "ExistsTableQuery",
                                    "ExistsViewQuery",
                                    "ExistsDatabaseQuery",
                                    "ExistsDictionaryQuery",
                                    "ShowFunctions",
                                    "ShowEngineQuery"};

static const char *const row_makers[] = {
    "numbers", "numbers_mt",        "zeros", "zeros_mt", "generate_series", "generateSeries",
    "values",  "SQLStandardValues", "null",  "primes",   "dictionary"};

/* Ordinary functions that reach outside, or that have no use but to hold the engine up. */
static const char *const not_these[] = {"file",
                                        "hasColumnInTable",
                                        "catboostEvaluate",
                                        "modelEvaluate",
                                        "evalMLMethod",
                                        "addressToLine",
                                        "addressToLineWithInlines",
                                        "addressToSymbol",
                                        "demangle",
                                        "sleep",
                                        "sleepEachRow",
                                        "throwIf",
                                        "getServerPort",
                                        "getServerSetting",
                                        "zookeeperSessionUptime",
                                        "serverUUID",
                                        "filesystemAvailable",
                                        "filesystemCapacity",
                                        "filesystemUnreserved",
                                        "showCertificate",
                                        "joinGet",
                                        "joinGetOrNull",
                                        "currentProfiles",
                                        "aiGenerateContent",
                                        "aiClassify",
                                        "aiExtract",
                                        "aiTranslate",
                                        "aiGenerateEmbedding",
                                        "aiGenerate",
                                        "generateRandomStructure",
                                        "globalVariable"};

static const char *const system_tables[] = {"one",
                                            "numbers",
                                            "numbers_mt",
                                            "zeros",
                                            "tables",
                                            "columns",
                                            "databases",
                                            "settings",
                                            "functions",
                                            "formats",
                                            "data_type_families",
                                            "table_functions",
                                            "table_engines",
                                            "parts",
                                            "parts_columns",
                                            "dictionaries",
                                            "data_skipping_indices",
                                            "time_zones",
                                            "build_options",
                                            "metrics",
                                            "asynchronous_metrics",
                                            "events",
                                            "keywords",
                                            "aggregate_function_combinators",
                                            "collations",
                                            "contributors",
                                            "licenses"};

/* Settings that shape the answer, or can only lower what is given. */
static const char *const settings[] = {
    "default_format",
    "output_format_",
    "format_",
    "date_time_output_format",
    "date_time_input_format",
    "session_timezone",
    "extremes",
    "join_use_nulls",
    "group_by_use_nulls",
    "cast_keep_nullable",
    "prefer_column_name_to_alias",
    "allow_experimental_analyzer",
    "enable_analyzer",
    "max_result_rows",
    "max_block_size",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "wait_end_of_query",
    "http_response_buffer_size",
    "http_write_exception_in_output_format",
    "enable_http_compression",
    "http_zlib_compression_level",
    "add_http_cors_header",
    "cancel_http_readonly_queries_on_client_close",
    "readonly",
    "totals_mode",
    "transform_null_in",
    "use_skip_indexes",
    "optimize_read_in_order",
    "any_join_distinct_right_table_keys",
    "log_comment",
    "use_client_time_zone",
    "limit",
    "offset",
    "aggregate_functions_null_for_empty",
    "union_default_mode",
    "interval_output_format",
    "low_cardinality_allow_in_native_format",
    "query_plan_",
    "optimize_",
    "date_time_64_output_format_cut_trailing_zeros_align_to_groups_of_thousands",
    "max_rows_to_group_by",
    "group_by_overflow_mode",
    "result_overflow_mode",
    "allow_suspicious_low_cardinality_types"};

static bool among(struct str name, const char *const *list, size_t n, bool nocase)
{
    for (size_t i = 0; i < n; i++)
        if (nocase ? str_eq_nocase(name, str_from(list[i])) : str_eq(name, str_from(list[i])))
            return true;
    return false;
}
#define AMONG(name, list, nocase) among(name, list, sizeof(list) / sizeof *(list), nocase)

bool guard_setting(struct str name)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct str s = str_from(settings[i]);
        if (s.p[s.len - 1] == '_' ? str_starts(name, s) : str_eq(name, s))
            return true;
    }
    return false;
}

static bool is_table_function(const struct guard *g, struct str name)
{
    struct str rest = g->table_functions, line;
    while (str_split(&rest, '\n', &line))
        if (str_eq_nocase(line, name))
            return true;
    return false;
}

struct node {
    unsigned depth;
    struct str kind, name, rest; /* rest: the name to the end of the line, as names may have blanks */
};

enum { DEEPEST = 500 };

static bool read_node(struct str line, struct node *n)
{
    size_t blanks = 0;
    while (blanks < line.len && line.p[blanks] == ' ')
        blanks++;
    n->depth = (unsigned)blanks;
    line.p += blanks;
    line.len -= blanks;
    if (!str_split(&line, ' ', &n->kind))
        return false;
    n->name = (struct str){"", 0};
    /* ShowCreateTableQuery has two blanks before the name */
    line = n->rest = str_trim(line);
    if (line.len && *line.p != '(')
        str_split(&line, ' ', &n->name);
    return true;
}

/* `in_table` is set where the grammar wants a table: FROM, JOIN, the right side of IN. */
static bool check_function(const struct guard *g, struct str name, bool in_table, struct err *e)
{
    if (AMONG(name, row_makers, true))
        return true;
    if (AMONG(name, not_these, true))
        return err_set(e, "function %.*s is not for readers", STR_ARG(name));
    if (is_table_function(g, name) && (in_table || !str_eq(name, STR("format"))))
        return err_set(e, "table function %.*s is not for readers", STR_ARG(name));
    return true;
}

/* Engines take a name that looks like a path for a file. */
static bool is_path(struct str name)
{
    return memchr(name.p, '/', name.len) || memchr(name.p, '*', name.len) || memchr(name.p, '\\', name.len);
}

static bool check_table(const struct guard *g, struct str name, struct err *e)
{
    struct str rest = name, head;
    if (is_path(name))
        return err_set(e, "files are not for readers");
    const char *dot = memchr(name.p, '.', name.len);
    if (!dot)
        return true;
    str_split(&rest, '.', &head);
    if (str_eq_nocase(head, STR("system"))) {
        if (AMONG(rest, system_tables, true))
            return true;
        return err_set(e, "table %.*s is not for readers", STR_ARG(name));
    }
    if (str_eq_nocase(head, STR("information_schema")) || str_eq(head, str_from(g->database)))
        return true;
    return err_set(e, "database %.*s is not for readers", STR_ARG(head));
}

static bool is_in(struct str name)
{
    static const char *const ins[] = {"in",     "notIn",     "globalIn",     "globalNotIn",
                                      "nullIn", "notNullIn", "globalNullIn", "globalNotNullIn"};
    return AMONG(name, ins, true);
}

/* Names of tables: a plain identifier on the right side of IN, and in SHOW, DESCRIBE and EXISTS. */
static bool check_names(const struct guard *g, const struct node *n, const struct node *above, struct err *e)
{
    if (str_eq(n->kind, STR("TableIdentifier")))
        return !is_path(n->rest) ? check_table(g, n->name, e) : err_set(e, "files are not for readers");
    if (n->depth == 0)
        return !is_path(n->rest) || err_set(e, "files are not for readers");
    if (!str_eq(n->kind, STR("Identifier")))
        return true;
    bool in = n->depth >= 2 && is_in(above[n->depth - 2].name);
    if ((in || n->depth == 1) && is_path(n->rest))
        return err_set(e, "files are not for readers");
    return !str_starts(n->name, STR("system.")) || check_table(g, n->name, e);
}

bool guard_tree(const struct guard *g, struct str ast, struct err *e)
{
    struct node above[DEEPEST + 1] = {0}, n;
    struct str line;
    bool first = true;
    while (str_split(&ast, '\n', &line)) {
        if (str_trim(line).len == 0)
            continue;
        if (!read_node(line, &n) || n.depth > DEEPEST)
            return err_set(e, "the statement is too deep");
        if (!AMONG(n.kind, kinds, false))
            return err_set(e, "%.*s is not for readers", STR_ARG(n.kind));
        if (first != (n.depth == 0) || (first && !AMONG(n.kind, roots, false)))
            return err_set(e, "only SELECT, SHOW, DESCRIBE, EXPLAIN and EXISTS are for readers");
        struct str parent = n.depth ? above[n.depth - 1].kind : STR("");
        bool in_table =
            str_eq(parent, STR("TableExpression")) || (n.depth >= 2 && is_in(above[n.depth - 2].name));
        if (str_eq(n.kind, STR("Function")) && !check_function(g, n.name, in_table, e))
            return false;
        if (!check_names(g, &n, above, e))
            return false;
        /* only EXPLAIN's own options; the engine lets the settings of subqueries pass in spite of readonly */
        if (str_eq(n.kind, STR("Set")) && (n.depth != 1 || !str_eq(above[0].kind, STR("Explain"))))
            return err_set(e, "SETTINGS in a statement are not for readers; give them as parameters");
        if (str_eq(n.kind, STR("Literal")) && n.depth == 1)
            return err_set(e, "INTO OUTFILE is not for readers");
        above[n.depth] = n;
        first = false;
    }
    return !first || err_set(e, "there is no statement");
}
