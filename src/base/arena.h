/*
 * arena: memory that is freed all at once; the lifetime of a request, a configuration, a snapshot.
 *
 * One thread at a time. Allocation never returns NULL: a process that cannot get a few more bytes has nothing better to
 * do than to stop and be restarted. Anything an outsider can make grow is bounded by its caller, not here.
 */
#pragma once
#include "base/str.h"

struct arena {
    struct arena_chunk *chunks;
    char *at, *end;
    size_t total; /* bytes taken from the heap */
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
/* Frees all but the first chunk; what was allocated is gone. */
void arena_reset(struct arena *a);

/* `len` zeroed bytes aligned for any type. */
void *arena_alloc(struct arena *a, size_t len);
/* Array of `n` items of `size` bytes, zeroed; dies on overflow. */
void *arena_array(struct arena *a, size_t n, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Copies, NUL-terminated behind their length. */
char *arena_strdup(struct arena *a, const char *z);
struct str arena_str(struct arena *a, struct str s);
char *arena_z(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* malloc family that dies instead of returning NULL. */
void *xmalloc(size_t len);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t len);
char *xstrdup(const char *z);
