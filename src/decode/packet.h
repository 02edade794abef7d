/*
 * packet: headers of one sampled packet, as far as the sample goes; for sFlow and for IPFIX element 315.
 *
 * Any thread. A header that is cut off yields what lies before the cut.
 */
#pragma once
#include "schema/batch.h"
#include "schema/dgram.h"
#include "schema/schema.h"

enum { PACKET_LABELS = 10, ETYPE_IPV4 = 0x800, ETYPE_IPV6 = 0x86dd };

struct packet {
    struct ip src, dst;
    uint64_t src_mac, dst_mac;
    uint32_t etype, proto;
    uint32_t l3_len; /* as the IP header has it; 0: not IP, or it does not say */
    uint32_t frag_id, flow_label;
    uint32_t vni; /* of the tunnel it was taken out of */
    uint32_t label[PACKET_LABELS];
    uint16_t n_labels;
    uint16_t src_port, dst_port, vlan, inner_vlan, tcp_flags, frag_offset;
    uint8_t ttl, tos, icmp_type, icmp_code;
};

/*
 * Reads an Ethernet frame, an IP packet of `etype`, or a PPP frame. With `decap` the packet inside is what is reported; false when
 * the packet is not encapsulated that way.
 */
bool packet_frame(struct packet *pk, const void *data, size_t len, enum dgram_decap decap);
bool packet_ip(struct packet *pk, const void *data, size_t len, uint32_t etype, enum dgram_decap decap);
bool packet_ppp(struct packet *pk, const void *data, size_t len, enum dgram_decap decap);
/* What was found becomes the row's; what was not leaves it as it is. Not Bytes and Packets. */
void packet_store(const struct packet *pk, struct batch *b, uint32_t row, const struct schema *schema);
