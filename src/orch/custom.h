/*
 * custom: content of custom dictionaries (schema.custom-dictionaries): somebody's CSV, checked as a whole and written as
 * the store's dictionary takes it. Any thread.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "schema/dictionary.h"

enum { CUSTOM_BYTES = 64 << 20, CUSTOM_ROWS = 2000000, CUSTOM_FIELDS = 64, CUSTOM_FIELD_BYTES = 4096 };

/* The file, or what the URL answers. Blocks, ten seconds at most. */
bool custom_fetch(const char *source, struct buf *out, struct err *e);
/*
 * Keys and attributes out of CSV (RFC 4180) with a header; other columns are passed over. An empty attribute is its
 * default. False at the first row that is wrong, with its line.
 */
bool custom_write(const struct schema_dictionary_conf *d, struct str csv, struct buf *out, struct err *e);
/* The same of a file without rows. */
void custom_write_empty(const struct schema_dictionary_conf *d, struct buf *out);
