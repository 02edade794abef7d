/*
 * Counter samples are no flows, but an agent names itself and its interfaces by them every few seconds: a host that runs
 * hsflowd is named without SNMP. The counters themselves are read over.
 */
#include "decode/sflow.h"
#include <stdio.h>

enum {
    IF_COUNTERS = 1,
    PORT_NAME = 1005,
    HOST_DESCRIPTION = 2000,
    HOST_ADAPTERS = 2001,
    ADAPTERS_MAX = 1024, /* of one record */
    MACS_MAX = 64,       /* of one adapter */
    IF_COUNTERS_REST = 88 - 16,
};

static void tell(struct decoding *x, struct learnt *l, struct ip exporter)
{
    l->exporter = exporter;
    l->second = x->rx_s;
    x->st->learnt->tell(x->st->learnt, l);
}

void sflow_if_counters(struct learnt *l, struct cursor *c)
{
    l->if_index = cursor_be32(c);
    cursor_skip(c, 4); /* ifType */
    l->if_speed_bps = cursor_be64(c);
    cursor_skip(c, IF_COUNTERS_REST);
}

static const char *name_of(uint32_t i, const char *const *names, unsigned n)
{
    return i < n ? names[i] : "";
}

/* "sFlow Host Structures" (sflow.org, July 2010), host_descr */
static void host_description(struct decoding *x, struct cursor *c, struct ip exporter)
{
    static const char *const machines[] = {"",        "",     "x86",  "x86_64", "ia64", "SPARC", "Alpha",
                                           "PowerPC", "M68K", "MIPS", "ARM",    "HPPA", "S390"};
    static const char *const systems[] = {"",        "",    "Linux",     "Windows", "Darwin",
                                          "HP-UX",   "AIX", "DragonFly", "FreeBSD", "NetBSD",
                                          "OpenBSD", "OSF", "Solaris"};
    char name[LEARNT_TEXT], release[LEARNT_TEXT], description[LEARNT_TEXT];
    struct str host = sflow_string(c);
    cursor_skip(c, 16); /* UUID */
    uint32_t machine = cursor_be32(c), system = cursor_be32(c);
    struct str version = learnt_text(sflow_string(c), release);
    struct learnt l = {.sys_name = learnt_text(host, name)};
    int n = snprintf(description, sizeof description, "%s %.*s %s",
                     name_of(system, systems, sizeof systems / sizeof *systems), (int)version.len, version.p,
                     name_of(machine, machines, sizeof machines / sizeof *machines));
    if (!c->bad)
        l.sys_description = str_trim(
            (struct str){description, (size_t)n < sizeof description ? (size_t)n : sizeof description - 1});
    if (l.sys_name.len)
        tell(x, &l, exporter);
}

/* host_adapters: each with the addresses it has, of which the first counts */
static void host_adapters(struct decoding *x, struct cursor *c, struct ip exporter)
{
    uint32_t n = cursor_be32(c);
    for (uint32_t i = 0; i < n && i < ADAPTERS_MAX && !c->bad; i++) {
        struct learnt l = {.if_index = cursor_be32(c)};
        uint32_t macs = cursor_be32(c);
        for (uint32_t k = 0; k < macs && !c->bad; k++) {
            const uint8_t *p = k < MACS_MAX ? cursor_bytes(c, 8) : NULL; /* six bytes and padding */
            c->bad |= !p;
            if (p && k == 0)
                l.if_mac = (uint64_t)load_be16(p) << 32 | load_be32(p + 2);
        }
        if (l.if_index && l.if_mac)
            tell(x, &l, exporter);
    }
}

void sflow_counters(struct decoding *x, struct cursor *c, struct ip exporter, uint32_t if_index)
{
    struct learnt l = {.if_index = if_index};
    char name[LEARNT_TEXT];
    x->stats->counter_samples++;
    if (!x->st->learnt)
        return;
    for (uint32_t n = cursor_be32(c); n > 0 && !c->bad; n--) {
        uint32_t format = cursor_be32(c), len = cursor_be32(c);
        struct cursor record = cursor_sub(c, len);
        if (format == IF_COUNTERS && !record.bad)
            sflow_if_counters(&l, &record);
        else if (format == PORT_NAME)
            l.if_name = learnt_text(sflow_string(&record), name);
        else if (format == HOST_DESCRIPTION)
            host_description(x, &record, exporter);
        else if (format == HOST_ADAPTERS)
            host_adapters(x, &record, exporter);
    }
    if (l.if_index && (l.if_name.len || l.if_speed_bps))
        tell(x, &l, exporter);
}
