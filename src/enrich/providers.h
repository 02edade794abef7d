/*
 * providers: whose word counts for AS numbers, prefix lengths and next hops: the flow's own, its route's, or the configured
 * network's (core.asn-providers, core.net-providers).
 *
 * Sources put what they know into the hidden candidate columns (RouteSrcAS, NetSrcAS, ...); after all of them this chooses,
 * and writes SrcAS, DstAS, SrcNetMask, DstNetMask and NextHop. The snapshot is built by the control thread.
 */
#pragma once
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "schema/batch.h"
#include "schema/schema.h"

struct providers;

void providers_publish(struct snapshot *s, const struct enrich_core_conf *core);
/* Whether prefix lengths of the flow decide about its AS numbers, so that they must be decoded, stored or not. */
bool providers_by_mask(const struct providers *p);
/* Rows [from, to); columns that are not stored are left alone. */
void providers_fill(const struct providers *p, const struct schema *schema, struct batch *b, uint32_t from,
                    uint32_t to);
/* Not announced on the Internet: 0, AS_TRANS, what is kept for documentation and private use (RFC 6996, 5398, 7300). */
bool providers_private_as(uint32_t as);
