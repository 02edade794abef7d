/* user: who is asking, by the headers of a trusted reverse proxy (auth.headers) or the configured default user. */
#pragma once
#include "api/console_conf.h"
#include "net/http_server.h"

struct user {
    const char *login, *name, *email, *logout_url, *avatar_url; /* "" when not known */
};

/* False and 401 answered when nobody is known, or 403 (origin.h). Strings live with the call. */
bool user_get(struct http_call *c, const struct console_conf *conf, struct user *u);
