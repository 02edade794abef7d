/*
 * rewind: stored flows decoded and completed again from what the spool still holds, with today's configuration.
 *
 *   spool --outlet of its own--> tables rewind_X beside each table X --compared, then swapped--> the tables
 *
 * One thread, but for the outlet's own.
 */
#pragma once
#include "base/ip.h"
#include "main/rewind/bus.h"
#include "main/rewind/span.h"
#include "main/store_reach.h"
#include "orch/tables.h"
#include <jansson.h>

#define REWIND_PREFIX "rewind_"
#define REWIND_NEW_LEDGER REWIND_PREFIX "ledger_decoded"

/* Receive threads put datagrams on the bus a little out of order. */
enum { REWIND_MARGIN_S = 10 };

struct rewind {
    struct arena arena;
    struct store_reach reach;
    const struct config_outlet *outlet;
    const char *data_dir, *dir; /* the installation's; its folder for what the outlet of our own keeps */
    struct schema schema;
    struct tables_plan plan; /* what tables there are */
    bool planned;
    struct ch *ch;
    struct bus_reader *log;
    uint64_t late_s; /* how long after their time flows may come */
    struct rewind_span span;
    bool by_exporter;
    struct prefix exporter;
    const char *where; /* SQL: rows of the span and exporters */
    const char *when;  /* SQL: rows of the span */
    bool quiet;        /* no progress */
};

/* ---- sql.c */

/* Rows as arrays of texts; NULL: it failed, and why. */
json_t *rewind_ask(struct rewind *r, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool rewind_do(struct rewind *r, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The first cell of the first row; 0 when there is none. */
bool rewind_number(struct rewind *r, uint64_t *n, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
const char *rewind_cell(const json_t *row, size_t column);
uint64_t rewind_u64(const json_t *row, size_t column);
/* Sets r->where and r->when from span and exporters. */
void rewind_where(struct rewind *r);
/*
 * Which rows of a table are replaced: those of the span and exporters; in a narrow rollup, which may not know exporters, those of
 * the span.
 */
const char *rewind_where_of(const struct rewind *r, const char *table);

/* ---- stage.c: the tables beside the tables */

/* What goes into them: table X of flows, rollups and the ledger, in the order in which they are swapped; NULL at the end. */
const char *rewind_table(const struct rewind *r, size_t n);
bool rewind_stage_make(struct rewind *r, struct err *e);
/* After the replay: rows of other times and exporters go, coarser rollups and the ledger follow. */
bool rewind_stage_complete(struct rewind *r, struct err *e);
bool rewind_stage_drop(struct rewind *r, struct err *e);

/* ---- replay.c */

/* From the spool into the staged tables. */
bool rewind_replay(struct rewind *r, struct err *e);

/* ---- diff.c */

struct rewind_sums {
    uint64_t rows, bytes, packets; /* as exporters counted them */
    uint64_t traffic;              /* bytes times the sampling rate */
};
struct rewind_diff {
    struct rewind_sums stored, staged; /* of all exporters */
    json_t *exporters, *columns;
    uint64_t one_in; /* flows compared: all of them, or one in so many */
    char less[256];  /* "" or what there is less of than before */
};

bool rewind_diff_make(struct rewind *r, struct rewind_diff *d, struct err *e);
void rewind_diff_fini(struct rewind_diff *d);
void rewind_diff_print(const struct rewind *r, const struct rewind_diff *d, bool as_json);
/* Sums of flows in the span, of table `table`. */
bool rewind_sums(struct rewind *r, const char *table, struct rewind_sums *s, struct err *e);

/* ---- swap.c */

/* Puts the staged rows in place of the stored ones. What was begun stands in DATA/rewind.swap until it is done. */
bool rewind_swap(struct rewind *r, struct err *e);
/* One that was begun and not finished: its span and exporters become r's. False without a message: there is none. */
bool rewind_swap_left(struct rewind *r, struct err *e);
/* Goes on with that. */
bool rewind_swap_finish(struct rewind *r, struct err *e);
