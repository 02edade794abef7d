/*
 * weir decode: reads captures with the outlet's own decoder and prints the flows, or what became of them.
 *
 * One state for all files, in order, so that templates of one serve the next.
 */
#include "main/commands.h"
#include "base/arena.h"
#include "base/cursor.h"
#include "decode/decode.h"
#include "decode/registry.h"
#include "main/config.h"
#include "rx/pcap.h"
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SFLOW_PORT = 6343 };

struct job {
    struct batch_sink sink; /* first: the sink's callback finds the job behind it */
    struct schema schema;
    struct intern strings;
    struct decoder_state *state;
    struct decode_stats stats;
    struct registry registry;
    struct pcap_counts capture; /* of all files */
    int decoder;                /* DECODER_NONE: by looking */
    struct decoder_limits limits;
    int time;  /* enum dgram_time */
    int decap; /* enum dgram_decap */
    uint32_t spread_s;
    bool use_src, summary, explain;
};

/* What a decoder may set of a row; the rest comes by enrichment. */
static bool decoded(const struct schema *s, enum column c)
{
    static const enum column more[] = {COL_TimeReceived,    COL_ExporterAddress, COL_EType,
                                       COL_FlowDirection,   COL_DstASPath,       COL_MPLSLabels,
                                       COL_SrcCommunities,  COL_DstCommunities,  COL_FirewallExtendedEvent,
                                       COL_BiflowDirection, COL_DropReason,      COL_EgressVRFName,
                                       COL_IngressVNI,      COL_EgressVNI,       COL_FlowStart,
                                       COL_FlowEnd,         COL_FlowDuration};
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

static void print_summary(const struct decode_stats *s, const struct pcap_counts *c)
{
    json_t *rejected = json_object();
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (s->rejected[i])
            json_object_set_new(rejected, decode_reason_names[i], json_integer((json_int_t)s->rejected[i]));
    const struct {
        const char *name;
        uint64_t value;
    } members[] = {{"datagrams", s->datagrams},
                   {"records", s->records},
                   {"flows", s->flows},
                   {"bytes", s->bytes},
                   {"packets", s->packets},
                   {"templates", s->templates},
                   {"options_records", s->options_records},
                   {"counter_samples", s->counter_samples},
                   {"lost", s->lost},
                   {"late", s->late},
                   {"kept", s->kept},
                   {"kept_decoded", s->kept_decoded},
                   {"broken_lists", s->lists_cut + s->lists_deep + s->lists_without_template},
                   {"evicted", s->evicted}};
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set_new(o, members[i].name, json_integer((json_int_t)members[i].value));
    json_object_set_new(o, "rejected", rejected);
    json_object_set_new(o, "capture",
                        json_pack("{sI sI sI sI sI}", "frames", (json_int_t)c->frames, "other",
                                  (json_int_t)c->other, "streams", (json_int_t)c->streams, "damaged",
                                  (json_int_t)c->damaged, "incomplete", (json_int_t)c->incomplete));
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

/* What the datagram's records became, and what of it was not decoded and why. */
static void explain(struct job *j, const struct decode_stats *before)
{
    print_rows(&j->sink);
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (j->stats.rejected[i] > before->rejected[i])
            printf("rejected: %llu, %s\n", (unsigned long long)(j->stats.rejected[i] - before->rejected[i]),
                   decode_reason_names[i]);
    if (j->stats.templates > before->templates)
        printf("templates: %llu\n", (unsigned long long)(j->stats.templates - before->templates));
    if (j->stats.kept > before->kept)
        printf("waiting for their template: %llu sets\n", (unsigned long long)(j->stats.kept - before->kept));
    putchar('\n');
}

/* Says on standard error what of a file was of no use; `before` are the counts without it. */
static void say_unused(struct job *j, const char *path, const struct pcap *p,
                       const struct decode_stats *before)
{
    const struct decode_stats *s = &j->stats;
    struct pcap_counts c;
    struct buf b;
    pcap_counts(p, &c);
    j->capture.frames += c.frames;
    j->capture.other += c.other;
    j->capture.streams += c.streams;
    j->capture.damaged += c.damaged;
    j->capture.incomplete += c.incomplete;
    buf_init(&b, 0);
    pcap_trouble(&c, &b);
    /* What looks like no capture is taken for a datagram: the user may have given something else. */
    for (unsigned i = 0;
         c.raw && s->records == before->records && s->templates == before->templates && i < REASON_COUNT; i++)
        if (s->rejected[i] > before->rejected[i]) {
            buf_z(&b, b.len ? "; " : "");
            buf_z(&b, "neither a capture nor a datagram that can be decoded: ");
            buf_z(&b, decode_reason_names[i]);
            break;
        }
    if (b.len)
        fprintf(stderr, "weir decode: %s: %.*s\n", path, (int)b.len, (const char *)b.p);
    buf_fini(&b);
}

static bool decode_file(struct job *j, const char *path, struct err *e)
{
    const struct decode_stats first = j->stats;
    struct pcap *p = pcap_open(path, e);
    struct dgram d = {0};
    uint16_t dst_port;
    if (!p)
        return false;
    while (pcap_next(p, &d, &dst_port)) {
        d.decoder = j->decoder == DECODER_NONE ? guess(&d, dst_port) : (uint8_t)j->decoder;
        d.time = (uint8_t)j->time;
        d.decap = (uint8_t)j->decap;
        d.use_src = j->use_src;
        struct decode_stats before = j->stats;
        if (j->explain)
            printf("datagram %llu, %u bytes\n", (unsigned long long)j->stats.datagrams + 1, d.len);
        decode_dgram(j->state, &d, &j->sink, &j->stats);
        if (j->explain)
            explain(j, &before);
    }
    say_unused(j, path, p, &first);
    pcap_close(p);
    return true;
}

static int usage(FILE *f)
{
    fputs(
        "usage: weir decode [OPTION]... FILE...\n\n"
        "Prints one JSON object for each flow in captures (pcap, pcapng, .ipfix, or one raw datagram a\n"
        "file; compressed by gzip or not; - is standard input: tcpdump -w - port 2055 | weir decode -).\n\n"
        "  --decoder KIND           what the datagrams are: netflow, sflow; auto (default) looks at each\n"
        "  --summary                one JSON object with what became of the datagrams instead\n"
        "  --explain                before the flows, each record: its template, every element by name and\n"
        "                           value, and what became of it\n"
        "  --all                    all columns, not only those that are enabled\n"
        "  --config FILE            with the columns and elements of this configuration\n"
        "  --timestamp-source KIND  input (default), netflow-packet or netflow-first-switched\n"
        "  --spread SECONDS         flows spread over their time, in pieces of so many seconds\n"
        "  --decapsulation-protocol KIND\n"
        "                           the packet inside counts: ipip, gre, vxlan, srv6, geneve, gtp-u; none "
        "(default)\n"
        "  --use-src-addr-for-exporter-addr\n"
        "                           the sender is the exporter, whatever the datagram says\n",
        f);
    return f == stdout ? 0 : 2;
}

/* Index of `arg` among the names; -1 and a message when it is none of them. */
static int parse_choice(const char *arg, const char *const *names, const char *what)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(arg, names[i]) == 0)
            return i;
    fprintf(stderr, "weir decode: there is no %s \"%s\"\n", what, arg);
    return -1;
}

