/* render: times and texts of the store as JSON. Plain functions; any thread. */
#pragma once
#include "base/str.h"
#include <jansson.h>

enum { RENDER_TIME_MAX = 32 };

/* "2026-11-21T10:00:00Z"; returns text, which has RENDER_TIME_MAX bytes. */
const char *render_time_text(uint32_t seconds, char *text);
json_t *render_time(uint32_t seconds);
/* Bytes that are no UTF-8 (a router's description may hold any) become U+FFFD. */
json_t *render_text(struct str s);
