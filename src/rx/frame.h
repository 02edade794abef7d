/*
 * frame: from a captured link-layer frame to the UDP datagram in it, fragments put together. One thread.
 */
#pragma once
#include "base/cursor.h"
#include "schema/dgram.h"

enum frame_result { FRAME_UDP, FRAME_OTHER, FRAME_PART, FRAME_DAMAGED };

struct frame_parts;

struct frame_parts *frame_parts_new(void);
void frame_parts_free(struct frame_parts *f);
/* Datagrams of which only parts were seen, so far. */
uint64_t frame_parts_pending(const struct frame_parts *f);

/* link: LINKTYPE_ number of the capture. The datagram's bytes lie in the frame or in `parts`, until the next call. */
enum frame_result frame_udp(struct frame_parts *parts, uint32_t link, const uint8_t *p, size_t len,
                            struct dgram *d, uint16_t *dst_port);
