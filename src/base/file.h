/*
 * file: small files read and replaced as a whole.
 *
 * Any thread; two writers of one path are the caller's to keep apart.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* mkdir -p (0700) of `path`, or only of the folder that holds it. */
bool file_make_dirs(const char *path, bool last, struct err *e);
/* Replaces it as a whole, mode 0600, durable: a reader, and a machine that comes up again, see the old or the new one. */
bool file_replace(const char *path, struct str text, struct err *e);
/* Appends at most `most` bytes; a larger file is an error. False without a message when there is no such file. */
bool file_read(const char *path, size_t most, struct buf *out, struct err *e);
