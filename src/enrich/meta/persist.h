/*
 * persist: answers as a file, so that names are there at once after a restart or a crash. A
 * checksum says whether it is whole.
 *
 * Big-endian: "weirmet1", then for each answer: u8 type, u8 ordinal of the provider, 16 bytes exporter, u64 second, text
 * name, u32 n, n times (u32 index, u32 speed, text name, text description); text is u16 length and bytes; at last the
 * XXH64 of all before.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "enrich/meta/answer.h"

struct persist_row {
    uint8_t type, ordinal;
    struct ip exporter;
    struct meta_answer *answer; /* reading: the callee's reference */
};

void persist_begin(struct buf *out);
void persist_add(struct buf *out, const struct persist_row *row);
void persist_end(struct buf *out);
/* Rows one after the other, with at most `max_ifaces` interfaces each. False: damaged; then there was no row. */
bool persist_read(struct str file, uint32_t max_ifaces, void (*row)(void *arg, struct persist_row *row),
                  void *arg, struct err *e);
