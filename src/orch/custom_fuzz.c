/* Any bytes as the file of a dictionary: no crash; what is refused says why; rows have as many fields as the header. */
#include "orch/custom.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned commas(const struct buf *b, size_t *at)
{
    unsigned n = 0;
    bool quoted = false;
    for (; *at < b->len && (quoted || b->p[*at] != '\n'); (*at)++) {
        quoted ^= b->p[*at] == '"';
        n += !quoted && b->p[*at] == ',';
    }
    if (quoted || *at == b->len)
        abort();
    (*at)++;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct schema_dictionary_key keys[] = {{"a", "IPv6", "", ""}, {"n", "UInt16", "", ""}};
    static struct schema_dictionary_attribute attributes[] = {{"t", "String", "", "x"},
                                                              {"m", "UInt8", "", ""}};
    const struct schema_dictionary_conf d = {.keys = {len & 1 ? 1 : 2, keys},
                                             .attributes = {2, attributes},
                                             .layout = len & 1 ? DICTIONARY_IP_TRIE
                                                               : DICTIONARY_COMPLEX_KEY_HASHED};
    struct buf out;
    struct err e;
    buf_init(&out, 0);
    if (custom_write(&d, (struct str){(const char *)data, len}, &out, &e)) {
        size_t at = 0;
        for (unsigned n = commas(&out, &at); at < out.len;)
            if (commas(&out, &at) != n)
                abort();
    } else if (!e.msg[0])
        abort();
    buf_fini(&out);
    return 0;
}
