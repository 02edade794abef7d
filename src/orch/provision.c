/* A loop around migrate_run with a growing pause after failures. */
#include "orch/provision.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "orch/migrate.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_PAUSE_MS = 250, LONGEST_PAUSE_MS = 60000, LOOK_MS = 30000, LOOKS_PER_RUN = 20 };

struct provision {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct provision_conf conf;
    bool stop, changed;
    uint64_t began_ns; /* for a moment a store that starts beside us is no news */
    const char *status;
    char why[256];
};

/* ---- where ClickHouse reaches us */

static bool is_any(struct str host)
{
    return host.len == 0 || str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("[::]")) ||
           str_eq(host, STR("*"));
}

/* Our address on the way to the server: that of a UDP socket connected to it; nothing is sent. */
static bool address_toward(const char *server, struct ip *out, struct err *e)
{
    char host[256], port[16] = "8123";
    const char *p = strstr(server, "://");
    p = p ? p + 3 : server;
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *ai;
    if (!(sscanf(p, "[%255[^]]]:%15[0-9]", host, port) >= 1 ||
          sscanf(p, "%255[^:/]:%15[0-9]", host, port) >= 1))
        return err_set(e, "%s has no host", server);
    int rc = getaddrinfo(host, port, &hints, &ai);
    if (rc != 0)
        return err_set(e, "%s: %s", host, gai_strerror(rc));
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    int fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
              getsockname(fd, (struct sockaddr *)&ss, &len) == 0;
    if (ok)
        *out = ip_from_sockaddr((struct sockaddr *)&ss, &(uint16_t){0});
    else
        err_errno(e, "no way to %s", host);
    if (fd >= 0)
        close(fd);
    freeaddrinfo(ai);
    return ok;
}

bool provision_url(const char *listen, const char *server, char *url, size_t room, struct err *e)
{
    const char *colon = strrchr(listen, ':');
    struct str host = {listen, colon ? (size_t)(colon - listen) : 0};
    char text[IP_TEXT_MAX];
    struct ip ip;
    const char *port = colon ? colon + 1 : "8080";
    if (!is_any(host)) {
        snprintf(url, room, "http://%.*s:%s", STR_ARG(host), port);
        return true;
    }
    if (!address_toward(server, &ip, e))
        return false;
    ip_format(ip, text);
    snprintf(url, room, ip_is_v4(ip) ? "http://%s:%s" : "http://[%s]:%s", text, port);
    return true;
}

/* ---- the thread */

static void say(struct provision *p, const char *status, const char *why)
{
    pthread_mutex_lock(&p->lock);
    p->status = status;
    snprintf(p->why, sizeof p->why, "%.*s", (int)sizeof p->why - 1, why);
    pthread_mutex_unlock(&p->lock);
}

static bool find_url(const struct provision_conf *conf, const struct ch *ch, char *url, size_t room,
                     struct err *e)
{
    const char *given = conf->clickhouse->orchestrator_url;
    if (!given || !given[0])
        return provision_url(conf->http_listen, ch_server(ch), url, room, e);
    size_t n = strlen(given);
    while (n && given[n - 1] == '/')
        n--;
    snprintf(url, room, "%.*s", (int)n, given);
    return true;
}

static void reload_dictionary(struct ch *ch, const char *database, const char *prefix, const char *name)
{
    char sql[300];
    struct err ignored; /* it keeps what it has, and is asked for again in its time */
    snprintf(sql, sizeof sql, "SYSTEM RELOAD DICTIONARY %s.%s%s", database, prefix, name);
    ch_query(ch, &(struct ch_query){.sql = sql}, NULL, &ignored);
}

static void reload_dictionaries(struct ch *ch, const struct provision_conf *conf)
{
    const struct opt_map *custom = conf->schema->dictionaries;
    reload_dictionary(ch, conf->clickhousedb->database, "", "asns");
    for (size_t i = 0; custom && i < custom->n; i++)
        reload_dictionary(ch, conf->clickhousedb->database, "custom_dict_", custom->keys[i]);
}

