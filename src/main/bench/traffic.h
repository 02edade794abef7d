/*
 * bench_traffic: a process that sends a capture's datagrams over and over from several addresses of the loopback.
 *
 * The datagrams are those of a file, or made (zipf.c). The first one has the template, if there is one.
 */
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
    bool apart; /* each exporter begins somewhere else, behind the first datagram */
    struct bench_count *count;
};

/* `decoder`: enum dgram_decoder. */
bool bench_capture_read(struct bench_capture *c, const char *path, uint8_t decoder, struct err *e);
/* NetFlow v9 or sFlow with addresses, AS, ports and sizes by Zipf's law: see zipf.c. */
bool bench_capture_zipf(struct bench_capture *c, uint8_t decoder, struct err *e);
/* What makes datagrams adds them between these two; false at the end: there are none. */
void bench_capture_begin(struct bench_capture *c, uint8_t decoder);
void bench_capture_add(struct bench_capture *c, const uint8_t *data, uint32_t len);
bool bench_capture_end(struct bench_capture *c);
void bench_capture_free(struct bench_capture *c);

/* A UDP socket from 127.1.0.(i + 1) to `port` of the loopback, in a sending process: it ends when there is none. */
int bench_exporter_socket(unsigned i, uint16_t port);

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
/* Waits that long for its end; false: it is still sending. */
bool bench_sender_done(const struct bench_sender *s, int milliseconds);
/* Waits for its end. */
struct bench_sent bench_sender_wait(struct bench_sender *s);
