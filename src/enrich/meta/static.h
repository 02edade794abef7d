/*
 * static: names and attributes of exporters and interfaces that stand in the configuration.
 *
 * The snapshot is built by the control thread from section metadata and replaced as a whole. The exporter is the longest
 * prefix that has its address. An interface that is not listed gets the exporter's `default`; one without a name has its
 * index as name, index 0 none. Of an exporter that is not listed nothing is known but these names.
 */
#pragma once
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "enrich/source.h"

extern const struct source enrich_static;

/* All providers of type static, earlier ones first. */
void static_publish(struct snapshot *s, const struct enrich_metadata_conf *conf);
