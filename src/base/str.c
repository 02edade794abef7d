/* Views on bytes: the few operations that everybody would otherwise write again. */
#include "base/str.h"
#include <ctype.h>

struct str str_trim(struct str s)
{
    while (s.len > 0 && isspace((unsigned char)s.p[0]))
        s.p++, s.len--;
    while (s.len > 0 && isspace((unsigned char)s.p[s.len - 1]))
        s.len--;
    return s;
}

bool str_split(struct str *s, char sep, struct str *head)
{
    if (s->len == 0)
        return false;
    const char *at = memchr(s->p, sep, s->len);
    if (!at) {
        *head = *s;
        *s = (struct str){s->p + s->len, 0};
        return true;
    }
    *head = (struct str){s->p, (size_t)(at - s->p)};
    s->len -= head->len + 1;
    s->p = at + 1;
    return true;
}

bool str_u64(struct str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

/* Bytes of the character at p, 0 when it is none; the second byte's range keeps out overlong forms and surrogates. */
static size_t utf8_char(const unsigned char *p, size_t left)
{
    unsigned char c = p[0], low = 0x80, high = 0xbf;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (p[i] < low || p[i] > high)
            return 0;
    return n;
}

size_t str_utf8(struct str s)
{
    size_t at = 0, n;
    while (at < s.len && (n = utf8_char((const unsigned char *)s.p + at, s.len - at)) > 0)
        at += n;
    return at;
}

unsigned str_distance(struct str a, struct str b, unsigned limit)
{
    enum { MAX = 64 };
    unsigned row[MAX + 1];
    if (a.len > MAX || b.len > MAX)
        return limit + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = tolower((unsigned char)a.p[i - 1]) == tolower((unsigned char)b.p[j - 1]);
            unsigned best = diagonal + !same;
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len] > limit ? limit + 1 : row[b.len];
}
