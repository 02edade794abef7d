/*
 * A conversation is a small machine: each phase has a question and what is done with its answer or its absence. net-snmp
 * builds and parses packets, encrypts, and finds the request an answer belongs to; repeating is done here, so that every
 * packet counts against the rate, and so is the discovery of engines, for which net-snmp would wait.
 */
#include "enrich/meta/snmp.h"
#include "base/clock.h"
#include "enrich/meta/discover.h"
#include "enrich/meta/snmp_session.h"
#include "enrich/meta/walk.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
#define X(id, kind, name, help) id,
#include "enrich/meta/counters.def"
#undef X
};

enum { REPETITIONS = 10, DISCOVERY_BYTES = 2048, SYSTEM_OBJECTS = 3, UP_SLACK_CS = 1000 };

enum phase { PHASE_DISCOVER, PHASE_SYSTEM, PHASE_WALK, PHASE_SINGLE };
enum how {
    HOW_BULK,
    HOW_NEXT,
    HOW_SINGLE
}; /* to read tables; each is what follows when the one before fails */

/*
 * Tables may take as long as a dozen questions may, and this for each object: an agent that lets them trickle holds one of
 * few places.
 */
enum { SLOW_QUESTIONS = 12, SLOW_OBJECT_NS = 50000000 };

static const walk_oid sys_name[] = {1, 3, 6, 1, 2, 1, 1, 5, 0}, sys_up_time[] = {1, 3, 6, 1, 2, 1, 1, 3, 0},
                      last_change[] = {1, 3, 6, 1, 2, 1, 31, 1, 5, 0};

struct conversation {
    struct conversation *next;
    struct snmp_poller *poller;
    struct snmp_job job;
    struct snmp_memory memory;
    enum phase phase;
    enum how how;
    unsigned attempt, tries;        /* communities tried; times this question was sent */
    unsigned single;                /* of the wanted ones */
    unsigned system_left;           /* SNMPv1: objects of the system still to be asked for, one by one */
    bool waiting, wants_send, over; /* for an answer; for its turn; to be told */
    uint64_t begun_ns, asked_ns, deadline_ns;
    uint64_t waited_ns; /* for answers, all together */
    uint32_t msg_id;
    int fd; /* discovery; sessions have their own */
    struct snmp_session_link link;
    struct walk walk;
    struct str name;
    struct snmp_result result;
};

struct snmp_poller {
    struct counters *counters;
    struct conversation *first;
    unsigned busy;
    struct snmp_keys *keys;
    double rate, tokens;
    uint64_t filled_ns;
};

struct snmp_poller *snmp_poller_new(struct counters *counters)
{
    struct snmp_poller *p = xcalloc(1, sizeof *p);
    p->counters = counters;
    p->keys = snmp_keys_new();
    p->rate = p->tokens = 500;
    return p;
}

static void conversation_free(struct conversation *c)
{
    snmp_session_close(&c->link);
    if (c->fd >= 0)
        close(c->fd);
    walk_fini(&c->walk);
    free(c->job.arg);
    free(c);
}

void snmp_poller_free(struct snmp_poller *p)
{
    for (struct conversation *c = p->first, *next; c; c = next) {
        next = c->next;
        conversation_free(c);
    }
    snmp_keys_free(p->keys);
    free(p);
}

void snmp_poller_rate(struct snmp_poller *p, uint64_t per_second)
{
    p->rate = (double)per_second;
}

unsigned snmp_poller_busy(const struct snmp_poller *p)
{
    return p->busy;
}

static bool is_v3(const struct conversation *c)
{
    return c->job.credentials->user_name[0] != 0;
}

static unsigned attempts(const struct conversation *c)
{
    return is_v3(c) ? 1 : (unsigned)c->job.credentials->communities.n;
}

