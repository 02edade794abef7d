/* Any bytes as sFlow datagrams: no crash, and every row accounted for. */
#include "decode/fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    return fuzzing_datagrams(data, len, DECODER_SFLOW);
}
