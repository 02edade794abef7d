/* A sorted array of objects answers GET by looking for a name and GETNEXT and GETBULK by looking for what follows it. */
#include "demo/agent.h"
#include "base/arena.h"
#include "base/ber.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/thread.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
#define X(id, name, help) id,
#include "demo/counters.def"
#undef X
};

enum {
    NAME_MAX_SUBS = 14,
    MESSAGE_MAX = 1400, /* so that an answer fits one packet */
    ASKED_MAX = 64,
    REPETITIONS_MAX = 50,
    VERSION_2C = 1,
    TOO_BIG = 1,
    SPEED_MBPS = 10000,
};

struct object {
    uint32_t oid[NAME_MAX_SUBS];
    size_t n;
    uint8_t tag;
    int64_t number;
    struct str text;
    bool is_up_time;
};

struct agent_mib {
    struct arena arena;
    struct object *objects;
    size_t n, room;
};

/* ---- what it knows */

static struct object *add(struct agent_mib *m, const uint32_t *base, size_t n, uint32_t last, uint8_t tag)
{
    if (m->n == m->room) {
        m->room = m->room ? m->room * 2 : 64;
        m->objects = xrealloc(m->objects, m->room * sizeof *m->objects);
    }
    struct object *o = &m->objects[m->n++];
    *o = (struct object){.n = n + 1, .tag = tag};
    memcpy(o->oid, base, n * sizeof *base);
    o->oid[n] = last;
    return o;
}

static void number(struct agent_mib *m, const uint32_t *base, size_t n, uint32_t last, uint8_t tag, int64_t v)
{
    add(m, base, n, last, tag)->number = v;
}

static void text(struct agent_mib *m, const uint32_t *base, size_t n, uint32_t last, const char *z)
{
    add(m, base, n, last, BER_OCTETS)->text = arena_str(&m->arena, str_from(z));
}

#define SUBS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)
#define SYSTEM(object) SUBS(1, 3, 6, 1, 2, 1, 1, object)
#define IF_ENTRY(column) SUBS(1, 3, 6, 1, 2, 1, 2, 2, 1, column)
#define IFX_ENTRY(column) SUBS(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, column)

static void add_interface(struct agent_mib *m, uint32_t index, const char *description)
{
    const char *name = arena_printf(&m->arena, "Gi0/0/%u", index);
    number(m, IF_ENTRY(1), index, BER_INTEGER, index);
    text(m, IF_ENTRY(2), index, name);
    number(m, IF_ENTRY(3), index, BER_INTEGER, 6); /* ethernetCsmacd */
    number(m, IF_ENTRY(4), index, BER_INTEGER, 9000);
    number(m, IF_ENTRY(5), index, BER_GAUGE32, UINT32_MAX); /* RFC 2863: more than it can hold */
    number(m, IF_ENTRY(7), index, BER_INTEGER, 1);
    number(m, IF_ENTRY(8), index, BER_INTEGER, 1);
    text(m, IFX_ENTRY(1), index, name);
    number(m, IFX_ENTRY(15), index, BER_GAUGE32, SPEED_MBPS);
    text(m, IFX_ENTRY(18), index, description);
}

static int compare(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return (na > nb) - (na < nb);
}

static int by_oid(const void *a, const void *b)
{
    const struct object *x = a, *y = b;
    return compare(x->oid, x->n, y->oid, y->n);
}

struct agent_mib *agent_mib_new(const struct demo_snmp_conf *conf)
{
    struct agent_mib *m = xcalloc(1, sizeof *m);
    arena_init(&m->arena);
    text(m, SYSTEM(1), 0, "weir demo exporter");
    add(m, SYSTEM(3), 0, BER_TIMETICKS)->is_up_time = true;
    text(m, SYSTEM(5), 0, conf->name);
    number(m, SUBS(1, 3, 6, 1, 2, 1, 2, 1), 0, BER_INTEGER, (int64_t)conf->interfaces.n);
    number(m, SUBS(1, 3, 6, 1, 2, 1, 31, 1, 5), 0, BER_TIMETICKS, 0); /* ifTableLastChange */
    for (size_t i = 0; i < conf->interfaces.n; i++) {
        uint64_t index;
        if (str_u64(str_from(conf->interfaces.keys[i]), &index))
            add_interface(m, (uint32_t)index, ((const char *const *)conf->interfaces.items)[i]);
    }
    qsort(m->objects, m->n, sizeof *m->objects, by_oid);
    return m;
}