/* The community that worked last is tried first, then the others in their order. */
static unsigned community_of(const struct conversation *c)
{
    unsigned first = c->job.memory.community < attempts(c) ? c->job.memory.community : 0;
    return c->attempt == 0 ? first : c->attempt <= first ? c->attempt - 1 : c->attempt;
}

static void end(struct conversation *c, enum snmp_outcome outcome, const char *why)
{
    if (c->over)
        return;
    c->over = true;
    c->waiting = c->wants_send = false;
    c->result.outcome = outcome;
    snprintf(c->result.why, sizeof c->result.why, "%.150s", why);
}

static void ask(struct conversation *c, enum phase phase)
{
    c->phase = phase;
    c->tries = 0;
    c->waiting = false;
    c->wants_send = true;
    c->asked_ns = clock_mono_ns();
}

/* ---- what follows what */

static void begin_attempt(struct conversation *c)
{
    struct err e;
    snmp_session_close(&c->link);
    if (is_v3(c) && !c->memory.engine_len) {
        ask(c, PHASE_DISCOVER);
        return;
    }
    struct snmp_session_conf s = {.agent = c->job.agent,
                                  .port = c->job.port,
                                  .check_source = c->job.conf->check_source,
                                  .credentials = c->job.credentials,
                                  .community = community_of(c),
                                  .engine = {(const char *)c->memory.engine, c->memory.engine_len}};
    c->memory.community = s.community;
    if (!snmp_session_open(&c->link, c->poller->keys, &s, &e)) {
        end(c, SNMP_FAILED, e.msg);
        return;
    }
    c->system_left = SYSTEM_OBJECTS;
    ask(c, PHASE_SYSTEM);
}

static void next_attempt(struct conversation *c, const char *why)
{
    if (++c->attempt < attempts(c))
        begin_attempt(c);
    else
        end(c, SNMP_FAILED, why);
}

static void finish(struct conversation *c)
{
    c->result.answer = walk_answer(&c->walk, c->name, clock_wall_ns() / 1000000000u);
    counter_add(c->poller->counters, SNMP_LIES, c->walk.lies);
    counter_add(c->poller->counters, META_CUT, c->walk.draft.cut);
    c->result.partial = c->how == HOW_SINGLE;
    end(c, SNMP_ANSWERED, "");
}

static bool trickles(const struct conversation *c)
{
    return c->waited_ns > SLOW_QUESTIONS * c->job.query_timeout_ns + c->walk.taken * SLOW_OBJECT_NS;
}

static void go_on(struct conversation *c)
{
    walk_oid oids[WALK_COLUMNS][WALK_OID_MAX];
    size_t lens[WALK_COLUMNS];
    unsigned n;
    if (c->how != HOW_SINGLE && trickles(c)) {
        counter_add(c->poller->counters, SNMP_SINGLE, 1);
        c->how = HOW_SINGLE;
    }
    if (c->how == HOW_SINGLE ? c->single < c->job.n_wanted : walk_next(&c->walk, oids, lens, &n))
        ask(c, c->how == HOW_SINGLE ? PHASE_SINGLE : PHASE_WALK);
    else
        finish(c);
}

/* The agent knows nothing of this way to ask, or cannot put an answer together: a simpler one. */
static void simpler(struct conversation *c)
{
    counter_add(c->poller->counters, SNMP_SINGLE, 1);
    c->how++;
    if (c->how == HOW_NEXT && c->link.version == SNMP_LINK_V1)
        c->how = HOW_SINGLE; /* it was GETNEXT already */
    if (c->how > HOW_SINGLE)
        finish(c);
    else
        go_on(c);
}

/* sysUpTime grows with our own clock unless it began anew (or wrapped, after 497 days). */
static bool restarted(const struct conversation *c, uint64_t up_cs, uint64_t change_cs)
{
    const struct snmp_memory *was = &c->job.memory;
    if (!was->asked_ns)
        return true;
    uint64_t expected = was->up_cs + (clock_mono_ns() - was->asked_ns) / 10000000u;
    return up_cs + UP_SLACK_CS < expected || change_cs != was->last_change_cs;
}

