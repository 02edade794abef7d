/* bench_traffic: a process that sends a capture's datagrams over and over from several addresses of the loopback. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bench_capture {
    struct bench_payload {
        uint8_t *data;
        uint32_t len, flows; /* flows it holds, found by decoding it */
    } * rows;
    size_t n;
};

/* `decoder`: enum dgram_decoder. The first datagram has the template, if there is one. */
bool bench_capture_read(struct bench_capture *c, const char *path, uint8_t decoder, struct err *e);
void bench_capture_free(struct bench_capture *c);

struct bench_sent {
    uint64_t datagrams, flows;
};

struct bench_sender {
    pid_t pid;
    int from;
};

/* At `rate` datagrams a second, `total` of them. */
bool bench_sender_start(struct bench_sender *s, const struct bench_capture *c, uint16_t port,
                        unsigned exporters, uint64_t rate, uint64_t total);
/* Waits for its end. */
struct bench_sent bench_sender_wait(struct bench_sender *s);
