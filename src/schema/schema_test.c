/* Columns, what a configuration makes of them, and batches. */
#include "schema/batch.h"
#include "schema/dictionary.h"
#include "schema/learnt.h"
#include "schema/schema.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void reverse_swaps_directions(void **state)
{
    assert_int_equal(column_reverse(COL_SrcAS), COL_DstAS);
    assert_int_equal(column_reverse(COL_OutIfName), COL_InIfName);
    assert_int_equal(column_reverse(COL_DstASPath), COL_DstASPath);
    assert_int_equal(column_reverse(COL_Proto), COL_Proto);
    assert_int_equal(column_reverse(COL_IngressVRFID), COL_EgressVRFID);
    assert_int_equal(column_find_nocase(STR("srcaddr")), COL_SrcAddr);
    assert_int_equal(column_find(STR("srcaddr")), COL_COUNT);
}

static struct opt_list names(const char **z, size_t n)
{
    return (struct opt_list){n, z};
}

static void configuration_is_checked(void **state)
{
    struct schema s;
    struct err e;
    const char *vlan[] = {"srcvlan"}, *bytes[] = {"Bytes"}, *mask[] = {"SrcNetMask"}, *none[] = {"Nothing"};
    struct schema_conf conf = {.enabled = names(vlan, 1)};
    assert_true(schema_init(&s, &conf, &e));
    assert_true(s.enabled[COL_SrcVlan] && s.group[GROUP_L2] && !s.group[GROUP_NAT]);
    conf = (struct schema_conf){.disabled = names(bytes, 1)};
    assert_false(schema_init(&s, &conf, &e));
    conf = (struct schema_conf){.disabled = names(mask, 1)};
    assert_false(schema_init(&s, &conf, &e));
    assert_string_equal(e.msg, "schema: column SrcNetPrefix needs SrcNetMask, which is disabled");
    conf = (struct schema_conf){.enabled = names(none, 1)};
    assert_false(schema_init(&s, &conf, &e));
}

static void computed_columns_are_where_they_can_be_computed(void **state)
{
    struct schema s;
    struct err e;
    const char *event[] = {"NATEvent", "NATEventName"}, *one[] = {"NATEvent"}, *prefix[] = {"SrcNetPrefix"},
               *more[] = {"SrcNetPrefix", "SrcAddr", "SrcNetMask"}, *bytes[] = {"SrcAS"};
    struct schema_conf conf = {.enabled = names(event, 2), .main_table_only = names(one, 1)};
    assert_true(schema_init(&s, &conf, &e));
    assert_true(s.main_only[COL_NATEvent] && s.main_only[COL_NATEventName]);
    conf = (struct schema_conf){.not_main_table_only = names(prefix, 1)};
    assert_false(schema_init(&s, &conf, &e));
    assert_string_equal(e.msg,
                        "schema.not-main-table-only: column SrcNetPrefix needs SrcAddr, which is in the "
                        "main table only");
    conf = (struct schema_conf){.not_main_table_only = names(more, 3), .materialize = names(prefix, 1)};
    assert_true(schema_init(&s, &conf, &e));
    assert_true(schema_rolled(&s, COL_SrcNetPrefix) && schema_rolled(&s, COL_SrcAddr));
    conf = (struct schema_conf){.materialize = names(bytes, 1)};
    assert_false(schema_init(&s, &conf, &e));
    assert_string_equal(e.msg, "schema.materialize: SrcAS is stored anyway");
}

static struct schema_conf with_dictionary(struct schema_dictionary_conf *d, struct opt_map *map)
{
    static const char *key = "d";
    *map = (struct opt_map){1, &key, d};
    return (struct schema_conf){.custom_dictionaries = *map};
}

