/* rx_conf: section inlet.flow. Constant once loaded. */
#pragma once
#include "conf/opt.h"

enum rx_input_type { RX_UDP, RX_FILE };

struct rx_input_conf {
    int type;                /* enum rx_input_type */
    int decoder;             /* enum dgram_decoder */
    int time;                /* enum dgram_time */
    int decap;               /* enum dgram_decap */
    bool use_src;            /* use-src-addr-for-exporter-addr */
    uint64_t rate_limit;     /* flows per second and exporter; 0: none */
    const char *listen;      /* udp */
    uint64_t workers;        /* udp: sockets and threads */
    uint64_t receive_buffer; /* udp: bytes asked for; 0: the kernel's default */
    struct opt_list paths;   /* file */
    uint64_t max_flows;      /* file: datagrams to send; 0: for ever */
};

struct rx_conf {
    struct opt_list inputs; /* struct rx_input_conf */
};
extern const struct opt_table rx_table;
