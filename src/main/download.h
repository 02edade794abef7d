/* download: one file over HTTP(S) for the tools that update databases. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct download {
    const char *url;
    const char *user, *password; /* NULL: none; they do not follow a redirect to another server */
};

/* What the server sends, at most `most` bytes; *out is set and the caller's to free, also after a failure. */
bool download(const struct download *d, size_t most, struct buf *out, struct err *e);
/* Appends what is in a gzip file (at most `most` bytes, and no more than such a file may hold), or the bytes of any other. */
bool download_gunzip(struct str body, size_t most, struct buf *out, struct err *e);

enum { DOWNLOAD_SUM = 65 };
/* SHA-256 in hexadecimal. */
void download_sum(struct str body, char sum[DOWNLOAD_SUM]);
