/* origin: keeps pages of other sites from using a visitor's console behind that visitor's back. */
#pragma once
#include "net/http_server.h"

/*
 * False and 403 answered when a browser sends this for a page of another site. Only what writes or works is looked at:
 * what GET answers, another site's page cannot read.
 */
bool origin_check(struct http_call *c);
