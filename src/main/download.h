/* download: one file over HTTP(S) for the tools that update databases. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct download {
    const char *url;
    const char *user, *password; /* NULL: none; they do not follow a redirect to another server */
};

/* A body of at most `most` bytes, gunzipped when it is a gzip file; appended to `out`. False with a reason. */
bool download(const struct download *d, size_t most, struct buf *out, struct err *e);
/* Appends what is in a gzip file, or the bytes as they are when it is none. */
bool download_gunzip(const struct buf *body, size_t most, struct buf *out, struct err *e);
/* The bytes of the first regular file in a tar archive (POSIX ustar) whose name ends so; false when there is none. */
bool download_untar(struct str tar, const char *ending, struct str *file);
