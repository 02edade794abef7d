/* Chunks that double up to a bound; the bump pointer lives in the newest. */
#include "base/arena.h"
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CHUNK = 4096, LAST_CHUNK = 1 << 20 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t len;
    alignas(max_align_t) char data[];
};

static _Noreturn void die(size_t len)
{
    fprintf(stderr, "weir: out of memory (%zu bytes)\n", len);
    abort();
}

void *xmalloc(size_t len)
{
    void *p = malloc(len ? len : 1);
    if (!p)
        die(len);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        die(n * size);
    return p;
}

void *xrealloc(void *p, size_t len)
{
    p = realloc(p, len ? len : 1);
    if (!p)
        die(len);
    return p;
}

char *xstrdup(const char *z)
{
    size_t len = strlen(z) + 1;
    return memcpy(xmalloc(len), z, len);
}

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_fini(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *older; c; c = older) {
        older = c->older;
        free(c);
    }
    arena_init(a);
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *c = a->chunks;
    while (c && c->older) {
        struct arena_chunk *older = c->older;
        a->total -= c->len;
        free(c);
        c = older;
    }
    a->chunks = c;
    if (c) {
        a->at = c->data;
        a->end = c->data + c->len;
    }
}

static void grow(struct arena *a, size_t len)
{
    size_t want = a->total < FIRST_CHUNK ? FIRST_CHUNK : a->total > LAST_CHUNK ? LAST_CHUNK : a->total;
    if (want < len)
        want = len;
    struct arena_chunk *c = xmalloc(sizeof *c + want);
    c->len = want;
    c->older = a->chunks;
    a->chunks = c;
    a->at = c->data;
    a->end = c->data + want;
    a->total += want;
}

void *arena_alloc(struct arena *a, size_t len)
{
    const size_t align = alignof(max_align_t);
    if (len > SIZE_MAX / 2)
        die(len);
    size_t need = (len + align - 1) & ~(align - 1);
    if (!a->at || (size_t)(a->end - a->at) < need)
        grow(a, need);
    void *p = a->at;
    a->at += need;
    memset(p, 0, need);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t len;
    if (__builtin_mul_overflow(n, size, &len))
        die(SIZE_MAX);
    return arena_alloc(a, len);
}

char *arena_z(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(p, s.p, s.len);
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){arena_z(a, s), s.len};
}

char *arena_strdup(struct arena *a, const char *z)
{
    return arena_z(a, str_from(z));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
    if (n > 0)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
