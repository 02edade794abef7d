/* Three words of shared memory; each is whole by itself, together they may be a moment apart. */
#include "bus/spool_tail.h"
#include "bus/spool_dir.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct spool_tail *spool_tail_open(const char *dir, unsigned partition, bool write, struct err *e)
{
    char path[SPOOL_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%u/tail", dir, partition);
    int fd = open(path, (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_errno(e, "cannot open %s", path);
        return NULL;
    }
    void *p = MAP_FAILED;
    if (!write || ftruncate(fd, sizeof(struct spool_tail)) == 0)
        p = mmap(NULL, sizeof(struct spool_tail), PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        err_errno(e, "cannot map %s", path);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

void spool_tail_close(struct spool_tail *t)
{
    if (t)
        munmap(t, sizeof *t);
}

void spool_tail_set(struct spool_tail *t, uint64_t offset, uint64_t seq, uint64_t second)
{
    __atomic_store_n(&t->seq, seq, __ATOMIC_RELAXED);
    if (second)
        __atomic_store_n(&t->second, second, __ATOMIC_RELAXED);
    __atomic_store_n(&t->offset, offset, __ATOMIC_RELEASE);
}

struct spool_tail spool_tail_get(const struct spool_tail *t)
{
    uint64_t offset = __atomic_load_n(&t->offset, __ATOMIC_ACQUIRE);
    return (struct spool_tail){offset, __atomic_load_n(&t->seq, __ATOMIC_RELAXED),
                               __atomic_load_n(&t->second, __ATOMIC_RELAXED)};
}
