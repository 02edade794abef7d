/*
 * What agents send, as it is read: the first byte says whether the rest is a PDU (parsed by net-snmp, its variables given
 * to a walk and to a single question), an engine's answer to discovery, or a file of names.
 */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "enrich/meta/discover.h"
#include "enrich/meta/persist.h"
#include "enrich/meta/snmp_session.h"
#include <stdlib.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int snmp_pdu_parse(netsnmp_pdu *pdu, u_char *data, size_t *length); /* exported by net-snmp, in no header */

enum { IFACES = 32 };

static void check(struct meta_answer *a)
{
    if (a->n > IFACES || str_utf8(a->name) != a->name.len)
        abort();
    for (uint32_t i = 0; i < a->n; i++)
        if ((i && a->ifaces[i].index <= a->ifaces[i - 1].index) || a->ifaces[i].name.len > META_TEXT_MAX ||
            str_utf8(a->ifaces[i].name) != a->ifaces[i].name.len ||
            str_utf8(a->ifaces[i].description) != a->ifaces[i].description.len)
            abort();
    meta_answer_unref(a);
}

/* The same answer again and again, until the walk has enough of it, which is soon. */
static void walk_it(const struct walk_var *vars, size_t n)
{
    struct walk w;
    walk_oid oids[WALK_COLUMNS][WALK_OID_MAX];
    size_t lens[WALK_COLUMNS];
    unsigned asked, rounds = 0;
    walk_init(&w, IFACES);
    while (walk_next(&w, oids, lens, &asked)) {
        walk_take(&w, vars, n);
        if (++rounds > 2 * WALK_COLUMNS)
            abort();
    }
    walk_take_one(&w, 7, vars, n);
    check(walk_answer(&w, n ? vars[0].text : (struct str){0}, 1));
    walk_fini(&w);
}

static void pdu(const uint8_t *data, size_t size)
{
    netsnmp_pdu *p = calloc(1, sizeof *p);
    struct snmp_session_link link = {0};
    u_char *copy = malloc(size ? size : 1);
    size_t len = size;
    memcpy(copy, data, size);
    if (snmp_pdu_parse(p, copy, &len) == 0) {
        snmp_session_vars(&link, p);
        walk_it(link.event.vars, link.event.n);
        snmp_session_done(&link);
    }
    free(copy);
    snmp_free_pdu(p);
}

static void on_row(void *arg, struct persist_row *row)
{
    check(row->answer);
}

/* With a checksum that fits, so that what is behind it is reached. */
static void file(const uint8_t *data, size_t size)
{
    struct buf b;
    struct err e;
    buf_init(&b, 0);
    persist_begin(&b);
    buf_add(&b, data, size);
    buf_be64(&b, XXH64(b.p, b.len, 0));
    if (!persist_read(buf_str(&b), IFACES, on_row, NULL, &e))
        abort();
    buf_fini(&b);
    persist_read((struct str){(const char *)data, size}, IFACES, on_row, NULL, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct discover_engine engine;
    snmp_session_setup();
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        pdu(data + 1, size - 1);
        break;
    case 1:
        discover_answer((struct str){(const char *)data + 1, size - 1}, 77, &engine);
        break;
    default:
        file(data + 1, size - 1);
        break;
    }
    return 0;
}
