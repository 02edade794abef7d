/*
 * weir decode: reads captures with the outlet's own decoder and prints the flows, or what became of them.
 *
 * One state for all files, in order, so that templates of one serve the next.
 */
#include "main/commands.h"
#include "base/arena.h"
#include "base/cursor.h"
#include "decode/decode.h"
#include "rx/pcap.h"
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { SFLOW_PORT = 6343 };

struct job {
    struct batch_sink sink; /* first: the sink's callback finds the job behind it */
    struct schema schema;
    struct intern strings;
    struct decoder_state *state;
    struct decode_stats stats;
    int decoder; /* DECODER_NONE: by looking */
    bool summary;
};

/* What a decoder may set of a row; the rest comes by enrichment. */
static bool decoded(const struct schema *s, enum column c)
{
    static const enum column more[] = {COL_TimeReceived,    COL_ExporterAddress, COL_EType,
                                       COL_FlowDirection,   COL_DstASPath,       COL_MPLSLabels,
                                       COL_SrcCommunities,  COL_DstCommunities,  COL_FirewallExtendedEvent,
                                       COL_BiflowDirection, COL_DropReason,      COL_EgressVRFName,
                                       COL_FlowStart,       COL_FlowEnd,         COL_FlowDuration};
    bool ours = column_defs[c].elements[0] != 0;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        ours |= c == more[i];
    bool there = s->enabled[c] || column_defs[c].flags & COLF_HIDDEN;
    return ours && there && column_defs[c].store != STORE_NONE;
}

static uint64_t number(const struct batch *b, enum column c, uint32_t row)
{
    if (!batch_live(b, c))
        return 0;
    switch (column_defs[c].store) {
    case STORE_U8:
        return ((const uint8_t *)b->col[c])[row];
    case STORE_U16:
        return ((const uint16_t *)b->col[c])[row];
    case STORE_U32:
    case STORE_STR:
        return ((const uint32_t *)b->col[c])[row];
    default:
        return ((const uint64_t *)b->col[c])[row];
    }
}

static void print_array(const struct batch *b, enum column c, uint32_t row)
{
    struct span s = batch_live(b, c) ? ((const struct span *)b->col[c])[row] : (struct span){0};
    putchar('[');
    for (uint32_t i = 0; i < s.n; i++)
        printf("%s%u", i ? "," : "", b->pool32[s.at + i]);
    putchar(']');
}

static void print_text(const struct job *j, uint32_t id)
{
    struct str s = intern_str(&j->strings, id);
    json_t *text = json_stringn(s.p, s.len);
    json_dumpf(text, stdout, JSON_ENCODE_ANY);
    json_decref(text);
}

static void print_value(const struct job *j, const struct batch *b, enum column c, uint32_t row)
{
    static const char *const directions[] = {"undefined", "ingress", "egress"};
    char text[IP_TEXT_MAX];
    const struct column_def *def = &column_defs[c];
    uint64_t v;
    if (def->store == STORE_IP) {
        struct ip ip = batch_live(b, c) ? ((const struct ip *)b->col[c])[row] : (struct ip){0};
        printf("\"%s\"", ip_format(ip, text));
    } else if (def->store == STORE_STR) {
        print_text(j, (uint32_t)number(b, c, row));
    } else if (def->store == STORE_A32) {
        print_array(b, c, row);
    } else if (def->kind == KIND_MAC) {
        v = number(b, c, row);
        printf("\"%02x:%02x:%02x:%02x:%02x:%02x\"", (unsigned)(v >> 40 & 255), (unsigned)(v >> 32 & 255),
               (unsigned)(v >> 24 & 255), (unsigned)(v >> 16 & 255), (unsigned)(v >> 8 & 255),
               (unsigned)(v & 255));
    } else if (def->kind == KIND_DIRECTION) {
        v = number(b, c, row);
        printf("\"%s\"", directions[v < 3 ? v : 0]);
    } else {
        printf("%llu", (unsigned long long)number(b, c, row));
    }
}

static void print_rows(struct batch_sink *sink)
{
    struct job *j = (struct job *)sink;
    struct batch *b = sink->batch;
    for (uint32_t row = 0; row < b->n && !j->summary; row++) {
        char before = '{';
        for (unsigned c = 0; c < COL_COUNT; c++) {
            if (!decoded(&j->schema, (enum column)c))
                continue;
            printf("%c\"%s\":", before, column_defs[c].name);
            print_value(j, b, (enum column)c, row);
            before = ',';
        }
        puts("}");
    }
    batch_reset(b);
}

