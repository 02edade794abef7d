/*
 * remote: data fetched from URLs again and again: networks, exporters.
 *
 * struct remotes is the set of sources of one section (`network-sources`, an `exporter-sources`); the control thread makes,
 * configures and frees it. Each source has a thread of its own, which fetches all pages (fetch.h), hands the rows over with
 * take(), and keeps what was taken on disk: after a restart the last good rows are handed over at once, before the first
 * fetch. A fetch that fails changes nothing; it is tried again after a tenth of the interval, then twice that, up to the
 * interval.
 */
#pragma once
#include "base/err.h"
#include "enrich/enrich_conf.h"
#include <jansson.h>

struct remotes;

struct remotes_how {
    const char *kind; /* "networks": label of the counters, name of the files */
    const char *dir;  /* of the data; the files are in DIR/remote. NULL: nothing is kept */
    /*
     * In the source's thread: the rows of source `name` (an array, borrowed; json_incref to keep) replace those it gave
     * before. False with a reason refuses them all; those before stay in use.
     */
    bool (*take)(void *arg, const char *name, json_t *rows, struct err *e);
    /* In the control thread: the source is no longer configured. */
    void (*gone)(void *arg, const char *name);
    void *arg;
};

/* `how` is copied, its strings too. */
struct remotes *remotes_new(const struct remotes_how *how);
void remotes_free(struct remotes *r);
/*
 * Sources (struct enrich_remote_conf by name) as they shall be from now on: new ones are begun, those that are not there
 * any more stopped, changed ones fetched anew. `sources` must outlive it.
 */
void remotes_configure(struct remotes *r, const struct opt_map *sources);
/* Waits until each source has handed over rows once, `timeout_ns` at most or until *stop; whether all have. */
bool remotes_wait(struct remotes *r, uint64_t timeout_ns, const bool *stop);
/* How many sources failed last time; of one of them name and reason in why[room]. Any thread. */
size_t remotes_failing(struct remotes *r, char *why, size_t room);
