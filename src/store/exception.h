/*
 * exception: how ClickHouse ends an answer that fails half-way, when status 200 and rows are out already. Since 25.11:
 *
 *   CRLF "__exception__" CRLF TAG CRLF text LF length " " TAG CRLF "__exception__" CRLF
 *
 * with the tag (random, so that no row can look like it) in header X-ClickHouse-Exception-Tag. Versions before have no tag
 * and nothing behind the text, those of 2024 and older the text alone.
 */
#pragma once
#include "base/buf.h"

enum { EXCEPTION_MAX = 16 << 10, EXCEPTION_TAG = 16 }; /* bytes of the whole block; of a tag */

/* `tag` gets new letters and a zero. */
void exception_tag(char tag[EXCEPTION_TAG + 1]);
/* Appends the block, the text shortened if need be. */
void exception_add(struct buf *b, const char *tag, struct str text);
/*
 * Finds the exception at the end of what has come of an answer (its last EXCEPTION_MAX bytes are enough). `tag` is the
 * header's, or empty. True with its text (borrowed, trimmed), and how many bytes in front of it are the answer's.
 */
bool exception_find(struct str tail, const char *tag, struct str *text, size_t *before);
