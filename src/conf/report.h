/*
 * report: everything that is wrong with a configuration, collected so that it can be said all at once, and the notices
 * (old keys, keys not in use yet). One thread; plain text lines "file:line:column: key.path: what".
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct conf_pos {
    const char *file;
    unsigned line, column; /* from 1; 0: unknown (an environment variable, a default) */
};

enum { CONF_ERRORS_SHOWN = 100 };

struct conf_report {
    struct buf errors, notices; /* lines */
    unsigned n_errors, n_notices;
    uint64_t seen[CONF_ERRORS_SHOWN]; /* of errors: an inherited section repeats those of its origin */
    const void *said[64];             /* conf_report_once */
    unsigned n_said;
};

void conf_report_init(struct conf_report *r);
void conf_report_fini(struct conf_report *r);
/* Always false. `path` may be NULL or empty. */
bool conf_error(struct conf_report *r, struct conf_pos pos, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void conf_notice(struct conf_report *r, struct conf_pos pos, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* True the first time for this thing (an option row): a notice on 300 exporters' same key is one notice. */
bool conf_report_once(struct conf_report *r, const void *thing);
/* The first errors as one message; false. */
bool conf_report_err(const struct conf_report *r, struct err *e);
