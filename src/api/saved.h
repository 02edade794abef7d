/*
 * saved: filters that users keep, in a SQLite file. Any thread; a lock inside.
 */
#pragma once
#include "api/console_conf.h"
#include "base/err.h"

struct saved;

/* path: of the database; created and brought up to date. The configured filters become shared ones of "__system". */
struct saved *saved_new(const char *path, const struct console_conf *conf, struct err *e);
void saved_free(struct saved *s);
