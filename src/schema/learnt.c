/* Texts of strangers: what they hold is shown in terminals, browsers and tables, so what could act there goes. */
#include "schema/learnt.h"

/* Code point of the whole character at p. */
static uint32_t code_point(const char *p, size_t len)
{
    static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (uint8_t)p[0] & lead[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((uint8_t)p[i] & 0x3f);
    return c;
}

/* C0, DEL, C1; line and paragraph separators; what changes the direction of writing (Unicode TR 36, 3.6). */
static bool acts(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Bytes of the whole character at the beginning of s, 0 when there is none. */
static size_t character(struct str s)
{
    for (size_t n = 1; n <= 4 && n <= s.len; n++)
        if (str_utf8((struct str){s.p, n}) == n)
            return n;
    return 0;
}

struct str learnt_text(struct str raw, char room[LEARNT_TEXT])
{
    const char *end = raw.len ? memchr(raw.p, 0, raw.len) : NULL;
    raw.len = end ? (size_t)(end - raw.p) : raw.len;
    struct str left = str_trim(raw);
    size_t n = 0;
    while (left.len && n < LEARNT_TEXT) {
        size_t len = character(left);
        if (len > LEARNT_TEXT - n)
            break;
        bool keep = len && !acts(code_point(left.p, len));
        if (keep)
            memcpy(room + n, left.p, len);
        else
            room[n] = len ? ' ' : '?';
        n += keep ? len : 1;
        left.p += len ? len : 1;
        left.len -= len ? len : 1;
    }
    return str_trim((struct str){room, n});
}
