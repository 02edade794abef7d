/* A cursor over a copy that ends in NUL: what does not fit fails at that byte. */
#include "base/moment.h"
#include <time.h>

static bool digits(const char **at, unsigned n, int *value)
{
    *value = 0;
    for (unsigned i = 0; i < n; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    *at += n;
    return true;
}

static bool sign(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool zone(const char **at, bool utc, long *offset)
{
    int h, m, direction = **at == '-' ? -1 : 1;
    *offset = 0;
    if (sign(at, 'Z') || sign(at, 'z'))
        return true;
    if (**at != '+' && **at != '-')
        return utc;
    (*at)++;
    if (!digits(at, 2, &h) || !sign(at, ':') || !digits(at, 2, &m))
        return false;
    *offset = direction * (h * 3600L + m * 60L);
    return true;
}

/* Milliseconds; further digits are of no account. */
static uint64_t fraction(const char **at)
{
    uint64_t ms = 0;
    int digit;
    for (unsigned scale = 100; **at >= '0' && **at <= '9'; scale /= 10) {
        digits(at, 1, &digit);
        ms += (uint64_t)digit * scale;
    }
    return ms;
}

static bool clock_of(const char **at, struct tm *tm, uint64_t *ms)
{
    if (!digits(at, 2, &tm->tm_hour) || !sign(at, ':') || !digits(at, 2, &tm->tm_min) || !sign(at, ':') ||
        !digits(at, 2, &tm->tm_sec))
        return false;
    *ms = sign(at, '.') ? fraction(at) : 0;
    return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

/* timegm() would take 30 February for 2 March. */
static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (leap && month == 2);
}

bool moment_parse(struct str text, bool utc, uint64_t *ms)
{
    char z[64];
    if (text.len >= sizeof z)
        return false;
    memcpy(z, text.p, text.len);
    z[text.len] = 0;
    const char *at = z;
    struct tm tm = {0};
    long offset = 0;
    *ms = 0;
    if (!digits(&at, 4, &tm.tm_year) || !sign(&at, '-') || !digits(&at, 2, &tm.tm_mon) || !sign(&at, '-') ||
        !digits(&at, 2, &tm.tm_mday) || !is_day(tm.tm_year, tm.tm_mon, tm.tm_mday))
        return false;
    bool day = utc && !*at;
    if (!day && (!(sign(&at, 'T') || sign(&at, 't') || sign(&at, ' ')) || !clock_of(&at, &tm, ms) ||
                 !zone(&at, utc, &offset) || at != z + text.len))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    time_t t = timegm(&tm) - offset;
    if (t < 0)
        return false;
    *ms += (uint64_t)t * 1000;
    return true;
}
