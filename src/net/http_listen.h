/* http_listen: a listening TCP socket from "host:port" text. */
#pragma once
#include "base/err.h"
#include <stdint.h>
#include <stdbool.h>

/* False, and what is wrong: the text is no address to listen on, whether this machine has it or not. For UDP as well. */
bool http_listen_check(const char *listen, struct err *e);
/* True when only this machine reaches the address. */
bool http_listen_is_local(const char *listen);
/*
 * "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; without a host all addresses of both families (IPv4 only where the
 * kernel has no IPv6). Port 0 is any free one; *port says which. -1 and what to do about it on failure; `what`
 * ("HTTP") is for its message, and errno says why (EADDRINUSE).
 */
int http_listen(const char *what, const char *listen, uint16_t *port, struct err *e);
