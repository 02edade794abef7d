/* Option tables of the inputs. */
#include "rx/rx_conf.h"
#include "net/http_listen.h"
#include "schema/dgram.h"
#include <stdio.h>
#include <string.h>

static const struct opt_choice types[] = {{"udp", RX_UDP, "datagrams from the network"},
                                          {"file", RX_FILE, "datagrams from files, for tests"},
                                          {NULL}};
static const struct opt_choice decoders[] = {{"netflow", DECODER_NETFLOW, "NetFlow v1, v5, v7, v9 and IPFIX"},
                                             {"sflow", DECODER_SFLOW, "sFlow v2, v4 and v5"},
                                             {NULL}};
static const struct opt_choice times[] = {
    {"input", TIME_INPUT, "when it was received"},
    {"udp", TIME_INPUT, "the same as input"},
    {"netflow-packet", TIME_NETFLOW_PACKET, "the packet's own time"},
    {"netflow-first-switched", TIME_NETFLOW_FIRST_SWITCHED, "the flow's start"},
    {NULL}};
static const struct opt_choice decaps[] = {{"none", DECAP_NONE, ""},  {"ipip", DECAP_IPIP, ""},
                                           {"gre", DECAP_GRE, ""},    {"vxlan", DECAP_VXLAN, ""},
                                           {"srv6", DECAP_SRV6, ""},  {"geneve", DECAP_GENEVE, ""},
                                           {"gtp-u", DECAP_GTPU, ""}, {NULL}};

#define INPUT(field) OPT_AT(struct rx_input_conf, field)
static const struct opt input_rows[] = {
    {"type", OPT_ENUM, INPUT(type), "udp", "Where datagrams come from.", .choices = types,
     .flags = OPT_REQUIRED},
    {"decoder", OPT_ENUM, INPUT(decoder), NULL, "What they are.", .choices = decoders, .flags = OPT_REQUIRED},
    {"listen", OPT_STRING, INPUT(listen), ":0", "Address and port; `:2055` means all addresses.",
     .only = "udp"},
    {"workers", OPT_UINT, INPUT(workers), "1", "Sockets that share the port, each with a thread.", 1, 256,
     .only = "udp"},
    {"receive-buffer", OPT_SIZE, INPUT(receive_buffer), "16MiB",
     "Receive buffer of each socket; 0: what the kernel gives.", .unit = "bytes", .only = "udp",
     .max = 1 << 30},
    {"queue-size", OPT_UINT, 0, .help = "the inlet has no queue; see receive-buffer", .flags = OPT_OLD,
     .only = "udp"},
    {"paths", OPT_LIST, INPUT(paths), NULL, "Files to read again and again.", .item = OPT_STRING,
     .only = "file", .flags = OPT_REQUIRED},
    {"max-flows", OPT_UINT, INPUT(max_flows), "0", "Stop after so many; 0: never.", .only = "file"},
    {"use-src-addr-for-exporter-addr", OPT_BOOL, INPUT(use_src), "false",
     "Take the datagram's source address as the exporter's, whatever it says itself."},
    {"timestamp-source", OPT_ENUM, INPUT(time), "input", "Where a flow's time comes from.", .choices = times},
    {"decapsulation-protocol", OPT_ENUM, INPUT(decap), "none",
     "Count the packet inside of this tunnel; other packets are dropped and counted.", .choices = decaps},
    {"rate-limit", OPT_UINT, INPUT(rate_limit), "0",
     "Flows per second and exporter; the sampling rate makes up for what is left out. 0: no limit.",
     .max = UINT32_MAX},
};

static bool input_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct rx_input_conf *in = conf;
    *bad_key = "listen";
    if (in->type == RX_UDP && !http_listen_check(in->listen, e))
        return false;
    *bad_key = "timestamp-source";
    if (in->decoder == DECODER_SFLOW && in->time != TIME_INPUT)
        return err_set(e, "sFlow has no other time than the input's");
    return true;
}
static const struct opt_table input_table =
    OPT_TABLE("input", struct rx_input_conf, input_rows, .check = input_check);

static const struct opt rx_rows[] = {
    {"inputs", OPT_LIST, OPT_AT(struct rx_conf, inputs),
     "[{type: udp, decoder: netflow, listen: ':2055'}, {type: udp, decoder: netflow, listen: ':4739'}, "
     "{type: udp, decoder: sflow, listen: ':6343'}]",
     "Where flows come in.", .item = OPT_STRUCT, .sub = &input_table, .flags = OPT_RELOAD},
    {"workers", OPT_UINT, 0, .help = "workers of each input", .flags = OPT_OLD},
};
const struct opt_table rx_table = OPT_TABLE("flow", struct rx_conf, rx_rows);