static bool same(const struct walk_var *v, const walk_oid *oid, size_t bytes)
{
    return v->oid_len * sizeof *oid == bytes && memcmp(v->oid, oid, bytes) == 0;
}

static void take_system(struct conversation *c, const struct walk_var *vars, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same(&vars[i], sys_name, sizeof sys_name) && vars[i].kind == WALK_TEXT)
            c->name = meta_draft_text(&c->walk.draft, vars[i].text);
        else if (same(&vars[i], sys_up_time, sizeof sys_up_time) && vars[i].kind == WALK_NUMBER)
            c->memory.up_cs = vars[i].number;
        else if (same(&vars[i], last_change, sizeof last_change) && vars[i].kind == WALK_NUMBER)
            c->memory.last_change_cs = vars[i].number;
    }
    if (c->link.version == SNMP_LINK_V1 && --c->system_left) {
        ask(c, PHASE_SYSTEM);
        return;
    }
    c->memory.asked_ns = clock_mono_ns();
    if (restarted(c, c->memory.up_cs, c->memory.last_change_cs)) {
        counter_add(c->poller->counters, META_CHANGED, c->job.memory.asked_ns != 0);
        go_on(c);
    } else if (c->job.check_only) {
        end(c, SNMP_UNCHANGED, "");
    } else {
        go_on(c);
    }
}

/* ---- events of a session */

static void stop_waiting(struct conversation *c)
{
    uint64_t since = c->deadline_ns - c->job.conf->poller_timeout_ns;
    c->waited_ns += clock_mono_ns() - since;
    c->waiting = false;
}

static void answered(struct conversation *c, const struct snmp_event *ev)
{
    stop_waiting(c);
    if (ev->kind == SNMP_EVENT_REPORT) {
        if (c->job.memory.engine_len && c->memory.engine_len && c->attempt == 0) {
            c->memory.engine_len =
                0; /* another device has the address by now, or it was given a new engine */
            c->attempt++;
            begin_attempt(c);
            return;
        }
        c->result.refused = true;
        end(c, SNMP_FAILED, ev->why);
        return;
    }
    if (ev->error) {
        if (c->link.version == SNMP_LINK_V1 && ev->error == SNMP_EVENT_NO_SUCH && c->phase == PHASE_SYSTEM) {
            take_system(c, NULL, 0);
        } else if (ev->error == SNMP_EVENT_NO_SUCH && c->phase == PHASE_WALK && ev->error_index) {
            walk_end(&c->walk, ev->error_index - 1);
            go_on(c);
        } else if (c->phase == PHASE_WALK) {
            simpler(c);
        } else if (c->phase == PHASE_SINGLE) {
            c->single++;
            go_on(c);
        } else {
            c->result.refused = true;
            next_attempt(c, ev->why);
        }
        return;
    }
    switch (c->phase) {
    case PHASE_DISCOVER:
        break;
    case PHASE_SYSTEM:
        take_system(c, ev->vars, ev->n);
        break;
    case PHASE_WALK:
        walk_take(&c->walk, ev->vars, ev->n);
        go_on(c);
        break;
    case PHASE_SINGLE:
        walk_take_one(&c->walk, c->job.wanted[c->single++], ev->vars, ev->n);
        go_on(c);
        break;
    }
}

static void unanswered(struct conversation *c, const char *why)
{
    uint64_t now = clock_mono_ns();
    stop_waiting(c);
    if (c->tries <= c->job.conf->poller_retries && now < c->asked_ns + c->job.query_timeout_ns) {
        counter_add(c->poller->counters, SNMP_RETRY, 1);
        c->wants_send = true;
    } else if (c->phase == PHASE_WALK || c->phase == PHASE_SINGLE) {
        if (c->how == HOW_SINGLE)
            end(c, SNMP_FAILED, why); /* it answered a moment ago: what there was is better than half of it */
        else
            simpler(c);
    } else {
        next_attempt(c, why);
    }
}

