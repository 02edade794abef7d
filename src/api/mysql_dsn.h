/*
 * mysql_dsn: "user:password@tcp(host:port)/database?options", as Go programs write where a MySQL database is. Pure.
 *
 * Options are of another library and do not matter here. Reasons never quote the text: it has a password.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include <stdint.h>

struct mysql_dsn {
    const char *user, *password, *database;
    const char *host, *socket; /* one of them; the other is NULL */
    uint16_t port;             /* 0: of a socket */
};

/* Texts are of the arena. */
bool mysql_dsn_parse(struct arena *a, const char *dsn, struct mysql_dsn *out, struct err *e);
