/* Starts it, sends, stops it, and asks the kernel what it took. */
#include "main/bench/beside.h"
#include "base/str.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 32, START_MS = 700, END_MS = 500 };

extern char **environ;

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &len) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ntohs(a.sin_port) : 0;
}

/* How each is called; @d stands for its folder, @i for a file in it, @p for the port. */
static const struct {
    const char *suffix; /* of the program's name */
    const char *args[12];
} calls[] = {
    {"fcapd", {"-w", "@d", "-b", "127.0.0.1", "-p", "@p", "-t", "86400", "-B", "8000000"}},
    {"facctd",
     {"-L", "127.0.0.1", "-l", "@p", "-P", "memory", "-c", "src_host,dst_host,src_port,dst_port,proto", "-p",
      "@i"}},
};
enum { ARGS = sizeof calls[0].args / sizeof *calls[0].args };

static pid_t start(const char *program, const char *dir, uint16_t port)
{
    char text[ARGS + 1][64], *argv[ARGS + 2] = {text[0]};
    unsigned which = 0, n = 0;
    while (which + 1 < sizeof calls / sizeof *calls &&
           !str_ends(str_from(program), str_from(calls[which].suffix)))
        which++;
    snprintf(text[0], sizeof text[0], "%s", program);
    for (const char *arg; n < ARGS && (arg = calls[which].args[n]);) {
        char *to = text[++n];
        argv[n] = to;
        if (strcmp(arg, "@p") == 0)
            snprintf(to, sizeof text[0], "%u", port);
        else if (arg[0] == '@')
            snprintf(to, sizeof text[0], "%s%s", dir, arg[1] == 'i' ? "/imt" : "");
        else
            snprintf(to, sizeof text[0], "%s", arg);
    }
    posix_spawn_file_actions_t to;
    posix_spawn_file_actions_init(&to);
    posix_spawn_file_actions_addopen(&to, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&to, STDOUT_FILENO, STDERR_FILENO);
    pid_t pid;
    int rc = posix_spawnp(&pid, program, &to, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&to);
    return rc == 0 ? pid : 0;
}

/* In bursts that its socket has room for. */
static void send_all(uint16_t port, const struct dgram *d, size_t n, unsigned rounds)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (unsigned r = 0; fd >= 0 && r < rounds; r++)
        for (size_t i = 0; i < n; i++) {
            sendto(fd, d[i].data, d[i].len, 0, (struct sockaddr *)&a, sizeof a);
            if (i % AT_ONCE == AT_ONCE - 1)
                pause_ms(1);
        }
    if (fd >= 0)
        close(fd);
}

static void remove_folder(const char *dir)
{
    DIR *in = opendir(dir);
    for (struct dirent *e; in && (e = readdir(in));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(in), e->d_name, 0);
    if (in)
        closedir(in);
    rmdir(dir);
}

static uint64_t ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

/* It may wait for a datagram to see that it is to end. False: it did not, and was killed. */
static bool ended(pid_t pid, uint16_t port, struct rusage *used)
{
    enum { TRIES = 50, TRY_MS = 100 };
    const uint8_t nothing[4] = {0};
    const struct dgram d = {.data = nothing, .len = sizeof nothing};
    int status = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        kill(pid, SIGTERM);
        pause_ms(TRY_MS);
        if (wait4(pid, &status, WNOHANG, used) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        send_all(port, &d, 1, 1);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return false;
}

/* What the program took, and the processes it left behind, which become our children (PR_SET_CHILD_SUBREAPER). */
static uint64_t taken(pid_t pid, uint16_t port)
{
    struct rusage used = {0};
    int status = 0;
    if (!ended(pid, port, &used))
        return 0;
    uint64_t took = ns(used.ru_utime) + ns(used.ru_stime);
    pause_ms(END_MS);
    while (wait4(-1, &status, WNOHANG, &used) > 0)
        took += ns(used.ru_utime) + ns(used.ru_stime);
    return took;
}

/* CPU time of one life of the program; 0 when there was none. */
static uint64_t life(const char *program, const struct dgram *d, size_t n, unsigned rounds)
{
    char dir[] = "/tmp/weir-bench-XXXXXX";
    uint16_t port = free_port();
    if (!port || !mkdtemp(dir))
        return 0;
    pid_t pid = start(program, dir, port);
    uint64_t took = 0;
    if (pid) {
        pause_ms(START_MS);
        send_all(port, d, n, rounds);
        pause_ms(END_MS);
        took = taken(pid, port);
    }
    remove_folder(dir);
    return took;
}

uint64_t bench_beside(const char *program, const struct dgram *d, size_t n, unsigned rounds)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    uint64_t idle = life(program, d, 0, 0), busy = idle ? life(program, d, n, rounds) : 0;
    return busy > idle ? busy - idle : 0;
}
