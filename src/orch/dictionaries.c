/* The registries are tables of the program (data/), which become text when asked for. */
#include "orch/dictionaries.h"
#include "orch/asns.h"
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

/* Of several names of one number the first counts. */
static void asns_csv(const struct dictionaries_asns *more, struct buf *out)
{
    struct asns t;
    struct err e;
    asns_init(&t);
    for (size_t i = 0; more->configured && i < more->configured->n; i++)
        asns_add(&t, (uint32_t)strtoul(more->configured->keys[i], NULL, 10),
                 str_from(((const char **)more->configured->items)[i]));
    asns_read(&t, more->updated, false, &e);
    asns_add_built_in(&t);
    asns_write(&t, true, out);
    asns_fini(&t);
}

bool dictionaries_csv(struct str name, const struct dictionaries_asns *asns, struct buf *out)
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
