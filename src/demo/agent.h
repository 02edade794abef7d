/*
 * agent: the demo exporter's SNMP agent: its name and its interfaces for whoever asks with version 2c and community
 * "public". Read-only, and only what a collector of flows wants to know: system, ifTable, ifXTable.
 *
 * Owns one thread, which waits for questions.
 */
#pragma once
#include "base/counters.h"
#include "base/err.h"
#include "demo/demo_conf.h"

struct agent;

/* Listens where the configuration says; counts in the demo's counters (counters.def). Both must outlive the agent. */
struct agent *agent_start(const struct demo_snmp_conf *conf, struct counters *counters, struct err *e);
void agent_stop(struct agent *a); /* NULL is nothing */

/* What it knows: objects in the order of their names. */
struct agent_mib;
struct agent_mib *agent_mib_new(const struct demo_snmp_conf *conf);
void agent_mib_free(struct agent_mib *m);
/* Appends the answer to a message at `up_cs` hundredths of a second after the start; false: it deserves none. */
bool agent_answer(const struct agent_mib *m, struct str message, uint32_t up_cs, struct buf *out);
