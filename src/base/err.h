/*
 * err: why an operation or a piece of configuration failed, in words for a person.
 *
 * Functions that can fail for such reasons return bool and take a struct err * (never NULL); on the way up callers add
 * context in front with err_wrap. Not for bad wire data (a counter) nor for the impossible (an assert).
 */
#pragma once
#include <stdbool.h>

struct err {
    char msg[1024];
};

/* Sets the message and returns false, so that `return err_set(e, ...)` reads well. */
bool err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, followed by ": " and strerror(errno). */
bool err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "context: " in front of what is there and returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
