/* http_route: matching of a request against a route's method and path pattern. Pure functions. */
#pragma once
#include "base/arena.h"

/* "/a/{x}/b" where {x} is one non-empty segment; a "*" at the end stands for anything, also nothing. */
bool http_route_match(const char *pattern, const char *path);
bool http_route_method(const char *wanted, const char *method);
/* What {name} of the pattern stands for in the path; "*" names the tail. NULL when the pattern has none of that name. */
const char *http_route_param(const char *pattern, const char *path, const char *name, struct arena *a);