void agent_mib_free(struct agent_mib *m)
{
    arena_fini(&m->arena);
    free(m->objects);
    free(m);
}

/* The first object whose name is not less than (`after`: greater than) that one. */
static const struct object *find(const struct agent_mib *m, const uint32_t *oid, size_t n, bool after)
{
    size_t from = 0, to = m->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = compare(m->objects[mid].oid, m->objects[mid].n, oid, n);
        if (c < 0 || (after && c == 0))
            from = mid + 1;
        else
            to = mid;
    }
    return from < m->n ? &m->objects[from] : NULL;
}

/* ---- answers */

struct question {
    int64_t request, non_repeaters, repetitions;
    uint8_t tag;
    struct {
        uint32_t oid[BER_OID_MAX];
        size_t n;
    } asked[ASKED_MAX];
    unsigned n;
};

static bool read_question(struct str message, struct question *q)
{
    struct cursor c = cursor_init(message.p, message.len), m = ber_want(&c, BER_SEQUENCE);
    if (m.bad || ber_int(&m) != VERSION_2C || !str_eq(ber_octets(&m), STR("public")))
        return false;
    struct cursor pdu = ber_next(&m, &q->tag);
    if (q->tag != BER_GET && q->tag != BER_GETNEXT && q->tag != BER_GETBULK)
        return false;
    q->request = ber_int(&pdu);
    q->non_repeaters = ber_int(&pdu);
    q->repetitions = ber_int(&pdu);
    struct cursor list = ber_want(&pdu, BER_SEQUENCE);
    for (q->n = 0; !list.bad && cursor_left(&list) && q->n < ASKED_MAX; q->n++) {
        struct cursor one = ber_want(&list, BER_SEQUENCE), name = ber_want(&one, BER_OID);
        q->asked[q->n].n = ber_oid(name, q->asked[q->n].oid);
        if (one.bad || !q->asked[q->n].n)
            return false;
    }
    return !pdu.bad && !list.bad && !cursor_left(&list);
}

static void put(struct buf *out, const struct object *o, const uint32_t *oid, size_t n, uint8_t absent,
                uint32_t up_cs)
{
    size_t one = ber_begin(out, BER_SEQUENCE);
    ber_put_oid(out, o ? o->oid : oid, o ? o->n : n);
    if (!o) {
        buf_u8(out, absent);
        buf_u8(out, 0);
    } else if (o->tag == BER_OCTETS) {
        ber_put_octets(out, o->text);
    } else {
        ber_put_int(out, o->tag, o->is_up_time ? up_cs : o->number);
    }
    ber_end(out, one);
}

static void put_get(const struct agent_mib *m, const struct question *q, uint32_t up_cs, struct buf *out)
{
    for (unsigned i = 0; i < q->n; i++) {
        const uint32_t *oid = q->asked[i].oid;
        size_t n = q->asked[i].n;
        const struct object *o = find(m, oid, n, false);
        bool there = o && compare(o->oid, o->n, oid, n) == 0;
        put(out, there ? o : NULL, oid, n, BER_NO_SUCH_INSTANCE, up_cs);
    }
}

/* GETNEXT is GETBULK with all of them not repeated (RFC 3416 4.2.3). What does not fit the message is left out. */
static void put_next(const struct agent_mib *m, struct question *q, size_t most, uint32_t up_cs,
                     struct buf *out)
{
    int64_t once = q->tag == BER_GETNEXT ? q->n : q->non_repeaters < 0 ? 0 : q->non_repeaters;
    int64_t rounds = q->repetitions < 0                 ? 0
                     : q->repetitions > REPETITIONS_MAX ? REPETITIONS_MAX
                                                        : q->repetitions;
    rounds = q->tag == BER_GETNEXT || once >= q->n ? 1 : rounds;
    for (int64_t round = 0; round < (rounds ? rounds : 1); round++) {
        bool any = false;
        for (unsigned i = round == 0 ? 0 : (unsigned)once; i < q->n; i++) {
            if (i >= once && rounds == 0)
                continue;
            const struct object *o = find(m, q->asked[i].oid, q->asked[i].n, true);
            size_t before = out->len;
            put(out, o, q->asked[i].oid, q->asked[i].n, BER_END_OF_MIB, up_cs);
            if (out->len > most && q->tag == BER_GETBULK) {
                out->len = before;
                return;
            }
            if (o) {
                memcpy(q->asked[i].oid, o->oid, o->n * sizeof *o->oid);
                q->asked[i].n = o->n;
                any = true;
            }
        }
        if (!any)
            return;
    }
}

