/*
 * geofiles: the GeoIP databases of the configuration and the copies that are worked with.
 *
 * What an operator (or a tool of theirs) puts at a path may be rewritten at any time, so it is copied into the data
 * directory first, and checked there from end to end; only then does it take the place of the former copy. A file that is
 * bad or gone changes nothing, also across a restart. One thread.
 */
#pragma once
#include "enrich/enrich_conf.h"

struct geofiles;

enum { GEOFILES_MOST = 2000 }; /* MiB of a database */

/* `dir`: of the data; copies are in DIR/geoip. */
struct geofiles *geofiles_new(const char *dir);
void geofiles_free(struct geofiles *f);
/* What is not configured any more is forgotten, its copy too. False with a reason when a file is neither optional nor there. */
bool geofiles_configure(struct geofiles *f, const struct enrich_geoip_conf *conf, struct err *e);
/*
 * Looks at each; takes those that changed since they were taken, once they have not changed for one look. Whether any was
 * taken. *stop ends it.
 */
bool geofiles_poll(struct geofiles *f, const bool *stop);
/* Reads a database from end to end; false with a reason, also when it has nothing of what it is there for. */
bool geofiles_check(const char *path, bool is_asn, const bool *stop, struct err *e);
/* The i-th usable copy, in the order of the configuration, AS numbers first; NULL at the end. */
const char *geofiles_copy(const struct geofiles *f, size_t i, bool *is_asn);
/* How many are bad or missing; of one of them what is the matter in why[room]. */
size_t geofiles_failing(const struct geofiles *f, char *why, size_t room);
