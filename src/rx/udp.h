/*
 * udp: receives datagrams of a UDP input, one thread per socket, and hands them on in batches.
 *
 * The batch's bytes are the thread's slab: valid until take() returns. take() is called by several threads.
 */
#pragma once
#include "base/err.h"
#include "rx/rx_conf.h"
#include "schema/dgram.h"

enum { RX_BATCH = 64 };

struct rx_sink {
    /* `more`: the next call follows at once. */
    void (*take)(void *arg, struct dgram *d, size_t n, bool more);
    /* The kernel dropped n more datagrams at a socket since the last call. */
    void (*dropped)(void *arg, uint64_t n);
    void *arg;
};

struct rx_udp;

/* The input's configuration must outlive it. */
struct rx_udp *rx_udp_start(const struct rx_input_conf *in, const struct rx_sink *sink, struct err *e);
/* What the sockets still hold is received first, for up to 2 s; inherited sockets keep the rest for the next inlet. */
void rx_udp_stop(struct rx_udp *u);
/* Other settings for the same sockets (listen and workers must be as they were); not one datagram is lost. */
void rx_udp_change(struct rx_udp *u, const struct rx_input_conf *in);
/* Port of the first socket (of interest when it was 0). */
uint16_t rx_udp_port(const struct rx_udp *u);
