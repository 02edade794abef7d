/* A second walk over the datagram, led by sflow_structures.def, beside the one that makes flows of it. */
#include "decode/sflow_explain.h"
#include "decode/explain.h"
#include <inttypes.h>

enum { LIST_MAX = 256 /* items printed of a list */, SOURCE_CLASSES = 4, FORMAT_BITS = 12 };

#define SAMPLE(enterprise, format, name)                                                                     \
    {SFLOW_SAMPLES, SFLOW_U32, (enterprise) << FORMAT_BITS | (format), #name, NULL, NULL},
#define FLOW(enterprise, format, name)                                                                       \
    {SFLOW_FLOWS, SFLOW_U32, (enterprise) << FORMAT_BITS | (format), #name, NULL, NULL},
#define COUNTERS(enterprise, format, name)                                                                   \
    {SFLOW_COUNTERS, SFLOW_U32, (enterprise) << FORMAT_BITS | (format), #name, NULL, NULL},
#define SAMPLE_V4(number, name) {SFLOW_SAMPLES_V4, SFLOW_U32, number, #name, NULL, NULL},
#define PACKET_V4(number, name) {SFLOW_PACKETS_V4, SFLOW_U32, number, #name, NULL, NULL},
#define EXTENDED_V4(number, name) {SFLOW_EXTENDED_V4, SFLOW_U32, number, #name, NULL, NULL},
#define F(name, type, cols, why) {SFLOW_FIELD, SFLOW_##type, 0, #name, cols, why},
const struct sflow_line sflow_lines[] = {
#include "decode/sflow_structures.def"
};
const unsigned sflow_line_count = sizeof sflow_lines / sizeof *sflow_lines;

const struct sflow_line *sflow_structure(enum sflow_line_kind kind, uint32_t format)
{
    for (unsigned i = 0; i < sflow_line_count; i++)
        if (sflow_lines[i].kind == kind && sflow_lines[i].format == format)
            return &sflow_lines[i];
    return NULL;
}

/* ---- what became of it */

static bool stored(const struct schema *s, enum column c)
{
    return s->enabled[c] || s->asked[c] || column_defs[c].flags & COLF_HIDDEN;
}

static void print_fate(const struct sflow_walk *w, const char *cols, const char *why)
{
    struct str rest = str_from(cols), word, disabled = {0};
    unsigned n = 0;
    while (str_split(&rest, ' ', &word)) {
        enum column c = column_find(word);
        if (stored(w->x->st->schema, c))
            fprintf(w->f, "%s%s", n++ ? ", " : "  -> ", column_defs[c].name);
        else
            disabled = word;
    }
    if (n && why)
        fprintf(w->f, " (%s)", why);
    else if (!n && disabled.len)
        fprintf(w->f, "  (column %.*s is disabled)", STR_ARG(disabled));
    else if (!n)
        fprintf(w->f, "  (%s)", why ? why : "no column");
    fputc('\n', w->f);
}

static void print_name(const struct sflow_walk *w, const char *name)
{
    fprintf(w->f, "%*s%-32s ", (int)w->indent * 2, "", name);
}

/* ---- values */

static void print_bytes(const struct sflow_walk *w, struct cursor *c, size_t len, enum element_type type)
{
    const uint8_t *p = cursor_bytes(c, len);
    if (p)
        explain_value(w->f, type, (struct str){(const char *)p, len});
}

static void print_numbers(const struct sflow_walk *w, struct cursor *c, enum sflow_type type)
{
    uint32_t n = cursor_be32(c);
    for (uint32_t i = 0; i < n && cursor_left(c) >= 4; i++) {
        uint32_t v = cursor_be32(c);
        if (i >= LIST_MAX)
            continue;
        fputs(i ? " " : "", w->f);
        if (type == SFLOW_LABELS) /* RFC 3032 2.1 */
            fprintf(w->f, "%u", v >> 12);
        else if (type == SFLOW_TAGS)
            fprintf(w->f, "%04x/%u", v >> 16, v & 0x0fff);
        else if (type == SFLOW_COMMUNITIES)
            fprintf(w->f, "%u:%u", v >> 16, v & 0xffff);
        else
            fprintf(w->f, "%u", v);
    }
}

static void print_path(const struct sflow_walk *w, struct cursor *c)
{
    enum { AS_SET = 1 };
    for (uint32_t segments = cursor_be32(c), i = 0; i < segments && !c->bad && cursor_left(c) >= 8; i++) {
        bool set = cursor_be32(c) == AS_SET;
        fputs(i ? " " : "", w->f);
        fputs(set ? "{" : "", w->f);
        print_numbers(w, c, SFLOW_PATH);
        fputs(set ? "}" : "", w->f);
    }
}

static void print_adapters(const struct sflow_walk *w, struct cursor *c)
{
    for (uint32_t n = cursor_be32(c), i = 0; i < n && cursor_left(c) >= 8; i++) {
        fprintf(w->f, "%sinterface %u", i ? ", " : "", cursor_be32(c));
        for (uint32_t macs = cursor_be32(c); macs > 0 && cursor_left(c) >= 8; macs--) {
            fputc(' ', w->f);
            print_bytes(w, c, 6, ELEMENT_macAddress);
            cursor_skip(c, 2);
        }
    }
}

static void print_source(const struct sflow_walk *w, uint32_t class, uint32_t index)
{
    static const char *const classes[SOURCE_CLASSES] = {"interface", "VLAN", "physical entity",
                                                        "logical entity"};
    if (class < SOURCE_CLASSES)
        fprintf(w->f, "%s %u", classes[class], index);
    else
        fprintf(w->f, "class %u, index %u", class, index);
}

static void print_reason(const struct sflow_walk *w, uint32_t code)
{
    char room[32];
    struct str name = sflow_discard_name(code, room);
    fprintf(w->f, "%u (%.*s)", code, STR_ARG(name));
}

/* An interface, and in its place why there is none; returns the columns that are filled then. */
static const char *print_interface(const struct sflow_walk *w, uint32_t format, uint32_t value,
                                   const char *cols)
{
    if (format == SFLOW_FORMAT_DISCARDED) {
        fputs("discarded: ", w->f);
        print_reason(w, value);
        return "ForwardingStatus DropReason";
    }
    if (format != SFLOW_FORMAT_INDEX) {
        fprintf(w->f, "%u interfaces", value);
        return "";
    }
    fprintf(w->f, value == SFLOW_INTERFACE_LOCAL ? "the device itself" : "%u", value);
    return value == SFLOW_INTERFACE_LOCAL ? "" : cols;
}

static const char *print_word(const struct sflow_walk *w, struct cursor *c, const struct sflow_line *line)
{
    bool wide =
        line->type == SFLOW_SOURCE_WIDE || line->type == SFLOW_INPUT_WIDE || line->type == SFLOW_OUTPUT_WIDE;
    uint32_t v = cursor_be32(c), second = wide ? cursor_be32(c) : 0;
    if (c->bad)
        return line->cols;
    switch (line->type) {
    case SFLOW_SOURCE:
        print_source(w, v >> 24, v & 0xffffff);
        break;
    case SFLOW_SOURCE_WIDE:
        print_source(w, v, second);
        break;
    case SFLOW_INPUT:
    case SFLOW_OUTPUT:
        return print_interface(w, v >> 30, v & 0x3fffffff, line->cols);
    case SFLOW_INPUT_WIDE:
    case SFLOW_OUTPUT_WIDE:
        return print_interface(w, v, second, line->cols);
    case SFLOW_INTERFACE_V4:
        return print_interface(w, v >> 30 ? SFLOW_FORMAT_MULTIPLE : SFLOW_FORMAT_INDEX, v & 0x7fffffff,
                               line->cols);
    case SFLOW_REASON:
        print_reason(w, v);
        break;
    default:
        fprintf(w->f, "%u", v);
    }
    return line->cols;
}

/* Returns the columns it fills. */
static const char *print_value(const struct sflow_walk *w, struct cursor *c, const struct sflow_line *line)
{
    char ip[IP_TEXT_MAX];
    struct str text;
    switch (line->type) {
    case SFLOW_U64:
        print_bytes(w, c, 8, ELEMENT_unsigned64);
        break;
    case SFLOW_IPV4:
        print_bytes(w, c, 4, ELEMENT_ipv4Address);
        break;
    case SFLOW_IPV6:
        print_bytes(w, c, 16, ELEMENT_ipv6Address);
        break;
    case SFLOW_ADDRESS:
        fputs(ip_format(sflow_address(c), ip), w->f);
        break;
    case SFLOW_MAC:
        print_bytes(w, c, 6, ELEMENT_macAddress);
        cursor_skip(c, 2);
        break;
    case SFLOW_UUID:
        print_bytes(w, c, 16, ELEMENT_octetArray);
        break;
    case SFLOW_TEXT:
        text = sflow_string(c);
        explain_value(w->f, ELEMENT_string, text);
        break;
    case SFLOW_LABELS:
    case SFLOW_TAGS:
    case SFLOW_COMMUNITIES:
    case SFLOW_NUMBERS:
        print_numbers(w, c, line->type);
        break;
    case SFLOW_PATH:
        print_path(w, c);
        break;
    case SFLOW_ADAPTERS:
        print_adapters(w, c);
        break;
    default:
        return print_word(w, c, line);
    }
    return line->cols;
}

/* ---- packets */

static void print_number_of(const struct sflow_walk *w, const char *name, uint64_t v, const char *cols)
{
    if (!v)
        return;
    print_name(w, name);
    fprintf(w->f, "%" PRIu64, v);
    print_fate(w, cols, NULL);
}

static void print_mac_of(const struct sflow_walk *w, const char *name, uint64_t v, const char *cols)
{
    uint8_t mac[6];
    for (unsigned i = 0; i < sizeof mac; i++)
        mac[i] = (uint8_t)(v >> (40 - 8 * i));
    if (!v)
        return;
    print_name(w, name);
    explain_value(w->f, ELEMENT_macAddress, (struct str){(const char *)mac, sizeof mac});
    print_fate(w, cols, NULL);
}

static void print_ip_of(const struct sflow_walk *w, const char *name, struct ip ip, const char *cols)
{
    char text[IP_TEXT_MAX];
    if (ip_is_zero(ip))
        return;
    print_name(w, name);
    fputs(ip_format(ip, text), w->f);
    print_fate(w, cols, NULL);
}

static void print_packet(const struct sflow_walk *w, const struct packet *pk)
{
    enum { ICMP = 1, ICMPV6 = 58 };
    print_mac_of(w, "source MAC", pk->src_mac, "SrcMAC");
    print_mac_of(w, "destination MAC", pk->dst_mac, "DstMAC");
    print_number_of(w, "VLAN", pk->vlan, "SrcVlan");
    print_number_of(w, "inner VLAN", pk->inner_vlan, "SrcCustomerVlan");
    print_number_of(w, "overlay segment", pk->vni, "IngressVNI");
    print_number_of(w, "type", pk->etype, "EType");
    for (unsigned i = 0; i < pk->n_labels; i++)
        print_number_of(w, "MPLS label", pk->label[i], "MPLSLabels");
    print_ip_of(w, "source address", pk->src, "SrcAddr");
    print_ip_of(w, "destination address", pk->dst, "DstAddr");
    print_number_of(w, "protocol", pk->proto, "Proto");
    print_number_of(w, "source port", pk->src_port, "SrcPort");
    print_number_of(w, "destination port", pk->dst_port, "DstPort");
    print_number_of(w, "length", pk->l3_len, "Bytes");
    print_number_of(w, "type of service", pk->tos, "IPTos");
    print_number_of(w, "time to live", pk->ttl, "IPTTL");
    print_number_of(w, "TCP flags", pk->tcp_flags, "TCPFlags");
    print_number_of(w, "identification", pk->frag_id, "IPFragmentID");
    print_number_of(w, "fragment offset", pk->frag_offset, "IPFragmentOffset");
    print_number_of(w, "flow label", pk->flow_label, "IPv6FlowLabel");
    bool v6 = pk->proto == ICMPV6;
    if (pk->proto == ICMP || v6) {
        print_number_of(w, "ICMP type", pk->icmp_type, v6 ? "ICMPv6Type" : "ICMPv4Type");
        print_number_of(w, "ICMP code", pk->icmp_code, v6 ? "ICMPv6Code" : "ICMPv4Code");
    }
}

/* The bytes, and below them what is read in them; the record begins with their protocol and the frame's length. */
static void print_header(struct sflow_walk *w, struct cursor record, struct cursor *c)
{
    enum dgram_decap decap = (enum dgram_decap)w->x->d->decap;
    uint32_t protocol = cursor_be32(&record), frame_len = cursor_be32(&record);
    size_t told = cursor_be32(c), len = told < cursor_left(c) ? told : cursor_left(c);
    struct str header = {(const char *)c->p, len};
    explain_value(w->f, ELEMENT_octetArray, header);
    cursor_skip(c, len);
    cursor_skip(c, -told % 4);
    fputc('\n', w->f);
    struct sflow_sample s;
    sflow_sample_init(&s);
    sflow_header(&s, protocol, frame_len, header, decap);
    w->indent++;
    if (s.decap_failed)
        fprintf(w->f, "%*s(not encapsulated as the input wants it)\n", (int)w->indent * 2, "");
    else
        print_packet(w, &s.packet);
    w->indent--;
}

/* ---- structures */

void sflow_explain_fields(struct sflow_walk *w, const struct sflow_line *line, struct cursor *c)
{
    struct cursor whole = *c;
    const struct sflow_line *end = sflow_lines + sflow_line_count;
    for (line++; line < end && line->kind == SFLOW_FIELD && !c->bad; line++) {
        print_name(w, line->name);
        if (line->type == SFLOW_HEADER) {
            print_header(w, whole, c);
            continue;
        }
        const char *cols = print_value(w, c, line);
        if (c->bad)
            fputs("(cut short)\n", w->f);
        else
            print_fate(w, cols, line->why);
    }
}

static void print_title(const struct sflow_walk *w, const struct sflow_line *line, uint32_t format,
                        size_t len)
{
    const struct sflow_line *next = line ? line + 1 : NULL;
    bool fields = next && next < sflow_lines + sflow_line_count && next->kind == SFLOW_FIELD;
    fprintf(w->f, "%*s%s %u/%u", (int)w->indent * 2, "", line ? line->name : "unknown structure",
            format >> FORMAT_BITS, format & ((1u << FORMAT_BITS) - 1));
    if (!fields)
        fprintf(w->f, "  (%s, %zu bytes)", line ? "not decoded" : "skipped", len);
    fputc('\n', w->f);
}

static void print_records(struct sflow_walk *w, enum sflow_line_kind kind, struct cursor *c)
{
    for (uint32_t n = cursor_be32(c); n > 0 && !c->bad; n--) {
        uint32_t format = cursor_be32(c), len = cursor_be32(c);
        struct cursor record = cursor_sub(c, len <= cursor_left(c) ? len : cursor_left(c));
        const struct sflow_line *line = sflow_structure(kind, format);
        if (c->bad)
            break;
        print_title(w, line, format, cursor_left(&record));
        w->indent++;
        if (line)
            sflow_explain_fields(w, line, &record);
        w->indent--;
    }
}

void sflow_explain(const struct decoding *x, struct cursor c, struct ip agent, uint32_t sub_agent,
                   uint32_t samples)
{
    char from[IP_TEXT_MAX], by[IP_TEXT_MAX];
    struct sflow_walk w = {x, x->st->explain, 1};
    fprintf(w.f, "%s port %u, sFlow version 5, agent %s, sub-agent %u\n", ip_format(x->d->src, from),
            x->d->src_port, ip_format(agent, by), sub_agent);
    for (; samples > 0 && !c.bad && cursor_left(&c) >= 8; samples--) {
        uint32_t format = cursor_be32(&c), len = cursor_be32(&c);
        struct cursor body = cursor_sub(&c, len);
        if (body.bad)
            break;
        const struct sflow_line *line = sflow_structure(SFLOW_SAMPLES, format);
        print_title(&w, line, format, len);
        w.indent++;
        if (line && format >> FORMAT_BITS == 0) {
            sflow_explain_fields(&w, line, &body);
            print_records(&w, format == 2 || format == 4 ? SFLOW_COUNTERS : SFLOW_FLOWS, &body);
        }
        w.indent--;
    }
}
