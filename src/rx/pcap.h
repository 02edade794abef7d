/*
 * pcap: datagrams out of files: pcap, pcapng, IPFIX files (RFC 5655), or one raw datagram.
 *
 * One thread per struct pcap. A datagram's bytes belong to the reader and are valid until the next call. Captures may be
 * cut short or damaged anywhere: what cannot be read is counted and passed over.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "schema/dgram.h"

struct pcap;

struct pcap_counts {
    uint64_t frames, datagrams;
    uint64_t other;      /* frames that are no UDP over IP, as far as can be told */
    uint64_t streams;    /* those of them that are TCP or SCTP */
    uint64_t unread;     /* those of them whose link layer is not read; `link` is the first such */
    uint64_t damaged;    /* frames or blocks whose lengths contradict each other */
    uint64_t incomplete; /* fragments whose datagram never became whole */
    uint32_t link;
    const char *
        known; /* what a file is that holds no datagrams as they are, where its first bytes tell; else NULL */
    bool empty; /* not a byte */
    bool cut;   /* ends in the middle of a header, a record or a message */
    enum pcap_gzip {
        PCAP_GZIP_SOUND,
        PCAP_GZIP_CUT,
        PCAP_GZIP_DAMAGED,
        PCAP_GZIP_MORE /* than PCAP_MEMORY */
    } gzip;            /* how a compressed stream ended */
    bool raw;          /* neither pcap nor pcapng */
};

enum { PCAP_MEMORY = 1 << 30 };

/* "-" is standard input; gzip is unpacked. Of what cannot be mapped PCAP_MEMORY bytes are read, into memory. */
struct pcap *pcap_open(const char *path, struct err *e);
/* The same over bytes that outlive it; `name` decides by its ending what is neither pcap nor pcapng. */
struct pcap *pcap_bytes(const void *data, size_t len, const char *name);
void pcap_close(struct pcap *p);
/*
 * src, src_port, rx_ns, data and len are set, and stream for IPFIX files; dst_port tells where it went (0: not known).
 * False at the end.
 */
bool pcap_next(struct pcap *p, struct dgram *d, uint16_t *dst_port);
void pcap_counts(const struct pcap *p, struct pcap_counts *c);
/* What of a file that was read to its end could not be used, in words; adds nothing when there is nothing to say. */
void pcap_trouble(const struct pcap_counts *c, struct buf *out);
