/* Why a device discarded a packet: a number of the sample, as ForwardingStatus and in words. */
#include "decode/sflow.h"
#include <stdio.h>

/*
 * 5.3.1, as ForwardingStatus (IANA element 89: the two upper bits say dropped, the lower six why). Codes 0 to 255 are those
 * of ICMP destination unreachable, RFC 1812 5.2.7.1.
 */
uint32_t sflow_discard_status(uint32_t code)
{
    static const struct {
        uint16_t code, status;
    } known[] = {
        {0, 131},   {1, 131},   {2, 131},   {3, 131},   {4, 133},   {5, 131},   {6, 131},
        {7, 131},   {8, 132},   {9, 129},   {10, 129},  {257, 137}, {258, 130}, {259, 143},
        {260, 139}, {261, 138}, {262, 135}, {263, 131}, {269, 130}, {302, 140},
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code)
            return known[i].status;
    return 128;
}

/* Codes from 256 on: 5.3.1 and "sFlow Dropped Packet Notification Structures" (sflow.org, October 2020), 3 */
struct str sflow_discard_name(uint32_t code, char room[32])
{
    static const char *const unreachable[] = {
        "network unreachable",
        "host unreachable",
        "protocol unreachable",
        "port unreachable",
        "fragmentation needed",
        "source route failed",
        "network unknown",
        "host unknown",
        "source host isolated",
        "network prohibited",
        "host prohibited",
        "network unreachable for service",
        "host unreachable for service",
        "administratively prohibited",
        "precedence violation",
        "precedence cutoff",
    };
    static const char *const others[] = {
        "unknown",
        "TTL exceeded",
        "access list",
        "no buffer space",
        "random early detection",
        "traffic shaping",
        "packet too big",
        "multicast source MAC",
        "VLAN tag mismatch",
        "ingress VLAN filter",
        "ingress spanning tree filter",
        "no port to send to",
        "port loopback filter",
        "blackhole route",
        "not IP",
        "unicast address on multicast MAC",
        "destination is loopback",
        "source is multicast",
        "source is loopback",
        "IP header corrupted",
        "source is broadcast",
        "multicast of reserved scope",
        "multicast of interface-local scope",
        "unresolved neighbour",
        "multicast reverse path",
        "not routable",
        "decapsulation error",
        "overlay source MAC is multicast",
        "unknown at layer 2",
        "unknown at layer 3",
        "unknown exception at layer 3",
        "unknown at buffer",
        "unknown at tunnel",
        "unknown at layer 4",
        "source is unspecified",
        "MLAG port isolation",
        "blackhole neighbour",
        "source MAC is destination MAC",
        "reserved destination MAC",
        "source is class E",
        "multicast MAC mismatch",
        "source is destination",
        "destination is local network",
        "destination is link-local",
        "overlay source MAC is destination MAC",
        "egress VLAN filter",
        "unicast reverse path",
        "split horizon",
    };
    if (code < sizeof unreachable / sizeof *unreachable)
        return str_from(unreachable[code]);
    if (code >= 256 && code - 256 < sizeof others / sizeof *others)
        return str_from(others[code - 256]);
    return (struct str){room, (size_t)snprintf(room, 32, "reason %u", code)};
}

void sflow_discarded(struct sflow_sample *s, uint32_t code)
{
    s->discarded = true;
    s->discard_code = code;
    s->status = sflow_discard_status(code);
}
