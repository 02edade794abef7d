/* The file of the RIB: read before anything else, written every few minutes by a thread of its own, and at the end. */
#include "enrich/route/rib_file.h"
#include "enrich/route/station_own.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include <stdlib.h>
#include <stdio.h>

#define SECOND_NS 1000000000ull
#define SAVE_EVERY_NS (300 * SECOND_NS)
enum { MAX_AGE_S = 86400 };

void station_load(struct station *s)
{
    struct err e = {""};
    uint64_t began = clock_mono_ns(), routes;
    if (!s->path[0])
        return;
    if (!rib_file_read(&s->routers, s->path, MAX_AGE_S, began + s->conf->keep_ns, &routes, &e))
        log_warn("bmp", "the routes of last time are not used", "reason", e.msg, NULL);
    if (routes)
        log_info("bmp", "routes of last time", "routes", LOG_U64(routes), "milliseconds",
                 LOG_U64((clock_mono_ns() - began) / 1000000u), NULL);
}

struct save {
    struct station *s;
    struct rib_file_peers *peers;
};

static void *save_run(void *arg)
{
    struct save *save = arg;
    struct station *s = save->s;
    struct err e = {""};
    snapshot_reader_on();
    if (!rib_file_write(&s->rib, save->peers, s->path, &s->stop, &e) &&
        !__atomic_load_n(&s->stop, __ATOMIC_RELAXED))
        log_warn("bmp", "routes cannot be kept for the next start", "reason", e.msg, NULL);
    snapshot_reader_off();
    rib_file_peers_free(save->peers);
    free(save);
    __atomic_store_n(&s->saved, true, __ATOMIC_RELEASE);
    return NULL;
}

void station_save_tick(struct station *s, uint64_t now)
{
    if (s->saving) {
        if (!__atomic_load_n(&s->saved, __ATOMIC_ACQUIRE))
            return;
        pthread_join(s->saver, NULL);
        s->saving = false;
        s->saved_ns = now;
        return;
    }
    if (!s->path[0] || !s->changed || now < s->saved_ns + SAVE_EVERY_NS)
        return;
    struct save *save = xcalloc(1, sizeof *save);
    *save = (struct save){s, rib_file_peers(&s->routers)};
    s->changed = false;
    s->saved = false;
    s->saving = thread_start(&s->saver, save_run, save, "routes save");
    if (!s->saving) {
        rib_file_peers_free(save->peers);
        free(save);
    }
}

void station_save_end(struct station *s)
{
    struct err e = {""};
    if (s->saving)
        pthread_join(s->saver, NULL);
    if (!s->path[0] || !s->changed)
        return;
    struct rib_file_peers *peers = rib_file_peers(&s->routers);
    if (!rib_file_write(&s->rib, peers, s->path, NULL, &e))
        log_warn("bmp", "routes cannot be kept for the next start", "reason", e.msg, NULL);
    rib_file_peers_free(peers);
}