static void put_message(const struct agent_mib *m, struct question *q, int64_t error, uint32_t up_cs,
                        struct buf *out)
{
    size_t from = out->len, message = ber_begin(out, BER_SEQUENCE);
    ber_put_int(out, BER_INTEGER, VERSION_2C);
    ber_put_octets(out, STR("public"));
    size_t pdu = ber_begin(out, BER_RESPONSE);
    ber_put_int(out, BER_INTEGER, q->request);
    ber_put_int(out, BER_INTEGER, error);
    ber_put_int(out, BER_INTEGER, 0);
    size_t list = ber_begin(out, BER_SEQUENCE);
    if (!error && q->tag == BER_GET)
        put_get(m, q, up_cs, out);
    else if (!error)
        put_next(m, q, from + MESSAGE_MAX, up_cs, out);
    ber_end(out, list);
    ber_end(out, pdu);
    ber_end(out, message);
}

bool agent_answer(const struct agent_mib *m, struct str message, uint32_t up_cs, struct buf *out)
{
    struct question q;
    size_t from = out->len;
    if (!read_question(message, &q))
        return false;
    put_message(m, &q, 0, up_cs, out);
    if (out->len - from > MESSAGE_MAX) { /* RFC 3416 4.2.1 */
        out->len = from;
        put_message(m, &q, TOO_BIG, up_cs, out);
    }
    return true;
}

/* ---- thread */

struct agent {
    struct agent_mib *mib;
    struct counters *counters;
    uint64_t start_ns;
    int fd;
    bool stop;
    pthread_t thread;
};

static void serve(struct agent *a)
{
    char message[65536];
    struct sockaddr_storage from;
    struct buf out;
    buf_init(&out, 0);
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(a->fd, message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
        if (n < 0)
            break;
        buf_reset(&out);
        uint32_t up_cs = (uint32_t)((clock_mono_ns() - a->start_ns) / 10000000u);
        bool ok = agent_answer(a->mib, (struct str){message, (size_t)n}, up_cs, &out) &&
                  sendto(a->fd, out.p, out.len, MSG_DONTWAIT, (struct sockaddr *)&from, len) >= 0;
        counter_add_shared(a->counters, ok ? SNMP_ANSWERS : SNMP_IGNORED, 1);
    }
    buf_fini(&out);
}

static void *run(void *arg)
{
    struct agent *a = arg;
    struct pollfd fd = {.fd = a->fd, .events = POLLIN};
    while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED))
        if (poll(&fd, 1, 500) == 1)
            serve(a);
    return NULL;
}

static int listen_on(const char *where, struct err *e)
{
    char host[256];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST},
                    *found = NULL;
    snprintf(host, sizeof host, "%s", where);
    char *port = strrchr(host, ':'), *name = host;
    if (!port) {
        err_set(e, "\"%s\" is no address with a port", where);
        return -1;
    }
    *port++ = 0;
    if (name[0] == '[') {
        name++;
        name[strcspn(name, "]")] = 0;
    }
    if (getaddrinfo(name[0] ? name : NULL, port, &hints, &found) != 0) {
        err_set(e, "\"%s\" is no address with a port", where);
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
        err_errno(e, "cannot listen on %s", where);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

struct agent *agent_start(const struct demo_snmp_conf *conf, struct counters *counters, struct err *e)
{
    int fd = listen_on(conf->listen, e);
    if (fd < 0)
        return NULL;
    struct agent *a = xcalloc(1, sizeof *a);
    a->fd = fd;
    a->start_ns = clock_mono_ns();
    a->mib = agent_mib_new(conf);
    a->counters = counters;
    if (thread_start(&a->thread, run, a, "demo agent"))
        return a;
    err_set(e, "cannot make a thread");
    agent_mib_free(a->mib);
    close(fd);
    free(a);
    return NULL;
}

void agent_stop(struct agent *a)
{
    if (!a)
        return;
    __atomic_store_n(&a->stop, true, __ATOMIC_RELAXED);
    pthread_join(a->thread, NULL);
    agent_mib_free(a->mib);
    close(a->fd);
    free(a);
}
