/*
 * encode: the demo's flows as datagrams of NetFlow v9, IPFIX or sFlow v5, as a router would send them.
 *
 * One thread per struct encoder; it keeps sequence numbers and remembers when templates were last sent.
 */
#pragma once
#include "demo/traffic.h"

struct encoder;
/* Takes one finished datagram; false stops encoding. */
typedef bool encoder_send(void *arg, const uint8_t *data, size_t len);

struct encoder_conf {
    enum demo_format format;
    uint32_t domain;        /* observation domain, source id or sub-agent */
    uint32_t sampling_rate; /* to announce */
    struct ip agent;        /* sFlow's agent address */
};

struct encoder *encoder_new(const struct encoder_conf *conf, encoder_send *send, void *arg);
void encoder_free(struct encoder *e);
/* Flows of wall second `s`; templates and the sampling rate go first when they are due. */
bool encoder_flows(struct encoder *e, uint64_t s, const struct demo_flow *f, size_t n);
