/* The same sum with 256-bit registers; a file of its own, since all of the header must be compiled for them. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#define XXH_VECTOR 2 /* XXH_AVX2 */
#include "bus/check.h"
#include <xxhash.h>

uint32_t check_wide(const void *p, size_t len)
{
    return (uint32_t)XXH3_64bits(p, len);
}
#else
#include "bus/check.h"

uint32_t check_wide(const void *p, size_t len)
{
    return check_plain(p, len);
}
#endif
