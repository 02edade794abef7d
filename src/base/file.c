/* A file is replaced by way of a temporary name in its folder, which is synced and renamed. */
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536 };

bool file_make_dirs(const char *path, bool last, struct err *e)
{
    char p[PATH_MAX];
    if (snprintf(p, sizeof p, "%s", path) >= (int)sizeof p)
        return err_set(e, "%s: the path is too long", path);
    for (char *slash = p + 1;; slash++) {
        slash = strchr(slash, '/');
        if (!slash && !last)
            return true;
        if (slash)
            *slash = 0;
        if (mkdir(p, 0700) != 0 && errno != EEXIST)
            return err_errno(e, "cannot make folder %s", p);
        if (!slash)
            return true;
        *slash = '/';
    }
}

static bool write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.p, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text.p += n;
        text.len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

bool file_replace(const char *path, struct str text, struct err *e)
{
    char temporary[PATH_MAX + 16];
    if (!file_make_dirs(path, false, e))
        return false;
    snprintf(temporary, sizeof temporary, "%s.%d.new", path, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "cannot write %s", temporary);
    bool ok = write_all(fd, text) || err_errno(e, "cannot write %s", temporary);
    close(fd);
    if (ok && rename(temporary, path) != 0)
        ok = err_errno(e, "cannot rename %s", temporary);
    if (!ok)
        unlink(temporary);
    return ok;
}

bool file_read(const char *path, size_t most, struct buf *out, struct err *e)
{
    e->msg[0] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? false : err_errno(e, "cannot read %s", path);
    size_t got = 0;
    ssize_t n;
    do {
        buf_reserve(out, PIECE);
        n = read(fd, out->p + out->len, PIECE);
        if (n > 0) {
            out->len += (size_t)n;
            got += (size_t)n;
        }
    } while ((n > 0 && got <= most) || (n < 0 && errno == EINTR));
    if (n < 0)
        err_errno(e, "cannot read %s", path);
    else if (got > most)
        err_set(e, "%s is larger than %zu bytes", path, most);
    close(fd);
    return n >= 0 && got <= most;
}
