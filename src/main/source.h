/*
 * source: where a role's configuration comes from: a file, or the configuration service's URL.
 *
 * source_fetch blocks and may run on another thread than the rest, one at a time.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/http_client.h"

struct source {
    bool is_url;
    const char *path; /* file, or full URL of the role's section */
    size_t index;     /* which of several sections, from "#N" */
    struct http_client *http;
    const char *authorization; /* header, or NULL */
    char etag[32];             /* of what was fetched last */
};

/* `text` is a file or an http(s) URL; with an empty path that of the service; "#N" selects section N of either. */
bool source_init(struct source *s, const char *text, const char *role, struct arena *a, struct err *e);
void source_fini(struct source *s);

/* Absent: the service answers, and has no such section. */
enum source_result { SOURCE_NEW, SOURCE_SAME, SOURCE_FAILED, SOURCE_ABSENT };
/* URL only. `out` gets the text when it is new, `e` the reason when there is none. */
enum source_result source_fetch(struct source *s, struct buf *out, struct err *e);
