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
