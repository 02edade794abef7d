/*
 * rib_cache: answers of the RIB by what was asked, in one worker. A few addresses bring most of the traffic: for them one
 * line of the cache stands for the tree, the routes of the prefix and the choice among them.
 *
 * One thread, a reader of base/snapshot.h. An answer is used as long as the RIB's version for its address stays the same
 * (rib_version), so it is always what rib_find would say. 4 MiB at most.
 */
#pragma once
#include "enrich/route/rib.h"

struct rib_cache;

struct rib_cache *rib_cache_new(void);
void rib_cache_free(struct rib_cache *c);
/* As rib_find; n <= RIB_CACHE_ASK. */
enum { RIB_CACHE_ASK = 1024 };
void rib_cache_find(struct rib_cache *c, const struct rib *r, const struct rib_ask *ask, size_t n,
                    struct rib_answer *out);
