/*
 * sflow: what the files of sFlow share. sflow.c reads datagrams of version 5, sflow_v4.c those of versions 2 and 4 (RFC 3176),
 * sflow_record.c the records of a sample, sflow_counters.c what counter samples tell of the exporter.
 *
 * Everything is big-endian XDR: opaque bytes are padded to four (RFC 4506 4.10). Sections are those of "sFlow Version 5"
 * (sflow.org, July 2004) where nothing else is said. One thread for each struct decoding.
 */
#pragma once
#include "decode/decoder.h"

enum {
    SFLOW_ADDRESS_IPV4 = 1, /* 5: type address_type */
    SFLOW_ADDRESS_IPV6 = 2,
    SFLOW_FORMAT_INDEX = 0, /* 5.3.1: what the upper two bits of an interface say the others are */
    SFLOW_FORMAT_DISCARDED = 1,
    SFLOW_FORMAT_MULTIPLE = 2,
    SFLOW_INTERFACE_LOCAL = 0x3fffffff, /* the device itself */
    SFLOW_RAW_HEADER = 1,
    SFLOW_PATH_MAX = 128,
    SFLOW_COMMUNITIES_MAX = 128,
};

/* A flow sample while its records are read. */
struct sflow_sample {
    struct packet packet;
    struct ip next_hop, bgp_next_hop, mpls_next_hop, src_nat, dst_nat;
    uint64_t rate;
    uint32_t in_if, out_if, status, bytes;
    uint32_t src_vlan, dst_vlan, src_mask, dst_mask, src_as, dst_as;
    uint32_t in_vni, out_vni;
    uint16_t src_port_nat, dst_port_nat;
    uint16_t off_tags[2], in_tags[2],
        out_tags[2]; /* taken off before the header was copied; as it came, as it went */
    uint32_t n_path, n_communities;
    struct str user;        /* who the switch took the source for, else the destination */
    struct str drop_reason; /* as the exporter has it in words; empty: in none */
    uint32_t discard_code;
    bool told; /* by one of the records that are about the packet itself: 5.3, packet data types */
    bool has_packet, decap_failed, discarded;
    /* only as far as the counts above say; not zeroed */
    uint32_t path[SFLOW_PATH_MAX], communities[SFLOW_COMMUNITIES_MAX];
};

struct ip sflow_address(struct cursor *c);
/* A string or opaque<>: its bytes, and behind it the padding. */
struct str sflow_string(struct cursor *c);
void sflow_sample_init(struct sflow_sample *s);
/* ForwardingStatus (IANA element 89) of a reason for which a packet was discarded. */
uint32_t sflow_discard_status(uint32_t code);
/* In words, in `room` if need be. */
struct str sflow_discard_name(uint32_t code, char room[32]);
/* The packet was discarded for this reason. */
void sflow_discarded(struct sflow_sample *s, uint32_t code);
/* The output interface, or why there is none. */
void sflow_output(struct sflow_sample *s, uint32_t format, uint32_t value);
uint32_t sflow_input(uint32_t format, uint32_t value);
/* The row, unless the packet is not encapsulated as the input wants it. */
void sflow_emit(struct decoding *x, const struct sflow_sample *s, struct ip exporter);

/* One record of version 5, whose bytes c is bound to. */
void sflow_record(struct sflow_sample *s, uint32_t format, struct cursor *c, enum dgram_decap decap);
/* The records' bodies, for version 4 as well. */
void sflow_header(struct sflow_sample *s, uint32_t protocol, uint32_t frame_len, struct str header,
                  enum dgram_decap decap);
void sflow_sampled_ip(struct sflow_sample *s, struct cursor *c, bool v4);
void sflow_extended_switch(struct sflow_sample *s, struct cursor *c);
/* `version` 2 and 4 tell no character sets. */
void sflow_extended_user(struct sflow_sample *s, struct cursor *c, uint32_t version);
void sflow_extended_router(struct sflow_sample *s, struct cursor *c);
/* `version` 2 has neither segments nor communities, 2 and 4 no next hop. */
void sflow_extended_gateway(struct sflow_sample *s, struct cursor *c, uint32_t version);

/* A counter sample of version 5 behind its source's id; `if_index` 0: the source is no interface. */
void sflow_counters(struct decoding *x, struct cursor *c, struct ip exporter, uint32_t if_index);
/* if_counters, 5.4: ifIndex, speed and the counters themselves. */
void sflow_if_counters(struct learnt *l, struct cursor *c);
enum { SFLOW_COUNTERS_VLAN = 7 /* counters_version of a VLAN, which has no interface's counters */ };
/* Bytes of the medium's counters behind them in version 4, by counters_version; SIZE_MAX: nobody knows. */
size_t sflow_medium_counters(uint32_t version);
