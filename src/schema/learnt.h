/*
 * learnt: what exporters tell about themselves beside their flows: names of interfaces in options records (NetFlow v9,
 * IPFIX), names, speeds and hosts in counter samples (sFlow).
 *
 * A decoder calls tell() on its worker's thread as it reads, in the order of the bus, and again with all that a checkpoint
 * held once that is loaded. Exporters say the same again every few minutes: whoever is told compares first, and does not
 * block. Several workers may tell at once, but one exporter's things all come from one of them.
 */
#pragma once
#include "base/ip.h"

enum { LEARNT_TEXT = 255 /* bytes, at most */ };

/* One thing learnt; what is empty or 0 was not told and leaves what is known as it is. Borrowed until tell() returns. */
struct learnt {
    struct ip exporter; /* as in column ExporterAddress */
    uint32_t second;    /* receive time */
    uint32_t if_index;  /* 0: it is about the exporter as a whole */
    struct str if_name, if_description;
    uint64_t if_speed_bps;
    uint64_t if_mac;
    struct str sys_name;                      /* host name */
    struct str sys_description, sys_location; /* operating system, machine, and the like */
};

struct learnt_sink {
    void (*tell)(struct learnt_sink *, const struct learnt *);
};

/*
 * A text from a datagram made fit to be shown and stored: up to the first NUL (fields of fixed length are filled up with
 * them), without blanks around it, cut to LEARNT_TEXT bytes between two characters. Each byte that is no UTF-8 becomes
 * '?', each control character or change of writing direction a blank. The result lies in `room`.
 */
struct str learnt_text(struct str raw, char room[LEARNT_TEXT]);
