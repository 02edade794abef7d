/*
 * str: a borrowed, immutable run of bytes with its length; never owns, never NUL-terminated by contract.
 *
 * Any thread. The bytes belong to whoever made the view and must outlive it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct str {
    const char *p;
    size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
/* for printf's %.*s */
#define STR_ARG(s) (int)(s).len, (s).p

static inline struct str str_from(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.p + s.len - suffix.len, suffix.p, suffix.len) == 0);
}

/* s without leading and trailing blanks */
struct str str_trim(struct str s);

/* The part of *s before the first `sep` (or all); *s becomes what follows it. False when *s was empty. */
bool str_split(struct str *s, char sep, struct str *head);

/* Whole string as a decimal number; false on anything else, or overflow. */
bool str_u64(struct str s, uint64_t *out);

/* Bytes from the start that are whole UTF-8 characters (RFC 3629); s.len when all are. */
size_t str_utf8(struct str s);

/* Levenshtein distance without case, at most `limit` + 1; for "did you mean". */
unsigned str_distance(struct str a, struct str b, unsigned limit);
