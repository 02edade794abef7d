/* What --explain says of sFlow is what the decoder does, and it ends whatever it is about. */
#include "decode/sflow_explain.h"
#include "decode/sflow_testing.h"

static void some_value(enum sflow_type type)
{
    static const char *const bytes[] = {
        [SFLOW_U32] = "00000019",
        [SFLOW_U64] = "0000000000000009",
        [SFLOW_IPV4] = "0a000001",
        [SFLOW_IPV6] = "20010db8000000000000000000000001",
        [SFLOW_ADDRESS] = "00000001 0a000009",
        [SFLOW_MAC] = "0200000000010000",
        [SFLOW_TEXT] = "00000003 61626300",
        [SFLOW_LABELS] = "00000001 00064140",
        [SFLOW_TAGS] = "00000002 88a80005 81000006",
        [SFLOW_COMMUNITIES] = "00000001 fde80001",
        [SFLOW_PATH] = "00000001 00000002 00000001 0000fde9",
    };
    assert_true(type < sizeof bytes / sizeof *bytes && bytes[type]);
    hex(&b, bytes[type]);
}

/* A discarded packet (so that reasons count) with just this record, which has something in every field. */
static void decode_structure(struct rig *r, const struct sflow_line *line)
{
    header(1, 1);
    size_t at = open_part(5);
    hex(&b, "00000001 00000000 00000003 00000000 00000003 00000004 00000102 00000001");
    size_t inside = open_part(line->format);
    for (line++; line < sflow_lines + sflow_line_count && line->kind == SFLOW_FIELD; line++)
        some_value(line->type);
    close_part(inside);
    close_part(at);
    rig_decode(r, &b);
    assert_int_equal(r->stats.flows, 1);
}

static bool has_value(const struct rig *r, enum column c)
{
    static const uint8_t zeros[32];
    const struct batch *batch = r->sink.batch;
    return batch_live(batch, c) && memcmp(batch->col[c], zeros, column_width(c)) != 0;
}

/* The table that is printed and the code that decodes: each column of the one is filled by the other, and no further one. */
static void what_is_said_is_done(void **state)
{
    struct rig *r = *state;
    unsigned filled = 0;
    for (unsigned i = 0; i < sflow_line_count; i++) {
        if (sflow_lines[i].kind != SFLOW_FLOWS || sflow_lines[i].format == SFLOW_RAW_HEADER)
            continue;
        decode_structure(r, &sflow_lines[i]);
        bool said[COL_COUNT] = {0};
        static const enum column always[] = {COL_TimeReceived, COL_ExporterAddress,  COL_SamplingRate,
                                             COL_Packets,      COL_InIfIndex,        COL_OutIfIndex,
                                             COL_DropReason,   COL_ForwardingStatus, COL_EType};
        for (unsigned k = 0; k < sizeof always / sizeof *always; k++)
            said[always[k]] = true;
        for (unsigned k = i + 1; k < sflow_line_count && sflow_lines[k].kind == SFLOW_FIELD; k++) {
            struct str cols = str_from(sflow_lines[k].cols), word;
            while (str_split(&cols, ' ', &word)) {
                enum column c = column_find(word);
                assert_true(c < COL_COUNT);
                if (!has_value(r, c))
                    fail_msg("%s does not fill %s", sflow_lines[i].name, column_defs[c].name);
                said[c] = true;
                filled++;
            }
        }
        for (unsigned c = 0; c < COL_COUNT; c++)
            if (!said[c] && has_value(r, (enum column)c))
                fail_msg("%s fills %s", sflow_lines[i].name, column_defs[c].name);
    }
    assert_true(filled > 40);
}

static void structures_stand_once(void **state)
{
    for (unsigned i = 0; i < sflow_line_count; i++)
        if (sflow_lines[i].kind != SFLOW_FIELD)
            assert_ptr_equal(sflow_structure(sflow_lines[i].kind, sflow_lines[i].format), &sflow_lines[i]);
    assert_null(sflow_structure(SFLOW_FLOWS, 999999));
}

