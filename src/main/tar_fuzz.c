/* Any bytes as an archive: what is found lies within them, at a block's start, and its name has the ending. */
#include "main/tar.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* in memory of its own size, so that a read beyond it is seen */
    char *copy = malloc(len ? len : 1);
    struct str file = {0};
    struct err e = {0};
    if (len)
        memcpy(copy, data, len);
    if (tar_find((struct str){copy, len}, ".mmdb", &file, &e)) {
        size_t at = (size_t)(file.p - copy);
        if (at % 512 || at < 512 || at > len || file.len > len - at ||
            !memmem(copy + at - 512, 100, ".mmdb", 5))
            abort();
    } else if (!e.msg[0])
        abort();
    free(copy);
    return 0;
}
