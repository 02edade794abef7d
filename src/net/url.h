/* url: http and https addresses: what an answer leads to, what is said of them. Plain functions; any thread. */
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
/*
 * Who asks (RFC 3986 3.2.1), with the "@" behind: "user:password@", without a scheme in front as well, as proxies have it. When
 * nobody is named it is empty and begins at the host.
 */
struct str url_user(const char *url);
enum { URL_BARE = 300 };
/* As messages have it, in `out`: without user, password, query and fragment, where secrets may be; cut when long. */
const char *url_bare(const char *url, char out[URL_BARE]);
/* Scheme, host and port are the same (RFC 6454 4). */
bool url_same_origin(const char *a, const char *b);
