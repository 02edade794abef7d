/* A list of all by age, and a hash table of groups, each a list by arrival. */
#include "decode/kept.h"
#include "base/arena.h"
#include <stdlib.h>
#include <xxhash.h>

struct kept_group {
    struct kept_group *next; /* in its bucket */
    struct session_key key;
    struct kept *first, *last;
    uint64_t bytes;
};

void kept_init(struct kept_sets *k, uint64_t max_bytes, uint32_t max_s, uint64_t seed)
{
    *k = (struct kept_sets){.max_bytes = max_bytes, .max_s = max_s, .seed = seed};
}

void kept_clear(struct kept_sets *k)
{
    while (k->oldest)
        kept_drop(k, k->oldest);
}

static struct kept_group **find(struct kept_sets *k, const struct session_key *key)
{
    uint64_t hash = XXH3_64bits_withSeed(key, sizeof *key, k->seed);
    struct kept_group **at = &k->buckets[hash % KEPT_GROUPS];
    while (*at && memcmp(&(*at)->key, key, sizeof *key) != 0)
        at = &(*at)->next;
    return at;
}

static size_t size_of(size_t len)
{
    return sizeof(struct kept) + len;
}

bool kept_add(struct kept_sets *k, const struct session_key *key, const struct kept *proto, const void *data,
              size_t len)
{
    const struct kept_group *g = *find(k, key);
    uint64_t own = (g ? g->bytes : sizeof *g) + size_of(len);
    if (own > k->max_bytes / KEPT_SHARE || k->bytes + size_of(len) + (g ? 0 : sizeof *g) > k->max_bytes)
        return false;
    kept_put(k, key, proto, data, len);
    return true;
}

static struct kept_group *group(struct kept_sets *k, const struct session_key *key)
{
    struct kept_group **at = find(k, key), *g = *at;
    if (!g) {
        g = xcalloc(1, sizeof *g);
        g->key = *key;
        g->bytes = sizeof *g;
        k->bytes += sizeof *g;
        *at = g;
    }
    return g;
}

void kept_put(struct kept_sets *k, const struct session_key *key, const struct kept *proto, const void *data,
              size_t len)
{
    struct kept_group *g = group(k, key);
    struct kept *set = xcalloc(1, size_of(len));
    *set = *proto;
    memcpy(set->data, data, len);
    set->len = (uint32_t)len;
    set->group = g;
    set->prev = g->last;
    set->next = NULL;
    *(g->last ? &g->last->next : &g->first) = set;
    g->last = set;
    set->older = k->newest;
    set->newer = NULL;
    *(k->newest ? &k->newest->newer : &k->oldest) = set;
    k->newest = set;
    g->bytes += size_of(len);
    k->bytes += size_of(len);
    k->n++;
}

struct kept *kept_first(struct kept_sets *k, const struct session_key *key)
{
    if (!k->oldest)
        return NULL;
    const struct kept_group *g = *find(k, key);
    return g ? g->first : NULL;
}

const struct session_key *kept_key(const struct kept *set)
{
    return &set->group->key;
}

struct kept *kept_expired(const struct kept_sets *k, uint32_t now)
{
    struct kept *set = k->oldest;
    /* signed: a clock that was set back makes nothing old */
    return set && (int32_t)(now - (uint32_t)(set->rx_ns / 1000000000u)) > (int32_t)k->max_s ? set : NULL;
}

static void drop_group(struct kept_sets *k, struct kept_group *g)
{
    struct kept_group **at = find(k, &g->key);
    *at = g->next;
    k->bytes -= sizeof *g;
    free(g);
}

void kept_drop(struct kept_sets *k, struct kept *set)
{
    struct kept_group *g = set->group;
    *(set->prev ? &set->prev->next : &g->first) = set->next;
    *(set->next ? &set->next->prev : &g->last) = set->prev;
    *(set->older ? &set->older->newer : &k->oldest) = set->newer;
    *(set->newer ? &set->newer->older : &k->newest) = set->older;
    g->bytes -= size_of(set->len);
    k->bytes -= size_of(set->len);
    k->n--;
    free(set);
    if (!g->first)
        drop_group(k, g);
}
