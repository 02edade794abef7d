/*
 * log: one line per event on stderr, logfmt (or JSON), UTC with milliseconds, role and level.
 *
 *   log_warn("spool", "segment dropped", "partition", LOG_U64(p), "bytes", LOG_U64(n), NULL);
 *   -> time=2026-11-21T10:00:00.123Z level=warn role=inlet module=spool msg="segment dropped" partition=3 bytes=1048576
 *
 * Keys are literals; values strings (LOG_U64 and LOG_I64 format into a per-thread ring). Any thread, but never on the hot
 * path. Each call site is limited to a burst; what was suppressed is counted and said with the next line of that site.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_site {
    uint64_t window_s;
    uint32_t in_window, suppressed;
};

void log_setup(const char *role, enum log_level min, bool json);
void log_level_set(enum log_level min);
void log_event(struct log_site *site, enum log_level level, const char *module, const char *msg, ...)
    __attribute__((sentinel));
/* The same line of text for a signal handler, which can only write what lies ready; returns its length, 0 when it does not fit. */
size_t log_prepare(char *to, size_t room, uint64_t wall_ns, enum log_level level, const char *module,
                   const char *msg);
/* Number as text, valid until 16 more were formatted by this thread. */
const char *log_u64(uint64_t v);
const char *log_i64(int64_t v);

#define LOG_U64(v) log_u64((uint64_t)(v))
#define LOG_I64(v) log_i64((int64_t)(v))
#define LOG_AT(level, ...)                                                                                   \
    do {                                                                                                     \
        static struct log_site log_site_;                                                                    \
        log_event(&log_site_, level, __VA_ARGS__);                                                           \
    } while (0)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
