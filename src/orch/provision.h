/*
 * provision: keeps ClickHouse as the configuration wants it, on a thread of its own: migrates at the start, after each
 * change, and now and then (somebody may have exchanged the server); looks twice a minute whether something was dropped;
 * tries again while ClickHouse is away.
 */
#pragma once
#include "base/err.h"
#include "orch/orch_conf.h"
#include "schema/schema.h"
#include "store/ch.h"

struct provision;

struct provision_conf {
    const struct orch_clickhouse_conf *clickhouse;
    const struct ch_conf *clickhousedb;
    const struct schema *schema;
    const char *http_listen; /* of the orchestrator, to tell ClickHouse where its dictionaries are */
};

/* All that conf points to must stay for good. */
struct provision *provision_new(const struct provision_conf *conf, struct err *e);
void provision_change(struct provision *p, const struct provision_conf *conf);
void provision_free(struct provision *p);
/* "ok", "warning" or "error", and why. Any thread. */
const char *provision_health(struct provision *p, char *why, size_t room);
/* The URL ClickHouse is told, as found out from `listen` and a server ("http://ch1:8123"). */
bool provision_url(const char *listen, const char *server, char *url, size_t room, struct err *e);
