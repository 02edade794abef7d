/*
 * frame: from a captured link-layer frame to the UDP datagram in it, fragments put together. One thread.
 */
#pragma once
#include "base/cursor.h"
#include "schema/dgram.h"

/* FRAME_LINK: a link layer that is not read. FRAME_STREAM: TCP or SCTP, by which IPFIX may come too (RFC 7011 10). */
enum frame_result { FRAME_UDP, FRAME_OTHER, FRAME_LINK, FRAME_STREAM, FRAME_PART, FRAME_DAMAGED };

struct frame_parts;

struct frame_parts *frame_parts_new(void);
void frame_parts_free(struct frame_parts *f);
/* Datagrams of which only parts were seen, so far. */
uint64_t frame_parts_pending(const struct frame_parts *f);

/* link: LINKTYPE_ number of the capture. The datagram's bytes lie in the frame or in `parts`, until the next call. */
enum frame_result frame_udp(struct frame_parts *parts, uint32_t link, const uint8_t *p, size_t len,
                            struct dgram *d, uint16_t *dst_port);
/* Name of a link layer that is not read but often met, or NULL. */
const char *frame_link_name(uint32_t link);
