/*
 * snmp_session: one session of net-snmp: a socket to one agent with one set of credentials, one question at a time, no
 * waiting. All of net-snmp that the rest sees.
 *
 * The keeper's thread alone: net-snmp keeps users and engines of SNMPv3 in the process.
 */
#pragma once
#include "base/err.h"
#include "enrich/enrich_conf.h"
#include "enrich/meta/walk.h"

/* Once, before the thread that uses sessions starts: net-snmp without its files. */
void snmp_session_setup(void);

/* Keys made of passphrases (a million bytes hashed for each), kept. */
struct snmp_keys;
struct snmp_keys *snmp_keys_new(void);
void snmp_keys_free(struct snmp_keys *k);

struct snmp_object {
    const walk_oid *oid;
    size_t len;
};

enum snmp_event_kind { SNMP_EVENT_RESPONSE, SNMP_EVENT_REPORT, SNMP_EVENT_REFUSED };
enum {
    SNMP_EVENT_NO_SUCH = 2, /* noSuchName, RFC 3416 3 */
    SNMP_LINK_REPEATED = 16
};

struct snmp_event {
    enum snmp_event_kind kind;
    long error, error_index; /* of a response */
    const char *why;         /* words for a report or an error */
    struct walk_var *vars;
    size_t n;
};

enum snmp_link_version { SNMP_LINK_V2C, SNMP_LINK_V1, SNMP_LINK_V3 };

struct snmp_session_link {
    void *session;
    enum snmp_link_version version;
    struct snmp_event event; /* what the callback saw */
    bool seen;
    void *pdu;                        /* holds the event's variables */
    int requests[SNMP_LINK_REPEATED]; /* of the question as it was sent so far: any may be answered */
    unsigned n_requests;
};

struct snmp_session_conf {
    struct ip agent;
    uint16_t port;
    bool check_source;
    const struct enrich_snmp_credentials *credentials;
    unsigned community;
    struct str engine; /* v3 */
};

bool snmp_session_open(struct snmp_session_link *l, struct snmp_keys *keys, const struct snmp_session_conf *c,
                       struct err *e);
void snmp_session_close(struct snmp_session_link *l);   /* also one that is not open */
int snmp_session_fd(const struct snmp_session_link *l); /* -1: not open */
/* A UDP socket for packets made by hand; with check_source it hears nobody else. -1 with a reason. */
int snmp_session_socket(struct ip agent, uint16_t port, bool check_source, struct err *e);
/* False with a reason; that nothing listened to the packet before is none. */
bool snmp_session_packet(int fd, struct ip agent, uint16_t port, struct str packet, struct err *e);
/* What an engine's clock says now (RFC 3414 2.3). */
void snmp_session_clock(struct str engine, uint32_t boots, uint32_t time_s);

enum snmp_send { SNMP_SEND_GET, SNMP_SEND_GETNEXT, SNMP_SEND_GETBULK };
/* `again`: the same question as before, so that a late answer to the first one is one to this one too. */
bool snmp_session_send(struct snmp_session_link *l, bool again, enum snmp_send what, unsigned repetitions,
                       const struct snmp_object *objects, unsigned n, struct err *e);
/* True when there is an event; it is valid until snmp_session_done. */
bool snmp_session_read(struct snmp_session_link *l, struct snmp_event *ev);
void snmp_session_done(struct snmp_session_link *l);
/* The variables of an answer (net-snmp's netsnmp_pdu, which they borrow from) as an event; what reading does with each. */
void snmp_session_vars(struct snmp_session_link *l, void *pdu);
