/*
 * One round: what epoll says, at most READ_AT_ONCE bytes of each session, a slice of what is to be removed, what is due. The
 * kernel's buffers are the queue; a router that sends faster than we read is slowed down by TCP and loses nothing.
 */
#include "enrich/route/station_own.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/http_listen.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    READ_AT_ONCE = 256 << 10,
    BUFFER_AT_FIRST = 16 << 10,
    TICK_MS = 500,
};

static bool stopping(const struct station *s)
{
    return __atomic_load_n(&s->stop, __ATOMIC_RELAXED);
}

/* ---- sessions */

static void watch(struct station *s, int fd, void *what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = what};
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* Of this address, made when it comes for the first time; they stay, since counters must not go back. */
static struct counters *counters_of(struct station *s, struct ip address)
{
    char text[IP_TEXT_MAX], labels[IP_TEXT_MAX + 16];
    for (unsigned i = 0; i < s->n_counted; i++)
        if (ip_eq(s->counted[i].address, address))
            return s->counted[i].counters;
    if (s->n_counted == ROUTERS_MAX)
        return s->counted[ROUTERS_MAX - 1].counters; /* the last one stands for all further ones */
    snprintf(labels, sizeof labels, "exporter=\"%s\"", ip_format(address, text));
    s->counted[s->n_counted].address = address;
    return s->counted[s->n_counted++].counters = counters_new(bmp_counter_defs, N_BMP_COUNTERS, labels);
}

