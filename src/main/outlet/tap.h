/*
 * outlet_tap: flows as JSON lines for who asks (GET /api/v0/outlet/flows?limit=N); best effort, for debugging.
 *
 * Costs nothing while nobody asks: one load per batch. Workers fill a bounded text under a lock; a full one drops flows.
 */
#pragma once
#include "enrich/enrich.h"
#include "net/http_server.h"

struct outlet_tap;

struct outlet_tap *tap_new(const struct schema *schema);
void tap_free(struct outlet_tap *t);
bool tap_wanted(const struct outlet_tap *t);
/* The batch's rows, as many as are still wanted. */
void tap_put(struct outlet_tap *t, const struct batch *b, const struct enricher *r);
/* Answers the call; t may be NULL (503). */
void tap_flows(struct http_call *call, struct outlet_tap *t);
