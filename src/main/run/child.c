/*
 * Starting, reaping and stopping. A child dies with its supervisor (PR_SET_PDEATHSIG), whatever kills that: SIGKILL, since
 * every role is built to survive it and a new `weir run` must find the directory free at once.
 */
#include "base/clock.h"
#include "base/log.h"
#include "main/role.h"
#include "main/run/run.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS_NS 1000000ull
#define SECOND_NS 1000000000ull

enum { STOP_PATIENCE_S = 12, STEADY_S = 60, GIVE_UP = 4 };

/* Those of the highest stage are stopped first, all of one stage together. */
static const int stage[ROLE_COUNT] = {[ROLE_ORCHESTRATOR] = 0, [ROLE_STORE] = 1,   [ROLE_INLET] = 2,
                                      [ROLE_OUTLET] = 2,       [ROLE_CONSOLE] = 3, [ROLE_DEMO] = 3};

/* Between fork and exec: only calls that are safe there. */
static void become(const struct run_child *c, pid_t parent, const char *program)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* a group of its own: Ctrl-C is for the supervisor, which stops the roles in order */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before prctl */
        _exit(1);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    for (size_t i = 0; i < c->n_fds; i++)
        fcntl(c->fds[i], F_SETFD, 0);
    if (c->words >= 0)
        fcntl(c->words, F_SETFD, 0);
    execve(program, c->argv, c->env);
    _exit(127);
}

/*
 * Every role is this same program. A build with AddressSanitizer cannot load the store's library: WEIR_STORE_PROGRAM then
 * names an ordinary build for that role.
 */
static const char *program_of(const struct run_child *c)
{
    const char *store = c->role == ROLE_STORE ? getenv("WEIR_STORE_PROGRAM") : NULL;
    return store && *store ? store : "/proc/self/exe";
}

bool run_child_start(struct run *r, struct run_child *c, struct err *e)
{
    const char *program = program_of(c);
    if (c->words >= 0 && ftruncate(c->words, 0) != 0)
        return err_errno(e, "cannot start %s", c->name);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return err_errno(e, "cannot start %s", c->name);
    if (pid == 0)
        become(c, parent, program);
    c->pid = pid;
    c->up = false;
    c->told_ns = 0;
    c->started_ns = clock_mono_ns();
    return true;
}

static struct run_child *child_of(struct run *r, pid_t pid)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].pid == pid)
            return &r->children[i];
    return NULL;
}

static void why_text(const struct run_child *c, int status, char *to, size_t len)
{
    char words[ROLE_LAST_WORDS_MAX];
    ssize_t n = c->words >= 0 ? pread(c->words, words, sizeof words, 0) : 0;
    if (WIFSIGNALED(status))
        snprintf(to, len, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (n > 0)
        snprintf(to, len, "does not start: %.*s", (int)n, words);
    else
        snprintf(to, len, "ended with status %d", WEXITSTATUS(status));
}

/* 0.2 s, doubling up to 30 s for one that cannot stay up. */
static void plan_again(struct run *r, struct run_child *c, int status)
{
    char why[ROLE_LAST_WORDS_MAX + 64];
    uint64_t now = clock_mono_ns(), lived = now - c->started_ns;
    c->failures = lived > STEADY_S * SECOND_NS ? 0 : c->failures + 1;
    unsigned shift = c->failures > 8 ? 8 : c->failures;
    uint64_t wait = (100 * MS_NS) << shift;
    if (wait > 30 * SECOND_NS)
        wait = 30 * SECOND_NS;
    if (c->failures == 0)
        wait = 100 * MS_NS;
    c->again_ns = now + wait;
    why_text(c, status, why, sizeof why);
    if (r->stopping || !c->wanted)
        return;
    run_say("%s %s; starting it again in %.1f s", c->name, why, (double)wait / 1e9);
    /* never came up in all these attempts: more will not help */
    if (!c->once_up && c->failures >= GIVE_UP && !r->said_ready) {
        run_say("weir cannot run without %s, which %s", c->name, why);
        r->stopping = true;
        r->status = 1;
    }
}

void run_children_reap(struct run *r)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct run_child *c = child_of(r, pid);
        if (!c)
            continue;
        c->pid = 0;
        c->up = false;
        plan_again(r, c, status);
    }
}

static bool role_up(const struct run *r, enum config_role role)
{
    bool any = false;
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].role == role) {
            any = true;
            if (r->children[i].once_up)
                return true;
        }
    return !any; /* what is not there is not waited for */
}

/* Has what it needs been up once? Later, roles get on without each other for a while. */
static bool ready_to_start(const struct run *r, const struct run_child *c)
{
    /* these three at once: the store takes longest, and both ask for their configuration until it is there */
    if (c->role == ROLE_ORCHESTRATOR || c->role == ROLE_INLET || c->role == ROLE_STORE)
        return true;
    if (!role_up(r, ROLE_ORCHESTRATOR))
        return false;
    if (c->role == ROLE_OUTLET || c->role == ROLE_CONSOLE)
        return role_up(r, ROLE_STORE);
    return c->role != ROLE_DEMO || (role_up(r, ROLE_INLET) && role_up(r, ROLE_OUTLET));
}

static void stop_one(struct run_child *c, uint64_t now)
{
    if (c->told_ns == 0) {
        c->told_ns = now;
        kill(c->pid, SIGTERM);
    } else if (now - c->told_ns > STOP_PATIENCE_S * SECOND_NS) {
        run_say("%s does not stop; killing it", c->name);
        c->told_ns = now;
        kill(c->pid, SIGKILL);
    }
}

static void stop_step(struct run *r, uint64_t now)
{
    int highest = -1;
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].pid && stage[r->children[i].role] > highest)
            highest = stage[r->children[i].role];
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].pid && stage[r->children[i].role] == highest)
            stop_one(&r->children[i], now);
}

void run_children_step(struct run *r)
{
    struct err e;
    uint64_t now = clock_mono_ns();
    if (r->stopping) {
        stop_step(r, now);
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        struct run_child *c = &r->children[i];
        if (c->pid && !c->wanted)
            stop_one(c, now);
        else if (!c->pid && c->wanted && now >= c->again_ns && ready_to_start(r, c) &&
                 !run_child_start(r, c, &e)) {
            run_say("%s", e.msg);
            c->again_ns = now + 5 * SECOND_NS;
        }
    }
}

void run_children_kill(struct run *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->children[i].pid)
            kill(r->children[i].pid, SIGKILL);
}

size_t run_children_alive(const struct run *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->children[i].pid != 0;
    return n;
}
