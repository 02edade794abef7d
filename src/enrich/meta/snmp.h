/*
 * snmp: asks agents: several at a time, each a short conversation (discovery of the engine, system, walk of the interfaces)
 * over a socket of its own. Never blocks; sends no more packets in a second than it may.
 *
 * One thread, the keeper's, since net-snmp keeps engines and users of SNMPv3 in the process. Between two calls of
 * snmp_poller_step it waits for the descriptors of snmp_poller_fds.
 */
#pragma once
#include "base/counters.h"
#include "enrich/enrich_conf.h"
#include "enrich/meta/answer.h"
#include <poll.h>

enum { SNMP_WANTED = 16, SNMP_ENGINE_MAX = 32 };

enum snmp_outcome {
    SNMP_ANSWERED, /* answer is there */
    SNMP_UNCHANGED, /* the agent has not restarted and its interfaces are the same rows; only for `check_only` */
    SNMP_FAILED,    /* why is there */
};

/* What a conversation found out about an agent that helps the next one. */
struct snmp_memory {
    unsigned community; /* the one that worked last */
    uint8_t engine[SNMP_ENGINE_MAX];
    size_t engine_len;                        /* 0: to be discovered */
    uint64_t up_cs, last_change_cs, asked_ns; /* sysUpTime and ifTableLastChange then; monotonic */
};

struct snmp_result {
    enum snmp_outcome outcome;
    struct meta_answer *answer; /* the caller's reference */
    struct snmp_memory memory;
    bool partial; /* the answer has only what was wanted one by one */
    bool refused; /* the agent answered, and said no: repeating soon is of no use */
    char why[160];
};

struct snmp_job {
    struct ip agent;
    uint16_t port;
    const struct enrich_metadata_provider *conf;
    const struct enrich_snmp_credentials *credentials;
    uint64_t query_timeout_ns;
    uint32_t max_ifaces;
    uint32_t wanted[SNMP_WANTED]; /* asked for one by one when tables cannot be walked */
    unsigned n_wanted;
    bool check_only; /* walk only if the memory says that something changed */
    struct snmp_memory memory;
    void (*done)(void *arg, struct snmp_result *r);
    void *arg; /* from the heap; the poller's from now on, freed after done() or with the poller */
};

struct snmp_poller;

/* `counters`: of meta/counters.def, the keeper's. */
struct snmp_poller *snmp_poller_new(struct counters *counters);
/* Forgets conversations without telling. */
void snmp_poller_free(struct snmp_poller *p);
void snmp_poller_rate(struct snmp_poller *p, uint64_t per_second);
unsigned snmp_poller_busy(const struct snmp_poller *p);
/* done() is called from snmp_poller_step, once. */
void snmp_poller_start(struct snmp_poller *p, const struct snmp_job *job);
/* How long the conversations can wait is lowered in *timeout_ms. */
unsigned snmp_poller_fds(struct snmp_poller *p, struct pollfd *fds, unsigned room, int *timeout_ms);
void snmp_poller_step(struct snmp_poller *p);
