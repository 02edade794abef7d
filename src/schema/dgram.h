/*
 * dgram: one datagram of an exporter with what the socket knew about it; what the bus carries.
 *
 * The bytes are borrowed: from the receive slab in the inlet, from the bus in the outlet.
 */
#pragma once
#include "base/ip.h"

enum dgram_decoder { DECODER_NONE, DECODER_NETFLOW, DECODER_SFLOW };              /* RawFlow's numbers */
enum dgram_time { TIME_INPUT, TIME_NETFLOW_PACKET, TIME_NETFLOW_FIRST_SWITCHED }; /* timestamp-source */
/* decapsulation-protocol; the first five are RawFlow's */
enum dgram_decap {
    DECAP_NONE,
    DECAP_IPIP,
    DECAP_GRE,
    DECAP_VXLAN,
    DECAP_SRV6,
    DECAP_GENEVE,
    DECAP_GTPU,
    DECAP_COUNT
};

struct dgram {
    struct ip src; /* UDP source address: the exporter as the bus knows it */
    uint16_t src_port;
    uint8_t decoder; /* enum dgram_decoder */
    uint8_t time;    /* enum dgram_time */
    uint8_t decap;   /* enum dgram_decap */
    bool use_src;    /* use-src-addr-for-exporter-addr */
    bool stream; /* by a stream or from an IPFIX file, not UDP: template withdrawals count (RFC 7011 8.4) */
    uint32_t rate_limit; /* flows per second per exporter, 0: none */
    uint64_t rx_ns;      /* receive time, wall clock */
    const uint8_t *data;
    uint32_t len;
};

enum { DGRAM_MAX = 65535 };