static void print_summary(const struct decode_stats *s)
{
    json_t *rejected = json_object();
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (s->rejected[i])
            json_object_set_new(rejected, decode_reason_names[i], json_integer((json_int_t)s->rejected[i]));
    json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "datagrams", (json_int_t)s->datagrams, "flows",
                          (json_int_t)s->flows, "bytes", (json_int_t)s->bytes, "packets",
                          (json_int_t)s->packets, "templates", (json_int_t)s->templates, "options_records",
                          (json_int_t)s->options_records, "rejected", rejected);
    json_dumpf(o, stdout, 0);
    putchar('\n');
    json_decref(o);
}

static uint8_t guess(const struct dgram *d, uint16_t dst_port)
{
    uint16_t version = d->len >= 2 ? load_be16(d->data) : 0;
    if (version == 1 || version == 5 || version == 7 || version == 9 || version == 10)
        return DECODER_NETFLOW;
    bool sflow = d->len >= 4 && load_be32(d->data) >= 2 && load_be32(d->data) <= 5;
    return sflow || dst_port == SFLOW_PORT ? DECODER_SFLOW : DECODER_NETFLOW;
}

static bool decode_file(struct job *j, const char *path, struct err *e)
{
    struct pcap *p = pcap_open(path, e);
    struct dgram d = {0};
    uint16_t dst_port;
    if (!p)
        return false;
    while (pcap_next(p, &d, &dst_port)) {
        d.decoder = j->decoder == DECODER_NONE ? guess(&d, dst_port) : (uint8_t)j->decoder;
        decode_dgram(j->state, &d, &j->sink, &j->stats);
    }
    pcap_close(p);
    return true;
}

static int usage(FILE *f)
{
    fprintf(f, "usage: weir decode [--decoder auto|netflow|sflow] [--summary] [--all] FILE...\n\n"
               "Prints one JSON object for each flow in captures (pcap, pcapng, .ipfix, or one raw datagram "
               "a file).\n\n"
               "  --decoder KIND  what the datagrams are; auto (default) looks at each\n"
               "  --summary       one JSON object with what became of the datagrams instead\n"
               "  --all           all columns, not only those that are enabled by default\n");
    return f == stdout ? 0 : 2;
}

static bool parse_decoder(const char *arg, int *out)
{
    static const char *const names[] = {"auto", "netflow", "sflow"}; /* by enum dgram_decoder */
    for (int i = 0; i < 3; i++)
        if (strcmp(arg, names[i]) == 0) {
            *out = i;
            return true;
        }
    fprintf(stderr, "weir decode: there is no decoder \"%s\"\n", arg);
    return false;
}

static int run(struct job *j, int n, char **paths)
{
    struct err e;
    int status = 0;
    j->state = decoder_state_new(&j->schema, NULL);
    intern_init(&j->strings);
    decoder_state_strings(j->state, &j->strings);
    j->sink.batch = batch_new();
    j->sink.full = print_rows;
    for (int i = 0; i < n; i++)
        if (!decode_file(j, paths[i], &e)) {
            fprintf(stderr, "weir decode: %s\n", e.msg);
            status = 1;
        }
    print_rows(&j->sink);
    decoder_give_up(j->state, &j->stats);
    if (j->summary)
        print_summary(&j->stats);
    batch_free(j->sink.batch);
    decoder_state_free(j->state);
    intern_fini(&j->strings);
    return status;
}

int cmd_decode(int argc, char **argv)
{
    static const struct option options[] = {{"decoder", required_argument, NULL, 'd'},
                                            {"summary", no_argument, NULL, 's'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct job *j = xcalloc(1, sizeof *j);
    schema_default(&j->schema);
    int status = -1;
    for (int o; status < 0 && (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (o == 'd')
            status = parse_decoder(optarg, &j->decoder) ? -1 : 2;
        else if (o == 's')
            j->summary = true;
        else if (o == 'a')
            for (unsigned c = 0; c < COL_COUNT; c++)
                j->schema.enabled[c] = true;
        else
            status = usage(o == 'h' ? stdout : stderr);
    }
    for (unsigned c = 0; c < COL_COUNT; c++)
        j->schema.group[column_defs[c].group] |= j->schema.enabled[c];
    if (status < 0)
        status = optind < argc ? run(j, argc - optind, argv + optind) : usage(stderr);
    free(j);
    return status;
}
