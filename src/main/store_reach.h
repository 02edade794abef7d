/* store_reach: where tools that ask the store find it. One thread. */
#pragma once
#include "main/config.h"

struct store_reach {
    struct config loaded; /* what `db` points into */
    bool has_loaded;
    struct ch_conf db;
    const char *no_password_in; /* NULL, or the data directory that has no password of the store */
};

/*
 * The servers of clickhousedb in that configuration; NULL: this machine's store. The embedded store's password is taken
 * from the data directory when the configuration has none.
 */
bool store_reach(struct store_reach *r, const char *config, const char *data_dir, struct arena *a,
                 struct err *e);
/* After a failure: the store's message, and what to do when it is for want of that password. */
void store_reach_explain(const struct store_reach *r, struct err *e);
void store_reach_fini(struct store_reach *r);
