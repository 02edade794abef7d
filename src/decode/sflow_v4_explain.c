/*
 * Datagrams of sFlow versions 2 and 4 in words. As for their flows (sflow_v4.c) nothing says how long a part is, so the walk
 * ends at the first that nobody knows.
 */
#include "decode/sflow_explain.h"

enum { FLOW_SAMPLE = 1, EXTENDED_GATEWAY = 3, FORMAT_IF_COUNTERS = 1 };

/* One structure, its number in front of it. */
static bool structure(struct sflow_walk *w, enum sflow_line_kind kind, uint32_t version, struct cursor *c)
{
    uint32_t number = cursor_be32(c);
    if (c->bad)
        return false;
    /* version 2 has gateways of its own */
    bool old = kind == SFLOW_EXTENDED_V4 && number == EXTENDED_GATEWAY && version == 2;
    const struct sflow_line *line = sflow_structure(kind, old ? SFLOW_V2 | number : number);
    fprintf(w->f, "%*s%s %u\n", (int)w->indent * 2, "", line ? line->name : "unknown structure", number);
    if (!line)
        return false;
    w->indent++;
    sflow_explain_fields(w, line, c);
    w->indent--;
    return !c->bad;
}

static void flow_sample(struct sflow_walk *w, uint32_t version, struct cursor *c)
{
    if (!structure(w, SFLOW_PACKETS_V4, version, c))
        return;
    uint32_t n = cursor_be32(c);
    while (n > 0 && structure(w, SFLOW_EXTENDED_V4, version, c))
        n--;
    c->bad |= n > 0;
}

/* counters_sample: behind the interface's counters those of its medium, by `medium`, counters_version */
static void counter_sample(struct sflow_walk *w, uint32_t medium, struct cursor *c)
{
    size_t more = sflow_medium_counters(medium);
    if (more != SIZE_MAX && medium != SFLOW_COUNTERS_VLAN) {
        fprintf(w->f, "%*sif_counters\n", (int)w->indent * 2, "");
        w->indent++;
        sflow_explain_fields(w, sflow_structure(SFLOW_COUNTERS, FORMAT_IF_COUNTERS), c);
        w->indent--;
    }
    if (more == SIZE_MAX)
        fprintf(w->f, "%*sunknown counters\n", (int)w->indent * 2, "");
    else if (more && !c->bad)
        fprintf(w->f, "%*s%zu bytes of the medium's counters  (not kept)\n", (int)w->indent * 2, "", more);
    cursor_skip(c, more);
}

void sflow_explain_v4(const struct decoding *x, struct cursor c, struct ip agent, uint32_t samples)
{
    enum { MEDIUM_AT = 16 /* bytes behind a counter sample's beginning */ };
    char from[IP_TEXT_MAX], by[IP_TEXT_MAX];
    struct sflow_walk w = {x, x->st->explain, 1};
    uint32_t version = load_be32(x->d->data);
    fprintf(w.f, "%s port %u, sFlow version %u, agent %s\n", ip_format(x->d->src, from), x->d->src_port,
            version, ip_format(agent, by));
    for (; samples > 0 && cursor_left(&c) >= 4; samples--) {
        uint32_t kind = load_be32(c.p);
        uint32_t medium = cursor_left(&c) >= MEDIUM_AT + 4 ? load_be32(c.p + MEDIUM_AT) : 0;
        if (!structure(&w, SFLOW_SAMPLES_V4, version, &c))
            return;
        w.indent++;
        if (kind == FLOW_SAMPLE)
            flow_sample(&w, version, &c);
        else
            counter_sample(&w, medium, &c);
        w.indent--;
        if (c.bad)
            return;
    }
}
