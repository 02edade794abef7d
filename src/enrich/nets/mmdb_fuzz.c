/* Any bytes as an MMDB file: opened, walked, all of its data read. */
#include "enrich/nets/mmdb.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct mmdb m;
    struct err e;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (len && mmdb_open(&m, path, &e)) {
        for (int v4 = 0; v4 < 2; v4++) {
            struct mmdb_walk w;
            struct prefix p, before = {0};
            struct mmdb_fields f;
            uint32_t at;
            mmdb_walk_init(&w, &m, v4);
            for (unsigned n = 0; mmdb_walk_next(&w, &p, &at); n++, before = p) {
                if (p.len > 128 || (n && memcmp(before.ip.b, p.ip.b, 16) >= 0))
                    abort();
                mmdb_read(&m, at, &f);
            }
        }
        mmdb_close(&m);
    }
    close(fd);
    return 0;
}
