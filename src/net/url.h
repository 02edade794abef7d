/* url: http and https addresses of what an answer leads to: redirects, next pages. Plain functions; any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* Absolute, of scheme http or https, with a host; false with a reason. */
bool url_check(const char *url, struct err *e);
/*
 * Where `to` leads as seen from `base` (RFC 3986 5.2): absolute, http or https, and never from https to http; to be
 * free()d. NULL with a reason.
 */
char *url_resolve(const char *base, struct str to, struct err *e);
/* Scheme, host and port are the same (RFC 6454 4). */
bool url_same_origin(const char *a, const char *b);
