/*
 * sources: exporters that static providers fetch from URLs (exporter-sources), beside those of the configuration.
 *
 * The control thread makes, configures and frees it, holding no lock that `changed` takes: that is called in a source's
 * thread. Tables are anybody's to make.
 */
#pragma once
#include "base/err.h"
#include "enrich/meta/static.h"

struct meta_sources;

/* `dir`: of the data, where the last good rows are kept. */
struct meta_sources *meta_sources_new(const char *dir, void (*changed)(void *arg), void *arg);
void meta_sources_free(struct meta_sources *s); /* NULL is nothing */
void meta_sources_configure(struct meta_sources *s, const struct enrich_metadata_conf *conf);
/* Until all have handed over something, as long as their providers say, or until *stop. */
void meta_sources_wait(struct meta_sources *s, const struct enrich_metadata_conf *conf, const bool *stop);
/* How many sources fail now, and why the first of them does. NULL has none. */
size_t meta_sources_failing(struct meta_sources *s, char *why, size_t room);
/*
 * Table of the ordinal-th provider of type static: its own exporters, then what was fetched for it; of the same prefix the
 * first counts, with all its attributes. `s` may be NULL.
 */
struct static_table *meta_sources_table(struct meta_sources *s, unsigned ordinal,
                                        const struct opt_subnetmap *own);
