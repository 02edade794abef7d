/*
 * engine_chdb: ClickHouse itself as a library (libchdb), loaded at run time by this role only.
 *
 * Never under AddressSanitizer (the library brings its own allocator). Once per process. The thread that calls
 * engine_chdb_new, and all threads it and its children start, are the engine's: what confines that thread confines it.
 */
#pragma once
#include "base/arena.h"
#include "store/embedded/engine.h"

struct engine_chdb_conf {
    const char *library; /* path of libchdb.so */
    const char *path;    /* absolute; the data directory, exclusively ours */
    uint64_t max_memory; /* bytes of the whole engine, 0: its own default */
    uint64_t mark_cache; /* bytes */
    unsigned background; /* threads that merge */
};

const struct engine *engine_chdb_new(const struct engine_chdb_conf *conf, struct err *e);
/* All sessions must be closed. */
void engine_chdb_free(const struct engine *en);
/* Where the library is: $WEIR_LIBCHDB, beside the program, or the cache that script/setup fills. NULL: nowhere. */
const char *engine_chdb_find(struct arena *a);