/* ---- sending */

static bool send_discovery(struct conversation *c, struct err *e)
{
    struct buf b;
    if (c->fd < 0 &&
        (c->fd = snmp_session_socket(c->job.agent, c->job.port, c->job.conf->check_source, e)) < 0)
        return false;
    buf_init(&b, DISCOVERY_BYTES);
    discover_question(&b, c->msg_id);
    bool ok = snmp_session_packet(c->fd, c->job.agent, c->job.port, buf_str(&b), e);
    buf_fini(&b);
    return ok;
}

static bool send_system(struct conversation *c, struct err *e)
{
    struct snmp_object all[SYSTEM_OBJECTS] = {{sys_name, sizeof sys_name / sizeof *sys_name},
                                              {sys_up_time, sizeof sys_up_time / sizeof *sys_up_time},
                                              {last_change, sizeof last_change / sizeof *last_change}};
    bool v1 = c->link.version == SNMP_LINK_V1; /* where one unknown object spoils the answer */
    return snmp_session_send(&c->link, c->tries > 1, SNMP_SEND_GET, 0,
                             v1 ? &all[SYSTEM_OBJECTS - c->system_left] : all, v1 ? 1 : SYSTEM_OBJECTS, e);
}

static bool send_tables(struct conversation *c, struct err *e)
{
    walk_oid oids[WALK_COLUMNS][WALK_OID_MAX];
    size_t lens[WALK_COLUMNS];
    struct snmp_object objects[WALK_COLUMNS];
    unsigned n = WALK_COLUMNS;
    if (c->phase == PHASE_SINGLE)
        walk_one(c->job.wanted[c->single], oids, lens);
    else
        walk_next(&c->walk, oids, lens, &n);
    for (unsigned i = 0; i < n; i++)
        objects[i] = (struct snmp_object){oids[i], lens[i]};
    bool next = c->how == HOW_NEXT || c->link.version == SNMP_LINK_V1;
    return snmp_session_send(&c->link, c->tries > 1,
                             c->phase == PHASE_SINGLE ? SNMP_SEND_GET
                             : next                   ? SNMP_SEND_GETNEXT
                                                      : SNMP_SEND_GETBULK,
                             REPETITIONS, objects, n, e);
}

static void send_now(struct conversation *c)
{
    struct err e;
    uint64_t timeout = c->job.conf->poller_timeout_ns;
    c->wants_send = false;
    c->waiting = true;
    c->tries++;
    c->deadline_ns = clock_mono_ns() + timeout;
    counter_add(c->poller->counters, SNMP_PACKETS, 1);
    bool ok = c->phase == PHASE_DISCOVER ? send_discovery(c, &e)
              : c->phase == PHASE_SYSTEM ? send_system(c, &e)
                                         : send_tables(c, &e);
    if (!ok)
        end(c, SNMP_FAILED, e.msg);
}

static void refill(struct snmp_poller *p)
{
    uint64_t now = clock_mono_ns();
    double most = p->rate / 10 < 1 ? 1 : p->rate / 10; /* a tenth of a second's worth may go out together */
    p->tokens += (double)(now - p->filled_ns) * p->rate / 1e9;
    p->tokens = p->tokens > most ? most : p->tokens;
    p->filled_ns = now;
}

/* ---- the poller's rounds */

void snmp_poller_start(struct snmp_poller *p, const struct snmp_job *job)
{
    static uint32_t ids;
    struct conversation *c = xcalloc(1, sizeof *c);
    *c = (struct conversation){.poller = p,
                               .job = *job,
                               .memory = job->memory,
                               .fd = -1,
                               .begun_ns = clock_mono_ns(),
                               .next = p->first};
    /* not to be guessed by who cannot see the question */
    c->msg_id = (uint32_t)(clock_mono_ns() * 2654435761u ^ ++ids * 40503u) & INT32_MAX;
    walk_init(&c->walk, job->max_ifaces);
    p->first = c;
    p->busy++;
    counter_add(p->counters, META_REQUESTS, 1);
    if (is_v3(c))
        counter_add(p->counters, job->memory.engine_len ? SNMP_V3_HITS : SNMP_V3_MISSES, 1);
    begin_attempt(c);
}

