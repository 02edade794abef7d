/* Any bytes as several datagrams, sound ones of IPFIX among them, templates and data: no crash, and every row accounted for. */
#include "decode/fuzzing.h"
#include "decode/mutate_templates.h"

static void make(struct mutate *m, struct buf *b)
{
    templates_make(m, b, true);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
    return mutate(data, len, max, seed, make, templates_mend);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    return fuzzing_datagrams(data, len, DECODER_NETFLOW);
}
