/* landlock(7) by its three system calls; the C library has no wrappers for them. */
#include "store/embedded/confine.h"
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FIRST_ABI                                                                                            \
    (READ | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |     \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |           \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |             \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* what makes sense for a path that is no directory */
#define OF_FILES                                                                                             \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE |             \
     LANDLOCK_ACCESS_FS_TRUNCATE)

static bool allow(int rules, const char *path, uint64_t access, struct err *e)
{
    struct stat st;
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return true; /* not on this machine */
    bool directory = fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode);
    rule.allowed_access = directory ? access : access & OF_FILES;
    bool ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    if (!ok)
        err_errno(e, "landlock: %s", path);
    close(rule.parent_fd);
    return ok;
}

bool confine_files(const char *writable, const char *const *readable, struct err *e)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return err_errno(e, "this kernel offers no Landlock");
    uint64_t handled = FIRST_ABI;
    if (abi >= 2)
        handled |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        handled |= LANDLOCK_ACCESS_FS_TRUNCATE;
    struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    if (rules < 0)
        return err_errno(e, "landlock");
    bool ok = allow(rules, writable, handled & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE, e);
    for (; ok && *readable; readable++)
        ok = allow(rules, *readable, READ, e);
    ok = ok && allow(rules, "/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE, e);
    if (ok && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        ok = err_errno(e, "no_new_privs");
    if (ok && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        ok = err_errno(e, "landlock");
    close(rules);
    return ok;
}
