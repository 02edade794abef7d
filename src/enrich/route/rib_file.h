/*
 * rib_file: the RIB in a file, so that an outlet that starts has routes before its routers are back.
 *
 * A file is replaced as a whole, and believed only when it is whole: its end has a checksum over all of it. Written by any
 * registered reader of base/snapshot.h while the RIB's own thread goes on; each route is as it was at some moment of the
 * writing.
 */
#pragma once
#include "enrich/route/routers.h"

/* Copies of what the station's thread owns, for who writes. */
struct rib_file_peers {
    struct router *router;
    struct source_info *info;
    struct rib_source *sources;
    uint32_t n_routers, n_sources;
};

struct rib_file_peers *rib_file_peers(const struct routers *r);
void rib_file_peers_free(struct rib_file_peers *p);

/* `stop` (may be NULL) ends it early, without a file. */
bool rib_file_write(const struct rib *rib, const struct rib_file_peers *peers, const char *path,
                    const bool *stop, struct err *e);
/*
 * Puts routers and routes into an empty RIB: as those of sessions that are over, kept until `deadline_ns`. *routes says how
 * many. A file that is missing is no error; one older than max_age_s, or of another format, is left alone with a reason.
 */
bool rib_file_read(struct routers *r, const char *path, uint64_t max_age_s, uint64_t deadline_ns,
                   uint64_t *routes, struct err *e);
