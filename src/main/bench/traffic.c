/* Bursts of a few datagrams from each exporter in turn, as many as are due. */
#include "main/bench/traffic.h"
#include "base/arena.h"
#include "base/clock.h"
#include "decode/decode.h"
#include "rx/pcap.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { BURST = 8, EXPORTERS_MAX = 256 };

static void full(struct batch_sink *s)
{
    batch_reset(s->batch);
}

/* Finds how many flows a datagram holds. */
struct bench_count {
    struct schema schema;
    struct decoder_state *state;
    struct batch *batch;
    uint8_t decoder;
    size_t room;
};

void bench_capture_begin(struct bench_capture *c, uint8_t decoder)
{
    struct bench_count *count = xcalloc(1, sizeof *count);
    schema_default(&count->schema);
    count->state = decoder_state_new(&count->schema, NULL);
    count->batch = batch_new();
    count->decoder = decoder;
    *c = (struct bench_capture){.count = count};
}

void bench_capture_add(struct bench_capture *c, const uint8_t *data, uint32_t len)
{
    struct bench_count *count = c->count;
    struct decode_stats stats = {0};
    struct batch_sink sink = {count->batch, full};
    struct dgram d = {.data = data, .len = len, .decoder = count->decoder};
    batch_reset(count->batch);
    decode_dgram(count->state, &d, &sink, &stats);
    if (c->n == count->room) {
        count->room = count->room ? count->room * 2 : 512;
        c->rows = xrealloc(c->rows, count->room * sizeof *c->rows);
    }
    c->rows[c->n] = (struct bench_payload){xmalloc(len), len, (uint32_t)stats.flows};
    memcpy(c->rows[c->n++].data, data, len);
}

bool bench_capture_end(struct bench_capture *c)
{
    batch_free(c->count->batch);
    decoder_state_free(c->count->state);
    free(c->count);
    c->count = NULL;
    return c->n > 0;
}

bool bench_capture_read(struct bench_capture *c, const char *path, uint8_t decoder, struct err *e)
{
    struct pcap *p = pcap_open(path, e);
    *c = (struct bench_capture){0};
    if (!p)
        return false;
    struct dgram d = {0};
    uint16_t port;
    bench_capture_begin(c, decoder);
    while (pcap_next(p, &d, &port))
        bench_capture_add(c, d.data, d.len);
    pcap_close(p);
    return bench_capture_end(c) || err_set(e, "%s: no datagrams", path);
}

void bench_capture_free(struct bench_capture *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->rows[i].data);
    free(c->rows);
}

int bench_exporter_socket(unsigned i, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000 + i + 1)},
                       to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("weir bench: sending socket");
        _exit(1);
    }
    return fd;
}

static struct bench_sent send_all(const struct bench_capture *c, uint16_t port, unsigned exporters,
                                  uint64_t rate, uint64_t total)
{
    int fds[EXPORTERS_MAX];
    size_t at[EXPORTERS_MAX] = {0};
    struct bench_sent sent = {0};
    for (unsigned i = 0; i < exporters; i++)
        fds[i] = bench_exporter_socket(i, port);
    uint64_t start = clock_mono_ns();
    for (unsigned i = 0; sent.datagrams < total; i = (i + 1) % exporters) {
        struct mmsghdr msgs[BURST] = {0};
        struct iovec iov[BURST];
        unsigned n = total - sent.datagrams < BURST ? (unsigned)(total - sent.datagrams) : BURST;
        for (unsigned k = 0; k < n; k++) {
            const struct bench_payload *p = &c->rows[(at[i] + k) % c->n];
            iov[k] = (struct iovec){p->data, p->len};
            msgs[k].msg_hdr = (struct msghdr){.msg_iov = &iov[k], .msg_iovlen = 1};
        }
        while (sent.datagrams > (clock_mono_ns() - start) / 1000 * rate / 1000000)
            nanosleep(&(struct timespec){0, 200000}, NULL);
        int took = sendmmsg(fds[i], msgs, n, 0);
        for (int k = 0; k < took; k++)
            sent.flows += c->rows[(at[i] + (unsigned)k) % c->n].flows;
        if (c->apart && at[i] == 0 && took > 0)
            at[i] = c->n / exporters * i;
        at[i] += took > 0 ? (unsigned)took : 0;
        sent.datagrams += took > 0 ? (unsigned)took : 0;
    }
    return sent;
}

bool bench_sender_start(struct bench_sender *s, const struct bench_capture *c, uint16_t port,
                        unsigned exporters, uint64_t rate, uint64_t total)
{
    int up[2];
    exporters = exporters > EXPORTERS_MAX ? EXPORTERS_MAX : exporters;
    if (pipe(up) != 0 || (s->pid = fork()) < 0)
        return false;
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "sender");
        struct bench_sent sent = send_all(c, port, exporters, rate, total);
        _exit(write(up[1], &sent, sizeof sent) == sizeof sent ? 0 : 1);
    }
    close(up[1]);
    s->from = up[0];
    return true;
}

bool bench_sender_done(const struct bench_sender *s, int milliseconds)
{
    struct pollfd p = {.fd = s->from, .events = POLLIN};
    return poll(&p, 1, milliseconds) != 0;
}

struct bench_sent bench_sender_wait(struct bench_sender *s)
{
    struct bench_sent sent = {0};
    if (read(s->from, &sent, sizeof sent) != sizeof sent)
        sent = (struct bench_sent){0};
    close(s->from);
    waitpid(s->pid, NULL, 0);
    return sent;
}
