/* station_own: the station's state, for its own files: station.c (sessions), station_view.c (what others see), rib_file.c. */
#pragma once
#include "base/arena.h"
#include "enrich/route/bmp.h"
#include "enrich/route/rd.h"
#include "enrich/route/station.h"
#include <pthread.h>

struct session {
    struct session *next;
    int fd;
    struct ip address;
    uint16_t port;
    struct bmp *bmp;
    struct counters *counters;
    struct buf in;       /* bytes of a message that is not whole */
    uint64_t partial_ns; /* since when something is awaited; 0: nothing */
};

struct station {
    const struct enrich_routing_provider *conf;
    struct snapshot *view;
    uint64_t generation; /* of what was published last */
    char path[4096];
    struct rib rib;
    struct routers routers;
    struct bmp_env env;
    uint64_t *rds, *rts;
    struct route_vrf *vrfs;
    size_t n_vrfs;
    int listen_fd, epoll, wake;
    int spare; /* a descriptor held for sessions that have none left */
    uint16_t port;
    pthread_t thread;
    bool stop, ready;
    struct session *sessions;
    uint64_t n_sessions;
    struct counted {
        struct ip address;
        struct counters *counters;
    } * counted; /* one for each address that ever had a session */
    unsigned n_counted;
    struct counters *lookups;
    uint64_t tick_ns;
    bool changed;   /* since the file was written */
    bool uncounted; /* since routes were counted for the metrics */
    uint64_t saved_ns;
    pthread_t saver;
    bool saving, saved;   /* the saver's thread runs; it came to its end */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t answered;
    bool asked;        /* somebody waits for `status` */
    struct buf status; /* JSON */
    char trouble[256];
};

/* ---- station_view.c */

void station_publish(struct station *s);
/* Metrics, health, and what somebody asked for. */
void station_show(struct station *s);

/* ---- station_save.c */

void station_load(struct station *s);
/* Starts to write the file when it is time, and ends what was started. */
void station_save_tick(struct station *s, uint64_t now_ns);
/* Writes it, if something changed, before the station ends. */
void station_save_end(struct station *s);
