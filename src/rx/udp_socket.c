/* Options of a socket are set before it is bound, so that not one datagram arrives without them. */
#include "rx/udp_socket.h"
#include "base/ip.h"
#include "base/log.h"
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif

/* "host:port", "[v6]:port", ":port" */
static struct addrinfo *resolve(const char *listen, struct err *e)
{
    char host[256];
    snprintf(host, sizeof host, "%s", listen);
    char *port = strrchr(host, ':');
    if (!port) {
        err_set(e, "\"%s\" has no port", listen);
        return NULL;
    }
    *port++ = 0;
    char *name = host;
    if (name[0] == '[') {
        name++;
        name[strcspn(name, "]")] = 0;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    if (!name[0])
        hints.ai_family = AF_INET6; /* [::] takes both families */
    int rc = getaddrinfo(name[0] ? name : NULL, port, &hints, &found);
    if (rc != 0)
        err_set(e, "%s: %s", listen, gai_strerror(rc));
    return found;
}

void udp_socket_buffer(int fd, uint64_t want)
{
    static bool said;
    int v = want > INT32_MAX / 2 ? INT32_MAX / 2 : (int)want, got = 0;
    socklen_t len = sizeof got;
    if (want == 0)
        return;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &v, sizeof v) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof v);
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len);
    if (got / 2 >= v || said) /* the kernel doubles what it is asked for */
        return;
    said = true;
    char hint[96];
    snprintf(hint, sizeof hint, "sysctl -w net.core.rmem_max=%d", v);
    log_warn("rx", "the kernel grants a smaller receive buffer than asked for", "asked", LOG_U64(v),
             "granted", LOG_U64(got / 2), "hint", hint, NULL);
}

/*
 * Classic BPF, run by the kernel for each datagram: one exporter's datagrams all go to one socket, exporters spread over
 * them. Offset 0 is the UDP payload here; the IP header is reached through SKF_NET_OFF.
 */
static void steer(int fd, unsigned n)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 12)), /* IPv4 source */
        BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(SKF_NET_OFF + 12)), /* IPv6: second and last word of the source */
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 20)),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1u),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 8),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof prog) != 0)
        log_info("rx", "the kernel cannot steer exporters to sockets; it spreads them by address and port",
                 "error", strerror(errno), NULL);
}

static int open_one(const struct rx_input_conf *in, const struct sockaddr *sa, socklen_t len, bool share,
                    struct err *e)
{
    static const int on = 1, off = 0;
    struct timeval wake = {.tv_usec = 200000}; /* to look whether it is time to stop */
    int fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_errno(e, "socket");
        return -1;
    }
    if (sa->sa_family == AF_INET6) /* fails only where [::] cannot take IPv4: an IPv6-only host */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof wake);
    udp_socket_buffer(fd, in->receive_buffer);
    if (bind(fd, sa, len) == 0)
        return fd;
    if (errno == EADDRINUSE)
        err_set(e, "UDP port of %s is in use by another program; stop it, or change listen of this input",
                in->listen);
    else if (errno == EACCES)
        err_set(e, "no permission to listen on %s (ports below 1024 want root or CAP_NET_BIND_SERVICE)",
                in->listen);
    else
        err_errno(e, "cannot listen on %s", in->listen);
    close(fd);
    return -1;
}

static void close_all(int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
}

bool udp_socket_open(const struct rx_input_conf *in, int *fds, struct err *e)
{
    unsigned n = (unsigned)in->workers;
    struct addrinfo *to = resolve(in->listen, e);
    if (!to)
        return false;
    struct sockaddr_storage sa;
    socklen_t len = to->ai_addrlen;
    memcpy(&sa, to->ai_addr, len);
    freeaddrinfo(to);
    unsigned opened = 0;
    for (; opened < n; opened++) {
        fds[opened] = open_one(in, (struct sockaddr *)&sa, len, n > 1, e);
        if (fds[opened] < 0 && opened == 0 && sa.ss_family == AF_INET6 && in->listen[0] == ':') {
            /* no IPv6 on this host */
            struct sockaddr_in any = {.sin_family = AF_INET,
                                      .sin_port = ((struct sockaddr_in6 *)&sa)->sin6_port};
            memset(&sa, 0, sizeof sa);
            memcpy(&sa, &any, sizeof any);
            len = sizeof any;
            fds[0] = open_one(in, (struct sockaddr *)&sa, len, n > 1, e);
        }
        if (fds[opened] < 0)
            break;
        if (opened == 0 && n > 1) /* port 0: the others join the one that was found */
            getsockname(fds[0], (struct sockaddr *)&sa, &len);
    }
    if (opened < n) {
        close_all(fds, opened);
        return false;
    }
    if (n > 1)
        steer(fds[0], n);
    return true;
}

void udp_socket_env_add(struct buf *env, const struct rx_input_conf *in, const int *fds)
{
    for (unsigned i = 0; i < in->workers; i++)
        buf_printf(env, "%s%d=%s#%u", env->len ? " " : "", fds[i], in->listen, i);
}

static int from_run(const struct rx_input_conf *in, unsigned worker)
{
    const char *env = getenv(UDP_SOCKET_ENV);
    char want[300];
    snprintf(want, sizeof want, "%s#%u", in->listen, worker);
    struct str all = str_from(env), one, number;
    while (str_split(&all, ' ', &one)) {
        uint64_t fd;
        if (str_split(&one, '=', &number) && str_eq(one, str_from(want)) && str_u64(number, &fd))
            return (int)fd;
    }
    return -1;
}

/* systemd.socket: sockets from 3 on; the first that listens on the input's port is its first worker's. */
static int from_systemd(const struct rx_input_conf *in, unsigned worker)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *port = strrchr(in->listen, ':');
    if (!pid || !count || !port || atoi(pid) != getpid())
        return -1;
    unsigned met = 0;
    for (int fd = 3; fd < 3 + atoi(count); fd++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa;
        int type = 0;
        socklen_t type_len = sizeof type;
        uint16_t its;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_DGRAM ||
            getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
            continue;
        ip_from_sockaddr((struct sockaddr *)&sa, &its);
        if (its == atoi(port + 1) && met++ == worker)
            return fd;
    }
    return -1;
}

int udp_socket_inherited(const struct rx_input_conf *in, unsigned worker)
{
    int fd = from_run(in, worker);
    if (fd < 0)
        fd = from_systemd(in, worker);
    if (fd >= 0) {
        static const int on = 1;
        struct timeval wake = {.tv_usec = 200000};
        setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof wake);
        udp_socket_buffer(fd, in->receive_buffer);
    }
    return fd;
}
