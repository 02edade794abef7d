/* assets: the page and its files, out of the program itself. */
#pragma once
#include "base/embed.h"
#include "net/http_server.h"

/* Answers with a file, compressed when the client takes it, 304 when it has it. */
void assets_reply(struct http_call *c, const struct embed *f, const char *cache_control);
/* index.html with its <base href> set to the url-prefix under which the console is reached; any path may be meant by it. */
void assets_reply_page(struct http_call *c);