/* One run; false when it is to be tried again soon. */
static bool run(struct provision *p, const struct provision_conf *conf, bool changed)
{
    struct ch_conf db = *conf->clickhousedb;
    struct migrate_result r = {.failure = CH_AWAY};
    char url[400];
    db.database = "default"; /* ours may not be there yet */
    struct ch *ch = ch_new(&db);
    if (find_url(conf, ch, url, sizeof url, &r.why)) {
        const struct tables_conf tables = {.schema = conf->schema,
                                           .clickhouse = conf->clickhouse,
                                           .database = conf->clickhousedb->database,
                                           .cluster = conf->clickhousedb->cluster,
                                           .url = url};
        migrate_run(ch, &tables, &r);
        if (r.failure == CH_OK && changed)
            reload_dictionaries(ch, conf);
    }
    ch_free(ch);
    if (r.failure == CH_OK) {
        if (r.applied)
            log_info("provision", "ClickHouse is as configured", "applied", LOG_U64(r.applied), "skipped",
                     LOG_U64(r.skipped), NULL);
        if (r.notes.msg[0])
            log_warn("provision", "some differences stay", "which", r.notes.msg, NULL);
        say(p, "ok", r.notes.msg);
        return true;
    }
    say(p, r.failure == CH_PERMANENT ? "error" : "warning", r.why.msg);
    if (r.failure != CH_AWAY || clock_mono_ns() - p->began_ns > UINT64_C(5000000000))
        log_warn("provision",
                 r.failure == CH_AWAY ? "ClickHouse is away" : "ClickHouse could not be made ready", "reason",
                 r.why.msg, NULL);
    return false;
}

static void pause_ms(struct provision *p, unsigned ms)
{
    uint64_t at = clock_wall_ns() + ms * UINT64_C(1000000);
    struct timespec until = {(time_t)(at / 1000000000), (long)(at % 1000000000)};
    while (!p->stop && !p->changed && pthread_cond_timedwait(&p->wake, &p->lock, &until) == 0)
        ;
}

static bool is_missing(const struct provision_conf *conf)
{
    struct ch_conf db = *conf->clickhousedb;
    struct buf names;
    db.database = "default";
    buf_init(&names, 1 << 16);
    struct ch *ch = ch_new(&db);
    const struct tables_conf tables = {.schema = conf->schema,
                                       .clickhouse = conf->clickhouse,
                                       .database = conf->clickhousedb->database,
                                       .cluster = conf->clickhousedb->cluster,
                                       .url = ""};
    bool missing = migrate_missing(ch, &tables, &names) && names.len > 0;
    buf_u8(&names, 0);
    if (missing)
        log_warn("provision", "somebody dropped what the database is to hold; it is made again", "which",
                 (const char *)names.p, NULL);
    ch_free(ch);
    buf_fini(&names);
    return missing;
}

/* After a run: until the next one is due, or needed. Returns with the lock held, as it is called. */
static void rest(struct provision *p)
{
    for (unsigned i = 0; i < LOOKS_PER_RUN; i++) {
        struct provision_conf conf = p->conf;
        pause_ms(p, LOOK_MS);
        if (p->stop || p->changed)
            return;
        pthread_mutex_unlock(&p->lock);
        bool missing = !conf.clickhouse->skip_migrations && is_missing(&conf);
        pthread_mutex_lock(&p->lock);
        if (missing)
            return;
    }
}

static void *provisioner(void *arg)
{
    struct provision *p = arg;
    unsigned pause = FIRST_PAUSE_MS;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct provision_conf conf = p->conf;
        bool changed = p->changed;
        p->changed = false;
        pthread_mutex_unlock(&p->lock);
        bool done = conf.clickhouse->skip_migrations || run(p, &conf, changed);
        pthread_mutex_lock(&p->lock);
        if (done)
            rest(p);
        else
            pause_ms(p, pause);
        if (done || p->changed)
            pause = FIRST_PAUSE_MS;
        else
            pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct provision *provision_new(const struct provision_conf *conf, struct err *e)
{
    struct provision *p = xcalloc(1, sizeof *p);
    p->began_ns = clock_mono_ns();
    p->conf = *conf;
    p->status = conf->clickhouse->skip_migrations ? "ok" : "warning";
    snprintf(p->why, sizeof p->why, "%s",
             conf->clickhouse->skip_migrations ? "" : "ClickHouse has not been looked at yet");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    if (thread_start(&p->thread, provisioner, p, "provision"))
        return p;
    err_errno(e, "a thread");
    free(p);
    return NULL;
}

void provision_change(struct provision *p, const struct provision_conf *conf)
{
    pthread_mutex_lock(&p->lock);
    p->conf = *conf;
    p->changed = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

void provision_free(struct provision *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p);
}

const char *provision_health(struct provision *p, char *why, size_t room)
{
    pthread_mutex_lock(&p->lock);
    const char *status = p->status;
    snprintf(why, room, "%s", p->why);
    pthread_mutex_unlock(&p->lock);
    return status;
}
