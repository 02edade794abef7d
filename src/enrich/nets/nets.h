/*
 * nets: whom an address belongs to and where it is: configured networks, remote sources of them, GeoIP files.
 *
 * struct nets is made, configured and freed by the control thread. A thread of its own watches the files, builds the table
 * (nettable.h) anew when anything changed, and publishes it; sources hand their rows to it (remote/remote.h). enrich_nets fills
 * Src/DstNet*, Country, GeoCity, GeoState, and the candidates NetSrcAS and NetDstAS.
 */
#pragma once
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "enrich/source.h"

extern const struct source enrich_nets;

struct nets;

/* `dir`: of the data. Tables are published to `out`, which must outlive it. */
struct nets *nets_new(struct snapshot *out, const char *dir);
void nets_free(struct nets *n);
/*
 * Both must outlive it. False with a reason when a GeoIP file is neither optional nor there: at start nothing works then,
 * later the rest does.
 */
bool nets_configure(struct nets *n, const struct enrich_networks_conf *networks,
                    const struct enrich_geoip_conf *geoip, struct err *e);
/* Until a table with all there is was published: remote sources are waited for as long as the configuration says. */
void nets_wait(struct nets *n, const bool *stop);
/* How many sources and files are in trouble; about one of them in why[room]. Any thread. */
size_t nets_failing(struct nets *n, char *why, size_t room);
