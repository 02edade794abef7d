/*
 * cache: answers of the API that are good for a while, by what was asked. Any thread; bounded in bytes, least recently used
 * go first.
 */
#pragma once
#include "base/buf.h"

struct cache;

struct cache *cache_new(size_t bytes);
void cache_free(struct cache *c);
/* True and copies appended to both when there is an answer that is still good. */
bool cache_get(struct cache *c, struct str key, struct buf *body, struct buf *sql);
void cache_put(struct cache *c, struct str key, struct str body, struct str sql, uint64_t ttl_ns);