unsigned snmp_poller_fds(struct snmp_poller *p, struct pollfd *fds, unsigned room, int *timeout_ms)
{
    unsigned n = 0;
    uint64_t now = clock_mono_ns();
    for (struct conversation *c = p->first; c; c = c->next) {
        int64_t left = c->over ? 0 : c->wants_send ? 20000000 : (int64_t)(c->deadline_ns - now);
        int ms = left <= 0 ? 0 : (int)(left / 1000000 + 1);
        *timeout_ms = ms < *timeout_ms ? ms : *timeout_ms;
        int fd = c->phase == PHASE_DISCOVER ? c->fd : snmp_session_fd(&c->link);
        if (c->waiting && fd >= 0 && n < room)
            fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return n;
}

static void read_discovery(struct conversation *c)
{
    char packet[DISCOVERY_BYTES];
    struct discover_engine engine;
    ssize_t n;
    while (c->waiting && (n = recv(c->fd, packet, sizeof packet, MSG_DONTWAIT)) >= 0) {
        if (!discover_answer((struct str){packet, (size_t)n}, c->msg_id, &engine))
            continue;
        memcpy(c->memory.engine, engine.id.p, engine.id.len);
        c->memory.engine_len = engine.id.len;
        snmp_session_clock(engine.id, engine.boots, engine.time_s);
        c->waiting = false;
        close(c->fd);
        c->fd = -1;
        begin_attempt(c);
    }
    if (c->waiting && errno == ECONNREFUSED)
        unanswered(c, "nothing listens there");
}

static void read_session(struct conversation *c)
{
    struct snmp_event ev;
    while (c->waiting && snmp_session_read(&c->link, &ev)) {
        if (ev.kind == SNMP_EVENT_REFUSED)
            unanswered(c, "nothing listens there");
        else
            answered(c, &ev);
        snmp_session_done(&c->link);
    }
}

/* Agents do not answer what they cannot read or do not trust, so all that it may be is said. */
static const char *silence(const struct conversation *c)
{
    if (c->phase == PHASE_DISCOVER || c->phase == PHASE_WALK || c->phase == PHASE_SINGLE)
        return "no answer";
    return is_v3(c) ? "no answer to the user, whose privacy passphrase or protocol may be wrong"
                    : "no answer: it cannot be reached, or takes none of the communities";
}

static void step(struct conversation *c)
{
    if (c->waiting) {
        if (c->phase == PHASE_DISCOVER)
            read_discovery(c);
        else
            read_session(c);
    }
    if (c->waiting && clock_mono_ns() >= c->deadline_ns)
        unanswered(c, silence(c));
    if (c->wants_send && c->poller->tokens >= 1) {
        c->poller->tokens -= 1;
        send_now(c);
    }
}

static void tell(struct conversation *c)
{
    struct snmp_poller *p = c->poller;
    p->busy--;
    counter_add(p->counters, SNMP_SECONDS, clock_mono_ns() - c->begun_ns);
    counter_add(p->counters, c->result.outcome == SNMP_FAILED ? SNMP_ERROR : SNMP_SUCCESS, 1);
    c->result.memory = c->memory;
    c->job.done(c->job.arg, &c->result);
    conversation_free(c);
}

void snmp_poller_step(struct snmp_poller *p)
{
    refill(p);
    for (struct conversation **at = &p->first; *at;) {
        struct conversation *c = *at;
        if (!c->over)
            step(c);
        if (!c->over) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        tell(c);
    }
}
