/* getaddrinfo in front of socket, bind, listen. */
#include "net/http_listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256 };

static bool split(const char *listen, char *host, size_t room, const char **port)
{
    const char *colon = strrchr(listen, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    size_t n = (size_t)(colon - listen);
    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    } else if (memchr(listen, ':', n)) {
        return false;
    }
    if (n >= room)
        return false;
    memcpy(host, listen, n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

/* A name, or an address of the family that its look says. */
static bool is_host(const char *host, bool brackets)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    struct in6_addr v6;
    struct in_addr v4;
    if (brackets) /* a zone, as in fe80::1%eth0, is known to the machine only */
        return strchr(host, '%') || inet_pton(AF_INET6, host, &v6) == 1;
    if (host[0] && strspn(host, "0123456789.") == strlen(host))
        return inet_pton(AF_INET, host, &v4) == 1;
    return strspn(host, name) == strlen(host);
}

bool http_listen_check(const char *listen, struct err *e)
{
    char host[256];
    const char *port;
    if (!split(listen, host, sizeof host, &port))
        return err_set(e, "wants ADDRESS:PORT, [IPV6]:PORT or :PORT, not \"%s\"", listen);
    if (!is_host(host, listen[0] == '['))
        return err_set(e, "\"%s\" is no address and no name", host);
    if (strlen(port) > 5 || atoi(port) > 65535)
        return err_set(e, "port %s is above 65535", port);
    return true;
}

bool http_listen_is_local(const char *listen)
{
    char host[256];
    const char *port;
    return split(listen, host, sizeof host, &port) &&
           (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0);
}

static int open_one(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
        return 0;
    return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
                                          : ((struct sockaddr_in *)&ss)->sin_port);
}

static int open_first(const char *host, const char *port, struct err *e)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *all;
    int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &all), fd = -1;
    if (rc != 0) {
        err_set(e, "%s: %s", host, gai_strerror(rc));
        errno = EINVAL;
        return -1;
    }
    errno = 0;
    /* [::] takes both families; where it cannot be had, 0.0.0.0 is next */
    for (int want_v6 = 1; want_v6 >= 0 && fd < 0; want_v6--)
        for (const struct addrinfo *ai = all; ai && fd < 0; ai = ai->ai_next)
            if ((ai->ai_family == AF_INET6) == want_v6 && (host[0] || want_v6 || errno != EADDRINUSE))
                fd = open_one(ai);
    int saved = errno;
    freeaddrinfo(all);
    errno = saved;
    return fd;
}

int http_listen(const char *what, const char *listen, uint16_t *port, struct err *e)
{
    char host[256];
    const char *service;
    if (!http_listen_check(listen, e) || !split(listen, host, sizeof host, &service)) {
        errno = EINVAL;
        return -1;
    }
    e->msg[0] = '\0';
    int fd = open_first(host, service, e);
    if (fd >= 0) {
        *port = bound_port(fd);
        return fd;
    }
    int why = errno;
    if (e->msg[0] != '\0')
        err_wrap(e, "%s on %s", what, listen);
    else if (errno == EADDRINUSE)
        err_set(e,
                "%s on %s: another program has this port (ss -ltnp 'sport = :%s' names it); stop it or "
                "change the "
                "address",
                what, listen, service);
    else
        err_errno(e, "%s on %s", what, listen);
    errno = why;
    return -1;
}
