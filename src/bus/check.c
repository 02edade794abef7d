/* The library's own XXH3 uses the registers that every x86-64 has; with AVX2 the same sum costs half. */
#include "bus/check.h"
#include <xxhash.h>

uint32_t check_plain(const void *p, size_t len)
{
    return (uint32_t)XXH3_64bits(p, len);
}

uint32_t check_of(const void *p, size_t len)
{
#ifdef __x86_64__
    static int wide; /* 0: not known yet; whoever finds out writes the same */
    if (__builtin_expect(wide == 0, 0))
        __atomic_store_n(&wide, __builtin_cpu_supports("avx2") ? 1 : -1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&wide, __ATOMIC_RELAXED) > 0)
        return check_wide(p, len);
#endif
    return check_plain(p, len);
}
