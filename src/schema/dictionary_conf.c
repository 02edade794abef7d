/* Option tables of custom dictionaries. */
#include "schema/dictionary_conf.h"

#define KEY(field) OPT_AT(struct schema_dictionary_key, field)
static const struct opt key_rows[] = {
    {"name", OPT_STRING, KEY(name), NULL, "Column of the file.", .flags = OPT_REQUIRED},
    {"type", OPT_STRING, KEY(type), "String", "Its type: String, UInt8 to UInt64, or IPv6."},
    {"match-dimension", OPT_STRING, KEY(match_dimension), "",
     "Column of flows to compare it with; the dimension itself when empty."},
    {"match-dimension-suffix", OPT_STRING, KEY(match_dimension_suffix), "",
     "The same, behind the dimension's name: `Name` with dimension `InIf` is `InIfName`."},
};
static const struct opt_table key_table = OPT_TABLE("dictionary key", struct schema_dictionary_key, key_rows);

#define ATTRIBUTE(field) OPT_AT(struct schema_dictionary_attribute, field)
static const struct opt attribute_rows[] = {
    {"name", OPT_STRING, ATTRIBUTE(name), NULL, "Column of the file.", .flags = OPT_REQUIRED},
    {"type", OPT_STRING, ATTRIBUTE(type), "String", "Its type: String, UInt8 to UInt64, or IPv6."},
    {"label", OPT_STRING, ATTRIBUTE(label), "",
     "What is put behind the dimension's name; the name when empty."},
    {"default", OPT_STRING, ATTRIBUTE(fallback), "", "Value when nothing is found."},
};
static const struct opt_table attribute_table =
    OPT_TABLE("dictionary attribute", struct schema_dictionary_attribute, attribute_rows);

static const struct opt_choice layouts[] = {{"hashed", DICTIONARY_HASHED, ""},
                                            {"complex_key_hashed", DICTIONARY_COMPLEX_KEY_HASHED, ""},
                                            {"ip_trie", DICTIONARY_IP_TRIE, ""},
                                            {NULL}};

#define DICTIONARY(field) OPT_AT(struct schema_dictionary_conf, field)
static const struct opt dictionary_rows[] = {
    {"keys", OPT_LIST, DICTIONARY(keys), NULL, "What is looked up.", .item = OPT_STRUCT, .sub = &key_table},
    {"attributes", OPT_LIST, DICTIONARY(attributes), NULL, "What is found.", .item = OPT_STRUCT,
     .sub = &attribute_table},
    {"source", OPT_STRING, DICTIONARY(source), NULL,
     "CSV file with a header, or URL of one; commas between fields. Looked at again every few minutes.",
     .flags = OPT_REQUIRED},
    {"layout", OPT_ENUM, DICTIONARY(layout), "hashed",
     "How ClickHouse keeps it; `ip_trie`: keys are networks, and the longest that matches counts.",
     .choices = layouts},
    {"dimensions", OPT_LIST, DICTIONARY(dimensions), NULL,
     "Columns to extend: each attribute makes a column `<Dimension><Label>`.", .item = OPT_STRING},
};
const struct opt_table schema_dictionary_table =
    OPT_TABLE("custom dictionary", struct schema_dictionary_conf, dictionary_rows);
