/* Any bytes as a capture: no crash, no endless loop, bytes handed out lie in memory. */
#include "rx/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pcap *p = pcap_bytes(data, len, len % 2 ? "x.ipfix" : "x");
    struct dgram d;
    uint16_t port;
    volatile uint64_t sum = 0;
    while (pcap_next(p, &d, &port))
        for (uint32_t i = 0; i < d.len; i++)
            sum += d.data[i];
    struct pcap_counts c;
    pcap_counts(p, &c);
    pcap_close(p);
    return 0;
}
