/* http_host: whether a request is for us, by its Host header. Pure functions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* "localhost:8080", "[::1]:8080", "192.0.2.1": an address, localhost, or one of the names; ports do not matter. */
bool http_host_known(const char *host, const char *const *names, size_t n);
