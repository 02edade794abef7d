/* A hash table of copies; uthash keeps insertion order, and a hit inserts anew, so its head is the least recently used. */
#include "api/cache.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>
#include <xxhash.h>

struct entry {
    XXH128_hash_t key;
    uint64_t until_ns;
    struct str body, sql;
    UT_hash_handle hh;
};

struct cache {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t bytes, cap;
};

enum { CACHE_HITS, CACHE_MISSES, CACHE_COUNTERS };
static const struct counter_def defs[] = {
    {"console_cache_hits_total", "Questions answered from the cache.", COUNTER},
    {"console_cache_misses_total", "Questions that the cache had no answer to.", COUNTER},
};
static struct counters *counters;

struct cache *cache_new(size_t bytes)
{
    struct cache *c = xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->cap = bytes;
    if (!counters)
        counters = counters_new(defs, CACHE_COUNTERS, "");
    return c;
}

static size_t size_of(const struct entry *e)
{
    return sizeof *e + e->body.len + e->sql.len;
}

static void drop(struct cache *c, struct entry *e)
{
    HASH_DEL(c->entries, e);
    c->bytes -= size_of(e);
    free(e);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    while (c->entries)
        drop(c, c->entries);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry *find(struct cache *c, struct str key, XXH128_hash_t *h)
{
    struct entry *e;
    *h = XXH3_128bits(key.p, key.len);
    HASH_FIND(hh, c->entries, h, sizeof *h, e);
    return e;
}

bool cache_get(struct cache *c, struct str key, struct buf *body, struct buf *sql)
{
    XXH128_hash_t h;
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key, &h);
    if (e && e->until_ns < clock_mono_ns()) {
        drop(c, e);
        e = NULL;
    }
    if (e) {
        buf_str_add(body, e->body);
        buf_str_add(sql, e->sql);
        HASH_DEL(c->entries, e);
        HASH_ADD(hh, c->entries, key, sizeof e->key, e);
    }
    pthread_mutex_unlock(&c->lock);
    counter_add_shared(counters, e ? CACHE_HITS : CACHE_MISSES, 1);
    return e;
}

void cache_put(struct cache *c, struct str key, struct str body, struct str sql, uint64_t ttl_ns)
{
    struct entry *e = xmalloc(sizeof *e + body.len + sql.len);
    char *text = (char *)(e + 1);
    *e = (struct entry){.body = {text, body.len}, .sql = {text + body.len, sql.len}};
    memcpy(text, body.p, body.len);
    if (sql.len)
        memcpy(text + body.len, sql.p, sql.len);
    pthread_mutex_lock(&c->lock);
    struct entry *old = find(c, key, &e->key);
    if (old)
        drop(c, old);
    e->until_ns = clock_mono_ns() + ttl_ns;
    HASH_ADD(hh, c->entries, key, sizeof e->key, e);
    c->bytes += size_of(e);
    while (c->bytes > c->cap && c->entries)
        drop(c, c->entries);
    pthread_mutex_unlock(&c->lock);
}
