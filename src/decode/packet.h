/*
 * packet: headers of one sampled packet, as far as the sample goes; for sFlow and for IPFIX element 315.
 *
 * Any thread. A header that is cut off yields what lies before the cut.
 */
#pragma once
#include "schema/batch.h"
#include "schema/dgram.h"
#include "schema/schema.h"
#include <stddef.h>
#include <string.h>

enum { PACKET_LABELS = 10, ETYPE_IPV4 = 0x800, ETYPE_IPV6 = 0x86dd };

struct packet {
    struct ip src, dst;
    uint64_t src_mac, dst_mac;
    uint32_t etype, proto;
    uint32_t l3_len; /* as the IP header has it; 0: not IP, or it does not say */
    uint32_t frag_id, flow_label;
    uint32_t vni; /* of the tunnel it was taken out of */
    uint16_t n_labels;
    uint16_t src_port, dst_port, vlan, inner_vlan, tcp_flags, frag_offset;
    uint8_t ttl, tos, icmp_type, icmp_code;
    uint32_t label[PACKET_LABELS]; /* as many as n_labels says; the others are not zeroed */
};

/*
 * Zeroes so many blocks of 64 bytes. For as much as a packet has, gcc would take `rep stos` for memset, and to get it going
 * takes longer than to read the packet.
 */
static inline void packet_clear_blocks(void *p, size_t n)
{
    for (char *at = p; n > 0; n--, at += 64) {
        memset(at, 0, 64);
        __asm__("" : "+r"(at)); /* or it is found to be a memset */
    }
}

/* Blocks up to a member, into which the last one may reach. */
#define PACKET_BLOCKS(type, member) ((offsetof(type, member) + 63) / 64)
_Static_assert(PACKET_BLOCKS(struct packet, label) * 64 <= sizeof(struct packet), "the last block");

static inline void packet_clear(struct packet *pk)
{
    packet_clear_blocks(pk, PACKET_BLOCKS(struct packet, label));
}

/*
 * Reads an Ethernet frame, an IP packet of `etype`, or a PPP frame. With `decap` the packet inside is what is reported; false when
 * the packet is not encapsulated that way.
 */
bool packet_frame(struct packet *pk, const void *data, size_t len, enum dgram_decap decap);
bool packet_ip(struct packet *pk, const void *data, size_t len, uint32_t etype, enum dgram_decap decap);
bool packet_ppp(struct packet *pk, const void *data, size_t len, enum dgram_decap decap);
/* Columns that packet_store_new writes. */
#define PACKET_COLUMNS(X) X(EType) X(Proto) X(SrcAddr) X(DstAddr) X(SrcPort) X(DstPort)
/* The same for a row that nobody has written to yet; the columns above are live. */
void packet_store_new(const struct packet *pk, struct batch *b, uint32_t row, const struct schema *schema);
/* What was found becomes the row's; what was not leaves it as it is. Not Bytes and Packets. */
void packet_store(const struct packet *pk, struct batch *b, uint32_t row, const struct schema *schema);
