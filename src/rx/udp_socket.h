/*
 * udp_socket: the sockets of UDP inputs, opened here by whoever is to own them.
 *
 * `weir run` opens them and hands them down, so that what waits in the kernel's buffer survives an inlet's restart; an
 * inlet alone opens its own, or takes those of systemd (LISTEN_FDS).
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "rx/rx_conf.h"

/* Bound, steered, with timestamps, drop counter and receive buffer set; one for each worker of the input. */
bool udp_socket_open(const struct rx_input_conf *in, int *fds, struct err *e);

/* What `weir run` puts into the inlet's environment: "5=:2055#0 6=:2055#1". */
#define UDP_SOCKET_ENV "WEIR_SOCKETS"
void udp_socket_env_add(struct buf *env, const struct rx_input_conf *in, const int *fds);
/* The handed-down socket of this worker, from UDP_SOCKET_ENV or LISTEN_FDS; -1: none. */
int udp_socket_inherited(const struct rx_input_conf *in, unsigned worker);
/* Asks for a receive buffer of so many bytes; says once when the kernel grants less. 0: leaves it as it is. */
void udp_socket_buffer(int fd, uint64_t want);
