/* Lines of a report. Past a bound errors are only counted: a broken generator can produce a million of them. */
#include "conf/report.h"
#include <stdarg.h>
#include <stdio.h>

void conf_report_init(struct conf_report *r)
{
    *r = (struct conf_report){0};
    buf_init(&r->errors, 0);
    buf_init(&r->notices, 0);
}

void conf_report_fini(struct conf_report *r)
{
    buf_fini(&r->errors);
    buf_fini(&r->notices);
}

static void line(struct buf *b, struct conf_pos pos, const char *path, const char *text)
{
    if (pos.file && pos.line)
        buf_printf(b, "%s:%u:%u: ", pos.file, pos.line, pos.column);
    else if (pos.file)
        buf_printf(b, "%s: ", pos.file);
    if (path && *path)
        buf_printf(b, "%s: ", path);
    buf_printf(b, "%s\n", text);
}

/* The same place and the same words, though by another path? */
static bool said_before(struct conf_report *r, struct conf_pos pos, const char *text)
{
    uint64_t h = pos.line * UINT64_C(0x9e3779b97f4a7c15) ^ pos.column;
    unsigned n = r->n_errors < CONF_ERRORS_SHOWN ? r->n_errors : CONF_ERRORS_SHOWN;
    if (!pos.file || !pos.line)
        return false;
    for (const char *z = pos.file; *z; z++)
        h = (h ^ (uint8_t)*z) * 0x100000001b3u;
    for (const char *z = text; *z; z++)
        h = (h ^ (uint8_t)*z) * 0x100000001b3u;
    for (unsigned i = 0; i < n; i++)
        if (r->seen[i] == h)
            return true;
    if (n < CONF_ERRORS_SHOWN)
        r->seen[n] = h;
    return false;
}

bool conf_error(struct conf_report *r, struct conf_pos pos, const char *path, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!said_before(r, pos, text) && ++r->n_errors <= CONF_ERRORS_SHOWN)
        line(&r->errors, pos, path, text);
    return false;
}

void conf_notice(struct conf_report *r, struct conf_pos pos, const char *path, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (++r->n_notices <= CONF_ERRORS_SHOWN)
        line(&r->notices, pos, path, text);
}

bool conf_report_err(const struct conf_report *r, struct err *e)
{
    struct str all = buf_str(&r->errors);
    while (all.len > 0 && all.p[all.len - 1] == '\n')
        all.len--;
    /* whole lines only, as many as fit */
    size_t room = sizeof e->msg - 32, len = all.len;
    if (len > room)
        for (len = room; len > 0 && all.p[len] != '\n';)
            len--;
    unsigned shown = len > 0;
    for (size_t i = 0; i < len; i++)
        shown += all.p[i] == '\n';
    if (shown < r->n_errors)
        return err_set(e, "%.*s\n(%u more)", (int)len, all.p, r->n_errors - shown);
    return err_set(e, "%.*s", (int)len, all.p);
}

bool conf_report_once(struct conf_report *r, const void *thing)
{
    for (unsigned i = 0; i < r->n_said; i++)
        if (r->said[i] == thing)
            return false;
    if (r->n_said < sizeof r->said / sizeof *r->said)
        r->said[r->n_said++] = thing;
    return true;
}
