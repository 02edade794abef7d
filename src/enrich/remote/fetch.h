/*
 * fetch: all pages of a remote source, as rows. Blocks the calling thread, for the source's `timeout` at most.
 *
 * Redirects and next pages are followed over http and https only, never from https to http, and get the configured headers
 * only while scheme, host and port stay the same.
 */
#pragma once
#include "base/err.h"
#include "enrich/enrich_conf.h"
#include <jansson.h>

/* What went wrong, for the counter; in the order in which a fetch goes. */
enum fetch_failure {
#define X(id, text) FETCH_##id,
#include "enrich/remote/failures.def"
#undef X
    FETCH_FAILURES
};

enum { FETCH_PAGE_BYTES = 32 << 20, FETCH_BYTES = 256 << 20, FETCH_PAGES = 1000 };

/* Array of what the transform gave, not empty; the caller's. NULL with the reason. `stop` ends it soon. */
json_t *fetch_rows(const struct enrich_remote_conf *conf, const bool *stop, enum fetch_failure *why,
                   struct err *e);

/* The target of the first link of relation "next" in a Link header (RFC 8288 3); false when there is none. */
bool fetch_link_next(struct str header, struct str *target);
