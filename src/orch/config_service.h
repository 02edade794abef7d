/*
 * config_service: hands each role its section of the configuration, as YAML with an ETag.
 *
 * GET /api/v0/orchestrator/configuration/{service}[/{index}]; an index beyond the list answers with the first. What is
 * published is replaced as a whole, from any thread; handlers run on the HTTP server's threads.
 *
 * With a token, only a caller who sends it ("Authorization: Bearer ...") sees secrets; others see the rest. Without one
 * everybody sees all: roles on other machines need the passwords, so keep the port private.
 */
#pragma once
#include "base/str.h"
#include "net/http_server.h"

struct config_service;

struct config_service_entry {
    const char *service;
    size_t index;
    struct str text, masked; /* with and without secrets */
};

struct config_service *config_service_new(const char *token); /* NULL or "": none */
void config_service_free(struct config_service *s);
/* Copies. */
void config_service_publish(struct config_service *s, const struct config_service_entry *entries, size_t n);

/* Routes with the service as their argument. */
extern const struct http_route config_service_routes[2];

enum { CONFIG_ETAG_LEN = 24 };
/* The ETag of a text, quotes included; both sides compute it. */
const char *config_service_etag(struct str text, char etag[CONFIG_ETAG_LEN]);
