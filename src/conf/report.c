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

static void line(struct buf *b, struct conf_pos pos, const char *path, const char *fmt, va_list ap)
{
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    if (pos.file && pos.line)
        buf_printf(b, "%s:%u:%u: ", pos.file, pos.line, pos.column);
    else if (pos.file)
        buf_printf(b, "%s: ", pos.file);
    if (path && *path)
        buf_printf(b, "%s: ", path);
    buf_printf(b, "%s\n", text);
}

bool conf_error(struct conf_report *r, struct conf_pos pos, const char *path, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (++r->n_errors <= CONF_ERRORS_SHOWN)
        line(&r->errors, pos, path, fmt, ap);
    va_end(ap);
    return false;
}

void conf_notice(struct conf_report *r, struct conf_pos pos, const char *path, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (++r->n_notices <= CONF_ERRORS_SHOWN)
        line(&r->notices, pos, path, fmt, ap);
    va_end(ap);
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
