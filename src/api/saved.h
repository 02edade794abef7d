/*
 * saved: what users keep: filters, and settings of the page. In a database (db.h); any thread.
 */
#pragma once
#include "api/console_conf.h"
#include "base/err.h"

struct saved;

/*
 * path: the file when the configuration names no database. The configured filters become shared ones of "__system". conf must
 * outlive it: a server that is away gets them when it comes.
 */
struct saved *saved_new(const char *path, const struct console_conf *conf, struct err *e);
void saved_free(struct saved *s);
/* "database", its driver and whether it answers. */
bool saved_answers(struct saved *s, const char **driver, struct err *e);
