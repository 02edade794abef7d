/*
 * inlet: inputs -> bus, and a tick a second; what role inlet runs, and `weir bench inlet` measures.
 *
 * One control thread calls these; receive threads and the tick's are its own.
 */
#pragma once
#include "main/config.h"

struct inlet;

/* Inputs keep pointers into the configuration. */
struct inlet *inlet_new(const struct config_inlet *conf, const char *data_dir, struct err *e);
/* Inputs change to those of `conf`; false leaves all as it was. */
bool inlet_reload(struct inlet *in, const struct config_inlet *conf, struct err *e);
/* What the sockets hold is received, but for sockets that were handed down. */
void inlet_free(struct inlet *in);

struct inlet_totals {
    uint64_t datagrams, bytes, shed, dropped; /* dropped: by the kernel */
};
void inlet_totals(const struct inlet *in, struct inlet_totals *t);
/* Port of the input that was started last. */
uint16_t inlet_port(const struct inlet *in);
