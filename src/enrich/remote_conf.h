/* remote_conf: the block of a remote data source, shared by networks and metadata. */
#pragma once
#include "enrich/enrich_conf.h"

extern const struct opt_table enrich_remote_table;
