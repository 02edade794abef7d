/*
 * A second process sends datagrams from many addresses over the loopback at a set rate; this one is an inlet with a
 * spool on disk. Its whole CPU time counts: receiving, appending, ticks, syncing.
 */
#include "base/clock.h"
#include "base/log.h"
#include "bus/spool.h"
#include "main/bench/bench.h"
#include "main/bench/traffic.h"
#include "main/inlet.h"
#include "rx/udp.h"
#include "schema/dgram.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { EXPORTERS = 64, BURST = 8, LEN_MAX = 9000 };

struct plan {
    uint64_t rate, seconds, len;
};

/* The sending process: bursts of a few datagrams from each exporter in turn, as many as are due. */
static uint64_t send_all(const struct plan *p, uint16_t port)
{
    static uint8_t data[BURST][LEN_MAX];
    int fds[EXPORTERS];
    struct mmsghdr msgs[BURST] = {0};
    struct iovec iov[BURST];
    for (unsigned i = 0; i < EXPORTERS; i++)
        fds[i] = bench_exporter_socket(i, port);
    for (unsigned i = 0; i < BURST; i++) {
        memset(data[i], (int)i, p->len);
        iov[i] = (struct iovec){data[i], p->len};
        msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    uint64_t start = clock_mono_ns(), sent = 0, total = p->rate * p->seconds;
    for (unsigned i = 0; sent < total; i = (i + 1) % EXPORTERS) {
        while (sent > (clock_mono_ns() - start) / 1000 * p->rate / 1000000)
            nanosleep(&(struct timespec){0, 200000}, NULL);
        int n = sendmmsg(fds[i], msgs, BURST, 0);
        sent += n > 0 ? (unsigned)n : 0;
    }
    return sent;
}

static pid_t start_sender(const struct plan *p, int *to, int *from)
{
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        uint16_t port;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "sender");
        if (read(down[0], &port, sizeof port) == sizeof port) {
            uint64_t sent = send_all(p, port);
            if (write(up[1], &sent, sizeof sent) != sizeof sent)
                _exit(1);
        }
        _exit(0);
    }
    close(down[0]);
    close(up[1]);
    *to = down[1];
    *from = up[0];
    return pid;
}

/* A third process, as an outlet that keeps up: twice a second it commits all there is. */
static pid_t start_reader(const char *dir)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct err e;
    char spool[4200];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "reader");
    snprintf(spool, sizeof spool, "%s/spool", dir);
    struct bus_reader *r = spool_reader_new(spool, 5000, &e);
    for (;; nanosleep(&(struct timespec){0, 500000000}, NULL))
        for (unsigned i = 0; r && i < r->partitions; i++) {
            struct bus_lag lag;
            r->lag(r, i, &lag);
            r->commit(r, i, lag.end, (struct str){"", 0}, &e);
        }
}

struct course {
    uint64_t sent, received, cpu_ns;
};

/* Has everything sent to `port` and waits until no more of it is received. */
static bool run_course(struct course *c, uint16_t port, int to, int from, uint64_t (*received)(void *),
                       void *arg)
{
    uint64_t cpu = clock_cpu_ns();
    bool ok = write(to, &port, sizeof port) == sizeof port &&
              read(from, &c->sent, sizeof c->sent) == sizeof c->sent;
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        nanosleep(&(struct timespec){0, 100000000}, NULL);
        uint64_t n = received(arg);
        if (n != c->received)
            quiet = 0;
        c->received = n;
    }
    c->cpu_ns = (clock_cpu_ns() - cpu) / (c->received ? c->received : 1);
    close(to);
    close(from);
    return ok;
}

static void count(void *arg, struct dgram *d, size_t n, bool more)
{
    __atomic_fetch_add((uint64_t *)arg, n, __ATOMIC_RELAXED);
}

static void ignore(void *arg, uint64_t n)
{
}

static uint64_t counted(void *arg)
{
    return __atomic_load_n((uint64_t *)arg, __ATOMIC_RELAXED);
}

/* What receiving alone costs here and now: the floor of the other number. */
static bool receive_only(const struct plan *p, const struct rx_input_conf *input)
{
    int to, from;
    struct err e;
    uint64_t n = 0;
    struct course c = {0};
    struct rx_sink sink = {count, ignore, &n};
    pid_t pid = start_sender(p, &to, &from);
    struct rx_udp *u = pid < 0 ? NULL : rx_udp_start(input, &sink, &e);
    bool ok = u && run_course(&c, rx_udp_port(u), to, from, counted, &n);
    rx_udp_stop(u);
    waitpid(pid, NULL, 0);
    if (ok)
        bench_print("inlet_receive_ns_per_datagram", (double)c.cpu_ns, "ns");
    return ok;
}

static uint64_t taken(void *arg)
{
    struct inlet_totals t;
    inlet_totals(arg, &t);
    return t.datagrams;
}

static bool whole_inlet(const struct plan *p, const struct config_inlet *conf, const char *dir)
{
    int to, from;
    struct err e = {"no sending process"};
    struct course c = {0};
    struct inlet_totals t = {0};
    pid_t pid = start_sender(p, &to, &from), reader = start_reader(dir);
    struct inlet *in = pid < 0 ? NULL : inlet_new(conf, dir, &e);
    bool ok = in && run_course(&c, inlet_port(in), to, from, taken, in);
    if (in)
        inlet_totals(in, &t);
    else
        fprintf(stderr, "weir bench: %s\n", e.msg);
    inlet_free(in);
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
    waitpid(pid, NULL, 0);
    if (!ok)
        return false;
    bench_print("inlet_ns_per_datagram", (double)c.cpu_ns, "ns");
    bench_print("inlet_rate", (double)p->rate, "datagrams/s");
    bench_print("inlet_datagram_len", (double)p->len, "bytes");
    bench_print("inlet_sent", (double)c.sent, "datagrams");
    bench_print("inlet_received", (double)c.received, "datagrams");
    bench_print("inlet_kernel_drops", (double)(c.sent - c.received), "datagrams");
    bench_print("inlet_shed", (double)t.shed, "datagrams");
    return true;
}

int bench_inlet(int argc, char **argv)
{
    struct plan p = {.rate = bench_number(argc, argv, "rate", 150000),
                     .seconds = bench_number(argc, argv, "seconds", 5),
                     .len = bench_number(argc, argv, "len", 1400)};
    struct rx_input_conf input = {.type = RX_UDP,
                                  .decoder = DECODER_NETFLOW,
                                  .listen = "127.0.0.1:0",
                                  .workers = 1,
                                  .receive_buffer = bench_number(argc, argv, "buffer", 32 << 20)};
    struct config_inlet conf = {.flow.inputs = {1, &input},
                                .bus = {.type = BUS_SPOOL,
                                        .dir = "",
                                        .partitions = 8,
                                        .max_size = (uint64_t)2 << 30,
                                        .segment_size = bench_number(argc, argv, "segment", 16 << 20)}};
    char dir[4096], clean[4200];
    snprintf(dir, sizeof dir, "%s/weir-bench-XXXXXX", bench_text(argc, argv, "dir", "/tmp"));
    if (p.len == 0 || p.len > LEN_MAX || p.rate == 0 || !mkdtemp(dir)) {
        fprintf(stderr, "weir bench: --len is 1 to %d, --rate at least 1, --dir a folder to write in\n",
                LEN_MAX);
        return 2;
    }
    log_setup("bench", LOG_ERROR, false);
    int rc = receive_only(&p, &input) && whole_inlet(&p, &conf, dir) ? 0 : 1;
    snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
    return system(clean) == 0 ? rc : 1;
}
