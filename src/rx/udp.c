/*
 * The loop: receive what is there (up to 64 datagrams a call), hand it on, again. When little is there, the thread naps
 * before the next call, for as long as the socket's buffer surely has room: a wake-up for each datagram costs three to
 * four times as much, what comes together is written together, and the kernel keeps the time of receipt.
 */
#include "rx/udp.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "rx/exporters.h"
#include "rx/udp_socket.h"
#include <errno.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLOT = (1 << 16) +
           33 * 64, /* not a power of two: all beginnings would share the same few lines of the cache */
    CONTROL = 128,
    NAP_MAX_NS = 4000000,
    NAP_BYTES_PER_NS = 2, /* of the buffer; 900,000 datagrams a second as the kernel keeps them */
    ROUNDS = 16,          /* full batches after which what was received is passed on for good */
    NAP_BELOW = RX_BATCH / 2,
    DRAIN_NS = 2000000000,
};

enum {
#define X(id, name, kind, help) id,
#include "rx/counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "rx/counters.def"
#undef X
};

struct worker {
    struct rx_udp *u;
    int fd;
    bool inherited;
    long nap_ns;
    uint32_t drops; /* the socket's own count when last seen */
    pthread_t thread;
    struct counters *counters;
    struct exporters *exporters;
    uint8_t *slab;
    struct mmsghdr msgs[RX_BATCH];
    struct iovec iov[RX_BATCH];
    struct sockaddr_storage from[RX_BATCH];
    uint8_t control[RX_BATCH][CONTROL];
    struct dgram dgrams[RX_BATCH];
};

struct rx_udp {
    const struct rx_input_conf *in;
    struct rx_sink sink;
    bool stop;
    unsigned n;
    struct worker *workers;
};

static void arm(struct worker *w)
{
    for (unsigned i = 0; i < RX_BATCH; i++) {
        w->iov[i] = (struct iovec){w->slab + (size_t)i * SLOT, DGRAM_MAX};
        w->msgs[i].msg_hdr = (struct msghdr){.msg_name = &w->from[i],
                                             .msg_namelen = sizeof w->from[i],
                                             .msg_iov = &w->iov[i],
                                             .msg_iovlen = 1,
                                             .msg_control = w->control[i],
                                             .msg_controllen = CONTROL};
    }
}

/* The kernel's receive time and drop counter, which travel beside the datagram. */
static void read_control(struct msghdr *h, uint64_t *rx_ns, uint32_t *drops)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            *rx_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(drops, CMSG_DATA(c), sizeof *drops);
        }
    }
}

static void hand_on(struct worker *w, unsigned n, bool more)
{
    const struct rx_input_conf *in = __atomic_load_n(&w->u->in, __ATOMIC_ACQUIRE);
    uint64_t bytes = 0, now = 0;
    uint32_t drops = w->drops;
    for (unsigned i = 0; i < n; i++) {
        struct msghdr *h = &w->msgs[i].msg_hdr;
        struct dgram *d = &w->dgrams[i];
        *d = (struct dgram){.decoder = (uint8_t)in->decoder,
                            .time = (uint8_t)in->time,
                            .decap = (uint8_t)in->decap,
                            .use_src = in->use_src,
                            .rate_limit = (uint32_t)in->rate_limit,
                            .data = w->slab + (size_t)i * SLOT,
                            .len = w->msgs[i].msg_len};
        d->src = ip_from_sockaddr((struct sockaddr *)&w->from[i], &d->src_port);
        read_control(h, &d->rx_ns, &drops);
        if (d->rx_ns == 0)
            d->rx_ns = now ? now : (now = clock_wall_ns());
        if (h->msg_flags & MSG_TRUNC)
            counter_add(w->counters, RX_TRUNCATED, 1);
        bytes += d->len;
        exporters_count(w->exporters, d->src, d->len);
        h->msg_namelen = sizeof w->from[i];
        h->msg_controllen = CONTROL;
    }
    counter_add(w->counters, RX_PACKETS, n);
    counter_add(w->counters, RX_BYTES, bytes);
    counter_add(w->counters, RX_BATCHES, 1);
    if (drops != w->drops) {
        counter_add(w->counters, RX_DROPPED, drops - w->drops);
        w->u->sink.dropped(w->u->sink.arg, drops - w->drops);
        w->drops = drops;
    }
    w->u->sink.take(w->u->sink.arg, w->dgrams, n, more);
}

static bool stopping(const struct worker *w)
{
    return __atomic_load_n(&w->u->stop, __ATOMIC_RELAXED);
}

