/*
 * dictionary: columns that custom dictionaries add (section schema.custom-dictionaries), and what the store is told of them.
 *
 * A dictionary is a table in memory of the store, filled from a CSV; a column <Dimension><Label> is its attribute, looked up
 * by the store when a row is inserted. Values compared are texts, numbers (as UInt64, so that none is cut) or addresses (as
 * IPv6, however the file writes them). Constant once checked; any thread.
 */
#pragma once
#include "base/buf.h"
#include "schema/dictionary_conf.h"
#include "schema/schema.h"

enum { DICTIONARY_MAX = 32, DICTIONARY_NAME_MAX = 48 };

enum dictionary_type { DICTIONARY_TEXT, DICTIONARY_NUMBER, DICTIONARY_IP, DICTIONARY_NETWORK };

/* Checks them all, and enables their columns in *s. Texts of the configuration must stay as long as *s. */
bool dictionary_columns(struct schema *s, const struct opt_map *conf, struct err *e);

/* The type that keys are stored and compared as. */
enum dictionary_type dictionary_key_type(const struct schema_dictionary_conf *d, size_t key);
/* The type of an attribute, and the bits of a number. */
enum dictionary_type dictionary_attribute_type(const char *type, unsigned *bits);

/* For CREATE DICTIONARY: "`addr` IPv6, `role` String DEFAULT 'none'"; "addr"; "COMPLEX_KEY_HASHED()". */
void dictionary_sql_columns(const struct schema_dictionary_conf *d, struct buf *sql);
void dictionary_sql_key(const struct schema_dictionary_conf *d, struct buf *sql);
const char *dictionary_sql_layout(const struct schema_dictionary_conf *d);
