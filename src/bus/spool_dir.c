/* Files that are replaced go through a temporary name, are synced, and renamed. */
#include "bus/spool_dir.h"
#include "base/arena.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FORMAT "weir spool 1 partitions "
#define COMMIT_MAGIC "weircmt1"

static bool make_dir(const char *path, struct err *e)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST || err_errno(e, "cannot create %s", path);
}

static bool replace_file(const char *path, struct str data, struct err *e)
{
    char tmp[SPOOL_PATH_MAX + 8];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "cannot write %s", tmp);
    bool ok = true;
    for (size_t at = 0; ok && at < data.len;) {
        ssize_t n = write(fd, data.p + at, data.len - at);
        if (n < 0 && errno != EINTR)
            ok = err_errno(e, "cannot write %s", tmp);
        else if (n > 0)
            at += (size_t)n;
    }
    if (ok && fdatasync(fd) != 0)
        ok = err_errno(e, "cannot write %s", tmp);
    close(fd);
    if (ok && rename(tmp, path) != 0)
        ok = err_errno(e, "cannot replace %s", path);
    if (!ok)
        unlink(tmp);
    return ok;
}

bool spool_read_file(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "cannot read %s", path);
    char part[65536];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0)
        buf_add(out, part, (size_t)n);
    close(fd);
    return n == 0 || err_errno(e, "cannot read %s", path);
}

unsigned spool_dir_partitions(const char *dir, struct err *e)
{
    char path[SPOOL_PATH_MAX];
    snprintf(path, sizeof path, "%s/format", dir);
    struct buf text;
    buf_init(&text, 4096);
    uint64_t n = 0;
    if (spool_read_file(path, &text, e)) {
        struct str s = str_trim(buf_str(&text)), head = STR(FORMAT);
        bool ok = str_starts(s, head) && str_u64((struct str){s.p + head.len, s.len - head.len}, &n);
        if (!ok || n == 0 || n > SPOOL_PARTITIONS_MAX) {
            err_set(e, "%s is not of this version of the spool", path);
            n = 0;
        }
    }
    buf_fini(&text);
    return (unsigned)n;
}

bool spool_dir_make(const char *dir, unsigned partitions, struct err *e)
{
    char path[SPOOL_PATH_MAX], text[64];
    if (!make_dir(dir, e))
        return false;
    for (unsigned p = 0; p < partitions; p++) {
        snprintf(path, sizeof path, "%s/%u", dir, p);
        if (!make_dir(path, e))
            return false;
    }
    snprintf(path, sizeof path, "%s/format", dir);
    if (access(path, F_OK) != 0) {
        snprintf(text, sizeof text, FORMAT "%u\n", partitions);
        return replace_file(path, str_from(text), e);
    }
    unsigned had = spool_dir_partitions(dir, e);
    if (had != 0 && had != partitions)
        return err_set(
            e,
            "%s has %u partitions, not %u: an exporter's state lives in its partition, so the number cannot "
            "change; set it back, or start with an empty directory once the outlet has read everything",
            dir, had, partitions);
    return had != 0;
}

void spool_segment_path(char *path, const char *dir, unsigned partition, uint64_t base)
{
    snprintf(path, SPOOL_PATH_MAX, "%s/%u/%020llu.seg", dir, partition, (unsigned long long)base);
}

static int by_base(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

bool spool_segments_list(struct spool_segments *s, const char *dir, unsigned partition, struct err *e)
{
    *s = (struct spool_segments){0};
    char path[SPOOL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%u", dir, partition);
    DIR *d = opendir(path);
    if (!d)
        return err_errno(e, "cannot list %s", path);
    for (struct dirent *f; (f = readdir(d));) {
        uint64_t base;
        struct str name = str_from(f->d_name);
        if (!str_ends(name, STR(".seg")) || !str_u64((struct str){name.p, name.len - 4}, &base))
            continue;
        s->bases = xrealloc(s->bases, (s->n + 1) * sizeof *s->bases);
        s->bases[s->n++] = base;
    }
    closedir(d);
    if (s->n)
        qsort(s->bases, s->n, sizeof *s->bases, by_base);
    return true;
}

void spool_segments_free(struct spool_segments *s)
{
    free(s->bases);
    *s = (struct spool_segments){0};
}

bool spool_commit_write(const char *dir, unsigned partition, uint64_t offset, struct str checkpoint,
                        struct err *e)
{
    char path[SPOOL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%u/commit", dir, partition);
    struct buf b;
    buf_init(&b, 0);
    buf_z(&b, COMMIT_MAGIC);
    buf_le64(&b, offset);
    buf_str_add(&b, checkpoint);
    buf_le64(&b, XXH3_64bits(b.p, b.len));
    bool ok = replace_file(path, buf_str(&b), e);
    buf_fini(&b);
    return ok;
}

bool spool_commit_read(const char *dir, unsigned partition, uint64_t *offset, struct buf *checkpoint,
                       struct err *e)
{
    enum { HEAD = 16, TAIL = 8 };
    char path[SPOOL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%u/commit", dir, partition);
    *offset = 0;
    buf_reset(checkpoint);
    struct buf b;
    buf_init(&b, 0);
    bool ok = spool_read_file(path, &b, e);
    if (!ok && errno == ENOENT) {
        buf_fini(&b);
        return true;
    }
    if (ok) {
        uint64_t check = 0;
        ok = b.len >= HEAD + TAIL && memcmp(b.p, COMMIT_MAGIC, 8) == 0;
        if (ok)
            memcpy(&check, b.p + b.len - TAIL, TAIL);
        if (!ok || XXH3_64bits(b.p, b.len - TAIL) != check)
            ok = err_set(e, "%s is damaged", path);
    }
    if (ok) {
        memcpy(offset, b.p + 8, 8);
        buf_add(checkpoint, b.p + HEAD, b.len - HEAD - TAIL);
    }
    buf_fini(&b);
    return ok;
}

/* The last of n words at the beginning of a partition's small file; 0 when there are fewer. */
static uint64_t last_word(const char *dir, unsigned partition, const char *name, size_t n)
{
    char path[SPOOL_PATH_MAX + 32];
    uint64_t word[2] = {0};
    snprintf(path, sizeof path, "%s/%u/%s", dir, partition, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, word, n * sizeof *word);
    if (fd >= 0)
        close(fd);
    return got == (ssize_t)(n * sizeof *word) ? word[n - 1] : 0;
}

uint64_t spool_committed(const char *dir, unsigned partition)
{
    return last_word(dir, partition, "commit", 2);
}

uint64_t spool_mark(const char *dir, unsigned partition)
{
    return last_word(dir, partition, "read", 1);
}

bool spool_mark_write(const char *dir, unsigned partition, uint64_t offset, struct err *e)
{
    char path[SPOOL_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%u/read", dir, partition);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && pwrite(fd, &offset, sizeof offset, 0) == (ssize_t)sizeof offset;
    if (!ok)
        err_errno(e, "cannot write %s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}
