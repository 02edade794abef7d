/*
 * sflow_explain: datagrams of sFlow in words, for `weir decode --explain`: samples and records by name, each field by
 * name and value, and the column it fills or why it fills none. Slow; never in a role.
 */
#pragma once
#include "decode/sflow.h"

enum sflow_type {
    SFLOW_U32,
    SFLOW_U64,
    SFLOW_IPV4,
    SFLOW_IPV6,
    SFLOW_ADDRESS,
    SFLOW_MAC, /* six bytes and padding */
    SFLOW_UUID,
    SFLOW_TEXT,
    SFLOW_HEADER, /* opaque<>: a packet's first bytes */
    SFLOW_LABELS,
    SFLOW_TAGS,
    SFLOW_COMMUNITIES,
    SFLOW_PATH,
    SFLOW_NUMBERS,
    SFLOW_ADAPTERS,
    SFLOW_REASON,
    SFLOW_SOURCE, /* 5.3: a class and an index in one word, or in two */
    SFLOW_SOURCE_WIDE,
    SFLOW_INPUT, /* 5.3.1: a format and an interface, likewise */
    SFLOW_INPUT_WIDE,
    SFLOW_OUTPUT,
    SFLOW_OUTPUT_WIDE,
    SFLOW_INTERFACE_V4, /* version 4: an ifIndex, or with the upper bit so many of them */
};

enum sflow_line_kind {
    SFLOW_SAMPLES,
    SFLOW_FLOWS,
    SFLOW_COUNTERS,
    SFLOW_FIELD,
    SFLOW_SAMPLES_V4, /* versions 2 and 4: by their own small numbers */
    SFLOW_PACKETS_V4,
    SFLOW_EXTENDED_V4,
};

#define SFLOW_V2 0x80000000u /* beside the number of what version 2 has in another form than version 4 */

/* A row of sflow_structures.def. */
struct sflow_line {
    enum sflow_line_kind kind;
    enum sflow_type type;
    uint32_t format; /* 20 bits of enterprise, 12 of format; of versions 2 and 4 the number */
    const char *name, *cols, *why;
};

extern const struct sflow_line sflow_lines[];
extern const unsigned sflow_line_count;
/* The structure, its fields behind it; NULL: nobody knows it. */
const struct sflow_line *sflow_structure(enum sflow_line_kind kind, uint32_t format);

/* Where the words go. */
struct sflow_walk {
    const struct decoding *x;
    FILE *f;
    unsigned indent;
};

/* The fields of a structure, which is at c, one on a line. */
void sflow_explain_fields(struct sflow_walk *w, const struct sflow_line *line, struct cursor *c);
/* The whole datagram x->d, whose header was read up to its samples at c. */
void sflow_explain(const struct decoding *x, struct cursor c, struct ip agent, uint32_t sub_agent,
                   uint32_t samples);
/* The same for versions 2 and 4. */
void sflow_explain_v4(const struct decoding *x, struct cursor c, struct ip agent, uint32_t samples);
