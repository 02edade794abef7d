/*
 * migrate: makes the database what a plan says, by steps that look first and act only on a difference.
 *
 * One thread. Every run is complete by itself and may be repeated; a run that fails half-way is taken up by the next.
 */
#pragma once
#include "orch/tables.h"
#include "store/ch.h"

struct migrate_result {
    unsigned applied, skipped; /* steps */
    enum ch_failure failure;   /* CH_OK: all is as planned */
    struct err why;
    struct err notes; /* what differs and cannot be changed, or "" */
};

/*
 * conf: url, schema, clickhouse, database and cluster are used, shards is found out. `ch` must be a client without a
 * database of its own ("default"), as the database may have to be made.
 */
void migrate_run(struct ch *ch, const struct tables_conf *conf, struct migrate_result *r);
/*
 * One cheap question between runs: the names of tables, views and dictionaries of the plan that are not there, with commas.
 * False when ClickHouse did not answer it.
 */
bool migrate_missing(struct ch *ch, const struct tables_conf *conf, struct buf *names);
