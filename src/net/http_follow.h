/*
 * http_follow: http_client_do, with redirects followed: over http and https only, never from https to http, five at most.
 * The request's headers, user and password go only to where scheme, host and port are those of `home`.
 */
#pragma once
#include "net/http_client.h"

enum http_follow {
    FOLLOW_OK,     /* an answer that is no redirect, of any status */
    FOLLOW_FAILED, /* none came */
    FOLLOW_TOO_LARGE,
    FOLLOW_LEADS_AWAY, /* a redirect that is not followed */
};

/* *url: where the answer came from, malloc'ed, to be free()d; also after a failure. `home` NULL: the request's URL. */
enum http_follow http_follow(struct http_client *c, const struct http_request *req, const char *home,
                             struct http_answer *ans, char **url, struct err *e);
