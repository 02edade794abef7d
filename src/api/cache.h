/*
 * cache: answers of the API that are good for a while, by what was asked. Any thread; bounded in bytes, least recently used
 * go first.
 */
#pragma once
#include "base/buf.h"

struct cache;

struct cache *cache_new(size_t bytes);
void cache_free(struct cache *c);
/*
 * True and copies appended to both when there is an answer that is still good. Otherwise *finds: the caller is to find it, and says so
 * with cache_put or cache_release; whoever asks the same meanwhile waits for that, until `gone` says that nobody waits any more
 * (false then, and nothing to find).
 */
bool cache_get(struct cache *c, struct str key, bool (*gone)(void *arg), void *arg, struct buf *body,
               struct buf *sql, bool *finds);
void cache_put(struct cache *c, struct str key, struct str body, struct str sql, uint64_t ttl_ns);
/* There will be no answer: one of those who wait tries. */
void cache_release(struct cache *c, struct str key);
