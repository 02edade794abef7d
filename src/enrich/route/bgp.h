/*
 * bgp: reads BGP-4 messages as they come in BMP: OPEN for what was negotiated, UPDATE for routes.
 *
 * Pure functions over borrowed bytes; nothing is kept. An UPDATE is read in two steps: bgp_update takes it apart and judges
 * its attributes (RFC 7606), then bgp_nlri_next walks the routes of each of its four parts. RFC 4271, 4760, 6793 (four-byte
 * AS numbers), 8277 (labels), 4364 (VPNs), 9136 (EVPN type 5), 7911 (ADD-PATH), 8654 (long messages), 8950 (IPv6 next hops).
 */
#pragma once
#include "base/cursor.h"
#include "base/ip.h"
#include "enrich/route/rib.h"

enum { BGP_HEADER = 19, BGP_MESSAGE_MAX = 65535 };
enum { BGP_OPEN = 1, BGP_UPDATE = 2 };

/* Families whose routes are kept, and a place for all others. */
enum bgp_family {
    BGP_IPV4,
    BGP_IPV6,
    BGP_IPV4_LABELS,
    BGP_IPV6_LABELS,
    BGP_IPV4_VPN,
    BGP_IPV6_VPN,
    BGP_EVPN,
    BGP_FAMILIES, /* also: one that is not kept */
};

enum bgp_family bgp_family_of(uint16_t afi, uint8_t safi);

/* ---- OPEN */

struct bgp_open {
    uint32_t as, id;
    bool four_bytes;                /* RFC 6793 */
    uint8_t add_path[BGP_FAMILIES]; /* RFC 7911: bit 0 can receive, bit 1 can send */
};

/* A whole message with its header. False when it is none. */
bool bgp_open(struct str message, struct bgp_open *out);

/* ---- UPDATE */

/* What became of an UPDATE, worst last. */
enum bgp_verdict {
    BGP_GOOD,
    BGP_DISCARDED, /* attributes that do not matter were malformed, and left out (RFC 7606 2, attribute discard) */
    BGP_WITHDRAWN, /* routes it announces are to be taken as withdrawn (RFC 7606 2) */
    BGP_MALFORMED, /* it cannot be told which routes it speaks of */
};

struct bgp_part {
    struct cursor routes;
    enum bgp_family family;
    bool is_there;
};

struct bgp_update {
    enum bgp_verdict verdict;
    struct bgp_part withdrawn, announced;       /* IPv4 unicast in the message's own fields */
    struct bgp_part mp_withdrawn, mp_announced; /* RFC 4760 */
    bool end_of_rib;                            /* RFC 4724 2; of family eor */
    enum bgp_family eor;
    /* what goes into the RIB but the next hop's family: announced has next_hop, mp_announced mp_next_hop */
    struct rib_attr_conf attr;
    struct ip next_hop, mp_next_hop;
    const uint64_t *targets; /* route targets, extended communities of RFC 4360 type 0, 1, 2 subtype 2 */
    unsigned n_targets;
};

/* Room for lists while an UPDATE is looked at. */
struct bgp_scratch {
    uint32_t path[RIB_PATH_MAX], path4[RIB_PATH_MAX], communities[RIB_LIST_MAX], large[3 * RIB_LIST_MAX];
    uint64_t targets[RIB_LIST_MAX];
};

/*
 * `message` with its header. four_bytes: AS numbers in the path have four (RFC 7854 4.2, flag A); when that cannot be, two.
 * loc_rib: it is of the router's own table, where GoBGP leaves out the path of its own routes, which is empty.
 */
void bgp_update(struct str message, bool four_bytes, bool loc_rib, struct bgp_scratch *s,
                struct bgp_update *out);

struct bgp_route {
    struct prefix prefix;
    uint64_t rd; /* 0: none */
    uint32_t path_id;
};

enum bgp_next { BGP_END, BGP_ROUTE, BGP_IGNORED, BGP_BROKEN };

/*
 * The next route of a part; BGP_IGNORED: something of that family that is no IP prefix (EVPN of other types); BGP_BROKEN: the
 * rest cannot be read.
 */
enum bgp_next bgp_nlri_next(struct bgp_part *part, bool add_path, struct bgp_route *out);
