/* A thread that reads the files in turn; datagrams are received now, whatever time the capture says. */
#include "rx/file.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "rx/pcap.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { PER_SECOND = 1000 };

struct rx_file {
    const struct rx_input_conf *in;
    struct rx_sink sink;
    bool stop;
    pthread_t thread;
};

static bool done(const struct rx_file *f, uint64_t sent)
{
    return __atomic_load_n(&f->stop, __ATOMIC_RELAXED) || (f->in->max_flows && sent >= f->in->max_flows);
}

/* One pass over a file; how many datagrams it gave. */
static uint64_t send_file(struct rx_file *f, const char *path, uint64_t sent)
{
    struct err e;
    struct pcap *p = pcap_open(path, &e);
    if (!p) {
        log_warn("rx", "file input", "error", e.msg, NULL);
        return 0;
    }
    struct dgram d;
    uint16_t port;
    uint64_t n = 0;
    while (!done(f, sent + n) && pcap_next(p, &d, &port)) {
        d.decoder = (uint8_t)f->in->decoder;
        d.time = (uint8_t)f->in->time;
        d.decap = (uint8_t)f->in->decap;
        d.use_src = f->in->use_src;
        d.rate_limit = (uint32_t)f->in->rate_limit;
        d.rx_ns = clock_wall_ns();
        f->sink.take(f->sink.arg, &d, 1, false);
        n++;
        nanosleep(&(struct timespec){0, 1000000000 / PER_SECOND}, NULL);
    }
    pcap_close(p);
    return n;
}

static void *run(void *arg)
{
    struct rx_file *f = arg;
    for (uint64_t sent = 0; !done(f, sent);) {
        uint64_t before = sent;
        for (size_t i = 0; i < f->in->paths.n && !done(f, sent); i++)
            sent += send_file(f, *OPT_ITEM(f->in->paths, const char *, i), sent);
        if (sent == before)
            nanosleep(&(struct timespec){1, 0}, NULL); /* nothing in them (yet) */
    }
    return NULL;
}

struct rx_file *rx_file_start(const struct rx_input_conf *in, const struct rx_sink *sink, struct err *e)
{
    for (size_t i = 0; i < in->paths.n; i++) {
        const char *path = *OPT_ITEM(in->paths, const char *, i);
        if (access(path, R_OK) != 0) {
            err_errno(e, "cannot read %s", path);
            return NULL;
        }
    }
    struct rx_file *f = xcalloc(1, sizeof *f);
    f->in = in;
    f->sink = *sink;
    thread_start(&f->thread, run, f, "file");
    return f;
}

void rx_file_stop(struct rx_file *f)
{
    if (!f)
        return;
    __atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
    pthread_join(f->thread, NULL);
    free(f);
}
