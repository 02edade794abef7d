/* dictionary_conf: one entry of schema.custom-dictionaries. Constant once loaded. */
#pragma once
#include "conf/opt.h"

struct schema_dictionary_key {
    const char *name, *type, *match_dimension, *match_dimension_suffix;
};

struct schema_dictionary_attribute {
    const char *name, *type, *label, *fallback;
};

enum schema_dictionary_layout { DICTIONARY_HASHED, DICTIONARY_COMPLEX_KEY_HASHED, DICTIONARY_IP_TRIE };

struct schema_dictionary_conf {
    struct opt_list keys, attributes;
    const char *source;
    int layout;
    struct opt_list dimensions; /* names of columns */
};
extern const struct opt_table schema_dictionary_table;
