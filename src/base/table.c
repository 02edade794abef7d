/* Lengths are rounded to whole huge pages, so that the kernel can give them; what is not touched costs nothing. */
#include "base/table.h"
#include "base/arena.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t whole(size_t len)
{
    return (len + TABLE_HUGE - 1) / TABLE_HUGE * TABLE_HUGE;
}

static void *map(size_t len)
{
    char *p = mmap(NULL, len + TABLE_HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "weir: out of memory (%zu bytes)\n", len);
        abort();
    }
    size_t before = (TABLE_HUGE - (uintptr_t)p % TABLE_HUGE) % TABLE_HUGE;
    if (before)
        munmap(p, before);
    munmap(p + before + len, TABLE_HUGE - before);
    madvise(p + before, len, MADV_HUGEPAGE);
    return p + before;
}

/* To an aligned place of `len` bytes; the pages themselves stay what they are. */
static void *move(void *p, size_t had, size_t len)
{
    if (had == len)
        return p;
    if (len < had) {
        munmap((char *)p + len, had - len);
        return p;
    }
    void *to = map(len);
    /*
     * To its new length at once: what is moved and what is added would stay two mappings, and kernels before Linux 6.17 move
     * one only. When it fails, the place may be gone.
     */
    if (mremap(p, had, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
        munmap(to, len);
        to = map(len);
        memcpy(to, p, had);
        munmap(p, had);
    }
    return to;
}

void *table_resize(void *p, size_t had, size_t len)
{
    bool was = p && had >= TABLE_HUGE, is = len >= TABLE_HUGE;
    if (was && is)
        return move(p, whole(had), whole(len));
    if (!was && !is)
        return xrealloc(p, len);
    void *to = is ? map(whole(len)) : xmalloc(len);
    if (p)
        memcpy(to, p, had < len ? had : len);
    table_free(p, had);
    return to;
}

void table_free(void *p, size_t len)
{
    if (p && len >= TABLE_HUGE)
        munmap(p, whole(len));
    else
        free(p);
}

void *table_zeroed(size_t len)
{
    return len >= TABLE_HUGE ? map(whole(len)) : xcalloc(1, len);
}