static void dictionaries_add_columns(void **state)
{
    struct schema s, before;
    struct err e;
    struct opt_map map;
    struct schema_dictionary_key keys[] = {{"ip", "String", "", ""}, {"n", "UInt16", "Proto", ""}};
    struct schema_dictionary_attribute attributes[] = {{"Role", "String", "", "it's"},
                                                       {"rank", "UInt8", "Rank", "7"}};
    const char *dimensions[] = {"SrcAddr", "DstAddr"}, *rank[] = {"SrcAddrRank"};
    struct schema_dictionary_conf d = {
        {2, keys}, {2, attributes}, "/x", DICTIONARY_COMPLEX_KEY_HASHED, {2, dimensions}};
    struct schema_conf conf = with_dictionary(&d, &map);
    conf.no_indexes = names(rank, 1);
    assert_true(schema_init(&s, &conf, &e));
    enum column c = column_find(STR("SrcAddrRole"));
    assert_true(c >= COL_CUSTOM && s.enabled[c] && s.main_only[c] && schema_stored(&s, c));
    assert_int_equal(column_reverse(c), column_find(STR("DstAddrRole")));
    assert_string_equal(
        column_defs[c].expr,
        "dictGet('custom_dict_d', 'Role', tuple(CAST(SrcAddr, 'IPv6'), CAST(Proto, 'UInt64')))");
    struct buf sql;
    buf_init(&sql, 0);
    dictionary_sql_columns(&d, &sql);
    buf_u8(&sql, 0);
    assert_string_equal((char *)sql.p,
                        "`ip` IPv6, `n` UInt64, `Role` String DEFAULT 'it\\'s', `rank` UInt8 DEFAULT 7");
    buf_fini(&sql);
    /* again: the same columns; without: none; changed: the new one is found by the name */
    assert_true(schema_init(&before, &conf, &e));
    assert_int_equal(column_find(STR("SrcAddrRole")), c);
    schema_default(&before);
    assert_false(before.enabled[c]);
    keys[1].match_dimension = "EType";
    assert_true(schema_init(&s, &conf, &e));
    assert_true(column_find(STR("SrcAddrRole")) != c && !s.enabled[c]);
    keys[1].match_dimension = "Proto";
    assert_true(schema_init(&s, &conf, &e));
    assert_int_equal(column_find(STR("SrcAddrRole")), c);
    assert_int_equal(column_find(STR("")), COL_COUNT);
}

static void batch_columns_are_zero_until_written(void **state)
{
    struct batch *b = batch_new();
    assert_false(batch_live(b, COL_SrcAS));
    BATCH_U32(b, SrcAS)[3] = 7;
    assert_true(batch_live(b, COL_SrcAS));
    batch_reset(b);
    assert_int_equal(BATCH_U32(b, SrcAS)[3], 0);
    struct span at;
    assert_non_null(batch_pool32(b, BATCH_POOL, &at));
    assert_null(batch_pool32(b, 1, &at));
    batch_free(b);
}

static void check_text(struct str raw, const char *want)
{
    char room[LEARNT_TEXT];
    struct str s = learnt_text(raw, room);
    if (!str_eq(s, str_from(want)))
        fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(s), want);
}

static void texts_of_exporters_are_made_fit(void **state)
{
    check_text(STR("ge-0/0/1.0\0\0\0rest"), "ge-0/0/1.0");
    check_text(STR("  Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80  "),
               "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80");
    check_text(STR("a\xff\xc0\xaf"
                   "b\xc3"),
               "a???b?");
    check_text(STR("a\x1b[31mb\x7f"
                   "c\xc2\x9b"
                   "d\ne"),
               "a [31mb c d e");
    check_text(STR("x\xe2\x80\xaey\xe2\x81\xa6z"), "x y z");
    check_text((struct str){NULL, 0}, "");
    char room[LEARNT_TEXT], raw[400];
    memset(raw, 'a', sizeof raw);
    assert_int_equal(learnt_text((struct str){raw, sizeof raw}, room).len, LEARNT_TEXT);
    memcpy(raw + LEARNT_TEXT - 1, "\xc3\xbc", 2); /* does not fit whole */
    assert_int_equal(learnt_text((struct str){raw, sizeof raw}, room).len, LEARNT_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reverse_swaps_directions),
                                       cmocka_unit_test(configuration_is_checked),
                                       cmocka_unit_test(computed_columns_are_where_they_can_be_computed),
                                       cmocka_unit_test(dictionaries_add_columns),
                                       cmocka_unit_test(texts_of_exporters_are_made_fit),
                                       cmocka_unit_test(batch_columns_are_zero_until_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
