/* Headers of other kinds (folders, links, what pax and GNU add) have a size as well, and are passed over by it. */
#include "main/tar.h"
#include <string.h>

enum { BLOCK = 512, NAME = 0, SIZE = 124, SUM = 148, TYPE = 156 };

/* A field of octal digits, with blanks around them; false on anything else, so also on GNU's binary sizes over 8 GiB. */
static bool octal(struct str s, uint64_t *out)
{
    size_t i = 0, digits = 0;
    *out = 0;
    while (i < s.len && s.p[i] == ' ')
        i++;
    for (; i < s.len && s.p[i] >= '0' && s.p[i] <= '7'; i++, digits++)
        *out = *out << 3 | (uint64_t)(s.p[i] - '0');
    while (i < s.len && (s.p[i] == ' ' || s.p[i] == 0))
        i++;
    return digits && i == s.len;
}

/* The sum of the header's bytes, those of the sum itself counted as blanks. */
static bool sum_is_right(const char *header)
{
    uint64_t want, sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= SUM && i < SUM + 8 ? ' ' : (uint8_t)header[i];
    return octal((struct str){header + SUM, 8}, &want) && want == sum;
}

static bool is_wanted(const char *header, const char *ending)
{
    struct str name = {header + NAME, strnlen(header + NAME, 100)};
    return (header[TYPE] == '0' || header[TYPE] == 0) && str_ends(name, str_from(ending));
}

bool tar_find(struct str tar, const char *ending, struct str *file, struct err *e)
{
    uint64_t size;
    while (tar.len >= BLOCK && tar.p[0]) {
        if (!sum_is_right(tar.p) || !octal((struct str){tar.p + SIZE, 12}, &size))
            return err_set(e, "this is no tar archive, or damaged");
        const char *header = tar.p;
        tar = (struct str){tar.p + BLOCK, tar.len - BLOCK};
        if (size > tar.len)
            return err_set(e, "the archive is cut off");
        if (is_wanted(header, ending)) {
            *file = (struct str){tar.p, size};
            return true;
        }
        size_t step = (size + BLOCK - 1) / BLOCK * BLOCK;
        if (step > tar.len)
            return err_set(e, "the archive is cut off");
        tar = (struct str){tar.p + step, tar.len - step};
    }
    if (tar.len < BLOCK)
        return err_set(e, "the archive is cut off");
    return err_set(e, "there is no %s in the archive", ending);
}