static bool read_config(struct job *j, const char *path)
{
    struct config c;
    struct err e;
    bool ok = config_load(&c, path, environ, &e);
    if (ok) {
        const struct config_outlet *o = config_own(&c, ROLE_OUTLET, 0);
        registry_fini(&j->registry);
        ok = schema_init(&j->schema, &o->schema, &e) && registry_init(&j->registry, &o->flow.elements, &e);
        j->spread_s = (uint32_t)(o->flow.spread_ns / 1000000000u);
        j->limits = decode_conf_limits(&o->flow);
    }
    if (!ok)
        fprintf(stderr, "weir decode: %s\n", e.msg);
    config_fini(&c);
    return ok;
}

static int run(struct job *j, int n, char **paths)
{
    struct err e;
    int status = 0;
    j->state = decoder_state_new(&j->schema, &j->limits);
    intern_init(&j->strings);
    decoder_state_strings(j->state, &j->strings);
    decoder_state_registry(j->state, &j->registry);
    decoder_state_spread(j->state, j->spread_s);
    decoder_state_explain(j->state, j->explain ? stdout : NULL);
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
        print_summary(&j->stats, &j->capture);
    batch_free(j->sink.batch);
    decoder_state_free(j->state);
    intern_fini(&j->strings);
    return status;
}

/* One option; -1: go on, else the exit status. */
static int option(struct job *j, int o, bool *all)
{
    static const char *const decoders[] = {"auto", "netflow", "sflow", NULL}; /* by enum dgram_decoder */
    static const char *const times[] = {"input", "netflow-packet", "netflow-first-switched", NULL};
    static const char *const decaps[] = {"none", "ipip",   "gre",   "vxlan",
                                         "srv6", "geneve", "gtp-u", NULL}; /* by enum dgram_decap */
    uint64_t n;
    switch (o) {
    case 'd':
        return (j->decoder = parse_choice(optarg, decoders, "decoder")) < 0 ? 2 : -1;
    case 't':
        return (j->time = parse_choice(optarg, times, "timestamp source")) < 0 ? 2 : -1;
    case 'D':
        return (j->decap = parse_choice(optarg, decaps, "decapsulation protocol")) < 0 ? 2 : -1;
    case 'u':
        j->use_src = true;
        return -1;
    case 'c':
        return read_config(j, optarg) ? -1 : 1;
    case 'p':
        if (!str_u64(str_from(optarg), &n) || n > 3600) {
            fprintf(stderr, "weir decode: --spread takes a number of seconds, up to 3600\n");
            return 2;
        }
        j->spread_s = (uint32_t)n;
        return -1;
    case 's':
        j->summary = true;
        return -1;
    case 'e':
        j->explain = true;
        return -1;
    case 'a':
        *all = true;
        return -1;
    default:
        return usage(o == 'h' ? stdout : stderr);
    }
}

int cmd_decode(int argc, char **argv)
{
    static const struct option options[] = {{"decoder", required_argument, NULL, 'd'},
                                            {"timestamp-source", required_argument, NULL, 't'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"spread", required_argument, NULL, 'p'},
                                            {"decapsulation-protocol", required_argument, NULL, 'D'},
                                            {"use-src-addr-for-exporter-addr", no_argument, NULL, 'u'},
                                            {"summary", no_argument, NULL, 's'},
                                            {"explain", no_argument, NULL, 'e'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct job *j = xcalloc(1, sizeof *j);
    struct err e;
    bool all = false;
    int status = -1;
    schema_default(&j->schema);
    registry_init(&j->registry, NULL, &e);
    for (int o; status < 0 && (o = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        status = option(j, o, &all);
    for (unsigned c = 0; c < COL_COUNT; c++) {
        j->schema.enabled[c] |= all;
        j->schema.group[column_defs[c].group] |= j->schema.enabled[c];
    }
    if (status < 0)
        status = optind < argc ? run(j, argc - optind, argv + optind) : usage(stderr);
    registry_fini(&j->registry);
    free(j);
    return status;
}
