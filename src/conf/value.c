/* Durations as Go writes them, plus days and weeks; sizes with binary and decimal units. */
#include "conf/value.h"
#include "conf/opt.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"w", 7 * 86400000000000u}, {"d", 86400000000000u}, {"h", 3600000000000u}, {"m", 60000000000u},
    {"s", 1000000000u},         {"ms", 1000000u},       {"us", 1000u},         {"ns", 1u},
    {"\u00b5s", 1000u},         {"\u03bcs", 1000u},
};
static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1u << 10},
    {"MiB", 1u << 20},
    {"GiB", 1u << 30},
    {"TiB", 1ull << 40},
    {"KB", 1000u},
    {"MB", 1000000u},
    {"GB", 1000000000u},
    {"TB", 1000000000000u},
    {"K", 1u << 10},
    {"M", 1u << 20},
    {"G", 1u << 30},
    {"T", 1ull << 40},
};

/* Digits with an optional fraction at the head of *s, times a unit found later: whole and fraction kept apart, exact. */
static bool number_head(struct str *s, uint64_t *whole, uint64_t *fraction, uint64_t *scale)
{
    size_t digits = 0;
    *whole = *fraction = 0;
    *scale = 1;
    for (; s->len && *s->p >= '0' && *s->p <= '9'; s->p++, s->len--, digits++)
        if (__builtin_mul_overflow(*whole, 10, whole) ||
            __builtin_add_overflow(*whole, (uint64_t)(*s->p - '0'), whole))
            return false;
    if (s->len && *s->p == '.') {
        for (s->p++, s->len--; s->len && *s->p >= '0' && *s->p <= '9'; s->p++, s->len--, digits++)
            if (*scale < 1000000000u) {
                *fraction = *fraction * 10 + (uint64_t)(*s->p - '0');
                *scale *= 10;
            }
    }
    return digits > 0;
}

static bool unit_of(const struct unit *units, size_t n, struct str name, bool nocase, uint64_t *factor)
{
    for (size_t i = 0; i < n; i++) {
        struct str u = str_from(units[i].name);
        if (nocase ? str_eq_nocase(u, name) : str_eq(u, name)) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

static bool scaled(uint64_t whole, uint64_t fraction, uint64_t scale, uint64_t factor, uint64_t *out)
{
    uint64_t v;
    if (__builtin_mul_overflow(whole, factor, &v))
        return false;
    uint64_t part = (uint64_t)((unsigned __int128)fraction * factor / scale);
    return !__builtin_add_overflow(v, part, out);
}

static size_t unit_len(struct str s)
{
    size_t n = 0;
    while (n < s.len && !(s.p[n] >= '0' && s.p[n] <= '9') && s.p[n] != '.')
        n++;
    return n;
}

bool value_duration(struct str s, uint64_t *ns)
{
    s = str_trim(s);
    uint64_t total = 0;
    if (str_eq(s, STR("0"))) {
        *ns = 0;
        return true;
    }
    if (s.len == 0)
        return false;
    while (s.len > 0) {
        uint64_t whole, fraction, scale, factor, part;
        if (!number_head(&s, &whole, &fraction, &scale))
            return false;
        struct str unit = {s.p, unit_len(s)};
        if (!unit_of(durations, sizeof durations / sizeof *durations, unit, false, &factor) ||
            !scaled(whole, fraction, scale, factor, &part) || __builtin_add_overflow(total, part, &total))
            return false;
        s.p += unit.len;
        s.len -= unit.len;
    }
    *ns = total;
    return true;
}

/* Days and larger only when nothing smaller follows: "15d", but "36h30m". */
void value_duration_add(struct buf *b, uint64_t ns)
{
    static const struct unit shown[] = {{"h", 3600000000000u}, {"m", 60000000000u}, {"s", 1000000000u},
                                        {"ms", 1000000u},      {"us", 1000u},       {"ns", 1u}};
    if (ns == 0) {
        buf_z(b, "0");
        return;
    }
    if (ns % 86400000000000u == 0) {
        buf_printf(b, "%llud", (unsigned long long)(ns / 86400000000000u));
        return;
    }
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (ns >= shown[i].factor) {
            buf_printf(b, "%llu%s", (unsigned long long)(ns / shown[i].factor), shown[i].name);
            ns %= shown[i].factor;
        }
}

bool value_size(struct str s, bool percent, uint64_t *bytes)
{
    uint64_t whole, fraction, scale, factor;
    s = str_trim(s);
    if (!number_head(&s, &whole, &fraction, &scale))
        return false;
    s = str_trim(s);
    if (percent && str_eq(s, STR("%"))) {
        *bytes = OPT_PERCENT | whole;
        return whole <= 100 && fraction == 0;
    }
    return unit_of(sizes, sizeof sizes / sizeof *sizes, s, true, &factor) &&
           scaled(whole, fraction, scale, factor, bytes) && !(*bytes & OPT_PERCENT);
}

void value_size_add(struct buf *b, uint64_t bytes)
{
    static const struct unit shown[] = {
        {"TiB", 1ull << 40}, {"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}};
    if (bytes & OPT_PERCENT) {
        buf_printf(b, "%llu%%", (unsigned long long)(bytes & ~OPT_PERCENT));
        return;
    }
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (bytes >= shown[i].factor && bytes % shown[i].factor == 0) {
            buf_printf(b, "%llu%s", (unsigned long long)(bytes / shown[i].factor), shown[i].name);
            return;
        }
    buf_printf(b, "%llu", (unsigned long long)bytes);
}

bool value_bool(struct str s, bool *v)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    for (size_t i = 0; i < 3; i++) {
        bool y = str_eq_nocase(s, str_from(yes[i])), n = str_eq_nocase(s, str_from(no[i]));
        if (y || n) {
            *v = y;
            return true;
        }
    }
    return false;
}

bool value_uint(struct str s, uint64_t *v)
{
    if (str_u64(s, v))
        return true;
    if (s.len < 3 || s.len > 18 || s.p[0] != '0' || (s.p[1] | 32) != 'x')
        return false;
    uint64_t x = 0;
    for (size_t i = 2; i < s.len; i++) {
        char c = (char)(s.p[i] | 32);
        if (c >= '0' && c <= '9')
            x = x << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            x = x << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *v = x;
    return true;
}

bool value_int(struct str s, int64_t *v)
{
    bool minus = s.len > 0 && *s.p == '-';
    uint64_t u;
    if (!value_uint(minus ? (struct str){s.p + 1, s.len - 1} : s, &u) || u > (uint64_t)INT64_MAX)
        return false;
    *v = minus ? -(int64_t)u : (int64_t)u;
    return true;
}

bool value_float(struct str s, double *v)
{
    char z[64], *end;
    if (s.len == 0 || s.len >= sizeof z)
        return false;
    memcpy(z, s.p, s.len);
    z[s.len] = 0;
    errno = 0;
    *v = strtod(z, &end);
    return *end == 0 && errno == 0 && isfinite(*v);
}
