#include "store/exception.h"
#include <string.h>
#include <sys/random.h>

static const struct str mark = {"\r\n__exception__\r\n", 17};

void exception_tag(char tag[EXCEPTION_TAG + 1])
{
    unsigned char raw[EXCEPTION_TAG] = {0};
    if (getrandom(raw, sizeof raw, 0) < 0)
        raw[0] = 1; /* still a tag, only a poor one */
    for (size_t i = 0; i < EXCEPTION_TAG; i++)
        tag[i] = (char)('a' + raw[i] % 26);
    tag[EXCEPTION_TAG] = '\0';
}

void exception_add(struct buf *b, const char *tag, struct str text)
{
    enum { AROUND = 128 }; /* marks, tags, the length */
    text = str_trim(text);
    if (text.len > EXCEPTION_MAX - AROUND)
        text.len = EXCEPTION_MAX - AROUND;
    buf_str_add(b, mark);
    buf_printf(b, "%s\r\n", tag);
    buf_str_add(b, text);
    buf_printf(b, "\n%zu %s", text.len + 1, tag);
    buf_str_add(b, mark);
}

/* Where `what` is for the last time; NULL: nowhere. */
static const char *last(struct str in, struct str what)
{
    const char *found = NULL;
    for (const char *at; (at = memmem(in.p, in.len, what.p, what.len)) != NULL;) {
        found = at;
        in.len -= (size_t)(at + 1 - in.p);
        in.p = at + 1;
    }
    return found;
}

static struct str behind(struct str s, const char *from)
{
    return (struct str){from, s.len - (size_t)(from - s.p)};
}

/* Between the first mark with the tag and the line with the length, which may be missing when the answer was cut off. */
static bool find_tagged(struct str tail, struct str tag, struct str *text, size_t *before)
{
    for (const char *at; (at = memmem(tail.p, tail.len, mark.p, mark.len)) != NULL;) {
        struct str rest = behind(tail, at + mark.len);
        *before += (size_t)(at - tail.p);
        if (str_starts(rest, tag)) {
            rest = behind(rest, rest.p + tag.len);
            const char *end = memmem(rest.p, rest.len, tag.p, tag.len);
            if (end) {
                rest.len = (size_t)(end - rest.p);
                const char *line = memrchr(rest.p, '\n', rest.len);
                rest.len = line ? (size_t)(line - rest.p) : 0;
            }
            *text = str_trim(rest);
            return text->len > 0;
        }
        *before += 1;
        tail = behind(tail, at + 1);
    }
    return false;
}

/* A server that has no tag: the last line that begins as exceptions do, and ends the answer as they do. */
static bool find_plain(struct str tail, struct str *text, size_t *before)
{
    static const struct str begin = {"\nCode: ", 7}, middle = {"DB::Exception: ", 15},
                            version = {"(version ", 9};
    const char *at = last(tail, begin);
    struct str rest = at ? behind(tail, at + 1) : tail;
    if (!str_starts(rest, STR("Code: ")) || !memmem(rest.p, rest.len, middle.p, middle.len) ||
        !memmem(rest.p, rest.len, version.p, version.len) || !str_ends(str_trim(rest), STR(")")))
        return false;
    *text = str_trim(rest);
    *before = (size_t)(rest.p - tail.p);
    const struct str marked = {tail.p, *before};
    if (str_ends(marked, mark))
        *before -= mark.len;
    return true;
}

bool exception_find(struct str tail, const char *tag, struct str *text, size_t *before)
{
    *before = 0;
    return tag[0] ? find_tagged(tail, str_from(tag), text, before) : find_plain(tail, text, before);
}
