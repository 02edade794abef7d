/*
 * traffic: which flows an exporter of the demo sees in a given second; a pure function of configuration, seed and second.
 *
 * One thread per struct traffic. Strangers to each other's seconds: any second can be asked for in any order, which is
 * what lets the past be filled in later and come out the same.
 */
#pragma once
#include "base/buf.h"
#include "demo/demo_conf.h"

struct demo_flow {
    struct ip src, dst;
    uint64_t bytes, packets;
    uint32_t in_if, out_if, src_as, dst_as;
    uint16_t src_port, dst_port;
    uint8_t proto, src_mask, dst_mask, tcp_flags;
    bool v4;
};

struct traffic;

struct traffic *traffic_new(const struct demo_flows_conf *conf);
void traffic_free(struct traffic *t);
/* Flows of wall second `s`, one in `thinning` of them; the array is valid until the next call. */
const struct demo_flow *traffic_second(struct traffic *t, uint64_t s, uint64_t thinning, size_t *n);
