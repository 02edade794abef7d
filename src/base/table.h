/*
 * table: memory of arrays that grow large and are looked into at random.
 *
 * As xrealloc, but from TABLE_HUGE on memory comes from the kernel, in huge pages where it has them: growing copies
 * nothing, the first touch of 2 MiB costs one page fault instead of 512, and look-ups find their pages' addresses in the
 * TLB. Who owns the array says how long it is. Any thread, one at a time.
 */
#pragma once
#include <stddef.h>

enum { TABLE_HUGE = 2 << 20 }; /* bytes of a huge page */

/* `p` is NULL or has `had` bytes, of which the first are kept. Never NULL: dies instead. */
void *table_resize(void *p, size_t had, size_t len);
void table_free(void *p, size_t len);
/* `len` bytes, all zero. */
void *table_zeroed(size_t len);
