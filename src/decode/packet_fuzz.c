/* Any bytes as a sampled packet: no crash, and no more labels than there is room for. */
#include "decode/fuzzing.h"
#include "decode/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct packet pk;
    if (len < 1)
        return 0;
    enum dgram_decap decap = data[0] % DECAP_COUNT;
    uint8_t *exact = malloc(len);
    memcpy(exact, data + 1, len - 1);
    packet_frame(&pk, exact, len - 1, decap);
    FUZZ_MUST(pk.n_labels <= PACKET_LABELS);
    packet_ip(&pk, exact, len - 1, data[0] & 0x80 ? ETYPE_IPV6 : ETYPE_IPV4, decap);
    FUZZ_MUST(pk.n_labels <= PACKET_LABELS);
    free(exact);
    return 0;
}
