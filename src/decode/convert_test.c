/* Elements that the configuration describes: every type into every kind of column, and what is said where that cannot be. */
#include "decode/convert.h"
#include "decode/testing.h"

static const struct {
    enum element_type type;
    const char *bytes, *text; /* of the field; in a column of text ("" : nothing) */
    uint64_t number;          /* in a column of 64 bits */
} cases[] = {
    {ELEMENT_octetArray, "0aff00", "0aff00", 0},
    {ELEMENT_unsigned8, "2a", "42", 42},
    {ELEMENT_unsigned16, "012c", "300", 300},
    {ELEMENT_unsigned32, "00010000", "65536", 65536},
    {ELEMENT_unsigned64, "0000000000000007", "7", 7},
    {ELEMENT_unsigned64, "0007", "7", 7}, /* RFC 7011 6.2: as few bytes as it takes */
    {ELEMENT_signed8, "05", "5", 5},
    {ELEMENT_signed16, "fffe", "-2", 0},
    {ELEMENT_signed32, "ffffffff", "-1", 0},
    {ELEMENT_signed64, "7fffffffffffffff", "9223372036854775807", INT64_MAX},
    {ELEMENT_float32, "40490fdb", "3.14159274101257", 3},
    {ELEMENT_float64, "c000000000000000", "-2", 0},
    {ELEMENT_float64, "7ff8000000000000", "", 0}, /* not a number */
    {ELEMENT_float64, "7fefffffffffffff", "1.79769313486232e+308", UINT64_MAX},
    {ELEMENT_boolean, "01", "true", 1},
    {ELEMENT_boolean, "02", "false", 0},
    {ELEMENT_macAddress, "0200000000ff", "02:00:00:00:00:ff", 0},
    {ELEMENT_string, "6162630000", "abc", 0},
    {ELEMENT_dateTimeSeconds, "77359400", "2033-05-18T03:33:20Z", 2000000000},
    {ELEMENT_dateTimeMilliseconds, "000001d1a94a200f", "2033-05-18T03:33:20.015Z", 2000000000},
    {ELEMENT_dateTimeMicroseconds, "fae0128080000000", "2033-05-18T03:33:20.500000Z", 2000000000},
    {ELEMENT_dateTimeNanoseconds, "fae0128040000000", "2033-05-18T03:33:20.250000000Z", 2000000000},
    {ELEMENT_ipv4Address, "c0000201", "192.0.2.1", 0},
    {ELEMENT_ipv6Address, "20010db8000000000000000000000001", "2001:db8::1", 0},
    {ELEMENT_unsigned256, "01", "01", 0},
};

/* A registry in which element 100 of enterprise 99999 goes to the column. */
static void describe(struct registry *reg, enum element_type type, enum column col)
{
    struct err e;
    struct element_conf c = {
        .pen = 99999, .id = 100, .name = "mine", .type = type, .column = column_defs[col].name};
    assert_true(registry_init(reg, &(struct opt_list){1, &c}, &e));
}

/* A flow with that element alone. */
static struct rig *decode_one(struct registry *reg, enum element_type type, enum column col,
                              const char *bytes)
{
    struct rig *r = rig_new(NULL);
    struct buf b, body;
    char text[64];
    describe(reg, type, col);
    decoder_state_registry(r->st, reg);
    buf_init(&b, 0);
    buf_init(&body, 0);
    hex(&body, bytes);
    snprintf(text, sizeof text, "0100 0001 8064 %04zx 0001869f", body.len);
    ipfix(&b, 0, 1);
    put_set(&b, 2, text);
    put_set(&b, 256, bytes);
    rig_ipfix(r, &b);
    assert_int_equal(r->stats.flows + r->stats.rejected[REASON_FORMAT],
                     1); /* a length that cannot be meant is of no use */
    buf_fini(&b);
    buf_fini(&body);
    return r;
}

/* Each type into the first column of each kind that takes it; no type without a column, no column that takes nothing. */
static void every_type_into_every_kind(void **state)
{
    static const enum column narrow[] = {COL_IPTTL, COL_SrcPort, COL_IPFragmentID};
    bool met[ELEMENT_TYPES] = {false};
    const char *why;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct registry reg;
        enum element_type type = cases[i].type;
        met[type] = true;
        assert_true(convert_fits(type, COL_Application, &why));
        struct rig *r = decode_one(&reg, type, COL_Application, cases[i].bytes);
        assert_string_equal(TEXT(Application, 0), cases[i].text);
        rig_free(r);
        registry_fini(&reg);
        if (!convert_fits(type, COL_Bytes, &why)) {
            assert_int_equal(cases[i].number, 0);
            continue;
        }
        r = decode_one(&reg, type, COL_Bytes, cases[i].bytes);
        assert_true(NUM(Bytes, 0) == cases[i].number);
        rig_free(r);
        registry_fini(&reg);
        for (unsigned k = 0; k < 3; k++) { /* too large a number becomes the largest */
            uint64_t most = k == 0 ? UINT8_MAX : k == 1 ? UINT16_MAX : UINT32_MAX;
            r = decode_one(&reg, type, narrow[k], cases[i].bytes);
            assert_true(rig_num(r, narrow[k], 0) == (cases[i].number < most ? cases[i].number : most));
            rig_free(r);
            registry_fini(&reg);
        }
    }
    for (unsigned t = 0; t < ELEMENT_TYPES; t++) {
        bool list = t >= ELEMENT_basicList && t <= ELEMENT_subTemplateMultiList;
        assert_true(met[t] != list);
        assert_true(convert_fits((enum element_type)t, COL_UserName, &why) != list);
    }
}

