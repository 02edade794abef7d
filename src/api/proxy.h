/*
 * proxy: under `weir run` the console answers for the other roles' metrics, version and health.
 *
 * WEIR_ROLES names them: "inlet=127.0.0.1:8082 outlet=127.0.0.1:8083". Constant after proxy_new; any thread.
 */
#pragma once
#include "base/err.h"

struct proxy;

/* NULL when the variable is not set: the console then answers for itself only. */
struct proxy *proxy_new(void);
void proxy_free(struct proxy *p);
