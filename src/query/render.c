#include "query/render.h"
#include "base/buf.h"
#include <time.h>

const char *render_time_text(uint32_t seconds, char *text)
{
    struct tm tm;
    time_t t = seconds;
    gmtime_r(&t, &tm);
    strftime(text, RENDER_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

json_t *render_time(uint32_t seconds)
{
    char text[RENDER_TIME_MAX];
    return json_string(render_time_text(seconds, text));
}

/* Length of the sequence that a first byte begins; 0 when it begins none. */
static size_t sequence(unsigned char c)
{
    return c < 0x80                 ? 1
           : c >= 0xc2 && c <= 0xdf ? 2
           : c >= 0xe0 && c <= 0xef ? 3
           : c >= 0xf0 && c <= 0xf4 ? 4
                                    : 0;
}

static size_t valid(const char *p, size_t left)
{
    size_t n = sequence((unsigned char)*p);
    if (n == 0 || n > left)
        return 0;
    json_t *v = json_stringn(p, n); /* knows overlong forms and surrogates */
    json_decref(v);
    return v ? n : 0;
}

json_t *render_text(struct str s)
{
    json_t *v = json_stringn(s.p ? s.p : "", s.len);
    if (v)
        return v;
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0, n; i < s.len; i += n ? n : 1) {
        n = valid(s.p + i, s.len - i);
        buf_add(&b, n ? s.p + i : "\xef\xbf\xbd", n ? n : 3);
    }
    v = json_stringn((char *)b.p, b.len);
    buf_fini(&b);
    return v;
}