static void keepalive(int fd)
{
    int on = 1, idle = 60, every = 15, times = 4;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

/* A session without a descriptor would be announced for ever: the spare one takes it, and ends it. */
static void refuse_one(struct station *s)
{
    if (s->spare >= 0)
        close(s->spare);
    int fd = accept(s->listen_fd, NULL, NULL);
    if (fd >= 0)
        close(fd);
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_warn("bmp", "session refused: no file descriptor is left (ulimit -n)", NULL);
}

static void accept_one(struct station *s)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    char text[IP_TEXT_MAX];
    int fd = accept4(s->listen_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        refuse_one(s);
    if (fd < 0)
        return;
    struct session *x = xcalloc(1, sizeof *x);
    x->fd = fd;
    x->address = ip_from_sockaddr((struct sockaddr *)&from, &x->port);
    x->counters = counters_of(s, x->address);
    if (s->n_sessions >= s->conf->max_sessions) {
        log_warn("bmp", "session refused: there are as many as max-sessions", "router",
                 ip_format(x->address, text), NULL);
        counter_add(x->counters, BMP_ERRORS, 1);
        close(fd);
        free(x);
        return;
    }
    keepalive(fd);
    x->bmp = bmp_new(&s->env, x->address, x->counters);
    x->partial_ns = clock_mono_ns();
    buf_init(&x->in, 0);
    buf_reserve(&x->in, BUFFER_AT_FIRST);
    x->next = s->sessions;
    s->sessions = x;
    s->n_sessions++;
    counter_add(x->counters, BMP_OPENED, 1);
    watch(s, fd, x);
    log_info("bmp", "session opened", "router", ip_format(x->address, text), "port", LOG_U64(x->port), NULL);
}

static void session_end(struct station *s, struct session *x, const char *why)
{
    char text[IP_TEXT_MAX];
    for (struct session **at = &s->sessions; *at; at = &(*at)->next)
        if (*at == x) {
            *at = x->next;
            break;
        }
    s->n_sessions--;
    log_info("bmp", "session closed", "router", ip_format(x->address, text), "reason", why, NULL);
    counter_add(x->counters, BMP_CLOSED, 1);
    counter_set(x->counters, BMP_PEERS, 0);
    bmp_free(x->bmp);
    close(x->fd);
    buf_fini(&x->in);
    free(x);
    s->changed = true;
}

static void session_wrong(struct station *s, struct session *x, const char *why)
{
    char text[IP_TEXT_MAX];
    counter_add(x->counters, BMP_ERRORS, 1);
    log_warn("bmp", "what the router sends is wrong", "router", ip_format(x->address, text), "reason", why,
             NULL);
    session_end(s, x, why);
}

/* What was read becomes routes; false: the session is over. */
static bool session_take(struct station *s, struct session *x)
{
    struct err e;
    size_t used;
    bool good = bmp_take(x->bmp, buf_str(&x->in), &used, &e);
    if (!good) {
        if (bmp_ended(x->bmp))
            session_end(s, x, e.msg);
        else
            session_wrong(s, x, e.msg);
        return false;
    }
    if (used) {
        memmove(x->in.p, x->in.p + used, x->in.len - used);
        x->in.len -= used;
    }
    if (x->in.len == 0 && !bmp_waits(x->bmp))
        x->partial_ns = 0;
    else if (used || !x->partial_ns)
        x->partial_ns = clock_mono_ns();
    return true;
}

static void session_read(struct station *s, struct session *x)
{
    for (size_t got = 0; got < READ_AT_ONCE;) {
        if (x->in.room == x->in.len)
            buf_reserve(&x->in,
                        x->in.room); /* bounded: bmp_take knows messages that are too long by their head */
        ssize_t n = recv(x->fd, x->in.p + x->in.len, x->in.room - x->in.len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            session_end(s, x, n == 0 ? "the router closed it" : strerror(errno));
            return;
        }
        x->in.len += (size_t)n;
        got += (size_t)n;
        counter_add(x->counters, BMP_BYTES, (uint64_t)n);
        s->changed = s->uncounted = true;
        if (!session_take(s, x))
            return;
    }
}

/* Those that began something and do not go on. */
static void end_slow_ones(struct station *s, uint64_t now)
{
    for (struct session *x = s->sessions, *next; x; x = next) {
        next = x->next;
        if (x->partial_ns && now > x->partial_ns + s->conf->message_timeout_ns)
            session_wrong(
                s, x, bmp_waits(x->bmp) ? "it never said who it is" : "a message was begun and not ended");
    }
}

/* ---- the thread */

static void due(struct station *s, uint64_t now)
{
    if (now < s->tick_ns)
        return;
    s->tick_ns = now + TICK_MS * 1000000ull;
    end_slow_ones(s, now);
    routers_tick(&s->routers, now);
    station_save_tick(s, now);
    station_show(s);
    pool_flush(&s->rib.pool);
    pool_flush(&s->rib.prefixes);
}

/* Somebody asked, or all is to end. */
static void woken(struct station *s)
{
    uint64_t n;
    if (read(s->wake, &n, sizeof n) == sizeof n)
        s->tick_ns = 0;
}

static void one_round(struct station *s)
{
    struct epoll_event ev[EVENTS];
    int wait = rib_sweeping(&s->rib) ? 0 : TICK_MS;
    snapshot_reader_away();
    int n = epoll_wait(s->epoll, ev, EVENTS, wait);
    snapshot_reader_back();
    for (int i = 0; i < n; i++) {
        if (ev[i].data.ptr == &s->listen_fd)
            accept_one(s);
        else if (ev[i].data.ptr == &s->wake)
            woken(s);
        else
            session_read(s, ev[i].data.ptr);
        snapshot_reader_quiet();
    }
    if (rib_sweeping(&s->rib) && rib_sweep_for(&s->rib, RIB_SLICE_NS) > 0)
        s->changed = s->uncounted = true;
    if (s->routers.changed)
        station_publish(s);
    due(s, clock_mono_ns());
}

static void *station_run(void *arg)
{
    struct station *s = arg;
    snapshot_reader_on();
    station_load(s);
    station_publish(s);
    s->uncounted = true;
    station_show(s);
    __atomic_store_n(&s->ready, true, __ATOMIC_RELEASE);
    while (!stopping(s))
        one_round(s);
    while (s->sessions)
        session_end(s, s->sessions, "stopping");
    station_save_end(s);
    snapshot_reader_off();
    return NULL;
}

/* ---- start and stop */

static bool parse_lists(struct station *s, struct err *e)
{
    const struct enrich_routing_provider *c = s->conf;
    s->rds = xcalloc(c->rds.n + 1, sizeof *s->rds);
    s->rts = xcalloc(c->rts.n + 1, sizeof *s->rts);
    for (size_t i = 0; i < c->rds.n; i++)
        if (!rd_parse(str_from(*OPT_ITEM(c->rds, const char *, i)), &s->rds[i]))
            return err_set(e, "routing.provider.rds: \"%s\" is no route distinguisher",
                           *OPT_ITEM(c->rds, const char *, i));
    for (size_t i = 0; i < c->rts.n; i++)
        if (!rd_parse_target(str_from(*OPT_ITEM(c->rts, const char *, i)), &s->rts[i]))
            return err_set(e, "routing.provider.rts: \"%s\" is no route target",
                           *OPT_ITEM(c->rts, const char *, i));
    return true;
}

static bool parse_vrfs(struct station *s, struct err *e)
{
    const struct opt_list *l = &s->conf->vrfs;
    s->vrfs = xcalloc(l->n + 1, sizeof *s->vrfs);
    for (size_t i = 0; i < l->n; i++) {
        const struct enrich_vrf_conf *c = OPT_ITEM(*l, struct enrich_vrf_conf, i);
        uint64_t rd;
        if (!rd_parse(str_from(c->rd), &rd))
            return err_set(e, "routing.provider.vrfs: \"%s\" is no route distinguisher", c->rd);
        if (!prefix_parse(str_from(c->exporters), &s->vrfs[i].exporters))
            return err_set(e, "routing.provider.vrfs: \"%s\" is no prefix", c->exporters);
        s->vrfs[i].id = (uint32_t)c->id;
        if (!rib_table(&s->rib, rd, true, &s->vrfs[i].table))
            return err_set(e, "routing.provider.vrfs: too many");
    }
    s->n_vrfs = l->n;
    return true;
}

static bool begin(struct station *s, struct err *e)
{
    if (!rib_init(&s->rib, s->conf->max_memory, e))
        return err_wrap(e, "routing.provider.max-memory");
    routers_init(&s->routers, &s->rib);
    if (!parse_lists(s, e) || !parse_vrfs(s, e))
        return false;
    s->env = (struct bmp_env){.routers = &s->routers,
                              .keep_ns = s->conf->keep_ns,
                              .rds = s->rds,
                              .rts = s->rts,
                              .n_rds = s->conf->rds.n,
                              .n_rts = s->conf->rts.n,
                              .asns = s->conf->collect_asns,
                              .paths = s->conf->collect_aspaths,
                              .communities = s->conf->collect_communities};
    s->listen_fd = http_listen("BMP", s->conf->listen, &s->port, e);
    if (s->listen_fd < 0)
        return err_wrap(e, "routing.provider.listen");
    if (s->conf->receive_buffer) {
        int size = s->conf->receive_buffer > INT32_MAX ? INT32_MAX : (int)s->conf->receive_buffer;
        setsockopt(s->listen_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* what it accepts has it too */
    }
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    watch(s, s->listen_fd, &s->listen_fd);
    watch(s, s->wake, &s->wake);
    return thread_start(&s->thread, station_run, s, "bmp") || err_set(e, "cannot make a thread");
}

static void station_free(struct station *s)
{
    int fds[] = {s->listen_fd, s->epoll, s->wake, s->spare};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (unsigned i = 0; i < s->n_counted; i++)
        counters_free(s->counted[i].counters);
    counters_free(s->lookups);
    if (s->routers.rib)
        routers_fini(&s->routers);
    if (s->rib.marks)
        rib_fini(&s->rib);
    buf_fini(&s->status);
    pthread_cond_destroy(&s->answered);
    pthread_mutex_destroy(&s->lock);
    free(s->counted);
    free(s->rds);
    free(s->rts);
    free(s->vrfs);
    free(s);
}

static const struct counter_def lookup_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "enrich/route/lookup_counters.def"
#undef X
};

struct station *station_start(const struct enrich_routing_provider *conf, const char *path,
                              struct snapshot *view, struct err *e)
{
    struct station *s = xcalloc(1, sizeof *s);
    s->conf = conf;
    s->view = view;
    s->listen_fd = s->epoll = s->wake = s->spare = -1;
    snprintf(s->path, sizeof s->path, "%s", path);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->answered, NULL);
    buf_init(&s->status, 0);
    s->lookups = counters_new(lookup_defs, N_LOOKUP_COUNTERS, "");
    s->counted = xcalloc(ROUTERS_MAX, sizeof *s->counted);
    s->saved_ns = clock_mono_ns();
    if (begin(s, e))
        return s;
    station_free(s);
    return NULL;
}

void station_stop(struct station *s)
{
    if (!s)
        return;
    __atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
    uint64_t one = 1;
    if (write(s->wake, &one, sizeof one) < 0)
        log_debug("bmp", "the station wakes up by itself", NULL);
    pthread_join(s->thread, NULL);
    snapshot_fini(s->view);
    station_free(s);
}

bool station_ready(const struct station *s)
{
    return __atomic_load_n(&s->ready, __ATOMIC_ACQUIRE);
}

uint16_t station_port(const struct station *s)
{
    return s->port;
}
