/* Any bytes as a checkpoint: refused, or loaded as a state that is saved as one that loads. */
#include "decode/fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct decoder_limits limits = {
        .sessions = 8, .templates_per_session = 8, .fields_per_template = 64, .bytes = 1 << 20};
    struct fuzzing f = {0};
    struct err e;
    schema_default(&f.schema);
    struct decoder_state *st = decoder_state_new(&f.schema, &limits);
    if (decoder_state_load(st, (struct str){(const char *)data, len}, &e))
        fuzzing_checkpoint(&f, st, &limits);
    decoder_state_free(st);
    return 0;
}
