/* One table of slots; a look-up's thread writes its slot and wakes all who wait. Whoever comes last frees the table. */
#include "api/names.h"
#include "base/arena.h"
#include "base/clock.h"
#include "schema/learnt.h"
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SECOND_NS UINT64_C(1000000000)

enum { WAYS = 8, STACK = 256 << 10 };

/* A name is good for an hour, that there is none for ten minutes, that nobody could say for one. */
static const uint64_t good_ns[] = {3600 * SECOND_NS, 600 * SECOND_NS, 60 * SECOND_NS};
enum state { EMPTY, RUNNING, KNOWN, NAMELESS, UNKNOWN };

struct slot {
    struct ip address;
    enum state state;
    uint64_t until_ns, asked_ns;
    char name[NAMES_TEXT];
};

struct names {
    pthread_mutex_t lock;
    pthread_cond_t news;
    unsigned users, running; /* users: the owner and all threads */
    struct slot slots[NAMES_KEPT];
};

struct names *names_new(void)
{
    struct names *n = xcalloc(1, sizeof *n);
    pthread_condattr_t attr;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&n->news, &attr);
    pthread_condattr_destroy(&attr);
    n->users = 1;
    return n;
}

/* Unlocks. */
static void leave(struct names *n)
{
    bool last = --n->users == 0;
    pthread_mutex_unlock(&n->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->news);
    free(n);
}

void names_free(struct names *n)
{
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    leave(n);
}

/* ---- slots: any of the eight that an address may be in */

static struct slot *row_of(struct names *n, struct ip a)
{
    uint64_t h = (a.q[0] * UINT64_C(0x9e3779b97f4a7c15)) ^ a.q[1];
    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return &n->slots[(h >> 32) % (NAMES_KEPT / WAYS) * WAYS];
}

/* NULL when all that it could have are being looked up. */
static struct slot *slot_of(struct names *n, struct ip a)
{
    struct slot *row = row_of(n, a), *oldest = NULL;
    for (int i = 0; i < WAYS; i++)
        if (row[i].state != EMPTY && ip_eq(row[i].address, a))
            return &row[i];
    for (int i = 0; i < WAYS; i++)
        if (row[i].state != RUNNING && (!oldest || row[i].asked_ns < oldest->asked_ns))
            oldest = &row[i];
    if (oldest)
        *oldest = (struct slot){.address = a};
    return oldest;
}

/* ---- look-ups */

static enum state look_up(struct ip a, char name[NAMES_TEXT])
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    char found[1025], room[LEARNT_TEXT];
    memcpy(&v6.sin6_addr, a.b, 16);
    memcpy(&v4.sin_addr, a.b + 12, 4);
    bool is_v4 = ip_is_v4(a);
    int rc = getnameinfo(is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                         is_v4 ? sizeof v4 : sizeof v6, found, sizeof found, NULL, 0, NI_NAMEREQD);
    if (rc != 0)
        return rc == EAI_NONAME ? NAMELESS : UNKNOWN;
    struct str s = learnt_text(str_from(found), room); /* whoever owns the address says what it is called */
    snprintf(name, NAMES_TEXT, "%.*s", STR_ARG(s));
    return s.len ? KNOWN : NAMELESS;
}

struct job {
    struct names *n;
    struct slot *slot;
    struct ip address;
};

static void *run(void *arg)
{
    struct job j = *(struct job *)arg;
    char name[NAMES_TEXT] = "";
    free(arg);
    enum state state = look_up(j.address, name);
    pthread_mutex_lock(&j.n->lock);
    memcpy(j.slot->name, name, sizeof name);
    j.slot->state = state;
    j.slot->until_ns = clock_mono_ns() + good_ns[state - KNOWN];
    j.n->running--;
    pthread_cond_broadcast(&j.n->news);
    leave(j.n);
    return NULL;
}

/* False when no more can run. */
static bool begin(struct names *n, struct slot *s, struct ip address)
{
    if (n->running == NAMES_AT_ONCE)
        return false;
    struct job *j = xmalloc(sizeof *j);
    pthread_attr_t attr;
    pthread_t thread;
    *j = (struct job){n, s, address};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK);
    bool ok = pthread_create(&thread, &attr, run, j) == 0;
    pthread_attr_destroy(&attr);
    if (!ok) {
        free(j);
        return false;
    }
    s->state = RUNNING;
    n->running++;
    n->users++;
    return true;
}

/* With the lock held. */
static enum names_answer ask(struct names *n, struct ip a, uint64_t wait_ns, char to[NAMES_TEXT])
{
    uint64_t now = clock_mono_ns(), end = now + wait_ns;
    const struct timespec until = {(time_t)(end / SECOND_NS), (long)(end % SECOND_NS)};
    struct slot *s = slot_of(n, a);
    if (!s)
        return NAMES_BUSY;
    s->asked_ns = now;
    bool stale = s->state == EMPTY || (s->state != RUNNING && s->until_ns <= now);
    if (stale && !begin(n, s, a)) {
        s->state = EMPTY;
        return NAMES_BUSY;
    }
    while (s->state == RUNNING)
        if (pthread_cond_timedwait(&n->news, &n->lock, &until) != 0)
            break;
    if (!ip_eq(s->address, a) || s->state == RUNNING || s->state == EMPTY) /* or another's by now */
        return NAMES_PENDING;
    memcpy(to, s->name, NAMES_TEXT);
    return s->state == KNOWN ? NAMES_FOUND : s->state == NAMELESS ? NAMES_NONE : NAMES_PENDING;
}

enum names_answer names_ask(struct names *n, struct ip address, uint64_t wait_ns, char to[NAMES_TEXT])
{
    to[0] = '\0';
    pthread_mutex_lock(&n->lock);
    enum names_answer r = ask(n, address, wait_ns, to);
    pthread_mutex_unlock(&n->lock);
    return r;
}
