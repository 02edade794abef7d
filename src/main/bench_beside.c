/* Starts it, sends, stops it, and asks the kernel what it took. */
#include "main/bench_beside.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static pid_t start(const char *program, const char *dir, uint16_t port)
{
    char number[16], room[] = "8000000", rotation[] = "86400", address[] = "127.0.0.1";
    char name[64], folder[64], w[] = "-w", b[] = "-b", p[] = "-p", t[] = "-t", big[] = "-B";
    snprintf(number, sizeof number, "%u", port);
    snprintf(name, sizeof name, "%s", program);
    snprintf(folder, sizeof folder, "%s", dir);
    char *argv[] = {name, w, folder, b, address, p, number, t, rotation, big, room, NULL};
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
        struct rusage used = {0};
        int status = 0;
        pause_ms(START_MS);
        send_all(port, d, n, rounds);
        pause_ms(END_MS);
        kill(pid, SIGTERM);
        if (wait4(pid, &status, 0, &used) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            took = ns(used.ru_utime) + ns(used.ru_stime);
    }
    remove_folder(dir);
    return took;
}

uint64_t bench_beside(const char *program, const struct dgram *d, size_t n, unsigned rounds)
{
    uint64_t idle = life(program, d, 0, 0), busy = idle ? life(program, d, n, rounds) : 0;
    return busy > idle ? busy - idle : 0;
}
