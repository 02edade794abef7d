/* file: an input that sends the datagrams of files again and again, at a modest pace; for trying things out. */
#pragma once
#include "rx/udp.h"

struct rx_file;

/* The input's configuration must outlive it. */
struct rx_file *rx_file_start(const struct rx_input_conf *in, const struct rx_sink *sink, struct err *e);
void rx_file_stop(struct rx_file *f);