static void addresses_and_countries(void **state)
{
    struct registry reg;
    struct rig *r = decode_one(&reg, ELEMENT_ipv6Address, COL_SrcAddrNAT, "20010db8000000000000000000000001");
    assert_string_equal(IP(SrcAddrNAT, 0), "2001:db8::1");
    rig_free(r);
    registry_fini(&reg);
    r = decode_one(&reg, ELEMENT_macAddress, COL_SrcMAC, "020000000001");
    assert_int_equal(NUM(SrcMAC, 0), 0x020000000001);
    rig_free(r);
    registry_fini(&reg);
    r = decode_one(&reg, ELEMENT_string, COL_DstCountry, "6672");
    assert_memory_equal(r->sink.batch->col[COL_DstCountry], "FR", 2);
    rig_free(r);
    registry_fini(&reg);
    r = decode_one(&reg, ELEMENT_string, COL_DstCountry, "3131");
    assert_true(!batch_live(r->sink.batch, COL_DstCountry) ||
                memcmp(r->sink.batch->col[COL_DstCountry], "\0\0", 2) == 0);
    rig_free(r);
    registry_fini(&reg);
}

/* Whatever the exporter's field is long, nothing is read beyond it. */
static void any_length(void **state)
{
    for (unsigned t = 0; t < ELEMENT_TYPES; t++)
        for (unsigned c = 0; c < COL_COUNT; c++) {
            const char *why;
            if (!convert_fits((enum element_type)t, (enum column)c, &why))
                continue;
            for (unsigned len = 1; len <= 40; len += len < 10 ? 1 : 6) {
                struct registry reg;
                char bytes[81];
                memset(bytes, 'f', len * 2);
                bytes[len * 2] = '\0';
                if (t == ELEMENT_string && len > 4)
                    continue;
                struct rig *r = decode_one(&reg, (enum element_type)t, (enum column)c, bytes);
                rig_free(r);
                registry_fini(&reg);
            }
        }
}

static void refused(void **state)
{
    static const struct {
        const char *column;
        enum element_type type;
        const char *error;
    } wrong[] = {
        {"Aplication", ELEMENT_string, "there is no column \"Aplication\"; did you mean Application?"},
        {"nothing like it", ELEMENT_string, "there is no column \"nothing like it\""},
        {"Bytes", ELEMENT_string, "column Bytes cannot hold values of type string"},
        {"SrcMAC", ELEMENT_unsigned64, "column SrcMAC cannot hold values of type unsigned64"},
        {"SrcAddr", ELEMENT_string, "column SrcAddr cannot hold values of type string"},
        {"UserName", ELEMENT_basicList, "column UserName cannot hold values of type basicList"},
        {"ExporterName", ELEMENT_string,
         "column ExporterName says something of the exporter or an interface, not of a flow; metadata fill "
         "it"},
        {"RateFactor", ELEMENT_unsigned32, "column RateFactor is weir's own"},
        {"PacketSize", ELEMENT_unsigned64,
         "column PacketSize is computed, and cannot be filled by an element"},
        {"MPLSLabels", ELEMENT_unsigned32, "column MPLSLabels is a list, and cannot be filled by an element"},
        {"Dst1stAS", ELEMENT_unsigned32,
         "column Dst1stAS follows from DstASPath, and cannot be filled by an element"},
        {"FlowStart", ELEMENT_dateTimeMilliseconds,
         "column FlowStart follows from the flow's time elements, and cannot be filled by another"},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct element_conf c = {.id = 100, .name = "", .type = wrong[i].type, .column = wrong[i].column};
        const char *key = NULL;
        struct err e;
        assert_false(registry_conf_table.check(&c, &key, &e));
        assert_string_equal(key, "column");
        assert_string_equal(e.msg, wrong[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_into_every_kind),
        cmocka_unit_test(addresses_and_countries),
        cmocka_unit_test(any_length),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
