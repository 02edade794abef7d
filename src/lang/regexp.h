/*
 * regexp: regular expressions with the syntax and the meaning of RE2 (that is, of Go), in time linear in the text.
 *
 * Rules are written for Akvorado, whose patterns are Go's: inner flags such as (?i), classes such as \pL, leftmost-first
 * alternatives, and neither back-references nor look-around. RE2 is the same engine by the same authors; PCRE2 would have
 * needed a second parser to refuse what RE2 has not, and a limit on matching that makes some texts an error. The library
 * is C++ and stays behind this header. A compiled expression is constant: any thread may match.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif
#include "base/buf.h"

enum { REGEXP_MAX_LEN = 4096 };

struct regexp;

/* NULL with the reason in why[room]. */
struct regexp *regexp_new(struct str pattern, char *why, size_t room);
void regexp_free(struct regexp *r);
/* Instructions of its program: what it costs to compile (about a microsecond each) and to keep. */
size_t regexp_size(const struct regexp *r);

/* Is there a match anywhere in the text? */
bool regexp_match(const struct regexp *r, struct str text);
/*
 * The same; and what the template makes of the leftmost match is appended: $1, $name and ${name} stand for groups, $$ for
 * a dollar sign. A name is as long as letters, digits and _ go on ($1x is group "1x", not group 1 and x); a group that
 * does not exist or took no part is empty (Go's Regexp.Expand).
 */
bool regexp_expand(const struct regexp *r, struct str text, struct str how, struct buf *out);

#ifdef __cplusplus
}
#endif
