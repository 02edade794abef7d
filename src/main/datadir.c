/* A folder with a mark of its format in it; locks are flock(2) on files beside. */
#include "main/datadir.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DATADIR_FORMAT = 1, FILE_MOST = 64 << 20 };

static void path_of(char *to, const char *dir, const char *name)
{
    snprintf(to, PATH_MAX, "%s/%s", dir, name);
}

bool datadir_read(const char *dir, const char *name, struct buf *out, struct err *e)
{
    char path[PATH_MAX];
    path_of(path, dir, name);
    return file_read(path, FILE_MOST, out, e);
}

bool datadir_write(const char *dir, const char *name, struct str text, struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    path_of(path, dir, name);
    if (!file_replace(path, text, e))
        return false;
    if (geteuid() != 0 || stat(dir, &st) != 0 || st.st_uid == 0)
        return true;
    return chown(path, st.st_uid, st.st_gid) == 0 || err_errno(e, "cannot give %s to its owner", path);
}

static bool is_empty(const char *dir)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    for (const struct dirent *entry; d && (entry = readdir(d));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (d)
        closedir(d);
    return d && n == 0;
}

bool datadir_open(const char *dir, struct err *e)
{
    struct stat st;
    struct buf text;
    bool fresh = stat(dir, &st) != 0;
    uint64_t version = 0;
    if (!file_make_dirs(dir, true, e))
        return err_wrap(e, "data directory (choose another with --data-dir)");
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(e, "data directory %s is not a folder; choose another with --data-dir", dir);
    if (access(dir, W_OK | X_OK) != 0)
        return err_errno(
            e, "data directory %s cannot be written (choose another with --data-dir, or change its owner)",
            dir);
    buf_init(&text, 0);
    bool known = datadir_read(dir, "format", &text, e);
    if (known && !str_u64(str_trim(buf_str(&text)), &version))
        err_set(e, "%s/format is damaged", dir);
    else if (known && version > DATADIR_FORMAT)
        err_set(e, "data directory %s was written by a newer weir (format %llu, this one knows %d)", dir,
                (unsigned long long)version, DATADIR_FORMAT);
    buf_fini(&text);
    if (e->msg[0])
        return false;
    /* a folder of somebody else's, such as /tmp, keeps its mode */
    if ((known || fresh || is_empty(dir)) && st.st_uid == geteuid())
        chmod(dir, 0700);
    return known || datadir_write(dir, "format", STR("1\n"), e);
}

bool datadir_known(const char *dir, struct err *e)
{
    struct buf text;
    uint64_t version;
    e->msg[0] = '\0';
    buf_init(&text, 0);
    bool known = datadir_read(dir, "format", &text, e) && str_u64(str_trim(buf_str(&text)), &version);
    buf_fini(&text);
    if (known || e->msg[0])
        return known;
    return err_set(e, "%s is no data directory of weir; --data-dir says where it is", dir);
}

bool datadir_claim(const char *dir, bool *made, struct err *e)
{
    struct stat st;
    *made = false;
    if (datadir_known(dir, e))
        return true;
    if (stat(dir, &st) == 0 && !is_empty(dir))
        return false;
    e->msg[0] = '\0';
    *made = datadir_open(dir, e);
    return *made;
}

/* The locked descriptor, or -1. */
static int lock_open(const char *dir, const char *name, struct err *e)
{
    char path[PATH_MAX + 32], pid[32] = "";
    snprintf(path, sizeof path, "%s/%s.lock", dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_errno(e, "cannot open %s", path);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    ssize_t n = read(fd, pid, sizeof pid - 1);
    close(fd);
    struct str holder = str_trim((struct str){pid, n > 0 ? (size_t)n : 0});
    err_set(e,
            "data directory %s is in use: %s runs there already%s%.*s; stop it first, or choose another with "
            "--data-dir",
            dir, name, holder.len ? " with pid " : "", STR_ARG(holder));
    return -1;
}

bool datadir_unlocked(const char *dir, const char *name, struct err *e)
{
    int fd = lock_open(dir, name, e);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool datadir_lock(const char *dir, const char *name, struct err *e)
{
    char pid[32];
    int fd = lock_open(dir, name, e);
    if (fd < 0)
        return false;
    int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, pid, (size_t)len) != len) {
        err_errno(e, "cannot write the lock of %s", dir);
        close(fd);
        return false;
    }
    return true; /* the descriptor stays open as long as the process lives */
}

const char *datadir_secret(const char *dir, const char *name, struct arena *a, struct err *e)
{
    static const char letters[] =
        "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"; /* 56: no 0O1l */
    struct buf text;
    buf_init(&text, 0);
    const char *secret = NULL;
    if (datadir_read(dir, name, &text, e)) {
        struct str s = str_trim(buf_str(&text));
        if (s.len >= 16)
            secret = arena_z(a, s);
        else
            err_set(e, "%s/%s is damaged; remove it and start again", dir, name);
    } else if (e->msg[0] == 0) {
        uint8_t random[32];
        if (getrandom(random, sizeof random, 0) != sizeof random) {
            err_errno(e, "cannot get random bytes");
        } else {
            for (size_t i = 0; i < sizeof random; i++)
                buf_u8(&text, (uint8_t)letters[random[i] % (sizeof letters - 1)]);
            secret = arena_z(a, buf_str(&text));
            buf_u8(&text, '\n');
            if (!datadir_write(dir, name, buf_str(&text), e))
                secret = NULL;
        }
    }
    buf_fini(&text);
    return secret;
}
