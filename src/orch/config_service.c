/* A small list under a lock; an answer is copied out of it by http_reply. */
#include "orch/config_service.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

struct published {
    struct arena arena;
    struct config_service_entry *entries;
    size_t n;
};

struct config_service {
    pthread_rwlock_t lock;
    struct published now;
    char *token;
};

struct config_service *config_service_new(const char *token)
{
    struct config_service *s = xcalloc(1, sizeof *s);
    pthread_rwlock_init(&s->lock, NULL);
    arena_init(&s->now.arena);
    s->token = token && *token ? xstrdup(token) : NULL;
    return s;
}

void config_service_free(struct config_service *s)
{
    if (!s)
        return;
    arena_fini(&s->now.arena);
    pthread_rwlock_destroy(&s->lock);
    free(s->token);
    free(s);
}

void config_service_publish(struct config_service *s, const struct config_service_entry *entries, size_t n)
{
    struct published next = {.n = n};
    arena_init(&next.arena);
    next.entries = arena_array(&next.arena, n, sizeof *next.entries);
    for (size_t i = 0; i < n; i++) {
        next.entries[i].service = arena_strdup(&next.arena, entries[i].service);
        next.entries[i].index = entries[i].index;
        next.entries[i].text = arena_str(&next.arena, entries[i].text);
        next.entries[i].masked = arena_str(&next.arena, entries[i].masked);
    }
    pthread_rwlock_wrlock(&s->lock);
    struct published old = s->now;
    s->now = next;
    pthread_rwlock_unlock(&s->lock);
    arena_fini(&old.arena);
}

const char *config_service_etag(struct str text, char etag[CONFIG_ETAG_LEN])
{
    snprintf(etag, CONFIG_ETAG_LEN, "\"%016llx\"",
             (unsigned long long)XXH3_64bits(text.p ? text.p : "", text.len));
    return etag;
}

/* Every byte is looked at, whatever the first difference. */
static bool trusted(const struct config_service *s, struct http_call *c)
{
    const char *given = http_header(c, "Authorization");
    if (!s->token)
        return true;
    if (!given || strncmp(given, "Bearer ", 7) != 0 || strlen(given + 7) != strlen(s->token))
        return false;
    unsigned char differs = 0;
    for (size_t i = 0; s->token[i]; i++)
        differs |= (unsigned char)(given[7 + i] ^ s->token[i]);
    return differs == 0;
}

static const struct config_service_entry *find(const struct published *p, const char *service, uint64_t index)
{
    const struct config_service_entry *first = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->entries[i].service, service) == 0) {
            if (p->entries[i].index == index)
                return &p->entries[i];
            if (!first)
                first = &p->entries[i];
        }
    return first;
}

static void get(struct http_call *c)
{
    struct config_service *s = c->arg;
    const char *index_text = http_param(c, "index"), *known = http_header(c, "If-None-Match");
    uint64_t index = 0;
    char etag[CONFIG_ETAG_LEN];
    if (index_text && !str_u64(str_from(index_text), &index)) {
        http_reply_error(c, 404, "%s is no index", index_text);
        return;
    }
    bool full = trusted(s, c);
    pthread_rwlock_rdlock(&s->lock);
    const struct config_service_entry *e = find(&s->now, http_param(c, "service"), index);
    struct str text = {0};
    if (e)
        text = arena_str(&c->arena, full ? e->text : e->masked);
    pthread_rwlock_unlock(&s->lock);
    if (!e) {
        http_reply_error(c, 404, "there is no service %s", http_param(c, "service"));
        return;
    }
    config_service_etag(text, etag);
    http_reply_header(c, "ETag", etag);
    http_reply_header(c, "Cache-Control", "no-store");
    if (known && strcmp(known, etag) == 0)
        http_reply(c, 304, "application/x-yaml", (struct str){0});
    else
        http_reply(c, 200, "application/x-yaml", text);
}

const struct http_route config_service_routes[2] = {
    {"GET", "/api/v0/orchestrator/configuration/{service}", get, "The configuration of a service, as YAML."},
    {"GET", "/api/v0/orchestrator/configuration/{service}/{index}", get,
     "That of one of several services of a name."},
};
