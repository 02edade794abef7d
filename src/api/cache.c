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

/* A question that somebody is finding the answer to. */
struct pending {
    XXH128_hash_t key;
    UT_hash_handle hh;
};

struct cache {
    pthread_mutex_t lock;
    pthread_cond_t settled; /* some question no longer is pending */
    struct entry *entries;
    struct pending *pending;
    size_t bytes, cap;
};

enum { CACHE_HITS, CACHE_MISSES, CACHE_JOINED, CACHE_COUNTERS };
static const struct counter_def defs[] = {
    {"console_cache_hits_total", "Questions answered from the cache.", COUNTER},
    {"console_cache_misses_total", "Questions that the cache had no answer to.", COUNTER},
    {"console_cache_joined_total", "Questions that waited for the answer to the same one.", COUNTER},
};
static struct counters *counters;

struct cache *cache_new(size_t bytes)
{
    struct cache *c = xcalloc(1, sizeof *c);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->settled, &attr);
    pthread_condattr_destroy(&attr);
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
    for (struct pending *p = c->pending, *next; p; p = next) {
        next = p->hh.next;
        HASH_DEL(c->pending, p);
        free(p);
    }
    pthread_cond_destroy(&c->settled);
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

/* The entry when it is still good; a hit becomes the most recently used. */
static struct entry *fresh(struct cache *c, struct str key, XXH128_hash_t *h)
{
    struct entry *e = find(c, key, h);
    if (e && e->until_ns < clock_mono_ns()) {
        drop(c, e);
        return NULL;
    }
    if (e) {
        HASH_DEL(c->entries, e);
        HASH_ADD(hh, c->entries, key, sizeof e->key, e);
    }
    return e;
}

static struct pending *is_pending(struct cache *c, const XXH128_hash_t *h)
{
    struct pending *p;
    HASH_FIND(hh, c->pending, h, sizeof *h, p);
    return p;
}

static void wait_a_moment(struct cache *c)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 200000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&c->settled, &c->lock, &t);
}

bool cache_get(struct cache *c, struct str key, bool (*gone)(void *arg), void *arg, struct buf *body,
               struct buf *sql, bool *finds)
{
    XXH128_hash_t h;
    struct entry *e;
    bool joined = false;
    pthread_mutex_lock(&c->lock);
    while (!(e = fresh(c, key, &h)) && is_pending(c, &h) && !gone(arg)) {
        joined = true;
        wait_a_moment(c);
    }
    *finds = !e && !is_pending(c, &h);
    if (e) {
        buf_str_add(body, e->body);
        buf_str_add(sql, e->sql);
    } else if (*finds) {
        struct pending *p = xcalloc(1, sizeof *p);
        p->key = h;
        HASH_ADD(hh, c->pending, key, sizeof p->key, p);
    }
    pthread_mutex_unlock(&c->lock);
    counter_add_shared(counters, e ? CACHE_HITS : CACHE_MISSES, 1);
    if (joined)
        counter_add_shared(counters, CACHE_JOINED, 1);
    return e;
}

static void settle(struct cache *c, const XXH128_hash_t *h)
{
    struct pending *p = is_pending(c, h);
    if (p) {
        HASH_DEL(c->pending, p);
        free(p);
    }
    pthread_cond_broadcast(&c->settled);
}

void cache_release(struct cache *c, struct str key)
{
    XXH128_hash_t h = XXH3_128bits(key.p, key.len);
    pthread_mutex_lock(&c->lock);
    settle(c, &h);
    pthread_mutex_unlock(&c->lock);
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
    settle(c, &e->key);
    while (c->bytes > c->cap && c->entries)
        drop(c, c->entries);
    pthread_mutex_unlock(&c->lock);
}
