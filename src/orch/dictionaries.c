/* The registries are tables of the program (data/), which become text when asked for. */
#include "orch/dictionaries.h"
#include <stdlib.h>

static const struct protocol {
    unsigned number;
    const char *name, *description;
} protocols[] = {
#define PROTOCOL(number, name, description) {number, name, description},
#include "orch/data/protocols.def"
};

static const struct icmp {
    unsigned protocol, type, code;
    const char *name;
} icmps[] = {
#define ICMP(protocol, type, code, name) {protocol, type, code, name},
#include "orch/data/icmp.def"
};

struct named {
    unsigned number;
    const char *name;
};
#define PORT(number, name) {number, name},
static const struct named tcp[] = {
#include "orch/data/tcp.def"
};
static const struct named udp[] = {
#include "orch/data/udp.def"
};
#define ASN(number, name) {number, name},
static const struct named asns_known[] = {
#include "orch/data/asns.def"
};

static void text(struct buf *out, const char *z)
{
    buf_u8(out, '"');
    for (; *z; z++) {
        if (*z == '"')
            buf_u8(out, '"');
        buf_u8(out, (uint8_t)*z);
    }
    buf_u8(out, '"');
}

static void row(struct buf *out, unsigned number, const char *name)
{
    buf_printf(out, "%u,", number);
    text(out, name);
    buf_u8(out, '\n');
}

static void ports(struct buf *out, const struct named *p, size_t n)
{
    buf_z(out, "port,name\n");
    for (size_t i = 0; i < n; i++)
        row(out, p[i].number, p[i].name);
}

static void protocols_csv(struct buf *out)
{
    buf_z(out, "proto,name,description\n");
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        buf_printf(out, "%u,", protocols[i].number);
        text(out, protocols[i].name);
        buf_u8(out, ',');
        text(out, protocols[i].description);
        buf_u8(out, '\n');
    }
}

static void icmp_csv(struct buf *out)
{
    buf_z(out, "proto,type,code,name\n");
    for (size_t i = 0; i < sizeof icmps / sizeof *icmps; i++) {
        buf_printf(out, "%u,%u,", icmps[i].protocol, icmps[i].type);
        row(out, icmps[i].code, icmps[i].name);
    }
}

/* Configured ones first: of two rows with one number, those written here first are the only ones. */
static void asns_csv(const struct opt_map *more, struct buf *out)
{
    size_t n = more ? more->n : 0;
    buf_z(out, "asn,name\n");
    for (size_t i = 0; i < n; i++)
        row(out, (unsigned)strtoul(more->keys[i], NULL, 10), ((const char **)more->items)[i]);
    for (size_t k = 0; k < sizeof asns_known / sizeof *asns_known; k++) {
        bool overridden = false;
        for (size_t i = 0; i < n && !overridden; i++)
            overridden = strtoul(more->keys[i], NULL, 10) == asns_known[k].number;
        if (!overridden)
            row(out, asns_known[k].number, asns_known[k].name);
    }
}

bool dictionaries_csv(struct str name, const struct opt_map *asns, struct buf *out)
{
    if (str_eq(name, STR("asns")))
        asns_csv(asns, out);
    else if (str_eq(name, STR("protocols")))
        protocols_csv(out);
    else if (str_eq(name, STR("icmp")))
        icmp_csv(out);
    else if (str_eq(name, STR("tcp")))
        ports(out, tcp, sizeof tcp / sizeof *tcp);
    else if (str_eq(name, STR("udp")))
        ports(out, udp, sizeof udp / sizeof *udp);
    else
        return false;
    return true;
}
