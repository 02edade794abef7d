/*
 * outlet: bus -> flows in the store; what role outlet runs, and `weir bench` measures.
 *
 * One control thread calls these; workers, store threads and the one that waits for the bus are its own.
 */
#pragma once
#include "main/config.h"
#include "enrich/route/station.h"
#include "main/outlet/worker.h"

struct outlet;

/*
 * The configuration must outlive it. `way`: NULL for the store of the configuration; `bus`: NULL for that of the
 * configuration, else the outlet frees it.
 */
struct outlet *outlet_new(const struct config_outlet *conf, const char *data_dir,
                          const struct insert_way *way, struct bus_reader *bus, struct err *e);
/* Names, rates and the sizes of slots change to those of `conf`. */
void outlet_reload(struct outlet *o, const struct config_outlet *conf);
/* Nothing that is open is flushed: it is read again. */
void outlet_free(struct outlet *o);

struct outlet_tap *outlet_tap_of(struct outlet *o);
/* How the names of exporters and interfaces stand. */
void outlet_metadata(struct outlet *o, struct metadata_status *s);
/* As metadata_ask. */
bool outlet_ask(struct outlet *o, struct ip exporter, uint32_t index);
struct station *outlet_station(struct outlet *o); /* NULL: no routes are received */
/* "" or what the outlet still waits for before it reads; why[256]. */
void outlet_waiting_for(struct outlet *o, char *why);
struct outlet_lag {
    uint64_t records, seconds; /* on the bus and not read; how old the one read last is */
};
struct outlet_lag outlet_lag(struct outlet *o);
/* As metadata_failing and nets_failing. */
size_t outlet_metadata_failing(struct outlet *o, char *why, size_t room);
size_t outlet_networks_failing(struct outlet *o, char *why, size_t room);
/* As inserter_stuck_since. */
uint64_t outlet_stuck_since(struct outlet *o, char *why);

struct outlet_totals {
    uint64_t datagrams, flows, rejected;
    uint64_t rolled;       /* rows of rollups, stored or on their way */
    uint64_t blocks, rows; /* stored, of all tables */
};
void outlet_totals(struct outlet *o, struct outlet_totals *t);
