/* settings: a request's settings and database as statements for its session. Pure; memory of the request's arena. */
#pragma once
#include "base/buf.h"
#include "store/embedded/request.h"
#include "store/store_conf.h"

/*
 * "SET a = 'b', ...": what was asked for, then the limits of a reader, which come last and so hold. `id` begins log_comment, by which
 * the statement is found when it has to end.
 */
void settings_text(const struct request *rq, const struct store_conf *conf, const char *id, struct buf *sql);
/* "USE `database`", NUL-terminated. */
void settings_use(const char *database, struct buf *sql);
