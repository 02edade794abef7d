/* Any bytes as a capture: no crash, no endless loop, bytes handed out lie in memory. */
#include "rx/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pcap *p = pcap_bytes(data, len, len % 2 ? "x.ipfix" : "x");
    struct dgram d;
    uint16_t port;
    volatile uint8_t touched = 0;
    while (pcap_next(p, &d, &port))
        for (uint32_t i = 0; i < d.len; i++)
            touched = d.data[i];
    (void)touched;
    struct pcap_counts c;
    pcap_counts(p, &c);
    struct buf said;
    buf_init(&said, 0);
    pcap_trouble(&c, &said);
    buf_fini(&said);
    pcap_close(p);
    return 0;
}
