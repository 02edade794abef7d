/* Lines are built in one buffer and written by one write(2), so that lines of several processes do not mix. */
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { BURST_PER_SITE = 10, WINDOW_S = 10, LINE_MAX_LEN = 8192 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *log_role = "weir";
static enum log_level log_min = LOG_INFO;
static bool log_json;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

void log_setup(const char *role, enum log_level min, bool json)
{
    log_role = role;
    log_min = min;
    log_json = json;
}

void log_level_set(enum log_level min)
{
    log_min = min;
}

static char *number_slot(void)
{
    static _Thread_local char ring[16][24];
    static _Thread_local unsigned next;
    return ring[next++ % 16];
}

const char *log_u64(uint64_t v)
{
    char *z = number_slot();
    snprintf(z, 24, "%llu", (unsigned long long)v);
    return z;
}

const char *log_i64(int64_t v)
{
    char *z = number_slot();
    snprintf(z, 24, "%lld", (long long)v);
    return z;
}

static bool needs_quotes(const char *z)
{
    if (*z == 0)
        return true;
    for (; *z; z++)
        if ((unsigned char)*z <= ' ' || *z == '"' || *z == '=' || *z == '\\' || (unsigned char)*z == 0x7f)
            return true;
    return false;
}

static void quoted(struct buf *b, const char *z)
{
    buf_u8(b, '"');
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_z(b, "\\n");
        else if (c < ' ' || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_u8(b, c);
    }
    buf_u8(b, '"');
}

static void field(struct buf *b, const char *key, const char *value)
{
    if (log_json) {
        buf_z(b, b->len > 1 ? "," : "");
        quoted(b, key);
        buf_u8(b, ':');
        quoted(b, value);
        return;
    }
    buf_printf(b, "%s%s=", b->len ? " " : "", key);
    if (needs_quotes(value))
        quoted(b, value);
    else
        buf_z(b, value);
}

/* True when the site may speak; *suppressed is what it kept to itself before. */
static bool site_allows(struct log_site *s, uint64_t now_s, uint32_t *suppressed)
{
    *suppressed = 0;
    if (now_s >= s->window_s + WINDOW_S) {
        *suppressed = s->suppressed;
        *s = (struct log_site){.window_s = now_s};
    }
    if (s->in_window >= BURST_PER_SITE) {
        s->suppressed++;
        return false;
    }
    s->in_window++;
    return true;
}

static void line_head(struct buf *b, uint64_t ns, enum log_level level, const char *module, const char *msg)
{
    time_t s = (time_t)(ns / 1000000000u);
    struct tm tm;
    char when[40], full[48];
    gmtime_r(&s, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(full, sizeof full, "%s.%03uZ", when, (unsigned)(ns / 1000000u % 1000u));
    if (log_json)
        buf_u8(b, '{');
    field(b, "time", full);
    field(b, "level", level_names[level]);
    field(b, "role", log_role);
    field(b, "module", module);
    field(b, "msg", msg);
}

static void line_end(struct buf *b)
{
    b->full = false;
    b->cap = 0;
    buf_z(b, log_json ? "}\n" : "\n");
}

size_t log_prepare(char *to, size_t room, uint64_t wall_ns, enum log_level level, const char *module,
                   const char *msg)
{
    struct buf b;
    buf_init(&b, LINE_MAX_LEN);
    line_head(&b, wall_ns, level, module, msg);
    line_end(&b);
    size_t n = b.len < room ? b.len : 0;
    memcpy(to, b.p, n);
    buf_fini(&b);
    return n;
}

void log_event(struct log_site *site, enum log_level level, const char *module, const char *msg, ...)
{
    if (level < log_min)
        return;
    uint32_t suppressed;
    pthread_mutex_lock(&log_lock);
    bool speak = site_allows(site, clock_mono_ns() / 1000000000u, &suppressed);
    pthread_mutex_unlock(&log_lock);
    if (!speak)
        return;
    struct buf b;
    buf_init(&b, LINE_MAX_LEN);
    line_head(&b, clock_wall_ns(), level, module, msg);
    va_list ap;
    va_start(ap, msg);
    for (const char *key; (key = va_arg(ap, const char *));) {
        const char *value = va_arg(ap, const char *);
        field(&b, key, value ? value : "");
    }
    va_end(ap);
    if (suppressed)
        field(&b, "suppressed", log_u64(suppressed));
    line_end(&b);
    ssize_t n = write(STDERR_FILENO, b.p, b.len);
    (void)n; /* nowhere left to complain */
    buf_fini(&b);
}
