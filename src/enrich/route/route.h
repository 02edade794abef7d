/*
 * route: what routers' routes say about a flow: origin AS, prefix length, next hop, AS path, communities.
 *
 * The snapshot is a struct route_view (station.h), published by the station's thread; without one nothing is filled.
 */
#pragma once
#include "enrich/source.h"

extern const struct source enrich_route;