/* Whatever the words are about is cut anywhere: they end, and the flows are the same as without. */
static void explained_when_cut(void **state)
{
    struct rig *r = *state;
    char *text;
    size_t text_len;
    header(1, 2);
    size_t at = open_sample("00000003", "40000102", 3);
    raw(1, MACS "8100 00c8 0800" IPV4_TCP);
    record(1003, "00000001 0a0000fc 0000fde8 00000000 00000001"
                 "00000001 00000002 00000001 00000a00 00000001 fde80001 00000064");
    record(0x1001, "00000001");
    close_part(at);
    at = open_part(2);
    hex(&b, "00000001 00000003 00000002");
    record(1005, "00000004 65746830");
    record(2001, "00000001 00000003 00000001 0200000000010000");
    close_part(at);
    size_t whole = b.len;
    for (b.len = 0; b.len <= whole; b.len++) {
        FILE *f = open_memstream(&text, &text_len);
        rig_decode(r, &b);
        struct decode_stats without = r->stats;
        decoder_state_explain(r->st, f);
        rig_decode(r, &b);
        decoder_state_explain(r->st, NULL);
        fclose(f);
        assert_int_equal(r->stats.flows, without.flows);
        assert_int_equal(r->stats.rejected[REASON_SHORT], without.rejected[REASON_SHORT]);
        if (b.len < whole)
            free(text);
    }
    assert_non_null(strstr(text, "discarded: 258 (access list)  -> ForwardingStatus, DropReason"));
    assert_non_null(strstr(text, "65000:1  -> DstCommunities"));
    assert_non_null(strstr(text, "unknown structure 1/1  (skipped, 4 bytes)"));
    assert_non_null(strstr(text, "\"eth0\"  (kept: the interface's name)"));
    assert_non_null(strstr(text, "interface 3 02:00:00:00:00:01"));
    free(text);
}

/* Both old versions, and cut anywhere. */
static void old_versions_explained(void **state)
{
    static const struct {
        uint32_t version;
        const char *gateway, *said;
    } cases[] = {
        {2, "00000003 0000fde8 00000000 00000001 00000002 00000a00 00003b41",
         "2560 15169  -> DstASPath, DstAS"},
        {4,
         "00000003 0000fde8 00000000 00000001 00000001 00000002 00000002 00000a00 00003b41 00000001 fde80001 "
         "00000064",
         "65000:1  -> DstCommunities"},
    };
    static const char *const both[] = {
        "flow_sample 1\n",
        "sampling_rate                    1000  -> SamplingRate",
        "sampled_header 1\n",
        "source port                      443  -> SrcPort",
        "2 interfaces  (no column)",
        "extended_router 2\n",
        "\"abc\"  -> UserName",
        "counters_sample 2\n",
        "1000000000  (kept: the interface's speed)",
        "52 bytes of the medium's counters",
        "sampled_ipv4 2\n",
        "200  -> Bytes",
    };
    struct rig *r = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        old_header(cases[i].version, 3);
        hex(&b, OLD_HEADER "00000003 00000002 00000001 0a0000fd 00000018 00000010");
        hex(&b, cases[i].gateway);
        hex(&b, "00000004 00000003 61626300 00000000");
        hex(&b, "00000002 00000001 00000003 0000001e 00000002 00000003 00000006 00000000 3b9aca00");
        buf_zero(&b, 72 + 52);
        hex(&b, OLD_SAMPLE "00000002 000000c8 00000011 0a000001 0a000002 00000035 00000400 00000000 00000020"
                           "00000000");
        char *text = NULL;
        size_t text_len, whole = b.len;
        for (b.len = 0; b.len <= whole; b.len++) {
            free(text);
            FILE *f = open_memstream(&text, &text_len);
            rig_decode(r, &b);
            uint64_t flows = r->stats.flows;
            decoder_state_explain(r->st, f);
            rig_decode(r, &b);
            decoder_state_explain(r->st, NULL);
            fclose(f);
            assert_int_equal(r->stats.flows, flows);
        }
        assert_non_null(strstr(text, cases[i].said));
        for (unsigned k = 0; k < sizeof both / sizeof *both; k++)
            if (!strstr(text, both[k]))
                fail_msg("version %u does not say %s", cases[i].version, both[k]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_said_is_done),
        T(structures_stand_once),
        T(explained_when_cut),
        T(old_versions_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