/* At the end: what is in the socket already, unless the next inlet gets it. */
static void drain(struct worker *w)
{
    uint64_t until = clock_mono_ns() + DRAIN_NS;
    while (!w->inherited && clock_mono_ns() < until) {
        int n = recvmmsg(w->fd, w->msgs, RX_BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0)
            break;
        hand_on(w, (unsigned)n, false);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    bool more = false;
    for (unsigned round = 0; more || !stopping(w); round++) {
        int n = recvmmsg(w->fd, w->msgs, RX_BATCH, more ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
        if (n <= 0) {
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                counter_add(w->counters, RX_ERRORS, 1);
                nanosleep(&(struct timespec){0, 1000000}, NULL);
            }
            if (more)
                w->u->sink.take(w->u->sink.arg, w->dgrams, 0, false);
            more = false;
            continue;
        }
        more = n == RX_BATCH && round % ROUNDS != 0;
        hand_on(w, (unsigned)n, more);
        if (n < NAP_BELOW)
            nanosleep(&(struct timespec){0, w->nap_ns}, NULL);
    }
    drain(w);
    return NULL;
}

static bool get_sockets(struct rx_udp *u, struct err *e)
{
    int *fds = xcalloc(u->n, sizeof *fds);
    unsigned inherited = 0;
    for (unsigned i = 0; i < u->n; i++)
        inherited += (fds[i] = udp_socket_inherited(u->in, i)) >= 0;
    bool ok = inherited == u->n || udp_socket_open(u->in, fds, e);
    for (unsigned i = 0; ok && i < u->n; i++) {
        u->workers[i].fd = fds[i];
        u->workers[i].inherited = inherited == u->n;
    }
    free(fds);
    return ok;
}

/*
 * A handed-down socket's count goes on from where an inlet before this one left it: what it told must not be told again.
 * (What was dropped between the two is lost to the count.)
 */
static uint32_t drops_so_far(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

static void prepare(struct worker *w, unsigned number)
{
    char labels[256];
    int granted = 0;
    socklen_t len = sizeof granted;
    snprintf(labels, sizeof labels, "listener=\"%.180s\",worker=\"%u\"", w->u->in->listen, number);
    w->counters = counters_new(counter_defs, N_COUNTERS, labels);
    w->exporters = exporters_new(labels);
    getsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &granted, &len);
    counter_set(w->counters, RX_BUFFER, (uint64_t)granted);
    w->nap_ns = granted / NAP_BYTES_PER_NS > NAP_MAX_NS ? NAP_MAX_NS : granted / NAP_BYTES_PER_NS;
    w->drops = w->inherited ? drops_so_far(w->fd) : 0;
    /* only the pages that datagrams reach into ever become memory */
    w->slab = mmap(NULL, (size_t)RX_BATCH * SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    arm(w);
}

struct rx_udp *rx_udp_start(const struct rx_input_conf *in, const struct rx_sink *sink, struct err *e)
{
    struct rx_udp *u = xcalloc(1, sizeof *u);
    u->in = in;
    u->sink = *sink;
    u->n = (unsigned)in->workers;
    u->workers = xcalloc(u->n, sizeof *u->workers);
    for (unsigned i = 0; i < u->n; i++)
        u->workers[i].u = u;
    if (!get_sockets(u, e)) {
        free(u->workers);
        free(u);
        return NULL;
    }
    for (unsigned i = 0; i < u->n; i++) {
        prepare(&u->workers[i], i);
        thread_start(&u->workers[i].thread, run, &u->workers[i], "udp %u", i);
    }
    log_info("rx", "listening", "listen", in->listen, "workers", LOG_U64(u->n), "inherited",
             u->workers[0].inherited ? "yes" : "no", NULL);
    return u;
}

void rx_udp_stop(struct rx_udp *u)
{
    if (!u)
        return;
    __atomic_store_n(&u->stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < u->n; i++) {
        struct worker *w = &u->workers[i];
        pthread_join(w->thread, NULL);
        if (!w->inherited)
            close(w->fd);
        munmap(w->slab, (size_t)RX_BATCH * SLOT);
        counters_free(w->counters);
        exporters_free(w->exporters);
    }
    free(u->workers);
    free(u);
}

void rx_udp_change(struct rx_udp *u, const struct rx_input_conf *in)
{
    for (unsigned i = 0; i < u->n; i++)
        udp_socket_buffer(u->workers[i].fd, in->receive_buffer);
    __atomic_store_n(&u->in, in, __ATOMIC_RELEASE);
}

uint16_t rx_udp_port(const struct rx_udp *u)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    uint16_t port = 0;
    if (getsockname(u->workers[0].fd, (struct sockaddr *)&sa, &len) == 0)
        ip_from_sockaddr((struct sockaddr *)&sa, &port);
    return port;
}
