/*
 * session: who exports. What decoding has to remember of one exporter's one stream: templates, sampling rates, sequence.
 *
 * A session is (source address, protocol, observation domain); for sFlow also the agent address, since agents may share a
 * relay's source address. The source port belongs to it only once two ports were seen to contradict each other, which
 * means that several exporters sit behind one translated address: an exporter that restarts on a new port keeps its
 * templates, exporters behind one address get sessions of their own (RFC 7011 3.1, 8: per Transport Session).
 *
 * Some exporters (Cisco IOS XE) send all their options in a domain of its own, with another source id than any flow has.
 * So what a session was not told, it may borrow from those of the same exporter that only tell: they have rates or names,
 * and no template of flows. Where these disagree, nothing is borrowed.
 *
 * All sessions of a decoder_state hang in a hash table and in a list by last use; past the caps the least recently used
 * goes. One thread.
 */
#pragma once
#include "decode/names.h"
#include "decode/template.h"
#include "base/ip.h"

struct session_key {
    struct ip src, agent;
    uint32_t domain;
    uint16_t port; /* 0: any */
    uint8_t proto; /* enum template_proto */
    uint8_t zero;
};

/* A template id in use. */
struct session_template {
    struct template *t;
    uint32_t refreshed_s;
    uint16_t id;
};

/* A sampler's rate; `id` is 0 when the exporter gave none. */
struct session_rate {
    uint64_t id, rate;
};

struct session {
    struct session_key key;
    struct session *older, *newer;
    struct session *told,
        **told_at;    /* the next in its list of those that have rates or names; NULL: not in one */
    uint64_t init_ms; /* systemInitTimeMilliseconds, 0: not told */
    struct session_template *templates; /* by id */
    struct session_rate *rates;         /* by id */
    struct names names;
    uint32_t last_s, template_s; /* last datagram; last template that came */
    uint32_t next_seq, uptime_ms;
    uint32_t late, late_next; /* units that came after they were missed; what would follow the last of them */
    uint16_t n_templates, room_templates, n_rates, room_rates;
    uint16_t told_list;        /* of the table's, the one for this exporter */
    uint16_t n_flow_templates; /* of the templates, those of flows */
    uint16_t port;             /* of the last datagram */
    uint16_t other_port;
    uint32_t other_s; /* when other_port was last heard */
    uint8_t flips;    /* times the sequence broke as the port changed */
    uint8_t late_run; /* late datagrams in a row, each following the one before */
    bool seq_known, split;
    bool flipped;   /* this datagram's port is not the one before's */
    bool restarted; /* this datagram is the first since the exporter restarted */
};

/* A rate that options told for an interface instead of a sampler has this in its id. */
#define SESSION_INTERFACE ((uint64_t)1 << 63)

enum {
    SESSION_RATES_MAX = 256,
    SESSION_FLIPS = 4,
    SESSION_PORT_ALIVE_S = 30,
    SESSION_TOLD = 1024, /* lists of sessions that were told something, by exporter */
    SESSION_LENDERS = 64 /* sessions of one exporter that are looked at; one that has more lends nothing */
};

struct session_table {
    struct session **slots; /* open addressing */
    uint32_t mask, n;
    struct session *oldest, *newest;
    struct session *told[SESSION_TOLD];
    uint64_t seed;
    uint64_t
        bytes; /* of what is in use, not of what is allocated, so that a state loaded again gives up the same */
    uint32_t max_sessions, max_templates, max_fields;
    uint32_t template_s;            /* seconds a template lives without being sent again */
    uint64_t max_bytes, name_bytes; /* name_bytes: part of `bytes` */
    struct template_table templates;
    uint64_t evicted; /* sessions and templates given up for want of room */
};

void session_table_init(struct session_table *t);
void session_table_fini(struct session_table *t);
/* Forgets all sessions. */
void session_table_clear(struct session_table *t);

/* The session of a datagram from `port` at second `now`, made if need be; moves to the front of the list. */
struct session *session_get(struct session_table *t, const struct session_key *key, uint16_t port,
                            uint32_t now);
struct session *session_find(const struct session_table *t, const struct session_key *key);
/* Adds a session that is not there yet, as the newest; for session_get and for reading a checkpoint. */
struct session *session_add(struct session_table *t, const struct session_key *key);

/*
 * NULL: not known, or out of date: RFC 7011 8.4 has templates over UDP expire. But many an exporter sends its templates
 * once: so one is out of date only when the exporter sent others for all that time, and not it.
 */
struct template *session_template_get(const struct session_table *tab, const struct session *s, uint16_t id);
/*
 * Sets, replaces or (t NULL) withdraws template `id`; takes over the caller's reference to t. The one refreshed longest
 * ago goes when there are too many.
 */
void session_template_set(struct session_table *tab, struct session *s, uint16_t id, struct template *t,
                          uint32_t now);
/* False when the cap on samplers was reached. */
bool session_rate_set(struct session_table *tab, struct session *s, uint64_t id, uint64_t rate);
/* 0: not told to this session. */
uint64_t session_rate_told(const struct session *s, uint64_t id);
/* 0: not known. Id 0 (no sampler told) is answered by the only sampler there is. */
uint64_t session_rate_get(const struct session *s, uint64_t id);
/* The rate of `id`, of this session's own or borrowed; 0: not known. */
uint64_t session_rate_find(const struct session_table *tab, const struct session *s, uint64_t id);
/* May session_rate_find have an answer at all? */
static inline bool session_rate_any(const struct session_table *tab, const struct session *s)
{
    return s->n_rates || tab->told[s->told_list];
}
/* Has it rates told for interfaces? */
static inline bool session_rate_interfaces(const struct session *s)
{
    return s->n_rates && s->rates[s->n_rates - 1].id & SESSION_INTERFACE;
}
/* False when there is no room for it: names may take half of the budget. */
bool session_name_set(struct session_table *tab, struct session *s, enum name_kind kind, uint64_t id,
                      uint8_t type, struct str text);
/* The name of `id`, of this session's own or borrowed; NULL: not known. */
struct name *session_name_find(const struct session_table *tab, const struct session *s, enum name_kind kind,
                               uint64_t id);
/* After templates and rates came in: give up sessions until the budget is kept; never `keep`. */
void session_shrink(struct session_table *t, const struct session *keep);

/*
 * Units (datagrams or records, as the protocol counts) missing before this datagram with sequence number `seq`, which
 * carries `units` of them. `uptime_ms` 0: not told. *late grows by `units` when they should have come before.
 */
uint32_t session_sequence(struct session *s, uint32_t seq, uint32_t units, uint32_t uptime_ms,
                          uint64_t *late);
/* The units of this datagram could not be counted, so the next sequence number cannot be foretold. */
static inline void session_sequence_forget(struct session *s)
{
    s->seq_known = false;
}
