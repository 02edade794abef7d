/*
 * catalog: what the store holds right now: which tables of flows, since when, which dictionaries, and the border up to which
 * the rollups are complete.
 *
 * Rollups arrive a minute at a time, so their newest minutes lack what some partition has not delivered yet. The border is
 * the first minute in which the finest rollup and `flows` do not have the same number of packets: evidence rather than
 * a promise, right for any number of outlets, any lag, and for rollups made by views. Rows before the border are read from
 * rollups, rows from it on from `flows`: never both, so nothing counts twice.
 *
 * One object for the console; any thread may ask for a copy. When that is older than a few seconds one thread reads it again;
 * those that ask meanwhile get the last good one, and so does that thread when the store does not answer within two seconds.
 */
#pragma once
#include "query/pool.h"
#include "schema/schema.h"

enum { CATALOG_MAX = 8, CATALOG_NARROW_MAX = 32, CATALOG_LOOK_BACK_S = 600 };

struct query_table {
    char name[48];
    uint32_t resolution_s;   /* 1 for `flows` */
    uint32_t oldest, newest; /* seconds; 0: empty */
    uint64_t rows;
};

/* Sums by few columns beside a rollup (clickhouse.narrow-rollups). */
struct query_narrow {
    struct query_table table; /* oldest, newest: those of its rollup, where it has them too */
    uint32_t since;           /* it has every row from then on, none of them is sure before */
    bool has[COL_COUNT];      /* besides time, sampling rate and sums */
};

struct query_tables {
    struct query_table t[CATALOG_MAX]; /* finest first; [0] is `flows` */
    size_t n;
    struct query_narrow narrow[CATALOG_NARROW_MAX];
    size_t n_narrow;
    uint32_t border;                      /* rollups are complete before it; 0: nothing of them is */
    bool asns, protocols, tcp, udp, icmp; /* dictionaries there are */
    bool ledger, exporters;
    bool boundary; /* some interface has a boundary */
};

struct catalog;

struct catalog *catalog_new(struct query_pool *pool);
void catalog_free(struct catalog *t);
enum query_result catalog_get(struct catalog *t, const struct query_asker *asker, struct query_tables *out,
                              struct err *e);
/*
 * For those who can do without: what is known, looked at anew if the store answers within a moment. False when nothing is.
 * A store that hangs is not waited for.
 */
bool catalog_glance(struct catalog *t, struct query_tables *out);
/*
 * A narrow rollup by its name and the comment of its table, as orch/migrate.c writes it: "flows_5m0s_src_as" and
 * "weir 0123456789abcdef since 1764547200 by InIfBoundary, SrcAS". False: it is none, or says a column that is not known here.
 */
bool catalog_narrow(struct str name, struct str comment, struct query_narrow *n);
/* "flows" -> 1, "flows_1h0m0s" -> 3600, anything else 0. */
uint32_t catalog_resolution(struct str name);
