/* A row of a rollup stands for a whole step and can only be replaced as a whole: that is where a span's ends must lie. */
#include "main/rewind/span.h"
#include "conf/value.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static uint64_t down(uint64_t s, uint64_t step)
{
    return s - s % step;
}

static uint64_t up(uint64_t s, uint64_t step)
{
    return down(s + step - 1, step);
}

uint64_t rewind_step(uint64_t a_s, uint64_t b_s)
{
    uint64_t a = a_s, b = b_s;
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    uint64_t least = a_s / a * b_s;
    return least > DAY_S ? DAY_S + 1 : least;
}

bool rewind_fit(struct rewind_span wanted, const struct rewind_bounds *b, struct rewind_span *fit,
                struct err *e)
{
    char oldest[REWIND_TIME_MAX], settled[REWIND_TIME_MAX];
    if (wanted.from >= wanted.to)
        return err_set(e, "the span ends before it begins");
    uint64_t first = b->begins_there ? down(b->oldest_s, b->step_s) : up(b->oldest_s, b->step_s),
             last = down(b->settled_s, b->step_s);
    fit->from = down(wanted.from, b->step_s);
    fit->to = up(wanted.to, b->step_s);
    fit->from = fit->from < first ? first : fit->from;
    fit->to = fit->to > last ? last : fit->to;
    if (fit->from < fit->to)
        return true;
    return err_set(
        e,
        "nothing of that span can be decoded again now: the bus goes back to %s, flows are settled up "
        "to %s, and whole steps of %llu s are replaced (a row of the coarsest table)",
        rewind_time_text(b->oldest_s, oldest), rewind_time_text(b->settled_s, settled),
        (unsigned long long)b->step_s);
}

static bool calendar(struct str text, uint64_t *second)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    char z[64];
    bool utc = text.len > 1 && text.p[text.len - 1] == 'Z';
    text.len -= utc;
    if (text.len >= sizeof z)
        return false;
    memcpy(z, text.p, text.len);
    z[text.len] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(z, forms[i], &tm);
        if (!end || *end)
            continue;
        if (utc)
            tm.tm_isdst = 0;
        time_t t = utc ? timegm(&tm) : mktime(&tm);
        *second = (uint64_t)t;
        return t > 0;
    }
    return false;
}

bool rewind_time(struct str text, uint64_t now_s, uint64_t *second)
{
    uint64_t ns;
    text = str_trim(text);
    if (str_eq(text, STR("now"))) {
        *second = now_s;
        return true;
    }
    if (calendar(text, second))
        return true;
    if (str_u64(text, second))
        return *second > DAY_S && *second <= UINT32_MAX;
    if (text.len && text.p[0] == '-')
        text = (struct str){text.p + 1, text.len - 1};
    if (!value_duration(text, &ns) || ns / 1000000000u > now_s)
        return false;
    *second = now_s - ns / 1000000000u;
    return true;
}

const char *rewind_time_text(uint64_t second, char *text)
{
    time_t t = (time_t)second;
    struct tm tm;
    localtime_r(&t, &tm);
    strftime(text, REWIND_TIME_MAX, "%Y-%m-%d %H:%M:%S %z", &tm);
    return text;
}
